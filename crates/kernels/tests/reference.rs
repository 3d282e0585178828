//! The f64 reference is judged by what it must be: differences of its loss, and small cases by hand.

mod common;

use common::{Data, Kind, Random, State};
use kernels::{MatRef, reference};

#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    let mut random = Random::new(40);
    let h = 2.5e-5;
    for (kind, l2) in Kind::ALL.into_iter().flat_map(|kind| [(kind, 0.0), (kind, 0.5)]) {
        let data = Data::new(kind, (15, Some((5, 3))), 20, &mut random);
        let labels: Vec<u32> = (0..20).map(|_| random.below(4)).collect();
        let batch = data.batch(&data.values, &labels);
        let state = State::random(&data, 4, 1.0, &mut random);
        let model = reference::Model::from(&state.model);
        let gradient = reference::gradient(&model, &batch, l2);
        let check = |analytic: f64, nudge: &dyn Fn(&mut reference::Model, f64)| {
            let at = |by: f64| {
                let mut model = model.clone();
                nudge(&mut model, by);
                reference::loss(&model, &batch, l2)
            };
            let slope = (at(h) - at(-h)) / (2.0 * h);
            let off = (slope - analytic).abs();
            assert!(off <= 1e-9 + 1e-7 * analytic.abs(), "{kind:?}: {slope} is not {analytic}");
        };
        for i in 0..model.weights.len() {
            check(gradient.weights[i], &|model, by| model.weights[i] += by);
        }
        for c in 0..4 {
            check(gradient.bias[c], &|model, by| model.bias[c] += by);
        }
    }
}

#[test]
fn small_cases_by_hand() {
    let (a, b) = ([1.0, -2.0, 3.0, 4.0], [5.0, 6.0, 7.0, -8.0]);
    let product = reference::gemm(MatRef::new(&a, 2, 2), MatRef::new(&b, 2, 2));
    assert_eq!(product.values, [-9.0, 22.0, 43.0, -14.0]);
    assert_eq!(product.magnitudes, [19.0, 22.0, 43.0, 50.0]);
    let even = reference::softmax(&[7.0, 7.0], 1);
    assert_eq!(even.p, [0.5, 0.5]);
    assert!((even.loss - std::f64::consts::LN_2).abs() < 1e-15);
    let far = reference::softmax(&[0.0, 1000.0], 0);
    assert_eq!((far.p[0], far.p[1], far.loss), (0.0, 1.0, 1000.0));
    assert_eq!(reference::gamma(0), 0.0);
    assert!(reference::gamma(784) > 4.67e-5 && reference::gamma(784) < 4.68e-5);
}
