//! A training and a test set in words.

use model::{CLASSES, Dataset};

use super::{draw, histogram};
use crate::gallery::greys;
use crate::screen::{Screen, printable};

/// Of more classes than this, there is no histogram.
const MOST_CLASSES: usize = 64;

/// What is told of both sets.
pub(super) struct Sets {
    /// How many images, and how large.
    pub(super) images: String,
    /// How many classes, and what they are called.
    pub(super) classes: String,
    /// A histogram of each set's labels, and the first images to train on.
    pub(super) drawings: Vec<String>,
    /// How many images each set has of each class.
    pub(super) counts: [Vec<usize>; 2],
}

impl Sets {
    /// Describes sets whose labels are below the number of `names`, which are those of the classes.
    pub(super) fn describe(
        train: &Dataset,
        test: &Dataset,
        names: &[String],
        screen: &Screen,
    ) -> Self {
        let shape = match train.image_shape() {
            Some((height, width)) => format!("{height} x {width} pixels"),
            None => format!("{} features", train.features()),
        };
        let names: Vec<String> = names.iter().map(|name| printable(name)).collect();
        let (classes, few) = (names.len(), names.len() <= MOST_CLASSES);
        let named = if few { format!(": {}", names.join(", ")) } else { String::new() };
        let counts = [train, test].map(|data| label_counts(data, classes));
        let mut drawings = Vec::new();
        if few {
            for (set, counts) in ["train", "test"].into_iter().zip(&counts) {
                let counts = names.iter().cloned().zip(counts.iter().copied());
                drawings.push(format!("{set}\n{}", histogram(screen, counts)));
            }
        }
        if let Some(shape) = train.image_shape() {
            let image = |i: usize| (greys(train, i), names[train.labels()[i] as usize].clone());
            drawings.extend(draw(screen, train.len(), shape, image));
        }
        let images = format!("{} to train on, {} to test on, {shape}", train.len(), test.len());
        Self { images, classes: format!("{classes}{named}"), drawings, counts }
    }
}

/// What the set with this name is, to people.
pub(super) fn what(name: Option<&str>) -> String {
    match name {
        Some("mnist") => "MNIST, by its hash".to_owned(),
        Some(name) => printable(name),
        None => "a data set, not MNIST".to_owned(),
    }
}

/// How many classes there must be, if this is the largest label of all; -1 if there is none.
pub(super) fn classes_of(largest: i64) -> usize {
    (largest + 1).clamp(*CLASSES.start() as i64, *CLASSES.end() as i64) as usize
}

fn label_counts(data: &Dataset, classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    data.labels().iter().for_each(|&label| counts[label as usize] += 1);
    counts
}
