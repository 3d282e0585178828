//! What can go wrong while fetching, each fault with what was expected and what was found.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::fault::Attempt;

/// Why a fetch failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum FetchError {
    /// A `--from` that is neither a folder nor an http address.
    BadSource {
        /// As it was given.
        given: String,
    },
    /// A proxy variable of the environment that cannot be read as an address.
    ///
    /// Its value is not shown: it may hold a password.
    BadProxy {
        /// The variable's name.
        variable: String,
    },
    /// Something on this machine's disk cannot be read, made or written.
    Disk {
        /// What was tried: `write`, `rename` and so on.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// Another run held the target folder for too long.
    Locked {
        /// The lock file.
        path: PathBuf,
        /// How long this run waited.
        waited: Duration,
    },
    /// The folder of `--from` has no file of a wanted name.
    NotInFolder {
        /// The folder.
        folder: PathBuf,
        /// Every spelling that was looked for.
        looked_for: Vec<String>,
    },
    /// An uncompressed file was given, but only the sum of the `.gz` is known.
    RawUnpinned {
        /// The uncompressed file.
        path: PathBuf,
        /// The name of the `.gz` that can be checked.
        wanted: String,
    },
    /// No source gave the right bytes.
    Unobtainable(Box<Unobtainable>),
}

/// A file that no source gave, with everything a person needs to go on.
#[derive(Debug)]
pub struct Unobtainable {
    /// The data set's name.
    pub dataset: String,
    /// The arguments that name the job again.
    pub again: String,
    /// The file's name.
    pub file: String,
    /// The length it must have.
    pub expected_bytes: u64,
    /// The SHA-256 it must have.
    pub expected_sha256: String,
    /// Every source that was tried, and what came of it.
    pub attempts: Vec<Attempt>,
}

impl FetchError {
    /// The exit code: 2 usage, 3 content, 4 disk, 5 network, 6 checksum.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::BadSource { .. } => 2,
            Self::RawUnpinned { .. } => 3,
            Self::Disk { .. } | Self::Locked { .. } | Self::NotInFolder { .. } => 4,
            Self::BadProxy { .. } => 5,
            Self::Unobtainable(what) => {
                if what.attempts.iter().any(|a| a.fault.is_wrong_content()) { 6 } else { 5 }
            }
        }
    }

    /// Makes the `map_err` of a file operation short.
    pub(super) fn disk(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Disk { action, path, source }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSource { given } => write!(
                f,
                "--from {given}: neither a folder that exists nor an http:// or https:// address"
            ),
            Self::BadProxy { variable } => write!(
                f,
                "the proxy in ${variable} is not an address; it should look like \
                 http://proxy.example:8080 (unset the variable to go without a proxy)"
            ),
            Self::Disk { action, path, source } => {
                write!(f, "cannot {action} {}: {source}", path.display())
            }
            Self::Locked { path, waited } => write!(
                f,
                "another `cargo xtask fetch-data` has held {} for {:.0?}; \
                 wait for it or end it, then run this again",
                path.display(),
                waited
            ),
            Self::NotInFolder { folder, looked_for } => write!(
                f,
                "{} has none of {} (in any letter case)",
                folder.display(),
                looked_for.join(", ")
            ),
            Self::RawUnpinned { path, wanted } => write!(
                f,
                "{} is uncompressed, and only the sum of {wanted} is known, so it cannot be \
                 checked; give the .gz",
                path.display()
            ),
            Self::Unobtainable(what) => what.fmt(f),
        }
    }
}

impl fmt::Display for Unobtainable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wrong = self.attempts.iter().any(|a| a.fault.is_wrong_content());
        let what = if wrong { "the bytes are not the right ones" } else { "no source gave it" };
        writeln!(f, "{} of {}: {what}", self.file, self.dataset)?;
        writeln!(f, "  expected: {} bytes, SHA-256 {}", self.expected_bytes, self.expected_sha256)?;
        for attempt in &self.attempts {
            let times = match attempt.tries {
                0 | 1 => String::new(),
                n => format!(" ({n} tries)"),
            };
            writeln!(f, "  {}: {}{times}", attempt.source, attempt.fault)?;
        }
        let Self { again, .. } = self;
        if wrong {
            writeln!(f, "  Nothing was put in its place. To try again from the start:")?;
            writeln!(f, "      cargo xtask fetch-data{again} --force")?;
        } else {
            writeln!(f, "  Nothing was put in its place. To try again and go on from here:")?;
            writeln!(f, "      cargo xtask fetch-data{again}")?;
        }
        writeln!(f, "  To have files checked and copied that you got in another way:")?;
        write!(f, "      cargo xtask fetch-data{again} --from FOLDER-OR-ADDRESS")
    }
}

impl std::error::Error for FetchError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Disk { source, .. } => Some(source),
            _ => None,
        }
    }
}
