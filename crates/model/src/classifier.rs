//! A trained model in use: evaluation and prediction.

use std::ops::Range;

use kernels::linear::padded_classes;
use kernels::team::Team;
use kernels::{Batch, Isa, Layout, NonFinite};
use rayon::prelude::*;

use crate::dataset::Dataset;
use crate::layer::{Layer, LayerRef};
use crate::metrics::{Evaluation, Scores};
use crate::parameters::Parameters;

/// Images that one thread treats at a time.
const CHUNK: usize = 512;

/// Parameters in the form that the kernels take, for images of one shape.
#[derive(Clone, Debug)]
pub struct Classifier {
    isa: Isa,
    layout: Layout,
    layer: Layer,
    bias: Vec<f32>,
}

/// What the model says of one image.
#[derive(Clone, Debug, PartialEq)]
pub struct Prediction {
    /// The probability of each class, 0 to 1.
    pub probabilities: Vec<f32>,
    /// The lowest class among those with the largest logit.
    pub class: u32,
    /// The class with the next largest probability, the lowest of equals; `class` if there is no other.
    pub runner_up: u32,
}

impl Classifier {
    /// Prepares `parameters` for images like those of `data`.
    ///
    /// Panics if the images have another number of features.
    pub fn new(isa: Isa, parameters: &Parameters, data: &Dataset) -> Self {
        assert_eq!(
            parameters.features(),
            data.features(),
            "features of the model and of the images"
        );
        let layer = Layer::gather(data.images(), parameters.classes(), &parameters.weights);
        let layout = data.images().layout().clone();
        Self { isa, layout, layer, bias: parameters.bias.clone() }
    }

    /// Evaluates the images `rows` of `data`, on all threads of rayon's pool. How they are cut into chunks
    /// changes nothing.
    ///
    /// Errors at the first image with a logit that is not finite.
    ///
    /// Panics if `rows` is empty, there is no such image, or the images have another shape than those that the
    /// parameters were prepared for.
    pub fn evaluate(&self, data: &Dataset, rows: Range<usize>) -> Result<Evaluation, NonFinite> {
        self.check(data);
        Ok(score(self.isa, self.layer.as_ref(), &self.bias, data, rows)?.all())
    }

    /// Predicts the classes of the images `rows` of `data`.
    ///
    /// Errors at the first image with a logit that is not finite.
    ///
    /// Panics if there is no such image, or the images have another shape than those that the parameters were prepared
    /// for.
    pub fn predict(
        &self,
        data: &Dataset,
        rows: Range<usize>,
    ) -> Result<Vec<Prediction>, NonFinite> {
        self.check(data);
        let classes = self.bias.len();
        let mut predictions = Vec::with_capacity(rows.len());
        for chunk in chunks(rows) {
            let batch = forward(self.isa, self.layer.as_ref(), &self.bias, data, chunk)?;
            let columns: Vec<Vec<f32>> =
                (0..classes).map(|c| batch.probabilities(c).collect()).collect();
            for (i, class) in batch.predicted().enumerate() {
                let probabilities: Vec<f32> = columns.iter().map(|column| column[i]).collect();
                let others = (0..classes as u32).filter(|&c| c != class);
                let better = |best: u32, c: u32| {
                    if probabilities[c as usize] > probabilities[best as usize] { c } else { best }
                };
                let runner_up = others.reduce(better).unwrap_or(class);
                predictions.push(Prediction { probabilities, class, runner_up });
            }
        }
        Ok(predictions)
    }

    /// As many features in another shape stand in other blocks, and would be multiplied by the weights of others.
    fn check(&self, data: &Dataset) {
        assert_eq!(data.images().layout(), &self.layout, "shapes of images");
    }
}

fn chunks(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let end = rows.end;
    rows.step_by(CHUNK).map(move |first| first..(first + CHUNK).min(end))
}

/// Runs some images forward.
fn forward(
    isa: Isa,
    layer: LayerRef<'_>,
    bias: &[f32],
    data: &Dataset,
    rows: Range<usize>,
) -> Result<Batch, NonFinite> {
    let (images, classes) = (data.images(), bias.len());
    let mut batch = Batch::default();
    batch.begin(&data.labels()[rows.clone()], padded_classes(classes), 1);
    let indices: Vec<u32> = rows.clone().map(|row| row as u32).collect();
    let finite = batch.parts_mut().iter_mut().all(|part| {
        layer.forward(isa, images, &indices, classes, part);
        kernels::softmax(isa, part.softmax_rows_mut(), bias, images.scale(), 1.0)
    });
    if finite {
        return Ok(batch);
    }
    Err(match layer.first_bad_logit(bias, data, indices.into_iter()) {
        NonFinite::Logit { image, class } => NonFinite::Logit { image: rows.start + image, class },
        other => other,
    })
}

/// Scores the images `rows` on rayon's threads.
pub(crate) fn score(
    isa: Isa,
    layer: LayerRef<'_>,
    bias: &[f32],
    data: &Dataset,
    rows: Range<usize>,
) -> Result<Scores, NonFinite> {
    let chunks: Vec<_> = chunks(rows).collect();
    let score = |rows| score_chunk(isa, layer, bias, data, rows);
    // All are kept until the first error in order is found.
    let scored: Vec<_> = chunks.into_par_iter().map(score).collect();
    joined(scored)
}

/// Scores the images `rows` as [`score`] does, on `threads` of a team that is awake. Rayon's threads would
/// take the cores from it: they look for more work for a while when theirs is done.
pub(crate) fn score_on(
    (team, threads): (&mut Team, usize),
    isa: Isa,
    (layer, bias): (LayerRef<'_>, &[f32]),
    data: &Dataset,
    rows: Range<usize>,
) -> Result<Scores, NonFinite> {
    let chunks: Vec<_> = chunks(rows).collect();
    let per_thread = chunks.len().div_ceil(threads).max(1);
    let mut parts: Vec<_> = chunks
        .chunks(per_thread)
        .map(|chunks| (chunks, Vec::with_capacity(chunks.len())))
        .collect();
    team.run(&mut parts, |(chunks, scored)| {
        scored.extend(chunks.iter().map(|rows| score_chunk(isa, layer, bias, data, rows.clone())));
    });
    joined(parts.into_iter().flat_map(|(_, scored)| scored))
}

fn score_chunk(
    isa: Isa,
    layer: LayerRef<'_>,
    bias: &[f32],
    data: &Dataset,
    rows: Range<usize>,
) -> Result<Scores, NonFinite> {
    let batch = forward(isa, layer, bias, data, rows.clone())?;
    // `for_each` runs these nested iterators as loops; `collect` would ask for one number after the other.
    let mut losses = Vec::with_capacity(rows.len());
    let mut predicted = Vec::with_capacity(rows.len());
    batch.losses().for_each(|loss| losses.push(loss));
    batch.predicted().for_each(|class| predicted.push(class));
    let right = predicted.iter().zip(&data.labels()[rows]).map(|(class, label)| class == label);
    Ok(Scores { losses, right: right.collect(), predicted })
}

/// The scores of chunks in order, as one; the error of the first that has one.
fn joined(
    scored: impl IntoIterator<Item = Result<Scores, NonFinite>>,
) -> Result<Scores, NonFinite> {
    let mut all = Scores::default();
    for chunk in scored {
        let Scores { losses, predicted, right } = chunk?;
        all.losses.extend(losses);
        all.predicted.extend(predicted);
        all.right.extend(right);
    }
    Ok(all)
}
