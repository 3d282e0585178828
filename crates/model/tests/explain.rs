//! The shares of the pixels add up to the margin, in every printed digit, and the margin is the
//! difference of the logits.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use kernels::{Isa, reference, spec};
use model::explain::Explanation;
use model::rng::{Purpose, Stream};
use model::{Classifier, Dataset, Init, Parameters, TrainConfig};
use proptest::prelude::*;

/// As a person or a page in a browser reads it back: digits, and nothing else.
fn printed(x: f64) -> f64 {
    let digits = serde_json::to_string(&x).unwrap();
    digits.parse().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printed_shares_add_up_to_the_printed_margin(
        (features, classes) in (1..=200usize, 2..=20usize),
        std in prop::sample::select(vec![1e-6, 0.01, 1.0, 1e4]),
        is_u8 in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let init = Init::TruncatedNormal { std };
        let mut parameters = Parameters::new(features, classes, init, seed);
        let mut stream = Stream::new(seed, Purpose::Digit, 0);
        parameters.bias.iter_mut().for_each(|b| *b = std as f32 * stream.signed_unit());
        let values: Vec<f32> = (0..features).map(|_| stream.signed_unit()).collect();
        let shape = (features, None);
        let data = if is_u8 {
            let pixels: Vec<u8> = values.iter().map(|x| (x.max(0.0) * 255.0) as u8).collect();
            Dataset::from_u8(&pixels, shape, vec![0]).unwrap()
        } else {
            Dataset::from_f32(&values, shape, vec![0]).unwrap()
        };
        let (a, b) = (stream.below(classes as u32), stream.below(classes as u32));
        let why = Explanation::of(&parameters, &data, 0, a, b);

        // The sum that a reader of the terms makes, in the stated order.
        let total = why.shares.iter().fold(0.0, |sum, &share| sum + printed(share));
        prop_assert_eq!((total + printed(why.bias)).to_bits(), printed(why.margin).to_bits());

        // The margin is the difference of the f64 logits, but for the rounding of some 2 D operations.
        let mut x = vec![0.0; features];
        data.images().unpack(0, &mut x);
        let scale = data.images().scale();
        let Parameters { weights, bias } = parameters.clone();
        let model = spec::Model { weights, bias, image: None };
        let wide = reference::Model::from(&model);
        let z = reference::logits(&wide, &x, scale);
        let (za, zb) = (z[a as usize], z[b as usize]);
        let size: f64 = x.iter().zip(wide.weights.chunks(classes)).map(|(&x, row)| {
            f64::from(x * scale).abs() * (row[a as usize].abs() + row[b as usize].abs())
        }).sum::<f64>() + wide.bias[a as usize].abs() + wide.bias[b as usize].abs();
        let bound = 4.0 * (features + 4) as f64 * f64::EPSILON * size;
        prop_assert!((why.margin - (za - zb)).abs() <= bound, "{} {}", why.margin, za - zb);

        // The other way round is the same, negated, to the bit.
        let other = Explanation::of(&parameters, &data, 0, b, a);
        prop_assert_eq!(other.margin, -why.margin);
        prop_assert!(other.shares.iter().zip(&why.shares).all(|(x, y)| *x == -*y));

        let ranked = why.ranked();
        prop_assert!(ranked.windows(2).all(|w| why.shares[w[0]].abs() >= why.shares[w[1]].abs()));
        prop_assert_eq!(ranked.len(), why.shares.iter().filter(|share| **share != 0.0).count());
        prop_assert_eq!(ranked.first().map_or(0.0, |&i| why.shares[i].abs()), why.largest());
    }
}

#[test]
fn a_trained_models_margin_is_the_logarithm_of_the_odds() {
    let data = common::digits(0..400);
    let config = TrainConfig { epochs: 3, validation: 0, ..TrainConfig::default() };
    let (parameters, _) = common::train(&config, &data, Isa::detect(), 1);
    let predictions =
        Classifier::new(Isa::detect(), &parameters, &data).predict(&data, 0..400).unwrap();
    for (i, prediction) in predictions.iter().enumerate() {
        let why = Explanation::of(&parameters, &data, i, prediction.class, prediction.runner_up);
        assert!(why.margin >= -1e-6, "{i}: the prediction wins by {}", why.margin);
        let p = |class: u32| f64::from(prediction.probabilities[class as usize]);
        let odds = (p(prediction.class) / p(prediction.runner_up)).ln();
        assert!((why.margin - odds).abs() < 1e-4, "{i}: {} and {odds}", why.margin);
        // Where there is no ink there is no share.
        let ink = data.image(i);
        assert!(why.ranked().iter().all(|&pixel| ink[pixel] > 0.0));
    }
}

#[test]
#[should_panic(expected = "classes 0 and 10 of 10")]
fn a_class_that_is_not_there_is_the_callers_bug() {
    let parameters = Parameters::new(784, 10, Init::Zeros, 0);
    Explanation::of(&parameters, &common::digits(0..1), 0, 0, 10);
}
