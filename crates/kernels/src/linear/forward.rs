//! Forward: the sums of images and weights, image by image.
//!
//! ```text
//! S[image][c] = H[0] + H[1]
//! H[h] = sum of the 8 lanes of  sum over the image's blocks t of half h of  x[t] * W[t][c]      x[t] [8], W[t] [C x 8]
//!
//! for each 16 images:
//!     for each image:
//!         of_rows[image] = 0
//!         for both halves, or for the one that is asked for:
//!             acc = 0
//!             for each block t of the half that the image has:
//!                 x = its 8 features, in 16 lanes twice
//!                 acc[i] += x * W[t][i]       vector i: one class (8 lanes) or two (16)
//!             of_rows[image] += sums of the lanes of acc
//!     S = of_rows, transposed                 [class][16 images]
//! ```
//!
//! Registers, accumulators + 1 of features + of sums: AVX-512 at most 8 + 1 + 1 = 10 of 32, AVX2 10 + 1 + 2 = 13 of 16, and above
//! 10 classes two passes; weights are operands in memory.
//!
//! # The bound
//!
//! The figures here and below are from when a sum was made in one piece (version 1 of the numerics).
//!
//! The multiply-adds of a vector are one chain, 4 cycles a block. On Zen 4, whose 512-bit loads are one a cycle, the five of the
//! weights take 5.3 and that of the features 0.8 more: 31 blocks x 6.1 = 189 cycles an image of MNIST. When all lanes of 16
//! images still went through memory (below), it took 228 with the images in the second cache, and 255 in
//! training, 3.8 ms an epoch; 3.5 ms if all images and weights were in the first cache, 3.8 if only the weights were. On a Zen
//! 5 of 4.6 GHz the chain is the bound, 1.5 ms.
//!
//! An image's lines, of which the last step has had most fetched into the second cache (`upcoming`), are asked for two images
//! ahead: 0.2 ms an epoch less.
//!
//! # Tried and lost
//!
//! Of a step:
//!
//! | tried | time |
//! |---|---|
//! | all lanes of 16 images in memory until they are summed together: 5 KB, beside 31 of weights in a cache of 32 | 1.9 % more, two threads 1.8; AVX2, in turns, 1.3 and 2.5 |
//! | the bits of two words in one loop, whose end is guessed wrong once an image and not twice | 0.6 to 0.9 % more; for images of two words alone 0.5 to 1.0 less |
//! | the same, and the features of two blocks in one load | no difference |
//! | one, three, four images ahead; none | within 0.4 %; 0.6 more |
//! | images asked for past the second cache | no difference |
//! | lanes of two classes put together by a blend and a shuffle, not by two shuffles | 2 % more |
//! | the sums of 16 images transposed by quarters of vectors, not halves | 0.1 % less, for 40 lines more |
//! | others' weights not copied but looked up where they are shown, by a choice for each block | 1.8 % more, two threads 1.2 |
//!
//! Other measurements:
//!
//! | tried | time | |
//! |---|---|---|
//! | 8 lanes and a class each, whose loads are two a cycle | 1 to 2 % more | in turns |
//! | a list of the image's blocks, compressed from its bits by vectors | forward 4.8 ms an epoch | when it took 4.4 |
//! | the numbers of the blocks in memory beside their features | 5.8 | when it took 4.4 |
//! | cache lines counted, not always as many | 0.3 ms more | |
//! | all weights asked for beforehand | 0.15 ms more | |
//! | blocks and features without checks of their numbers | no difference | |
//! | features by way of a general register, for whose loads there is a third port | 10.6 ms an epoch for 10.6, two threads 7.3 for 7.4 | 0.4 cycles a block and not 0.8, but it takes inline assembly |
//! | the bits of two words in one loop | 4.59 ms an epoch for 4.62 | Emerald Rapids; too little |
//! | two images at once, so that two chains go on | 0.1 ms less in the cache, nothing from memory | Zen 5 |
//!
//! On a Zen 5 lanes of 16 images summed together took 0.3 ms an epoch less than lanes summed image by image had; today's way was
//! not measured there.

use super::many;
use super::{AT_ONCE, lines_per_block, supports};
use crate::batch::{GROUP, SumRows};
use crate::images::{BlockRows, Feature, Images, with_rows};
use crate::isa::{Isa, dispatch};
use crate::ladder::with_const;
use crate::simd::{F32x16, Simd, transpose16};
use crate::spec::{FEW_CLASSES, LANES};

/// Images between the one whose entries are asked for and the one that is worked on.
const AHEAD: usize = 2;

/// Computes the sums `S` of the images `rows`: `S[c] = x W[.., c]`, before scale and bias.
///
/// Shapes: `to` has a group for every 16 `rows`; lanes past the last row get any numbers; `weights` as
/// [`BlockWeights`](super::BlockWeights) has them. Equals the sum inside `spec::logits` bit for bit.
///
/// Panics if the shapes do not fit, there is no such image, or the layer does not take so many classes of these
/// images ([`supports`]).
pub fn forward(isa: Isa, images: &Images, rows: &[u32], weights: &[F32x16], to: SumRows<'_>) {
    let (layout, SumRows { sums, padded, scratch }) = (images.layout(), to);
    assert_eq!(weights.len(), layout.block_count() * lines_per_block(padded), "weights");
    assert_eq!(sums.len(), rows.len().div_ceil(GROUP) * padded, "sums of {} rows", rows.len());
    if padded <= FEW_CLASSES {
        let weights = weights.split_at(layout.half(0).end * lines_per_block(padded)).into();
        with_rows!(images, |x| dispatch!(isa, |s| {
            few_classes(s, x, Pass { rows, halves: [0, 1] }, weights, sums, padded)
        }));
    } else {
        assert!(supports(images, padded), "{padded} classes of f32 features");
        let class_lines = padded / 16;
        scratch.begin(isa, images, rows, class_lines);
        dispatch!(isa, |s| many::forward(s, layout, scratch, weights, class_lines, sums));
    }
}

/// What one half of the blocks adds to the sums of some rows.
#[derive(Debug)]
pub struct HalfSums<'a> {
    /// Which half, 0 or 1.
    pub half: usize,
    /// `[group][padded class]`: what it adds to the sums `x W`.
    pub sums: &'a mut [F32x16],
    /// The number of classes, padded, up to 16.
    pub padded: usize,
}

/// Computes what one half of the blocks, of these `weights`, adds to the sums of the images `rows`: the two halves added up are
/// what [`forward`] computes.
///
/// Panics as that does, if there is no such half, or if there are more than 16 classes.
pub fn forward_half(isa: Isa, images: &Images, rows: &[u32], weights: &[F32x16], to: HalfSums<'_>) {
    let HalfSums { half, sums, padded } = to;
    let blocks = images.layout().half(half);
    assert_eq!(
        weights.len(),
        blocks.len() * lines_per_block(padded),
        "weights of half of the blocks"
    );
    assert_eq!(sums.len(), rows.len().div_ceil(GROUP) * padded, "sums of {} rows", rows.len());
    let weights = if half == 0 { [weights, &[]] } else { [&[], weights] };
    with_rows!(images, |x| dispatch!(isa, |s| {
        few_classes(s, x, Pass { rows, halves: [half] }, weights, sums, padded)
    }));
}

/// Of which images sums are made, and of which halves of their blocks: of how many, and in a call of both of which, is known
/// when the tiers are compiled, lest there be a loop over them (2 % of a step, Emerald Rapids).
struct Pass<'a, const HALVES: usize> {
    rows: &'a [u32],
    halves: [usize; HALVES],
}

#[inline(always)]
fn few_classes<S: Simd, E: Feature, const HALVES: usize>(
    s: S,
    images: &BlockRows<E>,
    pass: Pass<'_, HALVES>,
    weights: [&[F32x16]; 2],
    sums: &mut [F32x16],
    padded: usize,
) {
    with_const!(padded, [2 4 6 8 10 12 14 16], |N| {
        all_rows::<S, E, HALVES, { N / 2 }, N>(s, images, pass, weights, sums)
    });
}

/// Forward for `N` classes, which are `H` lines of weights a block.
#[inline(always)]
fn all_rows<S: Simd, E: Feature, const HALVES: usize, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    pass: Pass<'_, HALVES>,
    weights: [&[F32x16]; 2],
    sums: &mut [F32x16],
) {
    let weights = weights.map(|half| half.as_chunks::<H>().0);
    let mut ahead = pass.rows.iter().skip(AHEAD);
    let mut of_rows = [F32x16::default(); GROUP];
    for (rows, sums) in pass.rows.chunks(GROUP).zip(sums.as_chunks_mut::<N>().0) {
        for (&row, to) in rows.iter().zip(&mut of_rows) {
            if let Some(&row) = ahead.next() {
                images.prefetch_entries(row as usize, pass.halves[0], HALVES == 2);
            }
            let image = (row as usize, pass.halves);
            if S::LANES == 2 * LANES {
                sum_image::<S, E, HALVES, H, H>(s, images, image, weights, 0, to);
            } else if N <= AT_ONCE {
                sum_image::<S, E, HALVES, H, N>(s, images, image, weights, 0, to);
            } else {
                // In this order: the first writes zeros past its sums, and the second its sums over them.
                sum_image::<S, E, HALVES, H, H>(s, images, image, weights, 0, to);
                sum_image::<S, E, HALVES, H, H>(s, images, image, weights, H, to);
            }
        }
        transpose16(s, &of_rows, sums);
    }
}

/// Sums some halves of an image up for the classes of `V` vectors, from the vector numbered `first` on. Writes their sums to their
/// places in `to`, and zeros behind them, up to a whole vector.
#[inline(always)]
fn sum_image<S: Simd, E: Feature, const HALVES: usize, const H: usize, const V: usize>(
    s: S,
    images: &BlockRows<E>,
    (row, halves): (usize, [usize; HALVES]),
    weights: [&[[F32x16; H]]; 2],
    first: usize,
    to: &mut F32x16,
) {
    // Eight vectors give a vector of sums, one for each of their blocks, and a block of a vector is a class.
    let mut sums = [s.splat(0.0); 2];
    let mut entry = images.start_of_half(row, halves[0]);
    for half in halves {
        let (mut acc, weights) = ([s.splat(0.0); V], weights[half]);
        entry = images.each_of_half(
            row,
            (half, entry),
            #[inline(always)]
            |t, x| {
                let (x, w) = (E::repeat(s, x), &weights[t]);
                for (i, acc) in (first..).zip(&mut acc) {
                    let (line, lane) = (i * S::LANES / 16, i * S::LANES % 16);
                    *acc = s.fma(x, s.load(&w[line].0[lane..]), *acc);
                }
            },
        );
        for (sum, acc) in sums.iter_mut().zip(acc.chunks(8)) {
            let eight = std::array::from_fn(
                #[inline(always)]
                |j| acc.get(j).copied().unwrap_or(s.splat(0.0)),
            );
            *sum = s.add(*sum, s.sum_lanes(eight));
        }
    }
    for (i, sum) in sums.into_iter().enumerate().take(V.div_ceil(8)) {
        s.store(sum, &mut to.0[first * S::BLOCKS + i * S::LANES..]);
    }
}
