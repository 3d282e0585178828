// The model itself: two loops and a softmax.

// Logits of an image. Sums are of 64 bits; the program's are of 32, and both agree to six digits or so.
function logits(x) {
  const z = new Float64Array(classes.length);
  for (let i = 0; i < features; i++) {
    if (x[i] === 0) continue; // most of an image is paper
    const row = i * classes.length;
    for (let c = 0; c < classes.length; c++) z[c] += x[i] * weights[row + c];
  }
  return z.map((sum, c) => sum * data.scale + bias[c]);
}

function probabilities(x) {
  const z = logits(x);
  const largest = z.reduce((a, b) => Math.max(a, b));
  const e = z.map((value) => Math.exp(value - largest));
  const sum = e.reduce((a, b) => a + b);
  return e.map((value) => value / sum);
}

// The most probable class, and the next; of equals the lower.
function bestTwo(p) {
  let [best, next] = [0, -1];
  for (let c = 1; c < p.length; c++) {
    if (p[c] > p[best]) [next, best] = [best, c];
    else if (next < 0 || p[c] > p[next]) next = c;
  }
  return [best, Math.max(next, 0)];
}

// Why class `a` and not `b`: the margin of their logits as a sum over pixels.
//
// The order is the definition, so that program and page agree to the last bit: shares in the order of the
// pixels, summed from 0 in 64 bits, then the difference of the biases.
function explain(x, a, b) {
  const shares = new Float64Array(features);
  let sum = 0;
  for (let i = 0; i < features; i++) {
    const row = i * classes.length;
    shares[i] = (x[i] * data.scale) * (weights[row + a] - weights[row + b]);
    sum += shares[i];
  }
  const biasShare = bias[a] - bias[b];
  return { shares, sum, bias: biasShare, margin: sum + biasShare };
}
