//! Model files: `model.safetensors`, which every framework reads.
//!
//! Two tensors, `weights` F32 `[features, classes]` in the image's own pixel order, and `bias` F32 `[classes]`;
//! pixels are scaled to 0..=1. What else belongs to a model stands in one metadata key, `mnist`, as JSON
//! with sorted keys. The same run gives the same bytes: no time, host, path or number of threads inside.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use kernels::spec::NUMERICS_VERSION;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::atomic;
use crate::checkpoint::BETA_POWERS;
use crate::config::{CLASSES, TrainConfig};
use crate::foreign::{Foreign, START_BYTES};
use crate::parameters::Parameters;
use crate::safetensor_file::{Fault, KEY, check_versions, description, f32_bytes, image, numbers};
use crate::unique_keys;

/// The version of the files that this library writes, and the newest that it reads.
pub const FORMAT_VERSION: u32 = 1;
/// The largest file that is read; an MNIST model has 31 KiB.
const MAX_BYTES: u64 = 1 << 30;

/// A trained model with what is needed to use it.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Weights and biases.
    pub parameters: Parameters,
    /// What they were trained on, and how.
    pub metadata: Metadata,
}

/// What a model file says of its model; fields in alphabetical order, as they are written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Metadata {
    /// The names of the classes.
    pub classes: Vec<String>,
    /// The settings that can change the weights.
    pub config: serde_json::Value,
    /// SHA-256 of the uncompressed files that it was trained on.
    pub dataset_sha256: String,
    /// The version of the file.
    pub format: u32,
    /// Height of an image in pixels; `None` for features without a shape.
    pub height: Option<usize>,
    /// The version of the numerics that made the weights.
    pub numerics: u32,
    /// Width of an image in pixels; `None` for features without a shape.
    pub width: Option<usize>,
}

/// Why a model file can't be written or read.
#[derive(Debug)]
pub struct ModelError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub kind: ModelErrorKind,
}

/// What is wrong with a model file.
#[derive(Debug)]
#[non_exhaustive]
pub enum ModelErrorKind {
    /// It can't be opened, read or written.
    Io(io::Error),
    /// It is a file of another kind.
    Foreign(Foreign),
    /// It is not a safetensors file, or one with a key twice.
    Form(String),
    /// It is a checkpoint, from which a run goes on.
    Checkpoint,
    /// It is larger than any model.
    TooLarge {
        /// Its size in bytes.
        found_bytes: u64,
    },
    /// Its metadata lack the key `mnist`, or that can't be read.
    Metadata(String),
    /// A later version of this program wrote it.
    Version {
        /// `format` or `numerics`.
        what: &'static str,
        /// The newest version that is known here.
        known: u32,
        /// The version of the file.
        found: u32,
    },
    /// It has no classes, or more than [`CLASSES`].
    Classes {
        /// How many it has.
        found: usize,
    },
    /// A tensor is missing, or there is one too many, or it has another type or shape.
    Tensor {
        /// Its name.
        name: String,
        /// What was expected.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A number is infinite or not a number.
    NonFinite {
        /// The tensor.
        name: &'static str,
        /// The index in it.
        index: usize,
    },
}

impl Metadata {
    /// The metadata of a run with `config` on a data set with this hash.
    pub fn new(
        config: &TrainConfig,
        classes: Vec<String>,
        image: Option<(usize, usize)>,
        dataset_sha256: String,
    ) -> Self {
        let mut config = serde_json::json!(config);
        if let Some(settings) = config.as_object_mut() {
            // How often a run reports can't change its weights.
            settings.remove("log_every");
        }
        let (format, numerics) = (FORMAT_VERSION, NUMERICS_VERSION);
        let (height, width) = (image.map(|image| image.0), image.map(|image| image.1));
        Self { classes, config, dataset_sha256, format, height, numerics, width }
    }

    /// Height and width of an image, where it has them.
    pub fn image(&self) -> Option<(usize, usize)> {
        self.height.zip(self.width)
    }
}

impl Model {
    /// Writes the model, whole or not at all.
    pub fn write(&self, path: &Path) -> Result<(), ModelError> {
        let written =
            self.to_bytes().map_err(io::Error::other).and_then(|b| atomic::write(path, &b));
        written.map_err(|error| ModelError { path: path.into(), kind: ModelErrorKind::Io(error) })
    }

    /// The bytes of the model's file.
    ///
    /// Errors only where the library that lays them out does.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let Parameters { weights, bias } = &self.parameters;
        let shape = vec![self.parameters.features(), self.parameters.classes()];
        let (weight_bytes, bias_bytes) = (f32_bytes(weights), f32_bytes(bias));
        let tensors = [
            ("weights", TensorView::new(Dtype::F32, shape, &weight_bytes)?),
            ("bias", TensorView::new(Dtype::F32, vec![bias.len()], &bias_bytes)?),
        ];
        let metadata = HashMap::from([(KEY.to_owned(), serde_json::to_string(&self.metadata)?)]);
        Ok(safetensors::serialize(tensors, Some(metadata))?)
    }

    /// Reads a model file.
    ///
    /// Errors name the file, what was expected and what was found.
    pub fn read(path: &Path) -> Result<Self, ModelError> {
        let read = || {
            let metadata = fs::metadata(path).map_err(ModelErrorKind::Io)?;
            if !metadata.is_file() {
                return Err(ModelErrorKind::Io(io::Error::other("not a regular file")));
            }
            let file = fs::File::open(path).map_err(ModelErrorKind::Io)?;
            // What is too large is still told by its first bytes; what grows meanwhile is cut off.
            let is_too_large = metadata.len() > MAX_BYTES;
            let most = if is_too_large { START_BYTES as u64 } else { metadata.len() + 1 };
            let mut bytes = Vec::new();
            file.take(most).read_to_end(&mut bytes).map_err(ModelErrorKind::Io)?;
            match Foreign::of(&bytes) {
                Some(kind) if is_too_large => Err(ModelErrorKind::Foreign(kind)),
                None if is_too_large => {
                    Err(ModelErrorKind::TooLarge { found_bytes: metadata.len() })
                }
                _ => Self::from_bytes(&bytes),
            }
        };
        read().map_err(|kind| ModelError { path: path.into(), kind })
    }

    /// Reads the bytes of a model file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelErrorKind> {
        let foreign_or = |cause: String| match Foreign::of(bytes) {
            Some(kind) => ModelErrorKind::Foreign(kind),
            None => ModelErrorKind::Form(cause),
        };
        let form = |error: safetensors::SafeTensorError| foreign_or(error.to_string());
        // The library takes the last of two tensors of one name, and says nothing; and it keeps all that
        // the header says before it looks at what that is.
        if let Some((length, rest)) = bytes.split_first_chunk()
            && let Ok(length) = usize::try_from(u64::from_le_bytes(*length))
            && let Some(header) = rest.get(..length)
        {
            unique_keys::check(header).map_err(foreign_or)?;
        }
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(form)?;
        let tensors = SafeTensors::deserialize(bytes).map_err(form)?;
        let text = description(&header).map_err(ModelErrorKind::Metadata)?;
        let unreadable =
            |cause: String| ModelErrorKind::Metadata(format!("its key {KEY:?}: {cause}"));
        unique_keys::check(text.as_bytes()).map_err(unreadable)?;
        let metadata: Metadata =
            serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        let Metadata { format, numerics, height, width, .. } = metadata;
        // Older ones are read too.
        let is_known = |known, found| (1..=known).contains(&found);
        check_versions((FORMAT_VERSION, format), (NUMERICS_VERSION, numerics), is_known)?;
        let image = image(height, width).map_err(unreadable)?;
        if tensors.names().contains(&BETA_POWERS) {
            return Err(ModelErrorKind::Checkpoint);
        }
        if let Some(name) =
            tensors.names().into_iter().find(|name| !["weights", "bias"].contains(name))
        {
            return Err(ModelErrorKind::Tensor {
                name: name.to_owned(),
                expected: "no other than weights and bias".into(),
                found: "this one".into(),
            });
        }
        let classes = metadata.classes.len();
        if !(1..=*CLASSES.end()).contains(&classes) {
            return Err(ModelErrorKind::Classes { found: classes });
        }
        let bias = numbers(&tensors, "bias", |shape| shape == [classes], &[classes])?;
        let pixels = image.map(|(height, width)| height.saturating_mul(width));
        let fits = |shape: &[usize]| {
            shape.len() == 2
                && shape[0] > 0
                && pixels.is_none_or(|n| shape[0] == n)
                && shape[1] == classes
        };
        let weights = numbers(&tensors, "weights", fits, &[pixels.unwrap_or(0), classes])?;
        Ok(Self { parameters: Parameters { weights, bias }, metadata })
    }
}

impl From<Fault> for ModelErrorKind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Version { what, known, found } => Self::Version { what, known, found },
            Fault::Tensor { name, expected, found } => Self::Tensor { name, expected, found },
            Fault::NonFinite { name, index } => Self::NonFinite { name, index },
        }
    }
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.kind)
    }
}

impl fmt::Display for ModelErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Foreign(kind) => write!(f, "not a model file but {kind}"),
            Self::Form(cause) => write!(f, "not a model file ({cause})"),
            Self::Checkpoint => f.write_str("a checkpoint of a run, not a model file"),
            Self::TooLarge { found_bytes } => {
                write!(f, "{found_bytes} bytes are more than a model file has ({MAX_BYTES})")
            }
            Self::Metadata(cause) => write!(f, "not a model file of this program: {cause}"),
            Self::Version { what, known, found } => write!(
                f,
                "its {what} version is {found}, and this program knows 1 to {known}; use a newer one"
            ),
            Self::Classes { found } => {
                write!(f, "the model has {found} classes, expected 1 to {}", CLASSES.end())
            }
            Self::Tensor { name, expected, found } => {
                write!(f, "tensor {name:?}: expected {expected}, found {found}")
            }
            Self::NonFinite { name, index } => {
                write!(f, "tensor {name:?}: number {index} is infinite or not a number")
            }
        }
    }
}

impl std::error::Error for ModelError {}
impl std::error::Error for ModelErrorKind {}
