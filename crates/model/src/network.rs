//! Training steps: forward, softmax, backward and update, on all threads.
//!
//! ```text
//! images forward    each thread: sums, softmax and error terms of its part of the batch
//! blocks backward   each thread: lists of the images that have its blocks; gradient and update of its part
//!                   of the weights, and of its own biases
//! ```
//!
//! A thread owns what it writes, whole, so that no sum depends on their number. Between the halves, and
//! between steps, all wait for all; what a half needs of nobody else, heads and lists of images, is prepared while they
//! would wait. Many steps are one job of the team. Of several threads each has a copy of
//! the weights (`OwnWeights`), which it brings up to date before each step. Two threads of up to 16 classes do otherwise
//! ([`halves`]).

mod blocks;
mod dense;
mod halves;
mod split;
mod steps;

use std::ops::Range;

use kernels::batch::{self, Batch, BatchPart};
use kernels::linear;
use kernels::spec::Rule;
use kernels::team::{Shares, Team};
use kernels::{Images, Isa, NonFinite, optim};

use crate::classifier::{score, score_on};
use crate::dataset::Dataset;
use crate::layer::{Form, LayerRef};
use crate::metrics::Scores;
use crate::parameters::Parameters;
use blocks::Blocks;
use split::Split;
pub(crate) use steps::Steps;

/// Weights and both moments.
type Layers = Form<Blocks, [Vec<f32>; 3]>;

/// A model in training: weights, moments and the buffers of a step.
pub(crate) struct Network {
    layers: Layers,
    common: Common,
}

/// What steps work with, whatever the form of the layers.
struct Common {
    isa: Isa,
    team: Team,
    /// How many of the team take part, where a step is cut among threads.
    threads: usize,
    classes: usize,
    /// Biases and their moments.
    bias: [Vec<f32>; 3],
    batch: Batch,
    /// What each thread of the team gets, where all take part, and they are not two with a half each.
    split: Split,
}

/// What is done aside in each step.
type Aside<'a> = &'a mut (dyn FnMut() + Send);

/// What all threads see of a forward pass.
#[derive(Clone, Copy)]
struct Forward<'a> {
    isa: Isa,
    data: &'a Dataset,
    classes: usize,
    shares: &'a Shares,
}

impl Forward<'_> {
    /// Runs part `index` of the images `rows` forward, their sums by `sums`; returns whether all logits are
    /// finite.
    fn part(
        &self,
        rows: &[u32],
        (index, part): (usize, &mut BatchPart),
        bias: &[f32],
        sums: impl FnOnce(&[u32], &mut BatchPart),
    ) -> bool {
        let positions = self.shares.range(rows.len(), index);
        let own = &rows[positions.clone()];
        let labels = own.iter().map(|&row| self.data.label(row as usize));
        part.begin(positions, labels, linear::padded_classes(self.classes));
        sums(own, part);
        let scale = self.data.images().scale();
        kernels::softmax(self.isa, part.softmax_rows_mut(), bias, scale, scale / rows.len() as f32)
    }
}

impl Common {
    /// What each of so many threads gets.
    fn split(&self, threads: usize) -> Split {
        if threads == self.split.threads() { self.split.clone() } else { Split::equal(threads) }
    }

    fn pass<'a>(&self, data: &'a Dataset, split: &'a Split) -> Forward<'a> {
        Forward { isa: self.isa, data, classes: self.classes, shares: &split.images }
    }

    /// Runs the images `rows` through the model with these weights, on so many threads; returns whether all logits are
    /// finite.
    fn forward(
        &mut self,
        data: &Dataset,
        rows: &[u32],
        weights: LayerRef<'_>,
        threads: usize,
    ) -> bool {
        let split = self.split(threads);
        let (pass, bias) = (self.pass(data, &split), &self.bias[0]);
        let parts = self.batch.cut(threads).iter_mut().enumerate();
        let mut parts: Vec<(usize, &mut BatchPart, bool)> =
            parts.map(|(index, part)| (index, part, true)).collect();
        self.team.run(&mut parts, |(index, part, finite)| {
            *finite = pass.part(rows, (*index, part), bias, |rows, part| {
                weights.forward(pass.isa, data.images(), rows, pass.classes, part);
            });
        });
        parts.iter().all(|&(_, _, finite)| finite)
    }
}

/// Weights and moments in the form that features and classes ask for.
fn gather(images: &Images, classes: usize, layers: [&[f32]; 3]) -> Layers {
    if linear::supports(images, classes) {
        Form::Blocks(Blocks::gather(images.layout(), classes, layers))
    } else {
        Form::Dense(layers.map(<[f32]>::to_vec))
    }
}

impl Network {
    /// Begins with `parameters`; the moments are zero.
    pub(crate) fn new(isa: Isa, team: Team, data: &Dataset, parameters: &Parameters) -> Self {
        let (classes, zeros) = (parameters.classes(), vec![0.0; parameters.weights.len()]);
        let layers = gather(data.images(), classes, [&parameters.weights, &zeros, &zeros]);
        let common = Common {
            isa,
            threads: team.threads(),
            classes,
            bias: [parameters.bias.clone(), vec![0.0; classes], vec![0.0; classes]],
            batch: Batch::default(),
            split: Split::equal(team.threads()),
            team,
        };
        Self { layers, common }
    }

    /// Has the first `threads` of the team take part from now on; no bit depends on it.
    pub(crate) fn set_threads(&mut self, threads: usize) {
        self.common.threads = threads.clamp(1, self.common.team.threads());
    }

    /// The number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.common.classes
    }

    /// Weights and both moments.
    fn layers(&self) -> [LayerRef<'_>; 3] {
        match &self.layers {
            Form::Blocks(blocks) => blocks.layers(),
            Form::Dense(layers) => layers.each_ref().map(|layer| Form::Dense(&layer[..])),
        }
    }

    /// The parameters as they are now, in file order.
    pub(crate) fn parameters(&self, data: &Dataset) -> Parameters {
        let Common { classes, bias, .. } = &self.common;
        let [weights, ..] = self.layers();
        let weights = weights.scatter(data.images().layout(), *classes);
        Parameters { weights, bias: bias[0].clone() }
    }

    /// The parameters and both moments, in file order.
    pub(crate) fn state(&self, data: &Dataset) -> [Parameters; 3] {
        let (layout, classes) = (data.images().layout(), self.common.classes);
        let mut bias = self.common.bias.iter().cloned();
        self.layers().map(|layer| Parameters {
            weights: layer.scatter(layout, classes),
            bias: bias.next().unwrap_or_default(),
        })
    }

    /// Goes on with the parameters and moments of [`Network::state`]. Lanes that are padded get +0, which
    /// they always hold.
    pub(crate) fn restore(&mut self, data: &Dataset, state: [&Parameters; 3]) {
        self.layers =
            gather(data.images(), self.common.classes, state.map(|part| &part.weights[..]));
        self.common.bias = state.map(|part| part.bias.clone());
    }

    /// What the last forward pass made of its batch.
    pub(crate) fn batch(&self) -> &Batch {
        &self.common.batch
    }

    /// Runs the images `rows` through the model.
    pub(crate) fn forward(&mut self, data: &Dataset, rows: &[u32]) -> Result<(), NonFinite> {
        let finite = match &self.layers {
            Form::Blocks(blocks) => {
                let threads = self.common.threads;
                self.common.forward(data, rows, blocks.weights(), threads)
            }
            Form::Dense([weights, ..]) => self.common.forward(data, rows, Form::Dense(weights), 1),
        };
        if finite { Ok(()) } else { Err(self.bad_logit(data, rows)) }
    }

    /// Scores the images `rows` of `data`; see [`Trainer::score`](crate::Trainer::score).
    pub(crate) fn score(
        &mut self,
        data: &Dataset,
        rows: Range<usize>,
    ) -> Result<Scores, NonFinite> {
        let Common { isa, team, threads, bias: [bias, ..], .. } = &mut self.common;
        match &self.layers {
            Form::Blocks(blocks) => {
                score_on((team, *threads), *isa, (blocks.weights(), bias), data, rows)
            }
            // Its products are cut up among rayon's threads.
            Form::Dense([weights, ..]) => score(*isa, Form::Dense(weights), bias, data, rows),
        }
    }

    fn bad_logit(&self, data: &Dataset, rows: &[u32]) -> NonFinite {
        let [weights, ..] = self.layers();
        weights.first_bad_logit(&self.common.bias[0], data, rows.iter().copied())
    }

    /// Takes `steps`: each runs its images forward, then updates the model by the gradient of their mean loss.
    ///
    /// One thread does something `aside` in each step, while another may still work on it; in a step that fails, it may.
    ///
    /// Errors with the number of the first step (from 0) that meets a number that is not finite.
    pub(crate) fn take(
        &mut self,
        data: &Dataset,
        steps: Steps<'_>,
        aside: Aside<'_>,
    ) -> Result<(), (usize, NonFinite)> {
        // The last half step that was done, where there is one that finds numbers that are not finite.
        let stopped = match &mut self.layers {
            Form::Blocks(blocks) => blocks.take(&mut self.common, data, steps, aside),
            Form::Dense(layers) => dense::take(layers, &mut self.common, data, steps, aside),
        };
        let Err(half) = stopped else { return Ok(()) };
        let cause = if half.is_multiple_of(2) {
            Err(self.bad_logit(data, steps.rows(half / 2).0))
        } else {
            let Parameters { weights, bias } = self.parameters(data);
            NonFinite::check(&weights, &bias)
        };
        cause.map_err(|cause| (half / 2, cause))
    }
}

/// Updates the biases by the gradient of the batch, which is put into `gradient`; returns whether they are finite.
fn update_bias(
    isa: Isa,
    parts: &[BatchPart],
    rule: Rule,
    (gradient, [bias, m, v]): (&mut Vec<f32>, &mut [Vec<f32>; 3]),
) -> bool {
    gradient.resize(bias.len(), 0.0);
    batch::bias_gradient(isa, parts, gradient);
    optim::update_biases(isa, rule, gradient, (bias, m, v))
}

#[cfg(test)]
mod tests;
