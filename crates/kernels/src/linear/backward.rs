//! Backward: gradient and update of the weights, block by block.
//!
//! Registers: one accumulator a class, one vector of features, and an error term that the AVX-512 tier
//! broadcasts as it multiplies. The AVX2 tier needs a register for each broadcast, and with 10 classes
//! at once the compiler runs out of its 16: twice 5 classes took 6.9 ms an epoch where 10 took 8.1.
//!
//! Lost, in ms an epoch of MNIST on one thread, AVX-512 (this one: 4.5, and 1 more in the forward pass):
//!
//! | how the images of a block are found | ms |
//! |---|---|
//! | a cursor an image, the number of its next block compared 64 at a time | 8.5 |
//! | bits of the blocks transposed to bits of the images, compressed to a list of images | 6.6 |
//! | the same, a list of positions and a cursor an image | 6.2 |
//! | the same, the bits walked without a list | 6.2, and 10.2 with AVX2 |

use super::pairs::Pairs;
use super::with_classes;
use crate::batch::{Batch, GROUP};
use crate::images::{BlockRows, Feature, Images, with_rows};
use crate::isa::{Isa, dispatch};
use crate::optim::{Weight, update};
use crate::simd::{F32x16, Simd, flat};
use crate::softmax::is_zero;
use crate::spec::{LANES, Rule};

/// A run of blocks that one worker owns: their weights and moments as `[block][pair of classes]`.
#[derive(Debug)]
pub struct BlockPart<'a> {
    /// The index of the first block.
    pub first: usize,
    /// The weights.
    pub w: &'a mut [F32x16],
    /// The first moments, or the momentum.
    pub m: &'a mut [F32x16],
    /// The second moments.
    pub v: &'a mut [F32x16],
}

/// Computes the gradient of the blocks of `part` from the error terms of `batch`, and updates their
/// weights and moments at once; returns whether all new weights are finite.
///
/// Shapes: `pairs` `[parts of the batch]`, recorded when those parts of `images` went forward. Equals
/// `spec::gradient` and `spec::update` bit for bit.
///
/// Panics if the shapes do not fit.
pub fn backward(
    isa: Isa,
    images: &Images,
    pairs: &[Pairs],
    batch: &Batch,
    rule: (Rule, f32),
    part: &mut BlockPart<'_>,
) -> bool {
    let (n, half) = (part.w.len(), batch.padded() / 2);
    assert_eq!((n % half, part.m.len(), part.v.len()), (0, n, n), "weights and moments");
    let (end, blocks) = (part.first + n / half, images.layout().block_count());
    assert!(end <= blocks, "blocks up to {end} of {blocks}");
    assert_eq!(pairs.len(), batch.part_count(), "parts of the batch");
    with_rows!(images, |x| dispatch!(isa, |s| backward_classes(s, x, pairs, batch, rule, part)))
}

#[inline(always)]
fn backward_classes<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    pairs: &[Pairs],
    batch: &Batch,
    rule: (Rule, f32),
    part: &mut BlockPart<'_>,
) -> bool {
    with_classes!(batch.padded(), backward_blocks::<S, E>(s, images, pairs, batch, rule, part))
}

#[inline(always)]
fn backward_blocks<S: Simd, E: Feature, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    pairs: &[Pairs],
    batch: &Batch,
    rule: (Rule, f32),
    part: &mut BlockPart<'_>,
) -> bool {
    let b = s.block();
    let (blocks, _) = part.w.as_chunks_mut::<H>();
    let moments = part.m.chunks_exact_mut(H).zip(part.v.chunks_exact_mut(H));
    let mut poison = b.splat(0.0);
    for (t, (w, (m, v))) in (part.first..).zip(blocks.iter_mut().zip(moments)) {
        let mut block = Block { w, m, v };
        let mut finish =
            |c: usize, g| poison = b.fma(block.update(b, rule, c, g), b.splat(0.0), poison);
        if S::LANES == 2 * LANES {
            for first in (0..2 * H).step_by(N) {
                let g = gradient::<_, E, N>(b, images, (pairs, t), errors_from(batch, first));
                (first..).zip(g).for_each(|(c, g)| finish(c, g));
            }
        } else {
            for first in (0..2 * H).step_by(H) {
                let g = gradient::<_, E, H>(b, images, (pairs, t), errors_from(batch, first));
                (first..).zip(g).for_each(|(c, g)| finish(c, g));
            }
        }
    }
    is_zero(b, poison)
}

/// The error terms of a batch from class `c` on: of each class 16 images side by side.
#[inline(always)]
fn errors_from(batch: &Batch, c: usize) -> &[f32] {
    &flat(batch.errors())[c * GROUP..]
}

/// Sums the gradient of block `t` for `N` classes over the images that have it.
#[inline(always)]
fn gradient<B: Simd, E: Feature, const N: usize>(
    b: B,
    images: &BlockRows<E>,
    (pairs, t): (&[Pairs], usize),
    errors: &[f32],
) -> [B::V; N] {
    let mut acc = [b.splat(0.0); N];
    let values = images.values();
    for part in pairs {
        for pair in part.of(t) {
            let x = E::repeat(b, &values[pair.entry()]);
            let d = &errors[pair.error()..][..(N - 1) * GROUP + 1];
            for (c, acc) in acc.iter_mut().enumerate() {
                *acc = b.fma(x, b.splat(d[c * GROUP]), *acc);
            }
        }
    }
    acc
}

/// Weights and moments of a block, as pairs of classes.
struct Block<'a> {
    w: &'a mut [F32x16],
    m: &'a mut [F32x16],
    v: &'a mut [F32x16],
}

impl Block<'_> {
    /// Updates the weights of class `c` by their gradient `g`, to which `l2` adds; returns them.
    #[inline(always)]
    fn update<B: Simd>(&mut self, b: B, (rule, l2): (Rule, f32), c: usize, g: B::V) -> B::V {
        let (pair, lanes) = (c / 2, c % 2 * LANES..c % 2 * LANES + LANES);
        let w = &mut self.w[pair].0[lanes.clone()];
        let m = &mut self.m[pair].0[lanes.clone()];
        let v = &mut self.v[pair].0[lanes];
        let old = Weight { w: b.load(w), m: b.load(m), v: b.load(v) };
        let new = update(b, rule, b.fma(b.splat(l2), old.w, g), old);
        b.store(new.w, w);
        b.store(new.m, m);
        b.store(new.v, v);
        new.w
    }
}
