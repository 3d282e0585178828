//! metrics.jsonl of a run that goes on: cut back to the checkpoint.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use model::State;
use serde::Deserialize;

use crate::history::MOST_LINE_BYTES;
use crate::regular::{self, Unreadable};

/// What tells whether a line is older than a checkpoint.
#[derive(Deserialize)]
struct Line {
    event: String,
    step: Option<u64>,
    epoch: Option<u64>,
}

/// The first lines of a file that were written before a state.
#[derive(Debug)]
pub(crate) struct Earlier {
    file: Option<File>,
    bytes: u64,
}

impl Earlier {
    /// Finds the lines of `path` that were written before `state`: up to the first that is newer, or that
    /// a kill has cut. A file that is not there has none; neither has a folder or a pipe.
    pub(crate) fn find(path: &Path, state: &State) -> io::Result<Self> {
        let file = match regular::open(path, u64::MAX) {
            Ok((file, _)) => file,
            Err(Unreadable::Io(error)) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error);
            }
            Err(_) => return Ok(Self { file: None, bytes: 0 }),
        };
        let mut reader = BufReader::new(&file);
        let (mut bytes, mut line) = (0, vec![]);
        loop {
            line.clear();
            let read = reader.by_ref().take(MOST_LINE_BYTES).read_until(b'\n', &mut line)?;
            if !line.ends_with(b"\n") || !is_older(&line, state) {
                break;
            }
            bytes += read as u64;
        }
        Ok(Self { file: Some(file), bytes })
    }

    /// Opens `path` to be written behind these lines. If it is the file they were found in, what follows
    /// them is cut off in place; else they are copied to a new file that takes its name.
    pub(crate) fn open(&self, path: &Path) -> io::Result<File> {
        let is_special = fs::metadata(path).is_ok_and(|metadata| !metadata.is_file());
        let (Some(found), false) = (&self.file, is_special) else { return File::create(path) };
        if is_same(found, path) {
            // One call: a kill before it leaves the old end, which the next resume cuts off.
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.set_len(self.bytes)?;
            io::Seek::seek(&mut file, io::SeekFrom::End(0))?;
            return Ok(file);
        }
        let mut from = found.try_clone()?;
        io::Seek::rewind(&mut from)?;
        let mut file = File::create(path)?;
        io::copy(&mut from.take(self.bytes), &mut file)?;
        Ok(file)
    }
}

/// Whether a line was written before a state was taken.
fn is_older(line: &[u8], state: &State) -> bool {
    let Ok(line) = serde_json::from_slice::<Line>(line) else { return false };
    match line.event.as_str() {
        "start" => true,
        "step" => line.step.is_some_and(|step| step <= state.step),
        // A state is taken before the validation of its epoch.
        "epoch" => line.epoch.is_some_and(|epoch| epoch < state.epoch),
        _ => false,
    }
}

#[cfg(unix)]
fn is_same(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let ids = (file.metadata().map(id), fs::metadata(path).map(id));
    matches!(ids, (Ok(one), Ok(other)) if one == other)
}

#[cfg(not(unix))]
fn is_same(_: &File, _: &Path) -> bool {
    false
}
