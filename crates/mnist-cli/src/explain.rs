//! `mnist explain`: why a model takes an image for what it does, pixel by pixel.

mod picture;
mod subject;
mod words;

use kernels::Isa;
use model::{Classifier, Explanation, Model, Prediction};
use serde_json::json;

use crate::args::ExplainArgs;
use crate::failure::{Code, Failure};
use crate::output::Output;
use crate::screen::{Screen, printable};
use crate::setup;
use subject::Subject;

/// An image, what the model says of it, and why.
struct Case<'a> {
    model: &'a Model,
    subject: &'a Subject,
    prediction: Prediction,
    why: Explanation,
}

pub(crate) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let (isa, model) = (setup::isa()?, Model::read(&args.model)?);
    let subject = Subject::choose(args, &model, isa)?;
    let case = Case::new(&model, &subject, isa, args.class.as_deref())?;
    if let Some(path) = &args.out {
        picture::write(path, &case)?;
    }
    let mut output = Output::default();
    if args.json {
        output.line(case.as_json());
    } else {
        output.line(words::describe(&case, &Screen::stdout(args.graphics)).trim_end_matches('\n'));
        if let Some(path) = &args.out {
            output.line(format_args!("\npicture {}", printable(&path.to_string_lossy())));
        }
    }
    output.finish()
}

impl<'a> Case<'a> {
    fn new(
        model: &'a Model,
        subject: &'a Subject,
        isa: Isa,
        class: Option<&str>,
    ) -> Result<Self, Failure> {
        let classifier = Classifier::new(isa, &model.parameters, &subject.data);
        let row = subject.row;
        let predicted = classifier.predict(&subject.data, row..row + 1);
        let not_finite = || {
            let message = format!("{}: the model's answer is not finite", subject.title);
            Failure::new(Code::Content, message).remedy("give it data like its own")
        };
        let prediction = predicted.ok().and_then(|mut one| one.pop()).ok_or_else(not_finite)?;
        let asked = class.map(|class| find_class(model, class)).transpose()?;
        if asked == Some(prediction.class) {
            let name = printable(&model.metadata.classes[prediction.class as usize]);
            let message = format!("--class {name}: that is the model's answer itself");
            return Err(Failure::new(Code::Usage, message).remedy("name another class, or none"));
        }
        let label = subject.label.filter(|label| *label != prediction.class);
        let other = asked.or(label).unwrap_or(prediction.runner_up);
        let why = Explanation::of(&model.parameters, &subject.data, row, prediction.class, other);
        Ok(Self { model, subject, prediction, why })
    }

    /// The name of a class.
    fn name(&self, class: u32) -> String {
        printable(&self.model.metadata.classes[class as usize])
    }

    /// The height and width of the image, where it has any.
    fn image_shape(&self) -> Option<(usize, usize)> {
        self.subject.data.image_shape()
    }

    /// The image as 0 for paper to 255 for full ink.
    fn pixels(&self) -> Vec<u8> {
        let features = self.subject.data.image(self.subject.row);
        features.iter().map(|x| (255.0 * x.clamp(0.0, 1.0)).round() as u8).collect()
    }

    /// The shares as f32, for colours.
    fn shares(&self) -> Vec<f32> {
        self.why.shares.iter().map(|&share| share as f32).collect()
    }

    fn as_json(&self) -> serde_json::Value {
        let class = |class: u32| {
            json!({
                "class": class,
                "label": self.model.metadata.classes[class as usize],
                "probability": self.prediction.probabilities[class as usize],
            })
        };
        json!({
            "image": self.subject.title,
            "data": self.subject.set.as_ref().map(|(name, sha256)| json!({ "name": name, "sha256": sha256 })),
            "true": self.subject.label.map(class),
            "predicted": class(self.why.class),
            "other": class(self.why.other),
            "margin": self.why.margin,
            "bias": self.why.bias,
            "shares": self.why.shares,
            "probabilities": self.prediction.probabilities,
        })
    }
}

/// The class that a person names: by its name, else by its number.
fn find_class(model: &Model, text: &str) -> Result<u32, Failure> {
    let names = &model.metadata.classes;
    let by_number = || text.parse().ok().filter(|&class: &usize| class < names.len());
    let class = names.iter().position(|name| name == text).or_else(by_number);
    class.map(|class| class as u32).ok_or_else(|| {
        let message = format!("--class {}: the model has no such class", printable(text));
        let last = names.len() - 1;
        Failure::new(Code::Usage, message).remedy(format!(
            "name one, {} to {}, or give its number, 0 to {last}",
            printable(&names[0]),
            printable(&names[last])
        ))
    })
}
