// Images, maps and shares on canvases, one canvas pixel for each pixel; CSS makes them larger.

const diverging = bytes(data.diverging); // 255 colours, the middle is white

// A canvas of the model's image size, with `colour(i)` giving red, green, blue of pixel i.
function paint(canvas, colour) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  const area = context.createImageData(width, height);
  for (let i = 0; i < width * height; i++) area.data.set([...colour(i), 255], 4 * i);
  context.putImageData(area, 0, 0);
  return canvas;
}

function drawing(label) {
  return el("canvas", label === null ? { "aria-hidden": "true" } : { role: "img", "aria-label": label });
}

// Ink on paper. Features that are not bytes have no fixed range; theirs is the image's own.
function paintImage(canvas, x) {
  let [low, high] = [0, 255];
  if (!stored.bytes) {
    low = x.reduce((a, b) => Math.min(a, b), 0);
    high = x.reduce((a, b) => Math.max(a, b), low + 1e-30);
  }
  return paint(canvas, (i) => {
    const grey = 255 - Math.round(255 * (x[i] - low) / (high - low));
    return [grey, grey, grey];
  });
}

// Values from -largest, blue, through white to +largest, red.
function paintSigned(canvas, value, largest) {
  return paint(canvas, (i) => {
    const part = largest > 0 ? Math.max(-1, Math.min(1, value(i) / largest)) : 0;
    const at = 3 * (127 + Math.round(127 * part));
    return [diverging[at], diverging[at + 1], diverging[at + 2]];
  });
}

// An image beside the shares of its pixels, and the sum in words. `a` is what it was taken for, `b` the class
// that the margin is measured against.
function why(x, a, b, [imageName, sharesName]) {
  const { shares, sum, bias: biasShare, margin } = explain(x, a, b);
  const largest = shares.reduce((most, share) => Math.max(most, Math.abs(share)), 0);
  const figure = (canvas, name) => el("figure", {}, canvas, el("figcaption", {}, name));
  const line = (sign, name, value) => [el("dt", {}, name), el("dd", {}, sign, exact(value))];
  const node = el("div", { class: "why" });
  node.append(
    el("div", { class: "pair" },
      figure(paintImage(drawing(imageName), x), imageName),
      figure(paintSigned(drawing(`Shares of the pixels for ${classes[a]} against ${classes[b]}`),
        (i) => shares[i], largest), sharesName)),
    el("dl", { class: "sum" }, ...line("", "all pixels", sum), ...line("+ ", "biases", biasShare),
      ...line("= ", `margin of ${classes[a]} over ${classes[b]}`, margin)));
  return node;
}
