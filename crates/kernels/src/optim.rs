//! Optimiser steps on vectors: the rules of `spec::update`, lane by lane.

use crate::isa::{Isa, dispatch};
use crate::simd::Simd;
use crate::softmax::is_zero;
use crate::spec::{self, Rule, Update};

/// One vector of weights and moments.
#[derive(Clone, Copy)]
struct Weight<V> {
    w: V,
    m: V,
    v: V,
}

/// Updates `x` by the gradient `g`; equals [`spec::update`] in every lane.
#[inline(always)]
fn update<S: Simd>(s: S, rule: Rule, g: S::V, x: Weight<S::V>) -> Weight<S::V> {
    let Weight { w, m, v } = x;
    match rule {
        Rule::Sgd { lr } => Weight { w: s.fma(s.splat(-lr), g, w), m, v },
        Rule::Momentum { lr, mu } => {
            let m = s.fma(s.splat(mu), m, g);
            Weight { w: s.fma(s.splat(-lr), m, w), m, v }
        }
        Rule::Adam { c1, c2, a, eps } => {
            let m = s.fma(s.splat(c1), s.sub(g, m), m);
            let v = s.fma(s.splat(c2), s.sub(s.mul(g, g), v), v);
            let step = s.div(s.mul(s.splat(a), m), s.add(s.sqrt(v), s.splat(eps)));
            Weight { w: s.sub(w, step), m, v }
        }
    }
}

/// Updates weights by their gradient, all `[n]`. Returns whether all new weights are finite. Equals
/// `spec::update` bit for bit.
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
    let mut finite = is_zero(s, update_vectors(s, update, &gradient[..whole], vectors));
    for i in whole..gradient.len() {
        let g = update.l2.mul_add(w[i], gradient[i]);
        spec::update(update.rule, g, &mut w[i], &mut m[i], &mut v[i]);
        finite &= w[i].is_finite();
    }
    finite
}

/// Updates as many weights as there are gradients, in whole vectors; returns a vector of zeros, or NaN in a lane
/// that had a weight which is not finite.
#[inline(always)]
pub(crate) fn update_vectors<S: Simd>(
    s: S,
    Update { rule, l2 }: Update,
    gradient: &[f32],
    (w, m, v): (&mut [f32], &mut [f32], &mut [f32]),
) -> S::V {
    let mut poison = s.splat(0.0);
    for first in (0..gradient.len()).step_by(S::LANES) {
        let lanes = first..first + S::LANES;
        let (w, m, v) = (&mut w[lanes.clone()], &mut m[lanes.clone()], &mut v[lanes.clone()]);
        let old = Weight { w: s.load(w), m: s.load(m), v: s.load(v) };
        let g = s.fma(s.splat(l2), old.w, s.load(&gradient[lanes]));
        let new = update(s, rule, g, old);
        s.store(new.w, w);
        s.store(new.m, m);
        s.store(new.v, v);
        poison = s.fma(new.w, s.splat(0.0), poison);
    }
    poison
}
