//! The numerics of the whole project in plain scalar Rust: from a batch of images to updated weights.
//!
//! This file is the definition (version 2); docs/numerics.md explains its choices point by point. Every
//! fast kernel must give the same bits, on every processor and at any number of threads, or is wrong.
//! Read it top to bottom: `x` are the features of one image, `W` [features x classes] the weights, `b`
//! the biases, `z = x W + b` the logits, `p` the probabilities, `d` the error terms, `g` the gradient.
//!
//! Only `+ - * /`, `sqrt`, comparisons, integers and the fused multiply-add are used: IEEE 754 rounds
//! them correctly, so they can't differ between machines. The library's `exp` and `ln` can.

use crate::NonFinite;

/// The definition's version; it changes whenever one bit of any result does.
pub const NUMERICS_VERSION: u32 = 2;
/// Features in a block, and partial sums of a dot product.
pub const LANES: usize = 8;
/// Up to this many classes features are summed block by block; above, one after the other.
pub const FEW_CLASSES: usize = 16;

/// `a * b + c` with one rounding.
fn fma(a: f32, b: f32, c: f32) -> f32 {
    a.mul_add(b, c)
}

/// Adds eight partial sums in the one order that every vector width can follow: halves onto halves.
pub(crate) fn sum8<T: Copy + std::ops::Add<Output = T>>(s: [T; LANES]) -> T {
    ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
}

/// Lists the features of every block, by their index in the file; `None` lies past the image's edge.
///
/// An image of `(height, width)` is cut into squares of 4 by 4, row by row from the top left, and these into an upper and a
/// lower tile, because neighbouring pixels tend to be zero together. Without a shape, blocks are runs of 8.
pub fn blocks(features: usize, image: Option<(usize, usize)>) -> Vec<[Option<usize>; LANES]> {
    let Some((height, width)) = image else {
        let lane = |block: usize, j: usize| Some(block * LANES + j).filter(|&k| k < features);
        return (0..features.div_ceil(LANES))
            .map(|t| std::array::from_fn(|j| lane(t, j)))
            .collect();
    };
    let mut tiles = Vec::new();
    for square in (0..height).step_by(4) {
        for left in (0..width).step_by(4) {
            for top in (square..height.min(square + 4)).step_by(2) {
                tiles.push(std::array::from_fn(|lane| {
                    let (y, x) = (top + lane / 4, left + lane % 4);
                    (y < height && x < width).then_some(y * width + x)
                }));
            }
        }
    }
    tiles
}

/// How many of so many blocks are the first half: an even number, if there are others.
pub(crate) fn first_half(blocks: usize) -> usize {
    blocks.min(blocks.div_ceil(4) * 2)
}

/// `e^x` for `-87 <= x <= 0`, within 1 ULP: `2^n * e^r` with `n` the integer nearest to `x / ln 2`.
pub fn exp(x: f32) -> f32 {
    let t = fma(x, std::f32::consts::LOG2_E, EXP_ROUND); // the low bits of t hold n
    let n = t - EXP_ROUND;
    let r = fma(n, -LN2_LO, fma(n, -LN2_HI, x));
    let p = EXP_POLY.iter().fold(0.0, |p, &c| fma(p, r, c));
    f32::from_bits(p.to_bits().wrapping_add(t.to_bits() << 23))
}
/// 1.5 * 2^23: adding it rounds to an integer, which then stands in the lowest bits.
pub(crate) const EXP_ROUND: f32 = 12_582_912.0;
pub(crate) const LN2_HI: f32 = std::f32::consts::LN_2;
pub(crate) const LN2_LO: f32 = -1.904_654_2e-9;
/// e^r on |r| <= ln 2 / 2, highest power first: the last two are those of 1 + r, the others a minimax fit
/// (relative error 3.1e-9, computed by Remez exchange in 40 digits).
pub(crate) const EXP_POLY: [f32; 7] =
    [0.001_381_459_9, 0.008_368_717, 0.041_668_39, 0.166_665_21, 0.499_999_94, 1.0, 1.0];

/// The natural logarithm of a positive normal number, within 1 ULP: `k ln 2 + ln(1 + f)` with
/// `x = 2^k (1 + f)` and `1 + f` between the square roots of 1/2 and 2.
pub fn ln(x: f32) -> f32 {
    let k = (x.to_bits().wrapping_sub(SQRT_HALF_BITS) as i32) >> 23;
    let f = f32::from_bits(x.to_bits().wrapping_sub((k as u32) << 23)) - 1.0;
    let k = k as f32;
    let q = LN_POLY.iter().fold(0.0, |q, &c| fma(q, f, c));
    let f2 = f * f;
    let tail = fma(-0.5, f2, fma(k, LN2_LO, f * f2 * q));
    fma(k, LN2_HI, f + tail)
}
pub(crate) const SQRT_HALF_BITS: u32 = 0x3f35_04f3;
/// (ln(1 + f) - f + f^2 / 2) / f^3, highest power first: a minimax fit (error of ln 5.8e-9, relative).
#[rustfmt::skip]
pub(crate) const LN_POLY: [f32; 8] = [
    -0.076_345_03, 0.127_615_78, -0.131_601_81, 0.142_017_57, -0.166_233_57, 0.200_012_27,
    -0.250_008_2, 0.333_333_3,
];

/// A softmax classifier; in the same shape, the moments of an optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// `W` [features x classes], row-major, in the image's own pixel order.
    pub weights: Vec<f32>,
    /// `b` `[classes]`.
    pub bias: Vec<f32>,
    /// Height and width of an image, or `None` where features have no shape.
    pub image: Option<(usize, usize)>,
}

/// A batch of B images.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// The features [B x D] in file order, without -0; u8 pixels as the integers 0..=255.
    pub features: &'a [f32],
    /// What a feature is multiplied by: 1/255 for u8 pixels, 1 for f32 features.
    pub scale: f32,
    /// The class of each image `[B]`.
    pub labels: &'a [u32],
}

/// The blocks of the image `x` that take part in sums, each with its half, 0 or 1: with few classes only those with a
/// feature that is not zero, because most of a picture is background.
fn active_blocks(model: &Model, x: &[f32]) -> Vec<(usize, [Option<usize>; LANES])> {
    let blocks = blocks(x.len(), model.image);
    let (few, first) = (model.bias.len() <= FEW_CLASSES, first_half(blocks.len()));
    let halves = blocks.into_iter().enumerate().map(|(t, block)| (usize::from(t >= first), block));
    halves.filter(|(_, block)| !few || block.iter().flatten().any(|&k| x[k] != 0.0)).collect()
}

/// The logits `[C]` of one image `x` `[D]`.
pub fn logits(model: &Model, x: &[f32], scale: f32) -> Vec<f32> {
    let classes = model.bias.len();
    let active = active_blocks(model, x);
    let sum = |c: usize| -> f32 {
        let term = |sum: f32, k: usize| fma(x[k], model.weights[k * classes + c], sum);
        if classes > FEW_CLASSES {
            return (0..x.len()).fold(0.0, term);
        }
        // In two halves, so that of two threads each can have the weights of one to itself.
        let mut s = [[0.0; LANES]; 2];
        for &(half, block) in &active {
            for (s, k) in s[half].iter_mut().zip(block) {
                *s = k.map_or(*s, |k| term(*s, k));
            }
        }
        (0.0 + sum8(s[0])) + sum8(s[1])
    };
    (0..classes).map(|c| fma(sum(c), scale, model.bias[c])).collect()
}

/// What the softmax makes of one image's logits.
#[derive(Clone, Debug, PartialEq)]
pub struct Softmax {
    /// The probability of each class.
    pub p: Vec<f32>,
    /// The cross-entropy against the label, in nats.
    pub loss: f32,
    /// The lowest class among those with the largest logit.
    pub predicted: u32,
}

/// Softmax and cross-entropy of one image's logits `z` `[C]` with the class `label`. The loss comes from the logits: the
/// logarithm of a probability that was rounded to zero would be infinite.
pub fn softmax(z: &[f32], label: u32) -> Softmax {
    let predicted = (1..z.len()).fold(0, |best, c| if z[c] > z[best] { c } else { best });
    let zmax = z[predicted];
    let e: Vec<f32> = z.iter().map(|&zc| exp((zc - zmax).max(-87.0))).collect();
    let sum = e.iter().fold(0.0, |sum, &ec| sum + ec);
    let reciprocal = 1.0 / sum;
    let p = e.iter().map(|&ec| ec * reciprocal).collect();
    Softmax { p, loss: ln(sum) - (z[label as usize] - zmax), predicted: predicted as u32 }
}

/// The gradient of the mean loss over a batch, in the shape of the model; `rows` are the softmax of its images.
///
/// Panics if the batch has no labels.
pub fn gradient(model: &Model, rows: &[Softmax], batch: &Batch<'_>) -> Model {
    let (n, classes) = (rows.len(), model.bias.len());
    let k = batch.scale / n as f32;
    let mut g = Model { weights: vec![0.0; model.weights.len()], ..model.clone() };
    for (i, x) in batch.features.chunks_exact(batch.features.len() / n).enumerate() {
        let is = |c: usize| if batch.labels[i] as usize == c { 1.0 } else { 0.0 };
        for feature in active_blocks(model, x).into_iter().flat_map(|(_, block)| block).flatten() {
            for c in 0..classes {
                let sum = &mut g.weights[feature * classes + c];
                *sum = fma(x[feature], (rows[i].p[c] - is(c)) * k, *sum);
            }
        }
    }
    for c in 0..classes {
        // In f64: where the exact sum is zero, Adam would make a full step of f32 rounding noise.
        let mut s = [0.0f64; LANES];
        for (i, row) in rows.iter().enumerate() {
            s[i % LANES] += f64::from(row.p[c]);
        }
        let images = batch.labels.iter().filter(|&&label| label as usize == c).count();
        g.bias[c] = ((sum8(s) - images as f64) / n as f64) as f32;
    }
    g
}

/// How a gradient changes a weight; the numbers of one step.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the letters are those of the formulas in `update`")]
pub enum Rule {
    /// Stochastic gradient descent.
    Sgd { lr: f32 },
    /// Gradient descent with a running sum of gradients (Polyak's heavy ball).
    Momentum { lr: f32, mu: f32 },
    /// Adam in TensorFlow 1's form: `c1 = 1 - beta1`, `c2 = 1 - beta2`,
    /// `a = lr * sqrt(1 - beta2^t) / (1 - beta1^t)` (Kingma and Ba 2015, end of section 2); `eps > 0`.
    Adam { c1: f32, c2: f32, a: f32, eps: f32 },
}

/// What a step does to every weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// The optimiser's rule.
    pub rule: Rule,
    /// The slope of the L2 penalty: `l2 * w` is added to the gradient of a weight `w`.
    pub l2: f32,
}

/// Updates one weight `w` and its moments `m` and `v` by the gradient `g`.
pub fn update(rule: Rule, g: f32, w: &mut f32, m: &mut f32, v: &mut f32) {
    match rule {
        Rule::Sgd { lr } => *w = fma(-lr, g, *w),
        Rule::Momentum { lr, mu } => {
            *m = fma(mu, *m, g);
            *w = fma(-lr, *m, *w);
        }
        Rule::Adam { c1, c2, a, eps } => {
            *m = fma(c1, g - *m, *m);
            *v = fma(c2, g * g - *v, *v);
            *w -= (a * *m) / (v.sqrt() + eps);
        }
    }
}

/// One training step. The penalty `l2 / 2 |W|^2` is in no loss, and biases have none. Returns what the softmax made of
/// every image before the update.
///
/// Panics if the batch has no labels.
pub fn step(
    (model, m, v): (&mut Model, &mut Model, &mut Model),
    Update { rule, l2 }: Update,
    batch: &Batch<'_>,
) -> Result<Vec<Softmax>, NonFinite> {
    let mut rows = Vec::new();
    let images = batch.features.chunks_exact(batch.features.len() / batch.labels.len());
    for (image, (x, &label)) in images.zip(batch.labels).enumerate() {
        let z = logits(model, x, batch.scale);
        if let Some(class) = z.iter().position(|z| !z.is_finite()) {
            return Err(NonFinite::Logit { image, class });
        }
        rows.push(softmax(&z, label));
    }
    let g = gradient(model, &rows, batch);
    for (i, w) in model.weights.iter_mut().enumerate() {
        update(rule, fma(l2, *w, g.weights[i]), w, &mut m.weights[i], &mut v.weights[i]);
    }
    for (c, b) in model.bias.iter_mut().enumerate() {
        update(rule, g.bias[c], b, &mut m.bias[c], &mut v.bias[c]);
    }
    NonFinite::check(&model.weights, &model.bias)?;
    Ok(rows)
}

/// The loss of a batch or a set: the mean of its row losses, summed in f64 in position order.
pub fn mean_loss(losses: impl Iterator<Item = f32>) -> f64 {
    let (sum, count) = losses.fold((0.0, 0), |(sum, n), loss| (sum + f64::from(loss), n + 1));
    sum / f64::from(count)
}
