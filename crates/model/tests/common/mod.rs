//! What several tests need: small data sets, and runs of the trainer.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::Duration;

use kernels::Isa;
use kernels::team::Team;
use model::trainer::Score;
use model::{DataSets, Dataset, Event, Observer, Parameters, TrainConfig, Trainer, synthetic};

/// Synthetic digits `range`, as a data set.
#[allow(dead_code, reason = "not every test file uses every helper")]
pub fn digits(range: std::ops::Range<u32>) -> Dataset {
    let synthetic::Digits { images, labels } = synthetic::digits(range);
    let labels = labels.into_iter().map(u32::from).collect();
    Dataset::from_u8(&images, (784, Some((28, 28))), labels).unwrap()
}

/// MNIST, where the environment names its folder.
#[allow(dead_code, reason = "not every test file uses every helper")]
pub fn mnist() -> Option<DataSets> {
    let folder = std::env::var_os("MNIST_DATA").filter(|folder| !folder.is_empty());
    let Some(folder) = folder.map(PathBuf::from) else {
        eprintln!("skipped: MNIST_DATA does not name the folder of MNIST");
        return None;
    };
    Some(DataSets::read(&folder, 10).unwrap())
}

/// The scores of the steps of a run, before and after their updates.
#[derive(Debug, Default)]
pub struct Steps(pub Vec<(Score, Score)>);

impl Observer for Steps {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        if let Event::Step { before, after, .. } = event {
            self.0.push((before, after));
        }
        ControlFlow::Continue(())
    }
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// Trains a model for ten classes; returns it with the scores of its reported steps.
#[allow(dead_code, reason = "not every test file uses every helper")]
pub fn train(
    config: &TrainConfig,
    data: &Dataset,
    isa: Isa,
    threads: usize,
) -> (Parameters, Steps) {
    train_classes(config, data, 10, (isa, threads))
}

/// The same for so many classes.
#[allow(dead_code, reason = "not every test file uses every helper")]
pub fn train_classes(
    config: &TrainConfig,
    data: &Dataset,
    classes: usize,
    (isa, threads): (Isa, usize),
) -> (Parameters, Steps) {
    let team = Team::new(threads).unwrap();
    let mut trainer = Trainer::new(config.clone(), data, classes, isa, team).unwrap();
    let mut steps = Steps::default();
    trainer.run(&mut steps).unwrap();
    (trainer.parameters(), steps)
}
