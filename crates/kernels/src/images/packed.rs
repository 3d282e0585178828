//! Images taken apart, to be kept in a file, and put together again with every number checked.
//!
//! What is kept is what [`Images`] of u8 pixels are made of, but for the index of each image's first entry,
//! which follows from the bits:
//!
//! ```text
//! having  [n x words]   of each image: a bit for each block that is not zero, 64 to a word
//! values  [entry]       the 8 features of these blocks, ascending by block within an image
//! ```
//!
//! The kernels walk along the bits and trust what they find, so that no bits and values may come in which
//! packing would not have made.

use rayon::prelude::*;

use super::{BlockRows, Images, Rows, WORD, can_be_counted};
use crate::layout::{HALF, Layout};
use crate::spec::LANES;

/// Values that are looked through at once.
const CHUNK: usize = 1 << 12;

/// Why bits and values make no images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PackedError {
    /// There are not as many words as the images need.
    Words {
        /// How many they need.
        expected: usize,
        /// How many there are.
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
    /// use kernels::{Images, Layout};
    /// let layout = Layout::new(4, Some((2, 2))).expect("a small image");
    /// let images = Images::from_u8(layout.clone(), &[0, 0, 0, 7, 0, 0, 0, 0]).expect("few blocks");
    /// let (having, values) = images.packed_u8().expect("u8 images");
    /// let having: Vec<u64> = having.collect();
    /// assert_eq!((&having[..], values), (&[1, 0][..], &[[0, 0, 0, 0, 0, 7, 0, 0]][..]));
    /// assert_eq!(Images::from_packed_u8(layout, 2, &having, values.to_vec()), Ok(images));
    /// ```
    pub fn packed_u8(&self) -> Option<(impl Iterator<Item = u64> + '_, &[[u8; LANES]])> {
        let Rows::U8(rows) = &self.rows else { return None };
        let words = |i| rows.head(i)[1..].as_chunks().0;
        let join = |&[low, high]: &[u32; 2]| u64::from(high) << 32 | u64::from(low);
        let having = (0..rows.len).flat_map(move |i| words(i).iter().map(join));
        Some((having, rows.values()))
    }

    /// Puts `n` images together from what [`packed_u8`](Self::packed_u8) gave.
    ///
    /// Errors where they are not, bit by bit, what packing some images gives.
    pub fn from_packed_u8(
        layout: Layout,
        n: usize,
        having: &[u64],
        values: Vec<[u8; LANES]>,
    ) -> Result<Self, PackedError> {
        let blocks = layout.block_count();
        let words = blocks.div_ceil(WORD);
        if !can_be_counted(&layout, n) {
            return Err(PackedError::TooManyBlocks);
        }
        if having.len() != n * words {
            return Err(PackedError::Words { expected: n * words, found: having.len() });
        }
        let mut rows = BlockRows::new(&layout);
        rows.heads.reserve_exact(n * rows.head_len);
        let mut count = 0_u64;
        for image in 0..n {
            // At most the product that was checked, unless a bit is past the last block.
            rows.heads.push(count as u32);
            for (at, &word) in having[image * words..][..words].iter().enumerate() {
                let bits = (blocks - at * WORD).min(WORD) as u32;
                if word.checked_shr(bits).unwrap_or(0) != 0 {
                    return Err(PackedError::Bit { image });
                }
                count += u64::from(word.count_ones());
                rows.heads.extend([word as u32, (word >> 32) as u32]);
            }
        }
        if count != values.len() as u64 {
            return Err(PackedError::Values { expected: count, found: values.len() });
        }
        (rows.len, rows.values) = (n, values);
        match rows.first_bad_block(&layout) {
            Some(entry) => Err(PackedError::Block { entry }),
            None => Ok(Self { rows: Rows::U8(rows), layout }),
        }
    }
}

impl BlockRows<u8> {
    /// The first entry that is all zero or has something past the edge of the image.
    fn first_bad_block(&self, layout: &Layout) -> Option<usize> {
        // A byte of ones for each lane of the image.
        let lanes = |block: usize| {
            let halves = layout.runs()[block].map(|run| {
                let full = u32::MAX.checked_shr(8 * (HALF as u32 - run.len())).unwrap_or(0);
                u64::from(full)
            });
            halves[1] << 32 | halves[0]
        };
        let lanes: Vec<u64> = (0..layout.block_count()).map(lanes).collect();
        if lanes.iter().all(|&lanes| lanes == u64::MAX) {
            // No edge, as in MNIST: nothing to look up block by block.
            return first_zero(&self.values);
        }
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

/// The first value that is all zero. On all threads, a chunk at a time and without a branch on each of
/// its values: on one thread, value by value, it took 4 ms of a run that reads kept MNIST (Emerald Rapids).
fn first_zero(values: &[[u8; LANES]]) -> Option<usize> {
    let any = |chunk: &[[u8; LANES]]| chunk.iter().fold(false, |any, value| any | is_zero(value));
    let chunk = CHUNK * values.par_chunks(CHUNK).position_first(any)?;
    values[chunk..].iter().position(is_zero).map(|at| chunk + at)
}

impl std::fmt::Display for PackedError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Words { expected, found } => write!(f, "{found} words of bits, not {expected}"),
            Self::Bit { image } => write!(f, "image {image} has a bit past its last block"),
            Self::Values { expected, found } => write!(f, "{found} blocks, but {expected} bits"),
            Self::Block { entry } => {
                write!(f, "block {entry} is zero, or not zero past the image's edge")
            }
            Self::TooManyBlocks => f.write_str("more blocks than can be counted"),
        }
    }
}

impl std::error::Error for PackedError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::tests::SHAPES;

    /// Bits and values of three images, one of them empty, and of no image.
    fn packed(layout: &Layout, n: usize) -> (Images, Vec<u64>, Vec<[u8; LANES]>) {
        let features = layout.features();
        let lit = |i: usize| i / features != 1 && i % 23 < 5;
        let pixels: Vec<u8> = (0..n * features).map(|i| u8::from(lit(i)) * 9).collect();
        let images = Images::from_u8(layout.clone(), &pixels).unwrap();
        let (having, values) = images.packed_u8().unwrap();
        let (having, values) = (having.collect(), values.to_vec());
        (images, having, values)
    }

    #[test]
    fn what_was_taken_apart_comes_back() {
        for (features, image) in SHAPES.into_iter().filter(|&(features, _)| features > 0) {
            let layout = Layout::new(features, image).unwrap();
            for n in [0, 3] {
                let (images, having, values) = packed(&layout, n);
                let again = Images::from_packed_u8(layout.clone(), n, &having, values);
                assert_eq!(again, Ok(images), "{features} {image:?}");
            }
        }
        let none = Layout::new(0, Some((0, 3))).unwrap();
        assert_eq!(Images::from_packed_u8(none, 7, &[], vec![]).unwrap().len(), 7);
        let floats = Images::from_f32(Layout::new(1, None).unwrap(), &[1.0]).unwrap();
        assert!(floats.packed_u8().is_none());
    }

    #[test]
    fn a_zero_is_found_in_every_chunk() {
        let mut values = vec![[1; LANES]; 2 * CHUNK + 9];
        assert_eq!(first_zero(&values), None);
        for at in [2 * CHUNK + 8, CHUNK, CHUNK - 1, 0] {
            values[at] = [0; LANES];
            assert_eq!(first_zero(&values), Some(at));
        }
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        let layout = Layout::new(784, Some((28, 28))).unwrap();
        let (_, having, values) = packed(&layout, 3);
        let again = |n, having: &[u64], values: &[[u8; LANES]]| {
            Images::from_packed_u8(layout.clone(), n, having, values.to_vec()).unwrap_err()
        };
        let count = values.len();
        assert_eq!(again(2, &having, &values), PackedError::Words { expected: 4, found: 6 });
        assert_eq!(again(4, &having, &values), PackedError::Words { expected: 8, found: 6 });
        let expected = count as u64;
        let one_less = PackedError::Values { expected, found: count - 1 };
        assert_eq!(again(3, &having, &values[1..]), one_less);
        let one_more = PackedError::Values { expected, found: count + 1 };
        assert_eq!(again(3, &having, &[&values[..], &[[1; LANES]]].concat()), one_more);
        for n in [usize::MAX, usize::MAX / 98, (1 << 30) / 128 + 1] {
            assert_eq!(again(n, &having, &values), PackedError::TooManyBlocks);
        }
    }

    /// Every bit of the words and every byte of the values, in a layout with an edge and one without.
    #[test]
    fn whatever_is_changed_is_refused_or_is_another_image() {
        for (features, image) in [(15, Some((5, 3))), (784, Some((28, 28))), (17, None)] {
            let layout = Layout::new(features, image).unwrap();
            let (_, having, values) = packed(&layout, 3);
            let again = |having: &[u64], values: &[[u8; LANES]]| {
                Images::from_packed_u8(layout.clone(), 3, having, values.to_vec())
            };
            for bit in 0..64 * having.len() {
                let mut changed = having.clone();
                changed[bit / 64] ^= 1 << (bit % 64);
                let words = layout.block_count().div_ceil(64);
                let found = again(&changed, &values);
                if bit % (64 * words) >= layout.block_count() {
                    assert_eq!(found, Err(PackedError::Bit { image: bit / (64 * words) }));
                } else {
                    assert!(matches!(found, Err(PackedError::Values { .. })), "bit {bit}");
                }
            }
            let mut refused = 0;
            for entry in 0..values.len() {
                let mut changed = values.clone();
                changed[entry] = [0; LANES];
                assert_eq!(again(&having, &changed), Err(PackedError::Block { entry }));
                for lane in 0..LANES {
                    let mut changed = values.clone();
                    changed[entry][lane] ^= 0x80;
                    match again(&having, &changed) {
                        Ok(images) => {
                            // What is taken is what its own pixels are packed to.
                            let mut pixels = Vec::new();
                            for i in 0..3 {
                                let mut x = vec![0.0; features];
                                images.unpack(i, &mut x);
                                pixels.extend(x.iter().map(|&x| x as u8));
                            }
                            assert_eq!(Images::from_u8(layout.clone(), &pixels), Ok(images));
                        }
                        found => {
                            assert_eq!(found, Err(PackedError::Block { entry }));
                            refused += 1;
                        }
                    }
                }
            }
            assert_eq!(refused > 0, features % LANES != 0, "lanes past the edge");
        }
    }
}
