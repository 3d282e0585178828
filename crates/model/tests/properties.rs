//! What holds for every set and every model: orders, batches, splits and dark borders change nothing, and
//! training learns.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use kernels::team::Team;
use kernels::{Isa, reference};
use model::metrics::wilson_interval;
use model::rng::{Purpose, Stream};
use model::{
    Classifier, Dataset, Init, Optimizer, Parameters, Prediction, Split, TrainConfig, Trainer,
};
use proptest::prelude::*;

/// Digits that several tests train on.
static DIGITS: LazyLock<Dataset> = LazyLock::new(|| common::digits(0..12_000));

/// A random model for images of `features`.
fn parameters(features: usize, classes: usize, std: f64) -> Parameters {
    let mut parameters =
        Parameters::new(features, classes, Init::TruncatedNormal { std }, features as u64);
    let mut stream = Stream::new(1, Purpose::Weights, 1);
    stream.truncated_normal(std as f32, &mut parameters.bias);
    parameters
}

fn predict(parameters: &Parameters, data: &Dataset) -> Vec<Prediction> {
    Classifier::new(Isa::detect(), parameters, data).predict(data, 0..data.len()).unwrap()
}

/// The images `rows` of a set, in that order.
fn select(data: &Dataset, rows: &[usize]) -> Dataset {
    let mut pixels = vec![0.0; data.features()];
    let mut pixels_of = |&row: &usize| -> Vec<u8> {
        data.images().unpack(row, &mut pixels);
        pixels.iter().map(|&x| x as u8).collect()
    };
    let images: Vec<u8> = rows.iter().flat_map(&mut pixels_of).collect();
    let labels = rows.iter().map(|&row| data.labels()[row]).collect();
    Dataset::from_u8(&images, (data.features(), data.image_shape()), labels).unwrap()
}

/// `rows` x `columns` numbers on a larger canvas of zeros, `top` and `left` from its corner.
fn frame<T: Copy + Default>(
    numbers: &[T],
    (rows, columns): (usize, usize),
    (height, width): (usize, usize),
    (top, left): (usize, usize),
) -> Vec<T> {
    let mut canvas = vec![T::default(); height * width];
    for (y, row) in numbers.chunks_exact(columns).take(rows).enumerate() {
        canvas[(top + y) * width + left..][..columns].copy_from_slice(row);
    }
    canvas
}

/// Digits in the middle of a larger canvas, their tiles where they were.
fn framed(data: &Dataset) -> Dataset {
    let mut pixels = vec![0.0; 784];
    let canvas = |i| {
        data.images().unpack(i, &mut pixels);
        let pixels: Vec<u8> = pixels.iter().map(|&x| x as u8).collect();
        frame(&pixels, (28, 28), CANVAS, CORNER)
    };
    let images: Vec<u8> = (0..data.len()).flat_map(canvas).collect();
    let shape = (CANVAS.0 * CANVAS.1, Some(CANVAS));
    Dataset::from_u8(&images, shape, data.labels().to_vec()).unwrap()
}

/// Tiles stand in squares of 4 by 4: the corner keeps to them, the far edges need not. There are as many squares on either
/// side of the image, so that its blocks are halved where they were.
const CANVAS: (usize, usize) = (35, 41);
const CORNER: (usize, usize) = (4, 8);

fn config() -> ProptestConfig {
    ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn probabilities_sum_to_one(
        features in 1..50usize,
        classes in 2..40usize,
        std in prop::sample::select(vec![0.0, 0.01, 1.0, 100.0]),
        seed in any::<u64>(),
    ) {
        let mut stream = Stream::new(seed, Purpose::Digit, 0);
        let values: Vec<f32> = (0..9 * features).map(|_| stream.signed_unit()).collect();
        let data = Dataset::from_f32(&values, (features, None), vec![0; 9]).unwrap();
        let parameters = if std > 0.0 {
            parameters(features, classes, std)
        } else {
            Parameters::new(features, classes, Init::Zeros, 0)
        };
        for Prediction { probabilities, class, runner_up } in predict(&parameters, &data) {
            let sum: f64 = probabilities.iter().copied().map(f64::from).sum();
            prop_assert!((sum - 1.0).abs() <= reference::probability_sum_bound(classes), "{sum}");
            prop_assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)));
            let [best, second] = [class, runner_up].map(|c| probabilities[c as usize]);
            prop_assert!(class != runner_up && best >= second);
            let mut rest = (0..classes as u32).filter(|&c| c != class && c != runner_up);
            prop_assert!(rest.all(|c| probabilities[c as usize] <= second));
        }
    }

    #[test]
    fn intervals_hold_their_fraction(count in 1..100_000usize, part in 0.0..=1.0f64) {
        let correct = (count as f64 * part) as usize;
        let (low, high) = wilson_interval(correct, count);
        let fraction = correct as f64 / count as f64;
        prop_assert!(-1e-15 <= low && low <= fraction + 1e-15, "{low}");
        prop_assert!(fraction - 1e-15 <= high && high <= 1.0 + 1e-15, "{high}");
        // Wilson's equation, of which both ends are roots.
        for end in [low, high] {
            let spread = 1.959_963_984_540_054f64.powi(2) * end * (1.0 - end) / count as f64;
            prop_assert!(((fraction - end).powi(2) - spread).abs() < 1e-12, "{end}");
        }
    }

    #[test]
    fn an_epoch_takes_every_training_image_once(
        count in 1..500usize,
        part in 0.0..1.0f64,
        (seed, epoch) in (any::<u64>(), 1..u64::MAX),
    ) {
        let validation = (count as f64 * part) as usize;
        let split = Split::new(count, validation);
        let training = validation as u32..count as u32;
        prop_assert_eq!(&split.validation, &(0..validation as u32));
        prop_assert_eq!(&split.training, &training);
        prop_assert!(split.epoch_order(seed, epoch, false).into_iter().eq(training.clone()));
        let order = split.epoch_order(seed, epoch, true);
        prop_assert_eq!(&Split::new(count, validation).epoch_order(seed, epoch, true), &order);
        let differs = |other: Vec<u32>| order.len() < 20 || order != other;
        prop_assert!(differs(split.epoch_order(seed, epoch + 1, true)), "the next epoch's");
        prop_assert!(differs(split.epoch_order(seed.wrapping_add(1), epoch, true)), "a seed's");
        prop_assert!(differs(training.clone().collect()), "file order");
        let mut sorted = order.clone();
        sorted.sort_unstable();
        prop_assert!(sorted.into_iter().eq(training));
    }

    #[test]
    fn one_hot_is_one_at_the_label(labels in prop::collection::vec(0..30u32, 1..20)) {
        let data = Dataset::from_u8(&vec![7; labels.len()], (1, None), labels.clone()).unwrap();
        for (i, &label) in labels.iter().enumerate() {
            let hot = data.one_hot(i, 30);
            prop_assert_eq!(hot.iter().filter(|&&y| y == 0.0).count(), 29);
            prop_assert_eq!(hot[label as usize], 1.0);
        }
    }
}

#[test]
fn permuting_images_permutes_predictions() {
    let data = common::digits(0..700);
    let order = Stream::new(3, Purpose::Shuffle, 0).permutation(700);
    let order: Vec<usize> = order.into_iter().map(|i| i as usize).collect();
    for classes in [10, 16, 17, 26] {
        let parameters = parameters(784, classes, 0.3);
        let straight = predict(&parameters, &data);
        let permuted = predict(&parameters, &select(&data, &order));
        assert!(permuted.iter().zip(&order).all(|(p, &i)| *p == straight[i]), "{classes} classes");
    }
}

#[test]
fn an_image_alone_is_predicted_as_in_a_set() {
    let data = common::digits(0..600);
    for classes in [10, 17] {
        let parameters = parameters(784, classes, 0.3);
        let together = predict(&parameters, &data);
        let classifier = Classifier::new(Isa::detect(), &parameters, &data);
        for i in (0..600).step_by(13) {
            assert_eq!(predict(&parameters, &select(&data, &[i])), together[i..=i]);
            assert_eq!(classifier.predict(&data, i..i + 1).unwrap(), together[i..=i]);
        }
        assert_eq!(classifier.predict(&data, 100..590).unwrap(), together[100..590]);
        assert_eq!(classifier.predict(&data, 5..5).unwrap(), []);
    }
}

/// Pixels without a shape stand in other blocks than the same pixels of an image: no answer is better than a wrong one.
#[test]
fn images_of_another_shape_are_refused() {
    let data = common::digits(0..3);
    let mut pixels = Vec::new();
    for i in 0..3 {
        pixels.extend(data.image(i).iter().map(|x| (x * 255.0).round() as u8));
    }
    let flat = Dataset::from_u8(&pixels, (784, None), data.labels().to_vec()).unwrap();
    for (prepared, other) in [(&data, &flat), (&flat, &data)] {
        let classifier = Classifier::new(Isa::detect(), &parameters(784, 10, 0.3), prepared);
        let refused = |f: &dyn Fn()| catch_unwind(AssertUnwindSafe(f)).is_err();
        assert!(refused(&|| drop(classifier.predict(other, 0..3))));
        assert!(refused(&|| drop(classifier.evaluate(other, 0..3))));
        assert!(!refused(&|| drop(classifier.evaluate(prepared, 0..3))));
    }
}

#[test]
fn splitting_a_set_for_evaluation_changes_nothing() {
    let data = common::digits(0..1_300);
    for (isa, classes) in Isa::all().into_iter().flat_map(|isa| [(isa, 10), (isa, 17)]) {
        // Row losses from 1e-7 to hundreds: in another order their sum is another.
        let classifier = Classifier::new(isa, &parameters(784, classes, 3.0), &data);
        let evaluate = |rows| classifier.evaluate(&data, rows).unwrap();
        let whole = evaluate(0..1_300);
        // The loss of one image is its row loss; in f64 and in order they make up that of the set.
        let alone: Vec<_> = (0..1_300).map(|i| evaluate(i..i + 1)).collect();
        let sum = alone.iter().fold(0.0, |sum, image| sum + image.loss);
        assert_eq!(whole.loss.to_bits(), (sum / 1_300.0).to_bits());
        for cuts in [vec![0, 1_300], vec![0, 1, 512, 513, 1_300], vec![0, 700, 1_100, 1_299, 1_300]]
        {
            let parts: Vec<_> = cuts.windows(2).map(|cut| evaluate(cut[0]..cut[1])).collect();
            let predicted: Vec<u32> = parts.iter().flat_map(|p| p.predicted.clone()).collect();
            assert_eq!(predicted, whole.predicted, "{isa:?} {cuts:?}");
            assert_eq!(parts.iter().map(|p| p.correct).sum::<usize>(), whole.correct);
        }
    }
}

/// On the threads of its team, however many, and for a part of the images too.
#[test]
fn a_trainer_scores_as_a_classifier_evaluates() {
    let data = common::digits(0..1_300);
    for (classes, threads) in [(10, 1), (10, 2), (10, 5), (17, 2)] {
        let config = TrainConfig { validation: 300, ..TrainConfig::default() };
        let (isa, team) = (Isa::detect(), Team::new(threads).unwrap());
        let mut trainer = Trainer::new(config, &data, classes, isa, team).unwrap();
        let classifier = Classifier::new(isa, &trainer.parameters(), &data);
        let scores = trainer.score(&data).unwrap();
        assert_eq!(scores.all(), classifier.evaluate(&data, 0..1_300).unwrap());
        for count in [1, 512, 700] {
            assert_eq!(scores.first(count), classifier.evaluate(&data, 0..count).unwrap());
        }
        // Pixels are trained on, and the test set may be of f32 features.
        let features: Vec<f32> = (0..9 * 784).map(|i| (i % 7) as f32 / 8.0).collect();
        let floats = Dataset::from_f32(&features, (784, Some((28, 28))), vec![3; 9]).unwrap();
        let classifier = Classifier::new(isa, &trainer.parameters(), &floats);
        let expected = classifier.evaluate(&floats, 0..9).unwrap();
        assert_eq!(trainer.score(&floats).unwrap().all(), expected, "{classes} classes");
    }
}

/// Tiles of zeros are skipped, and with many classes a zero adds nothing to a sum in file order.
#[test]
fn a_dark_border_changes_no_prediction() {
    let data = common::digits(0..300);
    let larger = framed(&data);
    for classes in [10, 17] {
        let mut large = parameters(larger.features(), classes, 0.3);
        let row = |y: usize| (CORNER.0 + y) * CANVAS.1 + CORNER.1;
        let weights = (0..28).flat_map(|y| &large.weights[row(y) * classes..][..28 * classes]);
        let small = Parameters { weights: weights.copied().collect(), bias: large.bias.clone() };
        assert_eq!(predict(&large, &larger), predict(&small, &data), "{classes} classes");
        large.weights[0] = 1e30;
        assert_eq!(predict(&large, &larger), predict(&small, &data), "a weight of the border");
    }
}

#[test]
fn a_dark_border_learns_nothing() {
    let data = common::digits(0..500);
    let larger = framed(&data);
    let rate = |optimizer| if optimizer == Optimizer::ADAM { 0.001 } else { 0.1 };
    for optimizer in [Optimizer::ADAM, Optimizer::Sgd, Optimizer::Momentum { mu: 0.5 }] {
        let config = TrainConfig {
            epochs: 2,
            batch_size: 33,
            validation: 50,
            init: Init::Zeros,
            learning_rate: rate(optimizer),
            l2: 1e-3,
            optimizer,
            ..TrainConfig::default()
        };
        let train = |data| common::train(&config, data, Isa::detect(), 2).0;
        let (small, large) = (train(&data), train(&larger));
        let shape = |(height, width): (usize, usize)| (height, 10 * width);
        let corner = (CORNER.0, 10 * CORNER.1);
        assert_eq!(large.weights, frame(&small.weights, (28, 280), shape(CANVAS), corner));
        assert_eq!(large.bias, small.bias);
    }
}

#[test]
fn training_learns() {
    let config = TrainConfig { validation: 2_000, log_every: 1, ..TrainConfig::default() };
    let (parameters, steps) = common::train(&config, &DIGITS, Isa::detect(), 2);
    let losses: Vec<f64> = steps.0.iter().map(|(before, _)| before.loss).collect();
    let epochs: Vec<f64> =
        losses.chunks(100).map(|epoch| epoch.iter().sum::<f64>() / epoch.len() as f64).collect();
    assert_eq!(epochs.len(), 10);
    assert!(epochs.is_sorted_by(|before, after| before > after), "{epochs:?}");
    let better = steps.0.iter().filter(|(before, after)| after.loss < before.loss).count();
    assert!(better > 990, "{better} of 1000 steps made their own batch better");
    let test = common::digits(60_000..65_000);
    let evaluation =
        Classifier::new(Isa::detect(), &parameters, &test).evaluate(&test, 0..5_000).unwrap();
    println!("accuracy {:.4}, losses {epochs:.4?}", evaluation.accuracy());
    assert!((0.85..0.97).contains(&evaluation.accuracy()), "{}", evaluation.accuracy());
}

/// SHA-256 of the weights after one epoch of the tutorial's run on the first 12,000 synthetic digits, of
/// which 2,000 are for validation.
const GOLDEN: &str = "cce133b48160c6a5b07e84556bac940124b7b787207ac98ac859306bef22a769";

#[test]
fn the_tutorials_run_gives_the_golden_weights() {
    let config = TrainConfig { epochs: 1, validation: 2_000, ..TrainConfig::default() };
    for isa in Isa::all() {
        let (parameters, _) = common::train(&config, &DIGITS, isa, 2);
        assert_eq!(parameters.sha256(), GOLDEN, "{isa:?}");
    }
}
