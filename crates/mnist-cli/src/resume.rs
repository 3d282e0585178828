//! Going on from a checkpoint: its settings hold, and what contradicts them is refused.

use std::fs;
use std::path::{Path, PathBuf};

use model::{Checkpoint, CheckpointErrorKind, DataSets, Init, Model, Optimizer, TrainConfig};

use crate::args::TrainArgs;
use crate::checkpoints;
use crate::data::Source;
use crate::earlier::Earlier;
use crate::failure::{Code, Failure};
use crate::run_file;
use crate::run_folder::RunFolder;

/// A checkpoint to go on from.
pub(crate) struct Resume {
    /// Its file.
    pub(crate) path: PathBuf,
    /// What is in it.
    pub(crate) checkpoint: Checkpoint,
    /// Its settings, with those of the command line that may differ.
    pub(crate) config: TrainConfig,
}

/// Reads a checkpoint.
///
/// Errors where it can't be read; they tell a model from it.
pub(crate) fn read_checkpoint(path: &Path) -> Result<Checkpoint, Failure> {
    Checkpoint::read(path).map_err(|error| {
        let refused = |code, what: &dyn std::fmt::Display| {
            Failure::new(code, what).remedy("name a checkpoint.safetensors, or train anew")
        };
        let is = |what| format!("{}: {what}, not a checkpoint", path.display());
        match error.kind {
            CheckpointErrorKind::Io(_) if path.is_dir() => refused(Code::Io, &is("a folder")),
            CheckpointErrorKind::Io(cause) => Failure::cannot_open(path, &cause),
            CheckpointErrorKind::Checksum { .. } => refused(Code::Checksum, &error),
            // It has weights and no moments.
            _ if Model::read(path).is_ok() => refused(Code::Content, &is("a saved model")),
            _ => refused(Code::Content, &error),
        }
    })
}

impl Resume {
    /// Reads the checkpoint that `--resume` names, if it does.
    ///
    /// Errors where it can't be read, and where an option contradicts it.
    pub(crate) fn read(args: &TrainArgs) -> Result<Option<Self>, Failure> {
        let Some(path) = args.resume.clone() else { return Ok(None) };
        let checkpoint = read_checkpoint(&path)?;
        let config = settings(args, &checkpoint).map_err(|contradictions| {
            let message = format!(
                "{}: its run has other settings: {}",
                path.display(),
                contradictions.join(", ")
            );
            Failure::new(Code::Usage, message).remedy("leave these options out, or train anew")
        })?;
        Ok(Some(Self { path, checkpoint, config }))
    }

    /// The folder of the checkpoint, where the run goes on.
    pub(crate) fn folder(&self) -> &Path {
        run_file::folder_of(&self.path)
    }

    /// Where the data are, of which nobody has said where.
    ///
    /// Errors where they have gone and there are no others.
    pub(crate) fn source(&self) -> Result<Source, Failure> {
        run_file::data_of_run(&self.path, &self.checkpoint.dataset_sha256)
    }

    /// Whether the checkpoint stands in a run's folder under the name that the run gives it.
    pub(crate) fn is_in(&self, folder: &RunFolder) -> bool {
        let real = |path: &Path| fs::canonicalize(path).ok();
        real(&self.path).is_some_and(|path| real(&folder.path(checkpoints::NAME)) == Some(path))
    }

    /// What the run has recorded so far.
    pub(crate) fn earlier(&self) -> Result<Earlier, Failure> {
        let path = self.path.with_file_name("metrics.jsonl");
        let found = Earlier::find(&path, &self.checkpoint.state);
        found.map_err(|error| Failure::cannot_open(&path, &error))
    }

    /// Holds the data against those that the run began with.
    pub(crate) fn check_data(&self, sets: &DataSets) -> Result<(), Failure> {
        let (expected, found) = (&self.checkpoint.dataset_sha256, &sets.info.sha256);
        if expected != found {
            let message = format!(
                "{}: its run is on other data: their SHA-256 is {}, and that of these is {found}",
                self.path.display(),
                expected.escape_default()
            );
            let remedy = "name the folder of the run's data with --data";
            return Err(Failure::new(Code::Checksum, message).remedy(remedy));
        }
        if self.checkpoint.classes != sets.info.classes {
            let message = format!("{}: its run has other names of classes", self.path.display());
            let remedy = "put back the dataset.json that was beside the data";
            return Err(Failure::new(Code::Content, message).remedy(remedy));
        }
        Ok(())
    }
}

/// The settings to go on with, or the options that contradict those of the checkpoint.
fn settings(args: &TrainArgs, checkpoint: &Checkpoint) -> Result<TrainConfig, Vec<String>> {
    let (asked, kept) = (args.config(), &checkpoint.config);
    let mut config = kept.clone();
    let mut contradictions = vec![];
    let mut check = |id: &str, asked: &dyn ToString, kept: String| {
        if args.given.contains(id) && asked.to_string() != kept {
            let option = id.replace('_', "-");
            contradictions.push(format!("--{option} {} (it has {kept})", asked.to_string()));
        }
    };
    let init = |init| match init {
        Init::TruncatedNormal { .. } => "truncated-normal",
        Init::Zeros => "zeros",
    };
    check("batch_size", &asked.batch_size, kept.batch_size.to_string());
    check("learning_rate", &asked.learning_rate, kept.learning_rate.to_string());
    check("optimizer", &asked.optimizer.name(), kept.optimizer.name().to_owned());
    let momentum = match kept.optimizer {
        Optimizer::Momentum { mu } => mu.to_string(),
        _ => "none".to_owned(),
    };
    check("momentum", &args.momentum, momentum);
    check("l2", &asked.l2, kept.l2.to_string());
    check("init", &init(asked.init), init(kept.init).to_owned());
    let std = match kept.init {
        Init::TruncatedNormal { std } => std.to_string(),
        Init::Zeros => "none".to_owned(),
    };
    check("init_std", &args.init_std, std);
    check("shuffle", &asked.shuffle, kept.shuffle.to_string());
    check("seed", &asked.seed, kept.seed.to_string());
    check("validation", &asked.validation, kept.validation.to_string());
    check("classes", &args.data.classes, checkpoint.classes.len().to_string());
    if args.given.contains("epochs") {
        if asked.epochs < kept.epochs {
            let (epochs, kept) = (asked.epochs, kept.epochs);
            contradictions.push(format!("--epochs {epochs} (it has {kept}, which may only grow)"));
        }
        config.epochs = asked.epochs;
    }
    if args.given.contains("log_every") {
        config.log_every = asked.log_every;
    }
    if contradictions.is_empty() { Ok(config) } else { Err(contradictions) }
}
