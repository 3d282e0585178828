//! Images of one kind of features, as they stand in memory; what is kept, and why so, stands in
//! [`images`](super).

use crate::layout::{HALF, HeadWords, Layout, WORD};
use crate::pages::advise_huge_pages;
use crate::simd::{F32x8, Simd, prefetch_bytes, prefetch_far};
use crate::spec::LANES;

/// Blocks that one number of a head has bits for.
pub(crate) const HALF_WORD: usize = WORD / 2;
/// Bytes of an image's entries that are asked for shortly before they are read: 31 blocks of 8 pixels, and some.
const FETCHED: usize = 320;
/// Bytes of an image's entries that are asked for a step before, into the second cache: 48 blocks of 8 pixels, more than most images
/// of MNIST have. Zen 4, AVX-512, of a step, compared in one process, twice: with 192 bytes 2.4 and 1.9 % more on one thread, on two 1.0 more and no
/// difference. Against 192, on one thread: 256 took 0.4 % less, 320 0.6 less, 448 1.8 less, 512 1.2 more. On an Intel Xeon (family
/// 6, model 167) an epoch took 11.5 ms with 192, and 11.9 with 320 (medians of 140 in turns); 384 was not measured there.
const FETCHED_LATER: usize = 384;
/// Bytes of an image's head that are asked for ahead of time: that of up to 128 blocks.
const HEAD_FETCHED: usize = 20;
/// The most bytes that are reserved for entries before there are any: MNIST's may take 47 MB.
const MOST_RESERVED: usize = 64 << 20;

/// Bytes of an image's entries that another thread's share of the blocks takes. Emerald Rapids, two threads, an
/// epoch of MNIST, the best tenth of 140 in turns in a slow hour: 13.5 ms; 13.9 to 14.0 with 128, 224 and 288.
const SOME_FETCHED: usize = 160;

/// Bytes of an image's entries of one half that are asked for shortly before they are read: 24 blocks of 8 pixels.
const HALF_FETCHED: usize = 192;

/// A feature as it is stored: u8 or f32.
pub(crate) trait Feature: Copy + Default + PartialEq + Into<f32> {
    /// Eight of them.
    type Block: Copy + Default + PartialEq + AsRef<[Self]>;
    /// Two halves in one, with +0 for -0.
    fn join(halves: [[Self; HALF]; 2]) -> Self::Block;
    /// Whether a product with one of them that is not zero can be rounded to zero.
    const CAN_UNDERFLOW: bool;
    /// The eight as f32, in every block of a vector.
    fn repeat<S: Simd>(s: S, block: &Self::Block) -> S::V;
    /// Those blocks of a vector as f32 that have a bit in `present`, the first of `blocks` one after the other.
    fn spread<S: Simd>(s: S, blocks: &[Self::Block], present: u32) -> S::V;
}

impl Feature for u8 {
    type Block = [u8; LANES];
    // All sums are multiples of 2^-149, the least f32, as error terms are: none but an exact zero is rounded to
    // zero, and that is +0.
    const CAN_UNDERFLOW: bool = false;
    #[inline(always)]
    fn join(halves: [[u8; HALF]; 2]) -> [u8; LANES] {
        // In a register: eight bytes that were stored as two halves can't be loaded as one at once.
        let [low, high] = halves.map(|half| u64::from(u32::from_le_bytes(half)));
        (high << 32 | low).to_le_bytes()
    }
    #[inline(always)]
    fn repeat<S: Simd>(s: S, block: &[u8; LANES]) -> S::V {
        s.repeat_u8(block)
    }
    #[inline(always)]
    fn spread<S: Simd>(s: S, blocks: &[[u8; LANES]], present: u32) -> S::V {
        s.spread_u8(blocks, present)
    }
}

impl Feature for f32 {
    type Block = F32x8;
    const CAN_UNDERFLOW: bool = true;
    #[inline(always)]
    fn join(halves: [[f32; HALF]; 2]) -> F32x8 {
        F32x8(std::array::from_fn(|lane| halves[lane / HALF][lane % HALF] + 0.0))
    }
    #[inline(always)]
    fn repeat<S: Simd>(s: S, block: &F32x8) -> S::V {
        s.repeat8(block)
    }
    #[inline(always)]
    fn spread<S: Simd>(s: S, blocks: &[F32x8], present: u32) -> S::V {
        s.spread8(blocks, present)
    }
}

impl AsRef<[f32]> for F32x8 {
    fn as_ref(&self) -> &[f32] {
        &self.0
    }
}

/// The tiles of two rows of whole ones, or of none.
fn tiles<E: Feature>(two_rows: &[E]) -> impl Iterator<Item = E::Block> {
    let (upper, lower) = two_rows.split_at(two_rows.len() / 2);
    let halves = upper.as_chunks().0.iter().zip(lower.as_chunks().0);
    halves.map(|(&upper, &lower)| E::join([upper, lower]))
}

/// Images as their blocks that are not zero.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BlockRows<E: Feature> {
    pub(super) len: usize,
    pub(super) words: HeadWords,
    /// Numbers in a head.
    pub(super) head_len: usize,
    pub(super) heads: Vec<u32>,
    pub(super) values: Vec<E::Block>,
}

impl<E: Feature> BlockRows<E> {
    pub(super) fn new(layout: &Layout) -> Self {
        let words = layout.head_words();
        Self {
            len: 0,
            words,
            head_len: 1 + 2 * words.count(),
            heads: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Makes room for so many images, if it can be had; where it cannot, packing makes it as it goes.
    pub(super) fn reserve(&mut self, layout: &Layout, images: usize) {
        // All that they may need, because room that is not used takes addresses and no memory, and to move what is
        // there takes time. No more than a limit, because the number of images may be no more than a claim.
        let blocks = images.saturating_mul(layout.block_count());
        let most = MOST_RESERVED / size_of::<E::Block>();
        if self.values.try_reserve_exact(blocks.min(most)).is_ok() {
            advise_huge_pages(self.values.spare_capacity_mut());
        }
    }

    /// Packs more images, which can be counted with those that are there.
    pub(super) fn push(&mut self, layout: &Layout, features: &[E]) {
        for image in features.chunks_exact(layout.features().max(1)) {
            if let Some(width) = layout.whole_rows() {
                // Where no block reaches past an edge, rows are cut up without a look at each run's place:
                // 0.9 ns a block instead of 1.7 (Zen 5).
                let squares = image.chunks_exact(4 * width);
                let below = tiles(squares.remainder());
                let of_squares = squares.flat_map(|rows| {
                    let (upper, lower) = rows.split_at(2 * width);
                    tiles(upper).zip(tiles(lower)).flat_map(|(upper, lower)| [upper, lower])
                });
                self.push_image(of_squares.chain(below));
            } else {
                let runs = layout.runs().iter();
                self.push_image(runs.map(|runs| E::join(runs.map(|run| run.of(image)))));
            }
        }
    }

    /// Packs an image, of which all blocks are given.
    #[inline(always)]
    fn push_image(&mut self, blocks: impl Iterator<Item = E::Block>) {
        self.len += 1;
        self.heads.push(self.values.len() as u32);
        // Every block is written and only those with ink are kept, because a branch on ink would be guessed
        // wrong too often. Here and not behind `values`, where all that is touched is new memory.
        let mut kept = [E::Block::default(); WORD];
        let (mut word, mut count, mut bit) = (0u64, 0, 0);
        let words = self.words;
        let (mut i, mut end) = (0, words.blocks(0).len());
        blocks.for_each(|block| {
            let ink = block != E::Block::default();
            kept[count % WORD] = block;
            count += usize::from(ink);
            word |= u64::from(ink) << bit;
            bit += 1;
            if bit == end {
                self.push_word(word, &kept[..count]);
                i += 1;
                (word, count, bit, end) = (0, 0, 0, words.blocks(i).len());
            }
        });
        // The last word, where the second half has no blocks for it.
        (i..words.count()).for_each(|_| self.push_word(0, &[]));
    }

    /// Adds the bits of up to 64 blocks, and those blocks that are not zero.
    #[inline(always)]
    fn push_word(&mut self, word: u64, blocks: &[E::Block]) {
        self.heads.extend([word as u32, (word >> 32) as u32]);
        self.values.extend_from_slice(blocks);
    }

    pub(super) fn shrink_to_fit(&mut self) {
        self.heads.shrink_to_fit();
        self.values.shrink_to_fit();
    }

    #[inline(always)]
    pub(super) fn head(&self, i: usize) -> &[u32] {
        &self.heads[i * self.head_len..][..self.head_len]
    }

    /// The heads of all images, and the length of each: its first number is the index of the image's first
    /// entry, the others have a bit for each block.
    #[inline(always)]
    pub(crate) fn heads(&self) -> (&[u32], usize) {
        (&self.heads, self.head_len)
    }

    /// The blocks that are not zero, of all images.
    #[inline(always)]
    pub(crate) fn values(&self) -> &[E::Block] {
        &self.values
    }

    /// The index of the first entry of image `i`.
    #[inline(always)]
    fn start(&self, i: usize) -> usize {
        self.head(i)[0] as usize
    }

    /// The index of the first entry of one half of image `i`, or where it would be.
    #[inline(always)]
    pub(crate) fn start_of_half(&self, i: usize, half: usize) -> usize {
        let head = self.head(i);
        if half == 0 {
            return head[0] as usize;
        }
        let before = &head[1..][..2 * self.words.of_half()];
        (head[0] + before.iter().map(|word| word.count_ones()).sum::<u32>()) as usize
    }

    /// Calls `f` with each block of image `i` that is not zero, ascending: its number and its features.
    #[inline(always)]
    pub(crate) fn each_block(&self, i: usize, mut f: impl FnMut(usize, &E::Block)) {
        let mut entry = self.start_of_half(i, 0);
        for (half, first) in [0, self.words.first_half()].into_iter().enumerate() {
            entry = self.each_of_half(
                i,
                (half, entry),
                #[inline(always)]
                |t, block| f(first + t, block),
            );
        }
    }

    /// Calls `f` with each block of one half of image `i` that is not zero, ascending, from entry `first` on: its number in the
    /// half, and its features. Returns the entry after the last.
    #[inline(always)]
    pub(crate) fn each_of_half(
        &self,
        i: usize,
        (half, first): (usize, usize),
        mut f: impl FnMut(usize, &E::Block),
    ) -> usize {
        let of_half = 2 * self.words.of_half();
        let words = &self.head(i)[1..][half * of_half..][..of_half];
        let (values, mut next) = (&self.values[first..], 0);
        for (&[low, high], base) in words.as_chunks().0.iter().zip((0..).step_by(WORD)) {
            let mut having = u64::from(high) << 32 | u64::from(low);
            while having != 0 {
                // An index, not an iterator: with two ways out of the loop the compiler copies the sums.
                f(base + having.trailing_zeros() as usize, &values[next]);
                next += 1;
                having &= having - 1;
            }
        }
        first + next
    }

    /// How many blocks below number `block` image `i` has.
    #[inline(always)]
    pub(crate) fn rank(&self, i: usize, block: usize) -> u32 {
        if block == 0 {
            return 0;
        }
        let (words, block) = (&self.head(i)[1..], self.words.bit(block));
        let whole: u32 = words[..block / HALF_WORD].iter().map(|word| word.count_ones()).sum();
        let bits = words.get(block / HALF_WORD);
        whole + bits.map_or(0, |bits| bits & ((1 << (block % HALF_WORD)) - 1)).count_ones()
    }

    /// Asks for the cache lines of image `i`'s head, which will be read later.
    #[inline(always)]
    pub(crate) fn prefetch_head(&self, i: usize) {
        prefetch_far::<HEAD_FETCHED>(self.head(i));
    }

    /// Asks for the first cache lines of image `i`'s entries from `half` on, which will be read soon; reads its head.
    #[inline(always)]
    pub(crate) fn prefetch_entries(&self, i: usize, half: usize, both: bool) {
        let entries = &self.values[self.start_of_half(i, half)..];
        // Always as many: a loop over what the image has would be guessed wrong, and cost more.
        if both {
            prefetch_bytes::<FETCHED>(entries);
        } else {
            prefetch_bytes::<HALF_FETCHED>(entries);
        }
    }

    /// Asks for most cache lines of image `i`'s entries, for later; reads its head.
    #[inline(always)]
    pub(crate) fn prefetch_later(&self, i: usize) {
        prefetch_far::<FETCHED_LATER>(&self.values[self.start(i)..]);
    }

    /// Asks for some of image `i`'s entries, from block `first` on, for later.
    #[inline(always)]
    pub(crate) fn prefetch_some_later(&self, i: usize, first: usize) {
        let entry = self.start(i) + self.rank(i, first) as usize;
        prefetch_far::<SOME_FETCHED>(&self.values[entry..]);
    }

    #[inline(always)]
    pub(crate) fn unpack(&self, layout: &Layout, i: usize, out: &mut [f32]) {
        self.each_block(i, |t, block| {
            let halves = block.as_ref().as_chunks::<HALF>().0;
            for (run, half) in layout.runs()[t].iter().zip(halves) {
                run.put(half.map(Into::into), out);
            }
        });
    }
}
