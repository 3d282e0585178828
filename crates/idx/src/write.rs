//! [`Idx`] -> a file, whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::GzBuilder;

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

/// How many names of temporary files are tried; each one taken was left by a crash.
const MAX_ATTEMPTS: u32 = 100;

/// Writes a file so that its name leads to the old content or to the whole new one, never to a part,
/// even through a crash or a power cut.
///
/// The bytes go to a new file in the same folder, to the disk, and then under the name. A symbolic
/// link of that name is replaced, not followed.
///
/// # Errors
/// [`ErrorKind::Write`]; the temporary file is removed, an old file is as it was.
pub fn write(path: impl AsRef<Path>, idx: &Idx, compression: Compression) -> Result<(), Error> {
    let path = path.as_ref();
    replace(path, |file| encode(file, idx, compression))
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

fn replace(path: &Path, fill: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    let (mut file, temporary) = create_beside(path)?;
    let written =
        fill(&mut file).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report.
        let _ = fs::remove_file(&temporary);
        return written;
    }
    sync_folder(path)
}

/// Creates a file of a name nobody has, in the folder of `path`: a rename across file systems would
/// be a copy.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file name")
    })?;
    let mut attempt = 0;
    loop {
        let mut temporary = name.to_os_string();
        temporary.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let temporary = path.with_file_name(temporary);
        match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            Ok(file) => return Ok((file, temporary)),
            // Containers hand out the same few process ids again and again.
            Err(error)
                if error.kind() == io::ErrorKind::AlreadyExists && attempt < MAX_ATTEMPTS =>
            {
                attempt += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Makes the new name survive a power cut.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match File::open(folder)?.sync_all() {
        // Some network file systems cannot sync a folder; the file is whole and in its place.
        Err(error)
            if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Other systems cannot open a folder.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_file_stays_when_writing_fails() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let error = replace(&path, |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::StorageFull.into())
        });
        assert_eq!(error.unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn gives_up_when_every_name_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for _ in 0..=MAX_ATTEMPTS {
            create_beside(&path).unwrap();
        }
        assert_eq!(create_beside(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn folder_of_a_bare_name() {
        sync_folder(Path::new("name")).unwrap();
    }
}
