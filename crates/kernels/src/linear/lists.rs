//! Which images of a batch have which blocks: what the backward pass walks, of up to 16 classes.
//!
//! Forward walks the blocks of an image, backward the images of a block, or of two, if a vector holds two. Their list is made
//! from the bits of the images' heads, a vector of images at a time. A record of a list is one number, an image's position in
//! the batch, the rank of an entry among those of the image, and bits for the blocks of the list that the image has:
//!
//! ```text
//! next[image] = (position, rank of its first block in the part, 0)
//! for each list, of BLOCKS blocks:
//!     for LANES images:   bits = those of the list's blocks
//!         list.push(next + (0, 0, bits))      of the images that have any, side by side, by one shuffle
//!         next += (0, how many, 0)            the rank of the image's next block
//! ```
//!
//! A thread lists the images of the whole batch, for its own blocks alone: it writes nothing that others read. It copies the
//! images' heads and lists while it would otherwise wait for other threads. (To list
//! while their error terms are on their way makes no difference.)
//!
//! Zen 4, ms an epoch: lists of two blocks 0.4, of one 0.6; heads, by words of 16 images, 0.16.
//!
//! # Tried and lost
//!
//! | tried | time | |
//! |---|---|---|
//! | a list made just before its blocks are worked on | 1.4 % of a step more, two threads 2.5 | |
//! | images in the outer loop, their numbers in registers | 0.9 % of a step more, two threads 1; Zen 5 0.15 ms an epoch more | |
//! | two, three, four or seven lists at once for each vector of images | within 0.3 % | in turns |
//! | lists without room between them | 0.4 % of a step less, two threads no difference | not worth it |
//! | heads image by image; gathered by vectors | 0.26 ms an epoch for 0.16; more | |
//! | heads of 16 images transposed in registers | 0.03 ms less in all | an operation more on every tier |
//! | each pair of an image and a block written down by the forward pass, block by block | 0.7 ms an epoch | Zen 5, where what one thread wrote and another read crossed between their cores |
//! | position and entry in two lists | 0.1 ms more | Zen 5 |
//!
//! Blocks are numbered so that a list of two is a tile and the one below it, which are in an image together more often than two
//! side by side: 18.5 vectors an image of MNIST, 21.1; no pairing has less than 18.1. When they were numbered row by row
//! (version 1 of the numerics), such lists were not worth their cost: ranks looked up for the second block, two loads for one
//! and two places of weights, 182.6 ns an image of 184.

use std::ops::Range;

use crate::images::{BlockRows, Feature, HALF_WORD as WORD, Images, with_rows};
use crate::isa::{Isa, dispatch};
use crate::layout::HeadWords;
use crate::simd::{F32x16, PRESENT_BITS, Simd, U32x16};

/// Images that are listed at once.
const GROUP: usize = 16;
/// Blocks that a pair of words has bits for.
const PAIR: usize = 2 * WORD;

/// How a record is packed: the position of an image in the batch, then in `rank_bits` the rank, among the image's blocks, of the
/// first that it has of those of the list, then a bit for each of these.
#[derive(Clone, Copy, Debug, Default)]
struct Packing {
    rank_bits: u32,
}

impl Packing {
    /// That of images of so many blocks.
    fn of(blocks: usize) -> Self {
        Self { rank_bits: blocks.next_power_of_two().trailing_zeros() }
    }

    /// As many images can be told from each other.
    fn most_images(self) -> u64 {
        1 << (32 - PRESENT_BITS - self.rank_bits)
    }

    /// The record of an image at `position` of which no block is listed yet, nor those before `rank`.
    #[inline(always)]
    fn first(self, position: usize, rank: u32) -> u32 {
        (position as u32) << self.rank_bits << PRESENT_BITS | rank << PRESENT_BITS
    }

    /// Position, rank and bits of a record.
    #[inline(always)]
    fn unpack(self, record: u32) -> (usize, u32, u32) {
        let position = (record >> self.rank_bits >> PRESENT_BITS) as usize;
        let rank = (record >> PRESENT_BITS) & ((1 << self.rank_bits) - 1);
        (position, rank, record % (1 << PRESENT_BITS))
    }
}

/// For each vector of some blocks the images of a batch that have one of them, in the order of the batch; kept
/// between steps so that no step allocates.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// The blocks that are listed.
    blocks: Range<usize>,
    head_words: HeadWords,
    /// How many of them a list is for.
    per_list: usize,
    /// `[list]`: how many images it has.
    lens: Vec<usize>,
    /// `[list][image]`: records of images, packed so.
    records: Vec<u32>,
    packing: Packing,
    /// The places of a list in `records`.
    stride: usize,
    /// `[position]`: the index of the image's first entry.
    starts: Vec<u32>,
    /// `[word][group of 16 positions]`: bits of the blocks.
    words: Vec<U32x16>,
    /// The number of the first word.
    first_word: usize,
    /// `[group]`: the record for each image's next block.
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
        self.packing = Packing::of(count);
        self.head_words = images.layout().head_words();
        // As many rows as there are images have room; see `images::can_be_counted`.
        let most = self.packing.most_images();
        assert!(rows.len() as u64 <= most, "{} rows, at most {most}", rows.len());
        with_rows!(images, |x| dispatch!(isa, |s| self.take_heads(s, x, rows, &blocks)));
        self.blocks = blocks;
        // There are none yet.
        self.per_list = 0;
    }

    /// Lists the images that the lists were begun with.
    pub fn build(&mut self, isa: Isa) {
        // A vector may be written where one record is left to write. A whole and odd number of cache lines,
        // lest the lists meet in the same few sets of the cache.
        self.stride = ((self.next.len() + 1) | 1) * GROUP;
        dispatch!(isa, |s| self.list(s));
    }

    #[inline(always)]
    fn list<S: Simd>(&mut self, s: S) {
        self.per_list = S::BLOCKS;
        self.lens.resize(self.blocks.len().div_ceil(S::BLOCKS), 0);
        self.records.resize(self.lens.len() * self.stride, 0);
        let (all, next, first_word) = (&self.words[..], &mut self.next[..], self.first_word);
        let lists = self.records.chunks_exact_mut(self.stride).zip(&mut self.lens);
        for (t, (list, len)) in self.blocks.clone().step_by(S::BLOCKS).zip(lists) {
            let bit = self.head_words.bit(t);
            let words = &all[(bit / WORD - first_word) * next.len()..][..next.len()];
            let mut end = 0;
            for (words, next) in words.iter().zip(next.iter_mut()) {
                end += s.list_having(words, (bit % WORD) as u32, next, &mut list[end..]);
            }
            *len = end;
        }
    }

    /// Copies the heads of the images, by word. Within the tier, where counting bits is an instruction.
    #[inline(always)]
    fn take_heads<S: Simd, E: Feature>(
        &mut self,
        _: S,
        images: &BlockRows<E>,
        rows: &[u32],
        blocks: &Range<usize>,
    ) {
        let groups = rows.len().div_ceil(GROUP);
        // In pairs, because that is how heads have them.
        let bits = self.head_words.bits(blocks);
        let pairs = bits.start / PAIR..bits.end.div_ceil(PAIR);
        self.first_word = 2 * pairs.start;
        self.words.resize(2 * pairs.len() * groups, U32x16::default());
        self.next.resize(groups, U32x16::default());
        self.starts.resize(rows.len(), 0);
        let (heads, head_len) = images.heads();
        let to = self.starts.chunks_mut(GROUP).zip(&mut self.next);
        for ((group, rows), (starts, next)) in rows.chunks(GROUP).enumerate().zip(to) {
            let mut begins = [0; GROUP];
            begins.iter_mut().zip(rows).for_each(|(begin, &row)| *begin = row as usize * head_len);
            let begins = &begins[..rows.len()];
            starts.iter_mut().zip(begins).for_each(|(start, &begin)| *start = heads[begin]);
            let mut ranks = [0; GROUP];
            for pair in 0..pairs.end {
                // What stands past the last image has no block.
                let mut both = [0; GROUP];
                for (both, &begin) in both.iter_mut().zip(begins) {
                    let words = &heads[begin + 1 + 2 * pair..][..2];
                    *both = u64::from(words[1]) << 32 | u64::from(words[0]);
                }
                let before = bits.start.saturating_sub(pair * PAIR);
                if before > 0 {
                    let mask = 1_u64.checked_shl(before as u32).map_or(u64::MAX, |bit| bit - 1);
                    for (rank, both) in ranks.iter_mut().zip(both) {
                        *rank += (both & mask).count_ones();
                    }
                }
                if let Some(i) = pair.checked_sub(pairs.start) {
                    let word = 2 * i * groups + group;
                    self.words[word].0 = both.map(|both| both as u32);
                    self.words[word + groups].0 = both.map(|both| (both >> 32) as u32);
                }
            }
            for (lane, (next, rank)) in next.0.iter_mut().zip(ranks).enumerate() {
                *next = self.packing.first(group * GROUP + lane, rank);
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
    pub(super) fn entries<'a>(
        &'a self,
        i: usize,
        errors: &'a [F32x16],
    ) -> impl Iterator<Item = (usize, u32, &'a F32x16)> {
        let (starts, packing) = (&self.starts[..errors.len()], self.packing);
        self.records[i * self.stride..][..self.lens[i]].iter().map(move |&record| {
            let (position, rank, present) = packing.unpack(record);
            ((starts[position] + rank) as usize, present, &errors[position])
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
                let list = lists.entries(i, &errors);
                let list = list.map(|(entry, present, d)| (entry, present, d.0[0] as usize));
                assert_eq!(list.collect::<Vec<_>>(), expected, "blocks from {t} on, {isa:?}");
            }
        }
    }

    #[test]
    fn every_block_has_its_images() {
        // One block; odd numbers; powers of two, whose last rank takes a bit more; several words.
        for (blocks, n) in [
            (1, 3),
            (2, 40),
            (7, 9),
            (31, 5),
            (32, 8),
            (64, 17),
            (65, 33),
            (128, 3),
            (129, 5),
            (130, 5),
            (131, 5),
            (258, 3),
        ] {
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
