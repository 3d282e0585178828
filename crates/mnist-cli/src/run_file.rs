//! A run's config.json: all that is needed to run it again, as it is written and as it is read back.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

use kernels::Isa;
use model::{DataSets, Model, TrainConfig};
use serde::{Deserialize, Deserializer, Serialize};

use crate::args::BuiltIn;
use crate::checkpoints;
use crate::data::Source;
use crate::failure::{Code, Failure};
use crate::regular::{self, Unreadable};

/// The file's name in the run's folder.
pub(crate) const NAME: &str = "config.json";
/// The name of the model's file in a run's folder.
pub(crate) const MODEL: &str = "model.safetensors";
/// The longest file that is read: 65,536 names of classes take less.
const MOST_BYTES: u64 = 1 << 24;

/// What config.json says of a run; fields in alphabetical order, as they are written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunFile {
    /// The names of the classes.
    pub(crate) classes: Vec<String>,
    /// The settings.
    pub(crate) config: TrainConfig,
    /// Where the data were.
    #[serde(deserialize_with = "place_or_older")]
    data: Place,
    /// The hash of the data.
    pub(crate) dataset_sha256: String,
    /// What the run ran on.
    pub(crate) machine: Machine,
    /// The version of this program that ran it.
    version: String,
}

/// What a run ran on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Machine {
    /// The name of the tier of instructions.
    pub(crate) isa: String,
    /// The threads that trained.
    pub(crate) threads: usize,
}

/// Where a run's data were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// The folder of the four files. JSON has no place for a name that is not Unicode: what stands for
    /// it is not found again, and then the folder has to be named with `--data`.
    Folder(String),
    /// Digits of the program's own.
    BuiltIn(BuiltIn),
}

/// Reads a [`Place`]; of earlier versions a text, the folder or `synthetic`.
fn place_or_older<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Place, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "`data` is neither a folder nor built in")]
    enum Written {
        Now(Place),
        Older(String),
    }
    Ok(match Written::deserialize(deserializer)? {
        Written::Now(place) => place,
        Written::Older(text) if text == "synthetic" => Place::BuiltIn(BuiltIn::Synthetic),
        Written::Older(text) => Place::Folder(text),
    })
}

impl Place {
    fn of(source: &Source) -> Self {
        match source {
            Source::Synthetic { .. } => Self::BuiltIn(BuiltIn::Synthetic),
            // Absolute, so that it is the same folder for whoever stands in another one.
            Source::Folder(folder) => {
                let absolute = std::path::absolute(folder);
                let folder = absolute.as_ref().unwrap_or(folder);
                Self::Folder(folder.to_string_lossy().into_owned())
            }
        }
    }
}

impl RunFile {
    /// The file of a run that begins.
    pub(crate) fn new(
        source: &Source,
        config: &TrainConfig,
        sets: &DataSets,
        (isa, threads): (Isa, usize),
    ) -> Self {
        Self {
            classes: sets.info.classes.clone(),
            config: config.clone(),
            data: Place::of(source),
            dataset_sha256: sets.info.sha256.clone(),
            machine: Machine { isa: isa.name().to_owned(), threads },
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// The bytes of the file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        // Only maps with keys that are no strings and failing writers can fail; there are none here.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Reads config.json of the run's folder.
    pub(crate) fn read(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join(NAME);
        let bytes = regular::read(&path, MOST_BYTES).map_err(|error| match &error {
            Unreadable::Io(cause)
                if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory]
                    .contains(&cause.kind()) =>
            {
                let what = if folder.is_dir() { "has no config.json" } else { "is no folder" };
                Failure::new(Code::Io, format_args!("{}: {what}", folder.display()))
                    .remedy("name the folder of a run, as `mnist train` writes it")
            }
            _ => error.failure(&path),
        })?;
        Self::from_bytes(&bytes).map_err(|error| Self::wrong(folder, &error))
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, Box<dyn Error>> {
        let run: Self = serde_json::from_slice(bytes)?;
        run.config.check_numbers()?;
        Ok(run)
    }

    /// The failure of a file that is not one of a run.
    pub(crate) fn wrong(folder: &Path, cause: &dyn std::fmt::Display) -> Failure {
        let path = folder.join(NAME);
        let message = format!("{}: not the settings of a run: {cause}", path.display());
        Failure::new(Code::Content, message)
            .remedy("name the folder of a run, as `mnist train` writes it")
    }

    /// Where the run's data are: where they were.
    pub(crate) fn source(&self) -> Source {
        match &self.data {
            Place::Folder(folder) => Source::Folder(PathBuf::from(folder)),
            Place::BuiltIn(BuiltIn::Synthetic) => Source::Synthetic { for_lack_of_files: false },
        }
    }

    /// The failure of a run in `folder` whose data are not those of `source`.
    pub(crate) fn other_data(folder: &Path, source: &Source) -> Failure {
        let (run, source) = (folder.display(), source.describe());
        let message =
            format!("{run}: the run was trained on data with another SHA-256 than {source}");
        Failure::new(Code::Checksum, message)
            .remedy("name the folder of the run's data with --data")
    }
}

/// The failure of a run that has no model: it was stopped, has diverged, or goes on.
pub(crate) fn unfinished(folder: &Path) -> Failure {
    let message = format!("{}: a run without {MODEL}: it has not ended", folder.display());
    let checkpoint = folder.join(checkpoints::NAME);
    let remedy = match checkpoint.exists() {
        true => {
            let checkpoint = checkpoints::quoted(&checkpoint.to_string_lossy());
            format!("`mnist train --resume {checkpoint}` ends it")
        }
        false => {
            "wait for it, or train anew; if it diverged, with a smaller --learning-rate".to_owned()
        }
    };
    Failure::new(Code::Io, message).remedy(remedy)
}

/// Whether the folder is that of a run without a model.
pub(crate) fn is_unfinished(folder: &Path) -> bool {
    folder.join(NAME).is_file() && !folder.join(MODEL).exists()
}

/// The folder that a file stands in.
pub(crate) fn folder_of(file: &Path) -> &Path {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Where the data are of the run in whose folder a model or a checkpoint stands: where its config.json says, if that is of data
/// with this hash and they still are there, else where any run looks for them.
///
/// Errors where they have gone and there are no others.
pub(crate) fn data_of_run(file: &Path, dataset_sha256: &str) -> Result<Source, Failure> {
    let is_own = |run: &RunFile| run.dataset_sha256 == dataset_sha256;
    let run = RunFile::read(folder_of(file)).ok().filter(is_own);
    let gone = match run.map(|run| run.source()) {
        Some(Source::Folder(folder)) if !folder.is_dir() => Some(folder),
        Some(source) => return Ok(source),
        None => None,
    };
    match (Source::choose(None, None), gone) {
        (Source::Synthetic { for_lack_of_files: true }, Some(folder)) => {
            let folder = folder.display();
            let message = format!("{folder}: the run's data were there, and are no more");
            Err(Failure::new(Code::Io, message)
                .remedy("name the folder of the run's data with --data"))
        }
        (source, _) => Ok(source),
    }
}

/// The data that the model of `file` is held against: those that are named, else those of its run.
///
/// Errors as [`data_of_run`].
pub(crate) fn data_for(
    file: &Path,
    model: &Model,
    (folder, built_in): (Option<&Path>, Option<BuiltIn>),
) -> Result<Source, Failure> {
    if folder.is_some() || built_in.is_some() {
        return Ok(Source::choose(folder, built_in));
    }
    data_of_run(file, &model.metadata.dataset_sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_file(data: Place) -> RunFile {
        RunFile {
            classes: vec!["0".into(), "1".into()],
            config: TrainConfig::default(),
            data,
            dataset_sha256: "ab".repeat(32),
            machine: Machine { isa: "avx2".into(), threads: 2 },
            version: "0.1.0".into(),
        }
    }

    /// A folder of a run with this text as its config.json, read.
    fn read(text: impl AsRef<[u8]>) -> Result<RunFile, Failure> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(NAME), text).unwrap();
        RunFile::read(folder.path())
    }

    #[test]
    fn what_is_written_is_read_back() {
        for data in [Place::Folder("/data/synthetic".into()), Place::BuiltIn(BuiltIn::Synthetic)] {
            let run = run_file(data);
            assert_eq!(read(run.to_bytes()).unwrap(), run);
        }
    }

    #[test]
    fn a_folder_of_that_name_is_a_folder() {
        let data = |source: &Source| serde_json::to_value(Place::of(source)).unwrap();
        let absolute = std::path::absolute("synthetic").unwrap();
        let folder = Source::Folder("synthetic".into());
        assert_eq!(data(&folder), serde_json::json!({ "folder": absolute }));
        let digits = Source::Synthetic { for_lack_of_files: true };
        assert_eq!(data(&digits), serde_json::json!({ "built_in": "synthetic" }));
        assert_eq!(run_file(Place::of(&folder)).source(), Source::Folder(absolute));
    }

    #[test]
    fn files_of_earlier_versions_have_a_text() {
        let older = |text: &str| {
            let mut file = serde_json::to_value(run_file(Place::Folder(String::new()))).unwrap();
            file["data"] = text.into();
            read(file.to_string()).unwrap().source()
        };
        assert_eq!(older("data/mnist"), Source::Folder("data/mnist".into()));
        assert_eq!(older("synthetic"), Source::Synthetic { for_lack_of_files: false });
    }

    #[test]
    fn what_is_not_a_runs_is_refused() {
        let valid = String::from_utf8(run_file(Place::Folder("d".into())).to_bytes()).unwrap();
        let with = |from: &str, to: &str| {
            assert!(valid.contains(from), "{from}");
            valid.replacen(from, to, 1)
        };
        let data = "{\n    \"folder\": \"d\"\n  }";
        for (text, part) in [
            (String::new(), "EOF"),
            ("{}".into(), "missing field"),
            ("[".repeat(100_000), "expected"),
            (with(data, "7"), "`data` is neither a folder nor built in"),
            (with(data, r#"{"folder": "a", "built_in": "synthetic"}"#), "neither a folder"),
            (with(data, r#"{"built_in": "mnist"}"#), "neither a folder"),
            (with(r#""seed": 0"#, r#""seed": -1"#), "-1"),
            (with(r#""seed": 0"#, r#""seed": 0, "seed": 1"#), "duplicate field"),
            (with(r#""epochs": 10"#, r#""epochs": 0"#), "epochs must be 1 to"),
            (with(r#""log_every": 100"#, r#""log_every": 0"#), "log-every must be at least 1"),
            (with(r#""learning_rate": 0.001"#, r#""learning_rate": 1e99"#), "learning-rate"),
            (with(r#""threads": 2"#, r#""threads": 18446744073709551616"#), "invalid type"),
            (" ".repeat(1 + MOST_BYTES as usize), "has more than 16777216 bytes"),
        ] {
            let message = format!("{:?}", read(&text).unwrap_err());
            assert!(message.contains(part) && message.contains("Content"), "{part}: {message}");
        }
        assert!(read([0xff, 0xfe]).is_err());
    }

    /// Whatever is changed, it is an error, or the file of a run, which is written as it was read.
    #[test]
    fn every_changed_byte_and_every_cut() {
        let valid = run_file(Place::Folder("d".into())).to_bytes();
        let (mut inputs, mut taken) = (0, 0);
        let mut try_out = |bytes: &[u8]| {
            inputs += 1;
            let Ok(run) = RunFile::from_bytes(bytes) else { return };
            taken += 1;
            assert_eq!(run.config.check_numbers(), Ok(()));
            assert_eq!(RunFile::from_bytes(&run.to_bytes()).unwrap(), run);
        };
        for at in 0..valid.len() {
            let mut changed = valid.clone();
            let bits = (0..8).map(|bit| valid[at] ^ 1 << bit);
            for byte in bits.chain(*b"\0\xff09-e\"{") {
                changed[at] = byte;
                try_out(&changed);
            }
            try_out(&valid[..at]);
            try_out(&[&valid[..at], &valid[at + 1..]].concat());
            try_out(&[&valid[..=at], &valid[at..]].concat());
        }
        println!("config.json of {} bytes: {inputs} inputs, {taken} taken", valid.len());
        assert_eq!(inputs, 19 * valid.len());
        assert!(taken > 1_000, "{taken}");
    }
}
