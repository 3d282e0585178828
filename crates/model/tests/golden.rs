//! The runs of two float64 traces on MNIST, on every tier: closer to them than TensorFlow is.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::path::Path;

use kernels::Isa;
use model::{Classifier, Init, Optimizer, TrainConfig};

/// A trace, and how far a run may be from it.
struct Golden {
    name: &'static str,
    config: TrainConfig,
    loss: f64,
    weight: f64,
    bias: f64,
}

fn goldens() -> [Golden; 2] {
    let base =
        TrainConfig { init: Init::Zeros, shuffle: false, log_every: 1, ..TrainConfig::default() };
    let adam = TrainConfig { epochs: 2, ..base.clone() };
    let (optimizer, learning_rate) = (Optimizer::Sgd, 0.5);
    let sgd = TrainConfig { epochs: 1, optimizer, learning_rate, ..base };
    [
        Golden { name: "adam-b100-e2", config: adam, loss: 1.5e-6, weight: 3e-6, bias: 1e-5 },
        Golden { name: "sgd-b100-e1", config: sgd, loss: 1e-5, weight: 1e-5, bias: 1e-5 },
    ]
}

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"))
}

fn numbers(name: &str) -> Vec<f64> {
    idx::read(folder().join(name)).unwrap().to_f64()
}

/// The rows of a CSV file, without its head; text becomes NaN.
fn rows(name: &str) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(folder().join(name)).unwrap();
    let number = |field: &str| field.parse().unwrap_or(f64::NAN);
    text.lines().skip(1).map(|line| line.split(',').map(number).collect()).collect()
}

fn largest_difference(a: impl IntoIterator<Item = f64>, b: impl IntoIterator<Item = f64>) -> f64 {
    let differences = a.into_iter().zip(b).map(|(a, b)| (a - b).abs());
    // `f64::max` would pass over what is not a number.
    differences.fold(0.0, |most, d| if d <= most { most } else { d })
}

#[test]
fn runs_follow_the_float64_traces() {
    let Some(mnist) = common::mnist() else { return };
    for Golden { name, config, loss, weight, bias } in goldens() {
        let trace = rows(&format!("{name}-losses.csv"));
        let weights = numbers(&format!("{name}-weights.idx2-double"));
        let biases = numbers(&format!("{name}-bias.idx1-double"));
        for isa in Isa::all() {
            let (parameters, steps) = common::train(&config, &mnist.train, isa, 2);
            assert_eq!((steps.0.len(), weights.len()), (trace.len(), parameters.weights.len()));
            let losses = steps.0.iter().map(|(before, _)| before.loss);
            let accuracies = steps.0.iter().map(|(before, _)| before.accuracy);
            let of_loss = largest_difference(losses, trace.iter().map(|row| row[1]));
            let of_accuracy = largest_difference(accuracies, trace.iter().map(|row| row[2]));
            let of_weight =
                largest_difference(parameters.weights.iter().map(|&w| w.into()), weights.clone());
            let of_bias =
                largest_difference(parameters.bias.iter().map(|&b| b.into()), biases.clone());
            assert_eq!(parameters.bias.len(), biases.len());
            println!(
                "{name} {isa:?}: loss {of_loss:.2e} weight {of_weight:.2e} bias {of_bias:.2e}"
            );
            assert!(of_loss <= loss, "{name} {isa:?}: loss off by {of_loss:e}");
            assert!(of_weight <= weight, "{name} {isa:?}: weight off by {of_weight:e}");
            assert!(of_bias <= bias, "{name} {isa:?}: bias off by {of_bias:e}");
            assert!(of_accuracy < 1e-9, "{name} {isa:?}: accuracy off by {of_accuracy}");

            let classifier = Classifier::new(isa, &parameters, &mnist.test);
            let sets = [
                (&mnist.train, 1_000),
                (&mnist.train, 5_000),
                (&mnist.test, 1_000),
                (&mnist.test, 10_000),
            ];
            for ((data, count), row) in
                sets.into_iter().zip(rows(&format!("{name}-evaluation.csv")))
            {
                let evaluation = classifier.evaluate(data, 0..count).unwrap();
                assert!((evaluation.loss - row[1]).abs() <= loss, "{name} {isa:?} {count}");
                assert!((evaluation.accuracy() - row[2]).abs() < 1e-9, "{name} {isa:?} {count}");
            }
        }
    }
}

/// The first gradient, read off the first step of plain SGD: `w = -lr * g` from zero weights.
#[test]
fn the_first_gradient_is_that_of_the_traces() {
    let Some(mnist) = common::mnist() else { return };
    let first = model::Dataset::from_f32(
        &(5_000..5_100).flat_map(|i| mnist.train.image(i)).collect::<Vec<_>>(),
        (784, Some((28, 28))),
        mnist.train.labels()[5_000..5_100].to_vec(),
    )
    .unwrap();
    let config = TrainConfig {
        epochs: 1,
        validation: 0,
        learning_rate: 1.0,
        optimizer: Optimizer::Sgd,
        init: Init::Zeros,
        shuffle: false,
        ..TrainConfig::default()
    };
    let (parameters, _) = common::train(&config, &first, Isa::detect(), 1);
    for name in ["adam-b100-e2", "sgd-b100-e1"] {
        let gradient = numbers(&format!("{name}-gradient-step1.idx2-double"));
        let difference =
            largest_difference(parameters.weights.iter().map(|&w| -f64::from(w)), gradient);
        assert!(difference < 1e-7, "{name}: gradient off by {difference:e}");
    }
}
