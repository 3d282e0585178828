//! The team at work: all parts, in their phases, once each; sleepers, stops and panics.

use super::*;
use std::sync::{Condvar, Mutex};
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
        let asleep = || team.shared.seats[1].asleep.load(SeqCst);
        while !asleep() && std::time::Instant::now() < deadline {
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

/// Each part adds up what all parts wrote in the half before: any that was late or early shows.
#[test]
fn halves_take_turns() {
    for threads in [1, 2, 3, 7] {
        let mut team = Team::new(threads).unwrap();
        for parts in 1..=threads {
            let (mut own, mut firsts) = (vec![0u64; parts], vec![0u64; parts]);
            let mut seconds = vec![1u64; 2 * parts - 1];
            for rounds in [0, 1, 2, 50] {
                let expected = (0..rounds).fold(seconds[0], |x, _| {
                    x.wrapping_mul(seconds.len() as u64).wrapping_mul(parts as u64)
                });
                let first = |_, own: &mut u64, first: &mut u64, seconds: &[u64]| {
                    *own += 1;
                    *first = seconds.iter().fold(0, |sum, x| sum.wrapping_add(*x));
                    true
                };
                let second = |_, own: &mut u64, firsts: &[u64], seconds: &mut [u64]| {
                    *own += 1;
                    seconds.fill(firsts.iter().fold(0, |sum, x| sum.wrapping_add(*x)));
                    true
                };
                own.fill(0);
                let done =
                    team.alternate(rounds, &mut own, &mut firsts, (&mut seconds, 2), first, second);
                assert_eq!(done, Ok(()));
                assert!(seconds.iter().all(|&x| x == expected), "{threads} {parts} {rounds}");
                assert!(own.iter().all(|&halves| halves == 2 * rounds as u64));
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
            let stopped = team.alternate(10, &mut own, &mut firsts, (&mut [], 1), first, second);
            assert_eq!(stopped, Err(stop));
            assert!(own.iter().all(|&(_, halves)| halves == stop + 1), "{own:?}");
        }
    }
}

/// Numbers that wrap around would give two parts one place, or have a job begin before the last one ended.
#[test]
fn lengths_and_rounds_do_not_wrap() {
    let mut team = Team::new(3).unwrap();
    let (mut own, mut firsts, mut seconds) = ([0; 3], [(); 3], [0, 0]);
    let len = usize::MAX / 2 + 1;
    let second = |_, own: &mut usize, _: &[()], seconds: &mut [i32]| {
        *own = seconds.len();
        true
    };
    let done =
        team.alternate(1, &mut own, &mut firsts, (&mut seconds, len), |_, _, _, _| true, second);
    assert_eq!((done, own), (Ok(()), [2, 0, 0]));
    for rounds in [usize::MAX, usize::MAX / 2] {
        let endless = || {
            let stop = |_, _: &mut usize, _: &mut (), _: &[i32]| false;
            team.alternate(rounds, &mut own, &mut firsts, (&mut seconds, 1), stop, second)
        };
        assert!(catch_unwind(AssertUnwindSafe(endless)).is_err(), "{rounds} rounds");
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
            let stopped = team.alternate(3, &mut own, &mut firsts, (&mut [], 1), first, second);
            assert_eq!(stopped, Err(5));
            team.run(&mut own, |part| *part += 1);
            assert!(own.iter().all(|&part| part == 1));
        }
    }
}
