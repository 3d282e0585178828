//! What a run reported, typed: filled while it trains, or read back from its metrics.jsonl.

mod error;
mod file;

use model::{Evaluation, Event};
use serde::{Deserialize, Serialize};

pub(crate) use file::MOST_LINE_BYTES;

/// The steps, epochs and test of a run, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    /// The steps that were logged.
    pub(crate) steps: Vec<Step>,
    /// The epochs that ended.
    pub(crate) epochs: Vec<Epoch>,
    /// The test at the end, once it was made.
    pub(crate) test: Option<Test>,
    /// The hash of the weights that were tested and saved, as a file says.
    pub(crate) weights_sha256: Option<String>,
}

/// A step that was logged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// From 1.
    pub(crate) epoch: u64,
    /// Within the epoch, from 0.
    pub(crate) iteration: usize,
    /// Since the start, from 1.
    pub(crate) step: u64,
    /// Of the batch, before its update.
    pub(crate) loss: f64,
    /// Of the batch, before its update; 0 to 1.
    pub(crate) accuracy: f64,
    /// Of the same batch after the update.
    pub(crate) loss_after: f64,
    /// Of the same batch after the update; 0 to 1.
    pub(crate) accuracy_after: f64,
}

/// The end of an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Epoch {
    /// From 1.
    pub(crate) epoch: u64,
    /// The first 1,000 validation images; nothing if there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) validation: Option<Set>,
    /// All validation images; nothing if there are none.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) validation_all: Option<Set>,
    /// The time of its training alone.
    pub(crate) seconds: f64,
}

/// The test at the end.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Test {
    /// The first 1,000 test images.
    pub(crate) first: Set,
    /// All test images.
    pub(crate) all: Set,
    /// The time it took.
    pub(crate) seconds: f64,
}

/// Loss and accuracy of so many images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Set {
    /// The number of images.
    pub(crate) count: usize,
    /// The mean cross-entropy in nats.
    pub(crate) loss: f64,
    /// 0 to 1.
    pub(crate) accuracy: f64,
}

impl From<&Evaluation> for Set {
    fn from(evaluation: &Evaluation) -> Self {
        let (loss, accuracy) = (evaluation.loss, evaluation.accuracy());
        Self { count: evaluation.count(), loss, accuracy }
    }
}

impl History {
    /// Iterations of an epoch, as the first step that was reported of a later epoch than the first tells; nothing if none was.
    pub(crate) fn iterations(&self) -> Option<u64> {
        let step = self.steps.iter().find(|step| step.epoch > 1)?;
        let before = step.step.checked_sub(1)?.checked_sub(step.iteration as u64)?;
        Some(before / (step.epoch - 1))
    }

    /// Takes in an event of training.
    pub(crate) fn on(&mut self, event: &Event<'_>) {
        match *event {
            Event::Step { epoch, iteration, step, before, after } => self.steps.push(Step {
                epoch,
                iteration,
                step,
                loss: before.loss,
                accuracy: before.accuracy,
                loss_after: after.loss,
                accuracy_after: after.accuracy,
            }),
            Event::Epoch { epoch, validation, validation_all, training_time } => {
                self.epochs.push(Epoch {
                    epoch,
                    validation: validation.map(Into::into),
                    validation_all: validation_all.map(Into::into),
                    seconds: training_time.as_secs_f64(),
                });
            }
            _ => {}
        }
    }
}
