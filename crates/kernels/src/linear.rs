//! The linear layer for few classes: sums forward, gradient and update backward, over blocks of 8
//! features that are not zero.
//!
//! ```text
//! forward   for each image:          backward   for each block t:
//!     acc[c] = 0                         acc[c] = 0
//!     for each block t of the image:     for each image of the batch that has t:
//!         x = 8 features                     x = 8 features
//!         acc[c] += x * W[t][c]              acc[c] += x * d[image][c]
//!     S[c] = sum of the lanes of acc[c]  W[t][c] = update by acc[c]
//! ```
//!
//! Features are lanes. The weights stand as `[block][class][lane]`, so that one block of an image meets one
//! run of memory; a gradient is summed up in registers and used at once. Of 16 lanes, forward gives two
//! classes of a block 8 each, because the sums of an image go on from block to block; backward gives them to two
//! blocks of a class. Of several threads each has a copy of the weights (`shown`).
//!
//! Registers of AVX2: at most 10 accumulators, one vector of features and one of weights or errors = 12 of 16; more
//! than 10 classes take two passes.

mod backward;
mod forward;
mod lists;
mod shown;
mod upcoming;

pub use backward::{BlockPart, backward};
pub use forward::forward;
pub use lists::Lists;
pub use shown::{OwnWeights, Shown};
pub use upcoming::Upcoming;

use crate::layout::Layout;
use crate::simd::F32x16;
use crate::spec::{FEW_CLASSES, LANES};

/// The most classes for which 8-lane tiers have accumulators; more take two passes.
const AT_ONCE: usize = 10;

/// The blocks of each of so many parts, of which the last ones may have fewer, or none: an even number, because
/// [`backward`] takes two at a time.
///
/// Panics if there are no parts.
pub fn blocks_per_part(blocks: usize, parts: usize) -> usize {
    blocks.div_ceil(parts).next_multiple_of(2)
}

/// Classes are padded to an even number, so that two make a vector of 16 lanes; the padding is zero and
/// stays zero.
pub fn padded_classes(classes: usize) -> usize {
    classes.next_multiple_of(2)
}

/// Calls `$f::<.., H, N>` for `H` pairs of classes, which are `N` classes.
macro_rules! with_classes {
    ($padded:expr, $f:ident::<$($t:ident),*>($($arg:expr),*)) => {
        match $padded {
            2 => $f::<$($t,)* 1, 2>($($arg),*),
            4 => $f::<$($t,)* 2, 4>($($arg),*),
            6 => $f::<$($t,)* 3, 6>($($arg),*),
            8 => $f::<$($t,)* 4, 8>($($arg),*),
            10 => $f::<$($t,)* 5, 10>($($arg),*),
            12 => $f::<$($t,)* 6, 12>($($arg),*),
            14 => $f::<$($t,)* 7, 14>($($arg),*),
            16 => $f::<$($t,)* 8, 16>($($arg),*),
            other => unreachable!("{other} padded classes of at most {}", crate::spec::FEW_CLASSES),
        }
    };
}
use with_classes;

/// Weights of one number for each feature and class, in blocks: `[block][padded class][lane]`.
///
/// Lanes past the edge of the image and padding classes are zero.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockWeights {
    /// `[block][pair of classes]`: 8 lanes of one class and 8 of the next.
    pairs: Vec<F32x16>,
    padded: usize,
}

impl BlockWeights {
    /// Gathers `weights` [features x classes], row-major in file order.
    ///
    /// Panics if there are no classes or more than 16, or the shapes do not fit.
    pub fn gather(layout: &Layout, classes: usize, weights: &[f32]) -> Self {
        assert!((1..=FEW_CLASSES).contains(&classes), "{classes} classes of 1 to {FEW_CLASSES}");
        assert_eq!(weights.len(), layout.features() * classes, "weights of {classes} classes");
        let padded = padded_classes(classes);
        let mut pairs = vec![F32x16::default(); layout.block_count() * padded / 2];
        for (t, block) in pairs.chunks_exact_mut(padded / 2).enumerate() {
            for (lane, k) in layout.lanes(t) {
                for c in 0..classes {
                    block[c / 2].0[c % 2 * LANES + lane] = weights[k * classes + c];
                }
            }
        }
        Self { pairs, padded }
    }

    /// Writes the weights [features x classes], row-major in file order.
    ///
    /// Panics if the shapes do not fit.
    pub fn scatter(&self, layout: &Layout, classes: usize, weights: &mut [f32]) {
        assert_eq!(padded_classes(classes), self.padded, "{classes} classes");
        assert_eq!(weights.len(), layout.features() * classes, "weights of {classes} classes");
        for (t, block) in self.pairs.chunks_exact(self.padded / 2).enumerate() {
            for (lane, k) in layout.lanes(t) {
                for c in 0..classes {
                    weights[k * classes + c] = block[c / 2].0[c % 2 * LANES + lane];
                }
            }
        }
    }

    /// The weights as `[block][pair of classes]`.
    pub fn pairs(&self) -> &[F32x16] {
        &self.pairs
    }

    /// The weights as `[block][pair of classes]`, to be cut into parts for [`backward`].
    pub fn pairs_mut(&mut self) -> &mut [F32x16] {
        &mut self.pairs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_even_and_hold_all_blocks() {
        for (blocks, parts) in (0..70).flat_map(|blocks| (1..20).map(move |parts| (blocks, parts)))
        {
            let len = blocks_per_part(blocks, parts);
            assert!(len.is_multiple_of(2) && len * parts >= blocks, "{blocks} in {parts}");
            assert!(len <= blocks.div_ceil(parts) + 1, "{blocks} in {parts}: {len}");
        }
    }
}
