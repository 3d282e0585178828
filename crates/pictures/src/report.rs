//! The report of a run: one HTML file with all it needs inside, that opens from disk and asks no server.
//!
//! ```text
//! page.html    the sections; {{title}} {{style}} {{data}} {{script}} are filled in here
//! style.css    light and dark, phone and paper
//! *.js         one file a section, in the order of `SCRIPTS`, all in one script
//! data         one JSON object; arrays of numbers in it are base64 (data.rs, pack.rs)
//! ```
//!
//! What the browser draws it computes from the model and the images in the page: the program puts in no
//! picture. Names of classes come from files, so no text gets into the page's HTML but escaped, and the
//! scripts write text, never HTML.

mod data;
mod pack;

use serde::Serialize;

use crate::escape::html;

/// Images on the diagonal of the confusion matrix, for each class.
pub const RIGHT_IMAGES: usize = 25;

/// More classes than this make no matrix that can be looked at.
pub const MOST_CLASSES: usize = 128;

/// The page's scripts in the order in which they stand in it.
const SCRIPTS: [&str; 12] = [
    include_str!("report/dom.js"),
    include_str!("report/data.js"),
    include_str!("report/model.js"),
    include_str!("report/prepare.js"),
    include_str!("report/draw.js"),
    include_str!("report/head.js"),
    include_str!("report/curves.js"),
    include_str!("report/templates.js"),
    include_str!("report/confusion.js"),
    include_str!("report/worst.js"),
    include_str!("report/pad.js"),
    include_str!("report/main.js"),
];

/// All that a report shows.
#[derive(Clone, Debug)]
pub struct Report<'a> {
    /// The heading.
    pub title: &'a str,
    /// A sentence or two below it.
    pub lead: &'a str,
    /// The figures at the top.
    pub headline: Vec<Figure>,
    /// Settings, machine and so on, in groups.
    pub facts: Vec<Facts>,
    /// The model.
    pub model: Model<'a>,
    /// What it made of the test images.
    pub tests: Tests<'a>,
    /// How it learned, where that is known.
    pub curves: Option<Curves>,
    /// Its weights at earlier moments, where they are known.
    pub snapshots: &'a [Snapshot],
    /// Sentences that say what is not on the page, and why.
    pub left_out: Vec<String>,
}

/// A figure of the headline.
#[derive(Clone, Debug, Serialize)]
pub struct Figure {
    /// What it is.
    pub name: String,
    /// The figure.
    pub value: String,
    /// What belongs to it, in small letters.
    pub small: String,
    /// Low end, value, high end of a fraction, 0 to 1.
    pub interval: Option<(f64, f64, f64)>,
}

/// A group of facts.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// Its heading.
    pub name: String,
    /// Name and value of each.
    pub rows: Vec<(String, String)>,
}

/// A linear classifier.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// The names of the classes.
    pub classes: &'a [String],
    /// Height and width of an image; `None` for features without a shape.
    pub image: Option<(usize, usize)>,
    /// Weights [features x classes], row-major in the image's own pixel order.
    pub weights: &'a [f32],
    /// Biases `[classes]`.
    pub bias: &'a [f32],
    /// What a feature is multiplied by.
    pub scale: f32,
}

/// Predictions of the test images, in the order of their file, and the images to show.
#[derive(Clone, Copy, Debug)]
pub struct Tests<'a> {
    /// The class of each.
    pub labels: &'a [u32],
    /// The class that it was taken for.
    pub predicted: &'a [u32],
    /// The probability of that class, 0 to 1.
    pub confidence: &'a [f32],
    /// Features of the images that [`shown`] names, one after the other.
    pub images: Images<'a>,
}

/// Features before scaling.
#[derive(Clone, Copy, Debug)]
pub enum Images<'a> {
    /// Pixels.
    U8(&'a [u8]),
    /// Other features.
    F32(&'a [f32]),
}

/// The learning curves.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Curves {
    /// Batches of training images.
    pub steps: Vec<StepPoint>,
    /// The validation images after each epoch.
    pub epochs: Vec<EpochPoint>,
}

/// A batch, after the step that it made.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepPoint {
    /// The step, from 1.
    pub step: u64,
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// The fraction of right predictions, 0 to 1.
    pub accuracy: f64,
}

/// The validation images after an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct EpochPoint {
    /// The epoch, from 1.
    pub epoch: u64,
    /// Its last step.
    pub step: u64,
    /// Mean cross-entropy in nats.
    pub loss: f64,
    /// The fraction of right predictions, 0 to 1.
    pub accuracy: f64,
    /// The time of the epoch's training alone, in seconds.
    pub seconds: f64,
}

/// Weights at a moment of the training.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Steps taken.
    pub step: u64,
    /// The epoch that ended with that step, if one did.
    pub epoch: Option<u64>,
    /// Weights [features x classes], row-major.
    pub weights: Vec<f32>,
}

/// The test images that a report shows, by their place in the file: all that were taken for another class, and
/// of each class the first that were not.
///
/// Panics if a label is not below `classes` or the lengths differ.
///
/// ```
/// # use pictures::report::shown;
/// assert_eq!(shown(2, &[0, 1, 1, 0], &[0, 0, 1, 0]), [0, 1, 2, 3]);
/// ```
pub fn shown(classes: usize, labels: &[u32], predicted: &[u32]) -> Vec<usize> {
    assert_eq!(labels.len(), predicted.len(), "labels and predictions");
    let mut right = vec![0; classes];
    let mut is_shown = |i: &usize| {
        let class = labels[*i] as usize;
        if labels[*i] != predicted[*i] {
            return true;
        }
        right[class] += 1;
        right[class] <= RIGHT_IMAGES
    };
    (0..labels.len()).filter(|i| is_shown(i)).collect()
}

impl Report<'_> {
    /// The HTML file. The same report is the same bytes.
    ///
    /// Errors only where the library that writes JSON does.
    ///
    /// Panics if lengths do not fit each other, or if there are more than [`MOST_CLASSES`] classes.
    pub fn render(&self) -> Result<String, serde_json::Error> {
        let data = data::json(self)?;
        let scripts = SCRIPTS.join("\n");
        // In one pass, so that nothing is looked for in what was filled in.
        let mut page = String::with_capacity(data.len() + scripts.len() + (64 << 10));
        for (i, part) in include_str!("report/page.html").split("{{").enumerate() {
            let (name, rest) =
                if i == 0 { ("", part) } else { part.split_once("}}").unwrap_or(("", part)) };
            match name {
                "title" => page.push_str(&html(self.title)),
                "style" => page.push_str(include_str!("report/style.css")),
                "data" => page.push_str(&data),
                "script" => page.push_str(&scripts),
                _ => {}
            }
            page.push_str(rest);
        }
        Ok(page)
    }
}
