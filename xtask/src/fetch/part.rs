//! The `.part` file: where bytes land before they are known to be right, and how they get a name.
//!
//! It is not one of `idx::atomic`'s temporaries, which are removed when their writer is gone: what a
//! killed download left is what the next one goes on from, so its name is known and it is kept. How
//! it gets its final name is the same.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use idx::atomic;
use sha2::{Digest, Sha256};

use super::error::FetchError;
use super::sniff::HEAD_BYTES;
use super::verify::hex;

/// A file under construction, hashed as it grows.
///
/// Only the holder of the folder's lock makes one, so nobody else writes to it.
pub struct Part {
    file: File,
    path: PathBuf,
    final_path: PathBuf,
    len: u64,
    hasher: Sha256,
    head: Vec<u8>,
}

impl Part {
    /// Opens `<name>.part` in `folder`; what an earlier run left there is kept and hashed, unless
    /// it is longer than `most_bytes`.
    pub fn open(folder: &Path, name: &str, most_bytes: u64) -> Result<Self, FetchError> {
        let path = folder.join(format!("{name}.part"));
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(FetchError::disk("open", &path))?;
        let mut part = Self {
            file,
            final_path: folder.join(name),
            path,
            len: 0,
            hasher: Sha256::new(),
            head: Vec::new(),
        };
        let on_disk = part.file.metadata().map_err(part.fault("read"))?.len();
        if on_disk > most_bytes {
            part.restart()?;
        } else {
            part.hash_what_is_there()?;
        }
        Ok(part)
    }

    /// Bytes so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The first bytes, at most [`HEAD_BYTES`].
    pub fn head(&self) -> &[u8] {
        &self.head
    }

    /// The SHA-256 of the bytes so far.
    pub fn sha256(&self) -> String {
        hex(&self.hasher.clone().finalize())
    }

    /// Appends bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FetchError> {
        self.file.write_all(bytes).map_err(self.fault("write"))?;
        self.note(bytes);
        Ok(())
    }

    /// Throws everything away and begins again.
    pub fn restart(&mut self) -> Result<(), FetchError> {
        self.file.set_len(0).map_err(self.fault("shorten"))?;
        self.file.seek(SeekFrom::Start(0)).map_err(self.fault("read"))?;
        self.len = 0;
        self.hasher = Sha256::new();
        self.head.clear();
        Ok(())
    }

    /// Puts the file under its final name: to disk first, then the name, then the folder.
    pub fn finish(self) -> Result<(), FetchError> {
        atomic::finish(&self.file, &self.path, &self.final_path)
            .map_err(FetchError::disk("put in place", self.path))
    }

    /// Removes the file where it is of no use to a later run.
    pub fn remove(self) -> Result<(), FetchError> {
        drop(self.file);
        fs::remove_file(&self.path).map_err(FetchError::disk("remove", &self.path))
    }

    fn hash_what_is_there(&mut self) -> Result<(), FetchError> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let n = self.file.read(&mut buffer).map_err(self.fault("read"))?;
            if n == 0 {
                return Ok(());
            }
            self.note(&buffer[..n]);
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.len += bytes.len() as u64;
        let room = HEAD_BYTES.saturating_sub(self.head.len());
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn fault(&self, action: &'static str) -> impl FnOnce(std::io::Error) -> FetchError + use<> {
        FetchError::disk(action, self.path.clone())
    }
}
