//! [`Idx`] -> a file, whole or not at all.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::GzBuilder;

use crate::atomic;
use crate::data::Idx;
use crate::error::{Error, ErrorKind};

/// Whether a file is written compressed. Readers look at the content, people at the name: end it in
/// `.gz` or not, accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Header and payload as they are.
    None,
    /// One gzip stream, without name or time: the same bytes for the same content.
    Gzip,
}

/// Writes a file so that its name leads to the old content or to the whole new one, never to a part,
/// even through a crash or a power cut, as [`atomic::write()`] does.
///
/// # Errors
/// [`ErrorKind::Write`]; an old file is as it was.
pub fn write(path: impl AsRef<Path>, idx: &Idx, compression: Compression) -> Result<(), Error> {
    let path = path.as_ref();
    atomic::write_with(path, |file| encode(file, idx, compression))
        .map_err(|error| Error::new(path, ErrorKind::Write(error)))
}

fn encode(file: &mut File, idx: &Idx, compression: Compression) -> io::Result<()> {
    match compression {
        Compression::None => {
            file.write_all(&idx.header_bytes())?;
            file.write_all(idx.payload())
        }
        Compression::Gzip => {
            let mut encoder = GzBuilder::new().mtime(0).write(file, flate2::Compression::default());
            encoder.write_all(&idx.header_bytes())?;
            encoder.write_all(idx.payload())?;
            encoder.finish()?;
            Ok(())
        }
    }
}
