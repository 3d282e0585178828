//! The linear layer in the form that its number of classes asks for.

use kernels::batch::BatchPart;
use kernels::linear::{self, BlockWeights};
use kernels::spec::FEW_CLASSES;
use kernels::{Images, Isa, Layout, dense};

/// Weights (or moments) of features and classes.
#[derive(Clone, Debug)]
pub(crate) enum Layer {
    /// Up to 16 classes: in blocks of features.
    Blocks(BlockWeights),
    /// More: [features x classes], row-major in file order.
    Dense(Vec<f32>),
}

impl Layer {
    /// Takes weights [features x classes], row-major in file order.
    pub(crate) fn gather(layout: &Layout, classes: usize, weights: &[f32]) -> Self {
        if classes <= FEW_CLASSES {
            Self::Blocks(BlockWeights::gather(layout, classes, weights))
        } else {
            Self::Dense(weights.to_vec())
        }
    }

    /// Gives the weights back, [features x classes], row-major in file order.
    pub(crate) fn scatter(&self, layout: &Layout, classes: usize) -> Vec<f32> {
        match self {
            Self::Blocks(blocks) => {
                let mut weights = vec![0.0; layout.features() * classes];
                blocks.scatter(layout, classes, &mut weights);
                weights
            }
            Self::Dense(weights) => weights.clone(),
        }
    }

    /// Classes, with those that the kernels pad.
    pub(crate) fn padded(classes: usize) -> usize {
        if classes <= FEW_CLASSES { linear::padded_classes(classes) } else { classes }
    }

    /// Computes the sums of a part of a batch, whose images are `rows`.
    pub(crate) fn forward(
        &self,
        isa: Isa,
        images: &Images,
        rows: &[u32],
        classes: usize,
        part: &mut BatchPart<'_>,
    ) {
        match self {
            Self::Blocks(weights) => linear::forward(isa, images, rows, weights, part.sums),
            Self::Dense(weights) => dense::forward(isa, images, rows, weights, classes, part),
        }
    }
}
