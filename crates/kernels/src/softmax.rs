//! Softmax and cross-entropy: loss, prediction and error terms, in three passes over the classes of 16 rows at a time.
//!
//! ```text
//! of each row, S [C] and b [C]:
//!     z = S * scale + b;  zmax = max z                                logits
//!     e = exp(max(z - zmax, -87));  sum = e added up                  exponentials
//!     p = e * (1 / sum);  d = (p - [c = y]) * error_scale             errors
//!     loss = ln(sum) - (z_y - zmax)
//! then d of 16 rows x 16 classes is transposed                        for the backward pass, row by row
//! ```
//!
//! Rows are lanes and classes are steps of a loop, so that no sum crosses lanes and one logarithm serves
//! 16 rows (two on 8-lane tiers). The logits stand as [group of 16 rows][class][row]; probabilities
//! replace them.
//!
//! Registers: the first pass keeps maximum, class, logit of the label and poison of each vector of rows, and its label; AVX-512
//! 5 + scale, bias, class, zero and z = 10 of 32; AVX2, with two vectors, 10 + 5 = 15 of 16.
//!
//! 100 rows of 10 classes on Zen 4: 6.2 ns a row with AVX-512; with AVX2 8.5, and 9.4 when the 8 rows of a vector
//! went through all passes before the next 8.
//!
//! # Tried and lost
//!
//! Not worth it on Zen 4, of a training step, compared in one process:
//!
//! | tried | time |
//! |---|---|
//! | passes written out for ten classes, which stay in registers | 0.3 % less, two threads no difference |
//! | rows of error terms without room between them | 0.1 and 0.6 % less |

use crate::batch::{GROUP, SoftmaxRows};
use crate::exp::{exp, ln};
use crate::isa::{Isa, dispatch};
use crate::simd::{F32x16, Simd, transpose16};

/// Turns the sums of `rows` into probabilities, losses, predictions and error terms; returns whether all
/// logits are finite.
///
/// Past the last row the probabilities are zero. Shapes: `bias` `[C]`. `scale` multiplies the sums, `error_scale`
/// the error terms (`scale / B`). Equals `spec::softmax` bit for bit; exp and ln are within 1 ULP.
///
/// Panics if there are no classes or more than the batch was begun with.
pub fn softmax(
    isa: Isa,
    mut rows: SoftmaxRows<'_>,
    bias: &[f32],
    scale: f32,
    error_scale: f32,
) -> bool {
    let padded = rows.padded;
    assert!(!bias.is_empty() && bias.len() <= padded, "{} classes of {padded}", bias.len());
    let scales = (scale, error_scale);
    dispatch!(isa, |s| in_vectors(s, &mut rows, padded, bias, scales))
}

/// Takes the 16 rows of a group in `V` vectors, which go through each pass together: one after the other, the latency
/// at the end of each pass would be paid twice.
#[inline(always)]
fn in_vectors<S: Simd>(
    s: S,
    rows: &mut SoftmaxRows<'_>,
    padded: usize,
    bias: &[f32],
    scales: (f32, f32),
) -> bool {
    match GROUP / S::LANES {
        1 => all_groups::<S, 1>(s, rows, padded, bias, scales),
        _ => all_groups::<S, 2>(s, rows, padded, bias, scales),
    }
}

#[inline(always)]
fn all_groups<S: Simd, const V: usize>(
    s: S,
    rows: &mut SoftmaxRows<'_>,
    padded: usize,
    bias: &[f32],
    (scale, error_scale): (f32, f32),
) -> bool {
    let mut poison = s.splat(0.0);
    let sums = rows.sums.chunks_exact_mut(padded).zip(rows.errors.chunks_exact_mut(padded));
    let outs = rows.labels.iter().zip(rows.losses.iter_mut().zip(rows.predicted.iter_mut()));
    for ((z, d), (label, (loss, predicted))) in sums.zip(outs) {
        // The batch may have had more classes before; padding must be zero.
        d[bias.len()..].fill(F32x16::default());
        let (z, d) = (&mut z[..bias.len()], &mut d[..bias.len()]);
        let label = load::<S, V>(s, label);
        let top = logits(s, z, bias, scale, &label);
        let sum = exponentials(s, z, &top);
        errors(s, (&mut *z, d), &label, (&sum, error_scale));
        for v in 0..V {
            let Top { zmax, predicted: class, z_label, poison: bad } = top[v];
            let row_loss = s.sub(ln(s, sum[v]), s.sub(z_label, zmax));
            s.store(row_loss, &mut loss.0[v * S::LANES..]);
            s.store(class, &mut predicted.0[v * S::LANES..]);
            poison = s.add(poison, bad);
        }
    }
    for p in rows.sums.chunks_exact_mut(padded).skip(rows.len / GROUP).flatten() {
        p.0[rows.len % GROUP..].fill(0.0);
    }
    transpose(s, rows, padded);
    s.is_zero(poison)
}

/// Numbers of 16 rows.
#[inline(always)]
fn load<S: Simd, const V: usize>(s: S, from: &F32x16) -> [S::V; V] {
    std::array::from_fn(|v| s.load(&from.0[v * S::LANES..]))
}

/// What the first pass over the classes finds in the logits of `LANES` rows.
#[derive(Clone, Copy)]
struct Top<S: Simd> {
    zmax: S::V,
    /// The lowest class that has it.
    predicted: S::V,
    /// The logit of the row's own class.
    z_label: S::V,
    /// Zero, or NaN where a logit is not finite.
    poison: S::V,
}

/// Turns sums into logits.
#[inline(always)]
fn logits<S: Simd, const V: usize>(
    s: S,
    z: &mut [F32x16],
    bias: &[f32],
    scale: f32,
    label: &[S::V; V],
) -> [Top<S>; V] {
    let zero = s.splat(0.0);
    let zmax = s.splat(f32::NEG_INFINITY);
    let mut top = [Top { zmax, predicted: zero, z_label: zero, poison: zero }; V];
    // Classes as u32: of a usize, f32 is made with a branch.
    for (c, (z, &b)) in (0u32..).zip(z.iter_mut().zip(bias)) {
        let class = s.splat(c as f32);
        for (v, (top, &label)) in top.iter_mut().zip(label).enumerate() {
            let z = &mut z.0[v * S::LANES..];
            let zc = s.fma(s.load(z), s.splat(scale), s.splat(b));
            s.store(zc, z);
            top.predicted = s.select(s.gt(zc, top.zmax), class, top.predicted);
            top.zmax = s.max(zc, top.zmax);
            top.z_label = s.select(s.eq(label, class), zc, top.z_label);
            // Zero times a number that is not finite is NaN, and stays.
            top.poison = s.fma(zc, zero, top.poison);
        }
    }
    top
}

/// Turns logits into exponentials; returns their sums.
#[inline(always)]
fn exponentials<S: Simd, const V: usize>(s: S, z: &mut [F32x16], top: &[Top<S>; V]) -> [S::V; V] {
    let mut sum = [s.splat(0.0); V];
    for z in z {
        for (v, (sum, top)) in sum.iter_mut().zip(top).enumerate() {
            let z = &mut z.0[v * S::LANES..];
            let e = exp(s, s.max(s.sub(s.load(z), top.zmax), s.splat(-87.0)));
            *sum = s.add(*sum, e);
            s.store(e, z);
        }
    }
    sum
}

/// Turns exponentials into probabilities, and those into error terms.
#[inline(always)]
fn errors<S: Simd, const V: usize>(
    s: S,
    (e, d): (&mut [F32x16], &mut [F32x16]),
    label: &[S::V; V],
    (sum, error_scale): (&[S::V; V], f32),
) {
    let mut reciprocal = *sum;
    for x in &mut reciprocal {
        *x = s.div(s.splat(1.0), *x);
    }
    for (c, (e, d)) in (0u32..).zip(e.iter_mut().zip(d)) {
        for (v, (&label, &reciprocal)) in label.iter().zip(&reciprocal).enumerate() {
            let lanes = v * S::LANES..(v + 1) * S::LANES;
            let e = &mut e.0[lanes.clone()];
            let probability = s.mul(s.load(e), reciprocal);
            s.store(probability, e);
            let target = s.select(s.eq(label, s.splat(c as f32)), s.splat(1.0), s.splat(0.0));
            let error = s.mul(s.sub(probability, target), s.splat(error_scale));
            s.store(error, &mut d.0[lanes]);
        }
    }
}

/// Copies the error terms of each row to one place for every 16 classes. What stands there past the last class is
/// zero where padding has weights, and else of no meaning.
#[inline(always)]
fn transpose<S: Simd>(s: S, rows: &mut SoftmaxRows<'_>, padded: usize) {
    let (all, _) = rows.error_rows.as_chunks_mut::<GROUP>();
    let groups = (rows.errors.len() / padded).max(1);
    for (i, of_classes) in all.chunks_exact_mut(groups).enumerate() {
        for (rows, errors) in of_classes.iter_mut().zip(rows.errors.chunks_exact(padded)) {
            transpose16(s, &errors[16 * i..padded.min(16 * (i + 1))], rows);
        }
    }
}
