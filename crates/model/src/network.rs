//! One training step: forward, softmax, backward and update, on all threads.
//!
//! ```text
//! images forward    each thread: sums, softmax and error terms of its part of the batch
//! blocks backward   each thread: gradient and update of its part of the weights
//! ```
//!
//! A thread owns what it writes, whole, so that no sum depends on their number.

use std::ops::Range;

use kernels::batch::BatchPart;
use kernels::linear::{self, BlockPart, Pairs};
use kernels::spec::{self, Rule};
use kernels::team::Team;
use kernels::{Batch, Isa, NonFinite, dense, optim};

use crate::classifier::{score, score_on};
use crate::dataset::Dataset;
use crate::layer::Layer;
use crate::metrics::Scores;
use crate::parameters::Parameters;

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
    /// Of each part of the batch: which images have which blocks.
    pairs: Vec<Pairs>,
}

/// What one thread does in the second half of a step.
struct Backward<'a> {
    blocks: BlockPart<'a>,
    /// The first thread updates the biases too.
    bias: Option<&'a mut [Vec<f32>; 3]>,
    finite: bool,
}

impl Network {
    /// Begins with `parameters`; the moments are zero.
    pub(crate) fn new(isa: Isa, team: Team, data: &Dataset, parameters: &Parameters) -> Self {
        let (layout, classes) = (data.images().layout(), parameters.classes());
        let zeros = Layer::gather(layout, classes, &vec![0.0; parameters.weights.len()]);
        Self {
            isa,
            classes,
            weights: Layer::gather(layout, classes, &parameters.weights),
            m: zeros.clone(),
            v: zeros,
            bias: [parameters.bias.clone(), vec![0.0; classes], vec![0.0; classes]],
            batch: Batch::default(),
            pairs: Vec::new(),
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
        let layout = data.images().layout();
        [self.weights, self.m, self.v] =
            state.map(|part| Layer::gather(layout, self.classes, &part.weights));
        self.bias = state.map(|part| part.bias.clone());
    }

    /// What the last forward pass made of its batch.
    pub(crate) fn batch(&self) -> &Batch {
        &self.batch
    }

    /// Runs the images `rows` through the model; those of `upcoming` come next.
    pub(crate) fn forward(
        &mut self,
        data: &Dataset,
        (rows, upcoming): (&[u32], &[u32]),
    ) -> Result<(), NonFinite> {
        let parts = match self.weights {
            Layer::Blocks(_) => self.threads,
            Layer::Dense(_) => 1,
        };
        let labels = rows.iter().map(|&row| data.labels()[row as usize]);
        self.batch.begin(labels, Layer::padded(self.classes), parts);
        let (isa, images, classes) = (self.isa, data.images(), self.classes);
        let (weights, bias, scale) = (&self.weights, &self.bias[0], images.scale());
        let error_scale = scale / rows.len() as f32;
        self.pairs.resize_with(self.batch.part_count(), Pairs::default);
        let mut parts: Vec<(BatchPart<'_>, &mut Pairs, bool)> = self
            .batch
            .parts()
            .zip(&mut self.pairs)
            .map(|(part, pairs)| (part, pairs, true))
            .collect();
        self.team.run(&mut parts, |(part, pairs, finite)| {
            let positions = part.positions.clone();
            // A thread fetches what it will most likely work on in the next step.
            let upcoming = upcoming.get(positions.start..).unwrap_or(&[]);
            let upcoming = &upcoming[..upcoming.len().min(positions.len())];
            let rows = (&rows[positions], upcoming);
            weights.forward(isa, images, rows, classes, part, Some(pairs));
            *finite = kernels::softmax(isa, part, bias, scale, error_scale);
        });
        if parts.iter().all(|&(_, _, finite)| finite) {
            return Ok(());
        }
        Err(weights.first_bad_logit(bias, data, rows.iter().copied()))
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

    /// Runs the images `rows` forward, then updates the model by the gradient of their mean loss; the
    /// images `upcoming` come next.
    pub(crate) fn step(
        &mut self,
        data: &Dataset,
        (rows, upcoming): (&[u32], &[u32]),
        rule: (Rule, f32),
    ) -> Result<(), NonFinite> {
        self.forward(data, (rows, upcoming))?;
        let finite = match (&mut self.weights, &mut self.m, &mut self.v) {
            (Layer::Blocks(w), Layer::Blocks(m), Layer::Blocks(v)) => {
                let padded = Layer::padded(self.classes);
                let per_part = data.images().layout().block_count().div_ceil(self.threads);
                let len = per_part * padded / 2;
                let w = w.pairs_mut().chunks_mut(len);
                let moments = m.pairs_mut().chunks_mut(len).zip(v.pairs_mut().chunks_mut(len));
                let mut bias = Some(&mut self.bias);
                let parts = w.zip(moments).enumerate();
                let mut parts: Vec<Backward<'_>> = parts
                    .map(|(i, (w, (m, v)))| Backward {
                        blocks: BlockPart { first: i * per_part, w, m, v },
                        bias: bias.take(),
                        finite: true,
                    })
                    .collect();
                let (isa, images, batch) = (self.isa, data.images(), &self.batch);
                let pairs = &self.pairs[..];
                self.team.run(&mut parts, |part| {
                    let blocks = &mut part.blocks;
                    part.finite = linear::backward(isa, images, pairs, batch, rule, blocks);
                    if let Some(bias) = &mut part.bias {
                        part.finite &= update_bias(isa, batch, rule.0, bias);
                    }
                });
                parts.iter().all(|part| part.finite)
            }
            (Layer::Dense(w), Layer::Dense(m), Layer::Dense(v)) => {
                let mut g = vec![0.0; w.len()];
                dense::gradient(self.isa, data.images(), rows, &self.batch, self.classes, &mut g);
                let finite = optim::update_all(self.isa, rule, &g, (w, m, v));
                finite & update_bias(self.isa, &self.batch, rule.0, &mut self.bias)
            }
            _ => unreachable!("weights and moments are made in the same form"),
        };
        if finite {
            return Ok(());
        }
        let Parameters { weights, bias } = self.parameters(data);
        NonFinite::check(&weights, &bias)
    }
}

/// Updates the biases by the gradient of the batch; returns whether they are finite.
fn update_bias(isa: Isa, batch: &Batch, rule: Rule, [bias, m, v]: &mut [Vec<f32>; 3]) -> bool {
    let mut gradient = vec![0.0; bias.len()];
    batch.bias_gradient(isa, &mut gradient);
    for (c, g) in gradient.into_iter().enumerate() {
        spec::update(rule, g, &mut bias[c], &mut m[c], &mut v[c]);
    }
    bias.iter().all(|b| b.is_finite())
}
