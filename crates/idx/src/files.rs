//! The four files of a set, under every name they go by.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind};
use crate::escape::Escaped;

/// The most files of other names that an error cites.
const MOST_OTHERS: usize = 4;

/// One of the four files of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The images to train on.
    TrainImages,
    /// Their labels.
    TrainLabels,
    /// The images to test on.
    TestImages,
    /// Their labels.
    TestLabels,
}

impl Role {
    /// Every role, in the order that a data set's hash takes.
    pub const ALL: [Self; 4] =
        [Self::TrainImages, Self::TrainLabels, Self::TestImages, Self::TestLabels];

    /// Returns the names that the file may have, best first, without `.gz`.
    ///
    /// The dash is the original; some archive programs write a dot. QMNIST's labels are `idx2-int`.
    pub const fn names(self) -> &'static [&'static str] {
        match self {
            Self::TrainImages => &[
                "train-images-idx3-ubyte",
                "train-images.idx3-ubyte",
                "qmnist-train-images-idx3-ubyte",
            ],
            Self::TrainLabels => &[
                "train-labels-idx1-ubyte",
                "train-labels.idx1-ubyte",
                "train-labels-idx2-int",
                "train-labels.idx2-int",
                "qmnist-train-labels-idx2-int",
            ],
            Self::TestImages => &[
                "t10k-images-idx3-ubyte",
                "t10k-images.idx3-ubyte",
                "qmnist-test-images-idx3-ubyte",
            ],
            Self::TestLabels => &[
                "t10k-labels-idx1-ubyte",
                "t10k-labels.idx1-ubyte",
                "t10k-labels-idx2-int",
                "t10k-labels.idx2-int",
                "qmnist-test-labels-idx2-int",
            ],
        }
    }

    /// Returns how good a match a file name is, 0 the best; raw before gzip.
    fn rank(self, file_name: &str) -> Option<usize> {
        let lower = file_name.to_ascii_lowercase();
        let (name, is_gzip) = match lower.strip_suffix(".gz") {
            Some(name) => (name, true),
            None => (lower.as_str(), false),
        };
        let names = self.names();
        let position = names.iter().position(|known| *known == name)?;
        Some(position + if is_gzip { names.len() } else { 0 })
    }
}

/// In words: `training images`.
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::TrainImages => "training images",
            Self::TrainLabels => "training labels",
            Self::TestImages => "test images",
            Self::TestLabels => "test labels",
        })
    }
}

/// The paths of a whole set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSet {
    /// The images to train on.
    pub train_images: PathBuf,
    /// Their labels.
    pub train_labels: PathBuf,
    /// The images to test on.
    pub test_images: PathBuf,
    /// Their labels.
    pub test_labels: PathBuf,
}

impl FileSet {
    /// Returns the path of one of the files.
    pub fn path(&self, role: Role) -> &Path {
        match role {
            Role::TrainImages => &self.train_images,
            Role::TrainLabels => &self.train_labels,
            Role::TestImages => &self.test_images,
            Role::TestLabels => &self.test_labels,
        }
    }
}

/// How much of a set a folder holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presence {
    /// None of the four files, or no such folder.
    Absent,
    /// Some of the files.
    Partial {
        /// Those that are not there.
        missing: Vec<Role>,
    },
    /// All of them.
    Whole(FileSet),
}

/// Finds one file of a set in a folder, whatever its spelling: dash or dot, raw or `.gz`, either
/// letter case. Of several, the raw one before `.gz`, then the first of [`Role::names`], then the
/// first in byte order; folders of these names, as some archives have, do not count.
///
/// # Errors
/// [`ErrorKind::Missing`], [`ErrorKind::Open`] where the folder cannot be listed.
pub fn find(folder: impl AsRef<Path>, role: Role) -> Result<PathBuf, Error> {
    let folder = folder.as_ref();
    let [path] = list(folder, [role]).map_err(|error| cannot_list(folder, error))?;
    path.ok_or_else(|| missing(folder, vec![role]))
}

/// Finds the four files of a set as [`find`] does each.
///
/// # Errors
/// [`ErrorKind::Missing`] with everything that is missing, [`ErrorKind::Open`] where the folder
/// cannot be listed.
pub fn find_all(folder: impl AsRef<Path>) -> Result<FileSet, Error> {
    let folder = folder.as_ref();
    let found = list(folder, Role::ALL).map_err(|error| cannot_list(folder, error))?;
    file_set(found).map_err(|roles| missing(folder, roles))
}

/// Tells whether a folder holds a whole set, a part of one, or none of its files.
///
/// # Errors
/// [`ErrorKind::Open`] where there is a folder that cannot be listed.
pub fn presence(folder: impl AsRef<Path>) -> Result<Presence, Error> {
    let folder = folder.as_ref();
    let found = match list(folder, Role::ALL) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Presence::Absent),
        found => found.map_err(|error| cannot_list(folder, error))?,
    };
    Ok(match file_set(found) {
        Ok(files) => Presence::Whole(files),
        Err(missing) if missing == Role::ALL => Presence::Absent,
        Err(missing) => Presence::Partial { missing },
    })
}

/// Returns the best match of each role.
fn list<const N: usize>(folder: &Path, roles: [Role; N]) -> io::Result<[Option<PathBuf>; N]> {
    let mut best = roles.map(|_| None);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(text) = name.to_str() else { continue };
        for (role, best) in roles.iter().zip(&mut best) {
            let Some(rank) = role.rank(text) else { continue };
            let candidate = (rank, entry.path());
            // A broken link stays: opening it says what is wrong with it.
            if best.as_ref().is_none_or(|best| candidate < *best) && !candidate.1.is_dir() {
                *best = Some(candidate);
            }
        }
    }
    Ok(best.map(|found| found.map(|(_, path)| path)))
}

fn cannot_list(folder: &Path, error: io::Error) -> Error {
    Error::new(folder, ErrorKind::Open(error))
}

/// The error of files that are missing, with what may be they under other names.
fn missing(folder: &Path, roles: Vec<Role>) -> Error {
    let is_other = |name: &PathBuf| {
        let text = name.to_string_lossy().to_ascii_lowercase();
        text.contains("idx") && Role::ALL.iter().all(|role| role.rank(&text).is_none())
    };
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut others: Vec<_> =
        entries.map(|entry| PathBuf::from(entry.file_name())).filter(is_other).collect();
    others.sort();
    others.truncate(MOST_OTHERS);
    Error::new(folder, ErrorKind::Missing { roles, others })
}

/// Returns the whole set, or the roles that are missing.
fn file_set(found: [Option<PathBuf>; 4]) -> Result<FileSet, Vec<Role>> {
    match found {
        [Some(train_images), Some(train_labels), Some(test_images), Some(test_labels)] => {
            Ok(FileSet { train_images, train_labels, test_images, test_labels })
        }
        found => Err(Role::ALL
            .into_iter()
            .zip(found)
            .filter(|(_, f)| f.is_none())
            .map(|(r, _)| r)
            .collect()),
    }
}

/// The message of [`ErrorKind::Missing`].
pub(crate) fn write_missing(
    f: &mut fmt::Formatter<'_>,
    roles: &[Role],
    others: &[PathBuf],
) -> fmt::Result {
    for (position, role) in roles.iter().enumerate() {
        let separator = if position == 0 { "no " } else { "; no " };
        // The best name alone: all of them are a line that nobody reads.
        write!(f, "{separator}{role} ({})", role.names()[0])?;
    }
    f.write_str("; each raw or .gz")?;
    for (position, name) in others.iter().enumerate() {
        let separator = if position == 0 { "; under other names there are " } else { ", " };
        write!(f, "{separator}{}", Escaped(name))?;
    }
    Ok(())
}
