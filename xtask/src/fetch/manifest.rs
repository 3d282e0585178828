//! `dataset.json`: the name, classes, licence and sums of a folder's files, for other tools.

use std::fs;
use std::path::Path;

use idx::atomic;
use serde::Serialize;

use super::dataset::Dataset;
use super::error::FetchError;
use super::report::FileDone;

/// The file's name.
pub const MANIFEST_NAME: &str = "dataset.json";

#[derive(Serialize)]
struct Manifest<'a> {
    name: &'a str,
    title: &'a str,
    classes: &'a [String],
    licence: &'a str,
    attribution: &'a str,
    files: Vec<Entry<'a>>,
}

#[derive(Serialize)]
struct Entry<'a> {
    name: &'a str,
    bytes: u64,
    sha256: &'a str,
    /// Of the uncompressed bytes; null where it is not pinned.
    raw_sha256: Option<&'a str>,
}

/// Whether the right manifest is there.
pub fn stands(folder: &Path, dataset: &Dataset, files: &[FileDone]) -> bool {
    let right = text(dataset, files);
    right.is_ok_and(|right| holds(&folder.join(MANIFEST_NAME), &right))
}

/// Writes the manifest where it is not there or differs. Only the holder of the folder's lock may.
pub fn write(folder: &Path, dataset: &Dataset, files: &[FileDone]) -> Result<(), FetchError> {
    let path = folder.join(MANIFEST_NAME);
    let text = text(dataset, files).map_err(|e| FetchError::disk("write", &path)(e.into()))?;
    if holds(&path, &text) {
        return Ok(());
    }
    atomic::write(&path, text.as_bytes()).map_err(FetchError::disk("write", path))
}

/// Whether a file has this content; of a longer one, no more is read.
fn holds(path: &Path, text: &str) -> bool {
    let file = fs::metadata(path).is_ok_and(|m| m.is_file() && m.len() == text.len() as u64);
    file && fs::read(path).is_ok_and(|there| there == text.as_bytes())
}

fn text(dataset: &Dataset, files: &[FileDone]) -> serde_json::Result<String> {
    let entries = dataset.files.iter().zip(files).map(|(spec, done)| Entry {
        name: &done.name,
        bytes: done.n_bytes,
        sha256: &done.sha256,
        raw_sha256: spec.raw.as_ref().map(|raw| raw.sha256.as_str()),
    });
    let manifest = Manifest {
        name: &dataset.name,
        title: &dataset.title,
        classes: &dataset.classes,
        licence: &dataset.licence,
        attribution: &dataset.attribution,
        files: entries.collect(),
    };
    let mut text = serde_json::to_string_pretty(&manifest)?;
    text.push('\n');
    Ok(text)
}
