//! What can be wrong with a run's metrics.jsonl.

use std::fmt;
use std::path::PathBuf;

use super::MOST_LINE_BYTES;
use crate::failure::{Code, Failure};
use crate::regular::Unreadable;

/// Why a metrics.jsonl can't be read.
#[derive(Debug)]
pub(crate) struct HistoryError {
    /// The file.
    pub(super) path: PathBuf,
    /// What is wrong.
    pub(super) kind: HistoryErrorKind,
}

/// What is wrong with a metrics.jsonl.
#[derive(Debug)]
pub(super) enum HistoryErrorKind {
    /// It can't be opened or read.
    Unreadable(Unreadable),
    /// A line, from 1, is not one that a run writes.
    Line { number: usize, cause: String },
    /// A line, from 1, has more than [`MOST_LINE_BYTES`].
    TooLong { number: usize },
    /// A number in a line, from 1, is one that no run has.
    OutOfRange { number: usize, fault: OutOfRange },
    /// A line, from 1, belongs before the one above it.
    Order { number: usize },
}

/// A number that no run has.
#[derive(Debug)]
pub(super) struct OutOfRange {
    /// Its place in the line.
    pub(super) field: String,
    /// What a run has there.
    pub(super) expected: &'static str,
    /// What is there.
    pub(super) found: String,
}

impl fmt::Display for HistoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            HistoryErrorKind::Unreadable(cause) => write!(f, "{path}: {cause}"),
            HistoryErrorKind::Line { number, cause } => {
                write!(f, "{path}: line {number} is not one of a run's metrics: {cause}")
            }
            HistoryErrorKind::TooLong { number } => {
                write!(f, "{path}: line {number} is longer than {MOST_LINE_BYTES} bytes")
            }
            HistoryErrorKind::OutOfRange { number, fault } => {
                let OutOfRange { field, expected, found } = fault;
                write!(f, "{path}: line {number} is damaged: {field} is {found}, not {expected}")
            }
            HistoryErrorKind::Order { number } => {
                write!(f, "{path}: line {number} is out of order")
            }
        }
    }
}

impl std::error::Error for HistoryError {}

impl From<HistoryError> for Failure {
    fn from(error: HistoryError) -> Self {
        match &error.kind {
            HistoryErrorKind::Unreadable(cause @ (Unreadable::Io(_) | Unreadable::Kind(_))) => {
                cause.failure(&error.path)
            }
            _ => Self::new(Code::Content, error)
                .remedy("put back the file that `mnist train` wrote, or train the run again"),
        }
    }
}
