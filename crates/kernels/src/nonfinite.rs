//! The one error of training: a number that is infinite or not a number.

use std::fmt;

/// Where the first number stands that is not finite; training must stop there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonFinite {
    /// The logit of an image, by its position in the batch or the set.
    Logit {
        /// Position of the image.
        image: usize,
        /// The lowest class with such a logit.
        class: usize,
    },
    /// A weight, after an update.
    Weight {
        /// Index of the feature in file order.
        feature: usize,
        /// The class.
        class: usize,
    },
    /// A bias, after an update.
    Bias {
        /// The class.
        class: usize,
    },
}

impl NonFinite {
    /// Checks `weights` [features x classes] in file order, then `bias` `[classes]`.
    ///
    /// Panics if there is a weight that is not finite, and no bias.
    pub fn check(weights: &[f32], bias: &[f32]) -> Result<(), Self> {
        let first_bad = |values: &[f32]| values.iter().position(|x| !x.is_finite());
        if let Some(i) = first_bad(weights) {
            return Err(Self::Weight { feature: i / bias.len(), class: i % bias.len() });
        }
        first_bad(bias).map_or(Ok(()), |class| Err(Self::Bias { class }))
    }
}

impl fmt::Display for NonFinite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Logit { image, class } => {
                write!(f, "the logit of class {class} for image {image}")
            }
            Self::Weight { feature, class } => {
                write!(f, "the weight of feature {feature} for class {class}")
            }
            Self::Bias { class } => write!(f, "the bias of class {class}"),
        }
    }
}

impl std::error::Error for NonFinite {}
