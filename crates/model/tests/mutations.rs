//! Every byte of a model file changed, every length cut, bytes put in and taken out: an error, or exactly
//! the model that a reader of JSON values finds in the bytes (`fuzz/src/model_file.rs`). A model file has
//! no checksum, so a changed weight is another model; a changed header must mean what it says.
//!
//! The same for PNG pictures, which have checksums. The corpus of both fuzz targets is replayed.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use model::{Metadata, Model, Parameters, TrainConfig};
use rayon::prelude::*;

#[path = "../../../fuzz/src/model_file.rs"]
mod model_file;
#[path = "../../../fuzz/src/png.rs"]
mod png;

/// How many inputs there were, and how many of them were taken.
#[derive(Debug, Default)]
struct Count {
    inputs: AtomicUsize,
    taken: AtomicUsize,
}

impl Count {
    fn one(&self, taken: bool) {
        self.inputs.fetch_add(1, Relaxed);
        self.taken.fetch_add(usize::from(taken), Relaxed);
    }

    fn inputs(&self) -> usize {
        self.inputs.load(Relaxed)
    }

    fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }
}

/// Changes every byte to every value, cuts every length, takes out and doubles every byte, and puts in
/// digits, brackets, quotes and zeros everywhere.
fn mutate(valid: &[u8], check: fn(&[u8]) -> bool) -> Count {
    let count = Count::default();
    (0..valid.len()).into_par_iter().for_each(|at| {
        let mut changed = valid.to_vec();
        for byte in (0..=255).filter(|&byte| byte != valid[at]) {
            changed[at] = byte;
            count.one(check(&changed));
        }
        count.one(check(&valid[..at]));
        count.one(check(&[&valid[..at], &valid[at + 1..]].concat()));
        for byte in [valid[at], 0, b'0', b'9', b'"', b',', b'[', b'}', b' ', 0xff] {
            count.one(check(&[&valid[..at], &[byte], &valid[at..]].concat()));
        }
        // As a text editor does it: the header's length follows.
        if at > 8
            && let Some(length) = valid.first_chunk().map(|n| u64::from_le_bytes(*n))
        {
            for byte in [b'0', b'1', b'"', b',', b' '] {
                let longer = (length + 1).to_le_bytes();
                count.one(check(&[&longer[..], &valid[8..at], &[byte], &valid[at..]].concat()));
            }
        }
    });
    count
}

/// Two classes of images of 2 x 1 pixels.
fn model() -> Model {
    let parameters =
        Parameters { weights: vec![1.0, -0.0, 1e-45, -f32::MAX], bias: vec![0.1, -0.2] };
    let classes = vec!["zero".to_owned(), "ein\"s".to_owned()];
    let metadata = Metadata::new(&TrainConfig::default(), classes, Some((2, 1)), "ab".repeat(4));
    Model { parameters, metadata }
}

#[test]
fn model_files() {
    let valid = model().to_bytes().unwrap();
    assert!(model_file::check(&valid));
    let count = mutate(&valid, model_file::check);
    println!("model file of {} bytes: {count:?}", valid.len());
    assert!(count.inputs() >= 100_000 && count.taken() < count.inputs() / 2, "{count:?}");
}

#[test]
fn png_pictures() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/png");
    let count = Count::default();
    for name in ["grey-8", "palette", "grey-1-interlaced", "rgba-16"] {
        let valid = fs::read(folder.join(name)).unwrap();
        assert!(png::check(&valid), "{name}");
        let of_one = mutate(&valid, png::check);
        count.inputs.fetch_add(of_one.inputs(), Relaxed);
        count.taken.fetch_add(of_one.taken(), Relaxed);
    }
    println!("PNG: {count:?}");
    assert!(count.inputs() >= 80_000 && count.taken() < count.inputs() / 20, "{count:?}");
}

/// Runs a target over the files that are committed for it.
fn replay(target: &str, check: fn(&[u8]) -> bool, least: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let taken = files.iter().filter(|path| check(&fs::read(path).unwrap())).count();
    println!("{target}: {} files, {taken} of them right", files.len());
    assert!(files.len() >= 10 && taken >= least, "{} files, {taken} right", files.len());
}

#[test]
fn corpus_of_model_file() {
    replay("model_file", model_file::check, 2);
}

#[test]
fn corpus_of_png() {
    replay("png", png::check, 5);
}
