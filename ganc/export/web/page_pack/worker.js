// Runs models beside the page, so that the page never stops while one computes.
// In: {id, file, feeds: {name: [type, values, shape]}}. Out: {id, values, shape, ms, device} or {id, error}.

const BUILDS = {
  webgpu: "./runtime/ort.webgpu.min.mjs",
  wasm: "./runtime/ort.wasm.min.mjs",
};
const asked = new URL(self.location).searchParams.get("device");
let engine = choose();
let turn = Promise.resolve();

async function choose() {
  if (asked !== "wasm" && (await self.navigator.gpu?.requestAdapter().catch(() => null))) return load("webgpu");
  return load("wasm");
}

async function load(device) {
  const ort = await import(BUILDS[device]);
  ort.env.wasm.wasmPaths = new URL("./runtime/", import.meta.url).href;
  ort.env.logLevel = "error";
  return { ort, device, sessions: new Map() };
}

async function compute({ ort, device, sessions }, { file, feeds }) {
  if (!sessions.has(file)) {
    const options = { executionProviders: [device], logSeverityLevel: 3 };
    sessions.set(file, await ort.InferenceSession.create(new URL(file, import.meta.url).href, options));
  }
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([name, [type, values, shape]]) => [name, new ort.Tensor(type, values, shape)]),
  );
  const start = performance.now();
  const { result } = await sessions.get(file).run(tensors);
  const values = await result.getData();
  const ms = performance.now() - start;
  const threads = device === "wasm" ? ort.env.wasm.numThreads : 0;
  return { values, shape: result.dims, ms, device, threads };
}

async function answer(request) {
  const { id } = request;
  try {
    let made;
    try {
      made = await compute(await engine, request);
    } catch (error) {
      if ((await engine).device === "wasm") throw error;
      engine = load("wasm"); // a graphics card that can't, or lost its device
      made = await compute(await engine, request);
    }
    self.postMessage({ id, ...made }, [made.values.buffer]);
  } catch (error) {
    self.postMessage({ id, error: String(error?.message ?? error) });
  }
}

// A session takes one picture at a time.
self.onmessage = ({ data }) => {
  turn = turn.then(() => answer(data));
};
