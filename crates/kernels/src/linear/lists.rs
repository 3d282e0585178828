//! Which images of a batch have which blocks: what the backward pass walks.
//!
//! Forward walks the blocks of an image, backward the images of a block, or of two, if a vector holds two. Their
//! list is made from the bits of the images' heads, a vector of images at a time:
//!
//! ```text
//! number[image] = (position in the batch, rank of its first block in the part, 0)
//! for each vector of blocks t:
//!     for LANES images:   bits = those of the blocks of t
//!         list[t] += number + (0, 0, bits) where there are bits     side by side, by one shuffle
//!         number  += (0, how many, 0)                               the rank of the image's next block
//! ```
//!
//! A thread lists the images of the whole batch, for its own blocks alone: it writes nothing that others read.
//!
//! It copies the images' heads before the forward pass and lists after it, both while it would otherwise wait for other
//! threads. (To list while their error terms are on their way makes no difference.)
//!
//! Zen 4, an epoch of MNIST on one thread, AVX-512: 0.4 ms for lists of two blocks (0.6 for lists of one), and 0.16
//! for the heads, by words of 16 images (0.26 image by image; more where vectors gather them).
//!
//! Lost on Zen 5: each pair of an image and a block written down by the forward pass, block by block (0.7 ms an
//! epoch of MNIST, and what one thread wrote and another read crossed between their cores); position and entry
//! in two lists (0.1 ms more); images in the outer loop, with their numbers in registers (0.15 ms more).
//! Lost on Zen 4, compared in one process: a list made just before its blocks are worked on, 1.4 % of a step more on one thread and 2.5
//! on two; images in the outer loop, 0.9 and 1 more.
//! Lost on Zen 4: two, three, four or seven lists at once for each vector of images (within 0.3 % of a step); heads of 16
//! images transposed in registers (0.03 ms less in all, for an operation more on every tier). Not worth it: lists without room between
//! them, 0.4 % less on one thread, no difference on two (compared in one process).
//!
//! Not worth it on Zen 4: a list for a block and the one below it, which are in an image together more often than two side by
//! side (18.5 vectors an image of MNIST, 21.1; no pairing has less than 18.1). Were blocks numbered so, an epoch would take 0.4 ms
//! less. Numbered as the definition has it, a second block's entries have ranks of their own, for which the first row's blocks must
//! be counted in each pair of rows: lists 9.2 ns an image, 6.3 before; two loads for one and two places of weights: backward 87.7,
//! 84 if they stood together, 93 before. In all, 182.6 ns an image of 184.

use std::ops::Range;

use crate::images::{BlockRows, Feature, HALF_WORD as WORD, Images, with_rows};
use crate::isa::{Isa, dispatch};
use crate::simd::{F32x16, Simd, U32x16};

/// Images that are listed at once.
const GROUP: usize = 16;
/// Blocks that a pair of words has bits for.
const PAIR: usize = 2 * WORD;
/// Bits for the blocks of a list: a vector has two at most.
const BITS: u32 = 2;

/// For each vector of some blocks the images of a batch that have one of them, in the order of the batch; kept
/// between steps so that no step allocates.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// The blocks, how many a list is for, and how many images each list has.
    blocks: Range<usize>,
    per_list: usize,
    lens: Vec<usize>,
    /// `[list][image]`: an image's position in the batch; in `rank_bits` the rank, among its blocks, of the first
    /// that it has of those of the list; in two bits, which of them it has.
    numbers: Vec<u32>,
    rank_bits: u32,
    /// Room in each list.
    stride: usize,
    /// `[position]`: the index of the image's first entry.
    starts: Vec<u32>,
    /// `[word][group of 16 positions]`: bits of the blocks, and the number of the first word.
    words: Vec<U32x16>,
    first_word: usize,
    /// `[group]`: the number for each image's next block.
    next: Vec<U32x16>,
}

impl Lists {
    /// Begins lists of the images of a batch, `rows`, for the `blocks`.
    ///
    /// Panics if there are no `rows`, no such images or blocks, the first of some blocks is odd, or there are so many `rows`
    /// that their blocks might be more than 2^30.
    pub fn begin(&mut self, isa: Isa, images: &Images, rows: &[u32], blocks: Range<usize>) {
        let count = images.layout().block_count();
        assert!(!rows.is_empty(), "lists of no images");
        assert!(blocks.start <= blocks.end && blocks.end <= count, "{blocks:?} of {count} blocks");
        assert!(blocks.is_empty() || blocks.start.is_multiple_of(2), "blocks from {blocks:?} on");
        self.rank_bits = count.next_power_of_two().trailing_zeros();
        // As many rows as there are images have room; see `images::can_be_counted`.
        let most = 1u64 << (32 - BITS - self.rank_bits);
        assert!(rows.len() as u64 <= most, "{} rows, at most {most}", rows.len());
        with_rows!(images, |x| dispatch!(isa, |s| self.take_heads(s, x, rows, &blocks)));
        self.blocks = blocks;
        // There are none yet.
        self.per_list = 0;
    }

    /// Lists them.
    pub fn build(&mut self, isa: Isa) {
        // A vector may be written where one number is left to write. A whole and odd number of cache lines,
        // lest the lists meet in the same few sets of the cache.
        self.stride = ((self.next.len() + 1) | 1) * GROUP;
        dispatch!(isa, |s| self.list(s));
    }

    #[inline(always)]
    fn list<S: Simd>(&mut self, s: S) {
        self.per_list = S::BLOCKS;
        self.lens.resize(self.blocks.len().div_ceil(S::BLOCKS), 0);
        self.numbers.resize(self.lens.len() * self.stride, 0);
        let (all, next, first_word) = (&self.words[..], &mut self.next[..], self.first_word);
        let lists = self.numbers.chunks_exact_mut(self.stride).zip(&mut self.lens);
        for (t, (list, len)) in self.blocks.clone().step_by(S::BLOCKS).zip(lists) {
            let words = &all[(t / WORD - first_word) * next.len()..][..next.len()];
            let mut end = 0;
            for (words, next) in words.iter().zip(next.iter_mut()) {
                end += s.list_having(words, (t % WORD) as u32, next, &mut list[end..]);
            }
            *len = end;
        }
    }

    /// Copies the heads of the images, by word.
    #[inline(always)]
    fn take_heads<S: Simd, E: Feature>(
        &mut self,
        _: S,
        images: &BlockRows<E>,
        rows: &[u32],
        blocks: &Range<usize>,
    ) {
        let (groups, bits) = (rows.len().div_ceil(GROUP), self.rank_bits);
        // In pairs, because that is how heads have them.
        let pairs = blocks.start / PAIR..blocks.end.div_ceil(PAIR);
        self.first_word = 2 * pairs.start;
        self.words.resize(2 * pairs.len() * groups, U32x16::default());
        self.next.resize(groups, U32x16::default());
        self.starts.resize(rows.len(), 0);
        let (heads, len) = images.heads();
        let to = self.starts.chunks_mut(GROUP).zip(&mut self.next);
        for ((group, rows), (starts, next)) in rows.chunks(GROUP).enumerate().zip(to) {
            let mut at = [0; GROUP];
            at.iter_mut().zip(rows).for_each(|(at, &row)| *at = row as usize * len);
            let at = &at[..rows.len()];
            starts.iter_mut().zip(at).for_each(|(start, &at)| *start = heads[at]);
            let mut ranks = [0; GROUP];
            for pair in 0..pairs.end {
                // What stands past the last image has no block.
                let mut both = [0; GROUP];
                for (both, &at) in both.iter_mut().zip(at) {
                    let words = &heads[at + 1 + 2 * pair..][..2];
                    *both = u64::from(words[1]) << 32 | u64::from(words[0]);
                }
                let before = blocks.start.saturating_sub(pair * PAIR);
                if before > 0 {
                    let mask = 1_u64.checked_shl(before as u32).map_or(u64::MAX, |bit| bit - 1);
                    for (rank, both) in ranks.iter_mut().zip(both) {
                        *rank += (both & mask).count_ones();
                    }
                }
                if let Some(i) = pair.checked_sub(pairs.start) {
                    let at = 2 * i * groups + group;
                    self.words[at].0 = both.map(|both| both as u32);
                    self.words[at + groups].0 = both.map(|both| (both >> 32) as u32);
                }
            }
            for (lane, (next, rank)) in next.0.iter_mut().zip(ranks).enumerate() {
                *next = ((group * GROUP + lane) as u32) << bits << BITS | rank << BITS;
            }
        }
    }

    /// How many blocks each list is for.
    pub(super) fn per_list(&self) -> usize {
        self.per_list
    }

    /// The number of images in the batch.
    pub(super) fn images(&self) -> usize {
        self.starts.len()
    }

    /// List `i`, in the order of the batch: the index of the first entry that the image has of the list's blocks,
    /// bits for those which it has, and its error terms, of all those `[position]`.
    #[inline(always)]
    pub(super) fn list_of<'a>(
        &'a self,
        i: usize,
        errors: &'a [F32x16],
    ) -> impl Iterator<Item = (usize, u32, &'a F32x16)> {
        let (starts, bits) = (&self.starts[..errors.len()], self.rank_bits);
        self.numbers[i * self.stride..][..self.lens[i]].iter().map(move |&number| {
            let position = (number >> bits >> BITS) as usize;
            let rank = (number >> BITS) & ((1 << bits) - 1);
            ((starts[position] + rank) as usize, number % (1 << BITS), &errors[position])
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::Layout;
    use std::panic::catch_unwind;

    /// Images of so many blocks, of which image `i` has block `t` where `has` says so.
    fn images(n: usize, blocks: usize, has: impl Fn(usize, usize) -> bool) -> Images {
        let pixel = |at: usize| u8::from(has(at / 8 / blocks, at / 8 % blocks));
        let pixels: Vec<u8> = (0..8 * blocks * n).map(pixel).collect();
        Images::from_u8(Layout::new(8 * blocks, None).unwrap(), &pixels).unwrap()
    }

    /// Checks the lists of `blocks` on every tier, image by image and block by block.
    fn check(images: &Images, blocks: Range<usize>, has: impl Fn(usize, usize) -> bool) {
        let n = images.len();
        // Twice each, from the last to the first.
        let rows: Vec<u32> = (0..2 * n as u32).rev().map(|i| i / 2).collect();
        let errors: Vec<F32x16> = (0..rows.len()).map(|i| F32x16([i as f32; 16])).collect();
        let count = images.layout().block_count();
        let rank = |image: usize, t: usize| (0..t).filter(|&t| has(image, t)).count();
        let start = |image: usize| (0..image).map(|image| rank(image, count)).sum::<usize>();
        for isa in Isa::all() {
            let mut lists = Lists::default();
            lists.begin(isa, images, &rows, blocks.clone());
            lists.build(isa);
            let per_list = lists.per_list();
            assert_eq!(lists.lens.len(), blocks.len().div_ceil(per_list), "{isa:?}");
            for (i, t) in blocks.clone().step_by(per_list).enumerate() {
                let listed = |(position, &row): (usize, &u32)| {
                    let image = row as usize;
                    let bits = (0..per_list).filter(|j| t + j < count && has(image, t + j));
                    let present: u32 = bits.map(|j| 1 << j).sum();
                    (present > 0).then(|| (start(image) + rank(image, t), present, position))
                };
                let expected: Vec<_> = rows.iter().enumerate().filter_map(listed).collect();
                let list = lists.list_of(i, &errors);
                let list = list.map(|(entry, present, d)| (entry, present, d.0[0] as usize));
                assert_eq!(list.collect::<Vec<_>>(), expected, "blocks from {t} on, {isa:?}");
            }
        }
    }

    #[test]
    fn every_block_has_its_images() {
        // One block; odd numbers; powers of two, whose last rank takes a bit more; several words.
        for (blocks, n) in [(1, 3), (2, 40), (7, 9), (31, 5), (32, 8), (64, 17), (65, 33), (128, 3)]
        {
            let all = |_: usize, _: usize| true;
            let some = |image: usize, t: usize| (7 * image + 5 * t) % 11 < 4;
            check(&images(n, blocks, all), 0..blocks, all);
            check(&images(n, blocks, some), 0..blocks, some);
            let middle = blocks / 4 * 2;
            check(&images(n, blocks, some), middle..blocks, some);
            check(&images(n, blocks, some), 0..middle, some);
        }
    }

    #[test]
    fn what_cannot_be_listed_is_refused() {
        let images = images(3, 5, |_, _| true);
        let refused = |rows: &[u32], blocks: Range<usize>| {
            let begin = || Lists::default().begin(Isa::detect(), &images, rows, blocks.clone());
            catch_unwind(begin).is_err()
        };
        assert!(!refused(&[0, 2], 4..5) && !refused(&[0], 5..5) && !refused(&[0], 3..3));
        assert!(refused(&[], 0..5) && refused(&[3], 0..5));
        assert!(refused(&[0], 1..5) && refused(&[0], 0..6));
    }
}
