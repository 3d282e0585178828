//! Forward: the sums of images and weights, image by image.
//!
//! Registers: one accumulator a pair of classes (AVX-512) or a class (AVX2), one vector of features;
//! weights come from memory as they are multiplied. The multiply-adds of a pair are one chain, 4 cycles a
//! block. On Zen 4, whose 512-bit loads are one a cycle, the five of the weights take 5.3 and that of the features 0.8
//! more: 189 cycles an image of MNIST. Before its lanes were summed in registers this took 228 with the images in the second
//! cache and 255 in training: 3.8 ms an epoch on one thread at 3.7 GHz; 3.5 if all images and weights were in the first
//! cache, 3.8 if only the weights were. On a Zen 5 of 4.6 GHz the chain is the bound, 1.5 ms.
//!
//! An image's lanes are summed in registers, all classes together, and the sums of 16 images transposed. That takes 1.9 % of a
//! step less on one thread and 1.8 on two (Zen 4, AVX-512; AVX2 1.3 and 2.5 in turns) than all lanes of 16 images in memory
//! until they are summed together: 5 KB, beside 31 of weights in a cache of 32. (That in its turn took 0.3 ms an epoch less than
//! lanes summed image by image had on a Zen 5, where today's way was not measured.) An image's lines, of which the last step
//! has had most fetched into the second cache (`upcoming`), are asked for two images ahead: 0.2 ms less (Zen 4).
//!
//! Lost on Zen 5: two images at once, so that two chains go on (0.1 ms less in the cache, nothing from memory). On Zen 4, when
//! all took 4.4 ms: a list of the image's blocks, compressed from its bits by vectors, instead of the bits one by one (4.8 ms);
//! the numbers of the blocks in memory beside their features (5.8 ms); cache lines counted instead of always 5 (0.3 ms more).
//! And later: all weights asked for beforehand (0.15 ms more); blocks and features without checks of their numbers (no
//! difference). Features by way of a general register, for whose loads there is a third port (0.4 cycles a block and not 0.8;
//! in all 10.6 ms for 10.6 on one thread, 7.3 for 7.4 on two; it takes inline assembly). On Emerald Rapids: the bits of two
//! words in one loop, whose end is guessed wrong once an image and not twice (4.59 ms an epoch, 4.62 without).
//!
//! Compared in one process (Zen 4, AVX-512, "Small differences" in docs/benchmarks.md), of a step on one thread: the bits of
//! two words in one loop again, 0.5 to 1.0 % less for images of two words alone, 0.6 to 0.9 more for any; with the features of
//! two blocks in one load as well, no difference; one, three and four images ahead, within 0.4; none asked for, 0.6 more; asked for
//! past the second cache, no difference; lanes of two classes put together by a blend and a shuffle, not by two shuffles, 2 more;
//! the sums of 16 images transposed by quarters of vectors, not halves, 0.1 less, for 40 lines more; others' weights not copied but
//! looked up where they are shown, by a choice for each block, 1.8 more, and 1.2 on two threads. In turns: 8 lanes and a class
//! each, whose loads are two a cycle, 1 to 2 more.

use super::many::{self, Room};
use super::{AT_ONCE, supports, with_classes};
use crate::batch::GROUP;
use crate::images::{BlockRows, Feature, Images, with_rows};
use crate::isa::{Isa, dispatch};
use crate::simd::{F32x16, Simd, transpose16};
use crate::spec::{FEW_CLASSES, LANES};

/// Images between the one whose entries are asked for and the one that is worked on.
const AHEAD: usize = 2;

/// Computes the sums `S` of the images `rows`: `S[c] = x W[.., c]`, before scale and bias.
///
/// Shapes: `sums` `[group of 16 rows][padded class]`, whose lanes past the last row get any numbers; `weights` as
/// [`BlockWeights`](super::BlockWeights) has them. Equals the sum inside `spec::logits` bit for bit.
///
/// Panics if the shapes do not fit, there is no such image, or the layer does not take so many classes of these
/// images ([`supports`]).
pub fn forward(
    isa: Isa,
    images: &Images,
    rows: &[u32],
    weights: &[F32x16],
    (sums, padded, room): (&mut [F32x16], usize, &mut Room),
) {
    let layout = images.layout();
    assert_eq!(weights.len(), layout.block_count() * padded / 2, "weights");
    assert_eq!(sums.len(), rows.len().div_ceil(GROUP) * padded, "sums of {} rows", rows.len());
    if padded <= FEW_CLASSES {
        let sums = (sums, padded);
        with_rows!(images, |x| dispatch!(isa, |s| forward_classes(s, x, rows, weights, sums)));
    } else {
        assert!(supports(images, padded), "{padded} classes of f32 features");
        let lines = padded / 16;
        room.begin(isa, images, rows, lines);
        dispatch!(isa, |s| many::forward(s, layout, room, (weights, lines), sums));
    }
}

#[inline(always)]
fn forward_classes<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    rows: &[u32],
    weights: &[F32x16],
    (sums, padded): (&mut [F32x16], usize),
) {
    with_classes!(padded, forward_rows::<S, E>(s, images, rows, weights, sums));
}

#[inline(always)]
fn forward_rows<S: Simd, E: Feature, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    rows: &[u32],
    weights: &[F32x16],
    sums: &mut [F32x16],
) {
    let (weights, _) = weights.as_chunks::<H>();
    let mut ahead = rows.iter().skip(AHEAD);
    let mut of_rows = [F32x16::default(); GROUP];
    for (rows, sums) in rows.chunks(GROUP).zip(sums.as_chunks_mut::<N>().0) {
        for (&row, to) in rows.iter().zip(&mut of_rows) {
            if let Some(&row) = ahead.next() {
                images.prefetch_entries(row as usize);
            }
            if S::LANES == 2 * LANES {
                image::<S, E, H, H>(s, images, row, weights, 0, to);
            } else if N <= AT_ONCE {
                image::<S, E, H, N>(s, images, row, weights, 0, to);
            } else {
                // In this order: zeros behind the sums of the first make room for those of the second.
                image::<S, E, H, H>(s, images, row, weights, 0, to);
                image::<S, E, H, H>(s, images, row, weights, H, to);
            }
        }
        transpose16(s, &of_rows, sums);
    }
}

/// Sums an image up for the classes of `N` vectors, from the vector numbered `first` on. Writes their sums to their places in `to`,
/// and zeros behind them, up to a whole vector.
#[inline(always)]
fn image<S: Simd, E: Feature, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    row: u32,
    weights: &[[F32x16; H]],
    first: usize,
    to: &mut F32x16,
) {
    let mut acc = [s.splat(0.0); N];
    images.each_block(row as usize, |t, x| {
        let (x, w) = (E::repeat(s, x), &weights[t]);
        for (i, acc) in (first..).zip(&mut acc) {
            let (pair, lane) = (i * S::LANES / 16, i * S::LANES % 16);
            *acc = s.fma(x, s.load(&w[pair].0[lane..]), *acc);
        }
    });
    for (i, acc) in acc.chunks(8).enumerate() {
        let eight = std::array::from_fn(
            #[inline(always)]
            |j| acc.get(j).copied().unwrap_or(s.splat(0.0)),
        );
        s.store(s.sum_lanes(eight), &mut to.0[first * S::BLOCKS + i * S::LANES..]);
    }
}
