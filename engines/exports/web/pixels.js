// A picture becomes the network's input, number for number as Headstart does it: a square, seen in one way or several.
"use strict";
const LARGEST = 80e6;  // pixels of a picture that is looked at

// Python's round(): a half goes to the even number.
const rounded = (x) => (Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x));

const cubic = (x) => (x = Math.abs(x), x < 1 ? (1.5 * x - 2.5) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0);
const linear = (x) => Math.max(0, 1 - Math.abs(x));

// A file -> { data: Uint8 (height * width * 3), width, height }: upright, transparent ones on white. A large JPEG comes
// out smaller by a half, a quarter or an eighth, as long as its sides keep `atLeast` pixels.
async function decoded(file, atLeast) {
  const start = new Uint8Array(await file.slice(0, 3).arrayBuffer());
  const asStored = { imageOrientation: "from-image", colorSpaceConversion: "none", premultiplyAlpha: "default" };
  const bitmap = await createImageBitmap(file, asStored);
  const { width, height } = bitmap;
  if (width * height > LARGEST) throw new Error("has too many pixels");
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = "white";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data } = pen.getImageData(0, 0, width, height);
  canvas.width = canvas.height = 0;  // phones give the memory back now, and not when they think of it
  const fits = Math.min(Math.floor(width / atLeast), Math.floor(height / atLeast));
  const isJpeg = start[0] === 0xff && start[1] === 0xd8 && start[2] === 0xff;
  return blockMeans(data, width, height, isJpeg ? [8, 4, 2, 1].find((by) => fits >= by) ?? 1 : 1);
}

// RGBA -> RGB, of each block of by × by pixels the mean.
function blockMeans(data, width, height, by) {
  const wide = Math.ceil(width / by), high = Math.ceil(height / by), out = new Uint8Array(wide * high * 3);
  for (let y = 0, to = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const right = Math.min(width, (x + 1) * by), low = Math.min(height, (y + 1) * by);
      let red = 0, green = 0, blue = 0;
      for (let j = y * by; j < low; j++) {
        for (let i = x * by, at = (j * width + i) * 4; i < right; i++, at += 4) {
          red += data[at];
          green += data[at + 1];
          blue += data[at + 2];
        }
      }
      const n = (right - x * by) * (low - y * by);
      out[to++] = Math.round(red / n);
      out[to++] = Math.round(green / n);
      out[to++] = Math.round(blue / n);
    }
  }
  return { data: out, width: wide, height: high };
}

// To another size as torchvision does it with antialias, to the bit: weights are whole numbers of 16 bits.
function resized(picture, width, height, kernel) {
  const { data } = picture, narrow = along(data, picture.height, picture.width, width, 3, kernel);
  return { data: along(narrow, 1, picture.height, height, width * 3, kernel), width, height };
}

// `lines` times `n` entries of `step` numbers each -> `size` entries: each a weighted sum of those around it.
function along(data, lines, n, size, step, kernel) {
  if (n === size) return data;
  const scale = n / size, wide = Math.max(scale, 1), reach = wide * (kernel === cubic ? 2 : 1), places = [];
  for (let row = 0; row < size; row++) {
    const centre = scale * (row + 0.5);
    const first = Math.max(Math.trunc(centre - reach + 0.5), 0), last = Math.min(Math.trunc(centre + reach + 0.5), n);
    const shares = Array.from({ length: last - first }, (_, i) => kernel((first + i - centre + 0.5) / wide));
    const sum = shares.reduce((a, b) => a + b, 0);
    places.push({ first, shares: shares.map((share) => share / sum) });
  }
  const largest = places.reduce((most, { shares }) => Math.max(most, ...shares), -Infinity);
  let bits = 0;
  while (bits < 22 && Math.trunc(0.5 + largest * 2 ** (bits + 1)) < 1 << 15) bits++;
  const half = 1 << (bits - 1), out = new Uint8ClampedArray(lines * size * step);
  places.forEach(({ first, shares }, row) => {
    const whole = shares.map((share) => Math.trunc(share * 2 ** bits + (share < 0 ? -0.5 : 0.5)));
    for (let line = 0; line < lines; line++) {
      const from = (line * n + first) * step, to = (line * size + row) * step;
      for (let part = 0; part < step; part++) {
        let total = half;
        for (let i = 0; i < whole.length; i++) total += whole[i] * data[from + i * step + part];
        out[to + part] = total >> bits;
      }
    }
  });
  return out;
}

function cut({ data, width }, left, top, wide, high) {
  const out = new Uint8Array(wide * high * 3);
  for (let y = 0; y < high; y++) {
    const from = ((top + y) * width + left) * 3;
    out.set(data.subarray(from, from + wide * 3), y * wide * 3);
  }
  return { data: out, width: wide, height: high };
}

// The mean colour of the outermost pixels.
function edgeColour({ data, width, height }) {
  const sums = [0, 0, 0];
  const add = (x, y) => sums.forEach((_, c) => { sums[c] += data[(y * width + x) * 3 + c]; });
  for (let x = 0; x < width; x++) add(x, 0), add(x, height - 1);
  for (let y = 0; y < height; y++) add(0, y), add(width - 1, y);
  return sums.map((sum) => rounded(sum / (2 * (width + height))));
}

// The square that a picture is kept as, `run.stored` pixels wide: its middle, or all of it on its own edge's colour.
function square(picture, run) {
  const side = run.stored, { width, height } = picture;
  if (run.framing === "crop") {
    const short = Math.min(width, height), left = Math.floor((width - short) / 2), top = Math.floor((height - short) / 2);
    return resized(cut(picture, left, top, short, short), side, side, cubic);
  }
  const scale = side / Math.max(width, height);
  const narrow = Math.max(1, rounded(width * scale)), low = Math.max(1, rounded(height * scale));
  const small = resized(picture, narrow, low, cubic), colour = edgeColour(picture);
  const left = Math.floor((side - narrow) / 2), top = Math.floor((side - low) / 2);
  const data = Uint8Array.from({ length: side * side * 3 }, (_, i) => colour[i % 3]);
  for (let y = 0; y < low; y++) {
    data.set(small.data.subarray(y * narrow * 3, (y + 1) * narrow * 3), ((top + y) * side + left) * 3);
  }
  return { data, width: side, height: side };
}

// The ways in which the square is looked at; answers are averaged over them.
function looks(kept, run) {
  const { size, stored } = run, over = stored - size, middle = rounded(over / 2);
  const plain = run.framing === "crop" ? cut(kept, middle, middle, size, size) : resized(kept, size, size, linear);
  if (run.test_time === "flip") return [plain, mirrored(plain)];
  if (run.test_time !== "five-crop") return [plain];
  const corners = [[0, 0], [over, 0], [0, over], [over, over], [middle, middle]];
  return [plain, ...corners.map(([left, top]) => cut(kept, left, top, size, size))];
}

function mirrored({ data, width, height }) {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + width - 1 - x) * 3;
      out.set(data.subarray(from, from + 3), (y * width + x) * 3);
    }
  }
  return { data: out, width, height };
}

// float32 (3 * size * size), as the network expects it.
function input({ data }, run) {
  const n = data.length / 3, out = new Float32Array(3 * n);
  for (let c = 0; c < 3; c++) {
    const mean = Math.fround(run.mean[c]), std = Math.fround(run.std[c]);
    for (let i = 0; i < n; i++) out[c * n + i] = Math.fround(Math.fround(Math.fround(data[i * 3 + c] / 255) - mean) / std);
  }
  return out;
}
