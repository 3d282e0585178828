//! A run's metrics.jsonl, read back: every line bounded, every number held against what a run can have.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use serde::Deserialize;

use super::error::{HistoryError, HistoryErrorKind, OutOfRange};
use super::{Epoch, History, Set, Step, Test};
use crate::regular::{self, Unreadable};

/// The longest line that is read: a start with 65,536 names of classes is shorter.
pub(crate) const MOST_LINE_BYTES: u64 = 1 << 24;
/// The largest file that is read: some twenty million steps.
const MOST_BYTES: u64 = 1 << 32;
/// The largest number of an epoch or a step: f64 and the report's JavaScript have all up to it.
const MOST_STEPS: u64 = 1 << 53;
/// The most images of a set: their indices are u32.
const MOST_IMAGES: u64 = 1 << 32;

/// What a line tells of. It is read for itself, so that what else is in the line takes no memory.
#[derive(Deserialize)]
struct Head {
    event: Kind,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Start,
    Step,
    Epoch,
    Test,
    Saved,
}

/// A line, as far as the history goes.
enum Line {
    Start,
    Step(Step),
    Epoch(Epoch),
    Test(Test),
    Saved(Saved),
}

#[derive(Deserialize)]
struct Saved {
    weights_sha256: String,
}

impl History {
    /// Reads the history of a run from its metrics.jsonl. A last line that was cut short, as by a run
    /// that was killed, is left out.
    ///
    /// Errors name the file, and the line that is wrong.
    pub(crate) fn read(path: &Path) -> Result<Self, HistoryError> {
        let error = |kind| HistoryError { path: path.to_owned(), kind };
        let opened = regular::open(path, MOST_BYTES).map_err(HistoryErrorKind::Unreadable);
        let (file, _) = opened.map_err(error)?;
        Self::from_lines(BufReader::new(file.take(MOST_BYTES))).map_err(error)
    }

    fn from_lines(mut lines: impl BufRead) -> Result<Self, HistoryErrorKind> {
        let io = |cause| HistoryErrorKind::Unreadable(Unreadable::Io(cause));
        let (mut history, mut line) = (Self::default(), Vec::new());
        for number in 1.. {
            line.clear();
            let most = MOST_LINE_BYTES + 1;
            let n_bytes = lines.by_ref().take(most).read_until(b'\n', &mut line).map_err(io)?;
            if n_bytes == 0 {
                break;
            }
            if n_bytes as u64 > MOST_LINE_BYTES {
                return Err(HistoryErrorKind::TooLong { number });
            }
            let parsed = match Line::parse(&line) {
                Err(cut) if cut.is_eof() && !line.ends_with(b"\n") => break,
                parsed => parsed.map_err(|cause| HistoryErrorKind::Line {
                    number,
                    // The error's own place is that within the line.
                    cause: cause.to_string().replace("line 1 ", ""),
                })?,
            };
            parsed.check().map_err(|fault| HistoryErrorKind::OutOfRange { number, fault })?;
            history.push(parsed).map_err(|()| HistoryErrorKind::Order { number })?;
        }
        Ok(history)
    }

    /// Adds a line; steps and epochs only rise, then comes the test, and then the model.
    fn push(&mut self, line: Line) -> Result<(), ()> {
        let (step, epoch) = (
            self.steps.last().map_or(0, |last| last.step),
            self.epochs.last().map_or(0, |last| last.epoch),
        );
        let in_order = match &line {
            Line::Saved(_) => self.test.is_some() && self.weights_sha256.is_none(),
            _ if self.test.is_some() => false,
            Line::Start => step == 0 && epoch == 0,
            Line::Step(next) => next.step > step && next.epoch > epoch,
            Line::Epoch(next) => next.epoch > epoch,
            Line::Test(_) => true,
        };
        match line {
            Line::Start => {}
            Line::Step(step) => self.steps.push(step),
            Line::Epoch(epoch) => self.epochs.push(epoch),
            Line::Test(test) => self.test = Some(test),
            Line::Saved(saved) => self.weights_sha256 = Some(saved.weights_sha256),
        }
        in_order.then_some(()).ok_or(())
    }
}

impl Line {
    fn parse(line: &[u8]) -> serde_json::Result<Self> {
        let Head { event } = serde_json::from_slice(line)?;
        Ok(match event {
            Kind::Start => Self::Start,
            Kind::Step => Self::Step(serde_json::from_slice(line)?),
            Kind::Epoch => Self::Epoch(serde_json::from_slice(line)?),
            Kind::Test => Self::Test(serde_json::from_slice(line)?),
            Kind::Saved => Self::Saved(serde_json::from_slice(line)?),
        })
    }

    /// Holds every number against what a run can have. That none is infinite is JSON's doing.
    fn check(&self) -> Result<(), OutOfRange> {
        match self {
            Self::Start | Self::Saved(_) => Ok(()),
            Self::Step(step) => {
                check_number("epoch", step.epoch)?;
                check_number("step", step.step)?;
                check_score("", step.loss, step.accuracy)?;
                check_score("_after", step.loss_after, step.accuracy_after)
            }
            Self::Epoch(epoch) => {
                check_number("epoch", epoch.epoch)?;
                check_seconds(epoch.seconds)?;
                check_set("validation", epoch.validation.as_ref())?;
                check_set("validation_all", epoch.validation_all.as_ref())
            }
            Self::Test(test) => {
                check_seconds(test.seconds)?;
                check_set("first", Some(&test.first))?;
                check_set("all", Some(&test.all))
            }
        }
    }
}

fn check_number(field: &str, number: u64) -> Result<(), OutOfRange> {
    expect((1..=MOST_STEPS).contains(&number), field, "1 to 2^53", &number)
}

fn check_seconds(seconds: f64) -> Result<(), OutOfRange> {
    expect(seconds >= 0.0, "seconds", "0 or more", &seconds)
}

/// Checks a loss and an accuracy whose names end so.
fn check_score(end: &str, loss: f64, accuracy: f64) -> Result<(), OutOfRange> {
    // Rounding may take a loss a little below 0.
    let is_loss = (-1e-3..=f64::from(f32::MAX)).contains(&loss);
    expect(is_loss, &format!("loss{end}"), "0 to 3.4e38", &format_args!("{loss:e}"))?;
    let is_fraction = (0.0..=1.0).contains(&accuracy);
    expect(is_fraction, &format!("accuracy{end}"), "0 to 1", &format_args!("{accuracy:e}"))
}

fn check_set(name: &str, set: Option<&Set>) -> Result<(), OutOfRange> {
    let Some(set) = set else { return Ok(()) };
    expect((1..=MOST_IMAGES).contains(&(set.count as u64)), "count", "1 to 2^32", &set.count)
        .and_then(|()| check_score("", set.loss, set.accuracy))
        .map_err(|fault| OutOfRange { field: format!("{name}.{}", fault.field), ..fault })
}

fn expect(
    is_right: bool,
    field: &str,
    expected: &'static str,
    found: &dyn fmt::Display,
) -> Result<(), OutOfRange> {
    if is_right {
        return Ok(());
    }
    Err(OutOfRange { field: field.to_owned(), expected, found: found.to_string() })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    const START: &str = r#"{"event":"start","config":{},"isa":"avx2","threads":1}"#;
    const STEP: &str = r#"{"event":"step","epoch":1,"iteration":0,"step":1,"loss":2.5,"accuracy":0.25,"loss_after":2.0,"accuracy_after":0.5}"#;
    const EPOCH: &str = r#"{"event":"epoch","epoch":1,"validation":{"count":2,"loss":1.5,"accuracy":0.5},"seconds":0.5}"#;
    const SAVED: &str =
        r#"{"event":"saved","model":"out/model.safetensors","weights_sha256":"ab"}"#;
    const TEST: &str = r#"{"event":"test","first":{"count":2,"loss":1.5,"accuracy":0.5},"all":{"count":4,"loss":1.0,"accuracy":0.75},"seconds":0.5}"#;

    fn read(lines: &[&str]) -> Result<History, HistoryErrorKind> {
        History::from_lines(lines.join("\n").as_bytes())
    }

    /// The lines are refused, and the error names file, line and fault.
    #[track_caller]
    fn refused(lines: &[&str], line: usize, part: &str) {
        let kind = read(lines).unwrap_err();
        let path = PathBuf::from("run/metrics.jsonl");
        let message = HistoryError { path, kind }.to_string();
        let place = format!("run/metrics.jsonl: line {line} is ");
        assert!(message.starts_with(&place) && message.contains(part), "{part}: {message}");
    }

    #[test]
    fn a_run_is_read_back() {
        let history = read(&[START, STEP, EPOCH, TEST, SAVED, ""]).unwrap();
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
        for (lines, line, part) in [
            (vec![START, "{}", STEP], 2, "event"),
            (vec![START, "", STEP], 2, "EOF"),
            (vec![r#"{"event":"lunch"}"#], 1, "lunch"),
            (vec![START, r#"{"event":"step","epoch":1}"#], 2, "iteration"),
            (vec![START, STEP, STEP], 3, "order"),
            (vec![START, STEP, EPOCH, EPOCH], 4, "order"),
            (vec![START, TEST, STEP], 3, "order"),
            (vec![START, TEST, SAVED, EPOCH], 4, "order"),
            (vec![START, SAVED, TEST], 2, "order"),
            (vec![START, TEST, SAVED, SAVED], 4, "order"),
            (vec![START, TEST, r#"{"event":"saved"}"#], 3, "weights_sha256"),
            (vec![START, "\u{fffd}", STEP], 2, "expected value"),
        ] {
            refused(&lines, line, part);
        }
        assert!(matches!(
            History::from_lines(&b"\xff\n"[..]),
            Err(HistoryErrorKind::Line { number: 1, .. })
        ));
        let missing = History::read(Path::new("no/such/metrics.jsonl")).unwrap_err();
        assert!(missing.to_string().starts_with("no/such/metrics.jsonl: cannot be opened: "));
    }

    #[test]
    fn numbers_that_no_run_has_are_refused() {
        let bad = |line: &str, (from, to): (&str, &str), part: &str| {
            let changed = line.replacen(from, to, 1);
            assert_ne!(changed, line, "{from}");
            refused(&[START, &changed, ""], 2, part);
        };
        for (from, to, part) in [
            (r#""epoch":1"#, r#""epoch":0"#, "epoch is 0, not 1 to 2^53"),
            (r#""epoch":1"#, r#""epoch":18446744073709551615"#, "epoch is 18446744073709551615"),
            (r#""epoch":1"#, r#""epoch":9007199254740993"#, "epoch is 9007199254740993"),
            (r#""epoch":1"#, r#""epoch":18446744073709551616"#, "expected u64"),
            (r#""epoch":1"#, r#""epoch":-1"#, "-1"),
            (r#""epoch":1"#, r#""epoch":1,"epoch":1"#, "duplicate field"),
            (r#""step":1"#, r#""step":0"#, "step is 0"),
            (r#""step":1"#, r#""step":18446744073709551615"#, "step is 18446744073709551615"),
            (r#""loss":2.5"#, r#""loss":-2.5"#, "loss is -2.5e0, not 0 to 3.4e38"),
            (r#""loss":2.5"#, r#""loss":4e38"#, "loss is 4e38"),
            (r#""loss":2.5"#, r#""loss":1e999"#, "number out of range"),
            (r#""loss":2.5"#, r#""loss":null"#, "null"),
            (r#""accuracy":0.25"#, r#""accuracy":1.5"#, "accuracy is 1.5e0, not 0 to 1"),
            (r#""accuracy":0.25"#, r#""accuracy":-0.25"#, "accuracy is -2.5e-1"),
            (r#""loss_after":2.0"#, r#""loss_after":1e300"#, "loss_after is 1e300"),
            (r#""accuracy_after":0.5"#, r#""accuracy_after":2"#, "accuracy_after is 2e0"),
        ] {
            bad(STEP, (from, to), part);
        }
        for name in ["validation", "validation_all"] {
            let epoch = EPOCH.replace("validation", name);
            let part = |text: &str| format!("{name}.{text}");
            bad(&epoch, (r#""count":2"#, r#""count":0"#), &part("count is 0, not 1 to 2^32"));
            bad(&epoch, (r#""count":2"#, r#""count":4294967297"#), &part("count is 4294967297"));
            bad(&epoch, ("0.5", "1.0000001"), &part("accuracy is 1.0000001e0"));
            bad(&epoch, ("1.5", "-1"), &part("loss is -1e0"));
        }
        bad(EPOCH, (r#""epoch":1"#, r#""epoch":0"#), "epoch is 0");
        bad(EPOCH, (r#""seconds":0.5"#, r#""seconds":-0.5"#), "seconds is -0.5, not 0 or more");
        bad(TEST, (r#""count":2"#, r#""count":0"#), "first.count is 0");
        bad(TEST, (r#""count":4"#, r#""count":0"#), "all.count is 0");
        bad(TEST, ("0.75", "75"), "all.accuracy is 7.5e1");
        bad(TEST, (r#""seconds":0.5"#, r#""seconds":-1"#), "seconds is -1");
    }

    #[test]
    fn lines_have_an_end() {
        // A name of the longest kind, then a byte too much; and no line at all, without an end.
        let start =
            |length: u64| format!(r#"{{"event":"start","{}":0}}"#, "n".repeat(length as usize));
        let room = MOST_LINE_BYTES - start(0).len() as u64 - 1;
        assert_eq!(read(&[&start(room), STEP]).unwrap().steps.len(), 1);
        let error = read(&[START, &start(room + 1), STEP]).unwrap_err();
        assert!(matches!(error, HistoryErrorKind::TooLong { number: 2 }), "{error:?}");
        let error = History::from_lines(BufReader::new(std::io::repeat(b' '))).unwrap_err();
        assert!(matches!(error, HistoryErrorKind::TooLong { number: 1 }), "{error:?}");
    }

    /// Whatever is changed, it is an error or a history of which all numbers are a run's.
    #[test]
    fn every_changed_byte_and_every_cut() {
        let valid = [START, STEP, EPOCH, TEST, ""].join("\n");
        let (mut inputs, mut taken) = (0, 0);
        let mut try_out = |bytes: &[u8]| {
            inputs += 1;
            let Ok(history) = History::from_lines(bytes) else { return };
            taken += 1;
            let fractions = history.steps.iter().flat_map(|s| [s.accuracy, s.accuracy_after]);
            assert!(fractions.into_iter().all(|x| (0.0..=1.0).contains(&x)), "{history:?}");
            let sets =
                history.epochs.iter().flat_map(|epoch| [epoch.validation, epoch.validation_all]);
            let sets = sets.chain(
                history.test.into_iter().flat_map(|test| [Some(test.first), Some(test.all)]),
            );
            for set in sets.flatten() {
                assert!(set.count > 0 && (0.0..=1.0).contains(&set.accuracy), "{set:?}");
            }
        };
        for at in 0..valid.len() {
            let mut changed = valid.clone().into_bytes();
            for byte in 0..=255 {
                changed[at] = byte;
                try_out(&changed);
            }
            let valid = valid.as_bytes();
            try_out(&valid[..at]);
            try_out(&[&valid[..at], &valid[at + 1..]].concat());
            try_out(&[&valid[..=at], &valid[at..]].concat());
        }
        println!("metrics.jsonl of {} bytes: {inputs} inputs, {taken} taken", valid.len());
        assert_eq!(inputs, 259 * valid.len());
        assert!(taken > 1_000, "{taken}");
    }
}
