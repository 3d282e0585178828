//! `exp` and `ln` on vectors: the polynomials of `spec`, lane by lane.
//!
//! ```text
//! e^x     n = x / ln 2, rounded by adding a large number;  r = x - n ln 2, in two parts;  P(r) * 2^n
//! ln x    x = 2^k y, y about 1;  f = y - 1;  k ln 2 + (f - f^2 / 2 + f^3 Q(f)), ln 2 in two parts
//! ```
//!
//! Over all floats from -87 to 0 `exp` is within 0.883 units of the last place, over all positive normal ones `ln` within
//! 0.861: the tests look at every 997th, and at every one where `MNIST_EXHAUSTIVE` is 1.

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, dispatch};
    use crate::spec;
    use rayon::prelude::*;

    /// A function in its three forms.
    struct Function {
        scalar: fn(f32) -> f32,
        vector: fn(Isa, &[f32], &mut [f32]),
        exact: fn(f64) -> f64,
        /// The largest error that was ever measured, over every argument, rounded up.
        most_ulps: f64,
    }

    const EXP: Function =
        Function { scalar: spec::exp, vector: exp_all, exact: f64::exp, most_ulps: 0.883 };
    const LN: Function =
        Function { scalar: spec::ln, vector: ln_all, exact: f64::ln, most_ulps: 0.861 };

    fn exp_all(isa: Isa, x: &[f32], out: &mut [f32]) {
        dispatch!(isa, |s| each(
            s,
            x,
            out,
            #[inline(always)]
            |x| exp(s, x)
        ));
    }

    fn ln_all(isa: Isa, x: &[f32], out: &mut [f32]) {
        dispatch!(isa, |s| each(
            s,
            x,
            out,
            #[inline(always)]
            |x| ln(s, x)
        ));
    }

    #[inline(always)]
    fn each<S: Simd>(s: S, x: &[f32], out: &mut [f32], f: impl Fn(S::V) -> S::V) {
        for (x, out) in x.chunks_exact(S::LANES).zip(out.chunks_exact_mut(S::LANES)) {
            s.store(f(s.load(x)), out);
        }
    }

    /// The distance of `y` from `exact` in units of the last place that an f32 of this size has.
    fn ulps(y: f32, exact: f64) -> f64 {
        if f64::from(y) == exact {
            return 0.0;
        }
        let power = f64::from_bits(exact.to_bits() & 0x7ff0_0000_0000_0000);
        (f64::from(y) - exact).abs() / (power * f64::from(f32::EPSILON))
    }

    /// Checks that every tier gives the bits of the scalar form; returns the largest error in ULPs.
    fn check_all(f: &Function, x: &[f32]) -> f64 {
        let mut padded = x.to_vec();
        padded.resize(x.len().next_multiple_of(16), x[0]);
        let expected: Vec<f32> = x.iter().map(|&x| (f.scalar)(x)).collect();
        let mut y = vec![f32::NAN; padded.len()];
        for isa in Isa::all() {
            (f.vector)(isa, &padded, &mut y);
            for ((&x, y), expected) in x.iter().zip(&y).zip(&expected) {
                assert_eq!(
                    y.to_bits(),
                    expected.to_bits(),
                    "{isa:?} of {x:e}: {y:e}, {expected:e}"
                );
            }
        }
        let error = |(&x, &y): (&f32, &f32)| ulps(y, (f.exact)(f64::from(x)));
        x.iter().zip(&expected).map(error).fold(0.0, f64::max)
    }

    /// Checks the floats from `first` to `last`, in the order of their bits: every 997th, or all where
    /// `MNIST_EXHAUSTIVE` is 1.
    fn sweep(f: &Function, first: f32, last: f32) {
        let exhaustive = std::env::var("MNIST_EXHAUSTIVE").is_ok_and(|value| value == "1");
        let step = if exhaustive { 1 } else { 997 };
        let (begin, end) = (first.to_bits(), last.to_bits() + 1);
        let runs = (begin..end).into_par_iter().step_by(4096 * step);
        let worst = runs.map(|first| {
            let run = (first..end).step_by(step).take(4096);
            check_all(f, &run.map(f32::from_bits).collect::<Vec<_>>())
        });
        let worst = worst.reduce(|| 0.0, f64::max);
        println!("{first:e} to {last:e}: {worst:.6} ULP at most (every float: {exhaustive})");
        assert!(worst <= f.most_ulps, "{worst} ULP");
    }

    /// The 2001 floats about `x`, within the domain.
    fn about(x: f32) -> impl Iterator<Item = f32> {
        (x.to_bits() - 1000..=x.to_bits() + 1000).map(f32::from_bits)
    }

    #[test]
    fn exp_is_the_definition_on_every_tier_and_exact_to_an_ulp() {
        sweep(&EXP, -0.0, -87.0);
        // Where n changes, the reduced argument is largest.
        let turns = (0..125).map(|n| (f64::from(n) + 0.5) * -std::f64::consts::LN_2);
        let near: Vec<f32> =
            turns.flat_map(|x| about(x as f32)).chain([0.0, -0.0, -87.0]).collect();
        assert!(check_all(&EXP, &near) <= EXP.most_ulps);
        assert_eq!((spec::exp(0.0), spec::exp(-0.0)), (1.0, 1.0));
    }

    #[test]
    fn ln_is_the_definition_on_every_tier_and_exact_to_an_ulp() {
        sweep(&LN, f32::MIN_POSITIVE, 1.0f32.next_down());
        sweep(&LN, 1.0, 1_048_576.0);
        sweep(&LN, 1_048_576.0, f32::MAX);
        // Where k changes, and where the result is nearly zero.
        let turns = (-125..127).map(|k| std::f64::consts::FRAC_1_SQRT_2 * f64::from(k).exp2());
        let near: Vec<f32> = turns.flat_map(|x| about(x as f32)).chain(about(1.0)).collect();
        assert!(check_all(&LN, &near) <= LN.most_ulps);
        assert_eq!(spec::ln(1.0).to_bits(), 0);
    }
}
