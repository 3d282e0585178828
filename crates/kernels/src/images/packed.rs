//! Images taken apart, to be kept in a file, and put together again with every number checked.
//!
//! What is kept is what [`Images`] of u8 pixels are made of, but for the index of each image's first entry,
//! which follows from the bits:
//!
//! ```text
//! having  [n x words]   of each image: a bit for each block that is not zero, 64 to a word; each half of the blocks begins one
//! values  [entry]       the 8 features of these blocks, ascending by block within an image
//! ```
//!
//! The kernels walk along the bits and trust what they find, so that no bits and values may come in which
//! packing would not have made.

use rayon::prelude::*;

use super::{BlockRows, Images, Rows, can_be_counted};
use crate::layout::{HALF, Layout};
use crate::pages::advise_huge_pages;
use crate::spec::LANES;

/// What u8 images are put together from, but for their values, which [`read`](Self::read) has read.
#[derive(Clone, Debug)]
pub struct PackedU8<H> {
    /// How features are gathered into blocks.
    pub layout: Layout,
    /// The number of images.
    pub images: usize,
    /// The bits of all images, as [`Images::packed_u8`] gives them.
    pub having: H,
    /// The number of values.
    pub values: usize,
}

/// Why bits and values make no images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackedError {
    /// There are not as many words as the images need.
    Words {
        /// How many they need.
        expected: usize,
        /// How many there are; of too many, one too many.
        found: usize,
    },
    /// An image has a bit past its last block.
    Bit {
        /// Its index.
        image: usize,
    },
    /// There is not a value for each bit.
    Values {
        /// Bits.
        expected: u64,
        /// Values.
        found: usize,
    },
    /// Some values could not be read.
    Unread {
        /// The index of the first of them.
        entry: usize,
    },
    /// A block is all zero, or a lane past the edge of the image is not.
    Block {
        /// The index of its value.
        entry: usize,
    },
    /// There are more blocks than the kernels count.
    TooManyBlocks,
}

impl Images {
    /// Returns the bits and values of u8 images, as the head of `images/packed.rs` has them; nothing of
    /// images with f32 features.
    ///
    /// ```
    /// use kernels::{Images, Layout, PackedU8};
    /// let layout = Layout::new(4, Some((2, 2))).expect("a small image");
    /// let images = Images::from_u8(layout.clone(), &[0, 0, 0, 7, 0, 0, 0, 0]).expect("few blocks");
    /// let (having, values) = images.packed_u8().expect("u8 images");
    /// let having: Vec<u64> = having.collect();
    /// // A word for the blocks of each half, of which the second has none.
    /// assert_eq!((&having[..], values), (&[1, 0, 0, 0][..], &[[0, 0, 0, 0, 0, 7, 0, 0]][..]));
    /// let packed = PackedU8 { layout, images: 2, having: having.into_iter(), values: values.len() };
    /// let again = packed.read(1, |first, room| {
    ///     room.copy_from_slice(&values[first..][..room.len()]);
    ///     true
    /// });
    /// assert_eq!(again, Ok(images));
    /// ```
    pub fn packed_u8(&self) -> Option<(impl Iterator<Item = u64> + '_, &[[u8; LANES]])> {
        let Rows::U8(rows) = &self.rows else { return None };
        let words = |i| rows.head(i)[1..].as_chunks().0;
        let join = |&[low, high]: &[u32; 2]| u64::from(high) << 32 | u64::from(low);
        let having = (0..rows.len).flat_map(move |i| words(i).iter().map(join));
        Some((having, rows.values()))
    }
}

impl<H: Iterator<Item = u64> + Send> PackedU8<H> {
    /// Puts the images together. `fill(first, room)` fills `room` with the values from number `first` on and returns whether
    /// it could. It is called at most once for each `piece` values, of which the last may be fewer, in no order, on rayon's
    /// threads.
    ///
    /// Errors where bits and values are not, bit by bit, what packing some images gives.
    ///
    /// Panics if `piece` is 0.
    pub fn read(
        self,
        piece: usize,
        fill: impl Fn(usize, &mut [[u8; LANES]]) -> bool + Sync,
    ) -> Result<Images, PackedError> {
        assert!(piece > 0, "pieces of no values");
        let Self { layout, images, having, values: count } = self;
        if !can_be_counted(&layout, images) {
            return Err(PackedError::TooManyBlocks);
        }
        let lanes = lanes_of_blocks(&layout);
        // Where no block reaches past an edge, as in MNIST, there is nothing to look up block by block, and values are looked
        // through as they come, while they are in the cache. Afterwards it took 1 ms of a run that reads kept MNIST (an
        // Intel Xeon of family 6, model 167), and on one thread, value by value, 4 (Emerald Rapids).
        let has_edge = lanes.iter().any(|&lanes| lanes != u64::MAX);
        // Of more values than there can be bits, `heads` tells; they need no memory.
        let room = count.min(images * layout.block_count());
        let (heads, values) = rayon::join(
            || heads(&layout, images, having, count),
            || {
                filled(room, piece, |first, room| {
                    if !fill(first, room) {
                        return Some(PackedError::Unread { entry: first });
                    }
                    let entry = if has_edge { None } else { first_zero(room) };
                    entry.map(|at| PackedError::Block { entry: first + at })
                })
            },
        );
        let (heads, values) = (heads?, values?);
        let rows = BlockRows { len: images, heads, values, ..BlockRows::new(&layout) };
        match has_edge.then(|| rows.first_bad_block(&lanes)).flatten() {
            Some(entry) => Err(PackedError::Block { entry }),
            None => Ok(Images { rows: Rows::U8(rows), layout }),
        }
    }
}

/// The heads of so many images, if there are bits for each and a value for each bit.
fn heads(
    layout: &Layout,
    images: usize,
    mut having: impl Iterator<Item = u64>,
    values: usize,
) -> Result<Vec<u32>, PackedError> {
    let words = layout.words();
    let expected = images * words;
    let told = having.size_hint().0.min(expected);
    let mut heads = Vec::with_capacity(told / words.max(1) + 2 * told);
    let mut count = 0_u64;
    for image in 0..images {
        // At most the product that was checked, unless a bit is past the last block.
        heads.push(count as u32);
        for at in 0..words {
            let found = image * words + at;
            let word = having.next().ok_or(PackedError::Words { expected, found })?;
            let bits = layout.head_words().blocks(at).len() as u32;
            if word.checked_shr(bits).unwrap_or(0) != 0 {
                return Err(PackedError::Bit { image });
            }
            count += u64::from(word.count_ones());
            heads.extend([word as u32, (word >> 32) as u32]);
        }
    }
    if having.next().is_some() {
        return Err(PackedError::Words { expected, found: expected + 1 });
    }
    if count == values as u64 {
        Ok(heads)
    } else {
        Err(PackedError::Values { expected: count, found: values })
    }
}

/// So many values, filled a piece at a time; the first fault that `fill` tells of.
fn filled(
    count: usize,
    piece: usize,
    fill: impl Fn(usize, &mut [[u8; LANES]]) -> Option<PackedError> + Sync,
) -> Result<Vec<[u8; LANES]>, PackedError> {
    let mut values = vec![[0; LANES]; count];
    advise_huge_pages(&values);
    // Where memory is new, half of the time goes into getting it: on as many threads as there are.
    let pieces = values.par_chunks_mut(piece).enumerate();
    match pieces.find_map_first(|(at, room)| fill(at * piece, room)) {
        Some(fault) => Err(fault),
        None => Ok(values),
    }
}

/// Of each block, a byte of ones for each lane of the image.
fn lanes_of_blocks(layout: &Layout) -> Vec<u64> {
    let lanes = |block: usize| {
        let halves = layout.runs()[block].map(|run| {
            let full = u32::MAX.checked_shr(8 * (HALF as u32 - run.len())).unwrap_or(0);
            u64::from(full)
        });
        halves[1] << 32 | halves[0]
    };
    (0..layout.block_count()).map(lanes).collect()
}

impl BlockRows<u8> {
    /// The first entry that is all zero or has something past the `lanes` of its block.
    fn first_bad_block(&self, lanes: &[u64]) -> Option<usize> {
        let (mut entry, mut bad) = (0, None);
        for image in 0..self.len {
            self.each_block(image, |block, value| {
                if is_zero(value) || u64::from_le_bytes(*value) & !lanes[block] != 0 {
                    bad = bad.or(Some(entry));
                }
                entry += 1;
            });
        }
        bad
    }
}

fn is_zero(value: &[u8; LANES]) -> bool {
    u64::from_le_bytes(*value) == 0
}

/// The first value that is all zero, without a branch on each where there is none.
fn first_zero(values: &[[u8; LANES]]) -> Option<usize> {
    let any = values.iter().fold(false, |any, value| any | is_zero(value));
    if any { values.iter().position(is_zero) } else { None }
}

impl std::fmt::Display for PackedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Words { expected, found } => write!(f, "{found} words of bits, not {expected}"),
            Self::Bit { image } => write!(f, "image {image} has a bit past its last block"),
            Self::Values { expected, found } => write!(f, "{found} blocks, but {expected} bits"),
            Self::Unread { entry } => write!(f, "values from {entry} on could not be read"),
            Self::Block { entry } => {
                write!(f, "block {entry} is zero, or not zero past the image's edge")
            }
            Self::TooManyBlocks => f.write_str("more blocks than can be counted"),
        }
    }
}

impl std::error::Error for PackedError {}

#[cfg(test)]
mod tests;
