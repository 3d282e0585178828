//! The images of the next step, fetched into the cache while this one is worked on.
//!
//! Batches address images at random, so that nearly every prefetch waits for a TLB miss. Heads are asked for
//! before the forward pass, so that the backward pass can read there where entries begin. It asks for entries beside
//! its updates, where square roots and divisions are waited for anyway.
//! Zen 4, an epoch of MNIST on one thread: heads asked for so early take 0.9 ms less, entries asked for here and not
//! in the forward pass 0.4.
//!
//! On such a machine, a guest with others, a chain of loads from anywhere in 4 MB took 17 ns each, in 6 MB 105 and in 16 MB, as
//! many as MNIST's images take, 137: they do not fit its share of the last cache. Images in file order and not shuffled take 1
//! ms of 10.7 less, of which shuffling is 0.2.
//!
//! Compared in one process (Zen 4, "Small differences" in docs/benchmarks.md), of a step on one thread and on two: entries into
//! the first cache 3.4 and 1.2 % more, past the second (`prefetchnta`) 4.3 and 2.5; heads into the first 7.2 and 0.8; the first
//! line of a head alone 1.0 and 0.3; labels asked for as well no difference; nothing of others' images 1.8 more on two; the
//! first line of each image asked for after the forward pass, for the sake of its page: no difference.

use std::ops::Range;

use crate::images::{BlockRows, Feature, Images, with_rows};

/// The images of the next step, as one thread will need them.
#[derive(Clone, Debug)]
pub struct Upcoming<'a> {
    /// All of them; none where there is no next step.
    pub rows: &'a [u32],
    /// The positions of those which the thread will run forward. Of the others it will need its own blocks.
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
