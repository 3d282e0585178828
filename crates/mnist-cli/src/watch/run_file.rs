//! A run's config.json, read back.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use model::TrainConfig;
use serde::Deserialize;

use crate::data::Source;
use crate::failure::{Code, Failure};

/// What config.json says of a run, as far as training it again needs it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RunFile {
    /// The settings.
    pub(super) config: TrainConfig,
    /// The names of the classes.
    pub(super) classes: Vec<String>,
    /// The folder of the data, or `synthetic`.
    data: String,
    /// The hash of the data.
    pub(super) dataset_sha256: String,
}

impl RunFile {
    /// Reads config.json of the run's folder.
    pub(super) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("config.json");
        let text = fs::read_to_string(&path).map_err(|error| {
            let remedy = "name the folder of a run, as `mnist train` made it";
            match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                    let what = if folder.is_dir() { "has no config.json" } else { "is no folder" };
                    let message = format!("{}: {what}", folder.display());
                    Failure::new(Code::Io, message).remedy(remedy)
                }
                io::ErrorKind::InvalidData => {
                    let message = format!("{}: is not text", path.display());
                    Failure::new(Code::Content, message).remedy(remedy)
                }
                _ => Failure::cannot_open(&path, &error),
            }
        })?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::new(Code::Content, format_args!("{}: {error}", path.display()))
                .remedy("train the run again; `mnist train` writes that file")
        })
    }

    /// Where the run's data is: where the person says, else where it was.
    pub(super) fn source(&self, folder: Option<&Path>) -> Source {
        match folder {
            Some(folder) => Source::Folder(folder.to_owned()),
            None if self.data == "synthetic" => Source::Synthetic { for_lack_of_files: false },
            None => Source::Folder(PathBuf::from(&self.data)),
        }
    }
}
