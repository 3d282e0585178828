//! A team of threads for work that takes microseconds.
//!
//! The threads are made once and wait by spinning, because waking a sleeping thread takes longer than a
//! training step. [`Team::run`] hands one part of the work to each and returns when all are done:
//!
//! ```text
//! caller                                   worker i
//! write the job                            spin until the ticket changes
//! publish a new ticket   ------------->    claim part i; read the job; work on part i
//! work on part 0                           mark part i as done
//! for each part i: claim it and work on    spin until the ticket changes
//!   it, or wait until it is done
//! ```
//!
//! The caller takes whatever part a worker has not begun, so that a worker that another program keeps
//! from its core costs nothing but its help. Floats are never reduced across threads: a part owns its
//! outputs, so that neither the number of threads nor who did what shows in any result.
//!
//! A waiting worker spins first, then offers its core to others, then sleeps. One that was woken in vain
//! is woken less and less often.

use std::cell::UnsafeCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread::{self, JoinHandle, Thread};
use std::{io, ptr};

/// The largest number of threads in a team.
pub const MAX_THREADS: usize = 256;

/// Looks at the ticket before a worker starts to yield its core: some 20 microseconds.
const SPINS: u32 = 2_000;
/// Looks at a part before the caller asks whether it was begun: a microsecond. Less, and a worker that began
/// late is asked while it works, which takes a cache line from it.
const GRACE: u32 = 40;
/// Yields before a worker goes to sleep.
const YIELDS: u32 = 200;
/// The most runs for which a worker that was woken in vain is left asleep.
const MOST_PATIENCE: u32 = 1 << 12;

/// A value alone on its cache lines (two, since processors fetch them in pairs).
#[repr(align(128))]
struct Padded<T>(T);

/// What the workers are asked to do: `call(parts, f, i)` has `f` work on part `i`.
#[derive(Clone, Copy)]
struct Job {
    call: unsafe fn(*mut (), *const (), usize),
    parts: *mut (),
    f: *const (),
}

/// A ticket and its job, in one cache line: what one line tells takes half as long as what two do, where
/// cores are far apart (on one Zen 5 machine 250 ns a line).
struct Order {
    /// `generation << 16 | parts`; the workers with an index below `parts` take part. 0 parts means: stop.
    ticket: AtomicU64,
    /// Written by the caller before it publishes a ticket; read by a worker only between its claim of a
    /// part and its mark that the part is done, for which the caller waits before it writes again.
    job: UnsafeCell<Job>,
}

struct Shared {
    order: Padded<Order>,
    /// For each worker the last generation in which its part was claimed, by it or by the caller. The
    /// caller leaves it alone as long as it can: a line that only one core writes to costs that core nothing.
    claims: Vec<Padded<AtomicU64>>,
    /// For each worker the last generation in which it has done its part.
    done: Vec<Padded<AtomicU64>>,
    panicked: AtomicBool,
}

// SAFETY: `job` is the one field that is not `Sync` by itself; the protocol above orders every write of it
// before the reads of its ticket (release and acquire on `ticket`) and after those of the last ticket
// (release and acquire on `done`). The pointer in it goes to parts that are `Send` and a function that
// is `Sync`, as the bounds of `Team::run` ask.
unsafe impl Sync for Shared {}
// SAFETY: as above; the job's pointer is used by no thread but through the protocol.
unsafe impl Send for Shared {}

struct Worker {
    thread: Thread,
    asleep: Arc<AtomicBool>,
    handle: Option<JoinHandle<()>>,
    /// Runs for which it is left asleep, and how many the next time.
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
        unsafe fn nothing(_: *mut (), _: *const (), _: usize) {}
        let job = Job { call: nothing, parts: ptr::null_mut(), f: ptr::null() };
        let order = Order { ticket: AtomicU64::new(0), job: UnsafeCell::new(job) };
        let shared = Arc::new(Shared {
            order: Padded(order),
            claims: (0..threads).map(|_| Padded(AtomicU64::new(0))).collect(),
            done: (0..threads).map(|_| Padded(AtomicU64::new(0))).collect(),
            panicked: AtomicBool::new(false),
        });
        let mut team = Self { shared, workers: Vec::new(), generation: 0 };
        for index in 1..threads {
            let (shared, asleep) = (Arc::clone(&team.shared), Arc::new(AtomicBool::new(false)));
            let flag = Arc::clone(&asleep);
            let builder = thread::Builder::new().name(format!("kernels-{index}"));
            let handle = builder.spawn(move || shared.work(index, &flag))?;
            let thread = handle.thread().clone();
            team.workers.push(Worker {
                thread,
                asleep,
                handle: Some(handle),
                skip: 0,
                patience: 1,
            });
        }
        Ok(team)
    }

    /// The number of threads, the caller among them.
    pub fn threads(&self) -> usize {
        self.workers.len() + 1
    }

    /// Runs `f` on every part, on as many threads as are free; returns when all are done.
    ///
    /// Panics if there are more parts than threads, or when `f` does.
    pub fn run<P: Send, F: Fn(&mut P) + Sync>(&mut self, parts: &mut [P], f: F) {
        let count = parts.len();
        assert!(count <= self.threads(), "{count} parts, {} threads", self.threads());
        // From here on the parts are used through this pointer alone.
        let (parts, f) = (parts.as_mut_ptr().cast(), ptr::from_ref(&f).cast());
        self.shared.panicked.store(false, Relaxed);
        let job = Job { call: call::<P, F>, parts, f };
        if count > 1 {
            // SAFETY: no worker reads the job now: the last run waited for all that had claimed a part.
            unsafe { *self.shared.order.0.job.get() = job };
            self.publish(count);
        }
        let mut rest = Rest { team: self, next: 1, parts: count, job };
        if count > 0 {
            // SAFETY: part 0 exists, no worker has index 0, and `job` is what `call` expects.
            unsafe { (job.call)(job.parts, job.f, 0) };
        }
        rest.finish(true);
        drop(rest);
        assert!(!self.shared.panicked.swap(false, Relaxed), "a thread of the team panicked");
    }

    /// Publishes the next ticket and wakes the workers that sleep.
    fn publish(&mut self, parts: usize) {
        self.generation += 1;
        // Sequentially consistent with `asleep`: either the worker sees the ticket before it sleeps or
        // the caller sees it asleep.
        self.shared.order.0.ticket.store(self.generation << 16 | parts as u64, SeqCst);
        for worker in &mut self.workers[..parts.saturating_sub(1)] {
            if worker.skip > 0 {
                worker.skip -= 1;
            } else if worker.asleep.load(SeqCst) {
                worker.thread.unpark();
                worker.skip = worker.patience;
                worker.patience = (2 * worker.patience).min(MOST_PATIENCE);
            }
        }
    }
}

impl Drop for Team {
    fn drop(&mut self) {
        self.publish(0);
        for worker in &mut self.workers {
            worker.thread.unpark();
            if let Some(handle) = worker.handle.take() {
                // A worker's panic was reported by `run`; here there is nothing to add.
                let _ = handle.join();
            }
        }
    }
}

/// Calls the function `f` on part `index` of `parts`.
///
/// # Safety
///
/// `parts` points to `P`s and `f` to an `F`, alive during the call; part `index` exists and nobody else uses
/// it.
unsafe fn call<P, F: Fn(&mut P)>(parts: *mut (), f: *const (), index: usize) {
    // SAFETY: the caller promises the type and the life of `f`.
    let f = unsafe { &*f.cast::<F>() };
    // SAFETY: the caller promises that the part exists.
    let part = unsafe { parts.cast::<P>().add(index) };
    // SAFETY: the caller promises that nobody else uses the part.
    f(unsafe { &mut *part });
}

/// The parts of a run that the caller has not seen done.
///
/// Dropped in a panic of the caller's own part, it keeps workers from beginning the others and waits for
/// those that have begun, so that nothing is freed that they still use.
struct Rest<'a> {
    team: &'a mut Team,
    next: usize,
    parts: usize,
    job: Job,
}

impl Rest<'_> {
    /// Takes every part that no worker has begun, and does it if `work`; waits for the others.
    fn finish(&mut self, work: bool) {
        while self.next < self.parts {
            let index = self.next;
            self.next += 1;
            let (shared, generation) = (&self.team.shared, self.team.generation);
            let (claim, done) = (&shared.claims[index].0, &shared.done[index].0);
            let worker = &mut self.team.workers[index - 1];
            let mut turns = 0;
            while work
                && turns < GRACE
                && done.load(Acquire) != generation
                && !worker.asleep.load(Relaxed)
            {
                pause(&mut turns);
            }
            if done.load(Acquire) != generation {
                let before = claim.load(Acquire);
                if before < generation
                    && claim.compare_exchange(before, generation, AcqRel, Acquire).is_ok()
                {
                    if work {
                        // SAFETY: the part exists, the claim makes it the caller's alone, and the job is
                        // what `call` expects.
                        unsafe { (self.job.call)(self.job.parts, self.job.f, index) };
                    }
                    continue;
                }
                while done.load(Acquire) != generation {
                    pause(&mut turns);
                }
            }
            (worker.skip, worker.patience) = (0, 1);
        }
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.finish(false);
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
    fn work(&self, index: usize, asleep: &AtomicBool) {
        let mut seen = 0;
        loop {
            seen = self.next_ticket(seen, asleep);
            let (generation, parts) = (seen >> 16, (seen & 0xffff) as usize);
            if parts == 0 {
                return;
            }
            let claim = &self.claims[index].0;
            let before = claim.load(Relaxed);
            if index >= parts
                || before >= generation
                || claim.compare_exchange(before, generation, AcqRel, Relaxed).is_err()
            {
                continue;
            }
            // SAFETY: the claim was free, so the caller still waits for this part and does not write the
            // job before it is done.
            let job = unsafe { *self.order.0.job.get() };
            let run = AssertUnwindSafe(|| {
                // SAFETY: `run` made the job for `call` and keeps alive what it points to until the part is
                // done; part `index` exists and the claim makes it this worker's alone.
                unsafe { (job.call)(job.parts, job.f, index) }
            });
            if catch_unwind(run).is_err() {
                self.panicked.store(true, Relaxed);
            }
            self.done[index].0.store(generation, Release);
        }
    }

    /// Waits for a ticket other than `seen`.
    fn next_ticket(&self, seen: u64, asleep: &AtomicBool) -> u64 {
        let mut turns = 0;
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
        for bad in [&[0][..], &[1], &[0, 1]] {
            let mut team = Team::new(2).unwrap();
            let panicking = || team.run(&mut [0, 1], |part| assert!(!bad.contains(part)));
            assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err());
            let mut parts = [1, 2];
            team.run(&mut parts, |part| *part += 1);
            assert_eq!(parts, [2, 3]);
        }
    }
}
