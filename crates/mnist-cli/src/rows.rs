//! Which rows of a file of images belong to a split.

use std::ops::Range;

use model::{Model, Split};

use crate::args::SplitName;
use crate::failure::{Code, Failure};

/// The rows of a split among the `count` images of its file: as many for validation as the model's run kept.
///
/// Errors if there are none.
pub(crate) fn of_split(
    model: &Model,
    split: SplitName,
    count: usize,
) -> Result<Range<usize>, Failure> {
    let kept = model.metadata.config["validation"].as_u64().unwrap_or(0) as usize;
    let parts = Split::new(count, kept.min(count));
    let (part, name) = match split {
        SplitName::Test => (0..count as u32, "test"),
        SplitName::Train => (parts.training, "training"),
        SplitName::Validation => (parts.validation, "validation"),
    };
    if part.is_empty() {
        let cause = match split {
            SplitName::Test => String::new(),
            _ => format!(": the model's run kept {kept} for validation"),
        };
        let message = format_args!("there are no {name} images{cause}");
        return Err(Failure::new(Code::Usage, message).remedy("name another --split"));
    }
    Ok(part.start as usize..part.end as usize)
}
