//! What a source of bytes can do wrong, and whether asking it again may help.

use std::fmt;
use std::time::Duration;

use super::sniff::Finding;

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
