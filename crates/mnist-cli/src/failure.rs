//! What ends the program early: one line for the person, one exit code for the script.

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;
use std::{io, path::Path};

use idx::{ErrorKind, FaultClass, GzipFault};
use model::{CLASSES, ConfigError, Diverged, LoadError, ModelError, ModelErrorKind};

use crate::screen::printable;

/// The longest message that is printed; a path of Linux has up to 4,096 bytes.
const MOST_CHARACTERS: usize = 10_000;

/// The exit codes, as `mnist --help` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Code {
    Diverged = 1,
    Usage = 2,
    Content = 3,
    Io = 4,
    Checksum = 6,
    /// Stopped by Ctrl-C; what it says is no error.
    Interrupted = 130,
    /// Stopped by SIGTERM; what it says is no error.
    Terminated = 143,
}

/// An error, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    code: Code,
    message: String,
    remedy: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: impl Display) -> Self {
        Self { code, message: message.to_string(), remedy: None }
    }

    pub(crate) fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Adds to the remedy.
    pub(crate) fn add(mut self, more: impl Display) -> Self {
        let remedy = self.remedy.take().map(|remedy| format!("{remedy}; ")).unwrap_or_default();
        self.remedy = Some(format!("{remedy}{more}"));
        self
    }

    /// The end by a signal, SIGINT or another.
    pub(crate) fn signal(signal: i32) -> Self {
        let code = if signal == 2 { Code::Interrupted } else { Code::Terminated };
        Self::new(code, format_args!("ended by signal {signal}"))
    }

    /// A file that can't be opened or read.
    pub(crate) fn cannot_open(path: &Path, error: &io::Error) -> Self {
        Self::new(Code::Io, format_args!("{}: cannot be opened: {error}", path.display()))
            .remedy("check the path and its permissions")
    }

    /// A file or folder that can't be written.
    pub(crate) fn cannot_write(path: &Path, error: &io::Error) -> Self {
        Self::new(Code::Io, format_args!("{}: cannot be written: {error}", path.display()))
            .remedy("check the path, its permissions and the room on its disk")
    }

    /// What the program ends with.
    pub(crate) fn code(&self) -> u8 {
        self.code as u8
    }

    /// Prints the failure on stderr.
    pub(crate) fn report(&self) -> ExitCode {
        // That nobody hears it must not change the exit code.
        let is_error = !matches!(self.code, Code::Interrupted | Code::Terminated);
        let _ = writeln!(io::stderr(), "{}{}", if is_error { "error: " } else { "" }, self.line());
        ExitCode::from(self.code())
    }

    /// The failure in one line that moves no cursor, is not turned around, and has an end: what it
    /// cites of a damaged file may be as long as the file.
    fn line(&self) -> String {
        let mut message = printable(&self.message);
        if let Some((end, _)) = message.char_indices().nth(MOST_CHARACTERS) {
            message.truncate(end);
            message.push_str("...");
        }
        let remedy = self.remedy.as_ref().map(|remedy| format!("; {}", printable(remedy)));
        message + &remedy.unwrap_or_default()
    }
}

impl From<idx::Error> for Failure {
    fn from(error: idx::Error) -> Self {
        let code = match error.class() {
            FaultClass::Io => Code::Io,
            FaultClass::Checksum => Code::Checksum,
            _ => Code::Content,
        };
        let remedy = match &error.kind {
            ErrorKind::LabelOutOfRange { label, largest, .. } if *label >= 0 => {
                match usize::try_from(largest.saturating_add(1)) {
                    Ok(classes) if CLASSES.contains(&classes) => format!(
                        "if the labels are right, the data have {classes} classes: `mnist train --classes {classes}` makes a model of them"
                    ),
                    _ => format!("number the classes from 0, at most {} of them", CLASSES.end()),
                }
            }
            ErrorKind::Swapped => "give each file its own name".to_owned(),
            ErrorKind::CountMismatch { .. } => "give it the four files of one set".to_owned(),
            ErrorKind::Missing { .. } => "get them with `cargo xtask fetch-data`, \
                 or name their folder with --data"
                .to_owned(),
            ErrorKind::Open(cause) if cause.kind() == io::ErrorKind::NotADirectory => {
                "name the folder that holds the four files".to_owned()
            }
            ErrorKind::Open(_) | ErrorKind::NotARegularFile { .. } => {
                "check the path and its permissions".to_owned()
            }
            // They say that the file is to be got again.
            ErrorKind::Gzip(
                GzipFault::Truncated
                | GzipFault::Corrupt
                | GzipFault::Checksum { .. }
                | GzipFault::Length { .. },
            ) => "`cargo xtask fetch-data --force` does so for MNIST".to_owned(),
            _ => {
                "repair the file or make it again; `cargo xtask fetch-data --force` does so for MNIST"
                    .to_owned()
            }
        };
        Self::new(code, error).remedy(remedy)
    }
}

impl From<LoadError> for Failure {
    fn from(error: LoadError) -> Self {
        match error {
            LoadError::Idx(error) => error.into(),
            LoadError::Unreadable { path, cause } => Self::cannot_open(&path, &cause),
            LoadError::Names { .. } => Self::new(Code::Content, error)
                .remedy("mend it, or remove it: classes without names are numbered"),
            LoadError::Threads(_) => Self::new(Code::Io, error)
                .remedy("raise the limit of threads (`ulimit -u`), or end other programs"),
            LoadError::Unlike { .. } => {
                Self::new(Code::Content, error).remedy("give it the four files of one set")
            }
            other => Self::new(Code::Content, other)
                .remedy("give it the four files of one set, all numbers finite"),
        }
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        match error.kind {
            ModelErrorKind::Io(_) if error.path.is_dir() => Self::new(
                Code::Io,
                format_args!("{}: a folder, not a model file", error.path.display()),
            )
            .remedy("name the model.safetensors in it"),
            ModelErrorKind::Io(cause) => Self::cannot_open(&error.path, &cause),
            ModelErrorKind::Foreign(_) => Self::new(Code::Content, error).remedy(
                "what is read here is the model.safetensors that `mnist train` writes, \
                 and no model of another program",
            ),
            ModelErrorKind::Checkpoint => Self::new(Code::Content, error)
                .remedy("`mnist train --resume` goes on from it and writes a model file"),
            _ => Self::new(Code::Content, error)
                .remedy("`mnist train` makes a model file, model.safetensors"),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::new(Code::Usage, error).remedy("see `mnist train --help`")
    }
}

impl From<Diverged> for Failure {
    fn from(error: Diverged) -> Self {
        Self::new(Code::Diverged, error).remedy("try a smaller --learning-rate")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_with_an_end() {
        let line = |message: &str| Failure::new(Code::Content, message).remedy("mend it").line();
        assert_eq!(line("a\n\u{1b}[2J\u{202e}b"), r"a\n\u{1b}[2J\u{202e}b; mend it");
        let long = line(&"é".repeat(1 << 24));
        assert_eq!(long, format!("{}...; mend it", "é".repeat(MOST_CHARACTERS)));
    }
}
