//! How the features of an image are gathered into blocks of 8.

use std::ops::Range;

use crate::spec::{self, LANES};

/// The largest number of blocks in an image.
pub const MAX_BLOCKS: usize = 65_535;

/// How the features of an image are gathered into blocks of 8 (see [`spec::blocks`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    features: usize,
    image: Option<(usize, usize)>,
    blocks: Vec<[Run; 2]>,
}

/// Up to four features that stand side by side in the file: the lanes of half a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    first: u32,
    /// Below 4 where the block reaches past the edge.
    len: u32,
}

impl Run {
    /// How many features it has, up to 4.
    pub(crate) fn len(self) -> u32 {
        self.len
    }

    /// Its features in an image, zero past the edge.
    #[inline(always)]
    pub(crate) fn of<E: Copy + Default>(self, image: &[E]) -> [E; HALF] {
        let run = &image[self.first as usize..][..self.len as usize];
        // Almost every run is whole, and four at once are one instruction.
        run.first_chunk()
            .copied()
            .unwrap_or_else(|| std::array::from_fn(|i| run.get(i).copied().unwrap_or_default()))
    }

    /// Puts its features, the first of `half`, where an image has them.
    #[inline(always)]
    pub(crate) fn put(self, half: [f32; HALF], image: &mut [f32]) {
        let run = &mut image[self.first as usize..][..self.len as usize];
        if let Some(whole) = run.first_chunk_mut() {
            *whole = half;
        } else {
            run.iter_mut().zip(half).for_each(|(to, x)| *to = x);
        }
    }
}

/// Lanes in half a block.
pub(crate) const HALF: usize = LANES / 2;

/// Blocks that one word of an image's head has bits for.
pub(crate) const WORD: usize = 64;

/// Where in an image's head the bits of its blocks stand: those of each half of the blocks begin a word, and both halves have
/// as many words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HeadWords {
    /// Blocks of an image.
    blocks: usize,
    first_half: usize,
}

impl HeadWords {
    /// Blocks of the first half.
    pub(crate) fn first_half(self) -> usize {
        self.first_half
    }

    /// Words of each half.
    #[inline(always)]
    pub(crate) fn of_half(self) -> usize {
        self.first_half.div_ceil(WORD)
    }

    /// Words of a head.
    #[inline(always)]
    pub(crate) fn count(self) -> usize {
        2 * self.of_half()
    }

    /// The blocks that word `i` has bits for.
    #[inline(always)]
    pub(crate) fn blocks(self, i: usize) -> Range<usize> {
        let (begin, end, at) = match i.checked_sub(self.of_half()) {
            None => (0, self.first_half, i),
            Some(at) => (self.first_half, self.blocks, at),
        };
        (begin + at * WORD).min(end)..(begin + (at + 1) * WORD).min(end)
    }

    /// The place of a block's bit, counted through the words.
    #[inline(always)]
    pub(crate) fn bit(self, block: usize) -> usize {
        if block < self.first_half {
            block
        } else {
            block - self.first_half + self.of_half() * WORD
        }
    }

    /// From the place of the first bit of some blocks to that behind the last; between the halves some may stay zero.
    pub(crate) fn bits(self, blocks: &Range<usize>) -> Range<usize> {
        let begin = self.bit(blocks.start);
        begin..blocks.clone().last().map_or(begin, |last| self.bit(last) + 1)
    }
}

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

    /// The blocks of half 0 or 1, whose sums are made apart; the second may have none, and begins with an even one.
    ///
    /// Panics if there is no such half.
    pub fn half(&self, half: usize) -> Range<usize> {
        let (count, first) = (self.blocks.len(), spec::first_half(self.blocks.len()));
        [0..first, first..count][half].clone()
    }

    /// Words of 64 bits that an image takes when it is packed: a bit for each block, those of each half from a new word on.
    pub fn words(&self) -> usize {
        self.head_words().count()
    }

    pub(crate) fn head_words(&self) -> HeadWords {
        HeadWords { blocks: self.blocks.len(), first_half: self.half(0).end }
    }

    /// The features of every block, as pairs of lane and index in file order.
    pub(crate) fn lanes(&self, block: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.blocks[block].iter().enumerate().flat_map(|(half, run)| {
            (0..run.len as usize).map(move |i| (half * HALF + i, run.first as usize + i))
        })
    }

    /// The width of images whose blocks all lie within them; their blocks are tiles of two rows.
    pub(crate) fn whole_rows(&self) -> Option<usize> {
        let (height, width) = self.image?;
        (height % 2 == 0 && width % HALF == 0 && width > 0).then_some(width)
    }

    /// The strips of blocks in the order of the file, as the numbers of their blocks: all first halves of a strip's blocks stand
    /// there before all second ones. A strip is a row of tiles, or one block where images have no shape.
    pub(crate) fn strips(&self) -> impl Iterator<Item = impl Iterator<Item = usize> + Clone> {
        let (rows, tiles) = match self.image {
            None => (self.blocks.len(), 1),
            Some((height, width)) => (height.div_ceil(2), width.div_ceil(HALF)),
        };
        let has_squares = self.image.is_some();
        (0..rows).map(move |row| {
            // The two tiles of a square have numbers one after the other; so have those of a last row without lower tiles.
            let is_alone = !has_squares || row % 2 == 0 && row + 1 == rows;
            let (first, step) =
                if is_alone { (row * tiles, 1) } else { (row / 2 * 2 * tiles + row % 2, 2) };
            (0..tiles).map(move |i| first + i * step)
        })
    }

    /// The halves of every block.
    pub(crate) fn runs(&self) -> &[[Run; 2]] {
        &self.blocks
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Shapes with and without height and width, whole and ragged.
    pub(crate) const SHAPES: [(usize, Option<(usize, usize)>); 12] = [
        (1032, None),
        (48, Some((6, 8))),
        (72, Some((9, 8))),
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

    /// Of each strip the first halves and then the second ones, strip after strip, are the features one after the other.
    #[test]
    fn strips_are_in_the_order_of_the_file() {
        for (features, image) in SHAPES {
            let layout = Layout::new(features, image).unwrap();
            let mut in_order = Vec::new();
            for strip in layout.strips() {
                for half in [0, 1] {
                    for t in strip.clone() {
                        let of_half = layout.lanes(t).filter(|&(lane, _)| lane / HALF == half);
                        in_order.extend(of_half.map(|(_, k)| k));
                    }
                }
            }
            assert!(in_order.into_iter().eq(0..features), "{features} {image:?}");
        }
    }

    #[test]
    fn every_bit_has_a_place_and_halves_begin_words() {
        for blocks in (0..140).chain([255, 256, 257, 258, 300]) {
            let words = Layout::new(8 * blocks, None).unwrap().head_words();
            let all = || (0..words.count()).map(|i| words.blocks(i));
            let of_words: Vec<usize> = all().flatten().collect();
            assert!(of_words.iter().copied().eq(0..blocks), "{blocks} blocks");
            for (i, of_word) in all().enumerate() {
                for (bit, block) in of_word.enumerate() {
                    assert_eq!(words.bit(block), WORD * i + bit, "block {block} of {blocks}");
                }
            }
            let second = words.first_half();
            assert!(
                second == blocks
                    || second.is_multiple_of(2) && words.bit(second).is_multiple_of(WORD)
            );
        }
    }

    #[test]
    fn numbers_of_blocks_fit_their_types() {
        assert_eq!(Layout::new(8 * MAX_BLOCKS, None).unwrap().block_count(), MAX_BLOCKS);
        assert_eq!(Layout::new(8 * MAX_BLOCKS + 1, None), None);
        assert!(Layout::new(MAX_BLOCKS + 1, Some((1, MAX_BLOCKS + 1))).is_some());
        assert_eq!(Layout::new(usize::MAX, Some((1, usize::MAX))), None);
    }
}
