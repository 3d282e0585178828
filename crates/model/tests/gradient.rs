//! The gradient of the definition, and of a training step on every tier, against central differences of
//! the f64 loss.
//!
//! How far they may be apart is worked out, not fitted, for each case:
//! - the f32 gradient from the exact one: `reference::gradient_bounds`, proven there;
//! - the difference from the exact one: `h^2 / 6` times the third derivative, which is 0.0962 `|x|^3` at most
//!   (`p (1 - p) (1 - 2 p)` has its extremes there), and the rounding of two losses in f64 over `2 h`. Their
//!   bound is that of f32 losses scaled by 2^-29, because the proof holds for any unit roundoff.
//!
//! With h = 2.5e-5 the difference is good to about 1e-9.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use kernels::reference::{self, UNIT_ROUNDOFF, gamma, logit_bounds, logits, loss_bound};
use kernels::team::Team;
use kernels::{Isa, spec};
use model::rng::{Purpose, Stream};
use model::trainer::Silent;
use model::{Dataset, Init, Optimizer, Parameters, TrainConfig, Trainer};
use proptest::prelude::*;

const H: f64 = 2.5e-5;
/// A power of two: a step of plain SGD from w to w - lr g loses nothing of g but what w is large.
const RATE: f32 = 4096.0;

/// A random batch and the size of the weights.
#[derive(Clone, Debug)]
struct Case {
    shape: (usize, Option<(usize, usize)>),
    classes: usize,
    count: usize,
    l2: f32,
    is_u8: bool,
    /// With 60, logits reach hundreds and the softmax is 0 and 1.
    std: f64,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    let vector = (1..=40usize).prop_map(|features| (features, None));
    let image = (1..=5usize, 1..=8usize).prop_map(|(h, w)| (h * w, Some((h, w))));
    let l2 = prop::sample::select(vec![0.0f32, 1e-3, 0.1]);
    let std = prop::sample::select(vec![0.01, 1.0, 60.0]);
    let sizes = (prop_oneof![vector, image], 2..=20usize, 1..=33usize);
    (sizes, l2, any::<bool>(), std, any::<u64>()).prop_map(
        |((shape, classes, count), l2, is_u8, std, seed)| Case {
            shape,
            classes,
            count,
            l2,
            is_u8,
            std,
            seed,
        },
    )
}

/// The feature that is zero in every image.
const DARK: usize = 0;

impl Case {
    /// Images of which about a third of the features is zero.
    fn data(&self) -> Dataset {
        let mut stream = Stream::new(self.seed, Purpose::Digit, 0);
        let labels = (0..self.count).map(|_| stream.below(self.classes as u32)).collect();
        let features = self.shape.0;
        let mut value = |i: usize| match stream.below(3) {
            _ if i % features == DARK => 0.0,
            0 => 0.0,
            _ => stream.signed_unit(),
        };
        let values: Vec<f32> = (0..self.count * features).map(&mut value).collect();
        if self.is_u8 {
            let pixels: Vec<u8> = values.iter().map(|x| (x.abs() * 255.0) as u8).collect();
            return Dataset::from_u8(&pixels, self.shape, labels).unwrap();
        }
        let values: Vec<f32> = values.iter().map(|x| 2.0 * x).collect();
        Dataset::from_f32(&values, self.shape, labels).unwrap()
    }

    fn init(&self) -> Init {
        Init::TruncatedNormal { std: self.std }
    }

    /// One step of plain SGD on all images.
    fn step(&self, data: &Dataset, isa: Isa) -> Parameters {
        let config = TrainConfig {
            epochs: 1,
            batch_size: self.count,
            learning_rate: RATE.into(),
            optimizer: Optimizer::Sgd,
            l2: self.l2.into(),
            init: self.init(),
            shuffle: false,
            seed: self.seed,
            validation: 0,
            log_every: 1,
        };
        let team = Team::new(2).unwrap();
        let mut trainer = Trainer::new(config, data, self.classes, isa, team).unwrap();
        trainer.run(&mut Silent).unwrap();
        trainer.parameters()
    }

    fn start(&self) -> Parameters {
        Parameters::new(self.shape.0, self.classes, self.init(), self.seed)
    }
}

/// The features before scaling, [n x features].
fn features(data: &Dataset) -> Vec<f32> {
    let mut features = vec![0.0; data.len() * data.features()];
    for (i, x) in features.chunks_exact_mut(data.features()).enumerate() {
        data.images().unpack(i, x);
    }
    features
}

/// The gradient by the definition, weights then biases.
fn by_definition(model: &spec::Model, batch: &spec::Batch<'_>, l2: f32) -> Vec<f32> {
    let images = batch.features.chunks_exact(batch.features.len() / batch.labels.len());
    let rows: Vec<_> = images
        .zip(batch.labels)
        .map(|(x, &label)| spec::softmax(&spec::logits(model, x, batch.scale), label))
        .collect();
    let g = spec::gradient(model, &rows, batch);
    let weights = model.weights.iter().zip(&g.weights).map(|(&w, &g)| l2.mul_add(w, g));
    weights.chain(g.bias).collect()
}

/// The parameter `i`: weights, then biases.
fn parameter(model: &mut reference::Model, i: usize) -> &mut f64 {
    let reference::Model { weights, bias } = model;
    let count = weights.len();
    if i < count { &mut weights[i] } else { &mut bias[i - count] }
}

/// The central differences of the loss by weights, then by biases.
fn differences(model: &reference::Model, batch: &spec::Batch<'_>, l2: f64) -> Vec<f64> {
    let (mut moved, weights) = (model.clone(), model.weights.len());
    let difference = |i: usize| {
        let w = *parameter(&mut moved, i);
        let (high, low) = (w + H, w - H);
        let mut loss_at = |value: f64| {
            *parameter(&mut moved, i) = value;
            reference::loss(&moved, batch, 0.0)
        };
        let slope = (loss_at(high) - loss_at(low)) / (high - low);
        *parameter(&mut moved, i) = w;
        // (high^2 - low^2) / (high - low): the sum of all squares would drown it.
        slope + if i < weights { l2 / 2.0 * (high + low) } else { 0.0 }
    };
    (0..weights + model.bias.len()).map(difference).collect()
}

/// How far a central difference may be from the derivative.
fn difference_bound(model: &reference::Model, batch: &spec::Batch<'_>) -> f64 {
    let (n, classes) = (batch.labels.len(), model.bias.len());
    let images = batch.features.chunks_exact(batch.features.len() / n);
    let largest = batch.features.iter().fold(0.0f32, |most, x| most.max(x.abs()));
    let largest = f64::from(largest * batch.scale).max(1.0); // 1 is the feature of a bias
    let loss_off = |(x, &label): (&[f32], &u32)| {
        let loss = reference::softmax(&logits(model, x, batch.scale), label).loss;
        let off = logit_bounds(model, x, batch.scale).into_iter().fold(0.0, f64::max);
        // The mean adds n + 1 roundings.
        loss_bound(classes, off, loss) + (n + 1) as f64 * UNIT_ROUNDOFF * loss
    };
    let worst = images.zip(batch.labels).map(loss_off).fold(0.0, f64::max);
    H * H / 6.0 * 0.0962 * largest.powi(3) + 2.0 * worst * 2f64.powi(-29) / (2.0 * H)
}

#[track_caller]
fn check(found: f64, expected: f64, bound: f64, what: impl std::fmt::Debug) {
    assert!(
        (found - expected).abs() <= bound,
        "{found:e} is not {expected:e} +- {bound:e}: {what:?}"
    );
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn gradients_are_the_slopes_of_the_loss(case in cases()) {
        let data = case.data();
        let values = features(&data);
        let scale = data.images().scale();
        let batch = spec::Batch { features: &values, scale, labels: data.labels() };
        let Parameters { weights, bias } = case.start();
        let model = spec::Model { weights, bias, image: data.image_shape() };
        let wide = reference::Model::from(&model);
        let l2 = f64::from(case.l2);
        let slopes = differences(&wide, &batch, l2);
        let off = difference_bound(&wide, &batch);
        let both = |model: reference::Model| model.weights.into_iter().chain(model.bias);
        for (exact, slope) in both(reference::gradient(&wide, &batch, l2)).zip(&slopes) {
            check(exact, *slope, off + 1e-12 * exact.abs(), "the reference");
        }
        let bounds: Vec<f64> = both(reference::gradient_bounds(&wide, &batch, l2)).collect();
        let definition = by_definition(&model, &batch, case.l2);
        for (i, &g) in definition.iter().enumerate() {
            check(g.into(), slopes[i], bounds[i] + off, ("the definition", i));
        }
        for isa in Isa::all() {
            let after = case.step(&data, isa);
            let after = after.weights.iter().chain(&after.bias);
            let before = model.weights.iter().chain(&model.bias);
            for (i, (&after, &before)) in after.zip(before).enumerate() {
                let found = (f64::from(before) - f64::from(after)) / f64::from(RATE);
                let rounding = UNIT_ROUNDOFF * f64::from(after.abs() / RATE) * 1.01;
                check(found, slopes[i], bounds[i] + off + rounding, (isa, i));
            }
        }
        // The dark pixel learns nothing but the penalty, to the bit.
        let dark = DARK * case.classes..(DARK + 1) * case.classes;
        for (g, w) in definition[dark.clone()].iter().zip(&model.weights[dark]) {
            prop_assert_eq!(*g, case.l2 * w);
        }
    }

    /// With whole numbers the logits are exact in f32, however large: what is left is the softmax's own
    /// rounding, and the gradient is good to 7 digits even where it is saturated.
    #[test]
    fn saturated_gradients_are_right_to_the_last_digits(
        (features, classes, count) in (1..=9usize, 2..=20usize, 1..=33usize),
        size in prop::sample::select(vec![1, 10, 100, 10_000]),
        seed in any::<u64>(),
    ) {
        let mut stream = Stream::new(seed, Purpose::Digit, 1);
        let mut whole = |below: u32, len: usize| -> Vec<f32> {
            (0..len).map(|_| stream.below(below) as f32).collect()
        };
        let values = whole(4, count * features);
        let labels: Vec<u32> = whole(classes as u32, count).iter().map(|&y| y as u32).collect();
        let mut weights = whole(2 * size + 1, features * classes);
        weights.iter_mut().for_each(|w| *w -= size as f32);
        let model = spec::Model { weights, bias: whole(size, classes), image: None };
        let batch = spec::Batch { features: &values, scale: 1.0, labels: &labels };
        let wide = reference::Model::from(&model);
        let exact = reference::gradient(&wide, &batch, 0.0);
        let slopes = differences(&wide, &batch, 0.0);
        // Probabilities, three roundings of an error term, the chain over the batch; features up to 3.
        let bound = 3.0 * (reference::probability_bound(classes, 0.0) + gamma(count + 4));
        let off = difference_bound(&wide, &batch);
        let exact = exact.weights.into_iter().chain(exact.bias);
        for ((g, exact), slope) in by_definition(&model, &batch, 0.0).into_iter().zip(exact).zip(slopes) {
            check(g.into(), exact, bound, "the exact gradient");
            check(g.into(), slope, bound + off, "the slope");
        }
    }
}
