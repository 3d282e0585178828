//! The team at work: all parts, in their phases, once each; sleepers, stops and panics.

use super::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Condvar, LazyLock, Mutex};
use std::time::{Duration, Instant};

mod exchange;

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
        let deadline = Instant::now() + Duration::from_secs(10);
        let asleep = || team.shared.seats[1].asleep.load(SeqCst);
        while !asleep() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        assert!(asleep(), "a worker that spins for 10 s");
        // Each part waits for the other, so that one thread alone cannot do both.
        let (begun, both) = (Mutex::new(0), Condvar::new());
        team.run(&mut [(), ()], |()| {
            let mut count = begun.lock().unwrap();
            *count += 1;
            both.notify_all();
            let wait = both.wait_timeout_while(count, Duration::from_secs(10), |count| *count < 2);
            assert!(!wait.unwrap().1.timed_out(), "a worker that was not woken");
        });
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

#[test]
fn what_was_thrown_may_panic_again_when_it_is_dropped() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            // Of no size, so that nothing leaks.
            std::panic::panic_any(());
        }
    }
    let mut team = Team::new(2).unwrap();
    for bad in [0, 1] {
        let throwing = || {
            team.run(&mut [0, 1], |part| {
                if *part == bad {
                    std::panic::panic_any(Bomb);
                }
            })
        };
        assert!(catch_unwind(AssertUnwindSafe(throwing)).is_err());
        let mut parts = [1, 2];
        team.run(&mut parts, |part| *part += 1);
        assert_eq!(parts, [2, 3]);
    }
}

/// Each part adds up what all parts wrote in the half before: any that was late or early shows, and any half that was
/// not prepared once.
#[test]
fn halves_take_turns() {
    for threads in [1, 2, 3, 7] {
        let mut team = Team::new(threads).unwrap();
        for parts in 1..=threads {
            let (mut own, mut firsts) = (vec![(0, 0); parts], vec![0u64; parts]);
            let mut seconds = vec![1u64; 2 * parts - 1];
            for (rounds, cut) in
                [0, 1, 2, 50].into_iter().flat_map(|n| (0..3).map(move |cut| (n, cut)))
            {
                let ends: Vec<usize> = match cut {
                    // One each but for the last; two each, and then one; all are the first part's.
                    0 => (1..parts).chain([2 * parts - 1]).collect(),
                    1 => (1..=parts).map(|i| (2 * i).min(2 * parts - 1)).collect(),
                    _ => vec![2 * parts - 1; parts],
                };
                let expected = (0..rounds).fold(seconds[0], |x, _| {
                    x.wrapping_mul(seconds.len() as u64).wrapping_mul(parts as u64)
                });
                let prepare = |half, (prepared, halves): &mut (usize, usize)| {
                    assert_eq!((*prepared, *halves), (half, half));
                    *prepared += 1;
                };
                let count = |half, (prepared, halves): &mut (usize, usize)| {
                    assert_eq!((*prepared, *halves), (half + 1, half));
                    *halves += 1;
                };
                let first = |round, own: &mut _, first: &mut u64, seconds: &[u64]| {
                    count(2 * round, own);
                    *first = seconds.iter().fold(0, |sum, x| sum.wrapping_add(*x));
                    true
                };
                let second = |round, own: &mut _, firsts: &[u64], seconds: &mut [u64]| {
                    count(2 * round + 1, own);
                    seconds.fill(firsts.iter().fold(0, |sum, x| sum.wrapping_add(*x)));
                    true
                };
                own.fill((0, 0));
                let of_parts = (&mut own[..], &mut firsts[..]);
                let done =
                    team.alternate(rounds, of_parts, (&mut seconds, &ends), prepare, first, second);
                assert_eq!(done, Ok(()));
                assert!(seconds.iter().all(|&x| x == expected), "{threads} {parts} {rounds}");
                assert!(own.iter().all(|&(_, halves)| halves == 2 * rounds));
            }
        }
    }
}

#[test]
fn nothing_is_done_after_a_stop() {
    for threads in [1, 2, 3] {
        let mut team = Team::new(threads).unwrap();
        for stop in (0..2000).map(|i| i % 20) {
            let mut own: Vec<(usize, usize)> = (0..threads).map(|i| (i, 0)).collect();
            let mut firsts = vec![(); threads];
            let count = |half: usize, own: &mut (usize, usize)| {
                own.1 += 1;
                half != stop || own.0 != stop % threads
            };
            let first = |round: usize, own: &mut _, _: &mut (), _: &[()]| count(2 * round, own);
            let second =
                |round: usize, own: &mut _, _: &[()], _: &mut [()]| count(2 * round + 1, own);
            let parts = (&mut own[..], &mut firsts[..]);
            let ends = vec![0; threads];
            let stopped = team.alternate(10, parts, (&mut [], &ends), |_, _| (), first, second);
            assert_eq!(stopped, Err(stop));
            assert!(own.iter().all(|&(_, halves)| halves == stop + 1), "{own:?}");
        }
    }
}

/// Ends out of order would give two parts one place; numbers that wrap around would have a job begin before the last one
/// ended.
#[test]
fn ends_out_of_order_and_rounds_that_wrap_are_refused() {
    let mut team = Team::new(3).unwrap();
    let (mut own, mut firsts, mut seconds) = ([0; 3], [(); 3], [0; 9]);
    let mut alternate = |rounds, ends: &[usize]| {
        let first = |_, _: &mut usize, _: &mut (), _: &[i32]| rounds == 1;
        let second = |_, own: &mut usize, _: &[()], seconds: &mut [i32]| {
            *own = seconds.len();
            true
        };
        let (parts, seconds) = ((&mut own[..], &mut firsts[..]), (&mut seconds[..], ends));
        let done = || team.alternate(rounds, parts, seconds, |_, _| (), first, second);
        catch_unwind(AssertUnwindSafe(done)).ok().map(|done| (done, own))
    };
    assert_eq!(alternate(1, &[2, 2, 9]), Some((Ok(()), [2, 0, 7])));
    assert_eq!(alternate(1, &[9, 9, 9]), Some((Ok(()), [9, 0, 0])));
    for ends in [&[4, 2, 9][..], &[2, 4, 8], &[2, 4, 10], &[4, 10, 9], &[4, 9], &[2, 4, 6, 9], &[]]
    {
        assert_eq!(alternate(1, ends), None, "{ends:?}");
    }
    for rounds in [usize::MAX, usize::MAX / 2] {
        assert_eq!(alternate(rounds, &[2, 2, 9]), None, "{rounds} rounds");
    }
    let mut parts = [1, 2, 3];
    team.run(&mut parts, |part| *part += 1);
    assert_eq!(parts, [2, 3, 4]);
}

#[test]
fn a_job_follows_one_that_stopped_in_its_last_half() {
    for threads in [2, 3, 7] {
        let mut team = Team::new(threads).unwrap();
        for parts in (2..=threads).cycle().take(500) {
            let (mut own, mut firsts) = (vec![0; parts], vec![(); parts]);
            let first = |_, _: &mut i32, _: &mut (), _: &[()]| true;
            let second = |round: usize, _: &mut i32, _: &[()], _: &mut [()]| round < 2;
            let of_parts = (&mut own[..], &mut firsts[..]);
            let ends = vec![0; parts];
            let stopped = team.alternate(3, of_parts, (&mut [], &ends), |_, _| (), first, second);
            assert_eq!(stopped, Err(5));
            team.run(&mut own, |part| *part += 1);
            assert!(own.iter().all(|&part| part == 1));
        }
    }
}

/// What a worker prepares ahead it does with what the caller has lent.
#[test]
fn a_stop_waits_for_those_who_prepare() {
    let mut team = Team::new(2).unwrap();
    let (over, late) = (AtomicBool::new(false), AtomicBool::new(false));
    for _ in 0..30 {
        over.store(false, SeqCst);
        let prepare = |half, _: &mut usize| {
            if half == 1 {
                thread::sleep(Duration::from_millis(1));
                late.fetch_or(over.load(SeqCst), SeqCst);
            }
        };
        let first = |_, index: &mut usize, _: &mut (), _: &[()]| *index > 0;
        let parts = (&mut [0, 1][..], &mut [(), ()][..]);
        let seconds = (&mut [][..], &[0, 0][..]);
        let stopped = team.alternate(3, parts, seconds, prepare, first, |_, _, _, _| true);
        over.store(true, SeqCst);
        assert_eq!(stopped, Err(0));
        thread::sleep(Duration::from_millis(3));
    }
    assert!(!late.load(SeqCst), "the caller went on");
}

#[test]
fn a_panic_in_preparing_reaches_the_caller() {
    for (threads, bad) in [(1, 0), (2, 0), (2, 1), (3, 2)] {
        let mut team = Team::new(threads).unwrap();
        for at in 0..6 {
            let (mut own, mut firsts): (Vec<usize>, _) =
                ((0..threads).collect(), vec![(); threads]);
            let prepare = |half, index: &mut usize| assert!((half, *index) != (at, bad));
            let panicking = || {
                let ends = vec![0; threads];
                let (parts, seconds) = ((&mut own[..], &mut firsts[..]), (&mut [][..], &ends[..]));
                team.alternate(
                    3,
                    parts,
                    seconds,
                    prepare,
                    |_, _, _, _: &[()]| true,
                    |_, _, _, _| true,
                )
            };
            assert!(catch_unwind(AssertUnwindSafe(panicking)).is_err(), "{bad} of {threads}, {at}");
            let mut parts = vec![1; threads];
            team.run(&mut parts, |part| *part += 1);
            assert!(parts.iter().all(|&part| part == 2));
        }
    }
}

/// Who panics ahead must not have one thread stop where others go on.
#[test]
fn a_stop_holds_beside_a_panic_in_preparing() {
    let mut team = Team::new(3).unwrap();
    for spins in 0..300 {
        let (began, seconds) = (AtomicBool::new(false), AtomicBool::new(false));
        let prepare = |half, index: &mut usize| {
            if (half, *index) == (1, 1) {
                began.store(true, SeqCst);
                (0..spins).for_each(|_| std::hint::spin_loop());
                panic!("while others stop");
            }
        };
        let first = |_, index: &mut usize, _: &mut (), _: &[()]| {
            // Another may have taken the part, and then nobody prepares ahead.
            let mut looks = 0..1000;
            while *index == 0 && !began.load(SeqCst) && looks.next().is_some() {
                std::hint::spin_loop();
            }
            *index > 0
        };
        let second = |_, _: &mut usize, _: &[()], _: &mut [()]| {
            seconds.store(true, SeqCst);
            true
        };
        let (mut own, mut firsts) = ([0, 1, 2], [(); 3]);
        let stopping = || {
            let parts = (&mut own[..], &mut firsts[..]);
            team.alternate(3, parts, (&mut [], &[0; 3]), prepare, first, second)
        };
        // It panics if it was prepared ahead.
        let outcome = catch_unwind(AssertUnwindSafe(stopping));
        assert!(outcome.is_err() || outcome.is_ok_and(|stopped| stopped == Err(0)));
        assert!(!seconds.load(SeqCst), "a half after the stop");
        let mut parts = [1, 2, 3];
        team.run(&mut parts, |part| *part += 1);
        assert_eq!(parts, [2, 3, 4]);
    }
}

/// One in four jobs is measured: what each thread does for its own part, and not what it does for others or waits.
#[test]
fn work_is_measured_and_waiting_is_not() {
    const LONG: Duration = Duration::from_millis(30);
    fn now() -> Duration {
        static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGIN.elapsed()
    }
    let mut without = Team::new(2).unwrap();
    let done = without.alternate(
        2,
        (&mut [0, 1], &mut [(), ()]),
        (&mut [], &[0, 0]),
        |_, _| (),
        |_, _, _, _: &[()]| true,
        |_, _, _, _| true,
    );
    assert_eq!((done, without.worked()), (Ok(()), None));
    let mut team = Team::with_clock(2, now).unwrap();
    for job in 0..8 {
        // Of both parts, in even and odd halves: how often its own thread has slept and done its part.
        let [slept, done] = [(); 2].map(|()| [(); 4].map(|()| AtomicUsize::new(0)));
        let count = |of: &[AtomicUsize; 4], half: usize, part: usize| {
            let is_worker = thread::current().name().is_some_and(|name| name == "kernels-1");
            of[2 * part + half % 2].fetch_add(usize::from(is_worker == (part == 1)), SeqCst);
        };
        let sleep = |half: usize, part: usize| {
            thread::sleep(LONG);
            count(&slept, half, part);
        };
        // The second part is long in first halves, the first one in what is prepared for second halves.
        let first = |round, part: &mut usize, _: &mut (), _: &[()]| {
            if *part == 1 {
                sleep(2 * round, 1);
            }
            count(&done, 2 * round, *part);
            true
        };
        let prepare = |half, part: &mut usize| {
            if half % 2 == 1 && *part == 0 {
                sleep(half, 0);
            }
        };
        let second = |round, part: &mut usize, _: &[()], _: &mut [()]| {
            count(&done, 2 * round + 1, *part);
            true
        };
        // A job of one phase is none of the four.
        team.run(&mut [(), ()], |()| ());
        assert_eq!(team.worked(), None);
        let parts = (&mut [0, 1][..], &mut [(), ()][..]);
        let seconds = (&mut [][..], &[0, 0][..]);
        assert_eq!(team.alternate(2, parts, seconds, prepare, first, second), Ok(()));
        let Some(worked) = team.worked() else {
            assert_ne!(job % 4, 0, "job {job}");
            continue;
        };
        assert_eq!(job % 4, 0, "job {job}");
        for (&worked, (slept, done)) in worked.as_flattened().iter().zip(slept.iter().zip(&done)) {
            let (slept, done) = (slept.load(SeqCst) as u32, done.load(SeqCst) as u32);
            let all = worked * done;
            let is_right =
                LONG * slept <= all + Duration::from_nanos(2) && all < LONG * (slept + 2);
            assert!(is_right, "{worked:?} a phase, {done} done, {slept} slept");
            assert!(done > 0 || worked.is_zero(), "{worked:?}");
        }
    }
}
