//! Optimiser steps on vectors: the rules of `spec::update`, lane by lane.
//!
//! ```text
//! g, w, m, v [n]
//! all        g = fma(l2, w, g)                        biases have no penalty
//! SGD        w = fma(-lr, g, w)
//! momentum   m = fma(mu, m, g);  w = fma(-lr, m, w)
//! Adam       m = fma(c1, g - m, m);  v = fma(c2, g * g - v, v)
//!            m' = 0 where |m| < |w| * NEGLIGIBLE and a is not huge, else m
//!            w = w - (a * m') / (sqrt(v) + eps)
//! ```
//!
//! Registers of Adam: 6 numbers (l2, c1, c2, a, eps, NEGLIGIBLE) + 2 constants + what is not finite + g, w, m, v + 2 more: AVX2 15
//! of 16.
//!
//! Where a pixel stays black, m shrinks by a tenth in every step, long past the point from which its steps are too small to
//! change w. After some 650 of them `a * m` is subnormal, and Intel's processors leave a product or a quotient of such
//! numbers to microcode, at some 150 cycles a vector. With 0 in the place of m the bits are the same. Medians of an epoch of
//! MNIST on an Intel Xeon (family 6, model 167), ms:
//!
//! | | with m | with m' |
//! |---|---:|---:|
//! | one thread, runs of ten epochs | 12.57 | 12.34 |
//! | one thread, runs of thirty, which have more such pixels | 12.90 | 12.43 |
//! | two threads | 9.80 | 9.58 |
//!
//! What is left, some 0.25 ms, is m itself where it is subnormal: its next value counts. Zen 4 has no such trouble, and pays for
//! the comparison: 10 cycles of 560 for a list of two blocks in a loop of its own (`linear::backward`), and 4 if the product
//! is masked and not m.
//!
//! # Tried and lost
//!
//! | tried | ms an epoch, one thread | |
//! |---|---:|---|
//! | the gradient of a list in registers until here, which spares a store and a load for each vector, and the update written out for each vector | 11.92 | for 11.97 on that Xeon, and 250 KB of code |
//! | the same on Zen 4 | 11.0 | for 10.9 |

use crate::isa::{Isa, dispatch};
use crate::simd::Simd;
use crate::spec::{self, Rule, Update};

/// One vector of weights and moments.
#[derive(Clone, Copy)]
struct Weight<V> {
    w: V,
    m: V,
    v: V,
}

/// A first moment smaller than this part of its weight is left out of Adam's step, which is then too short to change the weight.
///
/// The step is at most `a |m| / eps`, or twice that where `a * m` is rounded up to the least f32. With `a <= eps * MOST_A_OVER_EPS`
/// that is less than `2 * 2^33 * 2^-60 |w| = 2^-26 |w|`. Half of the way from `w` to the next f32 is `2^-25 |w|` or more, so
/// `w - step` is rounded to `w`.
const NEGLIGIBLE: f32 = 1.0 / (1u64 << 60) as f32;
/// The largest step size `a` for which moments are left out, as so many times `eps`.
const MOST_A_OVER_EPS: f32 = (1u64 << 33) as f32;
/// The largest at all: `a * m` is less than `w` then, and so it is finite.
const MOST_A: f32 = 1.0 / NEGLIGIBLE;

/// Updates weights by their gradient, all `[n]`. Returns whether all new weights are finite. Equals
/// `spec::update` bit for bit, but for a weight that was infinite before: it may come out as another number that is not
/// finite.
///
/// Panics if the lengths differ.
pub fn update_all(
    isa: Isa,
    update: Update,
    gradient: &[f32],
    (w, m, v): (&mut [f32], &mut [f32], &mut [f32]),
) -> bool {
    let n = gradient.len();
    assert_eq!((w.len(), m.len(), v.len()), (n, n, n), "weights and moments of {n} gradients");
    dispatch!(isa, |s| all(s, update, gradient, (w, m, v)))
}

#[inline(always)]
fn all<S: Simd>(
    s: S,
    update: Update,
    gradient: &[f32],
    (w, m, v): (&mut [f32], &mut [f32], &mut [f32]),
) -> bool {
    let whole = gradient.len() / S::LANES * S::LANES;
    let vectors = (&mut w[..whole], &mut m[..whole], &mut v[..whole]);
    let finite = s.is_zero(update_vectors(s, update, &gradient[..whole], vectors, drop));
    let others = (&mut w[whole..], &mut m[whole..], &mut v[whole..]);
    finite
        & one_by_one(
            s,
            update.rule,
            &gradient[whole..],
            others,
            #[inline(always)]
            |g, w| update.l2.mul_add(w, g),
        )
}

/// Updates biases, which have no penalty, by their gradient, all `[n]`. Returns whether all new biases are finite. Equals
/// `spec::update` bit for bit.
///
/// One by one, because they are few; but within the tier, where a fused multiply-add is an instruction and no call.
///
/// Panics if the lengths differ.
pub fn update_biases(
    isa: Isa,
    rule: Rule,
    gradient: &[f32],
    (b, m, v): (&mut [f32], &mut [f32], &mut [f32]),
) -> bool {
    let n = gradient.len();
    assert_eq!((b.len(), m.len(), v.len()), (n, n, n), "biases and moments of {n} gradients");
    dispatch!(isa, |s| one_by_one(
        s,
        rule,
        gradient,
        (b, m, v),
        #[inline(always)]
        |g, _| g
    ))
}

/// Updates each weight by what `penalised` makes of its gradient and of itself; returns whether all are finite.
#[inline(always)]
fn one_by_one<S: Simd>(
    _: S,
    rule: Rule,
    gradient: &[f32],
    (w, m, v): (&mut [f32], &mut [f32], &mut [f32]),
    penalised: impl Fn(f32, f32) -> f32,
) -> bool {
    for (i, &g) in gradient.iter().enumerate() {
        spec::update(rule, penalised(g, w[i]), &mut w[i], &mut m[i], &mut v[i]);
    }
    w.iter().all(|w| w.is_finite())
}

/// Updates as many weights as there are gradients, in whole vectors, and gives each vector of new weights to `show`, once and in
/// their order; returns a vector of zeros, or NaN in a lane that had a weight which is not finite.
///
/// Panics if the lengths differ or are not those of whole vectors.
#[inline(always)]
pub(crate) fn update_vectors<S: Simd>(
    s: S,
    Update { rule, l2 }: Update,
    gradient: &[f32],
    (w, m, v): (&mut [f32], &mut [f32], &mut [f32]),
    show: impl FnMut(S::V),
) -> S::V {
    let vectors = Vectors { s, l2, gradient, w, m, v };
    match rule {
        Rule::Sgd { lr } => {
            let lr = s.splat(-lr);
            vectors.update(
                show,
                #[inline(always)]
                |g, Weight { w, m, v }| Weight { w: s.fma(lr, g, w), m, v },
            )
        }
        Rule::Momentum { lr, mu } => {
            let [lr, mu] = [s.splat(-lr), s.splat(mu)];
            vectors.update(
                show,
                #[inline(always)]
                |g, Weight { w, m, v }| {
                    let m = s.fma(mu, m, g);
                    Weight { w: s.fma(lr, m, w), m, v }
                },
            )
        }
        Rule::Adam { c1, c2, a, eps } => {
            let is_small = a.abs() <= eps * MOST_A_OVER_EPS && a.abs() <= MOST_A;
            let negligible = s.splat(if is_small { NEGLIGIBLE } else { 0.0 });
            let [c1, c2, a, eps] = [s.splat(c1), s.splat(c2), s.splat(a), s.splat(eps)];
            vectors.update(
                show,
                #[inline(always)]
                |g, Weight { w, m, v }| {
                    let m = s.fma(c1, s.sub(g, m), m);
                    let v = s.fma(c2, s.sub(s.mul(g, g), v), v);
                    let is_negligible = s.gt(s.abs(s.mul(w, negligible)), s.abs(m));
                    let m_or_0 = s.select(is_negligible, s.splat(0.0), m);
                    let step = s.div(s.mul(a, m_or_0), s.add(s.sqrt(v), eps));
                    Weight { w: s.sub(w, step), m, v }
                },
            )
        }
    }
}

/// What is updated, and by what gradient.
struct Vectors<'a, S> {
    s: S,
    l2: f32,
    gradient: &'a [f32],
    w: &'a mut [f32],
    m: &'a mut [f32],
    v: &'a mut [f32],
}

impl<S: Simd> Vectors<'_, S> {
    /// Applies `rule` to each vector: to the gradient with its penalty, and to the weights and moments; shows the weights.
    #[inline(always)]
    fn update(
        self,
        mut show: impl FnMut(S::V),
        rule: impl Fn(S::V, Weight<S::V>) -> Weight<S::V>,
    ) -> S::V {
        let Self { s, l2, gradient, w, m, v } = self;
        let n = gradient.len();
        assert_eq!((w.len(), m.len(), v.len()), (n, n, n), "weights and moments of {n} gradients");
        assert!(n.is_multiple_of(S::LANES), "{n} gradients in whole vectors");
        let l2 = s.splat(l2);
        let mut poison = s.splat(0.0);
        let [w, m, v] = [w, m, v].map(|x| x.chunks_exact_mut(S::LANES));
        for (((g, w), m), v) in gradient.chunks_exact(S::LANES).zip(w).zip(m).zip(v) {
            let old = Weight { w: s.load(w), m: s.load(m), v: s.load(v) };
            let new = rule(s.fma(l2, old.w, s.load(g)), old);
            s.store(new.w, w);
            // Between the stores: see `linear::shown`.
            show(new.w);
            s.store(new.m, m);
            s.store(new.v, v);
            poison = s.fma(new.w, s.splat(0.0), poison);
        }
        poison
    }
}
