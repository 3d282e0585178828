//! A team of threads for work that takes microseconds.
//!
//! The threads are made once and wait by spinning, because waking a sleeping thread takes longer than a
//! training step. A job is cut into phases, and each phase into parts, one for each thread; a phase begins
//! when all parts of the one before are done. Who works on which part when, stands in `seats`; what a job is in Rust's
//! terms, `run`, `alternate` or `exchange`, in `turns`.
//!
//! No float is added in an order that depends on threads: a part owns its outputs, and whoever adds up what two parts made
//! does so in one order, so that neither the number of threads nor who did what shows in any result. A part that uses non-temporal stores must fence them before it returns; dropping
//! `Stream` of `simd` does.
//!
//! By the caller's clock, if there is one, threads measure how long they work, and not wait, in one of MEASURED jobs of
//! `alternate`, so that who uses the team can give more to who is faster ([`Shares`]).
//!
//! A worker that waits for a job spins first, then offers its core to others, then sleeps. One that was woken
//! in vain is woken less and less often.

mod seats;
mod shares;
mod stopwatch;
mod turns;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::thread::{self, JoinHandle, Thread};
use std::time::Duration;

use seats::{Call, Job, Prepare, STOP, Shared};
pub use shares::Shares;
pub use stopwatch::Clock;

/// The largest number of threads in a team.
pub const MAX_THREADS: usize = 256;

/// One in so many jobs of several phases is measured: each thread then reads the clock six times in two phases, 23 ns each (Zen 4).
const MEASURED: u32 = 4;

/// The most phases for which a worker that was woken in vain is left asleep.
const MOST_PATIENCE: u32 = 1 << 12;

struct Worker {
    thread: Thread,
    handle: Option<JoinHandle<()>>,
    /// Phases for which it is left asleep, and how many the next time.
    skip: u32,
    patience: u32,
}

/// How a job is cut.
#[derive(Clone, Copy)]
struct Phases {
    parts: usize,
    phases: usize,
    /// Whether phases of even numbers and of odd ones are two kinds, each of which may be measured.
    by_turns: bool,
}

/// Threads that wait for work; see the module.
///
/// ```
/// use kernels::team::Team;
/// let mut team = Team::new(2).expect("two threads");
/// let mut parts = [(1, 0), (2, 0)];
/// team.run(&mut parts, |(x, square)| *square = *x * *x);
/// assert_eq!(parts, [(1, 1), (2, 4)]);
/// ```
pub struct Team {
    shared: Arc<Shared>,
    workers: Vec<Worker>,
    /// The last phase of the last job.
    phase: u64,
    /// For each part the last phase in which the caller took it from another.
    taken: Vec<u64>,
    /// Jobs of several phases until one is measured.
    unmeasured: u32,
    /// The first phase of the last such job, and its parts, if it was measured.
    measured: Option<(u64, usize)>,
}

impl Team {
    /// Makes a team of `threads`, the caller among them, that measures nothing.
    ///
    /// Errors where the system makes no more threads.
    ///
    /// Panics if `threads` is 0 or above [`MAX_THREADS`].
    pub fn new(threads: usize) -> io::Result<Self> {
        Self::make(threads, None)
    }

    /// Makes a team that measures how long its threads work ([`worked`](Self::worked)), by a clock that all of them may ask,
    /// and which must not panic.
    ///
    /// Errors and panics as [`new`](Self::new).
    pub fn with_clock(threads: usize, clock: Clock) -> io::Result<Self> {
        Self::make(threads, Some(clock))
    }

    fn make(threads: usize, clock: Option<Clock>) -> io::Result<Self> {
        assert!((1..=MAX_THREADS).contains(&threads), "{threads} threads of 1 to {MAX_THREADS}");
        let shared = Arc::new(Shared::new(threads, clock));
        let mut team = Self {
            shared,
            workers: Vec::new(),
            phase: 0,
            taken: vec![0; threads],
            unmeasured: 0,
            measured: None,
        };
        for index in 1..threads {
            let shared = Arc::clone(&team.shared);
            let builder = thread::Builder::new().name(format!("kernels-{index}"));
            let handle = builder.spawn(move || shared.live(index))?;
            let thread = handle.thread().clone();
            team.workers.push(Worker { thread, handle: Some(handle), skip: 0, patience: 1 });
        }
        Ok(team)
    }

    /// The number of threads, the caller among them.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// How long each part's thread worked in one of its first and in one of its second halves of the last
    /// [`alternate`](Self::alternate), with what it prepared for them: on average over those that it did itself, zero if it did
    /// none. Nothing if that was not measured (it was of one part, the team has no clock, or it was not its turn), or another job
    /// came after it.
    pub fn worked(&self) -> Option<Vec<[Duration; 2]>> {
        let (first, parts) = self.measured?;
        Some(self.shared.work_times(parts, first))
    }

    /// Calls `prepare(data, x, i)` and then `call(data, x, i)` for `parts` parts and `phases` phases; returns the
    /// phase in which one said not to go on. None is called after it, but the next may have been prepared. Phases by turns are
    /// measured, in one of MEASURED jobs.
    ///
    /// # Safety
    ///
    /// `call` may be called with `data` from any thread, for each of the phases in order, and for all parts of
    /// one phase at once; `prepare` of a part at any time between its calls of two phases.
    unsafe fn perform(
        &mut self,
        Phases { parts, phases, by_turns }: Phases,
        (prepare, call): (Prepare, Call),
        data: *const (),
    ) -> Option<usize> {
        assert!(parts <= self.threads(), "{parts} parts, {} threads", self.threads());
        self.measured = None;
        if parts == 0 || phases == 0 {
            return None;
        }
        if parts == 1 {
            return (0..phases).find(|&phase| {
                // SAFETY: the caller allows the calls, one after the other.
                unsafe { prepare(data, phase, 0) };
                // SAFETY: as before.
                !unsafe { call(data, phase, 0) }
            });
        }
        let (first, last) = (self.phase + 1, self.phase.checked_add(phases as u64));
        let last = last.filter(|&last| last < STOP).expect("phases that can be counted");
        let job = Job { prepare, call, data, first };
        let can_be = by_turns && self.shared.clock.is_some();
        let is_measured = can_be && self.unmeasured == 0;
        if can_be {
            self.unmeasured = if is_measured { MEASURED } else { self.unmeasured } - 1;
            self.measured = is_measured.then_some((first, parts));
        }
        // SAFETY: every part of the last job is done, and none can be claimed: `attend` returned when all were done with its last
        // phase, and where it stopped before, `end` has claimed the phases that were left.
        unsafe { self.shared.begin(job, parts, last, is_measured) };
        self.phase = last;
        self.publish(last, parts, u32::try_from(phases).unwrap_or(u32::MAX));
        let end = self.shared.attend(0, first, last, &mut self.taken);
        if end < last {
            self.shared.end(end, last);
        }
        for (index, worker) in (1..).zip(&mut self.workers[..parts - 1]) {
            let was_there = !self.shared.seats[index].asleep.load(Relaxed);
            if was_there && self.taken[index] < end {
                (worker.skip, worker.patience) = (0, 1);
            }
        }
        assert!(!self.shared.panicked.swap(false, Relaxed), "a thread of the team panicked");
        (self.shared.stopped.load(Relaxed) == end).then(|| (end - first) as usize)
    }

    /// Publishes a ticket and wakes the workers that sleep, of those with a part.
    fn publish(&mut self, ticket: u64, parts: usize, phases: u32) {
        // Sequentially consistent with `asleep`: either the worker sees the ticket before it sleeps or
        // the caller sees it asleep.
        self.shared.order.0.ticket.store(ticket, SeqCst);
        let seats = self.shared.seats[1..parts].iter();
        for (worker, seat) in self.workers.iter_mut().zip(seats) {
            if worker.skip > 0 {
                worker.skip = worker.skip.saturating_sub(phases);
            } else if seat.asleep.load(SeqCst) {
                worker.thread.unpark();
                worker.skip = worker.patience;
                worker.patience = (2 * worker.patience).min(MOST_PATIENCE);
            }
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.shared.order.0.ticket.store(STOP, SeqCst);
        for worker in &mut self.workers {
            worker.thread.unpark();
            if let Some(handle) = worker.handle.take() {
                // A worker's panic was reported by `perform`; here there is nothing to add.
                let _ = handle.join();
            }
        }
    }
}

#[cfg(test)]
mod tests;
