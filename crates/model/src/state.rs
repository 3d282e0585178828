//! The state of a run between two steps: all that the rest of it depends on, besides data and settings.

use crate::parameters::Parameters;

/// A run after some step.
///
/// There is no generator in it: the order of an epoch comes from a stream of its own
/// ([`rng`](crate::rng)), so that the place in the epoch is enough. All arrays are in file order; the lanes
/// that the kernels pad are zero by definition, so nothing is lost.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// Steps taken since the start of the run.
    pub step: u64,
    /// The epoch, from 1.
    pub epoch: u64,
    /// Steps taken in the epoch, at least 1. After its last step, validation is still to come.
    pub iteration: usize,
    /// beta1 and beta2 to the power of the steps taken, as running products; 1 without Adam.
    pub powers: [f64; 2],
    /// The parameters.
    pub parameters: Parameters,
    /// The first moments, or momentum's running gradient; 0 where the optimiser has none.
    pub m: Parameters,
    /// The second moments, none of them negative; 0 where the optimiser has none.
    pub v: Parameters,
}

/// The state belongs to another run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoreError {
    /// What does not fit.
    pub what: &'static str,
    /// What the run has.
    pub expected: String,
    /// What the state has.
    pub found: String,
}

impl State {
    /// Holds the state against a run on images of `features`, with so many `classes` and `iterations` an
    /// epoch.
    pub(crate) fn check(
        &self,
        (features, classes): (usize, usize),
        iterations: usize,
    ) -> Result<(), RestoreError> {
        let fail = |what, expected: &dyn ToString, found: &dyn ToString| {
            let (expected, found) = (expected.to_string(), found.to_string());
            Err(RestoreError { what, expected, found })
        };
        for parameters in [&self.parameters, &self.m, &self.v] {
            if parameters.bias.len() != classes {
                return fail("classes", &classes, &parameters.bias.len());
            }
            if Some(parameters.weights.len()) != features.checked_mul(classes) {
                return fail("features", &features, &(parameters.weights.len() / classes));
            }
        }
        if self.iteration == 0 || self.iteration > iterations {
            return fail("iteration", &format_args!("1 to {iterations}"), &self.iteration);
        }
        let before = self.epoch.checked_sub(1).and_then(|n| n.checked_mul(iterations as u64));
        let step = before.and_then(|n| n.checked_add(self.iteration as u64));
        if step != Some(self.step) {
            let place = format_args!("that of epoch {}, iteration {}", self.epoch, self.iteration);
            return fail("step", &place, &self.step);
        }
        Ok(())
    }
}

impl std::fmt::Display for RestoreError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { what, expected, found } = self;
        write!(f, "it belongs to another run: {what}: expected {expected}, found {found}")
    }
}

impl std::error::Error for RestoreError {}
