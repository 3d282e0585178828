//! How much of the work each thread gets: as much as it is fast.
//!
//! A half step ends with its slowest thread. Cores are not alike: some are built smaller, and one that shares what it
//! works with, as two hardware threads of a core or guests of a host do, may take half as long again as its neighbour
//! for minutes. So threads measure how long they work and not wait, and what they get follows:
//!
//! ```text
//! speed[i] = things of part i / time it took        share[i] += (speed[i] / sum of speeds - share[i]) / 2
//! ```
//!
//! No result depends on who does what, nor on when.
//!
//! Zen 4, two threads, ms an epoch of MNIST, best and median of 40 in turns, where the second one spins after each half step
//! as if it were so much slower (10.4 on one thread; where equal shares take as long, a run has fallen back to that):
//!
//! | slower by | equal shares | shares that follow |
//! |---|---:|---:|
//! | nothing | 7.04, 7.33 | 6.93, 7.26 |
//! | 20 % | 8.39, 9.07 | 7.47, 7.77 |
//! | 40 % | 9.94, 10.61 | 7.98, 8.26 |
//! | 70 % | 10.35, 10.69 | 8.70, 8.99 |
//! | 100 % | 10.39, 10.71 | 9.26, 10.27 |

use std::ops::Range;
use std::time::Duration;

/// The least that a thread gets, in fair shares: with nothing to do it could not show that it has become faster.
const LEAST: f64 = 0.25;
/// A thread is taken for so many times as fast as its share says, at most, and for so many times slower: another program may
/// have had its core for once.
const MOST: f64 = 1.25;

/// The share of each of some threads in work that can be cut.
#[derive(Clone, Debug, PartialEq)]
pub struct Shares {
    /// They sum to 1, but for rounding.
    shares: Vec<f64>,
    /// So many things go together.
    unit: usize,
}

impl Shares {
    /// The same for each of `parts`, of things that go together in units of `unit`.
    ///
    /// Panics if there are no parts, or the unit is 0.
    pub fn equal(parts: usize, unit: usize) -> Self {
        assert!(parts > 0 && unit > 0, "{parts} parts in units of {unit}");
        Self { shares: vec![1.0 / parts as f64; parts], unit }
    }

    /// The number of parts.
    pub fn parts(&self) -> usize {
        self.shares.len()
    }

    /// Which of `n` things are part `i`'s: whole units but for the last; parts may have none.
    ///
    /// Panics if there is no such part.
    pub fn range(&self, n: usize, i: usize) -> Range<usize> {
        let end = |i: usize| {
            if i == self.parts() {
                return n;
            }
            let units = self.shares[..i].iter().sum::<f64>() * n as f64 / self.unit as f64;
            (units.round() as usize * self.unit).min(n)
        };
        end(i)..end(i + 1)
    }

    /// Where each part of `n` things ends.
    pub fn ends(&self, n: usize) -> Vec<usize> {
        (0..self.parts()).map(|i| self.range(n, i).end).collect()
    }

    /// Hears how long each part has worked on what [`range`](Self::range) gave it of `n`, and goes half the way to shares
    /// that take all the same time, as far as that is near. Where a part had nothing to do, or did nothing, nothing was
    /// learnt.
    pub fn follow(&mut self, n: usize, worked: &[Duration]) {
        let speed =
            |(i, worked): (usize, &Duration)| self.range(n, i).len() as f64 / worked.as_secs_f64();
        if worked.len() != self.parts() {
            return;
        }
        let speeds: Vec<f64> = worked.iter().enumerate().map(speed).collect();
        let sum: f64 = speeds.iter().sum();
        // Things in no time are infinitely many, none in none is not a number.
        if !sum.is_finite() || speeds.contains(&0.0) {
            return;
        }
        let least = LEAST / self.parts() as f64;
        for (share, speed) in self.shares.iter_mut().zip(speeds) {
            let target = (speed / sum).clamp(*share / MOST, *share * MOST);
            *share = ((*share + target) / 2.0).max(least);
        }
        let sum: f64 = self.shares.iter().sum();
        self.shares.iter_mut().for_each(|share| *share /= sum);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_one_another_and_take_everything() {
        for (n, unit) in (0..120).flat_map(|n| [1, 2, 8].map(|unit| (n, unit))) {
            for parts in 1..20 {
                let shares = Shares::equal(parts, unit);
                let mut end = 0;
                for i in 0..parts {
                    let range = shares.range(n, i);
                    assert_eq!(range.start, end, "part {i} of {parts}, {n} by {unit}");
                    let whole = range.start.is_multiple_of(unit) || range.is_empty();
                    assert!(whole, "part {i} of {parts}, {n} by {unit}: {range:?}");
                    assert!(range.len() < n.div_ceil(parts) + unit, "{n} by {unit} in {parts}");
                    end = range.end;
                    assert_eq!(shares.ends(n)[i], end);
                }
                assert_eq!(end, n, "{parts} parts, {n} by {unit}");
            }
        }
    }

    /// Shares after so many times of work at `speeds` things a millisecond.
    fn after(times: usize, speeds: &[f64], n: usize) -> Shares {
        let mut shares = Shares::equal(speeds.len(), 2);
        for _ in 0..times {
            let time = |(i, speed): (usize, &f64)| {
                Duration::from_secs_f64(shares.range(n, i).len() as f64 / speed / 1e3)
            };
            let worked: Vec<Duration> = speeds.iter().enumerate().map(time).collect();
            shares.follow(n, &worked);
        }
        shares
    }

    #[test]
    fn who_is_faster_gets_more() {
        let lens = |shares: &Shares| -> Vec<usize> {
            (0..shares.parts()).map(|i| shares.range(98, i).len()).collect()
        };
        assert_eq!(lens(&after(0, &[1.0, 1.0], 98)), [50, 48]);
        // Equal ones stay where they are, though they can't have the same.
        assert_eq!(lens(&after(9, &[1.0, 1.0], 98)), [50, 48]);
        // A quarter more at once, of which half the way.
        assert_eq!(lens(&after(1, &[2.0, 1.0], 98)), [54, 44]);
        assert_eq!(lens(&after(9, &[2.0, 1.0], 98)), [66, 32]);
        assert_eq!(lens(&after(9, &[3.0, 1.0, 1.0], 98)), [58, 20, 20]);
        // However slow one is, it is not left out.
        assert_eq!(lens(&after(20, &[1000.0, 1.0], 98)), [86, 12]);
    }

    #[test]
    fn nothing_is_learnt_from_who_did_nothing() {
        let equal = Shares::equal(2, 2);
        for (n, worked) in [(98, [0, 5]), (98, [0, 0]), (2, [5, 5]), (0, [5, 5])] {
            let mut shares = equal.clone();
            shares.follow(n, &worked.map(Duration::from_millis));
            assert_eq!(shares, equal, "{n} things, {worked:?}");
        }
        let mut shares = equal.clone();
        shares.follow(98, &[Duration::from_millis(5)]);
        assert_eq!(shares, equal);
    }
}
