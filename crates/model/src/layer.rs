//! The linear layer in the form that its number of classes asks for.

use kernels::batch::BatchPart;
use kernels::linear::{self, BlockWeights};
use kernels::{Images, Isa, Layout, NonFinite, dense, spec};

use crate::dataset::Dataset;

/// What a linear layer has, in the form that its features and classes ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Form<B, D> {
    /// Up to 16 classes, or pixels of any number: in blocks of features.
    Blocks(B),
    /// More classes of f32 features: [features x classes], row-major in file order.
    Dense(D),
}

/// Weights of features and classes.
pub(crate) type Layer = Form<BlockWeights, Vec<f32>>;

/// Weights, or moments, that stand elsewhere.
pub(crate) type LayerRef<'a> = Form<&'a BlockWeights, &'a [f32]>;

impl Layer {
    /// Takes weights [features x classes], row-major in file order, for images like these.
    pub(crate) fn gather(images: &Images, classes: usize, weights: &[f32]) -> Self {
        if linear::supports(images, classes) {
            Self::Blocks(BlockWeights::gather(images.layout(), classes, weights))
        } else {
            Self::Dense(weights.to_vec())
        }
    }

    pub(crate) fn as_ref(&self) -> LayerRef<'_> {
        match self {
            Self::Blocks(weights) => Form::Blocks(weights),
            Self::Dense(weights) => Form::Dense(weights),
        }
    }
}

impl LayerRef<'_> {
    /// Gives the weights back, [features x classes], row-major in file order.
    pub(crate) fn scatter(self, layout: &Layout, classes: usize) -> Vec<f32> {
        match self {
            Self::Blocks(blocks) => {
                let mut weights = vec![0.0; layout.features() * classes];
                blocks.scatter(layout, classes, &mut weights);
                weights
            }
            Self::Dense(weights) => weights.to_vec(),
        }
    }

    /// Computes the sums of a part of a batch, whose images are `rows`.
    pub(crate) fn forward(
        self,
        isa: Isa,
        images: &Images,
        rows: &[u32],
        classes: usize,
        part: &mut BatchPart,
    ) {
        match self {
            Self::Blocks(weights) if linear::supports(images, classes) => {
                linear::forward(isa, images, rows, weights.lines(), part.sum_rows_mut());
            }
            // Trained on pixels, and here are f32 features.
            Self::Blocks(_) => {
                let weights = self.scatter(images.layout(), classes);
                dense::forward(isa, images, rows, &weights, classes, part);
            }
            Self::Dense(weights) => dense::forward(isa, images, rows, weights, classes, part),
        }
    }

    /// Finds the first of the images `rows` with a logit that is not finite, by its position among them.
    ///
    /// Slow: by the definition. The kernels tell whether there is one, and not where.
    ///
    /// Panics if there is none.
    pub(crate) fn first_bad_logit(
        self,
        bias: &[f32],
        data: &Dataset,
        rows: impl Iterator<Item = u32>,
    ) -> NonFinite {
        let weights = self.scatter(data.images().layout(), bias.len());
        let model = spec::Model { weights, bias: bias.to_vec(), image: data.image_shape() };
        let mut x = vec![0.0; data.features()];
        for (image, row) in rows.enumerate() {
            data.images().unpack(row as usize, &mut x);
            let z = spec::logits(&model, &x, data.images().scale());
            if let Some(class) = z.iter().position(|z| !z.is_finite()) {
                return NonFinite::Logit { image, class };
            }
        }
        unreachable!("the kernels found a logit that is not finite, and the definition did not")
    }
}
