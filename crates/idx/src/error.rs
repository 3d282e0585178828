//! What can go wrong, one variant a fault, each with what was expected and what was found.

use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::element::ElementType;
use crate::escape::Escaped;
use crate::fault::GzipFault;
use crate::files::{self, Role};
use crate::hint::Hint;
use crate::pair::{IMAGE_RANKS, LABEL_RANKS};

/// A fault, and the file or folder that has it.
///
/// Displayed as one line: the path with anything unprintable escaped, a colon, the fault. The line
/// includes the operating system's own words where it has some, so there is no `source`.
#[derive(Debug)]
pub struct Error {
    /// The file; for a missing file, the folder it was looked for in.
    pub path: PathBuf,
    /// The second file, where the fault lies between two.
    pub partner: Option<PathBuf>,
    /// The fault.
    pub kind: ErrorKind,
}

impl Error {
    /// Attaches a path to a fault.
    pub fn new(path: impl Into<PathBuf>, kind: ErrorKind) -> Self {
        Self { path: path.into(), partner: None, kind }
    }

    /// Adapter for `map_err`: `.map_err(Error::at(path))`.
    pub(crate) fn at(path: &Path) -> impl Fn(ErrorKind) -> Self + '_ {
        move |kind| Self::new(path, kind)
    }

    /// Returns the class of the fault, for an exit code.
    pub fn class(&self) -> FaultClass {
        self.kind.class()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Escaped(&self.path))?;
        if let Some(partner) = &self.partner {
            write!(f, " and {}", Escaped(partner))?;
        }
        write!(f, ": {}", self.kind)
    }
}

impl std::error::Error for Error {}

/// Whether the file could be reached, what it holds, or a checksum is at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaultClass {
    /// The file cannot be found, opened, read, held in memory or written.
    Io,
    /// The content is wrong: form, length, count, label, a stream cut short.
    Content,
    /// A gzip checksum or length does not match.
    Checksum,
}

/// One fault. Sizes in bytes say so in their names; other lengths count elements.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file or folder cannot be opened.
    Open(io::Error),
    /// The operating system fails to read on.
    Read(io::Error),
    /// The file cannot be written; an old file of that name is untouched.
    Write(io::Error),
    /// Not a regular file, so without a length to check the header against.
    NotARegularFile {
        /// What it is instead, as "a folder".
        found: &'static str,
    },
    /// Files of a set are missing from a folder.
    Missing {
        /// What was looked for and not found.
        roles: Vec<Role>,
        /// Names of files in the folder that look like IDX files of another set, in order, the first ones.
        others: Vec<PathBuf>,
    },
    /// The payload does not fit into memory.
    OutOfMemory {
        /// The size of the payload.
        needed_bytes: u64,
    },
    /// The file, or the content of the gzip stream, ends within the header.
    TooShort {
        /// The header's size as far as it is known: 4, or with the dimensions 4 + 4 rank.
        needed_bytes: u64,
        /// The bytes there are.
        found_bytes: u64,
    },
    /// The first two bytes are not zero.
    BadMagic {
        /// The first four bytes.
        found: [u8; 4],
        /// What they look like, if they look like something.
        hint: Option<Hint>,
    },
    /// The third byte is not the code of an element type.
    UnknownType {
        /// The third byte.
        code: u8,
    },
    /// The number of dimensions is not one of those expected.
    BadRank {
        /// The ranks that fit.
        expected: RangeInclusive<usize>,
        /// The rank there is.
        found: usize,
    },
    /// The dimensions multiply to more bytes than an address space has, zeros left out; or one is
    /// above `u32::MAX`, which the format cannot hold.
    DimOverflow {
        /// The dimensions.
        dims: Vec<usize>,
    },
    /// The payload is shorter than the dimensions say, or not as long where it is made in memory.
    SizeMismatch {
        /// The payload's size by the dimensions, header not counted.
        expected_bytes: u64,
        /// The payload's real size.
        found_bytes: u64,
    },
    /// Bytes follow the payload.
    TrailingData {
        /// The payload's size by the dimensions, header not counted.
        expected_bytes: u64,
        /// How many follow, at least: the rest of a gzip stream is not read.
        extra_bytes: u64,
    },
    /// The header asks for more than any gzip file of this size can hold (1,032 times its size).
    ClaimTooLarge {
        /// Header and payload by the dimensions.
        declared_bytes: u64,
        /// The compressed file's size.
        file_bytes: u64,
    },
    /// The gzip stream is at fault.
    Gzip(GzipFault),
    /// The element type is not one of those that fit the purpose.
    WrongType {
        /// The types that fit.
        expected: &'static [ElementType],
        /// The type there is.
        found: ElementType,
    },
    /// The images' file holds labels and the labels' file holds images.
    Swapped,
    /// There is not one label an image.
    CountMismatch {
        /// The number of images.
        images: usize,
        /// The number of labels.
        labels: usize,
    },
    /// The first dimension, the number of images or labels, is 0.
    Empty,
    /// A dimension after the first is 0: images without pixels or rows without a label.
    ZeroDim {
        /// The dimensions.
        dims: Vec<usize>,
    },
    /// A label is not one of the classes 0..classes.
    LabelOutOfRange {
        /// The first such label's position, from 0.
        index: usize,
        /// The label.
        label: i64,
        /// The number of classes.
        classes: usize,
        /// The largest of all labels.
        largest: i64,
    },
}

impl ErrorKind {
    /// Returns the class of the fault, for an exit code.
    pub fn class(&self) -> FaultClass {
        match self {
            Self::Open(_)
            | Self::Read(_)
            | Self::Write(_)
            | Self::NotARegularFile { .. }
            | Self::Missing { .. }
            | Self::OutOfMemory { .. } => FaultClass::Io,
            Self::Gzip(
                GzipFault::Checksum { .. }
                | GzipFault::Length { .. }
                | GzipFault::HeaderChecksum { .. },
            ) => FaultClass::Checksum,
            _ => FaultClass::Content,
        }
    }
}

impl From<GzipFault> for ErrorKind {
    fn from(fault: GzipFault) -> Self {
        Self::Gzip(fault)
    }
}

impl std::error::Error for ErrorKind {}

/// One line without the path: what was found, what was expected, what to do.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => write!(f, "cannot be opened: {error}"),
            Self::Read(error) => write!(f, "cannot be read: {error}"),
            Self::Write(error) => write!(f, "cannot be written: {error}"),
            Self::NotARegularFile { found } => write!(f, "is {found}, expected a regular file"),
            Self::Missing { roles, others } => files::write_missing(f, roles, others),
            Self::OutOfMemory { needed_bytes } => {
                write!(f, "its payload of {needed_bytes} bytes does not fit into memory")
            }
            Self::TooShort { needed_bytes, found_bytes } => write!(
                f,
                "{} within the header: {found_bytes} bytes, the header needs {needed_bytes}",
                if *found_bytes == 0 { "empty file, ends" } else { "ends" }
            ),
            Self::BadMagic { found: [a, b, c, d], hint } => {
                write!(f, "not an IDX file: starts {a:02x} {b:02x} {c:02x} {d:02x}, not 00 00")?;
                hint.map_or(Ok(()), |hint| write!(f, " ({hint})"))
            }
            Self::UnknownType { code } => {
                write!(f, "unknown element type {code:#04x}, expected 0x08, 0x09 or 0x0b to 0x0e")
            }
            Self::BadRank { expected, found } => write_rank(f, expected, *found),
            Self::DimOverflow { dims } => {
                write!(f, "dimensions {} are more than can be addressed", product(dims))
            }
            Self::SizeMismatch { expected_bytes, found_bytes } => write!(
                f,
                "the dimensions need {expected_bytes} bytes of payload, found {found_bytes}{}",
                if found_bytes < expected_bytes { "; was the file cut short?" } else { "" }
            ),
            Self::TrailingData { expected_bytes, extra_bytes: 1 } => {
                write!(f, "at least 1 byte follows the payload of {expected_bytes} bytes")
            }
            Self::TrailingData { expected_bytes, extra_bytes } => write!(
                f,
                "at least {extra_bytes} bytes follow the payload of {expected_bytes} bytes"
            ),
            Self::ClaimTooLarge { declared_bytes, file_bytes } => write!(
                f,
                "its header declares {declared_bytes} bytes, more than {file_bytes} bytes of gzip \
                 can hold"
            ),
            Self::Gzip(fault) => fault.fmt(f),
            Self::WrongType { expected, found } => {
                write!(f, "elements are {found}, expected {}", Joined(expected, " or "))
            }
            Self::Swapped => f.write_str("the image and label files are swapped"),
            Self::CountMismatch { images, labels } => {
                write!(f, "{images} images but {labels} labels: they are not of one set")
            }
            Self::Empty => f.write_str("holds no images or labels: its first dimension is 0"),
            Self::ZeroDim { dims } => {
                write!(f, "dimensions {}: a dimension after the first is 0", product(dims))
            }
            Self::LabelOutOfRange { index, label, classes, largest } => {
                let last = classes.saturating_sub(1);
                write!(f, "label {label} at index {index} is not one of {classes} classes ")?;
                write!(f, "(0 to {last})")?;
                if largest > label { write!(f, ", and labels go up to {largest}") } else { Ok(()) }
            }
        }
    }
}

fn write_rank(
    f: &mut fmt::Formatter<'_>,
    expected: &RangeInclusive<usize>,
    found: usize,
) -> fmt::Result {
    write!(f, "{found} dimensions, expected {} to {}", expected.start(), expected.end())?;
    if *expected == IMAGE_RANKS {
        f.write_str(" for images; is it the label file?")
    } else if *expected == LABEL_RANKS {
        f.write_str(" for labels; is it the image file?")
    } else {
        Ok(())
    }
}

fn product(dims: &[usize]) -> Joined<'_, usize> {
    Joined(dims, " x ")
}

/// Items with a separator between them.
struct Joined<'a, T>(&'a [T], &'static str);

impl<T: fmt::Display> fmt::Display for Joined<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, item) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { self.1 };
            write!(f, "{separator}{item}")?;
        }
        Ok(())
    }
}
