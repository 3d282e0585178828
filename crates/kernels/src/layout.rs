//! Blocks of 8 features, and images stored as their blocks that are not zero.
//!
//! Most of a picture is background: of the 98 tiles of 4 x 2 pixels in an MNIST image, 31 have ink in
//! them. [`Images`] keeps those alone, in the block form of a sparse matrix (block compressed sparse rows):
//!
//! ```text
//! starts  [n + 1]   image i owns the entries starts[i] .. starts[i + 1]
//! blocks  [entry]   which block, ascending within an image
//! values  [entry]   its 8 features
//! ```
//!
//! Behind the entries of an image stands one with block `NO_BLOCK`, so that walking them needs no count.

use crate::simd::{F32x8, Simd, prefetch};
use crate::spec::{self, LANES};

/// The largest number of blocks in an image; their indices are stored as u16.
pub const MAX_BLOCKS: usize = NO_BLOCK as usize;
/// Behind the last block of an image.
pub(crate) const NO_BLOCK: u16 = u16::MAX;

/// How the features of an image are gathered into blocks of 8 (see [`spec::blocks`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    features: usize,
    image: Option<(usize, usize)>,
    blocks: Vec<[Run; 2]>,
}

/// Up to four features that stand side by side in the file: the lanes of half a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u32,
    /// Below 4 where the block reaches past the edge.
    len: u32,
}

impl Run {
    /// Its features in an image, zero past the edge.
    #[inline(always)]
    fn of<E: Feature>(self, image: &[E]) -> [E; HALF] {
        let run = &image[self.first as usize..][..self.len as usize];
        // Almost every run is whole, and four at once are one instruction.
        run.first_chunk()
            .copied()
            .unwrap_or_else(|| std::array::from_fn(|i| run.get(i).copied().unwrap_or_default()))
    }
}

/// Lanes in half a block.
const HALF: usize = LANES / 2;

impl Layout {
    /// The layout of images of `features` numbers, with `image` their (height, width) if they have one.
    ///
    /// `None` where the image has more than [`MAX_BLOCKS`] blocks (half a million features).
    ///
    /// Panics if `image` is given and height times width is not `features`.
    pub fn new(features: usize, image: Option<(usize, usize)>) -> Option<Self> {
        if let Some((height, width)) = image {
            assert_eq!(Some(features), height.checked_mul(width), "{height} x {width} pixels");
        }
        let count = match image {
            Some((height, width)) => height.div_ceil(2).checked_mul(width.div_ceil(4))?,
            None => features.div_ceil(LANES),
        };
        if count > MAX_BLOCKS {
            return None;
        }
        let run = |half: &[Option<usize>]| Run {
            first: half[0].map_or(0, |k| k as u32),
            len: half.iter().flatten().count() as u32,
        };
        let runs = |block: [Option<usize>; LANES]| [run(&block[..HALF]), run(&block[HALF..])];
        let blocks = spec::blocks(features, image).into_iter().map(runs).collect();
        Some(Self { features, image, blocks })
    }

    /// Features of an image.
    pub fn features(&self) -> usize {
        self.features
    }

    /// Height and width of an image, where it has them.
    pub fn image(&self) -> Option<(usize, usize)> {
        self.image
    }

    /// Blocks of an image.
    pub fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// The features of every block, as pairs of lane and index in file order.
    pub(crate) fn lanes(&self, block: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.blocks[block].iter().enumerate().flat_map(|(half, run)| {
            (0..run.len as usize).map(move |i| (half * HALF + i, run.first as usize + i))
        })
    }
}

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
#[derive(Clone, Debug)]
pub(crate) struct BlockRows<E: Feature> {
    pub(crate) starts: Vec<u32>,
    pub(crate) blocks: Vec<u16>,
    pub(crate) values: Vec<E::Block>,
}

impl<E: Feature> BlockRows<E> {
    fn pack(layout: &Layout, features: &[E]) -> Self {
        let mut rows = Self { starts: vec![0], blocks: Vec::new(), values: Vec::new() };
        for image in features.chunks_exact(layout.features.max(1)) {
            // Room for all blocks and the end; what is not needed is cut off again. Every block is written
            // and only those with ink are kept, because a branch on ink would be guessed wrong too often.
            let mut end = rows.blocks.len();
            rows.blocks.resize(end + layout.block_count() + 1, NO_BLOCK);
            rows.values.resize(end + layout.block_count() + 1, E::Block::default());
            for (block, runs) in layout.blocks.iter().enumerate() {
                let values = E::join(runs.map(|run| run.of(image)));
                (rows.blocks[end], rows.values[end]) = (block as u16, values);
                end += usize::from(values != E::Block::default());
            }
            (rows.blocks[end], rows.values[end]) = (NO_BLOCK, E::Block::default());
            rows.blocks.truncate(end + 1);
            rows.values.truncate(end + 1);
            rows.starts.push(rows.blocks.len() as u32);
        }
        rows
    }

    /// The entries of image `i`.
    #[inline(always)]
    pub(crate) fn entries(&self, i: usize) -> std::ops::Range<usize> {
        self.starts[i] as usize..self.starts[i + 1] as usize - 1
    }

    /// Asks for the cache lines of image `i`, which will be read soon.
    #[inline(always)]
    pub(crate) fn prefetch(&self, i: usize) {
        let entries = self.entries(i);
        prefetch(&self.blocks[entries.clone()]);
        prefetch(&self.values[entries]);
    }

    fn unpack(&self, layout: &Layout, i: usize, out: &mut [f32]) {
        for entry in self.entries(i) {
            for (lane, k) in layout.lanes(usize::from(self.blocks[entry])) {
                out[k] = self.values[entry].as_ref()[lane].into();
            }
        }
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
#[derive(Clone, Debug)]
pub struct Images {
    layout: Layout,
    pub(crate) rows: Rows,
}

/// The two kinds of features.
#[derive(Clone, Debug)]
pub(crate) enum Rows {
    U8(BlockRows<u8>),
    F32(BlockRows<f32>),
}

/// Runs `$body` with `$rows` bound to the rows of `$images`, whatever their features are.
macro_rules! with_rows {
    ($images:expr, |$rows:ident| $body:expr) => {
        match &$images.rows {
            $crate::layout::Rows::U8($rows) => $body,
            $crate::layout::Rows::F32($rows) => $body,
        }
    };
}
pub(crate) use with_rows;

/// A set of images with more than 2^32 - 1 blocks that are not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyBlocks;

impl Images {
    /// Packs `pixels` [n x features], row-major in file order.
    ///
    /// Panics if their number is not a multiple of the layout's features.
    pub fn from_u8(layout: Layout, pixels: &[u8]) -> Result<Self, TooManyBlocks> {
        layout.check(pixels.len())?;
        Ok(Self { rows: Rows::U8(BlockRows::pack(&layout, pixels)), layout })
    }

    /// Packs `features` [n x features], row-major in file order; -0 becomes +0.
    ///
    /// Panics if their number is not a multiple of the layout's features.
    pub fn from_f32(layout: Layout, features: &[f32]) -> Result<Self, TooManyBlocks> {
        layout.check(features.len())?;
        Ok(Self { rows: Rows::F32(BlockRows::pack(&layout, features)), layout })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        with_rows!(self, |rows| rows.starts.len() - 1)
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
        with_rows!(self, |rows| rows.blocks.len()) - self.len()
    }

    /// Writes the features of image `i` in file order, before scaling.
    ///
    /// Panics if there is no image `i` or `out` does not have the layout's number of features.
    pub fn unpack(&self, i: usize, out: &mut [f32]) {
        assert_eq!(out.len(), self.layout.features, "room for one image");
        out.fill(0.0);
        with_rows!(self, |rows| rows.unpack(&self.layout, i, out));
    }
}

impl Layout {
    /// Checks that `len` numbers are whole images and that their blocks can be counted in u32.
    fn check(&self, len: usize) -> Result<(), TooManyBlocks> {
        let images = len / self.features.max(1);
        assert_eq!(images * self.features, len, "whole images of {} features", self.features);
        let most = images.checked_mul(self.block_count() + 1).ok_or(TooManyBlocks)?;
        u32::try_from(most).map(|_| ()).map_err(|_| TooManyBlocks)
    }
}

impl AsRef<[f32]> for F32x8 {
    fn as_ref(&self) -> &[f32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    const SHAPES: [(usize, Option<(usize, usize)>); 9] = [
        (1, None),
        (8, None),
        (17, None),
        (784, Some((28, 28))),
        (783, Some((29, 27))),
        (1, Some((1, 1))),
        (8, Some((2, 4))),
        (15, Some((5, 3))),
        (0, Some((0, 3))),
    ];

    #[test]
    fn every_feature_has_one_lane() {
        for (features, image) in SHAPES {
            let layout = Layout::new(features, image).unwrap();
            let mut seen: Vec<usize> =
                (0..layout.block_count()).flat_map(|t| layout.lanes(t).map(|(_, k)| k)).collect();
            seen.sort_unstable();
            assert!(seen.into_iter().eq(0..features), "{features} {image:?}");
        }
        let layout = Layout::new(15, Some((5, 3))).unwrap();
        assert!(layout.lanes(1).eq([(0, 6), (1, 7), (2, 8), (4, 9), (5, 10), (6, 11)]));
    }

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
    fn numbers_of_blocks_fit_their_types() {
        assert_eq!(Layout::new(8 * MAX_BLOCKS, None).unwrap().block_count(), MAX_BLOCKS);
        assert_eq!(Layout::new(8 * MAX_BLOCKS + 1, None), None);
        assert!(Layout::new(MAX_BLOCKS + 1, Some((1, MAX_BLOCKS + 1))).is_some());
        assert_eq!(Layout::new(usize::MAX, Some((1, usize::MAX))), None);
        let (one, most) = (Layout::new(1, None).unwrap(), u32::MAX as usize);
        // With the entry that ends it, each image has two.
        assert_eq!(one.check(most / 2), Ok(()));
        assert_eq!(one.check(most / 2 + 1), Err(TooManyBlocks));
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
