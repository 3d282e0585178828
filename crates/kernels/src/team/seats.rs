//! Who works on which part of which phase, and when.
//!
//! Phases are numbered on and on, from job to job:
//!
//! ```text
//! caller                                   worker i
//! write the job of phases a ..= b          spin until the ticket reaches the next phase
//! ticket = b             ------------->
//!                  everyone, for each phase x of a ..= b:
//!                      unless it was claimed ahead: claim part i of x, by writing x to i's claim, and prepare it
//!                      work on it
//!                      claim part i of x + 1 ahead; done[i] = x; prepare part i of x + 1
//!                      for each other part j: spin until done[j] reaches x;
//!                          if nobody begins it, claim it, prepare it and work on it
//! ```
//!
//! A part that its own thread has not claimed is taken by another, so that a thread that another program keeps from
//! its core costs nothing but its help; it finds its way back by its claim. Who claims ahead does so before its part
//! is done, and so before anyone else may claim it: a plain store, no exchange, is enough. It is waited for from then
//! on; who had to offer its core to others in the last wait does not claim ahead.
//!
//! What is prepared needs nothing of others, and is done while they, or their lines, are waited for. An epoch of
//! MNIST on two threads of an Emerald Rapids, 100 in turns: best 9.75 ms, best tenth 10.26; prepared after the wait,
//! and with the biases' sums two at a time, which is a third of it, 10.43 and 11.00.
//!
//! Between phases each thread waits for one cache line of each other, once: 250 ns on one Zen 5 machine, whose
//! cores are far apart. (A job for each phase, which the caller hands out and waits for, is twice that.)

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;
use std::time::Duration;

use super::stopwatch::{Clock, Stopwatch, WorkTime};

/// Looks at a ticket or a part before a thread starts to yield its core: some 20 microseconds.
const SPINS: u32 = 2_000;
/// Looks at a part before it is asked whether it was begun: a microsecond. Less, and a thread that began late
/// is asked while it works, which takes a cache line from it.
const GRACE: u32 = 40;
/// Yields before a worker goes to sleep. 4,000 made no difference to 40 runs of MNIST (an Intel Xeon, family 6, model 167).
const YIELDS: u32 = 200;
/// The ticket that ends a worker.
pub(super) const STOP: u64 = u64::MAX;

/// A value alone on its cache lines (two, since processors fetch them in pairs).
#[repr(align(128))]
pub(super) struct Padded<T>(pub(super) T);

/// What is to be done: `prepare(data, x - first, i)` prepares part `i` of phase `x`, `call` with the same works on
/// it and returns whether to go on.
#[derive(Clone, Copy)]
pub(super) struct Job {
    pub(super) prepare: Prepare,
    pub(super) call: Call,
    pub(super) data: *const (),
    pub(super) first: u64,
}

pub(super) type Prepare = unsafe fn(*const (), usize, usize);
pub(super) type Call = unsafe fn(*const (), usize, usize) -> bool;

/// Prepares nothing.
pub(super) unsafe fn nothing(_: *const (), _: usize, _: usize) {}

/// A ticket and its job, in one cache line: what one line tells takes half as long as what two do.
pub(super) struct Order {
    /// The last phase of the last job.
    pub(super) ticket: AtomicU64,
    /// Whether threads measure how long they work.
    is_measured: AtomicBool,
    /// Written by the caller before it publishes a ticket; read only between a claim of a part and the mark
    /// that it is done, for which the caller waits before it writes again; also where a claim ahead is given up.
    job: UnsafeCell<Job>,
}

/// What the team knows of one thread and its part.
pub(super) struct Seat {
    /// The last phase in which the part was claimed, by this thread or by another. Others leave it alone as
    /// long as they can: a line that only one core writes to costs that core nothing.
    claim: Padded<AtomicU64>,
    /// The last phase in which the part is done, or was given up because its job has ended before.
    done: Padded<AtomicU64>,
    pub(super) asleep: AtomicBool,
    /// In phases of even and of odd numbers of the last job that was measured.
    work_time: Padded<[WorkTime; 2]>,
}

/// What the threads of a team share.
pub(super) struct Shared {
    pub(super) order: Padded<Order>,
    pub(super) seats: Vec<Seat>,
    /// The last phase after which its job was not to go on.
    pub(super) stopped: AtomicU64,
    pub(super) panicked: AtomicBool,
    /// To measure by, if there is one.
    pub(super) clock: Option<Clock>,
}

// SAFETY: `job` is the one field that is not `Sync` by itself; the protocol above orders every write of it
// before the reads of its ticket (release and acquire on `ticket`) and after those of the last ticket
// (release and acquire on `done`). What its pointer leads to is `Send` or `Sync` as `run`, `alternate` and `exchange` ask.
unsafe impl Sync for Shared {}
// SAFETY: as above; the job's pointer is used by no thread but through the protocol.
unsafe impl Send for Shared {}

/// Waits a little: spins at first, then lets others have the core.
fn pause(turns: &mut u32) {
    *turns = turns.saturating_add(1);
    if *turns < SPINS {
        std::hint::spin_loop();
    } else {
        thread::yield_now();
    }
}

/// A part of a phase that a thread has claimed, by [`Shared::claim`] or [`Shared::claim_next`] and by nothing else: while it has this,
/// the part is its alone.
struct Claimed {
    index: usize,
    phase: u64,
}

impl Shared {
    pub(super) fn new(threads: usize, clock: Option<Clock>) -> Self {
        unsafe fn no_call(_: *const (), _: usize, _: usize) -> bool {
            false
        }
        let job = Job { prepare: nothing, call: no_call, data: ptr::null(), first: 0 };
        let seat = || Seat {
            claim: Padded(AtomicU64::new(0)),
            done: Padded(AtomicU64::new(0)),
            asleep: AtomicBool::new(false),
            work_time: Padded(Default::default()),
        };
        Self {
            order: Padded(Order {
                ticket: AtomicU64::new(0),
                is_measured: AtomicBool::new(false),
                job: UnsafeCell::new(job),
            }),
            seats: (0..threads).map(|_| seat()).collect(),
            stopped: AtomicU64::new(0),
            panicked: AtomicBool::new(false),
            clock,
        }
    }

    /// Writes the job of `parts` parts and of phases up to `last`, before its ticket is published. The seats without
    /// a part sit it out.
    ///
    /// # Safety
    ///
    /// No thread reads the job: every part of the last one is done, and none can be claimed.
    pub(super) unsafe fn begin(&self, job: Job, parts: usize, last: u64, is_measured: bool) {
        self.order.0.is_measured.store(is_measured, Relaxed);
        if is_measured {
            // A worker that is late may still add; then it is shares that are worse, and no result.
            self.seats.iter().flat_map(|seat| &seat.work_time.0).for_each(WorkTime::clear);
        }
        for seat in &self.seats[parts..] {
            seat.claim.0.store(last, Relaxed);
            seat.done.0.store(last, Relaxed);
        }
        // SAFETY: the caller promises that no thread reads it.
        unsafe { *self.order.0.job.get() = job };
    }

    /// How long the threads of the first `parts` seats have worked in a phase of the same parity as `phase`, and in one of the
    /// other, on average over those that they did themselves in the last job that was measured; nothing if they did none.
    pub(super) fn work_times(&self, parts: usize, phase: u64) -> Vec<[Duration; 2]> {
        let of = |seat: &Seat, phase: u64| seat.work_time.0[phase as usize % 2].mean();
        self.seats[..parts].iter().map(|seat| [of(seat, phase), of(seat, phase + 1)]).collect()
    }

    /// Ends a job of phases up to `last` that was stopped after phase `end`: leaves nothing of it that could be
    /// claimed.
    pub(super) fn end(&self, end: u64, last: u64) {
        for Seat { claim, done, .. } in &self.seats {
            // Its thread, if that has claimed ahead, still prepares what will not come.
            let mut turns = 0;
            while claim.0.load(Relaxed) == end + 1 && done.0.load(Acquire) <= end {
                pause(&mut turns);
            }
            claim.0.store(last, Release);
            done.0.store(last, Release);
        }
    }

    /// The life of worker `index`.
    pub(super) fn live(&self, index: usize) {
        let (mut seen, mut taken) = (0, vec![0; self.seats.len()]);
        loop {
            let last = self.next_ticket(index, seen);
            if last == STOP {
                return;
            }
            // Where others went on without this worker, it follows its claim; where it sits out, it is claimed to
            // the end.
            let claim = self.seats[index].claim.0.load(Acquire);
            if claim < last {
                self.attend(index, claim.max(seen + 1), last, &mut taken);
            }
            seen = last;
        }
    }

    /// Waits for a ticket other than `seen`.
    fn next_ticket(&self, index: usize, seen: u64) -> u64 {
        let (mut turns, asleep) = (0, &self.seats[index].asleep);
        loop {
            let ticket = self.order.0.ticket.load(Acquire);
            if ticket != seen {
                return ticket;
            }
            pause(&mut turns);
            if turns > SPINS + YIELDS {
                asleep.store(true, SeqCst);
                if self.order.0.ticket.load(SeqCst) == seen {
                    thread::park();
                }
                asleep.store(false, Relaxed);
            }
        }
    }

    /// Takes part in the phases from `next` to `last`, in seat `me`; returns the one after which the job ended.
    /// All before `next` are done.
    pub(super) fn attend(&self, me: usize, next: u64, last: u64, taken: &mut [u64]) -> u64 {
        let Seat { done, work_time, .. } = &self.seats[me];
        let clock = self.clock.filter(|_| self.order.0.is_measured.load(Relaxed));
        let mut watch = Stopwatch::start(clock, &work_time.0);
        let prepared = |claimed: Claimed| {
            let is_prepared = self.prepare(&claimed);
            (claimed, is_prepared)
        };
        // The own part of the phase, where it was claimed ahead.
        let mut ahead = None;
        let mut is_crowded = false;
        for phase in next..=last {
            let own = ahead.take().or_else(|| self.claim(me, phase).map(prepared));
            if let Some((claimed, is_prepared)) = own {
                let goes_on = is_prepared && self.call(&claimed);
                if !goes_on {
                    self.stop_after(&claimed);
                }
                let goes_ahead = goes_on && phase < last && !is_crowded;
                // Before the part is done, and so before anyone else can claim it for the next phase.
                let next = goes_ahead.then(|| self.claim_next(claimed));
                watch.lap(phase, true);
                done.0.store(phase, Release);
                ahead = next.map(prepared);
                watch.lap(phase + 1, false);
            }
            is_crowded = self.wait_and_help(phase, taken);
            watch.restart();
            if self.stopped.load(Acquire) == phase {
                if ahead.is_some() {
                    // Given up.
                    done.0.store(phase + 1, Release);
                }
                return phase;
            }
        }
        last
    }

    /// Returns when all parts of `phase` are done; works on those that nobody begins. Returns whether it took so long
    /// that the core was offered to others.
    fn wait_and_help(&self, phase: u64, taken: &mut [u64]) -> bool {
        let mut is_crowded = false;
        for (index, seat) in self.seats.iter().enumerate() {
            let is_done = || seat.done.0.load(Acquire) >= phase;
            // Who was late in the last phase, or sleeps, is not waited for.
            let grace = if taken[index] + 1 == phase { 0 } else { GRACE };
            let mut turns = 0;
            while !is_done() && turns < grace && !seat.asleep.load(Relaxed) {
                pause(&mut turns);
            }
            if !is_done()
                && let Some(claimed) = self.claim(index, phase)
            {
                if !(self.prepare(&claimed) && self.call(&claimed)) {
                    self.stop_after(&claimed);
                }
                seat.done.0.store(phase, Release);
                taken[index] = phase;
            }
            while !is_done() {
                pause(&mut turns);
            }
            is_crowded |= turns >= SPINS;
        }
        is_crowded
    }

    /// Claims a part of `phase`, unless it was claimed before. All phases before are done.
    fn claim(&self, index: usize, phase: u64) -> Option<Claimed> {
        let claim = &self.seats[index].claim.0;
        let before = claim.load(Relaxed);
        let is_claimed =
            before < phase && claim.compare_exchange(before, phase, AcqRel, Relaxed).is_ok();
        is_claimed.then_some(Claimed { index, phase })
    }

    /// Claims the same part of the next phase. There must be a next phase, and the part must not be marked as done: until then
    /// nobody else can claim it.
    fn claim_next(&self, Claimed { index, phase }: Claimed) -> Claimed {
        self.seats[index].claim.0.store(phase + 1, Relaxed);
        Claimed { index, phase: phase + 1 }
    }

    /// Prepares a part; returns whether it may be worked on.
    fn prepare(&self, &Claimed { index, phase }: &Claimed) -> bool {
        self.caught(|job| {
            // SAFETY: `perform` was promised that the job may be called so: the part exists, for those that do
            // not were claimed before; the claim makes it this thread's alone; its phases before are done.
            unsafe { (job.prepare)(job.data, (phase - job.first) as usize, index) };
            true
        })
    }

    /// Works on a part that was prepared, all phases before being done; returns whether to go on.
    fn call(&self, &Claimed { index, phase }: &Claimed) -> bool {
        self.caught(|job| {
            // SAFETY: as in `prepare`; and the phases before are done in all parts.
            unsafe { (job.call)(job.data, (phase - job.first) as usize, index) }
        })
    }

    /// Does something of the job, of which this thread has claimed a part; returns what that does, and false if it
    /// panics.
    fn caught(&self, f: impl FnOnce(Job) -> bool) -> bool {
        // SAFETY: whoever calls the team waits for all parts that are claimed before the job is written again.
        let job = unsafe { *self.order.0.job.get() };
        catch_unwind(AssertUnwindSafe(|| f(job))).unwrap_or_else(|payload| {
            // Dropping it might panic again, and then nobody would hear that the part is done.
            std::mem::forget(catch_unwind(AssertUnwindSafe(|| drop(payload))));
            self.panicked.store(true, Relaxed);
            false
        })
    }

    /// Notes that the job ends after the phase of this part, which is not marked as done. All threads stop after the same phase,
    /// so nobody may stop one that others have not reached: who panics ahead says so later.
    fn stop_after(&self, claimed: &Claimed) {
        // Who sees the part done sees this too.
        self.stopped.fetch_max(claimed.phase, Release);
    }
}
