//! How long a thread works and does not wait.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// How long a thread has worked for its own part, in phases of even or of odd numbers.
#[derive(Default)]
pub(super) struct WorkTime {
    nanos: AtomicU64,
    phases: AtomicU64,
}

impl WorkTime {
    pub(super) fn clear(&self) {
        self.nanos.store(0, Relaxed);
        self.phases.store(0, Relaxed);
    }

    /// Of one phase.
    pub(super) fn mean(&self) -> Duration {
        let nanos = self.nanos.load(Relaxed).checked_div(self.phases.load(Relaxed));
        Duration::from_nanos(nanos.unwrap_or(0))
    }
}

/// Tells the time since some fixed moment.
pub type Clock = fn() -> Duration;

/// Measures how long a thread works and does not wait.
pub(super) struct Stopwatch<'a> {
    /// None where it is not measured.
    clock: Option<Clock>,
    since: Duration,
    work_time: &'a [WorkTime; 2],
}

impl<'a> Stopwatch<'a> {
    pub(super) fn start(clock: Option<Clock>, work_time: &'a [WorkTime; 2]) -> Self {
        Self { clock, since: clock.map_or(Duration::ZERO, |now| now()), work_time }
    }

    /// Adds the time since the last call to that of `phase`, which is done now, or prepared.
    pub(super) fn lap(&mut self, phase: u64, is_done: bool) {
        let Some(clock) = self.clock else { return };
        let (now, work_time) = (clock(), &self.work_time[phase as usize % 2]);
        // Nobody else adds. What the caller clears meanwhile may come back (`begin`).
        let nanos = now.saturating_sub(self.since).as_nanos() as u64;
        work_time.nanos.store(work_time.nanos.load(Relaxed).wrapping_add(nanos), Relaxed);
        work_time.phases.store(work_time.phases.load(Relaxed) + u64::from(is_done), Relaxed);
        self.since = now;
    }

    /// Starts again: the time since the last call was waited.
    pub(super) fn restart(&mut self) {
        if let Some(clock) = self.clock {
            self.since = clock();
        }
    }
}
