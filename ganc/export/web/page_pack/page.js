// The page: where the input comes from, which models draw it, and what is said of them.

import { startEngine, stopwatch } from "./engine.js";
import { encode, place, show } from "./pixels.js";
import { makePad } from "./pad.js";

const SIDES = [64, 128, 256, 384, 512, 768, 1024];
const TIMED = 6; // runs of a still picture, so that its milliseconds are those of a prepared model

const $ = (id) => document.getElementById(id);
const input = $("input"), clock = stopwatch(), run = startEngine();
const about = await (await fetch("page.json")).json();
const wish = { mode: "picture", point: about.students.length - 1, side: 0, style: null };
let source = null, camera = null, rate = 0, busy = false, stale = false;

const many = (n, unit) => `${n >= 100 ? Math.round(n) : Number(n.toPrecision(3))} ${unit}`;
const compact = (n) =>
  n >= 1e9 ? many(n / 1e9, "G") : n >= 1e6 ? many(n / 1e6, "M") : n >= 1e3 ? many(n / 1e3, "k") : String(n);
const megabytes = (n) => (n >= 1e6 ? many(n / 1e6, "MB") : many(n / 1e3, "kB"));
const ratio = (model) =>
  about.teacher && model !== about.teacher ? `, ${(about.teacher.macs / model.macs).toFixed(1)}× fewer` : "";
const facts = (model) =>
  `${compact(model.macs)} multiply-adds at ${about.size} px${ratio(model)} · ${megabytes(model.bytes)}`;

function say(text, wrong = false) {
  $("status").textContent = text;
  $("status").classList.toggle("wrong", wrong);
}

// One drawing at a time; what changes meanwhile is drawn next.
async function draw() {
  if (busy) { stale = true; return; }
  busy = true;
  do {
    stale = false;
    try {
      await drawOnce();
    } catch (error) {
      say(`It could not be computed: ${error.message}`, true);
      break;
    }
  } while (stale);
  busy = false;
}

async function drawOnce() {
  const student = about.students[wish.point];
  const shown = [["student", student]];
  if (about.teacher && $("beside").checked) shown.push(["teacher", about.teacher]);
  const feeds = encode(input, about);
  if (about.style) feeds.style = ["float32", wish.style, [1, about.style]];
  const frames = camera && rate ? ` · ${rate.toFixed(rate < 10 ? 1 : 0)} frames a second` : "";
  $("input-facts").textContent = `${input.width} × ${input.height} px${frames}`;
  for (const [id, model] of shown) {
    const made = await run(model.file, feeds);
    const figure = $(id), before = figure.querySelector(".before");
    show(figure.querySelector(".after"), made.values, made.shape);
    Object.assign(before, { width: input.width, height: input.height });
    before.getContext("2d").drawImage(input, 0, 0);
    describe(figure, model, made);
  }
  say("");
  document.dispatchEvent(new CustomEvent("drawn"));
  if (!camera) await time(shown, feeds);
}

function describe(figure, model, { ms, device, threads }) {
  const key = `${model.file} ${input.width} ${input.height} ${device}`;
  clock.add(key, ms);
  const median = clock.median(key);
  figure.querySelector(".ms").textContent = median === null ? "…" : `${median.toFixed(median < 10 ? 1 : 0)} ms`;
  figure.querySelector(".facts").textContent = facts(model);
  $("device").textContent =
    device === "webgpu" ? "WebGPU" : `CPU (wasm), ${threads > 1 ? `${threads} threads` : "one thread"}`;
  $("device").hidden = false;
}

async function time(shown, feeds) {
  for (let round = 0; round < TIMED && !stale; round++)
    for (const [id, model] of shown) if (!stale) describe($(id), model, await run(model.file, feeds));
}

function fit() {
  return { side: wish.side, least: about.least, crisp: about.palette.length > 0 };
}

function put(image) {
  source = image;
  place(input, image, image.width, image.height, fit());
  draw();
}

async function open(blob) {
  try {
    put(await createImageBitmap(blob, { colorSpaceConversion: "none" }));
    if (wish.mode === "webcam") choose("picture");
  } catch {
    say("That is no picture that this browser can read.", true);
  }
}

async function startCamera() {
  const video = document.createElement("video");
  Object.assign(video, { muted: true, playsInline: true });
  try {
    video.srcObject = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
  } catch (error) {
    say(`There is no webcam that may be used: ${error.message ?? error}`, true);
    return choose("picture");
  }
  if (wish.mode !== "webcam") return stop(video);
  camera = video;
  rate = 0;
  await video.play();
  let since = performance.now();
  while (camera === video) {
    place(input, video, video.videoWidth, video.videoHeight, fit());
    await draw();
    const now = performance.now();
    rate = rate ? 0.8 * rate + 200 / (now - since) : 1000 / (now - since); // it would flicker
    since = now;
    await new Promise(requestAnimationFrame);
  }
}

function stop(video) {
  for (const track of video?.srcObject?.getTracks() ?? []) track.stop();
}

function choose(mode) {
  wish.mode = mode;
  for (const radio of document.querySelectorAll("[name=mode]")) radio.checked = radio.value === mode;
  stop(camera);
  camera = null;
  $("drop").hidden = mode !== "picture";
  $("tools").hidden = mode !== "draw";
  $("side").disabled = mode === "draw"; // what is drawn stays as it is
  document.body.classList.toggle("drawing", mode === "draw");
  pad.enable(mode === "draw");
  if (mode === "webcam") startCamera();
}

function restyle() {
  // Box and Muller: two uniform numbers make a normal one.
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  wish.style = Float32Array.from({ length: about.style }, normal);
}

function pick(point) {
  wish.point = point;
  const model = about.students[point];
  $("point").setAttribute("aria-valuetext", facts(model));
  $("point-facts").textContent = `${model.name} · ${facts(model)} · ${compact(model.params)} parameters`;
}

const pad = makePad(
  input, about.palette, { brush: $("brush"), palette: $("palette"), fill: $("fill"), undo: $("undo") }, draw);

function prepare() {
  document.title = $("title").textContent = about.title;
  const sides = [...new Set([about.size, ...SIDES])].filter((n) => n >= about.least).sort((a, b) => a - b);
  $("side").append(...sides.map((n) => new Option(`${n} px`, n)));
  wish.side = sides.find((n) => n >= Math.max(256, about.size)) ?? about.size;
  $("side").value = wish.side;
  $("both").hidden = $("teacher").hidden = !about.teacher;
  $("stage").classList.toggle("three", Boolean(about.teacher));
  $("restyle").hidden = !about.style;
  $("front").hidden = about.students.length < 2;
  $("point").max = $("point").value = wish.point;
  if (about.style) restyle();
  if (about.palette.length) document.querySelector("[value=webcam]").parentElement.hidden = true;
  $("stage").classList.toggle("crisp", about.palette.length > 0);
  $("bar").hidden = $("stage").hidden = false;
}

function listen() {
  for (const radio of document.querySelectorAll("[name=mode]"))
    radio.addEventListener("change", () => choose(radio.value));
  $("file").addEventListener("change", ({ target }) => target.files[0] && open(target.files[0]));
  $("side").addEventListener("change", ({ target }) => {
    wish.side = Number(target.value);
    if (source && wish.mode === "picture") put(source);
  });
  $("beside").addEventListener("change", ({ target }) => {
    $("teacher").hidden = !target.checked;
    $("stage").classList.toggle("three", target.checked);
    draw();
  });
  $("restyle").addEventListener("click", () => { restyle(); draw(); });
  $("point").addEventListener("input", ({ target }) => { pick(Number(target.value)); draw(); });
  const handles = [...document.querySelectorAll(".split input")];
  for (const handle of handles)
    handle.addEventListener("input", () => {
      for (const each of handles) {
        each.value = handle.value;
        each.parentElement.style.setProperty("--n", handle.value);
      }
    });
  $("save").addEventListener("click", () =>
    document.querySelector("#student .after").toBlob((blob) => {
      const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: "student.png" });
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1e4);
    }));
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
    document.addEventListener(name, (event) => {
      event.preventDefault();
      document.body.classList.toggle("dropping", over);
      const file = event.dataTransfer?.files[0];
      if (name === "drop" && file) open(file);
    });
  document.addEventListener("paste", (event) => event.clipboardData.files[0] && open(event.clipboardData.files[0]));
}

async function offer() {
  const buttons = about.examples.map((path, index) => {
    const button = document.createElement("button"), image = new Image();
    Object.assign(image, { src: path, alt: `Example ${index + 1}` });
    button.type = "button";
    button.append(image);
    button.addEventListener("click", async () => {
      for (const each of buttons) each.ariaPressed = String(each === button);
      await open(await (await fetch(path)).blob());
    });
    return button;
  });
  $("examples").append(...buttons);
  $("shelf").hidden = !buttons.length;
  if (buttons.length) buttons[0].click();
  else pad.blank(about.palette.length ? about.size : wish.side);
}

prepare();
pick(wish.point);
choose(about.palette.length && !about.examples.length ? "draw" : "picture");
listen();
say("Loading the models …");
offer();
