//! A team of threads for work that takes microseconds.
//!
//! The threads are made once and wait by spinning, because waking a sleeping thread takes longer than a
//! training step. [`Team::run`] hands one part of the work to each and returns when all are done:
//!
//! ```text
//! caller                                worker i
//! write the job                         spin until the ticket changes
//! publish a new ticket   ---------->    read the job, work on part i
//! work on part 0                        count down `remaining`
//! spin until `remaining` is 0   <----   spin until the ticket changes
//! ```
//!
//! Floats are never reduced across threads: a part owns its outputs, so that the number of threads shows
//! in no result. A waiting worker spins first, then offers its core to others, then sleeps.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::thread::{self, JoinHandle, Thread};
use std::{io, ptr};

/// The largest number of threads in a team.
pub const MAX_THREADS: usize = 256;

/// Looks at the ticket before a worker starts to yield its core: some 20 microseconds.
const SPINS: u32 = 4_000;
/// Yields before a worker goes to sleep: some milliseconds.
const YIELDS: u32 = 10_000;

/// A value alone on its cache lines (two, since processors fetch them in pairs).
#[repr(align(128))]
struct Padded<T>(T);

/// What the workers are asked to do: `call(data, i)` works on part `i`.
#[derive(Clone, Copy)]
struct Job {
    call: unsafe fn(*const (), usize),
    data: *const (),
}

struct Shared {
    /// `generation << 16 | parts`; workers with an index below `parts` take part. 0 parts means: stop.
    ticket: Padded<AtomicU64>,
    /// Workers that have not finished the job of the ticket.
    remaining: Padded<AtomicUsize>,
    panicked: AtomicBool,
    /// Written by the caller while no worker reads it: before a ticket is published and after
    /// `remaining` has come down to zero.
    job: UnsafeCell<Job>,
}

// SAFETY: `job` is the one field that is not `Sync` by itself; the protocol above orders every write of it
// before the reads of the ticket's workers (release and acquire on `ticket`) and after those of the last
// ticket's (release and acquire on `remaining`). The pointer in it goes to parts that are `Send` and a
// function that is `Sync`, as the bounds of `Team::run` ask.
unsafe impl Sync for Shared {}
// SAFETY: as above; the job's pointer is used by no thread but through the protocol.
unsafe impl Send for Shared {}

struct Worker {
    thread: Thread,
    asleep: Arc<AtomicBool>,
    handle: Option<JoinHandle<()>>,
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
    generation: u64,
}

impl Team {
    /// Makes a team of `threads`, the caller among them.
    ///
    /// Errors where the system makes no more threads.
    ///
    /// Panics if `threads` is 0 or above [`MAX_THREADS`].
    pub fn new(threads: usize) -> io::Result<Self> {
        assert!((1..=MAX_THREADS).contains(&threads), "{threads} threads of 1 to {MAX_THREADS}");
        unsafe fn nothing(_: *const (), _: usize) {}
        let shared = Arc::new(Shared {
            ticket: Padded(AtomicU64::new(0)),
            remaining: Padded(AtomicUsize::new(0)),
            panicked: AtomicBool::new(false),
            job: UnsafeCell::new(Job { call: nothing, data: ptr::null() }),
        });
        let mut team = Self { shared, workers: Vec::new(), generation: 0 };
        for index in 1..threads {
            let (shared, asleep) = (Arc::clone(&team.shared), Arc::new(AtomicBool::new(false)));
            let flag = Arc::clone(&asleep);
            let name = format!("kernels-{index}");
            let handle =
                thread::Builder::new().name(name).spawn(move || shared.work(index, &flag))?;
            let thread = handle.thread().clone();
            team.workers.push(Worker { thread, asleep, handle: Some(handle) });
        }
        Ok(team)
    }

    /// The number of threads, the caller among them.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `f` on every part, each on a thread of its own; returns when all are done.
    ///
    /// Panics if there are more parts than threads, or when `f` does.
    pub fn run<P: Send, F: Fn(&mut P) + Sync>(&mut self, parts: &mut [P], f: F) {
        assert!(parts.len() <= self.threads(), "{} parts, {} threads", parts.len(), self.threads());
        let (helpers, typed) = (parts.len().saturating_sub(1), (parts.as_mut_ptr(), &f));
        if helpers > 0 {
            let job = Job { call: call::<P, F>, data: ptr::from_ref(&typed).cast() };
            // SAFETY: no worker reads the job now: the last run waited for all of its workers.
            unsafe { *self.shared.job.get() = job };
            self.publish(parts.len() as u64, helpers);
        }
        let join = Join(&self.shared);
        if !parts.is_empty() {
            // SAFETY: part 0 exists and no worker has index 0; `typed` is what `call` expects.
            unsafe { call::<P, F>(ptr::from_ref(&typed).cast(), 0) };
        }
        drop(join);
        assert!(!self.shared.panicked.swap(false, Relaxed), "a thread of the team panicked");
    }

    /// Publishes the next ticket and wakes the workers that sleep.
    fn publish(&mut self, parts: u64, helpers: usize) {
        self.generation += 1;
        self.shared.remaining.0.store(helpers, Relaxed);
        // Sequentially consistent with `asleep`: either the worker sees the ticket before it sleeps or
        // the caller sees it asleep.
        self.shared.ticket.0.store(self.generation << 16 | parts, SeqCst);
        for worker in &self.workers[..helpers] {
            if worker.asleep.load(SeqCst) {
                worker.thread.unpark();
            }
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        let helpers = self.workers.len();
        self.publish(0, helpers);
        for worker in &mut self.workers {
            if let Some(handle) = worker.handle.take() {
                // A worker's panic was reported by `run`; here there is nothing to add.
                let _ = handle.join();
            }
        }
    }
}

/// Calls the function on part `index`.
///
/// # Safety
///
/// `data` points to `(*mut P, &F)`, alive during the call; part `index` exists and nobody else uses it.
unsafe fn call<P, F: Fn(&mut P)>(data: *const (), index: usize) {
    // SAFETY: the caller promises the type and the life of `data`.
    let (parts, f) = unsafe { &*data.cast::<(*mut P, &F)>() };
    // SAFETY: the caller promises that the part exists.
    let part = unsafe { parts.add(index) };
    // SAFETY: the caller promises that nobody else uses the part.
    f(unsafe { &mut *part });
}

/// Waits for the workers when dropped, so that a panic of the caller's own part can't free what the
/// workers still use.
struct Join<'a>(&'a Shared);

impl Drop for Join<'_> {
    fn drop(&mut self) {
        let mut turns = 0;
        while self.0.remaining.0.load(Acquire) != 0 {
            pause(&mut turns);
        }
    }
}

/// Waits a little: spins at first, then lets others have the core.
fn pause(turns: &mut u32) {
    *turns += 1;
    if *turns < SPINS {
        std::hint::spin_loop();
    } else {
        thread::yield_now();
    }
}

impl Shared {
    /// The life of worker `index`.
    fn work(&self, index: usize, asleep: &AtomicBool) {
        let mut seen = 0;
        loop {
            let ticket = self.next_ticket(seen, asleep);
            seen = ticket;
            let parts = (ticket & 0xffff) as usize;
            if parts == 0 {
                return;
            }
            if index >= parts {
                continue;
            }
            // SAFETY: the ticket names this worker, so the caller waits for it before it writes the job.
            let job = unsafe { *self.job.get() };
            let run = AssertUnwindSafe(|| {
                // SAFETY: `run` made `data` for `call`, keeps it alive until this worker has counted
                // down, and part `index` exists and is this worker's alone.
                unsafe { (job.call)(job.data, index) }
            });
            if catch_unwind(run).is_err() {
                self.panicked.store(true, Relaxed);
            }
            self.remaining.0.fetch_sub(1, Release);
        }
    }

    fn next_ticket(&self, seen: u64, asleep: &AtomicBool) -> u64 {
        let mut turns = 0;
        loop {
            let ticket = self.ticket.0.load(Acquire);
            if ticket != seen {
                return ticket;
            }
            pause(&mut turns);
            if turns > SPINS + YIELDS {
                asleep.store(true, SeqCst);
                if self.ticket.0.load(SeqCst) == seen {
                    thread::park();
                }
                asleep.store(false, Relaxed);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_part_is_run_once() {
        for threads in [1, 2, 3, 7] {
            let mut team = Team::new(threads).unwrap();
            for round in 0..1000 {
                let mut parts = vec![round; round % (threads + 1)];
                team.run(&mut parts, |part| *part += 1);
                assert!(parts.iter().all(|&part| part == round + 1));
            }
        }
    }

    #[test]
    fn sleeping_workers_wake() {
        let mut team = Team::new(2).unwrap();
        for _ in 0..3 {
            let deadline = std::time::Instant::now() + Duration::from_secs(10);
            while !team.workers[0].asleep.load(SeqCst) && std::time::Instant::now() < deadline {
                thread::sleep(Duration::from_millis(1));
            }
            let mut parts = [1, 2];
            team.run(&mut parts, |part| *part *= 2);
            assert_eq!(parts, [2, 4]);
        }
    }

    #[test]
    fn a_panic_reaches_the_caller_and_the_team_goes_on() {
        for bad in [0, 1] {
            let mut team = Team::new(2).unwrap();
            let panicking = || team.run(&mut [0, 1], |&mut part| assert_ne!(part, bad));
            assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
            let mut parts = [1, 2];
            team.run(&mut parts, |part| *part += 1);
            assert_eq!(parts, [2, 3]);
        }
    }
}
