//! The same bits everywhere: tiers, threads and the definition give one model, byte for byte.
//!
//! The golden hashes below also hold the dev and the release profile together: both run this test.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use kernels::Isa;
use kernels::spec::{self, Batch, Update};
use model::optimizer::Schedule;
use model::{Dataset, Init, Metadata, Model, Optimizer, Parameters, Split, TrainConfig};

fn model_sha256(config: &TrainConfig, parameters: Parameters) -> String {
    use sha2::{Digest, Sha256};
    let classes = (0..10).map(|class| class.to_string()).collect();
    let metadata = Metadata::new(config, classes, Some((28, 28)), "synthetic".into());
    let bytes = Model { parameters, metadata }.to_bytes().unwrap();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Trains a model for ten classes by the definition alone.
fn train_by_spec(config: &TrainConfig, data: &Dataset) -> Parameters {
    train_classes_by_spec(config, data, 10)
}

/// The same for so many classes.
fn train_classes_by_spec(config: &TrainConfig, data: &Dataset, classes: usize) -> Parameters {
    let Parameters { weights, bias } =
        Parameters::new(data.features(), classes, config.init, config.seed);
    let mut model = spec::Model { weights, bias, image: data.image_shape() };
    let zeros = spec::Model {
        weights: vec![0.0; model.weights.len()],
        bias: vec![0.0; classes],
        image: model.image,
    };
    let (mut m, mut v) = (zeros.clone(), zeros);
    let mut schedule = Schedule::new(config.optimizer, config.learning_rate);
    let split = Split::new(data.len(), config.validation);
    for epoch in 1..=config.epochs {
        let order = split.epoch_order(config.seed, epoch, config.shuffle);
        for rows in order.chunks(config.batch_size) {
            let mut features = vec![0.0; rows.len() * data.features()];
            for (&row, x) in rows.iter().zip(features.chunks_exact_mut(data.features())) {
                data.images().unpack(row as usize, x);
            }
            let labels: Vec<u32> = rows.iter().map(|&row| data.labels()[row as usize]).collect();
            let batch =
                Batch { features: &features, scale: data.images().scale(), labels: &labels };
            let update = Update { rule: schedule.next_rule(), l2: config.l2 as f32 };
            spec::step((&mut model, &mut m, &mut v), update, &batch).unwrap();
        }
    }
    Parameters { weights: model.weights, bias: model.bias }
}

/// One epoch on 2,048 synthetic digits.
fn short(batch_size: usize) -> TrainConfig {
    TrainConfig { epochs: 1, batch_size, validation: 48, ..TrainConfig::default() }
}

#[test]
fn tiers_and_threads_and_the_definition_agree() {
    let golden = [
        (1, "793f0fc1339702a9a1022299e4ca272961f2e934da25d09e0f3be778d498424d"),
        (7, "070e6ea5966bb5f33be36305e0c7a5716a6bd84bf7886189caa644196da48a2d"),
        (100, "35ae8c8b314d986e78e2656332ec45cd27ce0675f8ddfbe09fe73fe51c8f497b"),
        (1000, "70293a4d15b7ff308a1b751101e02563f2e1b2cada75eb3cca76ef377d29a028"),
    ];
    let data = common::digits(0..2_048);
    for (batch_size, golden) in golden {
        let config = short(batch_size);
        let spec = model_sha256(&config, train_by_spec(&config, &data));
        assert_eq!(spec, golden, "batches of {batch_size}, by the definition");
        for isa in Isa::all() {
            for threads in [1, 2, 3, 7, 16] {
                let (parameters, _) = common::train(&config, &data, isa, threads);
                let found = model_sha256(&config, parameters);
                assert_eq!(found, golden, "batches of {batch_size}, {isa:?}, {threads} threads");
            }
        }
    }
}

/// Where classes are lanes: one vector of 16 and a ragged one, whole ones, and more than a pass takes.
#[test]
fn many_classes_agree_with_the_definition() {
    let digits = common::digits(0..600);
    for (classes, golden) in [
        (17, "3d531904f77d174b6a2a2702b6e8c4cda70ca2216c223d1bc128b62d84788f4e"),
        (32, "247b58f12b8a066314bc6b1410b3116f62a6696ab80adcae87aae02aa6351803"),
        (83, "80300df0a66e60766ac6650f3640e41d1945b2670a10750ddb1972936ab065e3"),
    ] {
        let mut pixels = vec![0.0; 784];
        let image = |i| {
            digits.images().unpack(i, &mut pixels);
            pixels.iter().map(|&x| x as u8).collect::<Vec<_>>()
        };
        let images: Vec<u8> = (0..digits.len()).flat_map(image).collect();
        let labels = (0..).zip(digits.labels()).map(|(i, label)| (label + 10 * i) % classes);
        let data = Dataset::from_u8(&images, (784, Some((28, 28))), labels.collect()).unwrap();
        let (config, classes) = (short(70), classes as usize);
        let spec = train_classes_by_spec(&config, &data, classes);
        assert_eq!(spec.sha256(), golden, "{classes} classes, by the definition");
        for (isa, threads) in Isa::all().into_iter().flat_map(|isa| [1, 2, 3, 7].map(|n| (isa, n)))
        {
            let (parameters, _) = common::train_classes(&config, &data, classes, (isa, threads));
            assert_eq!(
                parameters.sha256(),
                golden,
                "{classes} classes, {isa:?}, {threads} threads"
            );
        }
    }
}

#[test]
fn every_optimizer_agrees_with_the_definition() {
    let data = common::digits(0..512);
    let momentum = Optimizer::Momentum { mu: 0.9 };
    for (optimizer, learning_rate) in
        [(Optimizer::ADAM, 0.01), (Optimizer::Sgd, 0.5), (momentum, 0.1)]
    {
        for (l2, init) in [(0.0, Init::Zeros), (1e-3, Init::TruncatedNormal { std: 0.1 })] {
            let config =
                TrainConfig { optimizer, learning_rate, l2, init, epochs: 2, seed: 7, ..short(50) };
            let spec = train_by_spec(&config, &data);
            for isa in Isa::all() {
                let (parameters, _) = common::train(&config, &data, isa, 2);
                assert_eq!(parameters.sha256(), spec.sha256(), "{config:?} {isa:?}");
            }
        }
    }
}

/// How often a run reports must not change it.
#[test]
fn watching_changes_nothing() {
    let data = common::digits(0..512);
    let quiet = short(100);
    let watched = TrainConfig { log_every: 1, ..quiet.clone() };
    let train = |config| common::train(config, &data, Isa::detect(), 2).0.sha256();
    assert_eq!(train(&quiet), train(&watched));
}

/// The first 1,000 synthetic digits, of which `model::synthetic` holds the golden hash, and the weights
/// trained on them.
#[test]
fn a_thousand_digits_give_golden_weights() {
    let data = common::digits(0..1_000);
    let config = TrainConfig { validation: 0, epochs: 1, ..TrainConfig::default() };
    let golden = "aca1022cf54526201dae84c3cb77c06c0f5124749c1c82a9456e40124174d155";
    assert_eq!(train_by_spec(&config, &data).sha256(), golden, "by the definition");
    for isa in Isa::all() {
        let (parameters, _) = common::train(&config, &data, isa, 2);
        assert_eq!(parameters.sha256(), golden, "{isa:?}");
    }
}

/// The tutorial's first epoch on MNIST by the definition, and by the kernels.
#[test]
fn the_definition_trains_the_same_model_on_mnist() {
    let Some(mnist) = common::mnist() else { return };
    let config = TrainConfig { epochs: 1, ..TrainConfig::default() };
    let spec = train_by_spec(&config, &mnist.train).sha256();
    for isa in Isa::all() {
        let (parameters, _) = common::train(&config, &mnist.train, isa, 2);
        assert_eq!(parameters.sha256(), spec, "{isa:?}");
    }
}
