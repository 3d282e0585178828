//! The images of the next step, fetched into the cache while this one is worked on.
//!
//! ```text
//! before the backward pass    ask for the head of each image of the next step
//! backward, for each list     sums; ask for the entries of some of those images; update
//! ```
//!
//! Batches address images at random, so that nearly every prefetch waits for a TLB miss. Heads are asked for before the forward
//! pass, so that the backward pass can read there where entries begin. It asks for entries beside its updates, where square
//! roots and divisions are waited for anyway. Zen 4, one thread: heads asked for so early take 0.9 ms an epoch less, entries
//! asked for here and not in the forward pass 0.4.
//!
//! On that Zen 4, a virtual machine that shares its host, loads of which each waits for the last took 17 ns from anywhere in 4
//! MB, 105 in 6 and 137 in 16, as many as MNIST's images take: they do not fit its share of the last cache. Images in file
//! order and not shuffled take 1 ms of 10.7 less, of which shuffling is 0.2.
//!
//! # Tried and lost
//!
//! Of a step, on one thread and on two:
//!
//! | tried | one | two |
//! |---|---|---|
//! | entries into the first cache | 3.4 % more | 1.2 % more |
//! | entries past the second (`prefetchnta`) | 4.3 more | 2.5 more |
//! | heads into the first | 7.2 more | 0.8 more |
//! | the first line of a head alone | 1.0 more | 0.3 more |
//! | labels asked for as well | no difference | no difference |
//! | nothing of others' images | | 1.8 more |
//! | the first line of each image asked for after the forward pass, for the sake of its page | no difference | no difference |

use std::ops::Range;

use crate::images::{BlockRows, Feature, Images, with_rows};

/// The images of the next step, as one thread will need them.
#[derive(Clone, Debug)]
pub struct Upcoming<'a> {
    /// All of them; none where there is no next step.
    pub rows: &'a [u32],
    /// The positions of those of which the thread will need all blocks, to run them forward; none, where threads have half of
    /// the blocks each. Of the others it will need its own.
    pub own: Range<usize>,
}

impl Upcoming<'_> {
    /// Fetches their heads, by which they are found in the backward pass.
    ///
    /// Panics if there is no such image.
    pub fn prefetch_heads(&self, images: &Images) {
        with_rows!(images, |x| self.rows.iter().for_each(|&row| x.prefetch_head(row as usize)));
    }

    /// Fetches most entries of part `i` of `parts` of them; `first` is the first block of the thread's.
    #[inline(always)]
    pub(super) fn prefetch_entries<E: Feature>(
        &self,
        images: &BlockRows<E>,
        first: usize,
        (i, parts): (usize, usize),
    ) {
        let len = self.rows.len().div_ceil(parts);
        for (position, &row) in self.rows.iter().enumerate().skip(i * len).take(len) {
            if self.own.contains(&position) {
                images.prefetch_later(row as usize);
            } else {
                images.prefetch_some_later(row as usize, first);
            }
        }
    }
}
