//! Steps on weights in blocks of features, of which every thread has a part.

use std::ops::Range;

use kernels::batch;
use kernels::linear::{self, BlockIndex, BlockPart, BlockWeights, OwnWeights, Upcoming};
use kernels::{F32x16, Layout};

use super::halves;
use super::{Aside, Common, Forward, Steps, update_bias};
use crate::dataset::Dataset;
use crate::layer::{Form, LayerRef};

/// Weights and both moments, and what is kept from step to step.
pub(super) struct Blocks {
    layers: [BlockWeights; 3],
    /// Of each thread.
    scratch: Vec<Scratch>,
    /// Of each half of the blocks, where two threads have one each.
    halves: halves::Scratch,
    /// Where the parts end that their `OwnWeights` were begun for; none where they were not.
    begun_for: Vec<usize>,
}

/// What a thread keeps to itself during some steps.
struct Own<'a> {
    /// Its part of the batch and of the weights.
    index: usize,
    blocks: Range<usize>,
    m: &'a mut [F32x16],
    v: &'a mut [F32x16],
    scratch: &'a mut Scratch,
    /// The first thread's alone: it waits for the last one, whose part of the batch has the ragged group and whose lists
    /// count blocks before its own.
    aside: Option<Aside<'a>>,
    /// Biases and their moments: every thread has its own, and all are equal, because to pass them on takes
    /// longer than to work them out.
    bias: [Vec<f32>; 3],
}

impl Own<'_> {
    /// The images `rows` of the next step.
    fn upcoming<'a>(&self, pass: Forward<'_>, rows: &'a [u32]) -> Upcoming<'a> {
        Upcoming { rows, own: pass.shares.range(rows.len(), self.index) }
    }
}

/// What a thread keeps from step to step, so that a step of blocks allocates nothing; only `weights` mean anything after
/// one.
#[derive(Default)]
struct Scratch {
    /// Which images have which of its blocks.
    index: BlockIndex,
    /// The error terms of all images of a batch that has several parts.
    errors: Vec<F32x16>,
    /// The gradient of the biases.
    bias_gradient: Vec<f32>,
    /// The weights as it sees them.
    weights: OwnWeights,
}

impl Blocks {
    /// Takes weights and moments [features x classes], row-major in file order.
    pub(super) fn gather(layout: &Layout, classes: usize, layers: [&[f32]; 3]) -> Self {
        let layers = layers.map(|layer| BlockWeights::gather(layout, classes, layer));
        Self {
            layers,
            scratch: Vec::new(),
            halves: halves::Scratch::default(),
            begun_for: Vec::new(),
        }
    }

    /// Weights and both moments.
    pub(super) fn layers(&self) -> [LayerRef<'_>; 3] {
        self.layers.each_ref().map(Form::Blocks)
    }

    pub(super) fn weights(&self) -> LayerRef<'_> {
        Form::Blocks(&self.layers[0])
    }

    /// Takes steps; see [`Network::take`](super::Network::take).
    ///
    /// Errors with the number of the half step (from 0) that meets a number that is not finite.
    pub(super) fn take(
        &mut self,
        common: &mut Common,
        data: &Dataset,
        steps: Steps<'_>,
        aside: Aside<'_>,
    ) -> Result<(), usize> {
        let parts = common.threads;
        if parts == 2 && linear::has_halves(common.classes) {
            // Copies of weights are not kept up to date.
            self.begun_for.clear();
            return halves::take(&mut self.layers, &mut self.halves, common, data, steps, aside);
        }
        let split = common.split(parts);
        let pass = common.pass(data, &split);
        let (isa, images, padded) = (pass.isa, data.images(), linear::padded_classes(pass.classes));
        let [w, m, v] = &mut self.layers;
        let count = images.layout().block_count();
        let lines = |blocks: usize| blocks * padded / 2;
        let ends: Vec<usize> = split.blocks.ends(count).into_iter().map(lines).collect();
        self.scratch.resize_with(parts, Scratch::default);
        let (mut m, mut v) = (m.lines_mut(), v.lines_mut());
        let mut own: Vec<Own<'_>> = Vec::new();
        let mut aside: Option<Aside<'_>> = Some(aside);
        for (index, scratch) in self.scratch.iter_mut().enumerate() {
            let blocks = split.blocks.range(count, index);
            let len = ..lines(blocks.len());
            // Moments have as many lines as the ends say of weights.
            let [m, v] = [&mut m, &mut v].map(|all| all.split_off_mut(len).unwrap_or_default());
            if self.begun_for != ends {
                scratch.weights.begin(w.lines(), &ends, index);
            }
            let (aside, bias) = (aside.take(), common.bias.clone());
            own.push(Own { index, blocks, m, v, scratch, aside, bias });
        }
        self.begun_for.clone_from(&ends);
        let stopped = common.team.alternate(
            steps.updates.len(),
            (&mut own, common.batch.cut(parts)),
            (w.lines_mut(), &ends),
            |half, own| {
                let (rows, upcoming) = steps.rows(half / 2);
                if half.is_multiple_of(2) {
                    own.upcoming(pass, upcoming).prefetch_heads(images);
                    own.scratch.index.begin(isa, images, rows, own.blocks.clone(), padded);
                } else {
                    if let Some(aside) = &mut own.aside {
                        aside();
                    }
                    own.scratch.index.list(isa, images, rows, parts);
                }
            },
            |step, own, part, weights| {
                let weights = own.scratch.weights.read(weights);
                let rows = steps.rows(step).0;
                pass.part(rows, (own.index, part), &own.bias[0], |rows, part| {
                    linear::forward(isa, images, rows, weights, part.sum_rows_mut());
                })
            },
            |step, own, parts, w| {
                let update = steps.updates[step];
                let upcoming = own.upcoming(pass, steps.rows(step).1);
                let Scratch { index, errors, bias_gradient, weights } = &mut *own.scratch;
                batch::prefetch_others(parts, own.index);
                let ((w, shown), m, v) = (weights.write(w), &mut *own.m, &mut *own.v);
                let blocks = BlockPart { first: own.blocks.start, w, m, v, shown };
                let errors = batch::error_rows(parts, errors);
                let finite = index.backward(isa, images, errors, update, blocks, &upcoming);
                finite & update_bias(isa, parts, update.rule, (bias_gradient, &mut own.bias))
            },
        );
        // At least one, since there are threads.
        if let Some(own) = own.into_iter().next() {
            common.bias = own.bias;
        }
        if let Some(worked) = common.team.worked().filter(|_| parts == common.split.threads()) {
            common.split.follow(steps.images_of_each(), count, &worked);
        }
        stopped
    }
}
