// What a class is shown by: a burst of pictures, or clips of sound. `data` is what widget.py says it is.
const SIDE = 384, ASKED_SIDE = 256, BURST_EVERY = 120, ASK_EVERY = 150, HELD = 350, DARKEST = 24;
const PATIENCE = 10000; // milliseconds
const RATE = 16000, CLIP = 1.6, SHORTEST = 0.5, QUIETEST = 0.02, HEARD_EVERY = 600;

export default function (component) {
  const root = component.parentElement.querySelector(".capture");
  const state = (root.state ??= { sent: 0, name: crypto.getRandomValues(new Uint32Array(2)).join("-"), outbox: [] });
  state.component = component;
  state.root = root;
  if (!state.ready) { state.ready = true; prepare(state); }
  arrived(state);
  draw(state);
  return () => setTimeout(() => { if (!root.isConnected) turnOff(state); }, 0);
}

const part = (state, name) => state.root.querySelector(name);
const say = (state, text) => { const said = part(state, ".said"); if (said.textContent !== text) said.textContent = text; };

function prepare(state) {
  const sounds = state.component.data.kind === "sounds";
  const words = () => state.component.data.words;
  part(state, ".frame").classList.toggle("heard", sounds);
  part(state, ".start").onclick = () => (state.stream ? turnOff(state) : turnOn(state));
  part(state, ".turn").onclick = () => {
    state.facing = state.facing === "environment" ? "user" : "environment";
    turnOff(state);
    turnOn(state);
  };
  const media = navigator.mediaDevices;
  if (!window.isSecureContext || !media || !media.getUserMedia) {
    part(state, ".start").hidden = true;
    say(state, words().insecure);
  }
  if (!sounds && media && media.enumerateDevices) {
    media.enumerateDevices().then((all) => {
      state.cameras = all.filter((one) => one.kind === "videoinput").length;
      draw(state);
    }).catch(() => {});
  }
}

async function turnOn(state) {
  const { data } = state.component;
  say(state, data.words.waiting);
  try {
    const wanted = data.kind === "sounds"
      ? { audio: { echoCancellation: false, noiseSuppression: false } }
      : { video: { facingMode: state.facing ?? "user", width: { ideal: 640 }, height: { ideal: 480 } } };
    state.stream = await navigator.mediaDevices.getUserMedia(wanted);
  } catch (error) {
    const refused = error.name === "NotAllowedError" || error.name === "SecurityError";
    say(state, refused ? data.words.refused : data.words.missing);
    return;
  }
  if (!state.root.isConnected) return turnOff(state);
  say(state, "");
  if (data.kind === "sounds") listen(state);
  else {
    const video = part(state, "video");
    video.srcObject = state.stream;
    video.className = state.facing === "environment" ? "on" : "on mirrored";
    await video.play().catch(() => {});
    state.timer = setInterval(() => lookNow(state), ASK_EVERY);
  }
  draw(state);
}

function turnOff(state) {
  finish(state);
  clearInterval(state.timer);
  (state.stream ? state.stream.getTracks() : []).forEach((track) => track.stop());
  if (state.sound) state.sound.close().catch(() => {});
  state.stream = state.sound = null;
  part(state, "video").className = "";
  part(state, ".loudness").className = "loudness";
  if (state.root.isConnected) draw(state);
}

// --- drawing

function draw(state) {
  const { data } = state.component, words = data.words, on = Boolean(state.stream);
  part(state, ".start").textContent = on ? words.off : words.on;
  part(state, ".turn").textContent = words.turn;
  part(state, ".turn").hidden = !on || data.kind === "sounds" || !((state.cameras ?? 0) > 1);
  const list = part(state, "ul");
  while (list.children.length > data.targets.length) list.lastChild.remove();
  data.targets.forEach((target, at) => {
    const row = list.children[at] ?? list.appendChild(made(state));
    row.target = target.id;
    row.querySelector(".name").textContent = target.name;
    row.querySelector(".count").textContent = target.count;
    const button = row.querySelector("button");
    const taking = state.burst && state.burst.target === target.id;
    button.textContent = taking ? words.stop : words.take;
    button.setAttribute("aria-label", `${button.textContent}: ${target.name}`);
    button.setAttribute("aria-pressed", String(Boolean(taking)));
    button.disabled = !on;
    const share = data.answer && data.answer.probabilities ? data.answer.probabilities[target.name] ?? 0 : null;
    row.querySelector(".share").textContent = share === null ? "" : `${Math.round(100 * share)} %`;
    row.querySelector(".bar").hidden = !data.ask;
    row.querySelector(".bar i").style.width = `${100 * (share ?? 0)}%`;
  });
}

function made(state) {
  const row = document.createElement("li");
  row.innerHTML =
    '<div class="row"><span class="name"></span><span class="share"></span></div><div class="bar" aria-hidden="true">' +
    '<i></i></div><div class="row"><span class="count"></span></div><button type="button" class="taking"></button>';
  const button = row.querySelector("button");
  // Held, it takes until it is let go; pressed once, by a key or a screen reader too, until it is pressed again.
  button.onpointerdown = (event) => {
    if (event.button || button.disabled) return;
    event.preventDefault();
    button.focus();
    state.byPointer = true;
    if (state.burst) return finish(state);
    begin(state, row.target);
    const pressed = performance.now();
    addEventListener("pointerup", () => { if (performance.now() - pressed > HELD) finish(state); }, { once: true });
  };
  button.onclick = () => {
    if (state.byPointer) { state.byPointer = false; return; }
    if (state.burst) finish(state); else begin(state, row.target);
  };
  return row;
}

// --- a burst

function begin(state, target) {
  if (!state.stream) return;
  state.burst = { target, items: [], dark: 0, samples: [] };
  if (state.component.data.kind !== "sounds") state.shutter = setInterval(() => takeOne(state), BURST_EVERY);
  draw(state);
}

function takeOne(state) {
  const { burst, component } = state;
  const content = picture(state, SIDE, 0.9);
  if (content === "dark") { burst.dark += 1; say(state, component.data.words.dark); }
  else if (content) { burst.items.push(content); say(state, `${burst.items.length} / ${component.data.burst}`); }
  if (burst.items.length >= component.data.burst || burst.dark >= component.data.burst) finish(state);
}

function finish(state) {
  const burst = state.burst;
  if (!burst) return;
  clearInterval(state.shutter);
  state.burst = null;
  const words = state.component.data.words;
  if (state.component.data.kind === "sounds") burst.items = clips(burst.samples);
  if (burst.items.length) {
    state.outbox.push(message(state, "kept", { target: burst.target, items: burst.items }));
    say(state, words.keeping);
    post(state);
  } else say(state, burst.dark ? words.dark : words.nothing);
  if (state.root.isConnected) draw(state);
}

// --- pictures

function picture(state, side, quality) {
  const video = part(state, "video");
  if (!video.videoWidth) return null;
  const scale = Math.min(1, side / Math.max(video.videoWidth, video.videoHeight));
  const canvas = (state.canvas ??= document.createElement("canvas"));
  canvas.width = Math.round(video.videoWidth * scale);
  canvas.height = Math.round(video.videoHeight * scale);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(video, 0, 0, canvas.width, canvas.height);
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  let brightest = 0;
  for (let i = 0; i < pixels.length; i += 64) brightest = Math.max(brightest, pixels[i], pixels[i + 1], pixels[i + 2]);
  if (brightest < DARKEST) return "dark";
  return canvas.toDataURL("image/jpeg", quality).split(",")[1];
}

function lookNow(state) {
  const { data } = state.component;
  if (!state.root.isConnected) return turnOff(state);
  if (!data.ask || state.burst || document.hidden) return;
  if (waiting(state)) return;
  const content = picture(state, ASKED_SIDE, 0.85);
  if (content === "dark") say(state, data.words.dark);
  else if (content) ask(state, content);
}

// --- to the server and back: one message at a time, for two at once could overtake each other

function message(state, what, content) {
  state.sent += 1;
  return { id: `${state.name}-${state.sent}`, what, ...content };
}

function waiting(state) {
  const flying = state.flying;
  if (flying && performance.now() - state.left > PATIENCE) {
    state.flying = null;  // lost: a burst is sent once more under the same id, a frame is old by now
    if (flying.what === "kept") state.outbox.unshift(flying);
    post(state);
  }
  return Boolean(state.flying || state.outbox.length);
}

function ask(state, content) {
  state.outbox.push(message(state, "frame", { content }));
  post(state);
}

function post(state) {
  if (state.flying || !state.outbox.length) return;
  state.flying = state.outbox.shift();
  state.left = performance.now();
  state.component.setTriggerValue("sent", state.flying);
}

function arrived(state) {
  const { data } = state.component, flying = state.flying;
  if (!flying || !data.answer || data.answer.id !== flying.id) return;
  state.flying = null;
  if (!state.burst) say(state, data.answer.unclear ?? "");
  post(state);
}

// --- sounds

function listen(state) {
  const sound = (state.sound = new AudioContext());
  const source = sound.createMediaStreamSource(state.stream), tap = sound.createScriptProcessor(4096, 1, 1);
  state.heard = new Float32Array(0);
  part(state, ".loudness").className = "loudness on";
  tap.onaudioprocess = (event) => {
    const samples = resampled(event.inputBuffer.getChannelData(0), sound.sampleRate);
    let peak = 0;
    for (const one of samples) peak = Math.max(peak, Math.abs(one));
    part(state, ".loudness i").style.width = `${Math.min(100, 100 * peak)}%`;
    if (state.burst) state.burst.samples.push(samples);
    state.heard = joined([state.heard, samples]).slice(-RATE * CLIP);
  };
  source.connect(tap);
  tap.connect(sound.destination);
  sound.resume().catch(() => {});
  state.timer = setInterval(() => hearNow(state), HEARD_EVERY);
}

function hearNow(state) {
  const { data } = state.component;
  if (!state.root.isConnected) return turnOff(state);
  const heard = state.heard;
  if (state.burst) {
    const seconds = state.burst.samples.reduce((n, one) => n + one.length, 0) / RATE;
    say(state, `${seconds.toFixed(1)} s`);
    if (seconds > data.burst * CLIP) finish(state);
    return;
  }
  if (!data.ask || document.hidden || waiting(state) || heard.length < RATE * CLIP) return;
  if (heard.some((one) => Math.abs(one) > QUIETEST)) ask(state, wav(heard));
}

function resampled(samples, rate) {
  const found = new Float32Array(Math.floor((samples.length * RATE) / rate)), step = rate / RATE;
  for (let i = 0; i < found.length; i++) {  // the mean of what falls on each new sample: no whistle from above
    const from = Math.floor(i * step), to = Math.max(from + 1, Math.floor((i + 1) * step));
    let sum = 0;
    for (let j = from; j < to; j++) sum += samples[j];
    found[i] = sum / (to - from);
  }
  return found;
}

function joined(pieces) {
  const found = new Float32Array(pieces.reduce((n, one) => n + one.length, 0));
  let at = 0;
  for (const one of pieces) { found.set(one, at); at += one.length; }
  return found;
}

function clips(pieces) {
  const all = joined(pieces), size = RATE * CLIP, found = [];
  for (let at = 0; at < all.length; at += size) {
    const one = all.slice(at, at + size);
    const long = one.length >= RATE * SHORTEST && (at === 0 || one.length >= size / 2);
    if (long && one.some((value) => Math.abs(value) > QUIETEST)) found.push(wav(one));
  }
  return found;
}

function wav(samples) {
  const bytes = new DataView(new ArrayBuffer(44 + 2 * samples.length));
  const text = (at, word) => [...word].forEach((letter, i) => bytes.setUint8(at + i, letter.charCodeAt(0)));
  text(0, "RIFF"); bytes.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
  bytes.setUint32(16, 16, true); bytes.setUint16(20, 1, true); bytes.setUint16(22, 1, true);
  bytes.setUint32(24, RATE, true); bytes.setUint32(28, 2 * RATE, true); bytes.setUint16(32, 2, true);
  bytes.setUint16(34, 16, true); text(36, "data"); bytes.setUint32(40, 2 * samples.length, true);
  samples.forEach((one, i) => bytes.setInt16(44 + 2 * i, 32767 * Math.max(-1, Math.min(1, one)), true));
  let whole = "";
  new Uint8Array(bytes.buffer).forEach((one) => { whole += String.fromCharCode(one); });
  return btoa(whole);
}
