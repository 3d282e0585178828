//! What can go wrong while fetching, each fault with what was expected and what was found.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::sniff::Finding;

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

/// One source that was tried.
#[derive(Debug)]
pub struct Attempt {
    /// Its address or path.
    pub source: String,
    /// How often it was asked.
    pub tries: u32,
    /// What ended the last try.
    pub fault: Fault,
}

/// What one source did wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// It answered with a status that is no success.
    Status {
        /// The status code.
        code: u16,
        /// The `Retry-After` header in seconds, where there was one.
        retry_after: Option<u64>,
    },
    /// It could not be reached, or said nothing in time.
    Connection {
        /// What happened, in the words of the HTTP library.
        what: String,
        /// Whether asking again may help.
        passing: bool,
    },
    /// It sent bytes, but too slowly.
    TooSlow {
        /// The number of bytes in the window.
        got_bytes: u64,
        /// The window.
        window: Duration,
    },
    /// It ended before the announced end, or in the middle of a chunk.
    Cut {
        /// The number of bytes that are there.
        got_bytes: u64,
    },
    /// It sent or announced more than the file can have.
    TooLong {
        /// The most that would be taken.
        most_bytes: u64,
        /// What it announced, where it did.
        announced: Option<u64>,
        /// What the first bytes look like.
        looks: Option<Finding>,
    },
    /// It sent the wrong bytes.
    Mismatch {
        /// How many.
        got_bytes: u64,
        /// Their SHA-256.
        got_sha256: String,
        /// What they look like.
        looks: Option<Finding>,
    },
    /// It pointed somewhere this program does not go.
    Redirect {
        /// Where and why not.
        what: String,
    },
    /// It broke the rules of HTTP.
    Protocol {
        /// How.
        what: String,
    },
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

impl Fault {
    /// Whether the source gave bytes, but wrong ones.
    pub fn is_wrong_content(&self) -> bool {
        matches!(self, Self::TooLong { .. } | Self::Mismatch { .. })
    }

    /// Whether asking the same source again may help.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Status { code, .. } => matches!(code, 408 | 429 | 500..=599),
            Self::Connection { passing, .. } => *passing,
            Self::TooSlow { .. } | Self::Cut { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let looks_like = |looks: &Option<Finding>| match looks {
            Some(finding) => format!("; {finding}"),
            None => String::new(),
        };
        match self {
            Self::Status { code, .. } => match reason(*code) {
                Some(reason) => write!(f, "{code} {reason}"),
                None => write!(f, "status {code}"),
            },
            Self::Connection { what, .. } | Self::Redirect { what } | Self::Protocol { what } => {
                f.write_str(what)
            }
            Self::TooSlow { got_bytes, window } => {
                write!(f, "too slow: {got_bytes} bytes in {:.0?}", window)
            }
            Self::Cut { got_bytes } => write!(f, "cut short after {got_bytes} bytes"),
            Self::TooLong { most_bytes, announced: Some(n), looks } => {
                write!(f, "is {n} bytes long, more than {most_bytes}{}", looks_like(looks))
            }
            Self::TooLong { most_bytes, announced: None, looks } => {
                write!(f, "goes on past {most_bytes} bytes{}", looks_like(looks))
            }
            Self::Mismatch { got_bytes, got_sha256, looks } => {
                write!(f, "got {got_bytes} bytes, SHA-256 {got_sha256}{}", looks_like(looks))
            }
        }
    }
}

/// The words for the codes that mirrors do answer with.
fn reason(code: u16) -> Option<&'static str> {
    Some(match code {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        410 => "Gone",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => return None,
    })
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
