//! Steps on two threads, of which each has half of the blocks, forward and backward: no weights pass between them.
//!
//! ```text
//! round r    each thread:  S = what both have added to the sums of step r - 1
//!                          softmax and error terms of all its images
//!                          backward: gradient and update of its half of the weights, and of its own biases
//!                          forward: what its half adds to the sums of step r
//! ```
//!
//! All that a thread reads of the other are 640 bytes for 16 images of ten classes, once a step. In return, both work out the
//! softmax and the biases of all images. There is a round more than there are steps: the first has no step before it, and the
//! last none to come.
//!
//! "Halves of the blocks" in docs/benchmarks.md has what it gains over parts of the batch (`blocks`).
//!
//! # Tried and lost
//!
//! Two threads of an Emerald Rapids, AVX-512, ms an epoch of MNIST, means of the best by epoch of 500 or 600 in turns:
//!
//! | tried | ms | |
//! |---|---:|---|
//! | the other's sums asked for while the own ones are made, one group of 16 images after they were; two groups | 9.05; 9.17 | for 9.05 |
//! | 320 bytes of an image's half asked for two images ahead, not 192 | 9.18 | for 9.05 |
//! | what is done aside done by whoever comes first, behind a lock | 9.63 | for 9.55 |
//! | two pages between what the two threads write | 8.81 | for 8.86 |

use kernels::batch::{self, BatchPart, GROUP};
use kernels::linear::{self, BlockIndex, BlockPart, BlockWeights, HalfSums, Upcoming};
use kernels::{F32x16, Isa};

use super::{Aside, Common, Steps, update_bias};
use crate::dataset::Dataset;

/// What is kept from step to step, so that a step allocates nothing.
#[derive(Default)]
pub(super) struct Scratch {
    /// Of each half.
    index: [BlockIndex; 2],
    bias_gradient: [Vec<f32>; 2],
    /// The batch as the second thread sees it; the first has that which all see.
    batch: BatchPart,
    /// `[half][group][padded class]`: what both add to the sums, in rounds of even and of odd numbers.
    sums: [Vec<F32x16>; 2],
}

/// What both threads see.
#[derive(Clone, Copy)]
struct Shared<'a> {
    isa: Isa,
    data: &'a Dataset,
    steps: Steps<'a>,
    /// The number of classes, padded.
    padded: usize,
}

/// What a thread has to itself.
struct Own<'a> {
    half: usize,
    /// Weights and both moments of its blocks.
    layers: [&'a mut [F32x16]; 3],
    index: &'a mut BlockIndex,
    batch: &'a mut BatchPart,
    bias_gradient: &'a mut Vec<f32>,
    /// Biases and their moments: both threads have their own, and they are equal.
    bias: [Vec<f32>; 3],
    /// The first thread's alone.
    aside: Option<Aside<'a>>,
    /// Whether all logits of the last step are finite.
    has_finite_logits: bool,
}

impl Shared<'_> {
    /// Does for `step` what can be done before its sums are known.
    fn prepare(&self, own: &mut Own<'_>, step: usize) {
        let &Self { isa, data, steps, padded, .. } = self;
        let (images, (rows, upcoming)) = (data.images(), steps.rows(step));
        no_whole(upcoming).prefetch_heads(images);
        let labels = rows.iter().map(|&row| data.label(row as usize));
        own.batch.begin(0..rows.len(), labels, padded);
        let blocks = images.layout().half(own.half);
        own.index.begin(isa, images, rows, blocks, padded);
        // For the step before: this one may be prepared while the other thread fails in that.
        if let Some(aside) = own.aside.as_mut().filter(|_| step > 0) {
            aside();
        }
        own.index.list(isa, images, rows, 1);
    }

    /// Ends `step`, of whose sums both halves are known; returns whether all numbers are finite.
    fn end(&self, own: &mut Own<'_>, step: usize, sums: &[F32x16]) -> bool {
        let &Self { isa, data, steps, .. } = self;
        let (images, (rows, upcoming)) = (data.images(), steps.rows(step));
        own.batch.add_halves(isa, sums.split_at(sums.len() / 2).into());
        let (scale, batch) = (images.scale(), own.batch.softmax_rows_mut());
        own.has_finite_logits =
            kernels::softmax(isa, batch, &own.bias[0], scale, scale / rows.len() as f32);
        if !own.has_finite_logits {
            return false;
        }
        let parts = std::slice::from_ref(&*own.batch);
        let mut unused = Vec::new();
        let errors = batch::error_rows(parts, &mut unused);
        let [w, m, v] = own.layers.each_mut().map(|layer| &mut **layer);
        let first = images.layout().half(own.half).start;
        let part = BlockPart { first, w, m, v, shown: None };
        let (update, upcoming) = (steps.updates[step], no_whole(upcoming));
        let finite = own.index.backward(isa, images, errors, update, part, &upcoming);
        finite & update_bias(isa, parts, update.rule, (own.bias_gradient, &mut own.bias))
    }
}

/// Images of which a thread will need its own blocks alone.
fn no_whole(rows: &[u32]) -> Upcoming<'_> {
    Upcoming { rows, own: 0..0 }
}

/// Takes steps; see [`Network::take`](super::Network::take).
///
/// Errors with twice the number (from 0) of the step that fails, plus one if its logits are finite.
pub(super) fn take(
    layers: &mut [BlockWeights; 3],
    scratch: &mut Scratch,
    common: &mut Common,
    data: &Dataset,
    steps: Steps<'_>,
    aside: Aside<'_>,
) -> Result<(), usize> {
    let padded = linear::padded_classes(common.classes);
    let shared = Shared { isa: common.isa, data, steps, padded };
    let (images, n) = (data.images(), steps.updates.len());
    let first_lines = images.layout().half(0).len() * padded / 2;
    let run = steps.batch_size.min(steps.order.len()).div_ceil(GROUP) * padded;
    let Scratch { index, bias_gradient, batch, sums } = scratch;
    sums.iter_mut().for_each(|both| both.resize(2 * run, F32x16::default()));
    let halves = layers.each_mut().map(|layer| layer.lines_mut().split_at_mut(first_lines));
    let ([w, m, v], seen) = (halves, &mut common.batch.cut(1)[0]);
    let ([index, index_2], [bias_gradient, bias_gradient_2]) = (index, bias_gradient);
    let bias = || common.bias.clone();
    let mut own = [
        Own {
            half: 0,
            layers: [w.0, m.0, v.0],
            index,
            batch: seen,
            bias_gradient,
            bias: bias(),
            aside: Some(aside),
            has_finite_logits: true,
        },
        Own {
            half: 1,
            layers: [w.1, m.1, v.1],
            index: index_2,
            batch,
            bias_gradient: bias_gradient_2,
            bias: bias(),
            aside: None,
            has_finite_logits: true,
        },
    ];
    let [even, odd] = sums;
    let stopped = common.team.exchange(
        n + 1,
        &mut own,
        [even, odd],
        |round, own| {
            if let Some(step) = round.checked_sub(1) {
                shared.prepare(own, step);
            }
        },
        |round, own, before, sums| {
            let goes_on = round.checked_sub(1).is_none_or(|step| shared.end(own, step, before));
            if goes_on && round < n {
                let rows = steps.rows(round).0;
                let sums = &mut sums[..rows.len().div_ceil(GROUP) * padded];
                let to = HalfSums { half: own.half, sums, padded };
                linear::forward_half(shared.isa, images, rows, &*own.layers[0], to);
            }
            goes_on
        },
    );
    let [first, _] = own;
    common.bias = first.bias;
    if let (Ok(()), Some(aside)) = (stopped, first.aside.filter(|_| n > 0)) {
        aside();
    }
    // The first round ends no step.
    stopped.map_err(|round| 2 * (round - 1) + usize::from(first.has_finite_logits))
}
