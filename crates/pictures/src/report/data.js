// What the program put into the page, unpacked.

const data = JSON.parse(byId("data").textContent);
const { classes, features } = data;
const hasImages = data.height !== null;
const [height, width] = [data.height ?? 1, data.width ?? features];

function bytes(base64) {
  const text = atob(base64);
  const all = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) all[i] = text.charCodeAt(i);
  return all;
}

// Numbers are little-endian in the page, whatever this machine is.
function floats(packed) {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  return Float64Array.from({ length: packed.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
}

// Runs of zeros stand as 0 and their length; most of an image is paper. Images are not PNGs, because what
// a browser gives back of one may be colour-managed or blurred on purpose, and these must be exact.
function unpackZeros(packed, length) {
  const all = new Uint8Array(length);
  let at = 0;
  for (let i = 0; i < packed.length; i++) {
    if (packed[i] === 0) at += packed[++i];
    else all[at++] = packed[i];
  }
  return all;
}

const weights = floats(bytes(data.weights)); // [features x classes], row by row
const bias = floats(bytes(data.bias));

const stored = data.images;
const pixels = (() => {
  const n = stored.index.length * features;
  const packed = bytes(stored.pixels);
  return stored.bytes ? unpackZeros(packed, n) : floats(unpackZeros(packed, 4 * n));
})();

// The images that the page has: place in the test file, label, prediction, pixels as the file has them.
const images = stored.index.map((index, i) => ({
  index,
  label: stored.label[i],
  predicted: stored.predicted[i],
  pixels: pixels.subarray(i * features, (i + 1) * features),
}));
