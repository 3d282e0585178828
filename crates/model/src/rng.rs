//! Random numbers that are the same everywhere (docs/numerics.md, point 10).
//!
//! One named generator, Xoshiro256++, from the `rand` crate; everything drawn from it (bounded
//! integers, permutations, normal numbers) is written here, because the distributions of a library
//! may change between its versions and a published hash may not.
//!
//! Every use has a stream of its own, made from (seed, purpose, index): the order of epoch 7 does not
//! depend on what was drawn before it, so a resumed run needs no generator state.
//!
//! Shuffling has 2.8 % of the samples of a profile of a run on MNIST, on one thread of Zen 4. Lost, of a training step compared
//! in one process ("Small differences" in docs/benchmarks.md): the places of 8, 16 or 100 images drawn first and asked for,
//! 0.4 % more. Not worth a second kind of order: 16 bits for each image, 0.5 % less, and 0.3 on two threads.

use kernels::spec;
use rand::SeedableRng;
use rand::rngs::Xoshiro256PlusPlus;

/// What a stream of random numbers is for. The numbers are part of the definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The starting weights; index 0.
    Weights = 1,
    /// The order of the training images; the index is the epoch, from 1.
    Shuffle = 2,
    /// A synthetic digit; the index is that of the image.
    Digit = 3,
}

/// A stream of random numbers.
///
/// ```
/// use model::rng::{Purpose, Stream};
/// let mut stream = Stream::new(0, Purpose::Shuffle, 1);
/// assert!(stream.below(10) < 10);
/// ```
#[derive(Clone, Debug)]
pub struct Stream(Xoshiro256PlusPlus);

/// One step of SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Stream {
    /// The stream of (seed, purpose, index). Each of the three passes through SplitMix64, so that
    /// neighbouring seeds and indices give unrelated streams.
    pub fn new(seed: u64, purpose: Purpose, index: u64) -> Self {
        let mut state = seed;
        for word in [purpose as u64, index] {
            state = split_mix(&mut state) ^ word;
        }
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_exact_mut(8) {
            chunk.copy_from_slice(&split_mix(&mut state).to_le_bytes());
        }
        Self(Xoshiro256PlusPlus::from_seed(bytes))
    }

    /// The next 32 random bits: the upper half of the generator's output.
    pub fn next_u32(&mut self) -> u32 {
        (rand::Rng::next_u64(&mut self.0) >> 32) as u32
    }

    /// A number in `0..n`, every one equally likely (Lemire: "Fast Random Integer Generation in an
    /// Interval", 2019).
    ///
    /// Panics if `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        assert_ne!(n, 0, "no number lies below 0");
        loop {
            let product = u64::from(self.next_u32()) * u64::from(n);
            // The remainder, whose division is most of the work, is below `n`.
            let low = product as u32;
            if low >= n || low >= n.wrapping_neg() % n {
                return (product >> 32) as u32;
            }
        }
    }

    /// A multiple of 2^-23 in `-1 <= x < 1`, exact in f32.
    pub fn signed_unit(&mut self) -> f32 {
        ((self.next_u32() >> 8) as i32 - (1 << 23)) as f32 * (1.0 / (1 << 23) as f32)
    }

    /// A random order of `0..n`.
    pub fn permutation(&mut self, n: u32) -> Vec<u32> {
        let mut order: Vec<u32> = (0..n).collect();
        self.shuffle(&mut order, n as usize, n as usize);
        order
    }

    /// Takes steps of a shuffle (Fisher and Yates, from the back), each of which gives one number of `order` its place;
    /// the first `left` have none yet. Returns how many have none after so many `steps`.
    ///
    /// Panics if `order` has fewer than `left`, or those are 2^32.
    pub fn shuffle(&mut self, order: &mut [u32], left: usize, steps: usize) -> usize {
        assert!(left <= order.len() && u32::try_from(left).is_ok(), "{left} of {}", order.len());
        let after = left.saturating_sub(steps);
        for last in (after.max(1)..left).rev() {
            order.swap(last, self.below(last as u32 + 1) as usize);
        }
        after
    }

    /// Fills `out` with normal numbers of the standard deviation `std`, redrawn outside two deviations
    /// (TensorFlow's `truncated_normal`), by Marsaglia's polar method.
    pub fn truncated_normal(&mut self, std: f32, out: &mut [f32]) {
        let mut second = None;
        for value in out {
            *value = std
                * loop {
                    let z = second.take().unwrap_or_else(|| {
                        let (first, other) = self.normal_pair();
                        second = Some(other);
                        first
                    });
                    if (-2.0..=2.0).contains(&z) {
                        break z;
                    }
                };
        }
    }

    fn normal_pair(&mut self) -> (f32, f32) {
        loop {
            let (u, v) = (self.signed_unit(), self.signed_unit());
            let s = u.mul_add(u, v * v);
            if s > 0.0 && s < 1.0 {
                let factor = (-2.0 * spec::ln(s) / s).sqrt();
                return (u * factor, v * factor);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_holds_every_number_once() {
        for n in [0, 1, 2, 3, 1000] {
            let mut order = Stream::new(1, Purpose::Shuffle, 1).permutation(n);
            order.sort_unstable();
            assert!(order.into_iter().eq(0..n));
        }
    }

    #[test]
    fn a_shuffle_in_steps_is_the_shuffle_at_once() {
        for (n, steps) in [(0, 3), (1, 1), (2, 1), (1000, 1), (1000, 7), (1000, 999), (1000, 2000)]
        {
            let mut stream = Stream::new(1, Purpose::Shuffle, 1);
            let (mut order, mut left): (Vec<u32>, _) = ((0..n).collect(), n as usize);
            while left > 0 {
                left = stream.shuffle(&mut order, left, steps);
            }
            assert_eq!(order, Stream::new(1, Purpose::Shuffle, 1).permutation(n), "{n} by {steps}");
        }
    }

    #[test]
    fn streams_differ_by_seed_purpose_and_index() {
        let first = |seed, purpose, index| Stream::new(seed, purpose, index).next_u32();
        let base = first(0, Purpose::Shuffle, 1);
        assert_ne!(base, first(1, Purpose::Shuffle, 1));
        assert_ne!(base, first(0, Purpose::Weights, 1));
        assert_ne!(base, first(0, Purpose::Shuffle, 2));
    }

    #[test]
    fn bounded_draws_are_even() {
        let mut stream = Stream::new(3, Purpose::Shuffle, 0);
        let mut counts = [0u32; 7];
        for _ in 0..70_000 {
            counts[stream.below(7) as usize] += 1;
        }
        assert!(counts.iter().all(|&n| (9_600..10_400).contains(&n)), "{counts:?}");
    }

    #[test]
    fn truncated_normal_has_the_moments_of_one() {
        let mut values = vec![f32::NAN; 100_000];
        Stream::new(5, Purpose::Weights, 0).truncated_normal(0.01, &mut values);
        let mean = values.iter().map(|&x| f64::from(x)).sum::<f64>() / 1e5;
        let variance = values.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / 1e5;
        assert!(values.iter().all(|x| x.abs() <= 0.02));
        assert!(mean.abs() < 1e-4, "{mean}");
        // A normal cut at two deviations has 0.8796 of its deviation left.
        assert!((variance.sqrt() - 0.008796).abs() < 5e-5, "{}", variance.sqrt());
    }
}
