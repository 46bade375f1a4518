// The model runs in this browser: page.js asks `ownModel` where it would ask a server.
"use strict";
const loaded = load();
loaded.catch(() => {});  // who asks is told
if ("serviceWorker" in navigator && window.isSecureContext) navigator.serviceWorker.register("offline.js").catch(() => {});

async function load() {
  const run = await (await fetch("model.json")).json();
  const ort = await import("./ort.mjs.js");
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmBinary = await fetched("ort.wasm", run.bytes["ort.wasm"]);
  const session = await ort.InferenceSession.create(new Uint8Array(await fetched("model.onnx", run.bytes["model.onnx"])));
  told("");
  return { run, ort, session };
}

function told(text) {
  document.getElementById("said").textContent = text;
}

// A file as an ArrayBuffer; how far it is, is said.
async function fetched(name, bytes) {
  const response = await fetch(name);
  if (!response.ok) throw new Error(`${name} is missing beside this page.`);
  const reader = response.body.getReader(), parts = [];
  for (let got = 0, shown = -1; ;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    got += value.length;
    const percent = Math.min(100, Math.round((100 * got) / bytes));
    if (percent !== shown) told(`Getting ${name === "ort.wasm" ? "what runs the model" : "the model"}: ${(shown = percent)} % of ${(bytes / 1e6).toFixed(1)} MB`);
  }
  return new Blob(parts).arrayBuffer();
}

// A row for each file, as the service answers.
async function ownModel(files) {
  const { run, ort, session } = await loaded.catch((error) => {
    throw new Error(`The model could not be loaded: ${error.message} Load the page again.`);
  });
  const rows = [];
  for (const file of files) rows.push(await answered(file, run, ort, session));
  return { predictions: rows };
}

async function answered(file, run, ort, session) {
  let seen;
  try {
    seen = looks(square(await decoded(file, run.stored), run), run);
  } catch {
    return { file: file.name, error: "is no picture that this browser can read" };
  }
  const sums = new Float64Array(run.classes.length);
  for (const look of seen) {
    const tensor = new ort.Tensor("float32", input(look, run), [1, 3, run.size, run.size]);
    const { logits } = await session.run({ input: tensor });
    logits.data.forEach((logit, i) => { sums[i] += logit / seen.length / run.temperature; });
  }
  const most = Math.max(...sums), odds = Array.from(sums, (sum) => Math.exp(sum - most));
  const total = odds.reduce((a, b) => a + b, 0), best = odds.indexOf(Math.max(...odds));
  const probabilities = Object.fromEntries(run.classes.map((name, i) => [name, odds[i] / total]));
  return { file: file.name, label: run.classes[best], confidence: odds[best] / total, probabilities };
}
