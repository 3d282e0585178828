//! What a fetch tells its caller while it works.

use std::path::PathBuf;
use std::time::Duration;

use super::fault::Attempt;
use super::verify::Match;

/// A file that stands verified under its final name.
#[derive(Debug)]
pub struct FileDone {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub n_bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// Whether it is the pinned `.gz` or another one around the same bytes.
    pub matched: Match,
    /// Where it came from.
    pub origin: Origin,
    /// Whether it took the place of a wrong file.
    pub replaced: bool,
    /// Sources that failed before one did not.
    pub failed: Vec<Attempt>,
    /// How long it took.
    pub took: Duration,
}

/// Where a file came from.
#[derive(Debug, PartialEq, Eq)]
pub enum Origin {
    /// It stood there already.
    AlreadyThere,
    /// An earlier run had fetched all of it and was stopped before it could name it.
    EarlierRun,
    /// The network; bytes before `resumed_at` are an earlier run's.
    Download {
        /// The address.
        url: String,
        /// Where this run went on.
        resumed_at: u64,
    },
    /// A folder.
    Copy {
        /// The file.
        path: PathBuf,
    },
}

/// Receives the events of a fetch. Every method may do nothing.
pub trait Report {
    /// A file of `total` bytes begins to arrive, with `done` of them already there; from the host
    /// `from`, or from a folder where that is `None`.
    fn begin(&mut self, _file: &str, _done: u64, _total: u64, _from: Option<&str>) {}
    /// So many bytes of it are there.
    fn position(&mut self, _bytes: u64) {}
    /// It stopped arriving, whole or not.
    fn end(&mut self) {}
    /// It stands verified under its final name.
    fn done(&mut self, _file: &FileDone) {}
    /// A line for people.
    fn say(&mut self, _line: &str) {}
}

/// Reports nothing.
#[derive(Debug, Default)]
pub struct Silent;

impl Report for Silent {}
