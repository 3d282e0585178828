//! How many threads take the steps: all of the team, or one where that is faster.
//!
//! A step takes microseconds, and all threads wait for the slowest once or twice in each. Where another program
//! has the core of one of them, they wait for milliseconds, and one thread alone is faster. So it is
//! measured, all along:
//!
//! ```text
//! all threads for ALL steps, one thread for ONE steps: which took less time a step?
//!     all: go on with all for WON steps, unless they lose on the way; then measure again
//!     one: go on with one for LOST steps, twice as long each time that all lose again, up to MOST_LOST
//! ```
//!
//! Nobody's results depend on it: what a thread does is the same whoever does it. Who has no clock gets all
//! threads. A stretch of all threads is long, because the waits that it is about are rare and long; it is
//! broken off where it has lost already.
//!
//! Tried and lost, two threads of an Intel Xeon (family 6, model 167): one thread for 256 steps after the first loss, which in
//! one run of three is of a moment alone, and for eight times as many after the next. Ten epochs took 95.9 ms for 96.0 (the
//! mean of 70 runs) and beside a busy processor 128.3 for 123.4 (the median of 24).
//!
//! The same on a Zen 4 that other guests disturb, medians of ten epochs: 90.3 ms for 92.8 (50 runs), 98.9 for 98.0 (60), and with 128
//! steps at first 92.9 for 98.0; beside a busy processor 140.6 for 134.5, and 129.9 with 128 (24). And there, a look at the clock, which
//! ends a job of the team, after 64 steps and not 16: 7.3 ms an epoch for 7.5 (means of the best by epoch in turns), but
//! what each thread gets (`Shares`) would follow half as often. Compared in one process ("Small differences" in docs/benchmarks.md)
//! a step on two threads takes 0.5 % less with 32 steps a job and 1.1 with 40, the most that `MOST_IMAGES` allows for batches of 100.

use std::time::Duration;

/// Steps on all threads before they are judged: some milliseconds.
const ALL: u32 = 256;
/// Steps on one thread to judge them by.
const ONE: u32 = 64;
/// Steps between two looks at the clock.
const LOOK: u32 = 16;
/// Steps for which all threads go on after they have won.
const WON: u32 = 4_096;
/// Steps for which one thread goes on after all have lost: the first time, and at most. In a run of 5,500
/// steps all threads are tried twice.
const LOST: u32 = 2_000;
const MOST_LOST: u32 = 32_000;

const _: () = assert!(ALL.is_multiple_of(LOOK) && ONE.is_multiple_of(LOOK));
const _: () = assert!(WON.is_multiple_of(ALL) && LOST.is_multiple_of(LOOK));
const _: () = assert!((ALL + ONE) * 6 < LOST, "measuring takes a small part of the steps");

/// What a stretch of steps is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stretch {
    /// All threads, to be judged.
    All,
    /// One thread, to judge them by.
    One,
    /// What was judged to be faster, all threads or one.
    Hold { all: bool },
}

/// The choice, and what it is made from.
#[derive(Debug)]
pub(crate) struct Pace {
    team: usize,
    stretch: Stretch,
    /// Steps taken in the stretch, and when it began.
    steps: u32,
    began: Duration,
    /// Seconds of a step on all threads and on one, as last measured.
    all: f64,
    one: f64,
    /// Steps for which the choice is held, and for which it will be after the next loss.
    held: u32,
    lost: u32,
}

impl Pace {
    /// Begins with all threads of a team of `team`.
    pub(crate) fn new(team: usize) -> Self {
        let (stretch, began) = (Stretch::All, Duration::ZERO);
        Self { team, stretch, steps: 0, began, all: 0.0, one: f64::INFINITY, held: 0, lost: LOST }
    }

    /// The threads that take the next step.
    pub(crate) fn threads(&self) -> usize {
        match self.stretch {
            Stretch::One | Stretch::Hold { all: false } => 1,
            Stretch::All | Stretch::Hold { all: true } => self.team,
        }
    }

    /// The most steps to take before the time is wanted again.
    pub(crate) fn most_steps(&self) -> usize {
        (LOOK - self.steps % LOOK) as usize
    }

    /// Whether the time is wanted before the next step is counted.
    pub(crate) fn wants_time(&self) -> bool {
        self.team > 1 && self.steps.is_multiple_of(LOOK)
    }

    /// Counts steps that were taken, at most [`Pace::most_steps`].
    pub(crate) fn count(&mut self, steps: usize) {
        self.steps += steps as u32;
    }

    /// Hears that `now` of training time have passed since some moment, the same in all calls.
    pub(crate) fn at(&mut self, now: Duration) {
        if self.steps == 0 {
            self.began = now;
            return;
        }
        let seconds = now.saturating_sub(self.began).as_secs_f64();
        let next = match self.stretch {
            // What takes longer than one thread took for as many steps need not go on.
            Stretch::All if self.steps >= ALL || seconds > self.one * f64::from(ALL) => {
                self.all = seconds / f64::from(self.steps);
                if seconds > 0.0 { Stretch::One } else { Stretch::Hold { all: true } }
            }
            Stretch::One if self.steps >= ONE => {
                self.one = seconds / f64::from(self.steps);
                if self.all > self.one {
                    self.loss()
                } else {
                    (self.held, self.lost) = (WON, LOST);
                    Stretch::Hold { all: true }
                }
            }
            // A neighbour comes and goes, so that they are judged all along.
            Stretch::Hold { all: true } if self.steps >= ALL => {
                self.held = self.held.saturating_sub(ALL);
                match (seconds > self.one * f64::from(self.steps), self.held) {
                    (true, _) => self.loss(),
                    (false, 0) => Stretch::All,
                    (false, _) => Stretch::Hold { all: true },
                }
            }
            Stretch::Hold { all: false } if self.steps >= self.held => Stretch::All,
            _ => return,
        };
        (self.stretch, self.steps, self.began) = (next, 0, now);
    }

    /// What comes after all threads have lost.
    fn loss(&mut self) -> Stretch {
        self.held = self.lost;
        self.lost = (2 * self.lost).min(MOST_LOST);
        Stretch::Hold { all: false }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes `steps` steps that take what `micros` says on so many threads; returns the share that one
    /// thread took, and the time of all.
    fn run(pace: &mut Pace, steps: u32, micros: impl Fn(usize) -> u64) -> (f64, u64) {
        let (mut alone, mut now) = (0, 0);
        for _ in 0..steps {
            if pace.wants_time() {
                pace.at(Duration::from_micros(now));
            }
            alone += u32::from(pace.threads() == 1);
            now += micros(pace.threads());
            pace.count(1);
        }
        (f64::from(alone) / f64::from(steps), now)
    }

    #[test]
    fn the_faster_takes_nearly_all_steps() {
        let (alone, _) = run(&mut Pace::new(2), 100_000, |threads| [0, 12, 8][threads]);
        assert!(alone < 0.04, "{alone}");
        let (alone, micros) = run(&mut Pace::new(2), 100_000, |threads| [0, 12, 24][threads]);
        assert!(alone > 0.96, "{alone}");
        assert!(micros < 105 * 12_000, "{micros} us, 1,200,000 on one thread");
    }

    #[test]
    fn a_neighbour_who_comes_and_goes_is_noticed() {
        let mut pace = Pace::new(4);
        let (free, busy) = (|threads: usize| 12 / threads as u64, |threads| 11 + threads as u64);
        assert!(run(&mut pace, 10_000, free).0 < 0.1);
        assert!(run(&mut pace, 20_000, busy).0 > 0.9);
        // It may have to wait as long as it waited at most.
        assert!(run(&mut pace, MOST_LOST + 10_000, free).0 < 0.8);
        assert_eq!(pace.threads(), 4);
    }

    #[test]
    fn without_a_clock_all_threads_and_with_one_thread_no_clock() {
        let mut pace = Pace::new(3);
        assert!(run(&mut pace, 10_000, |_| 0).0 < 0.1);
        let mut pace = Pace::new(1);
        for _ in 0..1000 {
            assert!(!pace.wants_time());
            assert_eq!(pace.threads(), 1);
            pace.count(1);
        }
    }
}
