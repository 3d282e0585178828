//! The kernels put together as a trainer does, one part after the other.

use std::time::Duration;

use kernels::batch::{self, Batch};
use kernels::linear::{self, BlockIndex, BlockPart, BlockWeights, OwnWeights, Upcoming};
use kernels::spec::{self, Model, Rule, Update};
use kernels::{F32x16, Isa, dense, optim};

use super::{Data, State, check_bits};

/// Weights or moments in the form that their number of classes asks for.
#[derive(Clone)]
enum Layer {
    Blocks(BlockWeights),
    Dense(Vec<f32>),
}

/// A classifier in training by the kernels of one tier, with the work in so many parts.
pub struct Fast {
    pub isa: Isa,
    pub parts: usize,
    pub batch: Batch,
    classes: usize,
    /// Weights and moments.
    layers: [Layer; 3],
    bias: [Vec<f32>; 3],
}

impl Fast {
    pub fn new(isa: Isa, parts: usize, data: &Data, state: &State) -> Self {
        let classes = state.model.bias.len();
        let three = [&state.model, &state.m, &state.v];
        let layer = |model: &Model| match linear::supports(&data.images, classes) {
            true => {
                Layer::Blocks(BlockWeights::gather(data.images.layout(), classes, &model.weights))
            }
            false => Layer::Dense(model.weights.clone()),
        };
        Self {
            isa,
            parts,
            batch: Batch::default(),
            classes,
            layers: three.map(layer),
            bias: three.map(|model| model.bias.clone()),
        }
    }

    fn begin(&mut self, labels: &[u32]) {
        self.batch.begin(labels, linear::padded_classes(self.classes), self.parts);
    }

    /// Computes the sums of the images `rows`; returns them as [row][class].
    pub fn sums(&mut self, data: &Data, rows: &[u32], labels: &[u32]) -> Vec<Vec<f32>> {
        self.begin(labels);
        for part in self.batch.parts_mut() {
            let rows = &rows[part.positions()];
            match &self.layers[0] {
                Layer::Blocks(w) => {
                    let to = part.sum_rows_mut();
                    linear::forward(self.isa, &data.images, rows, w.lines(), to);
                }
                Layer::Dense(w) => {
                    dense::forward(self.isa, &data.images, rows, w, self.classes, part);
                }
            }
        }
        let classes: Vec<Vec<f32>> =
            (0..self.classes).map(|c| self.batch.probabilities(c).collect()).collect();
        (0..rows.len()).map(|i| classes.iter().map(|class| class[i]).collect()).collect()
    }

    /// Runs the images `rows` forward; returns whether all logits are finite.
    pub fn forward(&mut self, data: &Data, rows: &[u32], labels: &[u32]) -> bool {
        self.sums(data, rows, labels);
        let scale = data.images.scale();
        let error_scale = scale / rows.len() as f32;
        let softmax = |part: &mut batch::BatchPart| {
            kernels::softmax(self.isa, part.softmax_rows_mut(), &self.bias[0], scale, error_scale)
        };
        self.batch.parts_mut().iter_mut().map(softmax).fold(true, |all, finite| all & finite)
    }

    /// Updates the model by the gradient of the last batch; returns whether it is finite.
    pub fn backward(&mut self, data: &Data, rows: &[u32], update: Update) -> bool {
        let (isa, batch, images) = (self.isa, &self.batch, &data.images);
        let mut room = Vec::new();
        let errors = batch::error_rows(batch.parts(), &mut room);
        let padded = errors.padded;
        let [w, m, v] = &mut self.layers;
        let finite = match (w, m, v) {
            (Layer::Blocks(w), Layer::Blocks(m), Layer::Blocks(v)) => {
                let blocks = images.layout().block_count();
                let mut shares = linear::shares(self.parts);
                if self.parts > 2 {
                    // The last is the slowest.
                    let worked: Vec<_> =
                        (1..=self.parts as u64).map(Duration::from_micros).collect();
                    shares.follow(blocks, &worked);
                }
                let ends = shares.ends(blocks).into_iter().map(|end| end * padded / 2);
                let ends: Vec<usize> = ends.collect();
                let all = w.lines().to_vec();
                let [mut w, mut m, mut v] = [w, m, v].map(BlockWeights::lines_mut);
                let update_part = |i: usize| {
                    let of_part = shares.range(blocks, i);
                    let len = ..of_part.len() * padded / 2;
                    let cut = [&mut w, &mut m, &mut v]
                        .map(|all| all.split_off_mut(len).unwrap_or_default());
                    let [shown, m, v] = cut;
                    let mut own = OwnWeights::default();
                    own.begin(&all, &ends, i);
                    let first = of_part.start;
                    let (w, to) = own.write(&mut *shown);
                    let part = BlockPart { first, w, m, v, shown: to };
                    let blocks = part.first..part.first + part.w.len() / (padded / 2);
                    // What comes next may be anything; it is only fetched.
                    let upcoming = Upcoming { rows, own: 0..rows.len() / 2 };
                    upcoming.prefetch_heads(images);
                    let mut index = BlockIndex::default();
                    index.begin(isa, images, rows, blocks, padded);
                    index.list(isa, images, rows, batch.parts().len());
                    let finite = index.backward(isa, images, errors, update, part, &upcoming);
                    let kept = own.write(&mut *shown).0.to_vec();
                    let bits =
                        |w: &[F32x16]| w.iter().flat_map(|w| w.0.map(f32::to_bits)).collect();
                    let [kept, shown]: [Vec<u32>; 2] = [bits(&kept), bits(shown)];
                    assert_eq!(kept, shown, "part {i}");
                    finite
                };
                (0..self.parts).map(update_part).fold(true, |all, finite| all & finite)
            }
            (Layer::Dense(w), Layer::Dense(m), Layer::Dense(v)) => {
                let mut gradient = vec![f32::NAN; w.len()];
                dense::gradient(isa, images, rows, batch, self.classes, &mut gradient);
                optim::update_all(isa, update, &gradient, (w, m, v))
            }
            _ => unreachable!("weights and moments have one form"),
        };
        let mut gradient = vec![f32::NAN; self.classes];
        batch::bias_gradient(isa, self.batch.parts(), &mut gradient);
        let [b, m, v] = &mut self.bias;
        finite & optim::update_biases(isa, update.rule, &gradient, (b, m, v))
    }

    /// The gradient of the last batch: a step of SGD from zero, against the slope.
    pub fn gradient(&mut self, data: &Data, rows: &[u32]) -> Model {
        let image = data.image;
        let (weights, bias) = (vec![0.0; data.features * self.classes], vec![0.0; self.classes]);
        let zeros = Model { weights, bias, image };
        let zeros = State { model: zeros.clone(), m: zeros.clone(), v: zeros };
        let mut zeros = Self::new(self.isa, self.parts, data, &zeros);
        zeros.batch = self.batch.clone();
        assert!(zeros.backward(data, rows, Update { rule: Rule::Sgd { lr: -1.0 }, l2: 0.0 }));
        zeros.state(data).model
    }

    /// The model in file order; checks that what pads the blocks is zero.
    pub fn state(&self, data: &Data) -> State {
        let layout = data.images.layout();
        let model = |i: usize| {
            let weights = match &self.layers[i] {
                Layer::Dense(weights) => weights.clone(),
                Layer::Blocks(blocks) => {
                    let mut weights = vec![f32::NAN; data.features * self.classes];
                    blocks.scatter(layout, self.classes, &mut weights);
                    let mut again = BlockWeights::gather(layout, self.classes, &weights);
                    let mut blocks = blocks.clone();
                    for (kept, again) in blocks.lines_mut().iter().zip(again.lines_mut()) {
                        check_bits(&kept.0, &again.0, "padding");
                    }
                    weights
                }
            };
            Model { weights, bias: self.bias[i].clone(), image: data.image }
        };
        State { model: model(0), m: model(1), v: model(2) }
    }

    /// Fails where the last forward pass differs from the definition's.
    #[track_caller]
    pub fn check_forward(&self, rows: &[spec::Softmax], scale: f32, what: &str) {
        let expected: Vec<u32> = rows.iter().map(|row| row.predicted).collect();
        assert_eq!(self.batch.predicted().collect::<Vec<_>>(), expected, "predictions, {what}");
        let losses: Vec<f32> = rows.iter().map(|row| row.loss).collect();
        check_bits(&self.batch.losses().collect::<Vec<_>>(), &losses, &format!("losses, {what}"));
        let (labels, k) = (self.batch.labels().collect::<Vec<_>>(), scale / rows.len() as f32);
        for c in 0..self.classes {
            let p: Vec<f32> = rows.iter().map(|row| row.p[c]).collect();
            let actual: Vec<f32> = self.batch.probabilities(c).collect();
            check_bits(&actual, &p, &format!("probabilities of class {c}, {what}"));
            let is = |i: usize| if labels[i] as usize == c { 1.0 } else { 0.0 };
            let d: Vec<f32> = p.iter().enumerate().map(|(i, p)| (p - is(i)) * k).collect();
            let actual: Vec<f32> = self.batch.error_terms(c).collect();
            check_bits(&actual, &d, &format!("error terms of class {c}, {what}"));
        }
    }
}
