//! metrics.jsonl: one JSON object a line, for programs.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use model::{DataInfo, TrainConfig};
use serde::Serialize;

use crate::earlier::Earlier;
use crate::failure::Failure;
use crate::history::{Epoch, Step, Test};

/// A line of metrics.jsonl.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub(crate) enum Record<'a> {
    /// The run's settings, once.
    Start { config: &'a TrainConfig, dataset: Dataset<'a>, isa: &'a str, threads: usize },
    /// A step that is logged.
    Step(Step),
    /// The end of an epoch.
    Epoch(Epoch),
    /// The test at the end.
    Test(Test),
    /// The model's file, which was written, and the hash of its weights.
    Saved { model: &'a str, weights_sha256: &'a str },
}

/// What names the data.
#[derive(Debug, Serialize)]
pub(crate) struct Dataset<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) sha256: &'a str,
    pub(crate) train: usize,
    pub(crate) test: usize,
    pub(crate) classes: &'a [String],
}

impl<'a> Dataset<'a> {
    pub(crate) fn new(info: &'a DataInfo, train: usize, test: usize) -> Self {
        let (name, sha256, classes) = (info.name.as_deref(), &info.sha256, &info.classes);
        Self { name, sha256, train, test, classes }
    }
}

impl Record<'_> {
    /// The line, without its end.
    pub(crate) fn to_line(&self) -> String {
        // Only maps with keys that are no strings and failing writers can fail; there are none here.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The files that the lines go to.
#[derive(Debug)]
pub(crate) struct MetricsFiles {
    files: Vec<(PathBuf, BufWriter<File>)>,
}

impl MetricsFiles {
    /// Creates the files, or empties them; of a run that goes on, they begin with its earlier lines.
    pub(crate) fn create<'a>(
        paths: impl Iterator<Item = &'a Path>,
        earlier: Option<&Earlier>,
    ) -> Result<Self, Failure> {
        let open =
            |path: &Path| earlier.map_or_else(|| File::create(path), |earlier| earlier.open(path));
        let create = |path: &Path| match open(path) {
            Ok(file) => Ok((path.to_owned(), BufWriter::new(file))),
            Err(error) => Err(Failure::cannot_write(path, &error)),
        };
        Ok(Self { files: paths.map(create).collect::<Result<_, _>>()? })
    }

    pub(crate) fn line(&mut self, line: &str) -> Result<(), Failure> {
        self.each(|file| writeln!(file, "{line}"))
    }

    /// Hands all lines to the system.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.each(BufWriter::flush)
    }

    /// Hands all lines to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), Failure> {
        self.each(|file| {
            file.flush()?;
            match file.get_ref().sync_data() {
                // A pipe or a terminal, which keeps nothing.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                synced => synced,
            }
        })
    }

    fn each(
        &mut self,
        mut write: impl FnMut(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<(), Failure> {
        for (path, file) in &mut self.files {
            write(file).map_err(|error| Failure::cannot_write(path, &error))?;
        }
        Ok(())
    }
}
