//! Labelled images, and the tutorial's way to split, shuffle and batch them.

use std::ops::Range;

use kernels::{Images, Layout};

use crate::rng::{Purpose, Stream};

/// Images and the class of each.
#[derive(Clone, Debug)]
pub struct Dataset {
    images: Images,
    labels: Vec<u32>,
    /// The labels again, a byte each; empty if one is above 255. Batches take labels from here and there, and the fewer cache
    /// lines they are in, the more often they are still in the second cache: a step takes 1.2 % less than with four bytes, on two
    /// threads 0.9; with two bytes 0.5 less and the same (Zen 4, "Small differences" in docs/benchmarks.md).
    byte_labels: Vec<u8>,
}

/// Why images and labels make no data set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DatasetError {
    /// The numbers of images and labels differ.
    Counts {
        /// Images.
        images: usize,
        /// Labels.
        labels: usize,
    },
    /// A feature is infinite or not a number.
    NonFinite {
        /// Index of the image.
        image: usize,
        /// Index of the feature in file order.
        feature: usize,
    },
    /// More features in an image, or more images, than the kernels count.
    TooLarge {
        /// Images.
        images: usize,
        /// Features of each.
        features: usize,
    },
}

impl Dataset {
    /// A set of u8 images: `pixels` [n x features] and n `labels`; `shape` is the number of features of an image, and its
    /// (height, width) where it has them.
    ///
    /// Panics if `pixels` is not a whole number of images of at least one feature.
    pub fn from_u8(
        pixels: &[u8],
        shape: (usize, Option<(usize, usize)>),
        labels: Vec<u32>,
    ) -> Result<Self, DatasetError> {
        let mut packing = Packing::new(shape, labels)?;
        packing.push(pixels)?;
        packing.finish()
    }

    /// A set of f32 features: `values` [n x features], all finite, and n `labels`.
    ///
    /// Panics if `values` is not a whole number of images of at least one feature.
    pub fn from_f32(
        values: &[f32],
        (features, image): (usize, Option<(usize, usize)>),
        labels: Vec<u32>,
    ) -> Result<Self, DatasetError> {
        let (layout, too_large) = Self::layout(labels.len(), features, image)?;
        if let Some(i) = values.iter().position(|x| !x.is_finite()) {
            return Err(DatasetError::NonFinite { image: i / features, feature: i % features });
        }
        Self::paired(Images::from_f32(layout, values).map_err(|_| too_large)?, labels)
    }

    /// The layout of `images` images, and the error that says there are too many.
    fn layout(
        images: usize,
        features: usize,
        image: Option<(usize, usize)>,
    ) -> Result<(Layout, DatasetError), DatasetError> {
        assert_ne!(features, 0, "images without features");
        let too_large = DatasetError::TooLarge { images, features };
        if u32::try_from(images).is_err() {
            return Err(too_large);
        }
        Layout::new(features, image).ok_or(too_large.clone()).map(|layout| (layout, too_large))
    }

    /// A set of these images, if there is a label for each.
    pub(crate) fn paired(images: Images, labels: Vec<u32>) -> Result<Self, DatasetError> {
        if images.len() != labels.len() {
            return Err(DatasetError::Counts { images: images.len(), labels: labels.len() });
        }
        let bytes: Option<Vec<u8>> = labels.iter().map(|&label| u8::try_from(label).ok()).collect();
        Ok(Self { images, labels, byte_labels: bytes.unwrap_or_default() })
    }

    /// The number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there is no image.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The images.
    pub fn images(&self) -> &Images {
        &self.images
    }

    /// The class of each image.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The class of image `i`.
    ///
    /// Panics if there is no image `i`.
    pub(crate) fn label(&self, i: usize) -> u32 {
        self.byte_labels.get(i).map_or_else(|| self.labels[i], |&label| label.into())
    }

    /// Features of an image.
    pub fn features(&self) -> usize {
        self.images.layout().features()
    }

    /// Height and width of an image, where it has them.
    pub fn image_shape(&self) -> Option<(usize, usize)> {
        self.images.layout().image()
    }

    /// The features of image `i` in file order, as the model sees them: u8 pixels are scaled to 0..=1.
    ///
    /// Panics if there is no image `i`.
    pub fn image(&self, i: usize) -> Vec<f32> {
        let mut x = vec![0.0; self.features()];
        self.images.unpack(i, &mut x);
        let scale = self.images.scale();
        x.iter_mut().for_each(|x| *x *= scale);
        x
    }

    /// The label of image `i` one-hot: for each class a number, 1 at its own and 0 elsewhere. For people; the kernels
    /// take the class itself.
    ///
    /// Panics if there is no image `i` or its label is not below `classes`.
    ///
    /// ```
    /// # use model::Dataset;
    /// let digits = Dataset::from_u8(&[0, 255], (1, None), vec![2, 0]).expect("two images");
    /// assert_eq!(digits.one_hot(0, 3), [0.0, 0.0, 1.0]);
    /// ```
    pub fn one_hot(&self, i: usize, classes: usize) -> Vec<f32> {
        let mut hot = vec![0.0; classes];
        hot[self.labels[i] as usize] = 1.0;
        hot
    }
}

/// A set of u8 images in the making, whose pixels come piece by piece.
pub(crate) struct Packing {
    images: Images,
    labels: Vec<u32>,
    too_large: DatasetError,
}

impl Packing {
    /// Begins a set; `shape` and `labels` are those of [`Dataset::from_u8`].
    pub(crate) fn new(
        (features, image): (usize, Option<(usize, usize)>),
        labels: Vec<u32>,
    ) -> Result<Self, DatasetError> {
        let (layout, too_large) = Dataset::layout(labels.len(), features, image)?;
        Ok(Self { images: Images::new_u8(layout, labels.len()), labels, too_large })
    }

    /// Packs the pixels of the next images.
    ///
    /// Panics if they are not whole images.
    pub(crate) fn push(&mut self, pixels: &[u8]) -> Result<(), DatasetError> {
        self.images.push_u8(pixels).map_err(|_| self.too_large.clone())
    }

    /// The set, if there were as many images as labels.
    pub(crate) fn finish(mut self) -> Result<Dataset, DatasetError> {
        self.images.shrink_to_fit();
        Dataset::paired(self.images, self.labels)
    }
}

/// The tutorial's split of the training file: the first images are for validation, the others to train on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    /// Indices of the validation images.
    pub validation: Range<u32>,
    /// Indices of the training images.
    pub training: Range<u32>,
}

impl Split {
    /// Splits `count` images; the first `validation` of them are for validation.
    ///
    /// Panics if there are fewer than `validation` or more than 2^32 - 1.
    pub fn new(count: usize, validation: usize) -> Self {
        assert!(validation <= count, "{validation} of {count} images for validation");
        assert!(u32::try_from(count).is_ok(), "{count} images");
        let (validation, count) = (validation as u32, count as u32);
        Self { validation: 0..validation, training: validation..count }
    }

    /// The order of the training images in an epoch, from 1: a permutation of its own, made from seed and
    /// epoch alone, or file order without `shuffle`. Its chunks are the batches.
    pub fn epoch_order(&self, seed: u64, epoch: u64, shuffle: bool) -> Vec<u32> {
        self.begin_order(seed, epoch, shuffle).finish()
    }

    /// Begins the same order, which is then made in steps.
    pub(crate) fn begin_order(&self, seed: u64, epoch: u64, shuffle: bool) -> EpochOrder {
        let rows: Vec<u32> = self.training.clone().collect();
        let left = if shuffle { rows.len() } else { 0 };
        EpochOrder { epoch, rows, left, stream: Stream::new(seed, Purpose::Shuffle, epoch) }
    }
}

/// The order of the training images in an epoch, while it is made.
#[derive(Debug)]
pub(crate) struct EpochOrder {
    pub(crate) epoch: u64,
    rows: Vec<u32>,
    /// The images that have no place yet.
    pub(crate) left: usize,
    stream: Stream,
}

impl EpochOrder {
    /// Gives so many images their places.
    pub(crate) fn go_on(&mut self, images: usize) {
        self.left = self.stream.shuffle(&mut self.rows, self.left, images);
    }

    /// Gives the others their places, too.
    pub(crate) fn finish(mut self) -> Vec<u32> {
        self.go_on(self.left);
        self.rows
    }
}

impl std::fmt::Display for DatasetError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Counts { images, labels } => write!(f, "{images} images but {labels} labels"),
            Self::NonFinite { image, feature } => {
                write!(f, "feature {feature} of image {image} is infinite or not a number")
            }
            Self::TooLarge { images, features } => {
                write!(f, "{images} images of {features} features are more than the kernels count")
            }
        }
    }
}

impl std::error::Error for DatasetError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_label_is_that_of_the_list() {
        let check = |labels: &[u32], bytes: usize| {
            let pixels = vec![1; labels.len()];
            let data = Dataset::from_u8(&pixels, (1, None), labels.to_vec()).unwrap();
            let one_by_one: Vec<u32> = (0..labels.len()).map(|i| data.label(i)).collect();
            assert_eq!((&one_by_one[..], data.byte_labels.len()), (labels, bytes));
            assert!(std::panic::catch_unwind(|| data.label(labels.len())).is_err());
        };
        check(&[3, 255, 0], 3);
        check(&[3, 256, 0], 0);
        check(&[u32::MAX], 0);
        check(&[], 0);
    }
}
