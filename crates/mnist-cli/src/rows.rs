//! Which rows of a file of images belong to a split.

use std::ops::Range;

use model::{Model, Split};

use crate::args::SplitName;

/// The rows of a split among the `count` images of its file: as many for validation as the model's run kept.
pub(crate) fn of_split(model: &Model, split: SplitName, count: usize) -> Range<usize> {
    let kept = model.metadata.config["validation"].as_u64().unwrap_or(0) as usize;
    let parts = Split::new(count, kept.min(count));
    let part = match split {
        SplitName::Test => return 0..count,
        SplitName::Train => parts.training,
        SplitName::Validation => parts.validation,
    };
    part.start as usize..part.end as usize
}
