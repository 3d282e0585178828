//! How long a piece of work takes.

use std::time::{Duration, Instant};

/// Of so many samples, at most, the shortest is taken: others on the machine can only make one longer.
const MOST_SAMPLES: usize = 100;

/// The time that measuring one thing may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget(Duration);

impl Budget {
    /// A fair share of so many seconds among `count` things.
    pub(super) fn share_of(seconds: u64, count: usize) -> Self {
        Self(Duration::from_secs_f64(seconds as f64 / count.max(1) as f64))
    }
}

/// The shortest time in seconds of one unit of work; `work` returns how many units it did.
///
/// Calls it until the budget is used up, and at least three times; the first, which warms the caches, does not
/// count.
pub(super) fn measure(budget: Budget, work: &mut dyn FnMut() -> usize) -> f64 {
    let started = Instant::now();
    let units = work();
    let once = started.elapsed().max(Duration::from_nanos(100));
    let per_sample = budget.0 / MOST_SAMPLES as u32;
    let calls = (per_sample.as_secs_f64() / once.as_secs_f64()).clamp(1.0, 1e6) as usize;
    let mut samples = Vec::with_capacity(MOST_SAMPLES);
    while samples.len() < 2 || (samples.len() < MOST_SAMPLES && started.elapsed() < budget.0) {
        let sample = Instant::now();
        let units = (0..calls).map(|_| work()).sum::<usize>().max(units.min(1));
        samples.push(sample.elapsed().as_secs_f64() / units as f64);
    }
    samples.into_iter().fold(f64::INFINITY, f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_takes_its_share_of_a_call() {
        let mut calls = 0;
        let seconds = measure(Budget(Duration::from_millis(40)), &mut || {
            calls += 1;
            std::thread::sleep(Duration::from_millis(4));
            4
        });
        assert!(calls >= 3 && seconds >= 0.001, "{calls} calls, {seconds} s");
    }
}
