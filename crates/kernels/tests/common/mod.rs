//! What the tests share: seeded data, the kernels put together as a trainer does, comparison to the bit.
#![allow(dead_code, unused_imports, reason = "every test file uses a part of it")]

mod data;
mod fast;

pub use data::{Data, Kind, Random, SHAPES};
pub use fast::Fast;

use kernels::spec::{self, Model, Rule, Update};
use kernels::{Isa, MatRef, NonFinite};

/// Every tier of this machine; fails where `MNIST_REQUIRE_ISA` names one that is missing.
pub fn tiers() -> Vec<Isa> {
    if let Ok(name) = std::env::var("MNIST_REQUIRE_ISA") {
        Isa::named(&name).expect("the tier that MNIST_REQUIRE_ISA names");
    }
    Isa::all()
}

/// The definition of a product: for every element a chain from +0 over k ascending; row by row.
pub fn chains(a: MatRef<'_>, b: MatRef<'_>) -> Vec<f32> {
    let chain = |i, j| (0..a.cols()).fold(0.0f32, |sum, k| a.at(i, k).mul_add(b.at(k, j), sum));
    (0..a.rows()).flat_map(|i| (0..b.cols()).map(move |j| chain(i, j))).collect()
}

/// Optimisers, each without and with L2.
pub fn updates() -> [Update; 6] {
    let sgd = Rule::Sgd { lr: 0.5 };
    let momentum = Rule::Momentum { lr: 0.1, mu: 0.9 };
    let adam = Rule::Adam { c1: 0.1, c2: 0.001, a: 0.003, eps: 1e-7 };
    let updates =
        [(sgd, 0.0), (sgd, 0.01), (momentum, 0.0), (momentum, 1e-4), (adam, 0.0), (adam, 0.1)];
    updates.map(|(rule, l2)| Update { rule, l2 })
}

/// A model in training, as [`spec::step`] sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    pub model: Model,
    pub m: Model,
    pub v: Model,
}

impl State {
    /// Begins with random weights of this size, some of them zero, and moments of zero.
    pub fn random(data: &Data, classes: usize, size: f32, random: &mut Random) -> Self {
        let zeros = Model {
            weights: vec![0.0; data.features * classes],
            bias: vec![0.0; classes],
            image: data.image,
        };
        let mut model = zeros.clone();
        for w in model.weights.iter_mut().chain(&mut model.bias) {
            *w = match random.below(20) {
                0 => 0.0,
                1 => -0.0,
                _ => size * random.signed(),
            };
        }
        Self { model, m: zeros.clone(), v: zeros }
    }

    /// One step of the definition.
    pub fn step(
        &mut self,
        update: Update,
        batch: &spec::Batch<'_>,
    ) -> Result<Vec<spec::Softmax>, NonFinite> {
        spec::step((&mut self.model, &mut self.m, &mut self.v), update, batch)
    }

    /// Fails where a weight, bias or moment of `actual` has other bits.
    #[track_caller]
    pub fn check(&self, actual: &Self, what: &str) {
        let named = [("model", &self.model, &actual.model), ("m", &self.m, &actual.m)];
        for (name, expected, actual) in named.into_iter().chain([("v", &self.v, &actual.v)]) {
            check_bits(&actual.weights, &expected.weights, &format!("weights of {name}, {what}"));
            check_bits(&actual.bias, &expected.bias, &format!("biases of {name}, {what}"));
        }
    }
}

/// Fails where a number has other bits than expected; any NaN is equal to any.
#[track_caller]
pub fn check_bits(actual: &[f32], expected: &[f32], what: &str) {
    assert_eq!(actual.len(), expected.len(), "numbers of {what}");
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let same = a.to_bits() == e.to_bits() || (a.is_nan() && e.is_nan());
        assert!(
            same,
            "{a:e} is not {e:e} ({:#x}, {:#x}) at {i} of {what}",
            a.to_bits(),
            e.to_bits()
        );
    }
}

/// Fails where a number is further from `expected` than `bound`.
#[track_caller]
pub fn check_bound(actual: &[f32], expected: &[f64], bound: impl Fn(usize) -> f64, what: &str) {
    assert_eq!(actual.len(), expected.len(), "numbers of {what}");
    for (i, (&a, e)) in actual.iter().zip(expected).enumerate() {
        let (off, bound) = ((f64::from(a) - e).abs(), bound(i));
        assert!(off <= bound, "{a:e} is not {e:e}: off by {off:e} of {bound:e} at {i} of {what}");
    }
}
