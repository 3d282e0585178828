//! Images stored as their blocks that are not zero.
//!
//! Most of a picture is background: of the 98 tiles of 4 x 2 pixels in an MNIST image, 31 have ink in
//! them. [`Images`] keeps those alone, and a bit for each block that says whether it is there; each half of
//! the blocks begins a word:
//!
//! ```text
//! heads   [n x (1 + 2 words)]   of each image: the index of its first entry, then a bit for each block
//! values  [entry]               the 8 features of a block, ascending by block within an image
//! ```
//!
//! Index and bits stand side by side because a batch takes images from all over the set: what costs is the
//! number of cache lines that are touched, and the 20 bytes of an MNIST image's head lie in one or two.
//!
//! # Tried and lost
//!
//! | tried | time | |
//! |---|---|---|
//! | a list of block numbers beside the values, a line and a half more | forward 5.8 ms an epoch | for 4.4 |
//! | bits and values of an image in one record that begins at a cache line, 4.7 lines of MNIST's images instead of 6.2, found by a table of where records begin | 3 % more, two threads 3 to 8 | steps, Zen 4, in turns |

mod block_rows;
mod packed;

pub(crate) use block_rows::{BlockRows, Feature, HALF_WORD};
pub use packed::{PackedError, PackedU8};

use crate::layout::Layout;

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

/// A set of images that might have more than 2^30 blocks, the blocks of an image rounded up to a power of 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooManyBlocks;

impl Images {
    /// No u8 images yet, and room for `expected`; [`push_u8`](Self::push_u8) adds them.
    pub fn new_u8(layout: Layout, expected: usize) -> Self {
        let mut rows = BlockRows::new(&layout);
        rows.reserve(&layout, expected);
        Self { rows: Rows::U8(rows), layout }
    }

    /// Packs `pixels` [n x features], row-major in file order.
    ///
    /// Panics if their number is not a multiple of the layout's features.
    pub fn from_u8(layout: Layout, pixels: &[u8]) -> Result<Self, TooManyBlocks> {
        let expected = pixels.len() / layout.features().max(1);
        let mut images = Self::new_u8(layout, expected);
        images.push_u8(pixels)?;
        images.shrink_to_fit();
        Ok(images)
    }

    /// Packs `features` [n x features], row-major in file order; -0 becomes +0.
    ///
    /// Panics if their number is not a multiple of the layout's features.
    pub fn from_f32(layout: Layout, features: &[f32]) -> Result<Self, TooManyBlocks> {
        check(&layout, 0, features.len())?;
        let mut rows = BlockRows::new(&layout);
        rows.reserve(&layout, features.len() / layout.features().max(1));
        rows.push(&layout, features);
        rows.shrink_to_fit();
        Ok(Self { rows: Rows::F32(rows), layout })
    }

    /// Appends images, `pixels` [n x features]; on error none is added.
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

/// The most blocks of a set. The lists of the backward pass number an image, a block of it and two bits by a u32.
const MOST_BLOCKS: usize = 1 << 30;

/// Checks that `len` numbers are whole images and that their blocks, with those of the `before` images
/// before them, can be counted.
fn check(layout: &Layout, before: usize, len: usize) -> Result<(), TooManyBlocks> {
    let features = layout.features();
    let images = len / features.max(1);
    assert_eq!(images * features, len, "whole images of {features} features");
    if can_be_counted(layout, before + images) { Ok(()) } else { Err(TooManyBlocks) }
}

fn can_be_counted(layout: &Layout, images: usize) -> bool {
    // A power of two: so many can be numbered by an image's position and a block's rank, side by side.
    let blocks = images.checked_mul(layout.block_count().next_power_of_two());
    blocks.is_some_and(|blocks| blocks <= MOST_BLOCKS)
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
            let mut one_by_one = Images::new_u8(layout.clone(), 3);
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
    fn blocks_can_be_counted() {
        let (one, most) = (Layout::new(1, None).unwrap(), MOST_BLOCKS);
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
