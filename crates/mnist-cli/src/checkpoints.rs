//! Checkpoints of a run: when they are saved, and what a signal or a failed save means.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::{Checkpoint, CheckpointError, CheckpointErrorKind, Event, Observer, State};

use crate::console::Console;
use crate::failure::{Code, Failure};
use crate::output::notice;
use crate::signals::Signals;

/// The name of the file in the run's folder.
pub(crate) const NAME: &str = "checkpoint.safetensors";

/// How often a checkpoint is saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Every {
    /// After so many steps.
    Steps(u64),
    /// After so long.
    Time(Duration),
}

impl std::str::FromStr for Every {
    type Err = String;

    /// Reads `500`, `30s` or `5m`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (number, seconds) = match text.as_bytes() {
            [.., b's'] => (&text[..text.len() - 1], Some(1)),
            [.., b'm'] => (&text[..text.len() - 1], Some(60)),
            _ => (text, None),
        };
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let number = number.parse::<u64>().ok().filter(|&n| is_number && n > 0);
        let every = number.and_then(|n| match seconds {
            None => Some(Self::Steps(n)),
            Some(unit) => Some(Self::Time(Duration::from_secs(n.checked_mul(unit)?))),
        });
        every.ok_or_else(|| "steps (500), seconds (30s) or minutes (5m) are expected".to_owned())
    }
}

/// A console that also saves checkpoints.
pub(crate) struct Watched<'a> {
    pub(crate) console: &'a mut Console,
    signals: &'a Signals,
    every: Option<Every>,
    path: PathBuf,
    /// The checkpoint but for its state.
    template: Checkpoint,
    last_step: u64,
    saved: Instant,
    failed: Option<CheckpointError>,
    stopped: Option<(Code, u64)>,
}

impl<'a> Watched<'a> {
    /// Watches a run that ends after `last_step`; `template` is its checkpoint but for the state.
    pub(crate) fn new(
        console: &'a mut Console,
        signals: &'a Signals,
        every: Option<Every>,
        path: PathBuf,
        (template, last_step): (Checkpoint, u64),
    ) -> Self {
        let saved = Instant::now();
        let (failed, stopped) = (None, None);
        Self { console, signals, every, path, template, last_step, saved, failed, stopped }
    }

    fn save(&mut self, state: &State) -> ControlFlow<()> {
        // What a checkpoint's run has reported must be there when it goes on.
        if self.console.sync().is_break() {
            return ControlFlow::Break(());
        }
        self.template.state.clone_from(state);
        match self.template.write(&self.path) {
            Ok(()) => self.failed = None,
            Err(error) => {
                if self.failed.is_none() {
                    let line = format!("warning: {}; training goes on", cannot_save(&error));
                    self.console.suspend(|| notice(line));
                }
                self.failed = Some(error);
            }
        }
        self.saved = Instant::now();
        self.stopped = self.signals.asked().map(|code| (code, state.step));
        if self.stopped.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// How the run ended, as far as checkpoints know: broken off by a signal, which is the first of the two,
    /// or with its last save failed.
    pub(crate) fn end(self) -> (Option<Failure>, Option<Failure>) {
        let Self { path, last_step, failed, stopped, .. } = self;
        let failed = failed.map(Failure::from);
        let Some((code, step)) = stopped else { return (None, failed) };
        if let Some(failed) = failed {
            return (Some(failed), None);
        }
        let message = format!(
            "stopped after step {step} of {last_step}; to go on: {}",
            go_on(std::env::args_os().map(|word| word.to_string_lossy().into_owned()), &path)
        );
        (Some(Failure::new(code, message)), None)
    }
}

impl Observer for Watched<'_> {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::State(state) => self.save(state),
            other => self.console.on(other),
        }
    }

    fn now(&self) -> Duration {
        self.console.now()
    }

    fn wants_state(&mut self, step: u64) -> bool {
        let due = match self.every {
            None => false,
            Some(_) if step == self.last_step => true,
            Some(Every::Steps(n)) => step.is_multiple_of(n),
            Some(Every::Time(time)) => self.saved.elapsed() >= time,
        };
        due || self.signals.asked().is_some()
    }
}

impl From<CheckpointError> for Failure {
    /// A save that failed, with what to do.
    fn from(error: CheckpointError) -> Self {
        let remedy = match error.path.exists() {
            true => {
                "make room or name another folder with --out, and go on from the one there with --resume"
            }
            false => "make room, or name another folder with --out",
        };
        Self::new(Code::Io, cannot_save(&error)).remedy(remedy)
    }
}

fn cannot_save(error: &CheckpointError) -> String {
    match &error.kind {
        CheckpointErrorKind::Io(cause) => {
            format!("{}: cannot be written: {cause}", error.path.display())
        }
        _ => error.to_string(),
    }
}

/// The command line that goes on where this one stopped: the same, with `--resume`.
fn go_on(words: impl Iterator<Item = String>, path: &Path) -> String {
    let mut words = words.peekable();
    let mut line = vec![words.next().unwrap_or_else(|| "mnist".into())];
    if words.peek().is_none() {
        line.push("train".into());
    }
    let mut is_value = false;
    for word in words {
        if !is_value && word != "--resume" && !word.starts_with("--resume=") {
            line.push(word.clone());
        }
        is_value = !is_value && word == "--resume";
    }
    line.extend(["--resume".into(), path.display().to_string()]);
    line.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// A word as a shell reads it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./=:,+@%\\".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) && (cfg!(windows) || !word.contains('\\')) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often() {
        let seconds = |n| Ok(Every::Time(Duration::from_secs(n)));
        for (text, expected) in [
            ("500", Ok(Every::Steps(500))),
            ("30s", seconds(30)),
            ("5m", seconds(300)),
            ("18446744073709551615", Ok(Every::Steps(u64::MAX))),
        ] {
            assert_eq!(text.parse::<Every>(), expected, "{text}");
        }
        let wrong = ["", "0", "0s", "s", "m", "-1", "+1", "1.5s", "1h", "30 s", "ß"];
        for text in wrong.iter().chain(&["18446744073709551616", "18446744073709551615m"]) {
            assert!(text.parse::<Every>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_command_that_goes_on() {
        for (words, expected) in [
            (&["mnist"][..], "mnist train --resume 'a b/c'"),
            (&["mnist", "train", "--seed", "7"], "mnist train --seed 7 --resume 'a b/c'"),
            (
                &["mnist", "train", "--resume", "old", "--out=it's", "--resume=x", "--quiet"],
                r"mnist train '--out=it'\''s' --quiet --resume 'a b/c'",
            ),
        ] {
            let words = words.iter().map(|word| (*word).to_owned());
            assert_eq!(go_on(words, Path::new("a b/c")), expected);
        }
    }
}
