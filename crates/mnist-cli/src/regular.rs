//! Files that are read: regular ones, of which no more is read than their reader has room for.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use crate::failure::{Code, Failure};

/// Why a file can't be read.
#[derive(Debug)]
pub(crate) enum Unreadable {
    /// It can't be opened or read.
    Io(io::Error),
    /// It is a folder, a pipe or a device.
    Kind(&'static str),
    /// It has more bytes than its reader takes.
    TooLarge {
        /// The most that are taken.
        most_bytes: u64,
    },
}

/// Opens a regular file of at most so many bytes; returns it with its size.
pub(crate) fn open(path: &Path, most_bytes: u64) -> Result<(File, u64), Unreadable> {
    // Before opening, because opening a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(Unreadable::Io)?;
    if !metadata.is_file() {
        let kind = if metadata.is_dir() { "a folder" } else { "a pipe or a device" };
        return Err(Unreadable::Kind(kind));
    }
    let file = File::open(path).map_err(Unreadable::Io)?;
    let size_bytes = file.metadata().map_err(Unreadable::Io)?.len();
    if size_bytes > most_bytes {
        return Err(Unreadable::TooLarge { most_bytes });
    }
    Ok((file, size_bytes))
}

/// Reads a regular file of at most so many bytes, whole.
pub(crate) fn read(path: &Path, most_bytes: u64) -> Result<Vec<u8>, Unreadable> {
    let (file, _) = open(path, most_bytes)?;
    let mut bytes = Vec::new();
    // It may grow meanwhile, and files of the system have no length.
    file.take(most_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(Unreadable::Io)?;
    if bytes.len() as u64 > most_bytes {
        return Err(Unreadable::TooLarge { most_bytes });
    }
    Ok(bytes)
}

impl Unreadable {
    /// The failure that names the file.
    pub(crate) fn failure(&self, path: &Path) -> Failure {
        let (code, remedy) = match self {
            Self::Io(_) => (Code::Io, "check the path and its permissions"),
            Self::Kind(_) => (Code::Io, "name a file"),
            Self::TooLarge { .. } => (Code::Content, "name one that `mnist train` wrote"),
        };
        Failure::new(code, format_args!("{}: {self}", path.display())).remedy(remedy)
    }
}

/// What follows the file's name.
impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(cause) => write!(f, "cannot be opened: {cause}"),
            Self::Kind(kind) => write!(f, "is {kind}, expected a file"),
            Self::TooLarge { most_bytes } => write!(f, "has more than {most_bytes} bytes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "four").unwrap();
        assert_eq!(read(&path, 4).unwrap(), b"four");
        assert!(matches!(read(&path, 3), Err(Unreadable::TooLarge { most_bytes: 3 })));
        // Sparse: as large as a disk, and it takes no room.
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(read(&path, 4), Err(Unreadable::TooLarge { most_bytes: 4 })));
        assert!(matches!(read(folder.path(), 4), Err(Unreadable::Kind("a folder"))));
        assert!(matches!(read(&folder.path().join("none"), 4), Err(Unreadable::Io(_))));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_has_no_length_and_what_has_no_end() {
        // A regular file that says it is empty.
        assert!(!read(Path::new("/proc/self/status"), 1 << 20).unwrap().is_empty());
        let cut = read(Path::new("/proc/self/status"), 10);
        assert!(matches!(cut, Err(Unreadable::TooLarge { most_bytes: 10 })), "{cut:?}");
        for path in ["/dev/zero", "/dev/null"] {
            let device = read(Path::new(path), 10);
            assert!(matches!(device, Err(Unreadable::Kind("a pipe or a device"))), "{device:?}");
        }
    }
}
