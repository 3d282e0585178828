//! How the features of an image are gathered into blocks of 8.

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

    /// The width of images whose blocks all lie within them; their blocks are tiles of two rows.
    pub(crate) fn whole_rows(&self) -> Option<usize> {
        let (height, width) = self.image?;
        (height % 2 == 0 && width % HALF == 0 && width > 0).then_some(width)
    }

    /// How many blocks side by side have their first halves in the file before their second ones: a strip of tiles, or
    /// one block where images have no shape.
    pub(crate) fn blocks_per_strip(&self) -> usize {
        self.image.map_or(1, |(_, width)| width.div_ceil(HALF))
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
    pub(crate) const SHAPES: [(usize, Option<(usize, usize)>); 9] = [
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
    fn numbers_of_blocks_fit_their_types() {
        assert_eq!(Layout::new(8 * MAX_BLOCKS, None).unwrap().block_count(), MAX_BLOCKS);
        assert_eq!(Layout::new(8 * MAX_BLOCKS + 1, None), None);
        assert!(Layout::new(MAX_BLOCKS + 1, Some((1, MAX_BLOCKS + 1))).is_some());
        assert_eq!(Layout::new(usize::MAX, Some((1, usize::MAX))), None);
    }
}
