//! The optimiser by itself, on weights, gradients and moments of every size.

mod common;

use common::{check_bits, tiers, updates};
use kernels::optim;
use kernels::spec::{self, Rule, Update};
use proptest::collection::vec;
use proptest::num::f32::{ANY, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
use proptest::prelude::*;

/// A finite number of any size.
fn any_finite() -> impl Strategy<Value = f32> + Clone {
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO
}

/// A weight; its gradient, which is often zero; its moments, of which the first is often so small that Adam's step hardly
/// changes the weight, and the second often zero.
fn numbers() -> impl Strategy<Value = [f32; 4]> {
    let gradient = prop_oneof![2 => Just(0.0), 1 => any_finite()];
    let weight = prop_oneof![1 => any_finite(), 1 => (-40i32..1).prop_map(|e| 2f32.powi(e))];
    // Between 2^-64 and 2^-16.
    let smaller = (16i32..64, 1f32..2.0).prop_map(|(e, x)| x * 2f32.powi(-e));
    let m = prop_oneof![3 => smaller.prop_map(Ok), 1 => ANY.prop_map(Err)];
    let v = prop_oneof![2 => Just(0.0), 1 => any_finite().prop_map(f32::abs), 1 => ANY];
    (weight, gradient, m, v)
        .prop_map(|(w, g, m, v)| [w, g, m.map_or_else(|any| any, |part| part * w), v])
}

/// Adam with steps from very small ones to such as change weights by moments of any size.
fn adam() -> impl Strategy<Value = Rule> {
    let eps = prop_oneof![Just(1e-8f32), Just(1e-30), Just(1.0)];
    let steps = prop_oneof![1 => Just(1e5f32), 2 => (20i32..40).prop_map(|e| 2f32.powi(e))];
    let c1 = prop_oneof![Just(0.0f32), Just(0.1)];
    (eps, steps, c1).prop_map(|(eps, steps, c1)| Rule::Adam { c1, c2: 0.001, a: steps * eps, eps })
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
        cases: 2_000, failure_persistence: None, ..ProptestConfig::default()
    })]

    #[test]
    fn any_numbers_are_updated_as_defined(numbers in vec(numbers(), 1..40), update in update()) {
        let [w, g, m, v] = [0, 1, 2, 3].map(|i| numbers.iter().map(|n| n[i]).collect::<Vec<_>>());
        let mut expected = [w.clone(), m.clone(), v.clone()];
        let [ew, em, ev] = &mut expected;
        for (i, g) in g.iter().enumerate() {
            let g = update.l2.mul_add(ew[i], *g);
            spec::update(update.rule, g, &mut ew[i], &mut em[i], &mut ev[i]);
        }
        let finite = expected[0].iter().all(|w| w.is_finite());
        for isa in tiers() {
            let mut actual = [w.clone(), m.clone(), v.clone()];
            let [aw, am, av] = &mut actual;
            prop_assert_eq!(optim::update_all(isa, update, &g, (aw, am, av)), finite);
            for (name, (actual, expected)) in ["w", "m", "v"].iter().zip(actual.iter().zip(&expected)) {
                check_bits(actual, expected, &format!("{name}, {isa:?}, {update:?}"));
            }
        }
    }
}
