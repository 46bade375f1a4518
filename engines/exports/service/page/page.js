// Files, what the camera sees, what the microphone hears, or a text go to /predict; what comes back is drawn. Where the
// model runs in the browser, `ownModel` is asked instead.
"use strict";
const RATE = 16000, LONGEST = 30, MOST_BARS = 6, MOST_ROWS = 200;
const part = (id) => document.getElementById(id);
const made = (kind, text, className) => Object.assign(document.createElement(kind), { textContent: text ?? "", className: className ?? "" });
const state = { stream: null, sound: null, samples: null, facing: "environment", about: null };

fetch("about.json").then((response) => response.json()).then(begin).catch(() => say("This page is not whole: load it again."));

function begin(about) {
  state.about = about;
  document.title = part("title").textContent = about.title;
  part("about").textContent = about.about;
  const file = part("file"), kinds = { pictures: "image/*", sounds: "audio/*", texts: ".csv,.tsv,.txt", table: ".csv,.tsv,.txt" };
  file.accept = kinds[about.takes];
  file.multiple = about.takes === "pictures" || about.takes === "sounds";
  part("choose").textContent = { pictures: "Choose pictures, or drop them here", sounds: "Choose sound files, or drop them here",
    texts: "Or a table of texts: choose it, or drop it here", table: "Choose a table, or drop it here" }[about.takes];
  part("texts").hidden = about.takes !== "texts";
  if (about.takes === "pictures" || about.takes === "sounds") prepareCapture(about.takes);
}

const say = (text) => { part("said").textContent = text; };

// --- asking

part("file").onchange = (event) => { sendFiles([...event.target.files]); event.target.value = ""; };
part("ask").onclick = () => {
  const text = part("text").value.trim();
  if (!text) return say("Write a text first.");
  send(JSON.stringify({ texts: [text] }), []);
};
part("text").onkeydown = (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) part("ask").click(); };
part("files").onkeydown = (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); part("file").click(); } };
for (const kind of ["dragover", "dragleave", "drop"]) {
  part("files").addEventListener(kind, (event) => {
    event.preventDefault();
    part("files").classList.toggle("over", kind === "dragover");
    if (kind === "drop") sendFiles([...event.dataTransfer.files]);
  });
}

function sendFiles(files) {
  if (!files.length) return;
  const form = new FormData();
  files.forEach((file) => form.append("file", file, file.name));
  send(form, files);
}

async function send(body, files) {
  say("Asking …");
  const start = performance.now(), headers = typeof body === "string" ? { "Content-Type": "application/json" } : {};
  try {
    const inBrowser = typeof ownModel === "function";
    const response = inBrowser ? { ok: true } : await fetch("predict", { method: "POST", body, headers });
    const found = inBrowser ? await ownModel(files) : await response.json();
    part("answers").replaceChildren();
    if (!response.ok) return say(found.error ?? "The service could not answer.");
    say(`Answered in ${Math.round(performance.now() - start)} ms.`);
    draw(found.predictions, files);
  } catch (error) {
    say(typeof ownModel === "function" ? error.message : "The service cannot be reached: try again.");
  }
}

// --- drawing

function draw(rows, files) {
  if (rows.some((row) => "ds" in row) || rows.length > MOST_ROWS / 4) return part("answers").append(asTable(rows));
  const free = new Map();
  files.forEach((file) => free.set(file.name, [...(free.get(file.name) ?? []), file]));
  for (const row of rows) {
    const item = made("li"), file = (free.get(row.file) ?? []).shift();
    item.append(made("div", row.text ?? row.file, "quiet"));
    if (row.error) item.append(made("div", `${row.file} ${row.error}.`, "problem"));
    else if (row.boxes) boxes(item, row, file);
    else {
      if (file && state.about.takes === "pictures") item.append(shown(file));
      item.append(made("strong", row.label));
      bars(item, row.probabilities);
    }
    part("answers").append(item);
  }
}

function shown(file) {
  const picture = Object.assign(made("img", "", "shown"), { alt: file.name, src: URL.createObjectURL(file) });
  picture.onload = () => URL.revokeObjectURL(picture.src);
  return picture;
}

function bars(item, shares) {
  for (const [name, share] of Object.entries(shares ?? {}).sort((a, b) => b[1] - a[1]).slice(0, MOST_BARS)) {
    const line = made("div", "", "share"), bar = made("div", "", "bar"), own = made("i");
    own.style.width = `${100 * share}%`;
    bar.append(own);
    bar.setAttribute("aria-hidden", "true");
    line.append(made("span", name), bar, made("span", `${Math.round(100 * share)} %`));
    item.append(line);
  }
}

function boxes(item, row, file) {
  item.append(made("strong", row.boxes.map((box) => `${box.label} ${Math.round(100 * box.score)} %`).join(", ") || "nothing"));
  if (!file) return;
  createImageBitmap(file).then((picture) => {
    const canvas = made("canvas");
    canvas.width = row.width;
    canvas.height = row.height;
    const pen = canvas.getContext("2d");
    pen.drawImage(picture, 0, 0, row.width, row.height);
    pen.lineWidth = Math.max(2, row.width / 200);
    pen.strokeStyle = "#e8710a";
    for (const { box: [x0, y0, x1, y1] } of row.boxes) pen.strokeRect(x0, y0, x1 - x0, y1 - y0);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", item.querySelector("strong").textContent);
    item.prepend(canvas);
  }).catch(() => {});
}

function asTable(rows) {
  const item = made("li"), table = made("table"), simple = (value) => value === null || typeof value !== "object";
  const names = [...new Set(rows.flatMap((row) => Object.keys(row).filter((name) => simple(row[name]))))];
  const line = (kind, cells) => { const made_ = made("tr"); cells.forEach((cell) => made_.append(made(kind, cell))); return made_; };
  table.append(line("th", names));
  for (const row of rows.slice(0, MOST_ROWS)) {
    table.append(line("td", names.map((name) => (typeof row[name] === "number" ? +row[name].toPrecision(6) : row[name] ?? ""))));
  }
  item.append(table);
  if (rows.length > MOST_ROWS) item.append(made("div", `These are ${MOST_ROWS} of ${rows.length} rows.`, "quiet"));
  return item;
}

// --- camera and microphone

function prepareCapture(takes) {
  const media = window.isSecureContext && navigator.mediaDevices && navigator.mediaDevices.getUserMedia;
  part("capture").hidden = false;
  part("start").textContent = takes === "pictures" ? "Use the camera" : "Record";
  part("start").hidden = !media;
  part("snap").hidden = Boolean(media) || takes !== "pictures";
  part("snap").querySelector("input").onchange = (event) => sendFiles([...event.target.files]);
  part("start").onclick = () => (state.stream ? finish(takes) : turnOn(takes));
  part("take").onclick = snap;
  part("turn").onclick = () => { state.facing = state.facing === "environment" ? "user" : "environment"; turnOff(); turnOn(takes); };
  if (!media && takes === "sounds") part("capture").replaceChildren(made("p", "The microphone needs https: choose a sound file.", "quiet"));
}

async function turnOn(takes) {
  try {
    const wanted = takes === "pictures" ? { video: { facingMode: state.facing } } : { audio: { echoCancellation: false, noiseSuppression: false } };
    state.stream = await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    return say(error.name === "NotAllowedError" ? "The browser was not allowed to: allow it, or choose a file." : "None was found: choose a file.");
  }
  say("");
  part("start").textContent = takes === "pictures" ? "Off" : "Stop and ask";
  if (takes === "sounds") return listen();
  part("video").srcObject = state.stream;
  part("video").hidden = part("turn").hidden = false;
  part("take").textContent = "Take it";
  await part("video").play().catch(() => {});
  part("take").hidden = !state.stream;  // now that there is something to take
}

function turnOff() {
  (state.stream ? state.stream.getTracks() : []).forEach((track) => track.stop());
  if (state.sound) state.sound.close().catch(() => {});
  state.stream = state.sound = null;
  part("video").hidden = part("take").hidden = part("turn").hidden = part("loudness").hidden = true;
  part("start").textContent = state.about.takes === "pictures" ? "Use the camera" : "Record";
}

function finish(takes) {
  const samples = state.samples;
  state.samples = null;
  turnOff();
  if (takes === "sounds" && samples && samples.length) sendFiles([wav(samples.flat())]);
}

function snap() {
  const video = part("video"), canvas = document.createElement("canvas");
  if (!video.videoWidth) return say("The camera shows nothing yet.");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => sendFiles([new File([blob], "camera.jpg", { type: "image/jpeg" })]), "image/jpeg", 0.92);
}

function listen() {
  const sound = (state.sound = new AudioContext());
  const source = sound.createMediaStreamSource(state.stream), tap = sound.createScriptProcessor(4096, 1, 1);
  state.samples = [];
  let heard = 0;
  part("loudness").hidden = false;
  tap.onaudioprocess = (event) => {
    const samples = resampled(event.inputBuffer.getChannelData(0), sound.sampleRate);
    if (!state.samples) return;
    state.samples.push(samples);
    heard += samples.length;
    part("loudness").firstElementChild.style.width = `${Math.min(100, 100 * Math.max(...samples.map(Math.abs)))}%`;
    say(`${(heard / RATE).toFixed(1)} s`);
    if (heard > LONGEST * RATE) finish("sounds");
  };
  source.connect(tap);
  tap.connect(sound.destination);
  sound.resume().catch(() => {});
}

function resampled(samples, rate) {
  const step = rate / RATE;
  return Array.from({ length: Math.floor(samples.length / step) }, (_, i) => {  // the mean of what falls on each new sample
    const from = Math.floor(i * step), to = Math.max(from + 1, Math.floor((i + 1) * step));
    let sum = 0;
    for (let j = from; j < to; j++) sum += samples[j];
    return sum / (to - from);
  });
}

function wav(samples) {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((letter, i) => bytes.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); bytes.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true); bytes.setUint16(20, 1, true); bytes.setUint16(22, 1, true);
  bytes.setUint32(24, RATE, true); bytes.setUint32(28, 2 * RATE, true); bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true); text(36, "data"); bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((one, i) => bytes.setInt16(44 + 2 * i, 32767 * Math.max(-1, Math.min(1, one)), true));
  return new File([bytes], "recording.wav", { type: "audio/wav" });
}
