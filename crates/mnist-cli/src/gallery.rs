//! The pictures of a run: PNG files of what the model learned, and of what it gets wrong.

use std::ops::Range;

use model::{Classifier, Confusion, DataSets, Dataset, Evaluation, Parameters};
use pictures::classes::{Class, classes};
use pictures::confusion::confusion;
use pictures::curves::{Curves, Point, curves};
use pictures::reliability::{bins, reliability};
use pictures::samples::{SIDE, Sample, first, samples};
use pictures::weights::weights;
use pictures::{Image, Picture, thousands};
use rayon::prelude::*;

use crate::failure::{Code, Failure};
use crate::history::History;
use crate::run_folder::RunFolder;
use crate::screen::printable;

/// More classes than this are too many for pictures with a place for each.
pub(crate) const MOST_CLASSES: usize = 100;
/// Probabilities that one thread holds at a time.
const CHUNK: usize = 10_000;

/// The pictures of a run; some may be lacking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drawing {
    Correct,
    Misclassified,
    Curves,
    Weights,
    Confusion,
    Reliability,
    Classes,
}

impl Drawing {
    /// All of them, in the order in which they are told of.
    pub(crate) const ALL: [Self; 7] = [
        Self::Correct,
        Self::Misclassified,
        Self::Curves,
        Self::Weights,
        Self::Confusion,
        Self::Reliability,
        Self::Classes,
    ];

    /// The file's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Correct => "correct.png",
            Self::Misclassified => "misclassified.png",
            Self::Curves => "learning_curves.png",
            Self::Weights => "weights.png",
            Self::Confusion => "confusion.png",
            Self::Reliability => "reliability.png",
            Self::Classes => "classes.png",
        }
    }
}

/// What pictures are drawn of: a finished run and its test.
pub(crate) struct Gallery<'a> {
    pub(crate) sets: &'a DataSets,
    pub(crate) parameters: &'a Parameters,
    pub(crate) classifier: &'a Classifier,
    /// The test on all images.
    pub(crate) test: &'a Evaluation,
    pub(crate) history: &'a History,
    pub(crate) steps_per_epoch: usize,
}

impl Gallery<'_> {
    /// Draws all pictures on rayon's threads and writes them into the folder; returns their names.
    ///
    /// Those that need pixels are left out where images have no height and width, those with a place for
    /// each class where there are more than [`MOST_CLASSES`].
    pub(crate) fn write(&self, folder: &RunFolder) -> Result<Vec<&'static str>, Failure> {
        let names: Vec<String> =
            self.sets.info.classes.iter().map(|name| printable(name)).collect();
        let confidences = self.confidences()?;
        let draw = |drawing: &Drawing| {
            let name = drawing.name();
            let Some(image) = self.draw(*drawing, &names, &confidences) else { return Ok(None) };
            let png = image.png().map_err(|error| {
                Failure::new(Code::Io, format_args!("{name} can't be made: {error}"))
            })?;
            folder.write_picture(name, &png)?;
            Ok(Some(name))
        };
        let drawn: Result<Vec<_>, Failure> = Drawing::ALL.par_iter().map(draw).collect();
        Ok(drawn?.into_iter().flatten().collect())
    }

    /// Draws a picture; nothing where this run has none.
    fn draw(&self, drawing: Drawing, names: &[String], confidences: &[f32]) -> Option<Image> {
        let image = self.sets.test.image_shape();
        let is_few = names.len() <= MOST_CLASSES;
        match drawing {
            Drawing::Correct => Some(self.samples(true, image?, names)),
            Drawing::Misclassified => Some(self.samples(false, image?, names)),
            Drawing::Curves => Some(self.curves()),
            Drawing::Weights => {
                let image = image.filter(|_| is_few)?;
                Some(weights(&self.parameters.weights, image, names))
            }
            Drawing::Confusion => is_few.then(|| self.confusion(names)),
            Drawing::Reliability => Some(self.reliability(confidences)),
            Drawing::Classes => is_few.then(|| self.classes(names)),
        }
    }

    fn table(&self, names: &[String]) -> Confusion {
        Confusion::new(names.len(), self.sets.test.labels(), &self.test.predicted)
    }

    fn confusion(&self, names: &[String]) -> Image {
        let (table, n) = (self.table(names), names.len());
        let counts: Vec<usize> = (0..n * n).map(|i| table.at(i / n, i % n)).collect();
        let subtitle = format!("{}: how many of a row were taken for a column", self.all());
        confusion(&counts, names, &subtitle)
    }

    fn classes(&self, names: &[String]) -> Image {
        let table = self.table(names);
        let score = |class| {
            let score = table.score(class);
            let (precision, recall, f1) = (score.precision, score.recall, score.f1);
            Class { precision, recall, f1, support: score.support }
        };
        let scores: Vec<Class> = (0..names.len()).map(score).collect();
        classes(&scores, names, &format!("{}; mean: every class counts the same", self.all()))
    }

    /// `10,000 synthetic test images`.
    fn all(&self) -> String {
        format!("{} {}test images", thousands(self.test.count()), self.sets.info.adjective())
    }

    fn samples(&self, right: bool, image: (usize, usize), names: &[String]) -> Image {
        let (test, predicted) = (&self.sets.test, &self.test.predicted);
        let chosen = first(test.labels(), predicted, right, SIDE * SIDE);
        let pixels: Vec<Vec<u8>> = chosen.iter().map(|&i| greys(test, i)).collect();
        let shown = chosen.iter().zip(&pixels).map(|(&i, pixels)| Sample {
            picture: Picture::new(pixels, image),
            label: test.labels()[i],
            predicted: predicted[i],
        });
        let shown: Vec<Sample<'_>> = shown.collect();
        let (heading, count) = match right {
            true => ("Correct examples", self.test.correct),
            false => ("Misclassified examples", self.test.count() - self.test.correct),
        };
        let which = match shown.len() {
            0 => "none".to_owned(),
            n if n == count => thousands(n),
            n => format!("the first {n} of {}", thousands(count)),
        };
        samples(heading, &format!("{which} among {}", self.all()), &shown, names)
    }

    fn curves(&self) -> Image {
        let per_epoch = self.steps_per_epoch.max(1) as f64;
        // A step's loss is of the weights before it.
        let step = |step: &crate::history::Step| Point {
            at: (step.epoch - 1) as f64 + step.iteration as f64 / per_epoch,
            loss: step.loss,
            accuracy: step.accuracy,
        };
        let epoch = |epoch: &crate::history::Epoch| {
            let set = epoch.validation_all?;
            Some(Point { at: epoch.epoch as f64, loss: set.loss, accuracy: set.accuracy })
        };
        let steps: Vec<Point> = self.history.steps.iter().map(step).collect();
        let validation: Vec<Point> = self.history.epochs.iter().filter_map(epoch).collect();
        let subtitle = format!(
            "on {}: loss {}, accuracy {:.2} %",
            self.all(),
            loss_in_words(self.test.loss),
            100.0 * self.test.accuracy()
        );
        let (subtitle, steps_per_epoch) = (subtitle.as_str(), self.steps_per_epoch);
        curves(&Curves { subtitle, steps: &steps, validation: &validation, steps_per_epoch })
    }

    fn reliability(&self, confidences: &[f32]) -> Image {
        let right = self.sets.test.labels().iter().zip(&self.test.predicted);
        let right = right.map(|(label, predicted)| label == predicted);
        let bins = bins(confidences.iter().copied().zip(right));
        let subtitle = format!("{}: is the model right as often as it claims?", self.all());
        reliability(&bins, &subtitle)
    }

    /// The probability of the predicted class of each test image.
    fn confidences(&self) -> Result<Vec<f32>, Failure> {
        let count = self.sets.test.len();
        let chunk = (CHUNK / self.parameters.classes()).max(1);
        let chunks: Vec<Range<usize>> =
            (0..count).step_by(chunk).map(|start| start..count.min(start + chunk)).collect();
        let predict = |rows: Range<usize>| {
            let predictions = self.classifier.predict(&self.sets.test, rows)?;
            let sure =
                |prediction: model::Prediction| prediction.probabilities[prediction.class as usize];
            Ok(predictions.into_iter().map(sure).collect())
        };
        let parts: Result<Vec<Vec<f32>>, kernels::NonFinite> =
            chunks.into_par_iter().map(predict).collect();
        let parts = parts.map_err(|error| {
            Failure::new(Code::Diverged, format_args!("testing: {error} is not finite"))
        })?;
        Ok(parts.concat())
    }
}

/// Image `i` in greys: features as they are if all lie from 0 to 1, else from the least to the largest.
pub(crate) fn greys(data: &Dataset, i: usize) -> Vec<u8> {
    let features = data.image(i);
    let ends = features.iter().fold((0.0f32, 1.0f32), |(low, high), &x| (low.min(x), high.max(x)));
    let grey = |x: f32| (255.0 * ((x - ends.0) / (ends.1 - ends.0))).round() as u8;
    features.into_iter().map(grey).collect()
}

/// A loss as a person reads it, also where the steps were far too large.
fn loss_in_words(loss: f64) -> String {
    if loss < 1e6 { format!("{loss:.3}") } else { format!("{loss:.2e}") }
}
