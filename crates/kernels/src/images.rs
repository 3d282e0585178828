//! Images stored as their blocks that are not zero.
//!
//! Most of a picture is background: of the 98 tiles of 4 x 2 pixels in an MNIST image, 31 have ink in
//! them. [`Images`] keeps those alone, and a bit for each block that says whether it is there:
//!
//! ```text
//! heads   [n x (1 + 2 words)]   of each image: the index of its first entry, then a bit for each block
//! values  [entry]               the 8 features of a block, ascending by block within an image
//! ```
//!
//! Index and bits stand side by side because a batch takes images from all over the set: what costs is the
//! number of cache lines that are touched, and the 20 bytes of an MNIST image's head lie in one or two. (A
//! list of block numbers beside the values cost a line and a half more: forward 5.8 ms an epoch, not 4.4.)

mod packed;

use crate::layout::{HALF, Layout};
use crate::simd::{F32x8, Simd, prefetch_bytes};
use crate::spec::LANES;

pub use packed::PackedError;

/// Blocks that one word of a head has bits for.
const WORD: usize = 64;
/// Bytes of an image's entries that are asked for ahead of time: 31 blocks of 8 pixels, and some.
const FETCHED: usize = 320;
/// Bytes of an image's head that are asked for ahead of time: that of up to 128 blocks.
const HEAD_FETCHED: usize = 20;

/// Bytes of them that another thread's share of the blocks takes.
const SOME_FETCHED: usize = 160;

/// A feature as it is stored: u8 or f32.
pub(crate) trait Feature: Copy + Default + PartialEq + Into<f32> {
    /// Eight of them.
    type Block: Copy + Default + PartialEq + AsRef<[Self]>;
    /// Two halves in one, with +0 for -0.
    fn join(halves: [[Self; HALF]; 2]) -> Self::Block;
    /// The eight as f32, in every block of a vector.
    fn repeat<S: Simd>(s: S, block: &Self::Block) -> S::V;
}

impl Feature for u8 {
    type Block = [u8; LANES];
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
}

impl Feature for f32 {
    type Block = F32x8;
    #[inline(always)]
    fn join(halves: [[f32; HALF]; 2]) -> F32x8 {
        F32x8(std::array::from_fn(|lane| halves[lane / HALF][lane % HALF] + 0.0))
    }
    #[inline(always)]
    fn repeat<S: Simd>(s: S, block: &F32x8) -> S::V {
        s.repeat8(block)
    }
}

/// Images as their blocks that are not zero; see the module.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BlockRows<E: Feature> {
    len: usize,
    /// Numbers in a head.
    head_len: usize,
    heads: Vec<u32>,
    values: Vec<E::Block>,
}

impl<E: Feature> BlockRows<E> {
    fn new(layout: &Layout) -> Self {
        let head_len = 1 + 2 * layout.block_count().div_ceil(WORD);
        Self { len: 0, head_len, heads: Vec::new(), values: Vec::new() }
    }

    /// Packs more images, of which there are fewer than 2^32 blocks with those that are there.
    fn push(&mut self, layout: &Layout, features: &[E]) {
        for image in features.chunks_exact(layout.features().max(1)) {
            if let Some(width) = layout.whole_rows() {
                // Where no block reaches past an edge, rows are cut up without a look at each run's place:
                // 0.9 ns a block instead of 1.7 (Zen 5).
                self.push_image(image.chunks_exact(2 * width).flat_map(|rows| {
                    let (upper, lower) = rows.split_at(width);
                    let halves = upper.as_chunks().0.iter().zip(lower.as_chunks().0);
                    halves.map(|(&upper, &lower)| E::join([upper, lower]))
                }));
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
        blocks.for_each(|block| {
            let ink = block != E::Block::default();
            kept[count % WORD] = block;
            count += usize::from(ink);
            word |= u64::from(ink) << bit;
            bit += 1;
            if bit == WORD {
                self.push_word(word, &kept[..count]);
                (word, count, bit) = (0, 0, 0);
            }
        });
        if bit > 0 {
            self.push_word(word, &kept[..count]);
        }
    }

    /// Adds the bits of up to 64 blocks, and those blocks that are not zero.
    #[inline(always)]
    fn push_word(&mut self, word: u64, blocks: &[E::Block]) {
        self.heads.extend([word as u32, (word >> 32) as u32]);
        self.values.extend_from_slice(blocks);
    }

    fn shrink_to_fit(&mut self) {
        self.heads.shrink_to_fit();
        self.values.shrink_to_fit();
    }

    #[inline(always)]
    fn head(&self, i: usize) -> &[u32] {
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

    /// Calls `f` with each block of image `i` that is not zero, ascending: its number and its features.
    #[inline(always)]
    pub(crate) fn each_block(&self, i: usize, mut f: impl FnMut(usize, &E::Block)) {
        let (words, _) = self.head(i)[1..].as_chunks();
        let values = &self.values[self.start(i)..];
        let mut next = 0;
        for (&[low, high], base) in words.iter().zip((0..).step_by(WORD)) {
            let mut having = u64::from(high) << 32 | u64::from(low);
            while having != 0 {
                // An index, not an iterator: with two ways out of the loop the compiler copies the sums.
                f(base + having.trailing_zeros() as usize, &values[next]);
                next += 1;
                having &= having - 1;
            }
        }
    }

    /// Asks for the cache lines of image `i`'s head, which will be read soon.
    #[inline(always)]
    pub(crate) fn prefetch_head(&self, i: usize) {
        prefetch_bytes::<HEAD_FETCHED>(self.head(i));
    }

    /// Asks for the first cache lines of image `i`'s entries, which will be read soon; reads its head.
    #[inline(always)]
    pub(crate) fn prefetch_entries(&self, i: usize) {
        // Always as many: a loop over what the image has would be guessed wrong, and cost more.
        prefetch_bytes::<FETCHED>(&self.values[self.start(i)..]);
    }

    /// Asks for some cache lines of entries, from number `entry` on.
    #[inline(always)]
    pub(crate) fn prefetch_entries_from(&self, entry: usize) {
        prefetch_bytes::<SOME_FETCHED>(&self.values[entry.min(self.values.len())..]);
    }

    fn unpack(&self, layout: &Layout, i: usize, out: &mut [f32]) {
        self.each_block(i, |t, block| {
            let block = block.as_ref();
            layout.lanes(t).for_each(|(lane, k)| out[k] = block[lane].into());
        });
    }
}

/// A set of images, each stored as its blocks that are not zero.
///
/// ```
/// use kernels::{Images, Layout};
/// let layout = Layout::new(4, Some((2, 2))).expect("a small image");
/// let images = Images::from_u8(layout, &[0, 0, 0, 7, 1, 2, 3, 4]).expect("few blocks");
/// let mut pixels = [9.0; 4];
/// images.unpack(0, &mut pixels);
/// assert_eq!((images.len(), pixels), (2, [0.0, 0.0, 0.0, 7.0]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    layout: Layout,
    pub(crate) rows: Rows,
}

/// The two kinds of features.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Rows {
    U8(BlockRows<u8>),
    F32(BlockRows<f32>),
}

/// Runs `$body` with `$rows` bound to the rows of `$images`, whatever their features are.
macro_rules! with_rows {
    ($images:expr, |$rows:ident| $body:expr) => {
        match &$images.rows {
            $crate::images::Rows::U8($rows) => $body,
            $crate::images::Rows::F32($rows) => $body,
        }
    };
}
pub(crate) use with_rows;

/// A set of images that might have more than 2^32 - 1 blocks, the blocks of an image rounded up to a power of 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyBlocks;

impl Images {
    /// No u8 images yet; [`push_u8`](Self::push_u8) adds them.
    pub fn new_u8(layout: Layout) -> Self {
        Self { rows: Rows::U8(BlockRows::new(&layout)), layout }
    }

    /// Packs `pixels` [n x features], row-major in file order.
    ///
    /// Panics if their number is not a multiple of the layout's features.
    pub fn from_u8(layout: Layout, pixels: &[u8]) -> Result<Self, TooManyBlocks> {
        let mut images = Self::new_u8(layout);
        images.push_u8(pixels)?;
        Ok(images)
    }

    /// Packs `features` [n x features], row-major in file order; -0 becomes +0.
    ///
    /// Panics if their number is not a multiple of the layout's features.
    pub fn from_f32(layout: Layout, features: &[f32]) -> Result<Self, TooManyBlocks> {
        check(&layout, 0, features.len())?;
        let mut rows = BlockRows::new(&layout);
        rows.push(&layout, features);
        Ok(Self { rows: Rows::F32(rows), layout })
    }

    /// Packs `pixels` [n x features] behind the images that are there; none where there would be too many.
    ///
    /// Panics if their number is not a multiple of the layout's features, or the images are f32.
    pub fn push_u8(&mut self, pixels: &[u8]) -> Result<(), TooManyBlocks> {
        let Rows::U8(rows) = &mut self.rows else { panic!("u8 pixels behind f32 features") };
        check(&self.layout, rows.len, pixels.len())?;
        rows.push(&self.layout, pixels);
        Ok(())
    }

    /// Gives back memory that was kept for more images.
    pub fn shrink_to_fit(&mut self) {
        match &mut self.rows {
            Rows::U8(rows) => rows.shrink_to_fit(),
            Rows::F32(rows) => rows.shrink_to_fit(),
        }
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        with_rows!(self, |rows| rows.len)
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How features are gathered into blocks.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// What a feature is multiplied by: 1/255 for u8 pixels, 1 for f32 features.
    pub fn scale(&self) -> f32 {
        match &self.rows {
            Rows::U8(_) => 1.0 / 255.0,
            Rows::F32(_) => 1.0,
        }
    }

    /// Blocks that are not zero, over all images.
    pub fn active_blocks(&self) -> usize {
        with_rows!(self, |rows| rows.values().len())
    }

    /// Writes the features of image `i` in file order, before scaling.
    ///
    /// Panics if there is no image `i` or `out` does not have the layout's number of features.
    pub fn unpack(&self, i: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.layout.features(), "room for one image");
        out.fill(0.0);
        with_rows!(self, |rows| rows.unpack(&self.layout, i, out));
    }
}

/// Checks that `len` numbers are whole images and that their blocks, with those of the `before` images
/// before them, can be counted in u32.
fn check(layout: &Layout, before: usize, len: usize) -> Result<(), TooManyBlocks> {
    let features = layout.features();
    let images = len / features.max(1);
    assert_eq!(images * features, len, "whole images of {features} features");
    // A power of two: so many can be numbered by an image's position and a block's rank, side by side.
    let blocks = layout.block_count().next_power_of_two();
    let most = (before + images).checked_mul(blocks).ok_or(TooManyBlocks)?;
    u32::try_from(most).map(|_| ()).map_err(|_| TooManyBlocks)
}

impl AsRef<[f32]> for F32x8 {
    fn as_ref(&self) -> &[f32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::tests::SHAPES;
    use std::panic::catch_unwind;

    #[test]
    fn images_come_back_as_they_were() {
        for (features, image) in SHAPES.into_iter().filter(|&(features, _)| features > 0) {
            let layout = Layout::new(features, image).unwrap();
            // An image of zeros, one with its last feature alone, one full, one with gaps.
            let lit = |i: usize| match i / features {
                0 => false,
                1 => i % features == features - 1,
                2 => true,
                _ => i % 19 < 4,
            };
            let pixels: Vec<u8> = (0..4 * features).map(|i| u8::from(lit(i)) * 200).collect();
            let floats: Vec<f32> =
                pixels.iter().map(|&x| if x == 0 { -0.0 } else { -1e-45 }).collect();
            let by_u8 = Images::from_u8(layout.clone(), &pixels).unwrap();
            let by_f32 = Images::from_f32(layout.clone(), &floats).unwrap();
            assert_eq!((by_u8.len(), by_f32.len()), (4, 4));
            let mut one_by_one = Images::new_u8(layout.clone());
            pixels.chunks(features).for_each(|image| one_by_one.push_u8(image).unwrap());
            one_by_one.shrink_to_fit();
            assert_eq!(one_by_one, by_u8);
            let mut blocks = 0;
            for i in 0..4 {
                let pixels = &pixels[i * features..][..features];
                let active = |t: &usize| layout.lanes(*t).any(|(_, k)| pixels[k] != 0);
                blocks += (0..layout.block_count()).filter(active).count();
                let mut x = vec![f32::NAN; features];
                by_u8.unpack(i, &mut x);
                assert!(x.iter().zip(pixels).all(|(&x, &pixel)| x == f32::from(pixel)));
                by_f32.unpack(i, &mut x);
                let bits = |pixel: &u8| if *pixel == 0 { 0 } else { (-1e-45f32).to_bits() };
                assert!(x.iter().map(|x| x.to_bits()).eq(pixels.iter().map(bits)), "-0 is +0");
            }
            assert_eq!((by_u8.active_blocks(), by_f32.active_blocks()), (blocks, blocks));
        }
    }

    #[test]
    fn blocks_are_counted_in_u32() {
        let (one, most) = (Layout::new(1, None).unwrap(), u32::MAX as usize);
        for before in [0, 1, most] {
            assert_eq!(check(&one, before, most - before), Ok(()));
            assert_eq!(check(&one, before, most - before + 1), Err(TooManyBlocks));
        }
    }

    #[test]
    fn shapes_that_do_not_fit_are_refused() {
        let layout = || Layout::new(15, Some((5, 3))).unwrap();
        let refused = |f: &(dyn Fn() + std::panic::RefUnwindSafe)| catch_unwind(f).is_err();
        assert!(refused(&|| drop(Layout::new(15, Some((4, 4))))));
        assert!(refused(&|| drop(Images::from_u8(layout(), &[0; 16]))));
        assert!(refused(&|| drop(Images::from_f32(layout(), &[0.0; 29]))));
        let images = Images::from_u8(layout(), &[0; 30]).unwrap();
        assert!(refused(&|| images.unpack(0, &mut [0.0; 14])));
        assert!(refused(&|| images.unpack(2, &mut [0.0; 15])));
        assert!(!refused(&|| images.unpack(1, &mut [0.0; 15])));
    }
}
