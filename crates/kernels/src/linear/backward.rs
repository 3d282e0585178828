//! Backward: gradient and update of the weights, as many blocks at a time as a vector holds.
//!
//! ```text
//! G[t][c] = sum over the images that have block t, in the batch's order, of  x[image][t] * d[image][c]    x[..] [8], d [B x C]
//!
//! for each list (of block t; with 16 lanes of t and t + 1):           made by `lists`
//!     acc[c] = 0
//!     for each image of the list:
//!         x = its features of t and t + 1, zeros for one that it has not
//!         acc[c] += x * d[image][c]                                   d: error terms, broadcast
//!     ask for some images of the next step                            see `upcoming`
//!     W[t], W[t + 1] = update by acc, and shown to other threads      see `optim`, `shown`
//! ```
//!
//! With 16 lanes a vector holds two blocks side by side, though an image may have one of them alone; then zeros fill the
//! other's place: 18.5 vectors an image of MNIST instead of 31, each of twice the multiply-adds. (What a zero adds to a sum is
//! nothing, unless the sum is -0; see [`Feature::CAN_UNDERFLOW`].) Weights stand by class within a block, so the sums of two
//! classes trade halves before the update.
//!
//! Registers, a class an accumulator + 1 of features: AVX-512 16 + 1 = 17 of 32 at most, error terms being broadcast by the
//! multiply-add itself; AVX2 10 + 1 + 1 of an error term = 12 of 16, and above 10 classes two passes.
//!
//! # The bound
//!
//! Zen 4 takes a cycle for a multiply-add of 16 lanes: 18.5 vectors x 10 classes = 185 cycles an image. What was measured, here
//! and below, is from when the two blocks of a vector stood side by side (version 1 of the numerics): 21.1 vectors, and so 211
//! cycles. Adam, 4.9 vectors an image, adds 40: its square roots and divisions occupy their unit for 80 cycles while
//! multiply-adds go on, of which each root or division costs 2.
//!
//! | | cycles an image |
//! |---|---:|
//! | the bound, without and with Adam | 211, 251 |
//! | a loop of its own, without and with Adam | 227, 290 |
//! | in training, with Adam; 33 of it fetch images | 340 (5.1 ms an epoch) |
//! | plain descent, images in the cache, batches of 1,000; of 100 | 235; 282 |
//!
//! The last line is what the ends of lists cost, ten times as many of them in batches of 100. The end of a list takes 33 ns with
//! plain descent and 55 with Adam. It costs the same where all lists have one length, so that their ends are foreseen, and where all weights
//! stay in the first cache: neither wrong guesses nor memory explain it. 30 stores of 16 lanes, two cycles each, are 16 of
//! the 33 ns; they take 1.7 to 2.4 cycles each where they come together, 1.3 to 1.9 where multiply-adds stand between them.
//! In a loop of its own in the first cache a list of 40 takes 400 cycles, with Adam 560 (without roots and divisions 505), with the gradient in
//! registers until the update 556, and with a vector of the update after every two entries 529.
//!
//! # Tried and lost
//!
//! Of a step:
//!
//! | tried | time |
//! |---|---|
//! | a list's update after the sums of the next; after one, four, ten entries of the next | 0.4 % more; 0.4, 0.8, 1.1 |
//! | its vectors between every two or three entries of the next | 5 % more |
//! | the gradient in registers until the update | no difference |
//! | upcoming images asked for before a list's sums, not after them; after its update | 2.3 % more; 1.6 |
//! | moments asked for before the sums; weights too | 2.9 % more; 4.7 |
//! | the features of later entries asked for; of the next line with each entry | 2.3 to 4.7 % more; 0.3 |
//! | left out, to see what an update costs: square root and division; division alone; all of Adam but a multiply-add | 5.5 % less; 3.4; 10 |
//! | left out: the penalty; the check that weights are finite; that of what is too small to count | 0.3 % less; 0.4; nothing |
//!
//! A loop of its own:
//!
//! | tried | cycles an image | |
//! |---|---:|---|
//! | a block in both halves with the error terms of two classes, picked from a register; broadcast in pairs | 272; 262 | for 227 |
//! | zeros by a mask of the lanes | 247 | for 227 |
//! | two and three of the ten error terms picked from a register, since broadcasts to 16 lanes load one a cycle | 237; 255 | for 227 |
//! | the 16 lanes as two vectors of 8 | 315 | for 227 |
//! | a block alone in 8 lanes | 234 | in training 5.7 ms an epoch for 5.1, and longer lists |
//!
//! 8 lanes lose by today's lists, of two blocks: an entry takes 8.4 cycles, 5.9 where what bounds are checked against is in
//! registers, and 5.5 if a list says in one number where features and error terms stand, because all loads share two ports; with
//! 16 lanes 10.1. A list of 43 with its update takes 593 cycles, two of 32 with 8 lanes 531. Lists of one block each were not
//! written: to make them takes 0.2 ms an epoch more, they have twice as many ends, and on processors with two multiply-adds
//! of 16 lanes a cycle they would lose.
//!
//! In training, ms of the backward pass an epoch where nothing else is said:
//!
//! | tried | time | |
//! |---|---|---|
//! | half of a list's update in the middle of the next list | 5.5 | for 5.1 |
//! | a masked load, not the shuffle that puts a block in its half | 5.9 | for 5.1 |
//! | an image to fetch between every 16 entries | 5.3 | for 5.1 |
//! | the update as a call | 5.7 | for 5.1 |
//! | 8 lanes with the optimiser's numbers in registers all along | 7.7 | for 6.4 |
//! | a vector of the last list's update between every two entries of the next | 89.6 ns an image | for 87.4; where all lists have 40 images, 5 % less |
//! | the same, the rule copied to the stack before each vector, whose loads span two stores and wait for both | 125 ns | for 87.4 |
//! | each error term copied 8 times beforehand, 32 KB that fill the first cache | 0.1 more | Zen 5 |
//! | two blocks at once, one after the other | 0.05 less, for twice the code | Zen 5 |
//!
//! How the images of a block are found, ms, with 8 lanes, before there were lists as `lists` makes them:
//!
//! | | ms |
//! |---|---:|
//! | pairs written down by the forward pass, where they cost 1 more | 4.5 |
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
use super::{AT_ONCE, lines_per_block};
use crate::batch::ErrorRows;
use crate::images::{BlockRows, Feature};
use crate::ladder::with_const;
use crate::optim::update_vectors;
use crate::simd::{F32x16, Simd, Stream, flat_mut};
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
    /// Its blocks, of so many padded classes.
    ///
    /// Panics if weights and moments are not of the same whole blocks.
    pub(super) fn checked_blocks(&self, padded: usize) -> Range<usize> {
        let n = self.w.len();
        let shown = self.shown.as_ref().map_or(n, |shown| shown.weights.len());
        assert_eq!(
            (n % lines_per_block(padded), self.m.len(), self.v.len()),
            (0, n, n),
            "weights and moments"
        );
        assert_eq!(shown, n, "weights that are shown");
        self.first..self.first + n / lines_per_block(padded)
    }
}

/// What the backward pass writes to, and what it asks for on the way.
#[derive(Debug)]
pub(super) struct Target<'a> {
    pub(super) part: BlockPart<'a>,
    pub(super) upcoming: &'a Upcoming<'a>,
}

/// [`BlockIndex::backward`](super::BlockIndex::backward) of up to 16 classes.
#[inline(always)]
pub(super) fn few_classes<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    lists: &Lists,
    errors: ErrorRows<'_>,
    update: Update,
    target: Target<'_>,
) -> bool {
    assert_eq!(lists.per_list(), S::BLOCKS, "blocks in a list");
    with_const!(errors.padded, [2 4 6 8 10 12 14 16], |N| {
        by_lists::<S, E, { N / 2 }, N>(s, images, lists, errors.rows, update, target)
    })
}

/// [`BlockIndex::backward`](super::BlockIndex::backward) of more than 16, with room for the gradient of half a block.
#[inline(always)]
pub(super) fn many_classes<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    by_block: &ByBlock,
    errors: ErrorRows<'_>,
    update: Update,
    gradient: &mut [f32],
    target: Target<'_>,
) -> bool {
    let first = target.part.first;
    walk(
        s,
        images,
        gradient,
        update,
        target,
        #[inline(always)]
        |i, g| many::gradient(s, by_block, errors.rows, (first + i / 2, i % 2), g),
    )
}

/// Backward for `N` classes, which are `H` lines of weights a block.
#[inline(always)]
fn by_lists<S: Simd, E: Feature, const H: usize, const N: usize>(
    s: S,
    images: &BlockRows<E>,
    lists: &Lists,
    errors: &[F32x16],
    update: Update,
    target: Target<'_>,
) -> bool {
    // In memory, as the weights stand: the update need not be written out for each of their vectors.
    let mut gradient = [F32x16::default(); N];
    let gradient = &mut flat_mut(&mut gradient)[..S::BLOCKS * N * LANES];
    walk(
        s,
        images,
        gradient,
        update,
        target,
        #[inline(always)]
        |i, g| {
            let sums = all_sums::<_, E, H, _>(s, images, || lists.entries(i, errors));
            for (h, [even, odd]) in sums.into_iter().enumerate() {
                // The two halves of a block's pair of classes, or that pair of one block and of the next.
                let step = if S::BLOCKS == 1 { LANES } else { N * LANES };
                let [first, second] = s.zip_blocks(even, odd);
                s.store(first, &mut g[2 * LANES * h..]);
                s.store(second, &mut g[2 * LANES * h + step..]);
            }
        },
    )
}

/// Walks the part list by list, or half block by half block: the gradient, which `sum_up` puts into the room `g`, and the
/// update, whose weights are shown.
#[inline(always)]
fn walk<S: Simd, E: Feature>(
    s: S,
    images: &BlockRows<E>,
    g: &mut [f32],
    update: Update,
    Target { part, upcoming }: Target<'_>,
    sum_up: impl Fn(usize, &mut [f32]),
) -> bool {
    let per_list = g.len();
    let BlockPart { first, w, m, v, shown } = part;
    let (shown, others) =
        shown.map_or((None, &[][..]), |shown| (Some(shown.weights), shown.others));
    let mut shown = shown.map(Stream::to);
    let (own, n_lists) = (w.len(), w.len().div_ceil(per_list / 16));
    let (w, m, v) = (flat_mut(w), flat_mut(m), flat_mut(v));
    let moments = m.chunks_mut(per_list).zip(v.chunks_mut(per_list));
    let mut poison = s.splat(0.0);
    for (i, (w, (m, v))) in w.chunks_mut(per_list).zip(moments).enumerate() {
        if let Some(shown) = &shown {
            let lines = i * per_list / 16..(i + 1) * per_list / 16;
            prefetch_shown(shown, others, lines, own);
        }
        sum_up(i, g);
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
    s.is_zero(poison)
}

/// The gradient of a vector of blocks, for each pair of classes: the sums over the images that are listed for it.
#[inline(always)]
fn all_sums<'a, S: Simd, E: Feature, const H: usize, L>(
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
