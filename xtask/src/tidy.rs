//! `tidy`: the rules of the house that neither the compiler nor clippy checks.
//!
//! - import edges between our crates (`edges`);
//! - where `unsafe` may stand, what a crate root must say, docstrings, lengths, blanks (`source`);
//! - paths that ARCHITECTURE.md names, and paths of somebody's machine (`paths`).
//!
//! It also runs as a test, so that `cargo test` says it first.

mod edges;
mod mask;
mod paths;
mod source;
mod tree;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

pub use edges::ALLOWED_EDGES;
pub use source::{MOST_LINES, UNSAFE_ALLOWED};

/// Something to tidy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the root, with `/`.
    pub path: String,
    /// The line, from 1 on.
    pub line: usize,
    /// What is wrong and what to do.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// Why the tree could not be looked at.
#[derive(Debug)]
#[non_exhaustive]
pub enum TidyError {
    /// A file or folder cannot be read.
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// `git` or `cargo` cannot be run or fails.
    Command {
        /// The command.
        command: String,
        /// What it said.
        what: String,
    },
}

impl fmt::Display for TidyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            Self::Command { command, what } => write!(f, "`{command}` failed: {}", what.trim()),
        }
    }
}

impl std::error::Error for TidyError {}

/// Checks the workspace under `root`; the findings in the order of their files.
pub fn check(root: &Path) -> Result<Vec<Finding>, TidyError> {
    let tree = tree::Tree::read(root)?;
    let packages = edges::packages(root)?;
    let mut findings = edges::check(&tree, &packages);
    findings.extend(source::check(&tree));
    findings.extend(source::check_roots(&tree, &packages));
    findings.extend(paths::check(&tree));
    findings.sort();
    Ok(findings)
}
