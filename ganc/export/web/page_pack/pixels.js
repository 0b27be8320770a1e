// Between what a canvas holds, RGBA of 0..255, and what a network takes and gives.

const rgb = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

// What a network is given of a canvas: {port: [type, values, shape]}.
export function encode(canvas, about) {
  const { width, height } = canvas;
  const data = canvas.getContext("2d", { willReadFrequently: true }).getImageData(0, 0, width, height).data;
  const shape = [1, height, width, about.channels];
  if (!about.palette.length) return { picture: ["uint8", withoutAlpha(data), shape] };
  return { labels: ["uint8", oneHot(classesOf(data, about.palette), width, height, about), shape] };
}

function withoutAlpha(data) {
  const values = new Uint8Array((data.length / 4) * 3);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    values[to++] = data[from];
    values[to++] = data[from + 1];
    values[to++] = data[from + 2];
  }
  return values;
}

// Of each pixel the class whose colour is nearest.
function classesOf(data, palette) {
  const colours = palette.map(({ colour }) => rgb(colour)), known = new Map();
  const found = new Uint16Array(data.length / 4);
  for (let pixel = 0; pixel < found.length; pixel++) {
    const [r, g, b] = data.subarray(4 * pixel, 4 * pixel + 3), code = (r << 16) | (g << 8) | b;
    if (!known.has(code)) {
      const far = colours.map((c) => (c[0] - r) ** 2 + (c[1] - g) ** 2 + (c[2] - b) ** 2);
      known.set(code, far.indexOf(Math.min(...far)));
    }
    found[pixel] = known.get(code);
  }
  return found;
}

function oneHot(classes, width, height, { channels, edges }) {
  const values = new Uint8Array(classes.length * channels);
  const differs = (i, j) => classes[i] !== classes[j];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      values[i * channels + classes[i]] = 1;
      const edge = (x && differs(i, i - 1)) || (x + 1 < width && differs(i, i + 1)) ||
        (y && differs(i, i - width)) || (y + 1 < height && differs(i, i + width));
      if (edges && edge) values[i * channels + channels - 1] = 1;
    }
  }
  return values;
}

// A network's picture on a canvas.
export function show(canvas, values, [, height, width]) {
  const image = new ImageData(width, height);
  for (let from = 0, to = 0; from < values.length; to += 4) {
    image.data[to] = values[from++];
    image.data[to + 1] = values[from++];
    image.data[to + 2] = values[from++];
    image.data[to + 3] = 255;
  }
  Object.assign(canvas, { width, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Puts a picture, a bitmap or a frame of a video, on a canvas, shrunk to `side` where it is larger.
export function place(canvas, source, width, height, { side, least, crisp }) {
  const scale = Math.min(1, side / Math.max(width, height));
  const grown = Math.max(scale, least / Math.min(width, height));
  canvas.width = Math.round(width * grown);
  canvas.height = Math.round(height * grown);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.imageSmoothingEnabled = !crisp; // labels have no colours in between
  context.imageSmoothingQuality = "high";
  context.fillStyle = "#fff"; // under what is transparent
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 0, canvas.width, canvas.height);
}
