//! Standard output that may be closed early or full.

use std::io::{self, Write};

use crate::failure::{Code, Failure};
use crate::screen::printable;

/// Lines on stdout. Once the reader has gone (`mnist train | head`), printing ends and work goes on; any
/// other failure is kept and told at the end.
#[derive(Debug, Default)]
pub(crate) struct Output {
    failed: Option<io::Error>,
}

impl Output {
    /// Prints a line, or several.
    pub(crate) fn line(&mut self, line: impl std::fmt::Display) {
        if self.failed.is_none() {
            let mut stdout = io::stdout().lock();
            let written = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
            self.failed = written.err();
        }
    }

    /// Tells of a failure that is not the reader's leaving.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        match self.failed {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Code::Io, format_args!("standard output: {error}")))
            }
            _ => Ok(()),
        }
    }
}

/// Prints a notice on stderr, in one line that moves no cursor whatever names are in it. That nobody hears it changes
/// nothing.
pub(crate) fn notice(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{}", printable(&line.to_string()));
}
