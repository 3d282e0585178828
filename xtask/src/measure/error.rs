//! What can go wrong while measuring, each fault with what was expected and what was found.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why nothing was measured, or what was measured cannot be kept.
#[derive(Debug)]
#[non_exhaustive]
pub enum MeasureError {
    /// Something on this machine's disk cannot be read, made or written.
    Disk {
        /// What was tried: `write`, `rename` and so on.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// A command cannot be started.
    Start {
        /// The command.
        command: String,
        /// What the system answered.
        source: io::Error,
    },
    /// A command failed.
    Command {
        /// The command.
        command: String,
        /// The end of what it said.
        what: String,
    },
    /// The real data are in none of these folders.
    NoData {
        /// The folders.
        looked: Vec<PathBuf>,
    },
    /// A name of `--only` that nobody has.
    Unknown {
        /// As it was given.
        given: String,
        /// Those that there are.
        known: Vec<&'static str>,
    },
    /// A text that should have another form.
    Content {
        /// Where it stands.
        path: PathBuf,
        /// What is wrong, and what was expected.
        what: String,
    },
    /// There is nothing to tell of.
    Nothing {
        /// Of what.
        what: String,
    },
    /// Training takes more instructions than the committed number allows.
    Grew {
        /// Instructions an image, as committed.
        expected: u64,
        /// Instructions an image, as counted.
        found: u64,
    },
    /// A run was not as accurate as it had to be.
    Missed {
        /// The accuracy that was asked for, as a fraction.
        expected: f64,
        /// That of the run.
        found: f64,
    },
}

impl MeasureError {
    /// The exit code: 2 usage, 3 content or a limit passed, 4 disk, command or missing data.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unknown { .. } => 2,
            Self::Content { .. }
            | Self::Nothing { .. }
            | Self::Grew { .. }
            | Self::Missed { .. } => 3,
            Self::Disk { .. } | Self::Start { .. } | Self::Command { .. } | Self::NoData { .. } => {
                4
            }
        }
    }

    /// Makes the `map_err` of a file operation short.
    pub(crate) fn disk(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { action, path, source }
    }

    /// Makes an error of content.
    pub(crate) fn content(path: impl Into<PathBuf>, what: impl fmt::Display) -> Self {
        Self::Content { path: path.into(), what: what.to_string() }
    }
}

impl fmt::Display for MeasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk { action, path, source } => {
                write!(f, "cannot {action} {}: {source}", path.display())
            }
            Self::Start { command, source } => write!(f, "cannot start `{command}`: {source}"),
            Self::Command { command, what } => write!(f, "`{command}` failed: {}", what.trim()),
            Self::NoData { looked } => {
                let looked: Vec<_> = looked.iter().map(|path| path.display().to_string()).collect();
                write!(
                    f,
                    "the four MNIST files are not in {}; `cargo xtask fetch-data` gets them, \
                     --data DIR names another folder",
                    looked.join(" or ")
                )
            }
            Self::Unknown { given, known } => {
                write!(f, "--only {given}: nobody has that name; there are {}", known.join(", "))
            }
            Self::Content { path, what } => write!(f, "{}: {what}", path.display()),
            Self::Nothing { what } => write!(f, "there is no {what}"),
            Self::Grew { expected, found } => write!(
                f,
                "{found} instructions an image, and {expected} are committed: {:+.1} %. Find what \
                 takes them; if they are worth it, `cargo xtask count --accept` writes the new \
                 number, to be committed",
                (*found as f64 / *expected as f64 - 1.0) * 100.0
            ),
            Self::Missed { expected, found } => write!(
                f,
                "{:.2} % of the test images are right, and {:.2} % should be",
                100.0 * found,
                100.0 * expected
            ),
        }
    }
}

impl std::error::Error for MeasureError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Disk { source, .. } | Self::Start { source, .. } => Some(source),
            _ => None,
        }
    }
}
