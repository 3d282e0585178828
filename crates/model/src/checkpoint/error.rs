//! What can be wrong with a checkpoint.

use std::path::PathBuf;
use std::{fmt, io};

use crate::config::CLASSES;
use crate::safetensor_file::Fault;

/// Why a checkpoint can't be written or read.
#[derive(Debug)]
pub struct CheckpointError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub kind: CheckpointErrorKind,
}

/// What is wrong with a checkpoint.
#[derive(Debug)]
#[non_exhaustive]
pub enum CheckpointErrorKind {
    /// It can't be opened, read or written.
    Io(io::Error),
    /// It is not a safetensors file, or not one of a run.
    Form(String),
    /// The file is longer or shorter than its header says, or larger than any checkpoint.
    Size {
        /// What the header says, or the limit.
        expected_bytes: u64,
        /// The size of the file.
        found_bytes: u64,
    },
    /// Its content is not what was written.
    Checksum {
        /// The SHA-256 that stands in it.
        expected: String,
        /// The SHA-256 of what is there.
        found: String,
    },
    /// Its description of the run can't be read.
    Metadata(String),
    /// Another version of this program wrote it.
    Version {
        /// `format` or `numerics`.
        what: &'static str,
        /// The version that is known here.
        known: u32,
        /// The version of the file.
        found: u32,
    },
    /// It has fewer or more classes than [`CLASSES`].
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
    /// A number that no optimiser has: a negative second moment, a power outside 0 to 1.
    OutOfRange {
        /// The tensor.
        name: &'static str,
        /// The index in it.
        index: usize,
    },
}

impl From<Fault> for CheckpointErrorKind {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Version { what, known, found } => Self::Version { what, known, found },
            Fault::Tensor { name, expected, found } => Self::Tensor { name, expected, found },
            Fault::NonFinite { name, index } => Self::NonFinite { name, index },
        }
    }
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.kind)
    }
}

impl fmt::Display for CheckpointErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Form(cause) => write!(f, "not a checkpoint ({cause})"),
            Self::Size { expected_bytes, found_bytes } => write!(
                f,
                "the checkpoint has {found_bytes} bytes, and its header asks for {expected_bytes}"
            ),
            Self::Checksum { expected, found } => write!(
                f,
                "the checkpoint is damaged: its SHA-256 is {found}, and was {expected} when written"
            ),
            Self::Metadata(cause) => {
                write!(f, "the checkpoint's description of its run can't be read: {cause}")
            }
            Self::Version { what, known, found } => write!(
                f,
                "the checkpoint's {what} version is {found}, and this program goes on from {known} only"
            ),
            Self::Classes { found } => {
                let (least, most) = CLASSES.into_inner();
                write!(f, "the checkpoint has {found} classes, expected {least} to {most}")
            }
            Self::Tensor { name, expected, found } => {
                write!(f, "tensor {name:?} of the checkpoint: expected {expected}, found {found}")
            }
            Self::NonFinite { name, index } => write!(
                f,
                "tensor {name:?} of the checkpoint: number {index} is infinite or not a number"
            ),
            Self::OutOfRange { name, index } => {
                write!(f, "tensor {name:?} of the checkpoint: number {index} is out of range")
            }
        }
    }
}

impl std::error::Error for CheckpointError {}
impl std::error::Error for CheckpointErrorKind {}
