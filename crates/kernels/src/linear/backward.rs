//! Backward: gradient and update of the weights, block by block.
//!
//! Registers: one accumulator for each vector of weights, one vector of features, one of error terms. With
//! 16 lanes a vector holds two classes, and its error terms are picked from the register that has all of
//! the image's; with 8 lanes each is broadcast from memory, and as the AVX2 tier then needs a register for
//! each broadcast, 10 classes take two passes (8.1 ms an epoch, not 6.9, in one).
//!
//! Zen 5, an epoch of MNIST on one thread, all of a step: with the same 8-lane loop on both tiers 7.8 ms, with
//! 16 lanes 6.8. This part takes 2.5, of which Adam 0.3. Lost: each error term copied 8 times beforehand, 32 KB
//! that fill the L1 cache (0.1 ms more); two blocks at once (0.05 ms less, for twice the code); the weights asked
//! for ahead of their update, to be written, on two threads (no difference).
//!
//! Lost, in ms an epoch of MNIST on one thread of Zen 4, AVX-512, with 8 lanes (pairs written down by the
//! forward pass: 4.5, and 1 more there; how the lists of today are made stands in `lists`):
//!
//! | how the images of a block are found | ms |
//! |---|---|
//! | a cursor an image, the number of its next block compared 64 at a time | 8.5 |
//! | bits of the blocks transposed to bits of the images, compressed to a list of images | 6.6 |
//! | the same, a list of positions and a cursor an image | 6.2 |
//! | the same, the bits walked without a list | 6.2, and 10.2 with AVX2 |

use super::lists::Lists;
use super::with_classes;
use crate::images::{BlockRows, Feature, Images, with_rows};
use crate::isa::{Isa, dispatch};
use crate::optim::{Weight, update};
use crate::simd::{F32x16, Simd, flat_mut};
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

/// Computes the gradient of the blocks of `part` from the error terms of a batch, and updates their
/// weights and moments at once; returns whether all new weights are finite.
///
/// Shapes: `lists` of the same blocks and the images of the batch; `errors` [images of the batch], with the
/// `padded` classes of each. Equals `spec::gradient` and `spec::update` bit for bit.
///
/// Panics if the shapes do not fit.
pub fn backward(
    isa: Isa,
    images: &Images,
    lists: &Lists,
    (errors, padded): (&[F32x16], usize),
    rule: (Rule, f32),
    part: &mut BlockPart<'_>,
) -> bool {
    let (n, half) = (part.w.len(), padded / 2);
    assert_eq!((n % half, part.m.len(), part.v.len()), (0, n, n), "weights and moments");
    assert_eq!(lists.blocks(), part.first..part.first + n / half, "blocks");
    assert_eq!(lists.images(), errors.len(), "images of the batch");
    let errors = (errors, padded);
    with_rows!(images, |x| dispatch!(isa, |s| backward_classes(s, x, lists, errors, rule, part)))
}

#[inline(always)]
fn backward_classes<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    lists: &Lists,
    (errors, padded): (&[F32x16], usize),
    rule: (Rule, f32),
    part: &mut BlockPart<'_>,
) -> bool {
    with_classes!(padded, backward_blocks::<S, E>(s, images, lists, errors, rule, part))
}

#[inline(always)]
fn backward_blocks<S: Simd, E: Feature, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    lists: &Lists,
    errors: &[F32x16],
    rule: (Rule, f32),
    part: &mut BlockPart<'_>,
) -> bool {
    let of_block = H * 2 * LANES;
    let (w, m, v) = (flat_mut(part.w), flat_mut(part.m), flat_mut(part.v));
    let moments = m.chunks_exact_mut(of_block).zip(v.chunks_exact_mut(of_block));
    let mut poison = s.splat(0.0);
    for (t, (w, (m, v))) in (part.first..).zip(w.chunks_exact_mut(of_block).zip(moments)) {
        for first in (0..of_block / S::LANES).step_by(H) {
            let g = gradient::<_, E, H>(s, images, lists.of(t, errors), first);
            for (i, g) in (first..).zip(g) {
                let lanes = i * S::LANES..(i + 1) * S::LANES;
                let (w, m, v) = (&mut w[lanes.clone()], &mut m[lanes.clone()], &mut v[lanes]);
                let old = Weight { w: s.load(w), m: s.load(m), v: s.load(v) };
                let new = update(s, rule.0, s.fma(s.splat(rule.1), old.w, g), old);
                s.store(new.w, w);
                s.store(new.m, m);
                s.store(new.v, v);
                poison = s.fma(new.w, s.splat(0.0), poison);
            }
        }
    }
    is_zero(s, poison)
}

/// Sums the gradient of a block over the images that are listed for it, for the classes of `N` vectors from
/// the one numbered `first` on.
#[inline(always)]
fn gradient<'a, S: Simd, E: Feature, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    list: impl Iterator<Item = (usize, &'a F32x16)>,
    first: usize,
) -> [S::V; N] {
    let mut acc = [s.splat(0.0); N];
    let values = images.values();
    for (entry, d) in list {
        let x = E::repeat(s, &values[entry]);
        for (i, acc) in acc.iter_mut().enumerate() {
            *acc = s.fma(x, s.splat_blocks(d, first + i), *acc);
        }
    }
    acc
}
