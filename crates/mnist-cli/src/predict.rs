//! `mnist predict`: images classified with a saved model.

pub(crate) mod image_file;

use std::ops::Range;
use std::path::Path;

use kernels::{Isa, NonFinite};
use model::{Classifier, Model, Prediction};
use pictures::Picture;
use pictures::terminal::{Bar, bars, beside};
use serde_json::json;

use crate::args::PredictArgs;
use crate::failure::{Code, Failure};
use crate::output::Output;
use crate::screen::{Screen, printable};
use crate::setup;
use image_file::Images;

/// Images that are predicted, then printed, at a time.
const CHUNK: usize = 512;

/// Of more classes than this, only the most probable ones get a bar.
const MOST_BARS: usize = 12;

/// Predicts every file. One that can't be used is told of and left out; the last such one's code is the
/// program's.
pub(crate) fn run(args: &PredictArgs) -> Result<(), Failure> {
    let (isa, model) = (setup::isa()?, Model::read(&args.model)?);
    let screen = Screen::stdout(args.graphics);
    let predictor = Predictor { isa, model: &model, args, screen };
    let mut output = Output::default();
    let mut last_failure: Option<Failure> = None;
    for path in &args.images {
        if let Err(failure) = predictor.file(path, &mut output)
            && let Some(earlier) = last_failure.replace(failure)
        {
            earlier.report();
        }
    }
    last_failure.map_or_else(|| output.finish(), Err)
}

/// What every file is predicted with.
struct Predictor<'a> {
    isa: Isa,
    model: &'a Model,
    args: &'a PredictArgs,
    screen: Screen,
}

impl Predictor<'_> {
    /// Predicts the images of one file, and prints a line for each.
    fn file(&self, path: &Path, output: &mut Output) -> Result<(), Failure> {
        let images = image_file::read(path, self.model)?;
        let classifier = Classifier::new(self.isa, &self.model.parameters, &images.data);
        let count = images.data.len();
        let wanted = match self.args.index {
            None => 0..count,
            Some(index) if index < count => index..index + 1,
            Some(index) => {
                let s = if count == 1 { "" } else { "s" };
                let message =
                    format!("{}: has {count} image{s}, none of index {index}", path.display());
                let remedy = match count {
                    1 => "leave --index out".to_owned(),
                    _ => format!("name one of 0 to {}", count - 1),
                };
                return Err(Failure::new(Code::Usage, message).remedy(remedy));
            }
        };
        for first in wanted.clone().step_by(CHUNK) {
            let rows: Range<usize> = first..wanted.end.min(first + CHUNK);
            let predictions = classifier
                .predict(&images.data, rows.clone())
                .map_err(|error| not_finite(path, &images, error))?;
            let lines: Vec<String> = rows
                .zip(&predictions)
                .map(|(row, prediction)| self.describe(path, &images, row, prediction))
                .collect();
            output.line(lines.join("\n"));
        }
        Ok(())
    }

    /// What is printed of one image.
    fn describe(
        &self,
        path: &Path,
        images: &Images,
        row: usize,
        prediction: &Prediction,
    ) -> String {
        if self.args.json {
            return self.as_json(path, images, row, prediction).to_string();
        }
        let answer = |class: u32| {
            let chance = percent(prediction.probabilities[class as usize]);
            format!("{} ({chance})", printable(self.name(class)))
        };
        let runner_up = if prediction.runner_up == prediction.class {
            String::new()
        } else {
            format!(", runner-up {}", answer(prediction.runner_up))
        };
        let line = format!("{}: {}{runner_up}", images.title(path, row), answer(prediction.class));
        if self.args.show {
            format!("{line}\n{}", self.show(images, row, prediction))
        } else {
            line
        }
    }

    /// The image as the model saw it, beside the probabilities of the classes.
    fn show(&self, images: &Images, row: usize, prediction: &Prediction) -> String {
        let features = images.data.image(row);
        let pixels: Vec<u8> =
            features.iter().map(|x| (255.0 * x.clamp(0.0, 1.0)).round() as u8).collect();
        let (height, width) = images.data.image_shape().unwrap_or((1, pixels.len()));
        let graphics = self.screen.graphics(2, width);
        let mut classes: Vec<u32> = (0..prediction.probabilities.len() as u32).collect();
        if classes.len() > MOST_BARS {
            let rising = |&class: &u32| prediction.probabilities[class as usize];
            classes.sort_by(|a, b| rising(b).total_cmp(&rising(a)));
            classes.truncate(MOST_BARS);
        }
        let chart: Vec<Bar> = classes
            .into_iter()
            .map(|class| {
                let probability = prediction.probabilities[class as usize];
                Bar {
                    label: self.name(class).to_owned(),
                    note: percent(probability),
                    value: probability.into(),
                }
            })
            .collect();
        let picture = Picture::new(&pixels, (height, width));
        beside(picture, graphics, self.screen.columns(), |room| {
            let done = images.done().filter(|done| done.len() <= room);
            let done = done.map_or(String::new(), |done| format!("\n{done}\n"));
            bars(&chart, 1.0, graphics, room) + &done
        })
    }

    fn as_json(
        &self,
        path: &Path,
        images: &Images,
        row: usize,
        prediction: &Prediction,
    ) -> serde_json::Value {
        let answer = |class: u32| {
            json!({
                "class": class,
                "label": self.name(class),
                "probability": prediction.probabilities[class as usize],
            })
        };
        let mut line = answer(prediction.class);
        line["file"] = json!(path.to_string_lossy());
        line["runner_up"] = answer(prediction.runner_up);
        line["probabilities"] = json!(prediction.probabilities);
        if images.prepared.is_none() {
            line["index"] = json!(row);
        }
        if let Some(prepared) = &images.prepared {
            line["inverted"] = json!(prepared.inverted);
            line["centred"] = json!(prepared.centred);
        }
        line
    }

    /// The name of a class.
    fn name(&self, class: u32) -> &str {
        &self.model.metadata.classes[class as usize]
    }
}

/// A probability, 0 to 1, in percent.
fn percent(probability: f32) -> String {
    format!("{:.1}%", 100.0 * probability)
}

/// Features so large that a logit is infinite.
fn not_finite(path: &Path, images: &Images, error: NonFinite) -> Failure {
    let title = match error {
        NonFinite::Logit { image, .. } => images.title(path, image),
        _ => path.display().to_string(),
    };
    let message = format!("{title}: the model's answer is infinite or not a number");
    Failure::new(Code::Content, message).remedy("give it data like its own")
}
