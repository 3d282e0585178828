//! Which image is explained.

use std::ops::Range;

use kernels::Isa;
use model::{Classifier, Dataset, Model};

use crate::args::{ExplainArgs, SplitName};
use crate::failure::{Code, Failure};
use crate::fit;
use crate::output::notice;
use crate::predict::image_file;
use crate::rows;
use crate::run_file;

/// An image and what is known of it.
pub(super) struct Subject {
    /// The data that it stands in.
    pub(super) data: Dataset,
    /// The name of the data set, where it has one, and its hash; nothing for a picture.
    pub(super) set: Option<(Option<String>, String)>,
    /// Its row there.
    pub(super) row: usize,
    /// What to call it.
    pub(super) title: String,
    /// Its class, where anybody knows.
    pub(super) label: Option<u32>,
    /// What was done to a picture, in words.
    pub(super) done: Option<&'static str>,
}

impl Subject {
    pub(super) fn choose(args: &ExplainArgs, model: &Model, isa: Isa) -> Result<Self, Failure> {
        if let Some(path) = &args.image {
            let images = image_file::read(path, model)?;
            if images.prepared.is_none() {
                let message = format!("{}: is an IDX file, expected a PNG picture", path.display());
                return Err(Failure::new(Code::Content, message)
                    .remedy("name a data set's folder with --data, and the image with --index"));
            }
            let (title, done) = (images.title(path, 0), images.done());
            return Ok(Self { data: images.data, set: None, row: 0, title, label: None, done });
        }
        let named = (args.data.as_deref(), args.dataset);
        let source = run_file::data_for(&args.model, model, named)?;
        source.notice().into_iter().for_each(notice);
        let sets = source.load(model.metadata.classes.len())?;
        fit::check(&args.model, model, &sets)?;
        let (data, split) = match args.split {
            SplitName::Test => (sets.test, "test"),
            SplitName::Train => (sets.train, "training"),
            SplitName::Validation => (sets.train, "validation"),
        };
        let rows = rows::of_split(model, args.split, data.len())?;
        let row = match args.index {
            Some(index) if index < rows.len() => rows.start + index,
            Some(index) => {
                let message = format!("--index {index}: there are {} {split} images", rows.len());
                let remedy = format!("name one of 0 to {}", rows.len() - 1);
                return Err(Failure::new(Code::Usage, message).remedy(remedy));
            }
            None => worst(model, isa, &data, rows.clone())?.ok_or_else(|| {
                let message = format!("--worst: the model makes no mistake on the {split} images");
                Failure::new(Code::Usage, message).remedy("choose an image with --index")
            })?,
        };
        let (index, label) = (row - rows.start, data.labels()[row]);
        let title = format!("{split} image {index}");
        let set = Some((sets.info.name, sets.info.sha256));
        Ok(Self { data, set, row, title, label: Some(label), done: None })
    }
}

/// The mistake among `rows` whose wrong answer has the highest probability, the first of equals.
fn worst(
    model: &Model,
    isa: Isa,
    data: &Dataset,
    rows: Range<usize>,
) -> Result<Option<usize>, Failure> {
    let predictions = Classifier::new(isa, &model.parameters, data)
        .predict(data, rows.clone())
        .map_err(|error| Failure::new(Code::Content, format_args!("{error} is not finite")))?;
    let mut worst: Option<(usize, f32)> = None;
    for (row, prediction) in rows.zip(predictions) {
        let sure = prediction.probabilities[prediction.class as usize];
        let is_mistake = prediction.class != data.labels()[row];
        if is_mistake && worst.is_none_or(|(_, most)| sure > most) {
            worst = Some((row, sure));
        }
    }
    Ok(worst.map(|(row, _)| row))
}
