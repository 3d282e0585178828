//! A team of threads for work that takes microseconds.
//!
//! The threads are made once and wait by spinning, because waking a sleeping thread takes longer than a
//! training step. A job is cut into phases, and each phase into parts, one for each thread; a phase begins
//! when all parts of the one before are done. Phases are numbered on and on, from job to job:
//!
//! ```text
//! caller                                   worker i
//! write the job of phases a ..= b          spin until the ticket reaches the next phase
//! ticket = b             ------------->
//!                  everyone, for each phase x of a ..= b:
//!                      claim part i of x, by writing x to i's claim; work; done[i] = x
//!                      for each other part j: spin until done[j] reaches x;
//!                          if nobody begins it, claim it and work on it
//! ```
//!
//! A part that its own thread has not begun is taken by another, so that a thread that another program keeps
//! from its core costs nothing but its help; it finds its way back by its claim. Floats are never reduced
//! across threads: a part owns its outputs, so that neither the number of threads nor who did what shows in
//! any result.
//!
//! What a job is in Rust's terms, `run` or `alternate`, stands in `turns`. A part that uses non-temporal stores must fence
//! them before it returns; dropping `Stream` of `simd` does.
//!
//! Between phases each thread waits for one cache line of each other, once: 250 ns on one Zen 5 machine, whose
//! cores are far apart. (A job for each phase, which the caller hands out and waits for, is twice that.)
//!
//! A worker that waits for a job spins first, then offers its core to others, then sleeps. One that was woken
//! in vain is woken less and less often.

mod turns;

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::{self, JoinHandle, Thread};
use std::{io, ptr};

/// The largest number of threads in a team.
pub const MAX_THREADS: usize = 256;

/// Looks at a ticket or a part before a thread starts to yield its core: some 20 microseconds.
const SPINS: u32 = 2_000;
/// Looks at a part before it is asked whether it was begun: a microsecond. Less, and a thread that began late
/// is asked while it works, which takes a cache line from it.
const GRACE: u32 = 40;
/// Yields before a worker goes to sleep.
const YIELDS: u32 = 200;
/// The most phases for which a worker that was woken in vain is left asleep.
const MOST_PATIENCE: u32 = 1 << 12;
/// The ticket that ends a worker.
const STOP: u64 = u64::MAX;

/// A value alone on its cache lines (two, since processors fetch them in pairs).
#[repr(align(128))]
struct Padded<T>(T);

/// What is to be done: `call(data, x - first, i)` works on part `i` of phase `x`; returns whether to go on.
#[derive(Clone, Copy)]
struct Job {
    call: unsafe fn(*const (), usize, usize) -> bool,
    data: *const (),
    first: u64,
}

/// A ticket and its job, in one cache line: what one line tells takes half as long as what two do.
struct Order {
    /// The last phase of the last job.
    ticket: AtomicU64,
    /// Written by the caller before it publishes a ticket; read only between a claim of a part and the mark
    /// that it is done, for which the caller waits before it writes again.
    job: UnsafeCell<Job>,
}

/// What the team knows of one thread and its part.
struct Seat {
    /// The last phase in which the part was claimed, by this thread or by another. Others leave it alone as
    /// long as they can: a line that only one core writes to costs that core nothing.
    claim: Padded<AtomicU64>,
    /// The last phase in which the part is done.
    done: Padded<AtomicU64>,
    asleep: AtomicBool,
}

struct Shared {
    order: Padded<Order>,
    seats: Vec<Seat>,
    /// The last phase after which its job was not to go on.
    stopped: AtomicU64,
    panicked: AtomicBool,
}

// SAFETY: `job` is the one field that is not `Sync` by itself; the protocol above orders every write of it
// before the reads of its ticket (release and acquire on `ticket`) and after those of the last ticket
// (release and acquire on `done`). What its pointer leads to is `Send` or `Sync` as `run` and `alternate` ask.
unsafe impl Sync for Shared {}
// SAFETY: as above; the job's pointer is used by no thread but through the protocol.
unsafe impl Send for Shared {}

struct Worker {
    thread: Thread,
    handle: Option<JoinHandle<()>>,
    /// Phases for which it is left asleep, and how many the next time.
    skip: u32,
    patience: u32,
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
}

impl Team {
    /// Makes a team of `threads`, the caller among them.
    ///
    /// Errors where the system makes no more threads.
    ///
    /// Panics if `threads` is 0 or above [`MAX_THREADS`].
    pub fn new(threads: usize) -> io::Result<Self> {
        assert!((1..=MAX_THREADS).contains(&threads), "{threads} threads of 1 to {MAX_THREADS}");
        unsafe fn nothing(_: *const (), _: usize, _: usize) -> bool {
            false
        }
        let job = Job { call: nothing, data: ptr::null(), first: 0 };
        let seat = || Seat {
            claim: Padded(AtomicU64::new(0)),
            done: Padded(AtomicU64::new(0)),
            asleep: AtomicBool::new(false),
        };
        let shared = Arc::new(Shared {
            order: Padded(Order { ticket: AtomicU64::new(0), job: UnsafeCell::new(job) }),
            seats: (0..threads).map(|_| seat()).collect(),
            stopped: AtomicU64::new(0),
            panicked: AtomicBool::new(false),
        });
        let mut team = Self { shared, workers: Vec::new(), phase: 0, taken: vec![0; threads] };
        for index in 1..threads {
            let shared = Arc::clone(&team.shared);
            let builder = thread::Builder::new().name(format!("kernels-{index}"));
            let handle = builder.spawn(move || shared.work(index))?;
            let thread = handle.thread().clone();
            team.workers.push(Worker { thread, handle: Some(handle), skip: 0, patience: 1 });
        }
        Ok(team)
    }

    /// The number of threads, the caller among them.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Calls `call(data, x, i)` for `parts` parts and `phases` phases; returns the phase in which one said not
    /// to go on. None is called after it.
    ///
    /// # Safety
    ///
    /// `call` may be called with `data` from any thread, for each of the phases in order, and for all parts of
    /// one phase at once.
    unsafe fn perform(
        &mut self,
        (parts, phases): (usize, usize),
        call: unsafe fn(*const (), usize, usize) -> bool,
        data: *const (),
    ) -> Option<usize> {
        assert!(parts <= self.threads(), "{parts} parts, {} threads", self.threads());
        if parts == 0 || phases == 0 {
            return None;
        }
        if parts == 1 {
            // SAFETY: the caller allows the calls, one after the other.
            return (0..phases).find(|&phase| !unsafe { call(data, phase, 0) });
        }
        let (first, last) = (self.phase + 1, self.phase.checked_add(phases as u64));
        let last = last.filter(|&last| last < STOP).expect("phases that can be counted");
        for seat in &self.shared.seats[parts..] {
            // These sit it out.
            seat.claim.0.store(last, Relaxed);
            seat.done.0.store(last, Relaxed);
        }
        // SAFETY: no thread reads the job now: every part of the last one is done, and none can be claimed.
        unsafe { *self.shared.order.0.job.get() = Job { call, data, first } };
        self.phase = last;
        self.publish(last, parts, u32::try_from(phases).unwrap_or(u32::MAX));
        let end = self.shared.attend(0, first, last, &mut self.taken);
        if end < last {
            // What a late worker might still claim.
            for seat in &self.shared.seats {
                seat.claim.0.store(last, Release);
                seat.done.0.store(last, Release);
            }
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

/// Waits a little: spins at first, then lets others have the core.
fn pause(turns: &mut u32) {
    *turns = turns.saturating_add(1);
    if *turns < SPINS {
        std::hint::spin_loop();
    } else {
        thread::yield_now();
    }
}

impl Shared {
    /// The life of worker `index`.
    fn work(&self, index: usize) {
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
    fn attend(&self, me: usize, next: u64, last: u64, taken: &mut [u64]) -> u64 {
        for phase in next..last {
            self.phase(me, phase, taken);
            if self.stopped.load(Relaxed) == phase {
                return phase;
            }
        }
        self.phase(me, last, taken);
        last
    }

    /// Works on the part of seat `me` in `phase`, and on those that nobody begins; returns when all are done.
    fn phase(&self, me: usize, phase: u64, taken: &mut [u64]) {
        self.take(me, phase);
        for (index, seat) in self.seats.iter().enumerate() {
            let is_done = || seat.done.0.load(Acquire) >= phase;
            // Who was late in the last phase, or sleeps, is not waited for.
            let grace = if taken[index] + 1 == phase { 0 } else { GRACE };
            let mut turns = 0;
            while !is_done() && turns < grace && !seat.asleep.load(Relaxed) {
                pause(&mut turns);
            }
            if !is_done() && self.take(index, phase) {
                taken[index] = phase;
            }
            while !is_done() {
                pause(&mut turns);
            }
        }
    }

    /// Claims a part of `phase` and works on it; returns false where it was claimed before. All phases
    /// before are done.
    fn take(&self, index: usize, phase: u64) -> bool {
        let Seat { claim, done, .. } = &self.seats[index];
        let before = claim.0.load(Relaxed);
        if before >= phase || claim.0.compare_exchange(before, phase, AcqRel, Relaxed).is_err() {
            return false;
        }
        // SAFETY: the claim was free, so the caller still waits for this part and does not write the job before
        // it is done.
        let job = unsafe { *self.order.0.job.get() };
        let call = AssertUnwindSafe(|| {
            // SAFETY: `perform` was promised that the job may be called so: the part exists, for those that do
            // not were claimed before; the claim makes it this call's alone; all phases before are done.
            unsafe { (job.call)(job.data, (phase - job.first) as usize, index) }
        });
        let goes_on = catch_unwind(call).unwrap_or_else(|payload| {
            // Its destructor might panic again, and then nobody would hear that the part is done.
            std::mem::forget(payload);
            self.panicked.store(true, Relaxed);
            false
        });
        if !goes_on {
            // Who sees the part done sees this too.
            self.stopped.fetch_max(phase, Relaxed);
        }
        done.0.store(phase, Release);
        true
    }
}

#[cfg(test)]
mod tests;
