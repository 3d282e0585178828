//! Backward: gradient and update of the weights, as many blocks at a time as a vector holds.
//!
//! Registers: one accumulator a class, one vector of features; error terms are broadcast from memory as they are
//! multiplied. With 8 lanes there is room for 10 classes; more take two passes.
//!
//! With 16 lanes a vector holds two blocks side by side, though an image may have one of them alone; then zeros
//! fill the other's place: 21 vectors an image of MNIST instead of 31, each of twice the multiply-adds. (What a
//! zero adds to a sum is nothing, unless the sum is -0; see [`Feature::CAN_UNDERFLOW`].) Weights stand by class
//! within a block, so the sums of two classes trade halves before the update.
//!
//! The bound of Zen 4, which takes a cycle for a multiply-add of 16 lanes: 211 cycles an image, and 40 for Adam, whose
//! square roots and divisions take 80 but go on beside multiply-adds and cost them 2 each. This takes 227 in a loop
//! of its own without Adam, 290 with it, and 340 in training, where it fetches images too: 5.1 ms an epoch of
//! MNIST on one thread at 3.7 GHz. Of the 50 cycles that only training takes, 33 fetch images. In batches of
//! 1,000, whose lists are ten times as long, and with plain descent for Adam, all takes 235 where the images are in the
//! cache; in batches of 100, 282: that is what the end of a list costs.
//!
//! Lost on Zen 4, cycles an image in the loop of its own: a block in both halves with the error terms of two
//! classes, picked from a register (272) or broadcast in pairs (262); a block alone in 8 lanes (234, and in training 5.7
//! ms and longer lists); zeros by a mask of the lanes (247); two and three of the ten error terms picked from
//! a register, since broadcasts to 16 lanes load one a cycle (237, 255); the 16 lanes as two vectors of 8 (315).
//!
//! Lost on Zen 4 in training, ms an epoch: half of a list's update in the middle of the next list (5.5); a masked load in place of
//! the shuffle that puts a block in its half (5.9); an image to fetch between every 16 entries (5.3); the update as a call (5.7), or without l2 and the check that weights are finite (no
//! difference). With 8 lanes, which take 6.4: the optimiser's numbers in registers all along (7.7).
//!
//! The end of a list takes 33 ns with plain descent and 55 with Adam, which is why batches of 100 take longer than the bound:
//! as many where lists are equally long, whose ends are foreseen, and where all weights stay in the first cache, so that it is
//! neither a wrong guess nor memory. 30 stores of 16 lanes, two cycles each, are 16 of them. A vector of the last list's update
//! between every two entries of the next (lists of 20 images or more, all of 40: 5 % less; MNIST's: 89.6 ns an image, 87.4 before)
//! does not hide it. (If the rule is copied to the stack before each vector, its loads span two stores and wait for both: 125.)
//! In a loop of its own in the first cache, a list of 40 takes 400 cycles, with Adam 560 (without roots and divisions 505), with
//! the gradient in registers until the update 556, and with a vector of the update after every two entries 529: stores of
//! 16 lanes beside multiply-adds take 1.7 to 2.4 cycles each where they come together, 1.3 to 1.9 where they are spread.
//!
//! What 8 lanes lose on Zen 4 by today's lists: an entry takes 8.4 cycles in a loop of its own, 5.9 where what bounds are
//! checked against is in registers, and 5.5 if a list says in one number where features and error terms stand, because all
//! loads share two ports; with 16 lanes 10.1. A list of 43 with its update takes 593 cycles, two of 32 with 8 lanes 531. Lists
//! of one block each were not written: to make them takes 0.2 ms an epoch more, they have twice as many ends, and on processors
//! with two multiply-adds of 16 lanes a cycle they would lose.
//!
//! Compared in one process (Zen 4, "Small differences" in docs/benchmarks.md), of a step on one thread: upcoming images asked
//! for before a list's sums and not after them, 2.3 % more, after its update 1.6; moments asked for before the sums 2.9 more,
//! weights too 4.7; the features of later entries asked for 2.3 to 4.7 more, of the next line with each entry 0.3; a list's
//! update after the sums of the next, which it need not wait for, 0.4 more, after the first one, four or ten entries of the
//! next 0.4, 0.8 and 1.1 more, its vectors between every two or three entries of the next 5; the gradient in registers until
//! the update the same. What an update costs, by leaving it out: square root and division 5.5, division alone 3.4, everything
//! of Adam's but a multiply-add 10; the penalty 0.3, the check that weights are finite 0.4, that of what is too small to count
//! nothing.
//!
//! Lost on Zen 5: each error term copied 8 times beforehand, 32 KB that fill the L1 cache (0.1 ms more); two blocks
//! at once, one after the other (0.05 ms less, for twice the code).
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

use std::hint::black_box;
use std::ops::Range;

use super::lists::Lists;
use super::many::{self, ByBlock};
use super::shown::{Shown, prefetch_shown};
use super::upcoming::Upcoming;
use super::{AT_ONCE, with_classes};
use crate::batch::ErrorRows;
use crate::images::{BlockRows, Feature};
use crate::optim::update_vectors;
use crate::simd::{F32x16, Simd, Stream, flat_mut};
use crate::softmax::is_zero;
use crate::spec::{LANES, Update};

/// A run of blocks that one worker owns: their weights and moments, as [`BlockWeights`](super::BlockWeights) has them.
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
    /// The weights as other threads see them, where there are any.
    pub shown: Option<Shown<'a>>,
}

impl BlockPart<'_> {
    /// The blocks, of so many padded classes.
    ///
    /// Panics if weights and moments are not of the same whole blocks.
    pub(super) fn blocks(&self, padded: usize) -> Range<usize> {
        let n = self.w.len();
        let shown = self.shown.as_ref().map_or(n, |shown| shown.weights.len());
        assert_eq!(
            (n % (padded / 2), self.m.len(), self.v.len()),
            (0, n, n),
            "weights and moments"
        );
        assert_eq!(shown, n, "weights that are shown");
        self.first..self.first + n / (padded / 2)
    }
}

/// [`BlockIndex::backward`](super::BlockIndex::backward) of up to 16 classes.
#[inline(always)]
pub(super) fn of_lists<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    lists: &Lists,
    ErrorRows { rows: errors, padded, .. }: ErrorRows<'_>,
    update: Update,
    to: (BlockPart<'_>, &Upcoming<'_>),
) -> bool {
    assert_eq!(lists.per_list(), S::BLOCKS, "blocks in a list");
    with_classes!(padded, of_classes::<S, E>(s, images, lists, errors, update, to))
}

/// The same of more, with room for the gradient of half a block.
#[inline(always)]
pub(super) fn of_blocks<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    by_block: &ByBlock,
    ErrorRows { rows: errors, .. }: ErrorRows<'_>,
    update: Update,
    (room, to): (&mut [f32], (BlockPart<'_>, &Upcoming<'_>)),
) -> bool {
    let first = to.0.first;
    walk(
        s,
        images,
        room,
        update,
        to,
        #[inline(always)]
        |i, g| many::gradient(s, by_block, errors, (first + i / 2, i % 2), g),
    )
}

#[inline(always)]
fn of_classes<S: Simd, E: Feature, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    lists: &Lists,
    errors: &[F32x16],
    update: Update,
    to: (BlockPart<'_>, &Upcoming<'_>),
) -> bool {
    // In memory, as the weights stand: the update need not be written out for each of their vectors.
    let mut room = [F32x16::default(); N];
    let room = &mut flat_mut(&mut room)[..S::BLOCKS * N * LANES];
    walk(
        s,
        images,
        room,
        update,
        to,
        #[inline(always)]
        |i, g| {
            let gradient = gradient::<_, E, H, _>(s, images, || lists.list_of(i, errors));
            for (h, [even, odd]) in gradient.into_iter().enumerate() {
                // The two halves of a block's pair of classes, or that pair of one block and of the next.
                let step = if S::BLOCKS == 1 { LANES } else { N * LANES };
                let [first, second] = s.zip_blocks(even, odd);
                s.store(first, &mut g[2 * LANES * h..]);
                s.store(second, &mut g[2 * LANES * h + step..]);
            }
        },
    )
}

/// Walks the part list by list: the gradient, which `gradient` puts into the room `g`, and the update, whose weights are shown.
#[inline(always)]
fn walk<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    g: &mut [f32],
    update: Update,
    (part, upcoming): (BlockPart<'_>, &Upcoming<'_>),
    gradient: impl Fn(usize, &mut [f32]),
) -> bool {
    let of_list = g.len();
    let BlockPart { first, w, m, v, shown } = part;
    let (shown, others) =
        shown.map_or((None, &[][..]), |shown| (Some(shown.weights), shown.others));
    let mut shown = shown.map(Stream::to);
    let (own, n_lists) = (w.len(), w.len().div_ceil(of_list / 16));
    let (w, m, v) = (flat_mut(w), flat_mut(m), flat_mut(v));
    let moments = m.chunks_mut(of_list).zip(v.chunks_mut(of_list));
    let mut poison = s.splat(0.0);
    for (i, (w, (m, v))) in w.chunks_mut(of_list).zip(moments).enumerate() {
        if let Some(shown) = &shown {
            let lines = i * of_list / 16..(i + 1) * of_list / 16;
            prefetch_shown(shown, others, lines, own);
        }
        gradient(i, g);
        upcoming.prefetch_entries(images, first, (i, n_lists));
        // The last list may be for one block alone. The rule comes from memory each time, because vectors of its
        // numbers would take registers from the sums above.
        let (update, g, to) = (black_box(update), &g[..w.len()], (w, m, v));
        // Two loops, for 170 KB of code: one with a choice for each vector takes 0.5 % of a step more on one thread, 0.4 on two.
        let poison_of_list = match &mut shown {
            None => update_vectors(s, update, g, to, drop),
            Some(shown) => update_vectors(
                s,
                update,
                g,
                to,
                #[inline(always)]
                |w| s.stream(w, shown),
            ),
        };
        poison = s.add(poison, poison_of_list);
    }
    is_zero(s, poison)
}

/// The gradient of a vector of blocks, for each pair of classes: the sums over the images that are listed for it.
#[inline(always)]
fn gradient<'a, S: Simd, E: Feature, const H: usize, L>(
    s: S,
    images: &BlockRows<E>,
    list: impl Fn() -> L,
) -> [[S::V; 2]; H]
where
    L: Iterator<Item = (usize, u32, &'a F32x16)>,
{
    if S::BLOCKS == 2 || 2 * H <= AT_ONCE {
        return sums::<_, _, H, 2>(s, images, list(), 0);
    }
    let even = sums::<_, _, H, 1>(s, images, list(), 0);
    let odd = sums::<_, _, H, 1>(s, images, list(), 1);
    std::array::from_fn(
        #[inline(always)]
        |h| [even[h][0], odd[h][0]],
    )
}

/// Of each pair of classes the sums for `P` of them, from the one numbered `first` on.
#[inline(always)]
fn sums<'a, S: Simd, E: Feature, const H: usize, const P: usize>(
    s: S,
    images: &BlockRows<E>,
    list: impl Iterator<Item = (usize, u32, &'a F32x16)>,
    first: usize,
) -> [[S::V; P]; H] {
    let mut sums = [[s.splat(0.0); P]; H];
    let values = images.values();
    // Behind the last entry there is no other to read.
    let last = [values.last().copied().unwrap_or_default(), E::Block::default()];
    for (entry, present, d) in list {
        let blocks = match values.get(entry..entry + S::BLOCKS) {
            Some(blocks) => blocks,
            None => {
                assert_eq!(entry + 1, values.len(), "lists of these images");
                &last
            }
        };
        let x = E::spread(s, blocks, present);
        for (h, sums) in sums.iter_mut().enumerate() {
            for (p, sum) in sums.iter_mut().enumerate() {
                let new = s.fma(x, s.splat(d.0[2 * h + first + p]), *sum);
                *sum = if E::CAN_UNDERFLOW && S::BLOCKS > 1 {
                    s.select(s.lanes_of(present), new, *sum)
                } else {
                    new
                };
            }
        }
    }
    sums
}
