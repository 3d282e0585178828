//! Rounds of an exchange: what is read, where they stop, and what is refused.

use super::*;

/// Each part adds up what all parts wrote in the round before, in every place of its run.
#[test]
fn rounds_read_what_the_last_one_wrote() {
    for threads in [1, 2, 3, 7] {
        let mut team = Team::new(threads).unwrap();
        for parts in 1..=threads {
            for (rounds, run) in
                [0, 1, 2, 51].into_iter().flat_map(|n| [0, 1, 3].map(|run| (n, run)))
            {
                let mut own = vec![(0, 0); parts];
                let mut written = [vec![7u64; parts * run], vec![1; parts * run]];
                let [even, odd] = &mut written;
                let done = team.exchange(
                    rounds,
                    &mut own,
                    [even, odd],
                    |round, (prepared, done)| {
                        assert_eq!((*prepared, *done), (round, round));
                        *prepared += 1;
                    },
                    |round, (prepared, done), before, new| {
                        assert_eq!((*prepared, *done, new.len()), (round + 1, round, run));
                        *done += 1;
                        new.fill(before.iter().fold(0, |sum, x| sum.wrapping_add(*x)));
                        true
                    },
                );
                assert_eq!(done, Ok(()));
                let last = |round: usize| {
                    (0..round).fold(1u64, |x, _| x.wrapping_mul((parts * run) as u64))
                };
                let expected = if rounds > 0 { [rounds - 1, rounds].map(last) } else { [7, 1] };
                let [before, new] = if rounds % 2 == 0 { [0, 1] } else { [1, 0] };
                if rounds > 1 {
                    assert!(written[before].iter().all(|&x| x == expected[0]), "{parts} {rounds}");
                }
                if rounds > 0 {
                    assert!(written[new].iter().all(|&x| x == expected[1]), "{parts} {rounds}");
                }
                assert!(own.iter().all(|&(_, done)| done == rounds));
            }
        }
    }
}

#[test]
fn rounds_end_after_a_stop() {
    for threads in [1, 2, 3] {
        let mut team = Team::new(threads).unwrap();
        for stop in (0..2000).map(|i| i % 20) {
            let mut own: Vec<(usize, usize)> = (0..threads).map(|i| (i, 0)).collect();
            let work = |round: usize, own: &mut (usize, usize), _: &[()], _: &mut [()]| {
                own.1 += 1;
                round != stop || own.0 != stop % threads
            };
            let stopped = team.exchange(20, &mut own, [&mut [], &mut []], |_, _| (), work);
            assert_eq!(stopped, Err(stop));
            assert!(own.iter().all(|&(_, rounds)| rounds == stop + 1), "{own:?}");
        }
    }
}

#[test]
fn runs_that_are_not_equal_are_refused() {
    let mut team = Team::new(2).unwrap();
    let mut exchange = |even: usize, odd: usize| {
        let [mut even, mut odd] = [even, odd].map(|len| vec![0; len]);
        let rounds = || {
            let written = [&mut even[..], &mut odd[..]];
            team.exchange(1, &mut [(), ()], written, |_, ()| (), |_, (), _, _| true)
        };
        catch_unwind(AssertUnwindSafe(rounds)).is_ok()
    };
    assert!(exchange(4, 4) && exchange(0, 0));
    assert!(!exchange(3, 3) && !exchange(4, 2) && !exchange(2, 4) && !exchange(1, 0));
}
