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
//! run of memory, and a gradient lives only in registers. A vector of 16 lanes holds two classes of a
//! block forward; backward, where each class wants its own error term, vectors of 8 load less.
//!
//! Registers: at most 10 accumulators, one vector of features and one of weights or errors = 12 of AVX2's
//! 16; more than 10 classes take two passes there.

use crate::batch::{Batch, GROUP};
use crate::isa::{Isa, dispatch};
use crate::layout::{BlockRows, Feature, Images, Layout, NO_BLOCK, with_rows};
use crate::optim::{Weight, update};
use crate::simd::{F32x16, Simd, SimdBlock, flat};
use crate::softmax::is_zero;
use crate::spec::{FEW_CLASSES, LANES, Rule};

/// Images between the one whose features are asked for and the one that is worked on.
const AHEAD: usize = 10;

/// Classes are padded to an even number, so that two make a vector of 16 lanes; the padding is zero and
/// stays zero.
pub fn padded_classes(classes: usize) -> usize {
    classes.next_multiple_of(2)
}

/// Calls `$f::<.., H, N>` for `H` pairs of classes, `N` classes at a time.
macro_rules! with_classes {
    ($padded:expr, $f:ident::<$($t:ident),*>($($arg:expr),*)) => {
        match $padded {
            2 => $f::<$($t,)* 1, 2>($($arg),*),
            4 => $f::<$($t,)* 2, 4>($($arg),*),
            6 => $f::<$($t,)* 3, 6>($($arg),*),
            8 => $f::<$($t,)* 4, 8>($($arg),*),
            10 => $f::<$($t,)* 5, 10>($($arg),*),
            12 => $f::<$($t,)* 6, 6>($($arg),*),
            14 => $f::<$($t,)* 7, 7>($($arg),*),
            16 => $f::<$($t,)* 8, 8>($($arg),*),
            other => unreachable!("{other} padded classes of at most {FEW_CLASSES}"),
        }
    };
}

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

    /// The weights as `[block][pair of classes]`, to be cut into parts for [`backward`].
    pub fn pairs_mut(&mut self) -> &mut [F32x16] {
        &mut self.pairs
    }
}

/// Computes the sums `S` of the images `rows` of `images`: `S[c] = x W[.., c]`, before scale and bias.
///
/// Shapes: `sums` [groups of 16 rows x padded classes]; lanes past the last row are left alone. The
/// images `upcoming` are fetched into the cache on the way. Equals `spec::logits` bit for bit.
///
/// Panics if the shapes do not fit or there is no such image.
pub fn forward(
    isa: Isa,
    images: &Images,
    (rows, upcoming): (&[u32], &[u32]),
    weights: &BlockWeights,
    sums: &mut [F32x16],
) {
    let padded = weights.padded;
    assert_eq!(weights.pairs.len(), images.layout().block_count() * padded / 2, "weights");
    assert_eq!(sums.len(), rows.len().div_ceil(GROUP) * padded, "sums of {} rows", rows.len());
    let rows = (rows, upcoming);
    with_rows!(images, |x| dispatch!(isa, |s| forward_classes(s, x, rows, weights, sums)));
}

#[inline(always)]
fn forward_classes<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    rows: (&[u32], &[u32]),
    weights: &BlockWeights,
    sums: &mut [F32x16],
) {
    with_classes!(weights.padded, forward_rows::<S, E>(s, images, rows, &weights.pairs, sums));
}

#[inline(always)]
fn forward_rows<S: Simd, E: Feature, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    (rows, upcoming): (&[u32], &[u32]),
    weights: &[F32x16],
    sums: &mut [F32x16],
) {
    let (weights, _) = weights.as_chunks::<H>();
    let mut ahead = rows.iter().chain(upcoming).skip(AHEAD);
    for (rows, sums) in rows.chunks(GROUP).zip(sums.chunks_exact_mut(2 * H)) {
        for (lane, &row) in rows.iter().enumerate() {
            if let Some(&row) = ahead.next() {
                images.prefetch(row as usize);
            }
            let entries = images.entries(row as usize);
            let entries = images.blocks[entries.clone()].iter().zip(&images.values[entries]);
            if S::LANES == 2 * LANES {
                let mut acc = [s.splat(0.0); H];
                for (&block, x) in entries {
                    let (x, w) = (E::repeat(s, x), &weights[usize::from(block)]);
                    for (acc, w) in acc.iter_mut().zip(w) {
                        *acc = s.fma(x, s.load(&w.0), *acc);
                    }
                }
                let halves = |c: usize| s.block_of(acc[c / 2], c % 2);
                put_sums::<S, H>(s, halves, 2 * H, &mut sums[..2 * H], lane);
            } else {
                for first in (0..2 * H).step_by(N) {
                    let mut acc = [s.splat(0.0); N];
                    for (&block, x) in entries.clone() {
                        let (x, w) = (E::repeat(s, x), &weights[usize::from(block)]);
                        for (c, acc) in acc.iter_mut().enumerate() {
                            let c = first + c;
                            *acc = s.fma(x, s.load(&w[c / 2].0[c % 2 * LANES..]), *acc);
                        }
                    }
                    let whole = |c: usize| s.block_of(acc[c], 0);
                    put_sums::<S, H>(s, whole, N, &mut sums[first..first + N], lane);
                }
            }
        }
    }
}

/// Sums the lanes of each of `n` accumulators into lane `lane` of `sums` `[n]`.
#[inline(always)]
fn put_sums<S: Simd, const H: usize>(
    s: S,
    acc: impl Fn(usize) -> <S::Block as Simd>::V,
    n: usize,
    sums: &mut [F32x16],
    lane: usize,
) {
    for c in (0..n).step_by(4) {
        let four = std::array::from_fn(|i| acc((c + i).min(n - 1)));
        let four = s.block().sum_lanes(four);
        for (sum, to) in four.into_iter().zip(&mut sums[c..]) {
            to.0[lane] = sum;
        }
    }
}

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

/// How far a worker has come through the images of a batch; kept between steps so that no step allocates.
///
/// All walk through their blocks side by side: at block t, the images that have it are those whose next
/// block is t. They are found 64 at a time, as the bits of one comparison.
#[derive(Debug, Default)]
pub struct Cursors {
    images: Vec<Cursor64>,
    /// The images that have the block at hand: its index among all entries, and that of their error terms
    /// among all numbers of the batch's.
    list: Vec<(u32, u32)>,
}

/// The cursors of 64 images.
#[derive(Clone, Copy, Debug)]
struct Cursor64 {
    /// The next block, or `NO_BLOCK`.
    next: [u16; 64],
    /// Its index among all entries, and that of the image's error terms among all numbers of the batch's.
    at: [(u32, u32); 64],
}

impl Cursors {
    /// Sets the cursors of the images `rows` of a batch to their first blocks from `first` on.
    fn set<E: Feature>(
        &mut self,
        images: &BlockRows<E>,
        rows: &[u32],
        batch: &Batch,
        first: usize,
    ) {
        let none = Cursor64 { next: [NO_BLOCK; 64], at: [(0, 0); 64] };
        self.images.clear();
        self.images.resize(rows.len().div_ceil(64), none);
        self.list.resize(64 * self.images.len(), (0, 0));
        for (first_slot, positions) in batch.slots() {
            for (slot, position) in (first_slot..).zip(positions) {
                let entries = images.entries(rows[position] as usize);
                let blocks = &images.blocks[entries.clone()];
                // Counting all is faster than to search: the compiler compares many at once.
                let before = blocks.iter().filter(|&&block| usize::from(block) < first).count();
                let (entry, cursors) = (entries.start + before, &mut self.images[position / 64]);
                cursors.next[position % 64] = images.blocks[entry];
                let error = slot / GROUP * batch.padded() * GROUP + slot % GROUP;
                cursors.at[position % 64] = (entry as u32, error as u32);
            }
        }
    }

    /// Lists the images that have block `t`, in batch order, and moves their cursors on.
    #[inline(always)]
    fn take<S: Simd>(&mut self, s: S, t: u16, blocks: &[u16]) -> &[(u32, u32)] {
        let mut len = 0;
        for Cursor64 { next, at } in &mut self.images {
            let mut having = s.equal_bits(next, t);
            while having != 0 {
                let i = having.trailing_zeros() as usize % 64;
                having &= having - 1;
                self.list[len] = at[i];
                len += 1;
                at[i].0 += 1;
                next[i] = blocks[at[i].0 as usize];
            }
        }
        &self.list[..len]
    }
}

/// Computes the gradient of the blocks of `part` from the error terms of `batch`, and updates their
/// weights and moments at once; returns whether all new weights are finite.
///
/// Shapes: `rows` `[B]`, the images of the batch in its order. Equals `spec::gradient` and `spec::update`
/// bit for bit.
///
/// Panics if the shapes do not fit or there is no such image.
pub fn backward(
    isa: Isa,
    images: &Images,
    rows: &[u32],
    batch: &Batch,
    rule: (Rule, f32),
    part: &mut BlockPart<'_>,
    cursors: &mut Cursors,
) -> bool {
    let (n, half) = (part.w.len(), batch.padded() / 2);
    assert_eq!(rows.len(), batch.len(), "images of the batch");
    assert_eq!((n % half, part.m.len(), part.v.len()), (0, n, n), "weights and moments");
    let (end, blocks) = (part.first + n / half, images.layout().block_count());
    assert!(end <= blocks, "blocks up to {end} of {blocks}");
    with_rows!(images, |x| {
        cursors.set(x, rows, batch, part.first);
        dispatch!(isa, |s| backward_classes(s, x, batch, rule, part, cursors))
    })
}

#[inline(always)]
fn backward_classes<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    batch: &Batch,
    rule: (Rule, f32),
    part: &mut BlockPart<'_>,
    cursors: &mut Cursors,
) -> bool {
    with_classes!(batch.padded(), backward_blocks::<S, E>(s, images, batch, rule, part, cursors))
}

#[inline(always)]
fn backward_blocks<S: Simd, E: Feature, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    batch: &Batch,
    (rule, l2): (Rule, f32),
    part: &mut BlockPart<'_>,
    cursors: &mut Cursors,
) -> bool {
    let (errors, b) = (flat(batch.errors()), s.block());
    let moments = part.m.chunks_exact_mut(H).zip(part.v.chunks_exact_mut(H));
    let weights = part.w.chunks_exact_mut(H).zip(moments);
    let (blocks, values) = (&images.blocks[..], &images.values[..]);
    let mut poison = b.splat(0.0);
    for (t, (w, (m, v))) in (part.first..).zip(weights) {
        let list = cursors.take(s, t as u16, blocks);
        for first in (0..2 * H).step_by(N) {
            let errors = &errors[first * GROUP..];
            let mut acc = [b.splat(0.0); N];
            for &(entry, error) in list {
                let x = E::repeat(b, &values[entry as usize]);
                let d = &errors[error as usize..][..(N - 1) * GROUP + 1];
                for (c, acc) in acc.iter_mut().enumerate() {
                    *acc = b.fma(x, b.splat(d[c * GROUP]), *acc);
                }
            }
            for (c, &g) in (first..).zip(&acc) {
                let (pair, lanes) = (c / 2, c % 2 * LANES..c % 2 * LANES + LANES);
                let w = &mut w[pair].0[lanes.clone()];
                let m = &mut m[pair].0[lanes.clone()];
                let v = &mut v[pair].0[lanes];
                let old = Weight { w: b.load(w), m: b.load(m), v: b.load(v) };
                let new = update(b, rule, b.fma(b.splat(l2), old.w, g), old);
                b.store(new.w, w);
                b.store(new.m, m);
                b.store(new.v, v);
                poison = b.fma(new.w, b.splat(0.0), poison);
            }
        }
    }
    is_zero(b, poison)
}
