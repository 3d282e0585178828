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
//! Two threads of up to 16 classes have fixed halves of the blocks since version 2 of the numerics. Before, on a Zen 4, two
//! threads, ms an epoch of MNIST, best and median of 40 in turns, where the second one spins after each half step as if it were
//! so much slower (10.4 on one thread; where equal shares take as long, a run has fallen back to that):
//!
//! | slower by | equal shares | shares that follow |
//! |---|---:|---:|
//! | nothing | 7.07, 7.27 | 7.15, 7.60 (another time 7.04, 7.38 and 6.99, 7.41) |
//! | 20 % | 8.51, 8.77 | 7.70, 8.12 |
//! | 40 % | 9.95, 10.60 | 8.09, 9.24 |
//! | 70 % | 10.38, 10.68 | 8.76, 9.27 |
//! | 100 % | 10.30, 10.66 | 9.24, 10.08 |

use std::ops::Range;
use std::time::Duration;

/// A thread is taken for so many times as fast as its share says, at most, and for so many times slower: another program may
/// have had its core for once.
const MOST: f64 = 1.25;
/// Shares that are right but for such a part of them stay as they are: times are never quite the same twice, and what is cut
/// anew must be copied.
const NEAR: f64 = 1.0 / 32.0;

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
    /// that take all the same time, as far as that is near.
    ///
    /// Nothing is learnt where a part did not work. Where one has nothing, all go half the way to equal shares: else it could
    /// never show that it has become faster.
    pub fn follow(&mut self, n: usize, worked: &[Duration]) {
        if worked.len() != self.parts() || worked.contains(&Duration::ZERO) {
            return;
        }
        let lens: Vec<usize> = (0..self.parts()).map(|i| self.range(n, i).len()).collect();
        if lens.contains(&0) {
            let equal = 1.0 / lens.len() as f64;
            self.shares.iter_mut().for_each(|share| *share = (*share + equal) / 2.0);
            return;
        }
        let speed = |(&len, worked): (&usize, &Duration)| len as f64 / worked.as_secs_f64();
        let speeds: Vec<f64> = lens.iter().zip(worked).map(speed).collect();
        let sum: f64 = speeds.iter().sum();
        let targets = || speeds.iter().map(|speed| speed / sum);
        if self.shares.iter().zip(targets()).all(|(share, target)| is_near(*share, target)) {
            return;
        }
        for (share, target) in self.shares.iter_mut().zip(targets()) {
            *share = (*share + target.clamp(*share / MOST, *share * MOST)) / 2.0;
        }
        let sum: f64 = self.shares.iter().sum();
        self.shares.iter_mut().for_each(|share| *share /= sum);
    }
}

fn is_near(share: f64, target: f64) -> bool {
    (target - share).abs() <= NEAR * share
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

    /// How long parts work on what they get, at `speeds` things a millisecond; a part of none works a little, too.
    fn times(shares: &Shares, n: usize, speeds: &[f64]) -> Vec<Duration> {
        let time = |(i, speed): (usize, &f64)| {
            Duration::from_secs_f64((1e-9 + shares.range(n, i).len() as f64) / speed / 1e3)
        };
        speeds.iter().enumerate().map(time).collect()
    }

    /// Shares after so many times of work at `speeds`.
    fn after(times: usize, speeds: &[f64], n: usize) -> Shares {
        let mut shares = Shares::equal(speeds.len(), 2);
        for _ in 0..times {
            shares.follow(n, &self::times(&shares, n, speeds));
        }
        shares
    }

    fn lens(shares: &Shares, n: usize) -> Vec<usize> {
        (0..shares.parts()).map(|i| shares.range(n, i).len()).collect()
    }

    #[test]
    fn who_is_faster_gets_more() {
        let after = |times, speeds: &[f64]| lens(&after(times, speeds, 98), 98);
        assert_eq!(after(0, &[1.0, 1.0]), [50, 48]);
        // Equal ones stay where they are, though they can't have the same; and so do those that are nearly equal.
        assert_eq!(after(9, &[1.0, 1.0]), [50, 48]);
        assert_eq!(after(9, &[1.0, 1.05]), [50, 48]);
        // A quarter more at once, of which half the way.
        assert_eq!(after(1, &[2.0, 1.0]), [54, 44]);
        // All but as much as that.
        assert_eq!(after(9, &[2.0, 1.0]), [64, 34]);
        assert_eq!(after(9, &[3.0, 1.0, 1.0]), [58, 20, 20]);
    }

    #[test]
    fn who_was_slow_gets_its_part_back() {
        for (n, unit) in [(98, 2), (100, 8), (16, 8), (32, 8), (12, 8), (5, 2)] {
            for slow in [1.5, 4.0, 1000.0] {
                let mut shares = Shares::equal(2, unit);
                let equal = lens(&shares, n);
                for speeds in [[1.0, 1.0 / slow], [1.0, 1.0]] {
                    for _ in 0..60 {
                        shares.follow(n, &times(&shares, n, &speeds));
                    }
                }
                let off = lens(&shares, n)[0].abs_diff(equal[0]);
                assert!(off <= unit, "{n} by {unit}, {slow} times slower: {shares:?}");
            }
        }
    }

    #[test]
    fn nothing_is_learnt_from_who_did_nothing() {
        let equal = Shares::equal(2, 2);
        for worked in [&[0, 5][..], &[5, 0], &[0, 0], &[5], &[5, 6, 7]] {
            let mut shares = equal.clone();
            let times: Vec<Duration> = worked.iter().map(|&n| Duration::from_millis(n)).collect();
            shares.follow(98, &times);
            assert_eq!(shares, equal, "{worked:?}");
        }
    }

    #[test]
    fn shares_that_followed_take_everything() {
        let mut random = 1_u64;
        let mut below = |n: u64| {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (random >> 33) % n
        };
        for _ in 0..2000 {
            let (parts, unit) = (1 + below(17) as usize, 1 + below(8) as usize);
            let mut shares = Shares::equal(parts, unit);
            for _ in 0..below(30) {
                let n = below(200) as usize;
                let worked: Vec<Duration> =
                    (0..parts).map(|_| Duration::from_nanos(below(1000))).collect();
                shares.follow(n, &worked);
                let ends = shares.ends(n);
                assert!(ends.is_sorted() && ends.last() == Some(&n), "{n}: {shares:?}");
            }
        }
    }
}
