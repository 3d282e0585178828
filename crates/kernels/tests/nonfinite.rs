//! What is not finite is found, on every tier: the kernels say no where the definition errs.

mod common;

use common::{Data, Fast, Kind, Random, State, tiers, updates};
use kernels::spec::{self, Rule, Update};
use kernels::{Isa, NonFinite, optim};

const BAD: [f32; 3] = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY];
const CLASSES: [usize; 6] = [1, 2, 9, 10, 16, 17];

/// Takes a step by the definition and by the kernels; both must see the same faults, and where logits
/// are finite come to the same state. Returns the fault.
#[track_caller]
fn check(data: &Data, state: &State, update: Update, labels: &[u32]) -> Option<NonFinite> {
    let rows: Vec<u32> = (0..labels.len() as u32).collect();
    let features = data.gather(&rows);
    let mut expected = state.clone();
    let fault = expected.step(update, &data.batch(&features, labels)).err();
    for (isa, parts) in tiers().into_iter().flat_map(|isa| [1, 3].map(|n| (isa, n))) {
        let mut fast = Fast::new(isa, parts, data, state);
        let finite = fast.forward(data, &rows, labels);
        assert_eq!(!finite, matches!(fault, Some(NonFinite::Logit { .. })), "{isa:?}, {fault:?}");
        if finite {
            assert_eq!(fast.backward(data, &rows, update), fault.is_none(), "{isa:?}, {fault:?}");
            expected.check(&fast.state(data), &format!("{isa:?}"));
        }
    }
    fault
}

fn zeros(data: &Data, classes: usize) -> State {
    State::random(data, classes, 0.0, &mut Random::new(0))
}

#[test]
fn a_bad_weight_under_ink_is_a_bad_logit() {
    let mut random = Random::new(30);
    let data = Data::new(Kind::Dense, (15, Some((5, 3))), 18, &mut random);
    for (classes, bad) in CLASSES.into_iter().flat_map(|classes| BAD.map(|bad| (classes, bad))) {
        for i in 0..15 * classes {
            let mut state = zeros(&data, classes);
            state.model.weights[i] = bad;
            let fault = check(&data, &state, updates()[0], &[0; 18]);
            assert_eq!(fault, Some(NonFinite::Logit { image: 0, class: i % classes }));
        }
        for class in 0..classes {
            let mut state = zeros(&data, classes);
            state.model.bias[class] = bad;
            let fault = check(&data, &state, updates()[0], &[0; 18]);
            assert_eq!(fault, Some(NonFinite::Logit { image: 0, class }));
        }
    }
}

#[test]
fn a_bad_weight_under_background_shows_in_the_update() {
    let data = Data::from_u8((15, Some((5, 3))), &[0; 15 * 18]);
    for (bad, update) in BAD.into_iter().flat_map(|bad| updates().map(|update| (bad, update))) {
        for classes in [1, 2, 9, 10, 16] {
            for i in 0..15 * classes {
                let mut state = zeros(&data, classes);
                state.model.weights[i] = bad;
                let fault = check(&data, &state, update, &[0; 18]);
                let (feature, class) = (i / classes, i % classes);
                assert_eq!(fault, Some(NonFinite::Weight { feature, class }));
            }
        }
    }
}

/// With more classes nothing is skipped, and zero times a bad number is a bad number.
#[test]
fn a_bad_weight_under_background_is_a_bad_logit_of_many_classes() {
    let data = Data::from_u8((15, Some((5, 3))), &[0; 15 * 18]);
    for (classes, bad) in [17, 26, 70].into_iter().zip(BAD) {
        for i in 0..15 * classes {
            let mut state = zeros(&data, classes);
            state.model.weights[i] = bad;
            let fault = check(&data, &state, updates()[0], &[0; 18]);
            assert_eq!(fault, Some(NonFinite::Logit { image: 0, class: i % classes }));
        }
    }
}

#[test]
fn one_bad_image_anywhere_in_the_batch() {
    for (n, bad) in (0..37).zip(BAD.into_iter().cycle()) {
        let mut pixels = [0; 8 * 37];
        pixels[n * 8 + 5] = 1;
        let data = Data::from_u8((8, Some((2, 4))), &pixels);
        let mut state = zeros(&data, 10);
        state.model.weights[5 * 10 + 7] = bad;
        let fault = check(&data, &state, updates()[0], &[0; 37]);
        assert_eq!(fault, Some(NonFinite::Logit { image: n, class: 7 }));
    }
}

#[test]
fn overflow_is_found_where_it_happens() {
    let data = Data::from_f32((9, None), &[1e30; 9 * 3]);
    for classes in CLASSES {
        let mut state = zeros(&data, classes);
        // In the sum.
        state.model.weights[classes..2 * classes].fill(1e20);
        let fault = check(&data, &state, updates()[0], &[0; 3]);
        assert_eq!(fault, Some(NonFinite::Logit { image: 0, class: 0 }), "{classes}");
        if classes == 1 {
            continue; // Its error terms are zero.
        }
        // In the update of a weight.
        let update = Update { rule: Rule::Sgd { lr: 1e20 }, l2: 0.0 };
        let fault = check(&data, &zeros(&data, classes), update, &[0; 3]);
        assert_eq!(fault, Some(NonFinite::Weight { feature: 0, class: 0 }), "{classes}");
        // In the update of a bias.
        let black = Data::from_f32((9, None), &[0.0; 9 * 3]);
        let update = Update { rule: Rule::Momentum { lr: f32::MAX, mu: 0.0 }, l2: 0.0 };
        let mut state = zeros(&black, classes);
        (state.model.bias[0], state.model.bias[1]) = (2e38, 3e38);
        let fault = check(&black, &state, update, &[0; 3]);
        assert_eq!(fault, Some(NonFinite::Bias { class: 0 }), "{classes}");
    }
}

#[test]
fn update_all_finds_one_bad_weight_anywhere() {
    for (isa, n) in tiers().into_iter().flat_map(|isa| (0..40).map(move |n| (isa, n))) {
        for update in updates() {
            assert!(update_all(isa, update, &vec![0.5; n], &vec![0.25; n]));
            for (i, bad) in (0..n).flat_map(|i| BAD.map(|bad| (i, bad))) {
                let (mut g, mut w) = (vec![0.5; n], vec![0.25; n]);
                w[i] = bad;
                assert!(!update_all(isa, update, &g, &w), "{bad} at {i} of {n}, {isa:?}");
                (g[i], w[i]) = (bad, 0.25);
                // An infinite gradient gives Adam an infinite second moment: inf / inf, or x / inf.
                let spared = update_by_spec(update, bad, 0.25).is_finite();
                assert_eq!(update_all(isa, update, &g, &w), spared, "{bad} at {i} of {n}, {isa:?}");
            }
        }
    }
}

/// Updates by the kernel, checks the bits, and returns whether it found all finite.
fn update_all(isa: Isa, update: Update, g: &[f32], w: &[f32]) -> bool {
    let (mut new, mut m, mut v) = (w.to_vec(), vec![0.125; g.len()], vec![0.5; g.len()]);
    let finite = optim::update_all(isa, update, g, (&mut new, &mut m, &mut v));
    let expected: Vec<f32> = g.iter().zip(w).map(|(&g, &w)| update_by_spec(update, g, w)).collect();
    common::check_bits(&new, &expected, &format!("{update:?}, {isa:?}"));
    finite
}

fn update_by_spec(Update { rule, l2 }: Update, g: f32, mut w: f32) -> f32 {
    let (mut m, mut v) = (0.125, 0.5);
    spec::update(rule, l2.mul_add(w, g), &mut w, &mut m, &mut v);
    w
}

#[test]
fn a_batch_keeps_nothing_of_the_one_before() {
    let mut random = Random::new(31);
    let data = Data::new(Kind::Dense, (15, Some((5, 3))), 40, &mut random);
    for (isa, (few, more)) in tiers().into_iter().flat_map(|isa| [(isa, (9, 10)), (isa, (17, 32))])
    {
        let mut good = Fast::new(isa, 2, &data, &zeros(&data, few));
        let mut broken = zeros(&data, more);
        broken.model.weights.fill(f32::NAN);
        let mut broken = Fast::new(isa, 2, &data, &broken);
        for n in [40, 17, 1, 33, 16, 8] {
            // The lanes past the last row keep what came of NaN.
            let rows: Vec<u32> = (0..40).collect();
            assert!(!broken.forward(&data, &rows, &[0; 40]));
            std::mem::swap(&mut good.batch, &mut broken.batch);
            assert!(good.forward(&data, &rows[..n], &vec![0; n]), "{n} rows, {isa:?}");
            assert!(good.backward(&data, &rows[..n], updates()[0]), "{n} rows, {isa:?}");
            // Nine classes are padded to ten, 17 to 32, and the padding must stay zero.
            good.state(&data);
        }
    }
}
