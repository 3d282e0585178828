//! Forward: the sums of images and weights, image by image.
//!
//! Registers: one accumulator a pair of classes (AVX-512) or a class (AVX2), one vector of features;
//! weights come from memory as they are multiplied. At one 64-byte load a cycle the five pairs of 10
//! classes take 5 cycles a block, 2.3 ms an epoch of MNIST; this takes 4.4, and 1 more where the backward
//! pass is prepared.
//!
//! Lost: a list of the image's blocks, compressed from its bits by vectors, instead of the bits one by one
//! (4.8 ms); the numbers of the blocks in memory beside their features (5.8 ms); images asked for 10 ahead
//! instead of 4 (0.3 ms more), their cache lines counted instead of always 5 (0.3 ms more).

use super::pairs::{Pair, Pairs, Record};
use super::{BlockWeights, with_classes};
use crate::batch::{BatchPart, GROUP};
use crate::images::{BlockRows, Feature, Images, with_rows};
use crate::isa::{Isa, dispatch};
use crate::simd::{F32x16, Simd, SimdBlock};
use crate::spec::LANES;

/// Images between the one whose entries are asked for and the one that is worked on. Their heads are asked
/// for when they are as far again.
const AHEAD: usize = 4;

/// Computes the sums `S` of the images `rows`: `S[c] = x W[.., c]`, before scale and bias.
///
/// Shapes: `rows` [rows of `part`]; lanes past the last row are left alone. The images `upcoming` are
/// fetched into the cache on the way. What [`backward`](super::backward) needs is recorded in `pairs`, if
/// there are any. Equals `spec::logits` bit for bit.
///
/// Panics if the shapes do not fit or there is no such image.
pub fn forward(
    isa: Isa,
    images: &Images,
    (rows, upcoming): (&[u32], &[u32]),
    weights: &BlockWeights,
    part: &mut BatchPart<'_>,
    pairs: Option<&mut Pairs>,
) {
    let (padded, blocks) = (weights.padded, images.layout().block_count());
    assert_eq!(weights.pairs.len(), blocks * padded / 2, "weights");
    assert_eq!(rows.len(), part.positions.len(), "images of the part");
    assert_eq!(part.sums.len(), rows.len().div_ceil(GROUP) * padded, "sums of {} rows", rows.len());
    let rows = (rows, upcoming);
    match pairs {
        Some(pairs) => {
            let recorder = pairs.begin(blocks, part);
            with_rows!(images, |x| dispatch!(isa, |s| forward_classes(
                s, x, rows, weights, part, recorder
            )));
        }
        None => with_rows!(images, |x| dispatch!(isa, |s| forward_classes(
            s,
            x,
            rows,
            weights,
            part,
            ()
        ))),
    }
}

#[inline(always)]
fn forward_classes<S: Simd, E: Feature, R: Record>(
    s: S,
    images: &BlockRows<E>,
    rows: (&[u32], &[u32]),
    weights: &BlockWeights,
    part: &mut BatchPart<'_>,
    recorder: R,
) {
    let weights = &weights.pairs[..];
    let padded = part.sums.len() / part.labels.len();
    with_classes!(padded, forward_rows::<S, E, R>(s, images, rows, weights, part, recorder));
}

#[inline(always)]
fn forward_rows<S: Simd, E: Feature, R: Record, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    (rows, upcoming): (&[u32], &[u32]),
    weights: &[F32x16],
    part: &mut BatchPart<'_>,
    mut recorder: R,
) {
    let (weights, _) = weights.as_chunks::<H>();
    recorder.begin(weights.len());
    let mut ahead = rows.iter().chain(upcoming).skip(AHEAD);
    let mut farther = rows.iter().chain(upcoming).skip(2 * AHEAD);
    let first_slots = (part.first_slot..).step_by(GROUP);
    let groups = part.sums.chunks_exact_mut(2 * H).zip(first_slots);
    for (rows, (sums, first_slot)) in rows.chunks(GROUP).zip(groups) {
        for (lane, &row) in rows.iter().enumerate() {
            farther.next().iter().for_each(|&&row| images.prefetch_head(row as usize));
            ahead.next().iter().for_each(|&&row| images.prefetch_entries(row as usize));
            let mut pair = Pair::new(images.start(row as usize), first_slot + lane);
            if S::LANES == 2 * LANES {
                let mut acc = [s.splat(0.0); H];
                images.each_block(row as usize, |t, x| {
                    recorder.push(t, pair);
                    pair = pair.next();
                    let x = E::repeat(s, x);
                    for (acc, w) in acc.iter_mut().zip(&weights[t]) {
                        *acc = s.fma(x, s.load(&w.0), *acc);
                    }
                });
                let halves = |c: usize| s.block_of(acc[c / 2], c % 2);
                put_sums(s, halves, &mut sums[..2 * H], lane);
            } else {
                for first in (0..2 * H).step_by(N) {
                    let mut acc = [s.splat(0.0); N];
                    images.each_block(row as usize, |t, x| {
                        if first == 0 {
                            recorder.push(t, pair);
                            pair = pair.next();
                        }
                        let (x, w) = (E::repeat(s, x), &weights[t]);
                        for (c, acc) in (first..).zip(&mut acc) {
                            *acc = s.fma(x, s.load(&w[c / 2].0[c % 2 * LANES..]), *acc);
                        }
                    });
                    let whole = |c: usize| s.block_of(acc[c], 0);
                    put_sums(s, whole, &mut sums[first..first + N], lane);
                }
            }
        }
    }
}

/// Sums the lanes of the accumulator of each class into lane `lane` of its `sums` `[classes]`.
#[inline(always)]
fn put_sums<S: Simd>(
    s: S,
    acc: impl Fn(usize) -> <S::Block as Simd>::V,
    sums: &mut [F32x16],
    lane: usize,
) {
    let last = sums.len() - 1;
    for (four, sums) in (0..).step_by(4).zip(sums.chunks_mut(4)) {
        let of_four = s.block().sum_lanes(std::array::from_fn(|i| acc((four + i).min(last))));
        sums.iter_mut().zip(of_four).for_each(|(to, sum)| to.0[lane] = sum);
    }
}
