//! The linear layer: sums forward, gradient and update backward, over blocks of 8 features that are not zero.
//!
//! Up to 16 classes, as below; more, where features are pixels, in `many`.
//!
//! ```text
//! forward   for each image:          backward   for each block t:
//!     acc[c] = 0                         acc[c] = 0
//!     for each block t of the image:     for each image of the batch that has t:
//!         x = 8 features                     x = 8 features
//!         acc[c] += x * W[t][c]              acc[c] += x * d[image][c]
//!     S[c] = sum of the lanes of acc[c]  W[t][c] = update by acc[c]
//!     (in two halves of the blocks)
//! ```
//!
//! Features are lanes. The weights stand as `[block][class][lane]`, so that one block of an image meets one run of
//! memory; a gradient is summed up in registers and used at once. A vector of 16 lanes holds two classes of one block in
//! the forward pass, where an image's sums run on from block to block, and two blocks of one class in the backward pass.
//! Of two threads each has half of the blocks, forward ([`forward_half`]) and backward, so that nobody reads what another has
//! written but sums. Of more, or with more classes, each has images forward and blocks backward, and a copy of the weights
//! (`shown`).
//!
//! Figures in these files: of 55,000 images, 1 ms an epoch is 18.2 ns an image, 67 cycles at the 3.7 GHz of the Zen 4. What is
//! given as % of a step was compared in one process, which drew at random which variant took the next 11 steps; differences
//! up to 0.2 % are chance ("Small differences" in docs/benchmarks.md). Unless it says otherwise, one thread of a Zen 4 with
//! AVX-512 trained on MNIST, 10 classes in batches of 100.
//!
//! # Tried and lost
//!
//! Two threads that have half of the classes each, and all images: nobody would read what another has written but logits. One
//! thread takes 7.6 to 7.8 ms for an epoch of five classes at best, alone or beside another that does the same, because
//! finding blocks and converting features costs as much for five classes as for ten; two threads as they are take 7.0.

mod backward;
mod forward;
mod index;
mod lists;
mod many;
mod shown;
mod upcoming;

pub use backward::BlockPart;
pub use forward::{HalfSums, forward, forward_half};
pub use index::BlockIndex;
pub use many::{ByBlock, Scratch};
pub use shown::{OwnWeights, Shown};
pub use upcoming::Upcoming;

use crate::images::{BlockRows, Feature, Images, with_rows};
use crate::layout::Layout;
use crate::simd::{F32x16, flat_mut};
use crate::spec::{FEW_CLASSES, LANES};
use crate::team::Shares;

/// The most classes for which 8-lane tiers have accumulators; more take two passes.
const AT_ONCE: usize = 10;

/// Equal shares of so many threads in the blocks of images: even numbers of them, because the backward pass takes two at a
/// time.
///
/// Panics if there are no threads.
pub fn shares(parts: usize) -> Shares {
    Shares::equal(parts, 2)
}

/// Few classes are padded to an even number, more to a multiple of 16, so that lines of 16 are whole; the padding is
/// zero and stays zero.
pub fn padded_classes(classes: usize) -> usize {
    classes.next_multiple_of(if classes <= FEW_CLASSES { 2 } else { 16 })
}

/// Whether this layer gives the bits of the definition: always up to 16 classes, where the definition skips background too;
/// above only for u8 pixels, whose products cannot underflow.
pub fn supports(images: &Images, classes: usize) -> bool {
    fn can_underflow<E: Feature>(_: &BlockRows<E>) -> bool {
        E::CAN_UNDERFLOW
    }
    classes <= FEW_CLASSES || !with_rows!(images, |x| can_underflow(x))
}

/// Whether sums of so many classes are made of two halves of the blocks.
pub fn has_halves(classes: usize) -> bool {
    classes <= FEW_CLASSES
}

/// Lines of 16 weights that a block has of so many padded classes.
fn lines_per_block(padded: usize) -> usize {
    padded * LANES / 16
}

/// One f32 for each feature and class (weights or a moment), in blocks: of few classes
/// `[block][padded class][lane]`, of more `[block][lane][padded class]`.
///
/// Lanes past the edge of the image and padding classes are zero.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockWeights {
    /// `[block]`: 16 numbers to a line.
    lines: Vec<F32x16>,
    padded: usize,
}

impl BlockWeights {
    /// Gathers `weights` [features x classes], row-major in file order.
    ///
    /// Panics if there are no classes, or the shapes do not fit.
    pub fn gather(layout: &Layout, classes: usize, weights: &[f32]) -> Self {
        assert!(classes > 0, "weights of no classes");
        assert_eq!(weights.len(), layout.features() * classes, "weights of {classes} classes");
        let padded = padded_classes(classes);
        let mut lines = vec![F32x16::default(); layout.block_count() * lines_per_block(padded)];
        for (t, block) in lines.chunks_exact_mut(lines_per_block(padded)).enumerate() {
            let block = flat_mut(block);
            for (lane, k) in layout.lanes(t) {
                for c in 0..classes {
                    block[place(padded, lane, c)] = weights[k * classes + c];
                }
            }
        }
        Self { lines, padded }
    }

    /// Writes the weights [features x classes], row-major in file order.
    ///
    /// Panics if the shapes do not fit.
    pub fn scatter(&self, layout: &Layout, classes: usize, weights: &mut [f32]) {
        assert_eq!(padded_classes(classes), self.padded, "{classes} classes");
        assert_eq!(weights.len(), layout.features() * classes, "weights of {classes} classes");
        for (t, block) in self.lines.chunks_exact(lines_per_block(self.padded)).enumerate() {
            for (lane, k) in layout.lanes(t) {
                for c in 0..classes {
                    let at = place(self.padded, lane, c);
                    weights[k * classes + c] = block[at / 16].0[at % 16];
                }
            }
        }
    }

    /// The weights `[block]`, in half as many lines of 16 as there are padded classes.
    pub fn lines(&self) -> &[F32x16] {
        &self.lines
    }

    /// The same, to be cut into parts for the backward pass.
    pub fn lines_mut(&mut self) -> &mut [F32x16] {
        &mut self.lines
    }
}

/// Where in a block the weight of a lane and class stands.
fn place(padded: usize, lane: usize, class: usize) -> usize {
    if padded <= FEW_CLASSES { class * LANES + lane } else { lane * padded + class }
}
