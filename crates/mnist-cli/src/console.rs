//! What a training run prints: the tutorial's lines, or JSON, or nothing; and a bar while it works.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use model::trainer::Score;
use model::{DataSets, Evaluation, Event, Observer, Split};

use crate::failure::Failure;
use crate::metrics::{MetricsFiles, Record};
use crate::output::{Output, stderr_is_terminal};

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
    bar: ProgressBar,
    started: Instant,
    /// What stopped the run: the metrics could not be written.
    failure: Option<Failure>,
}

impl Console {
    /// A console for a run of so many iterations in all.
    pub(crate) fn new(
        style: Style,
        adjective: &'static str,
        metrics: MetricsFiles,
        iterations: u64,
    ) -> Self {
        let target = match style {
            Style::Tutorial if stderr_is_terminal() => ProgressDrawTarget::stderr(),
            _ => ProgressDrawTarget::hidden(),
        };
        let bar = ProgressBar::with_draw_target(Some(iterations), target);
        // A bar without the style would do too.
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} steps, {eta} left") {
            bar.set_style(style);
        }
        let (output, started) = (Output::default(), Instant::now());
        Self { style, adjective, output, metrics, bar, started, failure: None }
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
        self.record(&Record::Test {
            first: first.into(),
            all: all.into(),
            seconds: time.as_secs_f64(),
        });
        let line =
            format!("Test loss: {:.2}, test accuracy: {}", first.loss, percent(first.accuracy()));
        self.result(&line, all);
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

    /// Prints a line of the tutorial's kind.
    pub(crate) fn say(&mut self, line: impl std::fmt::Display) {
        if self.style == Style::Tutorial {
            self.bar.suspend(|| self.output.line(line));
        }
    }

    /// Prints a result between rules, and beside the tutorial's the one on all images.
    fn result(&mut self, line: &str, all: &Evaluation) {
        let adjective = self.adjective;
        let (low, high) = all.interval();
        self.say(RULE);
        self.say(line);
        self.say(format_args!(
            "all {} {adjective}images: loss: {:.3}, accuracy: {:.2}% (95%: {:.2} to {:.2})",
            all.count(),
            all.loss,
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

    /// Ends the run's printing and recording, with the first failure of either.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        self.bar.finish_and_clear();
        let flushed = self.metrics.flush();
        self.failure.take().map_or(flushed, Err)?;
        self.output.finish()
    }

    fn epoch(
        &mut self,
        epoch: u64,
        (first, all): (Option<&Evaluation>, Option<&Evaluation>),
        training_time: Duration,
    ) {
        self.record(&Record::Epoch {
            epoch,
            validation: first.map(Into::into),
            validation_all: all.map(Into::into),
            seconds: training_time.as_secs_f64(),
        });
        if let (Some(first), Some(all)) = (first, all) {
            let accuracy = percent(first.accuracy());
            let line = format!(
                "Epoch: {epoch}, validation loss: {:.2}, validation accuracy: {accuracy}",
                first.loss
            );
            self.result(&line, all);
        }
        if let Err(failure) = self.metrics.flush() {
            self.failure.get_or_insert(failure);
        }
    }
}

/// A fraction as the tutorial prints it: `91.7%`.
fn percent(fraction: f64) -> String {
    format!("{:.1}%", 100.0 * fraction)
}

impl Observer for Console {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::EpochStarted { epoch } => self.say(format_args!("Training epoch: {epoch}")),
            Event::Step { epoch, iteration, step, before, after } => {
                self.record(&Record::step(epoch, iteration, step, before, after));
                let Score { loss, accuracy } = after;
                let accuracy = percent(accuracy);
                self.say(format_args!(
                    "iter {iteration:3}:\t Loss={loss:.2},\tTraining Accuracy={accuracy}"
                ));
                self.bar.set_position(step);
            }
            Event::Epoch { epoch, validation, validation_all, training_time } => {
                self.epoch(epoch, (validation, validation_all), training_time);
            }
            _ => {}
        }
        if self.failure.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }
}
