//! Files that are whole or not there.
//!
//! ```text
//! temporaries of dead writers are removed     .NAME.tmp.PROCESS.COUNT beside the file, not locked
//! a new temporary (O_EXCL), locked
//! all bytes, sync                             a power cut from here on finds them
//! rename to NAME, sync of the folder          and from here on the new file
//! ```
//!
//! A writer holds a lock on its temporary as long as it lives, so what can be locked has no writer; process
//! numbers tell nothing, since containers and hosts that share a folder have their own.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes `bytes` to `path`, replacing a file that is there: whoever reads it finds the old content or the
/// new, never a part, even after a crash or a power cut.
///
/// After an error the new file is removed and the old one is as it was; only where the error is that of the
/// folder's sync has the new one its name already. What earlier writers of this file left when they were
/// killed is removed.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, true)?;
    sync_folder(path)
}

/// As [`write()`], without waiting for the disk: a crash of the program leaves the old content or the new, a
/// power cut may leave neither. For files that can be made again, such as pictures.
pub fn write_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, bytes, false)
}

fn replace(path: &Path, bytes: &[u8], sync: bool) -> io::Result<()> {
    // That somebody else's leavings can't be removed is no reason not to write.
    let _ = remove_stale(path);
    let (temporary, mut file) = create(path)?;
    let written = file.write_all(bytes).and_then(|()| if sync { file.sync_all() } else { Ok(()) });
    let written = written.and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // The first error is the one to report; what can't be removed is left.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Removes the temporaries of writers of `path` that were killed; returns how many there were.
///
/// Errors where the folder can't be read. What can't be removed is left.
pub fn remove_stale(path: &Path) -> io::Result<usize> {
    let start = start_of_temporary(path)?;
    let mut removed = 0;
    for entry in fs::read_dir(folder(path))? {
        let name = entry?.file_name();
        if is_temporary(&name, &start) {
            let temporary = path.with_file_name(name);
            removed += usize::from(remove_if_unlocked(&temporary).unwrap_or(false));
        }
    }
    Ok(removed)
}

/// Removes a file that no writer has locked; returns whether it did.
fn remove_if_unlocked(temporary: &Path) -> io::Result<bool> {
    // Not what a link points to, and no pipe, whose opening waits.
    if !fs::symlink_metadata(temporary)?.is_file() {
        return Ok(false);
    }
    let file = OpenOptions::new().write(true).open(temporary)?;
    if file.try_lock().is_err() {
        return Ok(false);
    }
    fs::remove_file(temporary)?;
    Ok(true)
}

/// Creates a temporary beside `path` that no other writer has, and locks it.
fn create(path: &Path) -> io::Result<(PathBuf, File)> {
    /// Distinguishes the threads of one process.
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let start = start_of_temporary(path)?;
    loop {
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let mut name = start.clone();
        name.push(format!("{}.{count}", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = match OpenOptions::new().write(true).create_new(true).open(&temporary) {
            // Of a writer with our number, in another container.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            opened => opened?,
        };
        match file.try_lock() {
            // Somebody who cleans up took it for a dead writer's, and removes it.
            Err(TryLockError::WouldBlock) => continue,
            // Held, or a file system without locks, where nobody can hold one.
            Ok(()) | Err(TryLockError::Error(_)) => {}
        }
        if temporary.exists() {
            return Ok((temporary, file));
        }
    }
}

/// What the names of the temporaries of `path` start with.
fn start_of_temporary(path: &Path) -> io::Result<OsString> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let mut start = OsString::from(".");
    start.push(name);
    start.push(".tmp.");
    Ok(start)
}

/// Whether a name is that of a temporary: `start`, then two numbers.
fn is_temporary(name: &OsStr, start: &OsStr) -> bool {
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let rest = name.as_encoded_bytes().strip_prefix(start.as_encoded_bytes());
    let mut numbers = rest.unwrap_or_default().split(|&byte| byte == b'.');
    numbers.clone().count() == 2 && numbers.all(is_number)
}

fn folder(path: &Path) -> &Path {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

/// Makes the renaming itself durable.
fn sync_folder(path: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    File::open(folder(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        write(&path, b"old").unwrap();
        // A killed writer's, and one's with our own number.
        fs::write(folder.path().join(".model.tmp.1.0"), b"stale").unwrap();
        let own = format!(".model.tmp.{}.{}", std::process::id(), 1);
        fs::write(folder.path().join(own), b"stale").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        write_unsynced(&path, b"newer").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn only_what_dead_writers_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        let (temporary, held) = create(&path).unwrap();
        let kept =
            [".model.tmp.1", ".model.tmp.1.x", ".model.tmp.1.2.3", ".other.tmp.1.2", "model"];
        kept.iter().for_each(|name| fs::write(folder.path().join(name), b"").unwrap());
        fs::create_dir(folder.path().join(".model.tmp.7.7")).unwrap();
        fs::write(folder.path().join(".model.tmp.8.8"), b"").unwrap();
        assert_eq!(remove_stale(&path).unwrap(), 1);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), kept.len() + 2);
        assert!(temporary.exists());
        drop(held);
        assert_eq!(remove_stale(&path).unwrap(), 1);
        assert!(!temporary.exists());
    }

    #[test]
    fn writers_of_one_file_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        std::thread::scope(|scope| {
            for writer in 0..4_u8 {
                let path = &path;
                scope.spawn(move || (0..50).for_each(|_| write(path, &[writer; 999]).unwrap()));
            }
        });
        let bytes = fs::read(&path).unwrap();
        assert!(bytes.len() == 999 && bytes.iter().all(|byte| *byte == bytes[0]));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        fs::create_dir(&target).unwrap();
        assert!(write(&target, b"a file").is_err(), "a folder is in the way");
        assert!(write_unsynced(&target, b"a file").is_err());
        assert!(write(&folder.path().join("no/folder"), b"").is_err());
        assert!(write(Path::new("/"), b"").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
