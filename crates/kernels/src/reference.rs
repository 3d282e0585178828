//! Slow oracles in f64: what the kernels compute, and how far from it they may be.
//!
//! Plain loops without SIMD, blocks or skipping, written to be seen to be right: tests judge the kernels
//! by them and gradient checks differentiate them. The letters are those of [`spec`]: `x`
//! the features of an image, `W` [D x C] the weights, `b [C]` the biases, `z` the logits, `p` the
//! probabilities, `d` the error terms, over a batch of B images.
//!
//! Every bound is proven, not fitted. It rests on `u = 2^-24`, what one rounding changes relatively at
//! most, and on [`gamma`], what `n` of them do (Higham, "Accuracy and Stability of Numerical Algorithms",
//! lemma 3.1); `exp` and `ln` count as two roundings each, because they are within 1 ULP. Underflow adds
//! a few multiples of the smallest subnormal number. The oracle's own rounding, 2^-53, lies within the
//! second-order terms. Where f32 overflows nothing is bounded.

use crate::{MatRef, spec};

/// What one rounding to f32 changes, relatively: 2^-24.
pub const UNIT_ROUNDOFF: f64 = f32::EPSILON as f64 / 2.0;
/// The smallest subnormal f32, 2^-149: twice what one underflow changes.
const TINY: f64 = f32::from_bits(1) as f64;
/// Above e^-87, where the exponentials of the softmax end: 2^-125.
const CLAMPED: f64 = 2.0 * f32::MIN_POSITIVE as f64;

/// What `n` roundings to f32 in a row change at most, relatively: `n u / (1 - n u)`.
pub fn gamma(n: usize) -> f64 {
    let nu = n as f64 * UNIT_ROUNDOFF;
    nu / (1.0 - nu)
}

/// A product of matrices in f64.
#[derive(Clone, Debug, PartialEq)]
pub struct Product {
    /// `A B` [M x N], row-major.
    pub values: Vec<f64>,
    /// `|A| |B|` [M x N], row-major: what errors are measured by, because sums may cancel.
    pub magnitudes: Vec<f64>,
    /// K.
    pub inner: usize,
}

impl Product {
    /// How far element `i` may be from its value if computed in f32, in any order of the sum:
    /// `gamma(K) |A| |B|`.
    pub fn bound(&self, i: usize) -> f64 {
        gamma(self.inner) * self.magnitudes[i] + (self.inner + 1) as f64 * TINY
    }
}

/// Multiplies `a` [M x K] by `b` [K x N].
///
/// Panics if the shapes do not chain.
///
/// ```
/// use kernels::{MatRef, reference};
/// let (a, b) = ([1.0, 2.0], [3.0, -4.0]);
/// let product = reference::gemm(MatRef::new(&a, 1, 2), MatRef::new(&b, 2, 1));
/// assert_eq!((product.values[0], product.magnitudes[0]), (-5.0, 11.0));
/// assert!(product.bound(0) < 1.4e-6);
/// ```
pub fn gemm(a: MatRef<'_>, b: MatRef<'_>) -> Product {
    assert_eq!(a.cols(), b.rows(), "inner sizes differ: {a:?} times {b:?}");
    let mut product = Product { values: Vec::new(), magnitudes: Vec::new(), inner: a.cols() };
    for i in 0..a.rows() {
        for j in 0..b.cols() {
            let term = |k: usize| f64::from(a.at(i, k)) * f64::from(b.at(k, j));
            product.values.push((0..a.cols()).map(term).sum());
            product.magnitudes.push((0..a.cols()).map(|k| term(k).abs()).sum());
        }
    }
    product
}

/// A softmax classifier in f64; in the same shape, a gradient or the bounds of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// `W` [D x C], row-major in file order.
    pub weights: Vec<f64>,
    /// `b [C]`.
    pub bias: Vec<f64>,
}

impl From<&spec::Model> for Model {
    fn from(model: &spec::Model) -> Self {
        let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect();
        Self { weights: wide(&model.weights), bias: wide(&model.bias) }
    }
}

/// Computes the logits `z = s x W + b` of the image `x`, with `s` the `scale`.
pub fn logits(model: &Model, x: &[f32], scale: f32) -> Vec<f64> {
    let classes = model.bias.len();
    let sum = |c: usize| -> f64 {
        x.iter().enumerate().map(|(k, &x)| f64::from(x) * model.weights[k * classes + c]).sum()
    };
    (0..classes).map(|c| f64::from(scale) * sum(c) + model.bias[c]).collect()
}

/// How far each logit in f32 may be from [`logits`]: `gamma(D + 1) s |x| |W| + u |b|`.
///
/// A product passes through D roundings at most on its way into the sum, by whatever tree, and the
/// multiply-add with scale and bias rounds once more.
pub fn logit_bounds(model: &Model, x: &[f32], scale: f32) -> Vec<f64> {
    let (features, scale) = (x.len(), f64::from(scale));
    let magnitudes = Model {
        weights: model.weights.iter().map(|w| w.abs()).collect(),
        bias: vec![0.0; model.bias.len()],
    };
    let x: Vec<f32> = x.iter().map(|x| x.abs()).collect();
    let tiny = (features + 2) as f64 * TINY * (1.0 + scale);
    let sums = logits(&magnitudes, &x, 1.0).into_iter().zip(&model.bias);
    sums.map(|(sum, b)| gamma(features + 1) * scale * sum + UNIT_ROUNDOFF * b.abs() + tiny)
        .collect()
}

/// Probabilities and loss of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// The probability of each class.
    pub p: Vec<f64>,
    /// The cross-entropy against the label, in nats.
    pub loss: f64,
}

/// Softmax and cross-entropy of the logits `z` against the class `label`.
pub fn softmax(z: &[f64], label: u32) -> Softmax {
    let zmax = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = z.iter().map(|z| (z - zmax).exp()).sum();
    let p = z.iter().map(|z| (z - zmax).exp() / sum).collect();
    Softmax { p, loss: sum.ln() - (z[label as usize] - zmax) }
}

/// How far a probability in f32 may be from [`softmax`]'s, where each of the C logits is off by at most
/// `logit_bound`: `logit_bound / 2 + (C + 6 + ln C) u`.
///
/// The derivatives of `p_c` by the logits are `p_c (1 - p_c)` and `-p_c p_j`, 1/2 in sum at most. With
/// `t = z - zmax` an exponential is off by `(2 + |t|) u` relatively: times `p_c <= e^t` that is
/// `(2 + 1/e) u` at most, and averaged over the classes, as it enters the sum, `(2 + ln C) u`. Adding up
/// takes C - 1 roundings, the reciprocal and the product one each; the rest is second order.
pub fn probability_bound(classes: usize, logit_bound: f64) -> f64 {
    let c = classes as f64;
    logit_bound / 2.0 + (c + 6.0 + c.ln()) * UNIT_ROUNDOFF + c * CLAMPED
}

/// How far the sum of C probabilities in f32 may be from 1: `gamma(C + 1)`.
///
/// Whatever the exponentials are, C - 1 roundings make their sum, then come the reciprocal and the
/// products.
pub fn probability_sum_bound(classes: usize) -> f64 {
    gamma(classes + 1) + classes as f64 * TINY
}

/// How far a row loss in f32 may be from the exact `loss`, where each of the C logits is off by at most
/// `logit_bound` (call it e): `2 e + (C + 3 + 3 ln C + 2 (loss + 2 e)) u`.
///
/// The derivatives of the loss by the logits are `p - [c = y]`, 2 in sum at most. The sum of
/// exponentials is off by `(C + 1 + ln C) u` relatively, so its logarithm by as much absolutely and by
/// `2 u ln C` of its own; `z_y - zmax` and the difference round once each, by `loss u` at most.
pub fn loss_bound(classes: usize, logit_bound: f64, loss: f64) -> f64 {
    let c = classes as f64;
    let rounding = c + 3.0 + 3.0 * c.ln() + 2.0 * (loss + 2.0 * logit_bound);
    2.0 * logit_bound + rounding * UNIT_ROUNDOFF + c * CLAMPED
}

/// Computes what training minimises: the mean loss of a batch plus `l2 / 2 |W|^2`.
pub fn loss(model: &Model, batch: &spec::Batch<'_>, l2: f64) -> f64 {
    let row = |(x, label)| softmax(&logits(model, x, batch.scale), label).loss;
    let mean = images(batch).map(row).sum::<f64>() / batch.labels.len() as f64;
    mean + l2 / 2.0 * model.weights.iter().map(|w| w * w).sum::<f64>()
}

/// Computes the gradient of [`loss`] by weights and biases:
/// `G = s / B x^T (p - y) + l2 W`, the mean of `p - y` for the biases.
pub fn gradient(model: &Model, batch: &spec::Batch<'_>, l2: f64) -> Model {
    let (n, classes) = (batch.labels.len() as f64, model.bias.len());
    let weights = model.weights.iter().map(|w| l2 * w).collect();
    let mut g = Model { weights, bias: vec![0.0; classes] };
    for (x, label) in images(batch) {
        let p = softmax(&logits(model, x, batch.scale), label).p;
        for c in 0..classes {
            let d = (p[c] - target(label, c)) / n;
            g.bias[c] += d;
            for (k, &x) in x.iter().enumerate() {
                g.weights[k * classes + c] += f64::from(batch.scale) * f64::from(x) * d;
            }
        }
    }
    g
}

/// How far a gradient in f32 may be from [`gradient`]:
/// `|x|^T e + gamma(B + 1) |x|^T (|d| + e) + u l2 |W|` for the weights, where the error terms `d` are off
/// by `e`: their probability's bound and three roundings.
///
/// The biases' sums are in f64; what remains is the mean bound of the probabilities and one rounding.
pub fn gradient_bounds(model: &Model, batch: &spec::Batch<'_>, l2: f64) -> Model {
    let (n, classes) = (batch.labels.len(), model.bias.len());
    let k = f64::from(batch.scale) / n as f64;
    let tiny = (n + 1) as f64 * TINY;
    let weights = model.weights.iter().map(|w| UNIT_ROUNDOFF * l2 * w.abs() + tiny).collect();
    let mut bounds = Model { weights, bias: vec![n as f64 * f64::EPSILON; classes] };
    for (x, label) in images(batch) {
        let p = softmax(&logits(model, x, batch.scale), label).p;
        let off = logit_bounds(model, x, batch.scale).into_iter().fold(0.0, f64::max);
        let p_off = probability_bound(classes, off);
        for c in 0..classes {
            let error = (p[c] - target(label, c)).abs();
            let d_off = k * (p_off + gamma(3) * (error + p_off)) + TINY;
            bounds.bias[c] += (p_off + UNIT_ROUNDOFF * (error + p_off)) / n as f64;
            for (i, &x) in x.iter().enumerate() {
                bounds.weights[i * classes + c] +=
                    f64::from(x.abs()) * (d_off + gamma(n + 1) * (k * error + d_off));
            }
        }
    }
    bounds
}

/// The images of a batch with their labels.
fn images<'a>(batch: &spec::Batch<'a>) -> impl Iterator<Item = (&'a [f32], u32)> + use<'a> {
    let features = batch.features.len() / batch.labels.len();
    batch.features.chunks_exact(features).zip(batch.labels.iter().copied())
}

/// 1 for the image's own class, else 0.
fn target(label: u32, class: usize) -> f64 {
    f64::from(u8::from(label as usize == class))
}
