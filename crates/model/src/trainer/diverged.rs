//! Where a run met the first number that is not finite.

use std::fmt;

use kernels::NonFinite;

/// Why training stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diverged {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The step within the epoch, from 0; `None` in the validation after its last.
    pub iteration: Option<usize>,
    /// The step since the start, from 1.
    pub step: u64,
    /// The index of the image in the training file, for a logit.
    pub image: Option<u32>,
    /// What is not finite.
    pub cause: NonFinite,
}

impl Diverged {
    /// What went wrong in a forward pass or an update; `row` gives an image of the pass its index in
    /// the training file.
    pub(super) fn new(
        (epoch, iteration, step): (u64, Option<usize>, u64),
        row: impl Fn(usize) -> u32,
        cause: NonFinite,
    ) -> Self {
        let image = match cause {
            NonFinite::Logit { image, .. } => Some(row(image)),
            _ => None,
        };
        Self { epoch, iteration, step, image, cause }
    }
}

impl fmt::Display for Diverged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, iteration, step, image, cause } = self;
        match iteration {
            Some(iteration) => {
                write!(f, "training diverged in epoch {epoch}, iteration {iteration}")?;
            }
            None => write!(f, "training diverged: in the validation after epoch {epoch}")?,
        }
        write!(f, " (step {step}): {cause} is not finite")?;
        image.map_or(Ok(()), |image| write!(f, " (image {image} of the training file)"))
    }
}

impl std::error::Error for Diverged {}
