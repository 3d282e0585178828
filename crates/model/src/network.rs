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
//! the weights (`OwnWeights`), which it brings up to date before each step.

mod split;
mod steps;

use std::ops::Range;

use kernels::batch::{self, Batch, BatchPart};
use kernels::linear::{self, BlockIndex, BlockPart, OwnWeights, Upcoming};
use kernels::spec::{self, Rule};
use kernels::team::{Shares, Team};
use kernels::{F32x16, Isa, NonFinite, dense, optim};

use crate::classifier::{score, score_on};
use crate::dataset::Dataset;
use crate::layer::Layer;
use crate::metrics::Scores;
use crate::parameters::Parameters;
use split::Split;
pub(crate) use steps::Steps;

/// A model in training: weights, moments and the buffers of a step.
pub(crate) struct Network {
    isa: Isa,
    team: Team,
    /// How many of the team take part.
    threads: usize,
    classes: usize,
    weights: Layer,
    m: Layer,
    v: Layer,
    /// Biases and their moments.
    bias: [Vec<f32>; 3],
    batch: Batch,
    /// Of each thread.
    scratch: Vec<Scratch>,
    /// What each thread of the team gets, where all take part.
    split: Split,
    /// Where the parts end that their `OwnWeights` were begun for; none where the weights have changed since.
    begun_for: Vec<usize>,
}

/// What is done aside in each step.
type Aside<'a> = &'a mut (dyn FnMut() + Send);

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
        let labels = own.iter().map(|&row| self.data.labels()[row as usize]);
        part.begin(positions, labels, linear::padded_classes(self.classes));
        sums(own, part);
        let scale = self.data.images().scale();
        kernels::softmax(self.isa, part.rows_mut(), bias, scale, scale / rows.len() as f32)
    }
}

impl Network {
    /// Begins with `parameters`; the moments are zero.
    pub(crate) fn new(isa: Isa, team: Team, data: &Dataset, parameters: &Parameters) -> Self {
        let (images, classes) = (data.images(), parameters.classes());
        let zeros = Layer::gather(images, classes, &vec![0.0; parameters.weights.len()]);
        Self {
            isa,
            classes,
            weights: Layer::gather(images, classes, &parameters.weights),
            m: zeros.clone(),
            v: zeros,
            bias: [parameters.bias.clone(), vec![0.0; classes], vec![0.0; classes]],
            batch: Batch::default(),
            scratch: Vec::new(),
            split: Split::equal(team.threads()),
            begun_for: Vec::new(),
            threads: team.threads(),
            team,
        }
    }

    /// Has the first `threads` of the team take part from now on; no bit depends on it.
    pub(crate) fn set_threads(&mut self, threads: usize) {
        self.threads = threads.clamp(1, self.team.threads());
    }

    /// The number of classes.
    pub(crate) fn classes(&self) -> usize {
        self.classes
    }

    /// The parameters as they are now, in file order.
    pub(crate) fn parameters(&self, data: &Dataset) -> Parameters {
        let weights = self.weights.scatter(data.images().layout(), self.classes);
        Parameters { weights, bias: self.bias[0].clone() }
    }

    /// The parameters and both moments, in file order.
    pub(crate) fn state(&self, data: &Dataset) -> [Parameters; 3] {
        let layout = data.images().layout();
        let mut bias = self.bias.iter().cloned();
        [&self.weights, &self.m, &self.v].map(|layer| Parameters {
            weights: layer.scatter(layout, self.classes),
            bias: bias.next().unwrap_or_default(),
        })
    }

    /// Goes on with the parameters and moments of [`Network::state`]. Lanes that are padded get +0, which
    /// they always hold.
    pub(crate) fn restore(&mut self, data: &Dataset, state: [&Parameters; 3]) {
        let images = data.images();
        self.begun_for.clear();
        [self.weights, self.m, self.v] =
            state.map(|part| Layer::gather(images, self.classes, &part.weights));
        self.bias = state.map(|part| part.bias.clone());
    }

    /// What the last forward pass made of its batch.
    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// What each thread that takes part gets.
    fn split(&self) -> Split {
        let threads = if matches!(self.weights, Layer::Blocks(_)) { self.threads } else { 1 };
        if threads == self.split.threads() { self.split.clone() } else { Split::equal(threads) }
    }

    fn pass<'a>(&self, data: &'a Dataset, split: &'a Split) -> Forward<'a> {
        Forward { isa: self.isa, data, classes: self.classes, shares: &split.images }
    }

    /// Runs the images `rows` through the model.
    pub(crate) fn forward(&mut self, data: &Dataset, rows: &[u32]) -> Result<(), NonFinite> {
        let split = self.split();
        let pass = self.pass(data, &split);
        let (weights, bias) = (&self.weights, &self.bias[0]);
        let parts = self.batch.cut(split.threads()).iter_mut().enumerate();
        let mut parts: Vec<(usize, &mut BatchPart, bool)> =
            parts.map(|(index, part)| (index, part, true)).collect();
        self.team.run(&mut parts, |(index, part, finite)| {
            *finite = pass.part(rows, (*index, part), bias, |rows, part| {
                weights.forward(pass.isa, data.images(), rows, pass.classes, part);
            });
        });
        if parts.iter().all(|&(_, _, finite)| finite) {
            return Ok(());
        }
        Err(self.bad_logit(data, rows))
    }

    /// Scores the images `rows` of `data`; see [`Trainer::score`](crate::Trainer::score).
    pub(crate) fn score(
        &mut self,
        data: &Dataset,
        rows: Range<usize>,
    ) -> Result<Scores, NonFinite> {
        let (isa, layer, bias) = (self.isa, &self.weights, &self.bias[0][..]);
        match layer {
            Layer::Blocks(_) => {
                score_on((&mut self.team, self.threads), isa, (layer, bias), data, rows)
            }
            // Its products are cut up among rayon's threads.
            Layer::Dense(_) => score(isa, layer, bias, data, rows),
        }
    }

    fn bad_logit(&self, data: &Dataset, rows: &[u32]) -> NonFinite {
        self.weights.first_bad_logit(&self.bias[0], data, rows.iter().copied())
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
        let stopped = match (&mut self.weights, &mut self.m, &mut self.v) {
            (Layer::Blocks(_), Layer::Blocks(_), Layer::Blocks(_)) => {
                self.take_blocks(data, steps, aside)
            }
            _ => self.take_dense(data, steps, aside),
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

    fn take_blocks(
        &mut self,
        data: &Dataset,
        steps: Steps<'_>,
        aside: Aside<'_>,
    ) -> Result<(), usize> {
        let split = self.split();
        let (pass, parts) = (self.pass(data, &split), split.threads());
        let (isa, images, padded) = (self.isa, data.images(), linear::padded_classes(self.classes));
        let (Layer::Blocks(w), Layer::Blocks(m), Layer::Blocks(v)) =
            (&mut self.weights, &mut self.m, &mut self.v)
        else {
            unreachable!("weights and moments are made in the same form")
        };
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
            let (aside, bias) = (aside.take(), self.bias.clone());
            own.push(Own { index, blocks, m, v, scratch, aside, bias });
        }
        self.begun_for.clone_from(&ends);
        let stopped = self.team.alternate(
            steps.updates.len(),
            (&mut own, self.batch.cut(parts)),
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
                    linear::forward(isa, images, rows, weights, part.forward_mut());
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
            self.bias = own.bias;
        }
        if let Some(worked) = self.team.worked().filter(|_| parts == self.split.threads()) {
            self.split.follow(steps.images_of_each(), count, &worked);
        }
        stopped
    }

    fn take_dense(
        &mut self,
        data: &Dataset,
        steps: Steps<'_>,
        aside: Aside<'_>,
    ) -> Result<(), usize> {
        for (i, &update) in steps.updates.iter().enumerate() {
            aside();
            let rows = steps.rows(i).0;
            self.forward(data, rows).map_err(|_| 2 * i)?;
            let (Layer::Dense(w), Layer::Dense(m), Layer::Dense(v)) =
                (&mut self.weights, &mut self.m, &mut self.v)
            else {
                unreachable!("weights and moments are made in the same form")
            };
            let mut g = vec![0.0; w.len()];
            dense::gradient(self.isa, data.images(), rows, &self.batch, self.classes, &mut g);
            let finite = optim::update_all(self.isa, update, &g, (w, m, v));
            let bias = (&mut Vec::new(), &mut self.bias);
            if !(finite & update_bias(self.isa, self.batch.parts(), update.rule, bias)) {
                return Err(2 * i + 1);
            }
        }
        Ok(())
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
    for (c, &g) in gradient.iter().enumerate() {
        spec::update(rule, g, &mut bias[c], &mut m[c], &mut v[c]);
    }
    bias.iter().all(|b| b.is_finite())
}

#[cfg(test)]
mod tests;
