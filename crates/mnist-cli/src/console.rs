//! What a training run prints: the tutorial's lines, or JSON, or nothing; and a bar while it works.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::trainer::Score;
use model::{DataSets, Evaluation, Event, Observer, Split};

use crate::failure::Failure;
use crate::history::{History, Test};
use crate::metrics::{MetricsFiles, Record};
use crate::output::{Output, notice};
use crate::progress::epoch_line;
use crate::screen::Screen;

/// The line around a result, as in the tutorial.
const RULE: &str = "---------------------------------------------------------";

/// What goes to stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// The tutorial's lines.
    Tutorial,
    /// The lines of metrics.jsonl.
    Json,
    /// Nothing.
    Quiet,
}

/// Prints and records a run.
pub(crate) struct Console {
    style: Style,
    /// `synthetic ` or nothing.
    adjective: &'static str,
    output: Output,
    metrics: MetricsFiles,
    history: History,
    bar: ProgressBar,
    /// What stderr shows; nothing where nobody looks.
    progress: Option<Screen>,
    started: Instant,
    /// What stopped the run: the metrics could not be written.
    failure: Option<Failure>,
}

impl Console {
    /// A console for a run of so many iterations in all, with the `history` of one that goes on.
    pub(crate) fn new(
        style: Style,
        adjective: &'static str,
        metrics: MetricsFiles,
        history: History,
        iterations: u64,
    ) -> Self {
        let progress = (style != Style::Quiet).then(Screen::stderr).filter(Screen::is_terminal);
        let target = match progress {
            Some(_) if style == Style::Tutorial => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(iterations), target);
        // A bar without the style would do too.
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} steps, {eta} left") {
            bar.set_style(style);
        }
        let (output, started) = (Output::default(), Instant::now());
        Self { style, adjective, output, metrics, history, bar, progress, started, failure: None }
    }

    /// Prints the sizes and shapes of the data, and the first labels one-hot.
    pub(crate) fn introduce(&mut self, sets: &DataSets, split: &Split) {
        let (train, valid) = (split.training.len(), split.validation.len());
        let (features, classes) = (sets.train.features(), sets.info.classes.len());
        self.say("Size of:");
        self.say(format_args!("- Training-set:\t\t{train}"));
        self.say(format_args!("- Validation-set:\t{valid}"));
        self.say(format_args!("x_train:\t({train}, {features})"));
        self.say(format_args!("y_train:\t({train}, {classes})"));
        self.say(format_args!("x_valid:\t({valid}, {features})"));
        self.say(format_args!("y_valid:\t({valid}, {classes})"));
        let rows = (0..valid.min(5)).map(|i| {
            let row: Vec<_> =
                sets.train.one_hot(i, classes).iter().map(|y| format!("{y:2.0}.")).collect();
            format!("[{}]", row.join(", "))
        });
        self.say(format_args!("array([{}])", rows.collect::<Vec<_>>().join(",\n       ")));
    }

    /// Prints and records the test on the first images and on all.
    pub(crate) fn test(&mut self, first: &Evaluation, all: &Evaluation, time: Duration) {
        self.bar.finish_and_clear();
        let test = Test { first: first.into(), all: all.into(), seconds: time.as_secs_f64() };
        self.record(&Record::Test(test));
        self.history.test = Some(test);
        let (loss, accuracy) = (nats(first.loss, 2), percent(first.accuracy()));
        let line = format!("Test loss: {loss}, test accuracy: {accuracy}");
        self.result(&line, ("test", all));
    }

    /// Records a line.
    pub(crate) fn record(&mut self, record: &Record<'_>) {
        let line = record.to_line();
        if let Err(failure) = self.metrics.line(&line) {
            self.failure.get_or_insert(failure);
        }
        if self.style == Style::Json {
            self.output.line(line);
        }
    }

    /// Whether lines of the tutorial's kind are printed.
    pub(crate) fn is_talking(&self) -> bool {
        self.style == Style::Tutorial
    }

    /// Prints a line of the tutorial's kind.
    pub(crate) fn say(&mut self, line: impl std::fmt::Display) {
        if self.style == Style::Tutorial {
            self.bar.suspend(|| self.output.line(line));
        }
    }

    /// Prints a result between rules, and beside the tutorial's the one on all images.
    fn result(&mut self, line: &str, (set, all): (&str, &Evaluation)) {
        let adjective = self.adjective;
        let (low, high) = all.interval();
        self.say(RULE);
        self.say(line);
        self.say(format_args!(
            "all {} {adjective}{set} images: loss: {}, accuracy: {:.2}% (95%: {:.2} to {:.2})",
            all.count(),
            nats(all.loss, 3),
            100.0 * all.accuracy(),
            100.0 * low,
            100.0 * high
        ));
        self.say(RULE);
    }

    /// Prints something else on stderr, with the bar out of the way.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }

    /// Hands all that was recorded to the disk; breaks off where that fails.
    pub(crate) fn sync(&mut self) -> ControlFlow<()> {
        match self.metrics.sync() {
            Ok(()) => ControlFlow::Continue(()),
            Err(failure) => {
                self.failure.get_or_insert(failure);
                ControlFlow::Break(())
            }
        }
    }

    /// Whether the run was broken off because its metrics could not be written.
    pub(crate) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// What the run has reported so far.
    pub(crate) fn history(&self) -> &History {
        &self.history
    }

    /// Ends the run's printing and recording, with the first failure of either.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let flushed = self.metrics.flush();
        self.failure.take().map_or(flushed, Err)?;
        self.output.finish()
    }

    fn epoch(&mut self, epoch: u64, (first, all): (Option<&Evaluation>, Option<&Evaluation>)) {
        if let Some(&epoch) = self.history.epochs.last() {
            self.record(&Record::Epoch(epoch));
        }
        if let (Some(first), Some(all)) = (first, all) {
            let accuracy = percent(first.accuracy());
            let loss = nats(first.loss, 2);
            let line =
                format!("Epoch: {epoch}, validation loss: {loss}, validation accuracy: {accuracy}");
            self.result(&line, ("validation", all));
        }
        if let Some(line) = self.progress.and_then(|screen| epoch_line(&self.history, &screen)) {
            self.bar.suspend(|| notice(line));
        }
        if let Err(failure) = self.metrics.flush() {
            self.failure.get_or_insert(failure);
        }
    }
}

/// A loss with so many decimals; in powers of ten where it is huge, as after far too large steps.
pub(crate) fn nats(loss: f64, decimals: usize) -> String {
    if loss.abs() < 1e6 { format!("{loss:.decimals$}") } else { format!("{loss:.decimals$e}") }
}

/// A fraction as the tutorial prints it: `91.7%`.
fn percent(fraction: f64) -> String {
    format!("{:.1}%", 100.0 * fraction)
}

impl Observer for Console {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        self.history.on(&event);
        match event {
            Event::EpochStarted { epoch } => self.say(format_args!("Training epoch: {epoch}")),
            Event::Step { iteration, step, after, .. } => {
                if let Some(&step) = self.history.steps.last() {
                    self.record(&Record::Step(step));
                }
                let Score { loss, accuracy } = after;
                let (loss, accuracy) = (nats(loss, 2), percent(accuracy));
                self.say(format_args!(
                    "iter {iteration:3}:\t Loss={loss},\tTraining Accuracy={accuracy}"
                ));
                self.bar.set_position(step);
            }
            Event::Epoch { epoch, validation, validation_all, .. } => {
                self.epoch(epoch, (validation, validation_all));
            }
            _ => {}
        }
        if self.failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn huge_losses_are_powers_of_ten() {
        for (loss, expected) in [
            (0.266_9, "0.27"),
            (-0.000_1, "-0.00"),
            (999_999.0, "999999.00"),
            (1e6, "1.00e6"),
            (1.544e31, "1.54e31"),
        ] {
            assert_eq!(nats(loss, 2), expected);
        }
    }
}
