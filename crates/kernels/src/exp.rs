//! `exp` and `ln` on vectors: the polynomials of `spec`, lane by lane.

use crate::simd::Simd;
use crate::spec::{EXP_POLY, EXP_ROUND, LN_POLY, LN2_HI, LN2_LO};

/// `e^x` for `-87 <= x <= 0`; equals [`spec::exp`](crate::spec::exp) in every lane.
#[inline(always)]
pub(crate) fn exp<S: Simd>(s: S, x: S::V) -> S::V {
    let t = s.fma(x, s.splat(std::f32::consts::LOG2_E), s.splat(EXP_ROUND));
    let n = s.sub(t, s.splat(EXP_ROUND));
    let r = s.fma(n, s.splat(-LN2_LO), s.fma(n, s.splat(-LN2_HI), x));
    s.scale_by_low_bits(horner(s, &EXP_POLY, r), t)
}

/// `ln x` of positive normal numbers; equals [`spec::ln`](crate::spec::ln) in every lane.
#[inline(always)]
pub(crate) fn ln<S: Simd>(s: S, x: S::V) -> S::V {
    let (k, y) = s.split_exponent(x);
    let f = s.sub(y, s.splat(1.0));
    let q = horner(s, &LN_POLY, f);
    let f2 = s.mul(f, f);
    let tail = s.fma(k, s.splat(LN2_LO), s.mul(s.mul(f, f2), q));
    let tail = s.fma(s.splat(-0.5), f2, tail);
    s.fma(k, s.splat(LN2_HI), s.add(f, tail))
}

/// The polynomial with these coefficients, highest power first.
#[inline(always)]
fn horner<S: Simd>(s: S, coefficients: &[f32], x: S::V) -> S::V {
    let mut sum = s.splat(coefficients[0]);
    for &c in &coefficients[1..] {
        sum = s.fma(sum, x, s.splat(c));
    }
    sum
}
