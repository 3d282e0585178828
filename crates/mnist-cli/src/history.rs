//! What a run reported, typed: filled while it trains, or read back from its metrics.jsonl.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use model::{Evaluation, Event};
use serde::{Deserialize, Serialize};

use crate::failure::{Code, Failure};

/// The steps, epochs and test of a run, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    /// The steps that were logged.
    pub(crate) steps: Vec<Step>,
    /// The epochs that ended.
    pub(crate) epochs: Vec<Epoch>,
    /// The test at the end, once it was made.
    pub(crate) test: Option<Test>,
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

/// A line of metrics.jsonl, as far as the history goes.
#[derive(Deserialize)]
#[serde(tag = "event", rename_all = "lowercase")]
enum Line {
    Start {},
    Step(Step),
    Epoch(Epoch),
    Test(Test),
}

/// Why a metrics.jsonl can't be read.
#[derive(Debug)]
pub(crate) struct HistoryError {
    /// The file.
    pub(crate) path: PathBuf,
    /// What is wrong.
    pub(crate) kind: HistoryErrorKind,
}

/// What is wrong with a metrics.jsonl.
#[derive(Debug)]
pub(crate) enum HistoryErrorKind {
    /// It can't be opened or read.
    Io(io::Error),
    /// A line, from 1, is none that a run writes.
    Line { number: usize, cause: String },
    /// A line, from 1, belongs before the one above it.
    Order { number: usize },
}

impl History {
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

    /// Reads the history of a run from its metrics.jsonl. A last line that was cut short, as by a run that
    /// was killed, is left out.
    ///
    /// Errors name the file, and the line that is wrong.
    pub(crate) fn read(path: &Path) -> Result<Self, HistoryError> {
        let error = |kind| HistoryError { path: path.to_owned(), kind };
        let file = File::open(path).map_err(|cause| error(HistoryErrorKind::Io(cause)))?;
        Self::from_lines(BufReader::new(file)).map_err(error)
    }

    fn from_lines(mut lines: impl BufRead) -> Result<Self, HistoryErrorKind> {
        let (mut history, mut line) = (Self::default(), String::new());
        for number in 1.. {
            line.clear();
            if lines.read_line(&mut line).map_err(HistoryErrorKind::Io)? == 0 {
                break;
            }
            let parsed = match serde_json::from_str(&line) {
                Err(cut) if cut.is_eof() && !line.ends_with('\n') => break,
                parsed => parsed.map_err(|cause| HistoryErrorKind::Line {
                    number,
                    // The error's own place is that within the line.
                    cause: cause.to_string().replace("line 1 ", ""),
                })?,
            };
            history.push(parsed).map_err(|()| HistoryErrorKind::Order { number })?;
        }
        Ok(history)
    }

    /// Adds a line; steps and epochs only rise, and the test is the last.
    fn push(&mut self, line: Line) -> Result<(), ()> {
        let (step, epoch) = (
            self.steps.last().map_or(0, |last| last.step),
            self.epochs.last().map_or(0, |last| last.epoch),
        );
        let in_order = self.test.is_none()
            && match &line {
                Line::Start {} => step == 0 && epoch == 0,
                Line::Step(next) => next.step > step && next.epoch > epoch,
                Line::Epoch(next) => next.epoch > epoch,
                Line::Test(_) => true,
            };
        match line {
            Line::Start {} => {}
            Line::Step(step) => self.steps.push(step),
            Line::Epoch(epoch) => self.epochs.push(epoch),
            Line::Test(test) => self.test = Some(test),
        }
        in_order.then_some(()).ok_or(())
    }
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            HistoryErrorKind::Io(cause) => write!(f, "{path}: cannot be opened: {cause}"),
            HistoryErrorKind::Line { number, cause } => {
                write!(f, "{path}: line {number} is none of a run's metrics: {cause}")
            }
            HistoryErrorKind::Order { number } => {
                write!(f, "{path}: line {number} is out of order")
            }
        }
    }
}

impl std::error::Error for HistoryError {}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        match error.kind {
            HistoryErrorKind::Io(cause) if cause.kind() != io::ErrorKind::InvalidData => {
                Self::cannot_open(&error.path, &cause)
            }
            _ => Self::new(Code::Content, error)
                .remedy("name the folder of a run, as `mnist train` writes it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str = r#"{"event":"start","config":{},"isa":"avx2","threads":1}"#;
    const STEP: &str = r#"{"event":"step","epoch":1,"iteration":0,"step":1,"loss":2.5,"accuracy":0.25,"loss_after":2.0,"accuracy_after":0.5}"#;
    const EPOCH: &str = r#"{"event":"epoch","epoch":1,"validation":{"count":2,"loss":1.5,"accuracy":0.5},"seconds":0.5}"#;
    const TEST: &str = r#"{"event":"test","first":{"count":2,"loss":1.5,"accuracy":0.5},"all":{"count":4,"loss":1.0,"accuracy":0.75},"seconds":0.5}"#;

    fn read(lines: &[&str]) -> Result<History, HistoryErrorKind> {
        History::from_lines(lines.join("\n").as_bytes())
    }

    #[test]
    fn a_run_is_read_back() {
        let history = read(&[START, STEP, EPOCH, TEST, ""]).unwrap();
        assert_eq!((history.steps[0].loss, history.steps[0].accuracy_after), (2.5, 0.5));
        let epoch = history.epochs[0];
        assert_eq!(epoch.validation, Some(Set { count: 2, loss: 1.5, accuracy: 0.5 }));
        assert_eq!(epoch.validation_all, None);
        assert_eq!(history.test.map(|test| test.all.count), Some(4));
        // A run that was killed; nothing at all.
        assert_eq!(read(&[START, STEP, &EPOCH[..40]]).unwrap().epochs, []);
        assert_eq!(read(&[]).unwrap(), History::default());
    }

    #[test]
    fn what_is_wrong_names_its_line() {
        for (lines, line, parts) in [
            (vec![START, "{}", STEP], 2, "event"),
            (vec![START, "", STEP], 2, "EOF"),
            (vec![r#"{"event":"lunch"}"#], 1, "lunch"),
            (vec![START, r#"{"event":"step","epoch":1}"#], 2, "iteration"),
            (vec![START, STEP, STEP], 3, "order"),
            (vec![START, STEP, EPOCH, EPOCH], 4, "order"),
            (vec![START, TEST, STEP], 3, "order"),
        ] {
            let kind = read(&lines).unwrap_err();
            let path = PathBuf::from("run/metrics.jsonl");
            let message = HistoryError { path, kind }.to_string();
            let place = format!("run/metrics.jsonl: line {line} is ");
            assert!(message.starts_with(&place) && message.contains(parts), "{message}");
        }
        let missing = History::read(Path::new("no/such/metrics.jsonl")).unwrap_err();
        assert!(missing.to_string().starts_with("no/such/metrics.jsonl: cannot be opened: "));
        assert!(matches!(History::from_lines(&b"\xff\n"[..]), Err(HistoryErrorKind::Io(_))));
    }
}
