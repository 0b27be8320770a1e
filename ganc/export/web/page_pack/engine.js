// The models as functions of the page: `run(file, feeds)` gives {values, shape, ms, device}.

export function startEngine() {
  const worker = new Worker("worker.js" + location.search, { type: "module" });
  const waiting = new Map();
  let count = 0;
  const finish = (id, settle) => {
    const pair = waiting.get(id);
    waiting.delete(id);
    if (pair) settle(pair);
  };
  worker.onmessage = ({ data }) =>
    finish(data.id, ({ resolve, reject }) => (data.error ? reject(new Error(data.error)) : resolve(data)));
  worker.onerror = (event) => {
    for (const id of [...waiting.keys()])
      finish(id, ({ reject }) => reject(new Error(event.message || "the worker could not start")));
  };
  return (file, feeds) =>
    new Promise((resolve, reject) => {
      waiting.set(++count, { resolve, reject });
      worker.postMessage({ id: count, file, feeds });
    });
}

// The median of the last runs at one size; the first of each, which prepares the rest, is left out.
export function stopwatch() {
  const runs = new Map();
  return {
    add(key, ms) {
      const all = runs.get(key);
      runs.set(key, all ? [...all.slice(-14), ms] : []);
    },
    median(key) {
      const all = [...(runs.get(key) ?? [])].sort((a, b) => a - b);
      return all.length ? all[all.length >> 1] : null;
    },
  };
}
