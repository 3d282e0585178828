//! One run at a time in a target folder.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::error::FetchError;
use super::report::Report;

/// The name of the lock file. It stays: removing it while another run opens it would let both in.
pub const LOCK_NAME: &str = ".fetch-data.lock";

/// The right to write in a folder, until dropped; the system takes it back from a killed run.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

/// Takes the folder's lock, waiting for another run for at most `patience`.
pub fn take(
    folder: &Path,
    patience: Duration,
    report: &mut dyn Report,
) -> Result<FolderLock, FetchError> {
    let path = folder.join(LOCK_NAME);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(FetchError::disk("write", &path))?;
    let start = Instant::now();
    let mut said = false;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(FolderLock { _file: file }),
            Err(TryLockError::Error(e)) => return Err(FetchError::disk("lock", &path)(e)),
            Err(TryLockError::WouldBlock) if start.elapsed() >= patience => {
                return Err(FetchError::Locked { path, waited: start.elapsed() });
            }
            Err(TryLockError::WouldBlock) => {
                if !said {
                    said = true;
                    report.say("waiting for another fetch-data in the same folder to end");
                }
                thread::sleep(Duration::from_millis(50));
            }
        }
    }
}
