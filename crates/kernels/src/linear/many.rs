//! More than 16 classes: sums forward and gradients backward, half a block of features at a time, over the images that
//! have the block.
//!
//! ```text
//! S[image][c] = sum over the features k, in file order, of  x[image][k] * W[k][c]      x [B x D], W [D x C]
//! G[k][c]     = sum over the images, in the batch's order, of  x[image][k] * d[image][c]
//!
//! forward   for each half block, in file order:      backward   for each half block:
//!     w[j] = weights of its 4 features                   g[j] = 0
//!     for each image of the part that has it:            for each image of the batch that has it:
//!         x = its 4 features                                 x = its 4 features
//!         S[image] += x[j] * w[j]     j ascending            g[j] += x[j] * d[image]
//! ```
//!
//! Classes are lanes, features are broadcast. Before the forward pass a thread lists its own images by all blocks, before the
//! backward pass all images of the batch by its own blocks, and makes f32 of their pixels ([`ByBlock`]). One thread alone lists
//! once for both.
//!
//! The definition leaves no feature out where there are so many classes. To skip background gives its bits where features
//! are u8 and weights finite, because a sum starts at +0, is never -0, and +0 and -0 change no other number (see
//! [`Feature::CAN_UNDERFLOW`]). So f32 features take `dense`, and weights that are not finite are looked for.
//!
//! Registers, 4 V of weights (or sums) + V of sums (or error terms) + 1 of a feature, V vectors of classes in a pass: AVX-512 at
//! most V = 4, 16 + 4 = 20 of 32, the feature being broadcast by the multiply-add; AVX2 V = 2, 8 + 2 + 1 = 11 of 16. More
//! classes take several passes.
//!
//! An epoch of MNIST on one thread of an Emerald Rapids, ms at best:
//!
//! | | AVX-512 | AVX2 |
//! |---|---:|---:|
//! | 26 classes, images spread out for `gemm` | 82 | 126 |
//! | 26 classes, this | 34 | 45 |
//! | 47 classes, images spread out for `gemm` | 108 | 168 |
//! | 47 classes, this | 47 | 96 |
//!
//! Of 33 ms of steps of 26 classes 16 went forward and 15 back when images were still listed block by block; image by image
//! takes a little less.
//!
//! # Tried and lost
//!
//! On that Emerald Rapids, 26 classes:
//!
//! | tried | ms an epoch | |
//! |---|---:|---|
//! | pixels made f32 again in each half and pass | 42.8 | of steps alone, for 33 |
//! | pixels made f32 once a list, but lists made for each pass as `lists` makes them | 36.6 | of steps alone, for 33 |
//! | two threads, the backward pass walking what the other thread has listed | 37.9 | for 33.2 on one thread: its next forward pass must take each of those lines back |

use std::ops::Range;

use crate::batch::GROUP;
use crate::images::{BlockRows, Feature, Images, with_rows};
use crate::isa::{Isa, dispatch};
use crate::ladder::with_const;
use crate::layout::{HALF, Layout};
use crate::simd::{F32x8, F32x16, Simd, transpose16};
use crate::spec::LANES;

/// Images between the one whose entries are asked for and the one that is taken.
const AHEAD: usize = 2;

/// From so many images on those of each block are counted before they are listed. Below, each block has room for all.
const COUNTED: usize = 2048;

/// The most lines of 16 classes in one pass: what the tier has registers for.
fn most_lines<S: Simd>() -> usize {
    if S::LANES == 16 { 4 } else { 1 }
}

/// The passes over `class_lines` lines of 16 classes: the first line of each, and how many vectors it has.
fn passes<S: Simd>(_: S, class_lines: usize) -> impl Iterator<Item = (usize, usize)> {
    // About as many lines in each.
    let passes = class_lines.div_ceil(most_lines::<S>()).max(1);
    let each = class_lines.div_ceil(passes).max(1);
    let first = (0..class_lines).step_by(each);
    first.map(move |first| (first, each.min(class_lines - first) * (16 / S::LANES)))
}

/// The line and the lane at which vector `n` of a pass begins.
#[inline(always)]
fn line_and_lane<S: Simd>(_: S, n: usize) -> (usize, usize) {
    (n * S::LANES / 16, n * S::LANES % 16)
}

/// Which of some images have which of some blocks, and with what features; kept between steps so that no step
/// allocates.
#[derive(Clone, Debug, Default)]
pub struct ByBlock {
    blocks: Range<usize>,
    images: usize,
    /// `[block]`: where the images that have it begin and end.
    listed: Vec<Range<usize>>,
    /// `[image that has the block]`: its position.
    positions: Vec<u32>,
    /// `[image that has the block]`: its features, to be broadcast one by one.
    features: Vec<F32x8>,
}

impl ByBlock {
    /// Lists the `blocks` of the images `rows`.
    ///
    /// Panics if there are no such images or blocks.
    pub(super) fn list(&mut self, isa: Isa, images: &Images, rows: &[u32], blocks: Range<usize>) {
        let count = images.layout().block_count();
        assert!(blocks.start <= blocks.end && blocks.end <= count, "{blocks:?} of {count} blocks");
        self.listed.clear();
        self.listed.resize(blocks.len(), 0..0);
        (self.blocks, self.images) = (blocks, rows.len());
        let mut begin = 0;
        if rows.len() < COUNTED {
            // An odd number of cache lines, lest the blocks meet in the same few sets of the cache.
            let stride = (rows.len().div_ceil(2) | 1) * 2;
            self.listed.iter_mut().for_each(|listed| {
                *listed = begin..begin;
                begin += stride;
            });
        } else {
            with_rows!(images, |x| self.count(x, rows));
            self.listed.iter_mut().for_each(|listed| {
                let count = listed.len();
                *listed = begin..begin;
                begin += count;
            });
        }
        self.positions.resize(begin, 0);
        self.features.resize(begin, F32x8::default());
        with_rows!(images, |x| dispatch!(isa, |s| self.take(s, x, rows)));
    }

    /// Counts the images of each block, as ranges from 0 on.
    fn count<E: Feature>(&mut self, images: &BlockRows<E>, rows: &[u32]) {
        for &row in rows {
            images.each_block(row as usize, |t, _| {
                if self.blocks.contains(&t) {
                    self.listed[t - self.blocks.start].end += 1;
                }
            });
        }
    }

    #[inline(always)]
    fn take<S: Simd, E: Feature>(&mut self, s: S, images: &BlockRows<E>, rows: &[u32]) {
        let (s, blocks) = (s.block(), self.blocks.clone());
        let mut ahead = rows.iter().skip(AHEAD);
        for (position, &row) in (0..).zip(rows) {
            if let Some(&row) = ahead.next() {
                images.prefetch_entries(row as usize, 0, true);
            }
            images.each_block(
                row as usize,
                #[inline(always)]
                |t, block| {
                    if blocks.contains(&t) {
                        let end = &mut self.listed[t - blocks.start].end;
                        self.positions[*end] = position;
                        s.store(E::repeat(s, block), &mut self.features[*end].0);
                        *end += 1;
                    }
                },
            );
        }
    }

    /// The images that have block `t`: their positions and its features.
    #[inline(always)]
    fn of(&self, t: usize) -> impl Iterator<Item = (usize, &F32x8)> {
        let listed = self.listed[t - self.blocks.start].clone();
        let positions = self.positions[listed.clone()].iter().map(|&at| at as usize);
        positions.zip(&self.features[listed])
    }

    /// Lists no images.
    pub(super) fn forget(&mut self) {
        (self.blocks, self.images) = (0..0, 0);
    }

    /// Panics if not so many images were listed, or not by all of these blocks.
    pub(super) fn check(&self, blocks: Range<usize>, images: usize) {
        let listed = &self.blocks;
        assert!(
            listed.start <= blocks.start && blocks.end <= listed.end,
            "{blocks:?} of {listed:?}"
        );
        assert_eq!(images, self.images, "images of the batch");
    }
}

/// What the forward pass of a part of a batch keeps between steps, so that no step allocates.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    by_block: ByBlock,
    /// `[16 classes][row]`, up to whole groups.
    sums: Vec<F32x16>,
    /// `[16 classes]`: zero, or NaN where a weight of the class is not finite.
    poison: Vec<F32x16>,
}

impl Scratch {
    /// Lists all blocks of the images `rows`, and makes room for their sums: so many lines of 16 classes.
    ///
    /// Panics if there is no such image.
    pub(super) fn begin(&mut self, isa: Isa, images: &Images, rows: &[u32], class_lines: usize) {
        self.by_block.list(isa, images, rows, 0..images.layout().block_count());
        let sums = (&mut self.sums, rows.len().next_multiple_of(GROUP) * class_lines);
        for (zeros, len) in [sums, (&mut self.poison, class_lines)] {
            zeros.clear();
            zeros.resize(len, F32x16::default());
        }
    }

    /// What the images of the last forward pass have of all blocks.
    pub(crate) fn by_block(&self) -> &ByBlock {
        &self.by_block
    }
}

/// Computes the sums of the images that the scratch was begun with.
///
/// Shapes: `weights` `[block][lane]`, so many lines of 16 classes; `to` `[group of 16 rows][class]`.
#[inline(always)]
pub(super) fn forward<S: Simd>(
    s: S,
    layout: &Layout,
    Scratch { by_block, sums, poison }: &mut Scratch,
    weights: &[F32x16],
    class_lines: usize,
    to: &mut [F32x16],
) {
    let rows = sums.len() / class_lines;
    if rows == 0 {
        return;
    }
    for strip in layout.strips() {
        for (first, n) in passes(s, class_lines) {
            let (sums, poison) = (&mut sums[first * rows..], &mut poison[first..]);
            let blocks = strip.clone();
            let pass = Pass { by_block, blocks, weights: &weights[first..], class_lines, rows };
            with_const!(n, [1 2 3 4], |N| forward_strip::<S, N>(s, &pass, sums, poison));
        }
    }
    for (sums, poison) in sums.chunks_exact_mut(rows).zip(poison) {
        // A weight that is not finite makes no logit of its class a number, under background too.
        if poison.0.iter().any(|p| p.is_nan()) {
            let lanes = sums.iter_mut().flat_map(|sums| sums.0.iter_mut().zip(&poison.0));
            lanes.for_each(|(sum, p)| *sum += p);
        }
    }
    transpose(s, sums, class_lines, to);
}

/// A strip of blocks and the classes of some vectors, from some line on.
struct Pass<'a, B> {
    by_block: &'a ByBlock,
    blocks: B,
    /// `[feature]`, so many lines of 16 classes, from the first line of the pass on.
    weights: &'a [F32x16],
    class_lines: usize,
    /// The rows of a line of sums.
    rows: usize,
}

/// Adds the features of a strip of blocks to the sums, half after half: the upper rows of its tiles come before the
/// lower ones in the file.
#[inline(always)]
fn forward_strip<S: Simd, const N: usize>(
    s: S,
    pass: &Pass<'_, impl Iterator<Item = usize> + Clone>,
    sums: &mut [F32x16],
    poison: &mut [F32x16],
) {
    let &Pass { by_block, ref blocks, weights, class_lines, rows } = pass;
    for (half, t) in (0..2).flat_map(|half| blocks.clone().map(move |t| (half, t))) {
        let mut w = [[s.splat(0.0); N]; HALF];
        for n in 0..N {
            let (line, lane) = line_and_lane(s, n);
            let mut bad = s.load(&poison[line].0[lane..]);
            for (j, w) in w.iter_mut().enumerate() {
                let of_feature = &weights[(t * LANES + half * HALF + j) * class_lines..];
                w[n] = s.load(&of_feature[line].0[lane..]);
                bad = s.fma(w[n], s.splat(0.0), bad);
            }
            s.store(bad, &mut poison[line].0[lane..]);
        }
        for (row, x) in by_block.of(t) {
            let mut acc = [s.splat(0.0); N];
            for (n, acc) in acc.iter_mut().enumerate() {
                let (line, lane) = line_and_lane(s, n);
                *acc = s.load(&sums[line * rows + row].0[lane..]);
            }
            for (&x, w) in x.0[half * HALF..][..HALF].iter().zip(&w) {
                for (acc, &w) in acc.iter_mut().zip(w) {
                    *acc = s.fma(s.splat(x), w, *acc);
                }
            }
            for (n, &acc) in acc.iter().enumerate() {
                let (line, lane) = line_and_lane(s, n);
                s.store(acc, &mut sums[line * rows + row].0[lane..]);
            }
        }
    }
}

/// Transposes sums `[16 classes][row]`, whose rows are whole groups, into `[group][class][16 rows]`.
#[inline(always)]
fn transpose<S: Simd>(s: S, sums: &[F32x16], class_lines: usize, to: &mut [F32x16]) {
    let rows = sums.len() / class_lines;
    for (line, rows) in sums.chunks_exact(rows).enumerate() {
        let groups = to.chunks_exact_mut(16 * class_lines);
        for (rows, to) in rows.as_chunks::<GROUP>().0.iter().zip(groups) {
            transpose16(s, rows, &mut to[16 * line..][..16]);
        }
    }
}

/// The gradient of half a block, `[lane][class]`. `errors` `[16 classes][position]`.
#[inline(always)]
pub(super) fn gradient<S: Simd>(
    s: S,
    by_block: &ByBlock,
    errors: &[F32x16],
    half_block: (usize, usize),
    g: &mut [f32],
) {
    let class_lines = g.len() / (16 * HALF);
    for (first, n) in passes(s, class_lines) {
        let (errors, g) = (&errors[first * by_block.images..], &mut g[16 * first..]);
        with_const!(n, [1 2 3 4], |N| {
            gradient_pass::<S, N>(s, by_block, errors, half_block, g, class_lines)
        });
    }
}

/// The same for the classes of `N` vectors, with which `errors` and `g` begin.
#[inline(always)]
fn gradient_pass<S: Simd, const N: usize>(
    s: S,
    by_block: &ByBlock,
    errors: &[F32x16],
    (t, half): (usize, usize),
    g: &mut [f32],
    class_lines: usize,
) {
    let mut sums = [[s.splat(0.0); N]; HALF];
    for (position, x) in by_block.of(t) {
        let mut d = [s.splat(0.0); N];
        for (n, d) in d.iter_mut().enumerate() {
            let (line, lane) = line_and_lane(s, n);
            *d = s.load(&errors[line * by_block.images + position].0[lane..]);
        }
        for (&x, sums) in x.0[half * HALF..][..HALF].iter().zip(&mut sums) {
            for (sum, &d) in sums.iter_mut().zip(&d) {
                *sum = s.fma(s.splat(x), d, *sum);
            }
        }
    }
    for (j, sums) in sums.iter().enumerate() {
        for (n, &sum) in sums.iter().enumerate() {
            s.store(sum, &mut g[j * 16 * class_lines + n * S::LANES..]);
        }
    }
}
