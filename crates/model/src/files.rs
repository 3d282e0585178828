//! The four files of a data set, read into images and labels.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use idx::{Idx, Role};
use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, DatasetError};
use crate::hash::hex;
use crate::loading::{Opened, load_both, shape_of};
use crate::synthetic;

/// A training file, a test file, and what is known of them.
#[derive(Clone, Debug)]
pub struct DataSets {
    /// The training file; its first images are for validation (see [`Split`](crate::Split)).
    pub train: Dataset,
    /// The test file.
    pub test: Dataset,
    /// What names them to people and programs.
    pub info: DataInfo,
}

/// What names a data set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataInfo {
    /// `mnist`, `synthetic` and so on, where it is known.
    pub name: Option<String>,
    /// The name of each class.
    pub classes: Vec<String>,
    /// SHA-256 of the uncompressed IDX files, in the order training images, training labels, test images,
    /// test labels.
    pub sha256: String,
}

/// Why files make no data set.
#[derive(Debug)]
#[non_exhaustive]
pub enum LoadError {
    /// A file is missing, unreadable or wrong.
    Idx(idx::Error),
    /// The images can't be trained on.
    Dataset {
        /// Their file.
        path: PathBuf,
        /// Why.
        cause: DatasetError,
    },
    /// The file that names the classes can't be opened or read.
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// The file that names the classes does not.
    Names {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: String,
    },
    /// The system makes no more threads.
    Threads(io::Error),
    /// Training and test images have different shapes or types.
    Unlike {
        /// The training images.
        train: PathBuf,
        /// Their type and shape.
        train_form: String,
        /// The test images.
        test: PathBuf,
        /// Their type and shape.
        test_form: String,
    },
}

/// SHA-256 of the uncompressed MNIST files, by which the set is known whatever its folder is called.
pub const MNIST_SHA256: &str = "b2d8f5bf39174ee5ffeefa97e42d673c35432b411bb5d1f74fbbeddae7f1690a";

/// SHA-256 of the synthetic digits, as files.
pub const SYNTHETIC_SHA256: &str =
    "386d90d88f5e1656426f75b38a2938f0a0d2c0da4b060fc86cab72362ceb54e0";

/// The name of the data set with this hash, where it is known.
///
/// ```
/// use model::files::{MNIST_SHA256, known_name};
/// assert_eq!(known_name(MNIST_SHA256), Some("mnist"));
/// ```
pub fn known_name(sha256: &str) -> Option<&'static str> {
    match sha256 {
        MNIST_SHA256 => Some("mnist"),
        SYNTHETIC_SHA256 => Some("synthetic"),
        _ => None,
    }
}

impl DataInfo {
    /// What tells its images from others in a line for people: `synthetic ` or nothing.
    pub fn adjective(&self) -> &'static str {
        if self.sha256 == SYNTHETIC_SHA256 { "synthetic " } else { "" }
    }
}

impl DataSets {
    /// Reads the four files of `folder`; labels must be below `classes`.
    ///
    /// Errors name the file, what was expected and what was found.
    pub fn read(folder: &Path, classes: usize) -> Result<Self, LoadError> {
        let files = idx::find_all(folder).map_err(LoadError::Idx)?;
        let open = |images, labels| {
            let (images, labels) = (files.path(images), files.path(labels));
            Opened::new(images, labels, classes).map_err(LoadError::Idx)
        };
        let train = open(Role::TrainImages, Role::TrainLabels)?;
        let test = open(Role::TestImages, Role::TestLabels)?;
        let (train_form, test_form) = (train.form(), test.form());
        if train_form != test_form {
            let (train, test) = (files.train_images.clone(), files.test_images.clone());
            return Err(LoadError::Unlike { train, train_form, test, test_form });
        }
        let sets = ((train, &*files.train_images), (test, &*files.test_images));
        Self::named(folder, classes, load_both(sets.0, sets.1)?)
    }

    /// Training set, test set and the SHA-256 of their files, and what `folder` says of their names.
    pub(crate) fn named(
        folder: &Path,
        classes: usize,
        (train, test, sha256): (Dataset, Dataset, String),
    ) -> Result<Self, LoadError> {
        let (name, names) = names(folder, classes)?;
        // What is known by its hash is called so, and nothing else is.
        let own = name.filter(|name| !["mnist", "synthetic"].contains(&name.as_str()));
        let name = known_name(&sha256).map(str::to_owned).or(own);
        let info = DataInfo { name, classes: names, sha256 };
        Ok(Self { train, test, info })
    }

    /// Draws the synthetic digits: 60,000 to train on and 10,000 to test on, as MNIST has.
    pub fn synthetic() -> Result<Self, DatasetError> {
        let draw = |range| {
            let synthetic::Digits { images, labels } = synthetic::digits(range);
            let (n, classes) = (labels.len(), labels.iter().map(|&y| u32::from(y)).collect());
            // As files, which `idx` could write: what is hashed is theirs.
            let counts = DatasetError::Counts { images: images.len() / 784, labels: n };
            let file = |dims, bytes| Idx::from_u8(dims, bytes).map_err(|_| counts.clone());
            let files = [file(vec![n, 28, 28], images)?, file(vec![n], labels)?];
            Ok((images_of(&files[0], classes)?, files))
        };
        let (train, train_files) = draw(0..synthetic::TRAINING)?;
        let (test, test_files) = draw(synthetic::TRAINING..synthetic::TRAINING + synthetic::TEST)?;
        let sha256 = sha256(train_files.iter().chain(&test_files));
        let classes = (0..10).map(|class: u32| class.to_string()).collect();
        let info = DataInfo { name: Some("synthetic".into()), classes, sha256 };
        Ok(Self { train, test, info })
    }
}

/// The longest `dataset.json` that is read; 65,536 classes fit.
const MOST_NAMES_BYTES: u64 = 4 << 20;

/// What the file `dataset.json` beside the data says of them; `cargo xtask fetch-data` writes one.
#[derive(serde::Deserialize)]
struct Names {
    name: String,
    classes: Vec<String>,
}

/// The name of the data set and of its classes, which are numbers where nobody named them.
fn names(folder: &Path, classes: usize) -> Result<(Option<String>, Vec<String>), LoadError> {
    let numbers = || (0..classes).map(|class| class.to_string()).collect();
    let path = folder.join("dataset.json");
    let fail = |cause: String| LoadError::Names { path: path.clone(), cause };
    if !path.is_file() {
        return Ok((None, numbers()));
    }
    let unreadable = |cause| LoadError::Unreadable { path: path.clone(), cause };
    let file = std::fs::File::open(&path).map_err(unreadable)?;
    let mut text = Vec::new();
    file.take(MOST_NAMES_BYTES + 1).read_to_end(&mut text).map_err(unreadable)?;
    if text.len() as u64 > MOST_NAMES_BYTES {
        return Err(fail(format!("it has more than {MOST_NAMES_BYTES} bytes")));
    }
    let names: Names = serde_json::from_slice(&text).map_err(|error| fail(error.to_string()))?;
    // A run may be told of more classes, or of fewer, than the data set is known for.
    let fits = names.classes.len() == classes;
    Ok((Some(names.name), if fits { names.classes } else { numbers() }))
}

/// SHA-256 of files as they are without gzip, one after the other.
fn sha256<'a>(files: impl IntoIterator<Item = &'a Idx>) -> String {
    let mut hash = Sha256::new();
    for file in files {
        hash.update(file.header_bytes());
        hash.update(file.payload());
    }
    hex(&hash.finalize())
}

/// Makes a data set of the images of an IDX file (u8 or f32, the first dimension counts them).
pub(crate) fn images_of(images: &Idx, labels: Vec<u32>) -> Result<Dataset, DatasetError> {
    let shape = shape_of(images.dims());
    match images.as_u8() {
        Some(pixels) => Dataset::from_u8(pixels, shape, labels),
        None => Dataset::from_f32(&images.to_f32().unwrap_or_default(), shape, labels),
    }
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Idx(error) => error.fmt(f),
            Self::Names { path, cause } => {
                write!(f, "{}: not a list of classes: {cause}", path.display())
            }
            Self::Threads(cause) => write!(f, "no threads to load the data with: {cause}"),
            Self::Unreadable { path, cause } => {
                write!(f, "{}: cannot be read: {cause}", path.display())
            }
            Self::Dataset { path, cause } => write!(f, "{}: {cause}", path.display()),
            Self::Unlike { train, train_form, test, test_form } => write!(
                f,
                "{} has images of {test_form}, but {} has {train_form}: the files belong to different sets",
                test.display(),
                train.display()
            ),
        }
    }
}

impl std::error::Error for LoadError {}
