//! Files that are whole or not there.
//!
//! ```text
//! temporaries of dead writers are removed     .NAME.tmp.PROCESS.COUNT beside the file, not locked
//! a new temporary (O_EXCL), locked            beside: a rename across file systems would be a copy
//! all bytes, sync                             a power cut from here on finds them
//! rename to NAME, sync of the folder          and from here on the new file
//! ```
//!
//! A writer holds a lock on its temporary as long as it lives, so what can be locked has no writer;
//! process numbers tell nothing, since containers and hosts that share a folder have their own.
//!
//! A folder that cannot be synced is no error: some network file systems cannot sync one, and a
//! folder that may be written but not listed cannot be opened. The file is whole and in its place,
//! and the rename reaches the disk when the system sees fit.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// How many names of temporaries are tried, lest a strange file system keep a writer for ever.
const MAX_ATTEMPTS: u32 = 100;

/// Writes `bytes` to `path`, replacing a file that is there: whoever reads it finds the old content
/// or the new, never a part, even after a crash or a power cut.
///
/// A symbolic link of that name is replaced, not followed. What earlier writers of this file left
/// when they were killed is removed.
///
/// # Errors
/// The system's. The new file is then removed and the old one as it was; only where the disk fails
/// to sync the folder has the new one its name already.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_with(path, |file| file.write_all(bytes))
}

/// As [`write()`], of what `fill` puts into the file.
pub(crate) fn write_with(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    replace(path, fill, &DISK)
}

/// As [`write()`], without waiting for the disk: a crash of the program leaves the old content or
/// the new, a power cut may leave neither. For files that can be made again, such as pictures.
pub fn write_unsynced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, |file| file.write_all(bytes), &NO_DISK)
}

/// The second half of [`write()`], for a temporary that the caller made and filled: syncs it, puts
/// it under its name, syncs the folder.
///
/// # Errors
/// The system's. The temporary stays where it is, for the caller to keep or remove.
pub fn finish(file: &File, temporary: &Path, path: &Path) -> io::Result<()> {
    put(file, temporary, path, &DISK)
}

/// How a file and a folder reach the disk; tests have their own.
struct Syncs<'a> {
    file: &'a dyn Fn(&File) -> io::Result<()>,
    folder: &'a dyn Fn(&Path) -> io::Result<()>,
}

const DISK: Syncs<'static> = Syncs { file: &File::sync_all, folder: &sync_folder };
const NO_DISK: Syncs<'static> = Syncs { file: &|_| Ok(()), folder: &|_| Ok(()) };

fn replace(
    path: &Path,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
    syncs: &Syncs<'_>,
) -> io::Result<()> {
    // That somebody else's leavings can't be removed is no reason not to write.
    let _ = remove_stale(path);
    let (temporary, mut file) = create(path)?;
    let written = fill(&mut file).and_then(|()| put(&file, &temporary, path, syncs));
    if written.is_err() {
        // The first error is the one to report; what can't be removed is left.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn put(file: &File, temporary: &Path, path: &Path, syncs: &Syncs<'_>) -> io::Result<()> {
    (syncs.file)(file)?;
    fs::rename(temporary, path)?;
    match (syncs.folder)(folder(path)) {
        Err(error) if has_no_sync(error.kind()) => Ok(()),
        synced => synced,
    }
}

/// Whether this is the error of a folder that cannot be synced, and not that of a failing disk.
fn has_no_sync(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(kind, InvalidInput | PermissionDenied | Unsupported)
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
    for _ in 0..MAX_ATTEMPTS {
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
    Err(io::Error::new(io::ErrorKind::AlreadyExists, "every name of a temporary file is taken"))
}

/// What the names of the temporaries of `path` start with.
fn start_of_temporary(path: &Path) -> io::Result<OsString> {
    let name = path.file_name().ok_or_else(|| {
        io::Error::new(io::ErrorKind::InvalidInput, "the path does not end in a file name")
    })?;
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
fn sync_folder(folder: &Path) -> io::Result<()> {
    // Windows cannot open a folder as a file; there the rename itself is journaled.
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

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
        assert_eq!(names(folder.path()), ["model"]);
    }

    /// What is there at each step, and in which order the steps are.
    #[test]
    fn bytes_are_synced_before_the_rename_and_the_folder_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, b"old").unwrap();
        let seen = RefCell::new(Vec::new());
        let look = |step: &str| {
            let names = names(folder.path());
            let start = format!(".model.tmp.{}.", std::process::id());
            let temporary = names.iter().find(|name| name.starts_with(&start));
            let bytes = temporary.map(|name| fs::read(folder.path().join(name)).unwrap());
            let line = format!("{step} {} {:?}", names.len(), bytes);
            seen.borrow_mut().push((line, fs::read(&path).unwrap()));
            Ok(())
        };
        let syncs = Syncs {
            file: &|_| look("file"),
            folder: &|synced| {
                assert_eq!(synced, folder.path());
                look("folder")
            },
        };
        replace(&path, |file| file.write_all(b"new").and_then(|()| look("filled")), &syncs)
            .unwrap();
        let whole = format!("{:?}", Some(b"new"));
        let expected = [
            (format!("filled 2 {whole}"), b"old".to_vec()),
            (format!("file 2 {whole}"), b"old".to_vec()),
            ("folder 1 None".to_owned(), b"new".to_vec()),
        ];
        assert_eq!(*seen.borrow(), expected);
    }

    /// Writes over an old file with steps that fail; the error, and what is then under the name.
    fn failing(
        fill: io::Result<()>,
        file: Option<io::ErrorKind>,
        in_folder: Option<io::ErrorKind>,
    ) -> (Option<io::ErrorKind>, Vec<u8>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        fs::write(&path, b"old").unwrap();
        let result = |kind: Option<io::ErrorKind>| kind.map_or(Ok(()), |kind| Err(kind.into()));
        let syncs = Syncs { file: &|_| result(file), folder: &|_| result(in_folder) };
        let written = replace(&path, |file| file.write_all(b"new").and(fill), &syncs);
        assert_eq!(names(folder.path()), ["model"]);
        (written.err().map(|error| error.kind()), fs::read(&path).unwrap())
    }

    #[test]
    fn an_old_file_stays_when_writing_or_its_sync_fails() {
        use io::ErrorKind::{QuotaExceeded, StorageFull};
        let full = Err(StorageFull.into());
        assert_eq!(failing(full, None, None), (Some(StorageFull), b"old".to_vec()));
        let quota = Some(QuotaExceeded);
        assert_eq!(failing(Ok(()), quota, None), (quota, b"old".to_vec()));
    }

    #[test]
    fn a_folder_that_cannot_be_synced_is_no_error() {
        use io::ErrorKind::{InvalidInput, Other, PermissionDenied, Unsupported};
        for kind in [InvalidInput, PermissionDenied, Unsupported] {
            assert_eq!(failing(Ok(()), None, Some(kind)), (None, b"new".to_vec()));
            // That of the file itself is.
            assert_eq!(failing(Ok(()), Some(kind), None), (Some(kind), b"old".to_vec()));
        }
        // The disk itself: reported, though the new file has its name.
        assert_eq!(failing(Ok(()), None, Some(Other)), (Some(Other), b"new".to_vec()));
    }

    #[test]
    fn folders_of_paths() {
        assert_eq!(folder(Path::new("name")), Path::new("."));
        assert_eq!(folder(Path::new("a/b")), Path::new("a"));
        sync_folder(Path::new(".")).unwrap();
        assert!(!cfg!(unix) || sync_folder(Path::new("no/such/folder")).is_err());
    }

    #[test]
    fn a_temporary_of_the_callers_own_gets_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let (part, path) = (folder.path().join("model.part"), folder.path().join("model"));
        fs::write(&path, b"old").unwrap();
        fs::write(&part, b"new").unwrap();
        let file = File::open(&part).unwrap();
        assert!(finish(&file, &part, &folder.path().join("no/model")).is_err());
        assert_eq!(names(folder.path()), ["model", "model.part"]);
        finish(&file, &part, &path).unwrap();
        assert_eq!(names(folder.path()), ["model"]);
        assert_eq!(fs::read(&path).unwrap(), b"new");
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
    fn gives_up_when_every_name_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model");
        // More than all tests of this process count together.
        for count in 0..2000 {
            let name = format!(".model.tmp.{}.{count}", std::process::id());
            fs::write(folder.path().join(name), b"").unwrap();
        }
        assert_eq!(create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        // They had no writer, and so are removed by the next one.
        write(&path, b"new").unwrap();
        assert_eq!(names(folder.path()), ["model"]);
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
