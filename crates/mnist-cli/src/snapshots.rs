//! The weights at a few moments of a run, for the report's slider.

use std::ops::ControlFlow;
use std::time::Duration;

use model::{Event, Observer, Parameters};
use pictures::report::Snapshot;

/// Early moments, in steps: most of what a template is comes in the first hundred.
const EARLY: [u64; 9] = [0, 1, 2, 5, 10, 20, 50, 100, 200];

/// The most epochs whose ends are kept.
const MOST_EPOCHS: u64 = 12;

/// An observer that keeps weights and leaves the rest to another.
pub(crate) struct Recording<'a> {
    inner: &'a mut dyn Observer,
    iterations: u64,
    epochs: u64,
    snapshots: Vec<Snapshot>,
}

impl<'a> Recording<'a> {
    /// Records a run of `epochs` of so many iterations; with 0 epochs, nothing.
    pub(crate) fn new(inner: &'a mut dyn Observer, iterations: u64, epochs: u64) -> Self {
        Self { inner, iterations, epochs, snapshots: Vec::new() }
    }

    /// What was kept, in order. The end of the last epoch is not among it: that is the model.
    pub(crate) fn into_snapshots(self) -> Vec<Snapshot> {
        self.snapshots
    }

    /// The epoch that ends with this step, if one does.
    fn epoch(&self, steps: u64) -> Option<u64> {
        (steps > 0 && steps.is_multiple_of(self.iterations)).then_some(steps / self.iterations)
    }
}

impl Observer for Recording<'_> {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        self.inner.on(event)
    }

    fn now(&self) -> Duration {
        self.inner.now()
    }

    fn wants_state(&mut self, step: u64) -> bool {
        self.inner.wants_state(step)
    }

    fn wants_parameters(&self, steps: u64) -> bool {
        // Of many epochs, those where twelfths of the run end.
        let twelfth = |epoch: u64| epoch.saturating_mul(MOST_EPOCHS) / self.epochs;
        match self.epoch(steps) {
            _ if self.epochs == 0 => false,
            Some(epoch) if epoch < self.epochs => twelfth(epoch) != twelfth(epoch - 1),
            Some(_) => false,
            None => steps < self.iterations && EARLY.contains(&steps),
        }
    }

    fn on_parameters(&mut self, steps: u64, parameters: Parameters) {
        let epoch = self.epoch(steps);
        self.snapshots.push(Snapshot { step: steps, epoch, weights: parameters.weights });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::trainer::Silent;

    #[track_caller]
    fn check(iterations: u64, epochs: u64, expected: &[u64]) {
        let mut silent = Silent;
        let recording = Recording::new(&mut silent, iterations, epochs);
        let wanted: Vec<u64> =
            (0..=iterations * epochs.max(1)).filter(|&s| recording.wants_parameters(s)).collect();
        assert_eq!(wanted, expected);
    }

    #[test]
    fn a_few_moments_of_any_run() {
        check(550, 3, &[0, 1, 2, 5, 10, 20, 50, 100, 200, 550, 1_100]);
        check(2, 3, &[0, 1, 2, 4]);
        check(1, 24, &[0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22]);
        check(7, 1, &[0, 1, 2, 5]);
        check(7, 0, &[]);
    }
}
