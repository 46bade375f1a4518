// Boxes on a picture. `data` is what widget.py says it is; sides are in pixels of the whole picture.
const NEAR = 12, STEP = 0.01, SMALLEST = 4; // of the screen in pixels; of the picture's side; of the screen in pixels
const COLOURS = ["#e8710a", "#1a73e8", "#188038", "#9334e6", "#d01884", "#12858d", "#b06000", "#c5221f", "#5f6368"];
const SVG = "http://www.w3.org/2000/svg";

export default function (component) {
  const root = component.parentElement.querySelector(".boxes");
  const state = (root.state ??= { changes: [], n: 0, id: crypto.getRandomValues(new Uint32Array(2)).join("-"), label: 0 });
  Object.assign(state, { component, root, data: component.data });
  if (!state.ready) { state.ready = true; prepare(state); }
  if (state.picture !== state.data.picture) { state.picture = state.data.picture; state.chosen = null; state.drag = null; }
  const heard = state.data.heard && state.data.heard[0] === state.id ? state.data.heard[1] : 0;
  state.changes = state.changes.filter((change) => change.n > heard);
  draw(state);
}

const part = (state, name) => state.root.querySelector(name);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const colour = (state, label) => COLOURS[Math.max(0, state.data.classes.indexOf(label)) % COLOURS.length];

// What stands: what the page knows, and what it was told and has not heard yet.
function standing(state) {
  const boxes = new Map(state.data.boxes.map((box) => [box.id, box]));
  const taken = new Set(boxes.keys());
  for (const { what, box } of state.changes) {
    taken.add(box.id);
    if (what === "draw") boxes.set(box.id, box); else boxes.delete(box.id);
  }
  for (const box of state.data.proposed) if (!taken.has(box.id)) boxes.set(box.id, box);
  return [...boxes.values()];
}

function tell(state, what, box) {
  const { score, ...plain } = box;
  state.changes.push({ n: ++state.n, what, box: plain });
  state.component.setStateValue("sent", { id: state.id, changes: state.changes });
  draw(state);
}

const find = (state, id) => standing(state).find((box) => box.id === id);

// --- drawing

function draw(state) {
  const { data } = state, [width, height] = data.size, svg = part(state, "svg"), image = part(state, "img");
  if (image.src !== data.picture) image.src = data.picture;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  svg.setAttribute("aria-label", `${data.name}: ${data.words.picture}`);
  part(state, ".sheet").style.aspectRatio = `${width} / ${height}`;
  part(state, ".sheet").style.maxWidth = `${(75 * width) / height}vh`; // not higher than the window
  classes(state);
  const boxes = standing(state);
  const shown = state.drag && state.drag.box
    ? [...boxes.filter((box) => box.id !== state.drag.box.id), state.drag.box] : boxes;
  svg.replaceChildren(...shown.flatMap((box) => outline(state, box)));
  list(state, boxes);
}

function outline(state, box) {
  const rect = document.createElementNS(SVG, "rect"), tone = colour(state, box.label);
  const sides = { x: box.x0, y: box.y0, width: Math.max(0, box.x1 - box.x0), height: Math.max(0, box.y1 - box.y0) };
  for (const [name, value] of Object.entries(sides)) rect.setAttribute(name, value);
  rect.style.stroke = tone;
  rect.style.fill = tone;
  rect.dataset.id = box.id;
  rect.setAttribute("class", `box${box.id === state.chosen ? " chosen" : ""}${"score" in box ? " proposed" : ""}`);
  const unit = state.data.size[0] / Math.max(1, part(state, "svg").clientWidth); // picture pixels of a screen pixel
  const text = document.createElementNS(SVG, "text");
  text.textContent = "score" in box ? `${box.label} ${Math.round(100 * box.score)} %` : box.label;
  text.setAttribute("x", box.x0 + 3 * unit);
  text.setAttribute("y", box.y0 + 14 * unit);
  text.style.fontSize = `${13 * unit}px`;
  text.style.strokeWidth = `${3 * unit}px`;
  return [rect, text];
}

function classes(state) {
  const { data } = state, row = part(state, ".classes");
  state.label = clamp(state.label, 0, Math.max(0, data.classes.length - 1));
  row.setAttribute("aria-label", data.words.class);
  row.replaceChildren(...data.classes.map((name, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", "radio");
    button.setAttribute("aria-checked", String(at === state.label));
    button.style.borderLeftColor = COLOURS[at % COLOURS.length];
    button.textContent = at < 9 ? `${at + 1} ${name}` : name;
    button.onclick = () => { choose(state, at); part(state, ".classes").children[at].focus(); };
    return button;
  }));
}

// The same in words, for whoever does not see the picture, or has no mouse.
function list(state, boxes) {
  const { words, size: [width, height] } = state.data, rows = part(state, ".list");
  const share = (value, side) => Math.round((100 * value) / side);
  rows.replaceChildren(...boxes.map((box) => {
    const row = document.createElement("li"), pick = document.createElement("button");
    pick.type = "button";
    pick.className = "pick";
    pick.style.borderLeftColor = colour(state, box.label);
    pick.setAttribute("aria-pressed", String(box.id === state.chosen));
    const told = words.box
      .replace("{label}", () => box.label)
      .replace("{left}", share(box.x0, width)).replace("{right}", share(box.x1, width))
      .replace("{top}", share(box.y0, height)).replace("{bottom}", share(box.y1, height));
    pick.textContent = "score" in box ? `${told}, ${words.proposed.replace("{score}", share(box.score, 1))}` : told;
    pick.onclick = () => { state.chosen = box.id; draw(state); part(state, "svg").focus({ preventScroll: true }); };
    row.append(pick);
    if ("score" in box) row.append(small(words.accept, told, () => tell(state, "draw", box)));
    row.append(small(words.remove, told, () => tell(state, "erase", box)));
    return row;
  }));
  const said = part(state, ".said"), text = !state.data.classes.length ? words.nameless : boxes.length ? "" : words.none;
  if (said.textContent !== text) said.textContent = text;
}

function small(title, what, action) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = title;
  button.setAttribute("aria-label", `${title}: ${what}`);
  button.onclick = action;
  return button;
}

function choose(state, at) {
  if (at >= state.data.classes.length) return;
  state.label = at;
  const box = find(state, state.chosen);
  if (box && box.label !== state.data.classes[at]) tell(state, "draw", { ...box, label: state.data.classes[at] });
  else draw(state);
}

// --- mouse and finger

function prepare(state) {
  const svg = part(state, "svg");
  svg.onpointerdown = (event) => {
    if (event.button || !state.data.classes.length) return;
    event.preventDefault();
    svg.focus({ preventScroll: true });
    const at = point(state, event), chosen = find(state, state.chosen);
    const handle = chosen && corner(state, chosen, at);
    const under = handle ? chosen : topmost(state, at);
    state.chosen = under ? under.id : null;
    state.drag = { from: at, start: under, handle };
    svg.setPointerCapture(event.pointerId);
    draw(state);
  };
  svg.onpointermove = (event) => { if (state.drag) { state.drag.box = dragged(state, point(state, event)); draw(state); } };
  svg.onpointerup = (event) => {
    if (!state.drag) return;
    const box = dragged(state, point(state, event)), { start } = state.drag, [sx, sy] = scale(state);
    state.drag = null;
    const moved = box && (!start || ["x0", "y0", "x1", "y1"].some((side) => box[side] !== start[side]));
    if (!moved || (box.x1 - box.x0) * sx < SMALLEST || (box.y1 - box.y0) * sy < SMALLEST) return draw(state);
    state.chosen = box.id;
    tell(state, "draw", box);
  };
  svg.onpointercancel = () => { state.drag = null; draw(state); };
  svg.onkeydown = (event) => onKey(state, event);
}

const scale = (state) => { // screen pixels of a picture pixel
  const place = part(state, "svg").getBoundingClientRect();
  return [place.width / state.data.size[0], place.height / state.data.size[1]];
};

function point(state, event) {
  const place = part(state, "svg").getBoundingClientRect(), [sx, sy] = scale(state), [width, height] = state.data.size;
  return [clamp((event.clientX - place.left) / sx, 0, width), clamp((event.clientY - place.top) / sy, 0, height)];
}

function corner(state, box, [x, y]) {
  const [sx, sy] = scale(state);
  for (const h of ["x0", "x1"]) for (const v of ["y0", "y1"])
    if (Math.abs(x - box[h]) * sx < NEAR && Math.abs(y - box[v]) * sy < NEAR) return [h, v];
  return null;
}

function topmost(state, [x, y]) { // the smallest box there, so that one within another can be had
  const under = standing(state).filter((box) => box.x0 <= x && x <= box.x1 && box.y0 <= y && y <= box.y1);
  return under.sort((a, b) => area(a) - area(b))[0] ?? null;
}

const area = (box) => (box.x1 - box.x0) * (box.y1 - box.y0);

function dragged(state, [x, y]) {
  const { from, start, handle } = state.drag, [width, height] = state.data.size;
  if (!start) {
    state.drag.id ??= fresh();
    const label = state.data.classes[state.label];
    return { id: state.drag.id, label, x0: Math.min(x, from[0]), y0: Math.min(y, from[1]), x1: Math.max(x, from[0]), y1: Math.max(y, from[1]) };
  }
  if (handle) {
    const box = { ...start, [handle[0]]: x, [handle[1]]: y };
    return { ...box, x0: Math.min(box.x0, box.x1), x1: Math.max(box.x0, box.x1), y0: Math.min(box.y0, box.y1), y1: Math.max(box.y0, box.y1) };
  }
  return shifted(start, x - from[0], y - from[1], width, height);
}

function shifted(box, dx, dy, width, height) {
  dx = clamp(dx, -box.x0, width - box.x1);
  dy = clamp(dy, -box.y0, height - box.y1);
  return { ...box, x0: box.x0 + dx, x1: box.x1 + dx, y0: box.y0 + dy, y1: box.y1 + dy };
}

const fresh = () => [...crypto.getRandomValues(new Uint32Array(3))].map((n) => n.toString(36)).join("");

// --- keys

function onKey(state, event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const [width, height] = state.data.size, box = find(state, state.chosen), key = event.key;
  const arrows = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  if (/^[1-9]$/.test(key)) choose(state, Number(key) - 1);
  else if (key.toLowerCase() === "n" && state.data.classes.length) {
    const label = state.data.classes[state.label];
    const made = { id: fresh(), label, x0: 0.4 * width, y0: 0.4 * height, x1: 0.6 * width, y1: 0.6 * height };
    state.chosen = made.id;
    tell(state, "draw", made);
  } else if (key === "Escape") { state.chosen = null; draw(state); }
  else if (box && (key === "Delete" || key === "Backspace")) { state.chosen = null; tell(state, "erase", box); }
  else if (box && key === "Enter" && "score" in box) tell(state, "draw", box);
  else if (box && arrows[key]) {
    const [dx, dy] = [arrows[key][0] * STEP * width, arrows[key][1] * STEP * height];
    if (!event.shiftKey) tell(state, "draw", shifted(box, dx, dy, width, height));
    else {
      const x1 = clamp(box.x1 + dx, box.x0 + STEP * width, width), y1 = clamp(box.y1 + dy, box.y0 + STEP * height, height);
      tell(state, "draw", { ...box, x1, y1 });
    }
  } else return;
  event.preventDefault();
  event.stopPropagation();
}
