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
//! Features are lanes. The weights stand as [block][class][lane], so that one block of an image meets one
//! run of memory, and a gradient lives only in registers. Registers: at most 10 accumulators, one block of
//! features and one of weights or errors = 12 of AVX2's 16; more than 10 classes take two passes.

use crate::batch::{Batch, GROUP};
use crate::isa::{Isa, dispatch};
use crate::layout::{BlockRows, Feature, Images, Layout, with_rows};
use crate::optim::{Weight, update};
use crate::simd::{F32x8, F32x16, Simd, SimdBlock};
use crate::softmax::is_zero;
use crate::spec::{FEW_CLASSES, Rule};

/// Classes are padded to an even number, so that there are 8 shapes of kernel and not 16; the padding is
/// zero and stays zero.
pub fn padded_classes(classes: usize) -> usize {
    classes.next_multiple_of(2)
}

/// Calls `$f::<P, N>` for `P` padded classes, `N` of them at a time.
macro_rules! with_classes {
    ($padded:expr, $f:ident::<$($t:ident),*>($($arg:expr),*)) => {
        match $padded {
            2 => $f::<$($t,)* 2, 2>($($arg),*),
            4 => $f::<$($t,)* 4, 4>($($arg),*),
            6 => $f::<$($t,)* 6, 6>($($arg),*),
            8 => $f::<$($t,)* 8, 8>($($arg),*),
            10 => $f::<$($t,)* 10, 10>($($arg),*),
            12 => $f::<$($t,)* 12, 6>($($arg),*),
            14 => $f::<$($t,)* 14, 7>($($arg),*),
            16 => $f::<$($t,)* 16, 8>($($arg),*),
            other => unreachable!("{other} padded classes of at most {FEW_CLASSES}"),
        }
    };
}

/// Weights of one number for each feature and class, in blocks: [block][padded class][lane].
///
/// Lanes past the edge of the image and padding classes are zero.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockWeights {
    blocks: Vec<F32x8>,
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
        let mut blocks = vec![F32x8::default(); layout.block_count() * padded];
        for (t, block) in blocks.chunks_exact_mut(padded).enumerate() {
            for (lane, k) in layout.lanes(t) {
                for (c, class) in block[..classes].iter_mut().enumerate() {
                    class.0[lane] = weights[k * classes + c];
                }
            }
        }
        Self { blocks, padded }
    }

    /// Writes the weights [features x classes], row-major in file order.
    ///
    /// Panics if the shapes do not fit.
    pub fn scatter(&self, layout: &Layout, classes: usize, weights: &mut [f32]) {
        assert_eq!(padded_classes(classes), self.padded, "{classes} classes");
        assert_eq!(weights.len(), layout.features() * classes, "weights of {classes} classes");
        for (t, block) in self.blocks.chunks_exact(self.padded).enumerate() {
            for (lane, k) in layout.lanes(t) {
                for (c, class) in block[..classes].iter().enumerate() {
                    weights[k * classes + c] = class.0[lane];
                }
            }
        }
    }

    /// The weights as [block][padded class], to be cut into parts for [`backward`].
    pub fn blocks_mut(&mut self) -> &mut [F32x8] {
        &mut self.blocks
    }
}

/// Computes the sums `S` of the images `rows` of `images`: `S[c] = x W[.., c]`, before scale and bias.
///
/// Shapes: `sums` [groups of 16 rows x padded classes]; lanes past the last row are left alone.
/// Equals `spec::logits` bit for bit.
///
/// Panics if the shapes do not fit or there is no such image.
pub fn forward(
    isa: Isa,
    images: &Images,
    rows: &[u32],
    weights: &BlockWeights,
    sums: &mut [F32x16],
) {
    let padded = weights.padded;
    assert_eq!(weights.blocks.len(), images.layout().block_count() * padded, "weights");
    assert_eq!(sums.len(), rows.len().div_ceil(GROUP) * padded, "sums of {} rows", rows.len());
    with_rows!(images, |x| dispatch!(isa, |s| forward_classes(s, x, rows, weights, sums)));
}

#[inline(always)]
fn forward_classes<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    rows: &[u32],
    weights: &BlockWeights,
    sums: &mut [F32x16],
) {
    with_classes!(weights.padded, forward_rows::<S, E>(s, images, rows, &weights.blocks, sums));
}

#[inline(always)]
fn forward_rows<S: Simd, E: Feature, const P: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    rows: &[u32],
    weights: &[F32x8],
    sums: &mut [F32x16],
) {
    let s = s.block();
    let (weights, _) = weights.as_chunks::<P>();
    let (sums, _) = sums.as_chunks_mut::<P>();
    for (rows, sums) in rows.chunks(GROUP).zip(sums) {
        for (lane, &row) in rows.iter().enumerate() {
            let entries = images.entries(row as usize);
            let (blocks, values) = (&images.blocks[entries.clone()], &images.values[entries]);
            for first in (0..P).step_by(N) {
                let mut acc = [s.splat(0.0); N];
                for (&block, x) in blocks.iter().zip(values) {
                    let x = E::load(s, x);
                    let w = &weights[usize::from(block)];
                    for c in 0..N {
                        acc[c] = s.fma(x, s.load8(&w[first + c]), acc[c]);
                    }
                }
                for c in (0..N).step_by(4) {
                    let four = std::array::from_fn(|i| acc[(c + i).min(N - 1)]);
                    for (i, sum) in s.sum_lanes(four).into_iter().enumerate().take(N - c) {
                        sums[first + c + i].0[lane] = sum;
                    }
                }
            }
        }
    }
}

/// A run of blocks that one worker owns: their weights and moments as [block][padded class].
#[derive(Debug)]
pub struct BlockPart<'a> {
    /// The index of the first block.
    pub first: usize,
    /// The weights.
    pub w: &'a mut [F32x8],
    /// The first moments, or the momentum.
    pub m: &'a mut [F32x8],
    /// The second moments.
    pub v: &'a mut [F32x8],
}

/// Where one block of one image of the batch stands.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    /// Index into the values of the images.
    value: u32,
    /// Slot of the image in the batch.
    slot: u32,
}

/// Lists of the images that have a block, for the blocks of one part; kept between steps so that no step
/// allocates.
#[derive(Debug, Default)]
pub struct Buckets {
    /// [block of the part][position]; the first `counts[block]` are in use.
    entries: Vec<Entry>,
    counts: Vec<u32>,
}

impl Buckets {
    /// Sorts the entries of the images `rows` of a batch by block, for `count` blocks from `first` on.
    fn fill<E: Feature>(
        &mut self,
        images: &BlockRows<E>,
        rows: &[u32],
        batch: &Batch,
        (first, count): (usize, usize),
    ) {
        self.counts.clear();
        self.counts.resize(count, 0);
        self.entries.resize(count * rows.len(), Entry::default());
        for (first_slot, positions) in batch.slots() {
            for (slot, &row) in (first_slot..).zip(&rows[positions]) {
                let entries = images.entries(row as usize);
                let blocks = &images.blocks[entries.clone()];
                let skipped = blocks.partition_point(|&block| usize::from(block) < first);
                for (value, &block) in entries.zip(blocks).skip(skipped) {
                    let Some(filled) = self.counts.get_mut(usize::from(block) - first) else {
                        break;
                    };
                    let bucket = (usize::from(block) - first) * rows.len();
                    self.entries[bucket + *filled as usize] =
                        Entry { value: value as u32, slot: slot as u32 };
                    *filled += 1;
                }
            }
        }
    }
}

/// Computes the gradient of the blocks of `part` from the error terms of `batch`, and updates their
/// weights and moments at once; returns whether all new weights are finite.
///
/// Shapes: `rows` [B], the images of the batch in its order. Equals `spec::gradient` and `spec::update`
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
    buckets: &mut Buckets,
) -> bool {
    let (n, padded) = (part.w.len(), batch.padded());
    assert_eq!(rows.len(), batch.len(), "images of the batch");
    assert_eq!((n % padded, part.m.len(), part.v.len()), (0, n, n), "weights and moments");
    with_rows!(images, |x| {
        buckets.fill(x, rows, batch, (part.first, n / padded));
        let (entries, counts) = (&buckets.entries[..], &buckets.counts[..]);
        let lists = entries.chunks_exact(rows.len()).zip(counts).map(|(e, &n)| &e[..n as usize]);
        dispatch!(isa, |s| backward_classes(s, x, lists, batch, rule, part))
    })
}

#[inline(always)]
fn backward_classes<'a, S: Simd, E: Feature, L: Iterator<Item = &'a [Entry]>>(
    s: S,
    images: &BlockRows<E>,
    lists: L,
    batch: &Batch,
    rule: (Rule, f32),
    part: &mut BlockPart<'_>,
) -> bool {
    with_classes!(
        batch.padded(),
        backward_blocks::<S, E, L>(s, images, lists, batch.errors(), rule, part)
    )
}

#[inline(always)]
fn backward_blocks<'a, S: Simd, E: Feature, L, const P: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    lists: L,
    errors: &[F32x16],
    (rule, l2): (Rule, f32),
    part: &mut BlockPart<'_>,
) -> bool
where
    L: Iterator<Item = &'a [Entry]>,
{
    let s = s.block();
    let (errors, _) = errors.as_chunks::<P>();
    let moments = part.m.chunks_exact_mut(P).zip(part.v.chunks_exact_mut(P));
    let mut poison = s.splat(0.0);
    for ((w, (m, v)), list) in part.w.chunks_exact_mut(P).zip(moments).zip(lists) {
        for first in (0..P).step_by(N) {
            let mut acc = [s.splat(0.0); N];
            for entry in list {
                let x = E::load(s, &images.values[entry.value as usize]);
                let slot = entry.slot as usize;
                let d = &errors[slot / GROUP];
                for c in 0..N {
                    acc[c] = s.fma(x, s.splat(d[first + c].0[slot % GROUP]), acc[c]);
                }
            }
            for c in first..first + N {
                let old = Weight { w: s.load8(&w[c]), m: s.load8(&m[c]), v: s.load8(&v[c]) };
                let g = s.fma(s.splat(l2), old.w, acc[c - first]);
                let new = update(s, rule, g, old);
                s.store8(new.w, &mut w[c]);
                s.store8(new.m, &mut m[c]);
                s.store8(new.v, &mut v[c]);
                poison = s.fma(new.w, s.splat(0.0), poison);
            }
        }
    }
    is_zero(s, poison)
}
