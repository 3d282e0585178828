//! Images and their labels: the same number of each, every label a class.

use std::fmt;
use std::ops::RangeInclusive;
use std::path::Path;

use crate::data::Idx;
use crate::element::ElementType::{self, F32, I8, I16, I32, U8};
use crate::error::{Error, ErrorKind};
use crate::read::read;

pub(crate) const IMAGE_RANKS: RangeInclusive<usize> = 2..=255;
pub(crate) const LABEL_RANKS: RangeInclusive<usize> = 1..=2;
const IMAGE_TYPES: &[ElementType] = &[U8, F32];
const LABEL_TYPES: &[ElementType] = &[U8, I8, I16, I32];

/// Two files that fit, as [`read_pair`] returns them.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The images: the count, then the shape of one; `u8` or `f32`.
    pub images: Idx,
    /// The labels' file as it is.
    pub labels: Idx,
    /// The class of each image, from 0.
    pub classes: Vec<u32>,
}

/// Which of the two is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The images.
    Images,
    /// The labels.
    Labels,
    /// The two do not fit.
    Both,
}

/// A fault of a pair; [`PairError::at`] makes it the [`Error`] of a file.
#[derive(Debug)]
pub struct PairError {
    /// Where the fault is.
    pub side: Side,
    /// The fault.
    pub kind: ErrorKind,
}

impl PairError {
    /// Names the file at fault, or both.
    pub fn at(self, images: impl AsRef<Path>, labels: impl AsRef<Path>) -> Error {
        let (images, labels) = (images.as_ref(), labels.as_ref());
        match self.side {
            Side::Images => Error::new(images, self.kind),
            Side::Labels => Error::new(labels, self.kind),
            Side::Both => {
                Error { path: images.into(), partner: Some(labels.into()), kind: self.kind }
            }
        }
    }
}

impl fmt::Display for PairError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.side {
            Side::Images => "images: ",
            Side::Labels => "labels: ",
            Side::Both => "images and labels: ",
        })?;
        self.kind.fmt(f)
    }
}

impl std::error::Error for PairError {}

/// Proves that labels belong to images and returns the class of each image.
///
/// Shapes: `images` \[count x ...\], `u8` or `f32`, rank 2 (feature vectors) and up; `labels`
/// \[count\] or \[count x columns\], any integer type, column 0 the class (QMNIST). Labels are below
/// `classes`, the number of classes. There is at least one image, and no dimension is 0.
///
/// ```
/// use idx::{Idx, pair};
///
/// let images = Idx::from_u8(vec![2, 1, 3], vec![0; 6])?;
/// let labels = Idx::from_u8(vec![2], vec![4, 9])?;
/// assert_eq!(pair(&images, &labels, 10)?, [4, 9]);
///
/// let error = pair(&images, &labels, 5).unwrap_err();
/// assert_eq!(error.to_string(), "labels: label 9 at index 1 is not one of 5 classes (0 to 4)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Swapped`](ErrorKind::Swapped), [`BadRank`](ErrorKind::BadRank),
/// [`WrongType`](ErrorKind::WrongType), [`Empty`](ErrorKind::Empty), [`ZeroDim`](ErrorKind::ZeroDim),
/// [`CountMismatch`](ErrorKind::CountMismatch), [`LabelOutOfRange`](ErrorKind::LabelOutOfRange).
pub fn pair(images: &Idx, labels: &Idx, classes: usize) -> Result<Vec<u32>, PairError> {
    pair_form((images.dims(), images.element_type()), labels, classes)
}

/// [`pair`] for images of which the dimensions and the type are known.
pub(crate) fn pair_form(
    images: (&[usize], ElementType),
    labels: &Idx,
    classes: usize,
) -> Result<Vec<u32>, PairError> {
    let at = |side| move |kind| PairError { side, kind };
    if LABEL_RANKS.contains(&images.0.len()) && labels.dims().len() > *LABEL_RANKS.end() {
        return Err(at(Side::Both)(ErrorKind::Swapped));
    }
    prove_form(images, IMAGE_RANKS, IMAGE_TYPES).map_err(at(Side::Images))?;
    prove_form((labels.dims(), labels.element_type()), LABEL_RANKS, LABEL_TYPES)
        .map_err(at(Side::Labels))?;

    let counts = (images.0[0], labels.dims()[0]);
    if counts.0 != counts.1 {
        let kind = ErrorKind::CountMismatch { images: counts.0, labels: counts.1 };
        return Err(at(Side::Both)(kind));
    }
    checked_classes(labels, classes).map_err(at(Side::Labels))
}

/// Reads two files and proves that they are a [`pair`].
///
/// # Errors
/// Those of [`read`] and [`pair`], naming the file at fault, or both.
pub fn read_pair(
    images: impl AsRef<Path>,
    labels: impl AsRef<Path>,
    classes: usize,
) -> Result<Pair, Error> {
    // The labels first: they are small, and as often wrong.
    let (label_path, labels) = (labels.as_ref(), read(&labels)?);
    let (image_path, images) = (images.as_ref(), read(&images)?);
    match pair(&images, &labels, classes) {
        Ok(classes) => Ok(Pair { images, labels, classes }),
        Err(error) => Err(error.at(image_path, label_path)),
    }
}

fn prove_form(
    (dims, found): (&[usize], ElementType),
    ranks: RangeInclusive<usize>,
    types: &'static [ElementType],
) -> Result<(), ErrorKind> {
    if !ranks.contains(&dims.len()) {
        return Err(ErrorKind::BadRank { expected: ranks, found: dims.len() });
    }
    if !types.contains(&found) {
        return Err(ErrorKind::WrongType { expected: types, found });
    }
    if dims[0] == 0 {
        return Err(ErrorKind::Empty);
    }
    if dims.contains(&0) {
        return Err(ErrorKind::ZeroDim { dims: dims.to_vec() });
    }
    Ok(())
}

/// Returns column 0 of labels whose form is proven.
fn checked_classes(labels: &Idx, classes: usize) -> Result<Vec<u32>, ErrorKind> {
    let columns = labels.dims()[1..].iter().product();
    // Bytes, as a rule: those need no copy as i64.
    if let Some(bytes) = labels.as_u8() {
        return proven(bytes.iter().copied().map(i64::from).step_by(columns), classes);
    }
    let found = labels.element_type();
    let values = labels.to_i64().ok_or(ErrorKind::WrongType { expected: LABEL_TYPES, found })?;
    proven(values.iter().copied().step_by(columns), classes)
}

/// Returns `labels` if all are below `classes`.
fn proven(
    labels: impl Iterator<Item = i64> + Clone,
    classes: usize,
) -> Result<Vec<u32>, ErrorKind> {
    let is_class = |label: i64| u32::try_from(label).is_ok_and(|class| (class as usize) < classes);
    match labels.clone().enumerate().find(|&(_, label)| !is_class(label)) {
        Some((index, label)) => {
            let largest = labels.fold(label, i64::max);
            Err(ErrorKind::LabelOutOfRange { index, label, classes, largest })
        }
        // After the proof and not along with it, so that room is made once.
        None => Ok(labels.map(|class| class as u32).collect()),
    }
}
