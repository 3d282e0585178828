//! The folder of a run: its name, and what stands in it.

use std::path::{Path, PathBuf};
use std::{fs, io};

use model::atomic;

use crate::failure::{Code, Failure};

/// Where runs go that are given no folder.
pub(crate) const RUNS: &str = "runs";

/// The folder of a run.
#[derive(Clone, Debug)]
pub(crate) struct RunFolder(PathBuf);

impl RunFolder {
    /// Makes the folder: `out` (it may exist), else a new `runs/<date>-<n>`.
    pub(crate) fn make(out: Option<&Path>) -> Result<Self, Failure> {
        if let Some(out) = out.filter(|out| out.is_file()) {
            let message = format!("{}: cannot be written: it is a file", out.display());
            return Err(Failure::new(Code::Io, message).remedy("name a folder with --out"));
        }
        let made = match out {
            Some(out) => fs::create_dir_all(out).map(|()| out.to_owned()),
            None => make_new(Path::new(RUNS), &today()),
        };
        made.map(Self)
            .map_err(|error| Failure::cannot_write(out.unwrap_or(Path::new(RUNS)), &error))
    }

    /// Removes what writers of these files left when they were killed.
    pub(crate) fn remove_stale(&self, names: &[&str]) {
        for name in names {
            // What can't be removed is in nobody's way.
            let _ = atomic::remove_stale(&self.path(name));
        }
    }

    /// The path of a file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Removes a file, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Failure> {
        let path = self.path(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Failure::cannot_write(&path, &error))
            }
            _ => Ok(()),
        }
    }

    /// Writes a file that can be made again, whole or not at all, without waiting for the disk.
    pub(crate) fn write_picture(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path(name);
        atomic::write_unsynced(&path, bytes).map_err(|error| Failure::cannot_write(&path, &error))
    }

    /// Writes a file, whole or not at all.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path(name);
        atomic::write(&path, bytes).map_err(|error| Failure::cannot_write(&path, &error))
    }
}

/// Today's date in UTC, as 2018-01-31.
fn today() -> String {
    jiff::Timestamp::now().strftime("%F").to_string()
}

/// Makes the first of `<date>-1`, `<date>-2`, ... that is not there.
fn make_new(runs: &Path, date: &str) -> io::Result<PathBuf> {
    fs::create_dir_all(runs)?;
    let mut n = 1;
    loop {
        let folder = runs.join(format!("{date}-{n}"));
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => n += 1,
            made => return made.map(|()| folder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_run_gets_the_next_number() {
        let runs = tempfile::tempdir().unwrap();
        let first = make_new(runs.path(), "2018-01-31").unwrap();
        let second = make_new(runs.path(), "2018-01-31").unwrap();
        assert!(first.ends_with("2018-01-31-1") && second.ends_with("2018-01-31-2"));
        assert_eq!(today().len(), "2018-01-31".len());
    }
}
