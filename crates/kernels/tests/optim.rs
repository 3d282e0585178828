//! The optimiser by itself, on weights, gradients and moments of every size.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};

use common::{check_bits, tiers, updates};
use kernels::spec::{self, Rule, Update};
use kernels::{Isa, optim};
use proptest::collection::vec;
use proptest::num::f32::{ANY, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;

/// A weight, its gradient and both moments.
type Numbers = [f32; 4];

/// Weights or biases and both moments.
type Layer<'a> = (&'a mut [f32], &'a mut [f32], &'a mut [f32]);

/// Updates by `actual` on every tier and checks every bit against the definition, which takes what `penalised` makes of a
/// gradient and a weight.
#[track_caller]
fn check_by(
    rule: Rule,
    numbers: &[Numbers],
    penalised: impl Fn(f32, f32) -> f32,
    actual: impl Fn(Isa, &[f32], Layer<'_>) -> bool,
) {
    let [w, g, m, v] = [0, 1, 2, 3].map(|i| numbers.iter().map(|n| n[i]).collect::<Vec<_>>());
    let mut expected = [w.clone(), m.clone(), v.clone()];
    let [ew, em, ev] = &mut expected;
    for (i, &g) in g.iter().enumerate() {
        spec::update(rule, penalised(g, ew[i]), &mut ew[i], &mut em[i], &mut ev[i]);
    }
    let is_finite = expected[0].iter().all(|w| w.is_finite());
    for isa in tiers() {
        let mut found = [w.clone(), m.clone(), v.clone()];
        let [fw, fm, fv] = &mut found;
        assert_eq!(actual(isa, &g, (fw, fm, fv)), is_finite, "{rule:?}");
        for (name, (found, expected)) in ["w", "m", "v"].iter().zip(found.iter().zip(&expected)) {
            check_bits(found, expected, &format!("{name}, {isa:?}, {rule:?}"));
        }
    }
}

/// Checks the update of weights.
#[track_caller]
fn check(update: Update, numbers: &[Numbers]) {
    let penalised = |g: f32, w: f32| update.l2.mul_add(w, g);
    let actual = |isa: Isa, g: &[f32], to: Layer<'_>| optim::update_all(isa, update, g, to);
    check_by(update.rule, numbers, penalised, actual);
}

/// Checks the update of biases.
#[track_caller]
fn check_biases(rule: Rule, numbers: &[Numbers]) {
    let actual = |isa: Isa, g: &[f32], to: Layer<'_>| optim::update_biases(isa, rule, g, to);
    check_by(rule, numbers, |g, _| g, actual);
}

/// 2^e.
fn two_to(e: i32) -> f32 {
    2f64.powi(e) as f32
}

/// A finite number of any size.
fn any_finite() -> impl Strategy<Value = f32> + Clone {
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

/// Numbers of which the first moment is often so small that Adam's step hardly changes the weight.
fn numbers() -> impl Strategy<Value = Numbers> {
    let weight = prop_oneof![1 => any_finite(), 1 => (-149i32..128).prop_map(two_to)];
    let gradient = prop_oneof![2 => Just(0.0), 1 => any_finite()];
    // From 2^-63 to 2^-15 of the weight, of either sign.
    let part = (16i32..64, 1f32..2.0, any::<bool>());
    let part = part.prop_map(|(e, x, sign)| x * two_to(-e) * if sign { -1.0 } else { 1.0 });
    let m = prop_oneof![3 => part.prop_map(Ok), 1 => ANY.prop_map(Err)];
    let v = prop_oneof![2 => Just(0.0), 1 => any_finite().prop_map(f32::abs), 1 => ANY];
    (weight, gradient, m, v)
        .prop_map(|(w, g, m, v)| [w, g, m.map_or_else(|any| any, |part| part * w), v])
}

/// Adam with `a` from small parts of `eps` to large multiples, of either sign, and with anything at all.
fn adam() -> impl Strategy<Value = Rule> {
    let eps = prop_oneof![3 => Just(1e-8f32), 2 => (-149i32..128).prop_map(two_to), 1 => ANY];
    let steps = prop_oneof![1 => Just(1e5f32), 3 => (-20i32..100).prop_map(two_to), 1 => ANY];
    let (sign, c1) = (any::<bool>(), prop_oneof![Just(0.0f32), Just(0.1)]);
    (eps, steps, sign, c1).prop_map(|(eps, steps, sign, c1)| Rule::Adam {
        c1,
        c2: 0.001,
        a: steps * eps * if sign { -1.0 } else { 1.0 },
        eps,
    })
}

fn update() -> impl Strategy<Value = Update> {
    let adam = (adam(), prop_oneof![Just(0.0f32), Just(0.01)]);
    prop_oneof![
        5 => adam.prop_map(|(rule, l2)| Update { rule, l2 }),
        1 => proptest::sample::select(updates().to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 3_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn any_numbers_are_updated_as_defined(numbers in vec(numbers(), 1..40), update in update()) {
        check(update, &numbers);
        check_biases(update.rule, &numbers);
    }
}

/// A penalty of zero would add +0 to a gradient of -0, and make NaN of a bias that is infinite.
#[test]
fn biases_have_no_penalty_at_all() {
    let momentum = Rule::Momentum { lr: 1.0, mu: 1.0 };
    check_biases(momentum, &[[1.0, -0.0, -0.0, 0.0]]);
    check_biases(Rule::Sgd { lr: 1.0 }, &[[f32::INFINITY, 1.0, 0.0, 0.0]]);
    check_biases(momentum, &[]);
}

#[test]
fn biases_of_other_lengths_are_refused() {
    for [b, m, v] in [[2, 3, 3], [3, 2, 3], [3, 3, 4]] {
        let [mut b, mut m, mut v] = [b, m, v].map(|n| vec![0.0; n]);
        let update = AssertUnwindSafe(|| {
            let to = (&mut b[..], &mut m[..], &mut v[..]);
            optim::update_biases(Isa::detect(), Rule::Sgd { lr: 1.0 }, &[0.0; 3], to)
        });
        assert!(catch_unwind(update).is_err());
    }
}

/// Checks Adam with first moments that stay as they are, and second ones of zero.
#[track_caller]
fn check_adam((a, eps): (f32, f32), weights_and_moments: &[(f32, f32)]) {
    let rule = Rule::Adam { c1: 0.0, c2: 0.0, a, eps };
    // As many times as fill vectors.
    let all = weights_and_moments.iter().flat_map(|&(w, m)| [[w, 0.0, m, 0.0]; 16]);
    check(Update { rule, l2: 0.0 }, &all.collect::<Vec<_>>());
}

#[test]
fn moments_at_the_edge_of_what_changes_a_weight() {
    let sides = |x: f32| [x.next_down(), x, x.next_up()];
    let weights = || (-149..128).flat_map(|e| sides(two_to(e)));
    for e in [-61, -60, -59, -58, -57, -33, -24] {
        let moments = |w: f32| sides(w * two_to(e)).into_iter().flat_map(|m| [m, -m]);
        let pairs: Vec<_> = weights().flat_map(|w| moments(w).map(move |m| (w, m))).collect();
        for eps in [1e-8, two_to(-149), two_to(-126), 1.0] {
            for steps in [1e5, two_to(33), two_to(33).next_up(), two_to(36), two_to(60)] {
                check_adam((steps * eps, eps), &pairs);
                check_adam((-steps * eps, eps), &pairs);
            }
        }
    }
}

#[test]
fn products_that_overflow_are_not_left_out() {
    let large = 1.5 * two_to(127);
    let pairs = [(large, two_to(67)), (-large, two_to(67)), (large, two_to(66)), (1.0, 0.0)];
    for a in [two_to(60), two_to(61), -two_to(61), f32::INFINITY, f32::NAN, f32::MAX, 0.0] {
        for eps in [1.0, two_to(28), two_to(96), f32::INFINITY, f32::NAN, 0.0, -1.0] {
            check_adam((a, eps), &pairs);
        }
    }
}
