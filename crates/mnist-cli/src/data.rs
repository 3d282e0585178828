//! Where the data comes from: a folder, or the program's own digits.

use std::path::{Path, PathBuf};

use model::{DataSets, LoadError};

use crate::args::BuiltIn;
use crate::failure::{Code, Failure};

/// Where `cargo xtask fetch-data` puts MNIST.
pub(crate) const DEFAULT_FOLDER: &str = "data/mnist";

/// The variable that names the folder where no option does.
const VARIABLE: &str = "MNIST_DATA";

/// A data set's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// The four files are in this folder.
    Folder(PathBuf),
    /// The synthetic digits.
    Synthetic {
        /// Nobody asked for them: the real ones are not there.
        for_lack_of_files: bool,
    },
}

impl Source {
    /// Chooses: the options, else `$MNIST_DATA`, else `data/mnist`, else synthetic digits. A folder that is
    /// named must be whole, and so must `data/mnist` if it is there; reading it says what is missing.
    pub(crate) fn choose(folder: Option<&Path>, built_in: Option<BuiltIn>) -> Self {
        if let Some(BuiltIn::Synthetic) = built_in {
            return Self::Synthetic { for_lack_of_files: false };
        }
        let folder = folder.map(Path::to_owned).or_else(of_the_environment);
        let default = || Some(PathBuf::from(DEFAULT_FOLDER)).filter(|folder| folder.exists());
        match folder.or_else(default) {
            Some(folder) => Self::Folder(folder),
            None => Self::Synthetic { for_lack_of_files: true },
        }
    }

    /// The line that says the digits are synthetic because there are no others.
    pub(crate) fn notice(&self) -> Option<String> {
        let lacking = *self == Self::Synthetic { for_lack_of_files: true };
        lacking.then(|| {
            format!(
                "note: no {DEFAULT_FOLDER} in this folder, so these are synthetic digits; \
                 `cargo xtask fetch-data` gets the real ones"
            )
        })
    }

    /// What it is called in a sentence.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Folder(folder) => folder.display().to_string(),
            Self::Synthetic { .. } => "the built-in digits".to_owned(),
        }
    }

    /// Refuses to write where one of the data's files stands.
    pub(crate) fn protect(&self, path: &Path) -> Result<(), Failure> {
        let Self::Folder(folder) = self else { return Ok(()) };
        let (Ok(files), Ok(path_there)) = (idx::find_all(folder), path.canonicalize()) else {
            // What is not there can't be overwritten; what is missing is told of by who reads it.
            return Ok(());
        };
        let is_same = |role| files.path(role).canonicalize().is_ok_and(|file| file == path_there);
        if !idx::Role::ALL.into_iter().any(is_same) {
            return Ok(());
        }
        let message = format!("{}: is a file of the data, and would be lost", path.display());
        Err(Failure::new(Code::Usage, message).remedy("name another file"))
    }

    /// Reads or draws the data; labels must be below `classes`.
    pub(crate) fn load(&self, classes: usize) -> Result<DataSets, Failure> {
        match self {
            Self::Folder(folder) => {
                DataSets::read(folder, classes).map_err(|error| unreadable(folder, error))
            }
            Self::Synthetic { .. } if classes != 10 => {
                let message = format!("the synthetic digits have 10 classes, not {classes}");
                Err(Failure::new(Code::Usage, message)
                    .remedy("name a folder of data with as many by --data"))
            }
            Self::Synthetic { .. } => DataSets::synthetic().map_err(|error| {
                Failure::new(Code::Content, format_args!("synthetic digits: {error}"))
            }),
        }
    }
}

/// The folder that the environment names.
fn of_the_environment() -> Option<PathBuf> {
    std::env::var_os(VARIABLE).filter(|folder| !folder.is_empty()).map(PathBuf::from)
}

/// The failure of a folder whose data can't be read. Who named it by the environment may not think of it any more.
pub(crate) fn unreadable(folder: &Path, error: LoadError) -> Failure {
    let failure = Failure::from(error);
    match of_the_environment() {
        Some(named) if named == folder => failure.add(format_args!("{VARIABLE} names this folder")),
        _ => failure,
    }
}
