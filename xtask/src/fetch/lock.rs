//! One run at a time in a target folder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::error::FetchError;
use super::report::Report;

/// The name of the lock file.
pub const LOCK_NAME: &str = ".fetch-data.lock";

/// How often to look whether another run has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// The right to write in a folder, until dropped; the system takes it back from a killed run.
#[derive(Debug)]
pub struct FolderLock {
    folder: PathBuf,
    made_folder: bool,
    file: File,
}

/// Makes the folder and takes its lock, waiting for another run for at most `patience`.
pub fn take(
    folder: &Path,
    patience: Duration,
    report: &mut dyn Report,
) -> Result<FolderLock, FetchError> {
    let path = folder.join(LOCK_NAME);
    let start = Instant::now();
    let made_folder = !folder.exists();
    let mut said = false;
    loop {
        match fs::create_dir_all(folder) {
            // The holder has removed the folder between two looks of `create_dir_all` at it; the
            // same error stays where a file is in the way.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && !folder.is_file() => {}
            made => made.map_err(FetchError::disk("make", folder))?,
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let busy = match file {
            Ok(file) => match file.try_lock() {
                Ok(()) if is_at(&file, &path) => {
                    return Ok(FolderLock { folder: folder.to_owned(), made_folder, file });
                }
                // A lock on a file that its holder has just removed: it keeps nobody out.
                Ok(()) => false,
                Err(TryLockError::WouldBlock) => true,
                Err(TryLockError::Error(e)) => return Err(FetchError::disk("lock", &path)(e)),
            },
            // The holder has just removed the folder.
            Err(e) if e.kind() == io::ErrorKind::NotFound => false,
            Err(e) => return Err(FetchError::disk("write", &path)(e)),
        };
        if start.elapsed() >= patience {
            return Err(FetchError::Locked { path, waited: start.elapsed() });
        }
        if busy {
            if !said {
                said = true;
                report.say("waiting for another fetch-data in the same folder to end");
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for FolderLock {
    /// Removes the lock file, and the folder where this run made it and nothing came of it: an
    /// empty data folder would be taken for a damaged one.
    fn drop(&mut self) {
        // Only where `is_at` can see it. Whatever stays behind harms nobody.
        if cfg!(unix) {
            let _ = fs::remove_file(self.folder.join(LOCK_NAME));
        }
        let _ = self.file.unlock();
        if self.made_folder {
            // Fails where there is anything in it, as it should.
            let _ = fs::remove_dir(&self.folder);
        }
    }
}

/// Whether an open file is the one under `path` now.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()),
        _ => false,
    }
}

/// Whether an open file is the one under `path` now: always, as nobody removes it here.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::report::Silent;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[cfg(unix)]
    #[test]
    fn a_lock_file_that_was_removed_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK_NAME);
        let removed = File::create(&path).unwrap();
        assert!(is_at(&removed, &path));
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&removed, &path));
        let new = File::create(&path).unwrap();
        assert!(!is_at(&removed, &path) && is_at(&new, &path));
    }

    #[test]
    fn one_at_a_time_though_file_and_folder_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("data");
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..40 {
                        let lock = take(&folder, Duration::from_secs(30), &mut Silent).unwrap();
                        assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                        thread::yield_now();
                        assert_eq!(inside.fetch_sub(1, Ordering::SeqCst), 1);
                        drop(lock);
                    }
                });
            }
        });
    }
}
