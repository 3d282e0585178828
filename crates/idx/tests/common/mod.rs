//! Hand-made files and comparisons that the tests share.
#![allow(dead_code)]

use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};
use idx::{Error, ErrorKind, Idx};

/// An IDX file: the four magic bytes, dimensions, payload; right or wrong.
pub fn file(magic: [u8; 4], dims: &[u32], payload: &[u8]) -> Vec<u8> {
    let mut bytes = magic.to_vec();
    bytes.extend(dims.iter().flat_map(|dim| dim.to_be_bytes()));
    bytes.extend(payload);
    bytes
}

/// 2 x 3 x 4 bytes that deflate cannot shrink.
pub fn small() -> Vec<u8> {
    file([0, 0, 8, 3], &[2, 3, 4], &noise(24))
}

/// Bytes without a pattern.
pub fn noise(count: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    (0..count).map(|_| next()).collect()
}

pub fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("a Vec takes everything");
    encoder.finish().expect("a Vec takes everything")
}

/// A gzip stream of a header with these flags and fields after its ten bytes, and the content.
pub fn member(flags: u8, fields: &[u8], content: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(content).expect("a Vec takes everything");
    let deflated = encoder.finish().expect("a Vec takes everything");
    framed(flags, fields, &deflated, content)
}

/// As `member`, with the deflated bytes given.
pub fn framed(flags: u8, fields: &[u8], deflated: &[u8], content: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(content);
    let mut bytes = vec![0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255];
    bytes.extend(fields);
    bytes.extend(deflated);
    bytes.extend(crc.sum().to_le_bytes());
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes
}

/// The same fault with the same numbers.
#[track_caller]
pub fn assert_same(found: &ErrorKind, expected: &ErrorKind) {
    assert_eq!(format!("{found:?}"), format!("{expected:?}"));
}

/// Bytes in memory and the same bytes in a file give this fault, and the file is named.
#[track_caller]
pub fn check(bytes: &[u8], expected: ErrorKind) {
    assert_same(&idx::parse(bytes).expect_err("parsed"), &expected);
    let error = read_bytes(bytes).expect_err("read");
    assert_same(&error.kind, &expected);
    assert_eq!(error.path.file_name(), Some("bytes".as_ref()));
}

/// The same content from memory and from a file.
#[track_caller]
pub fn check_ok(bytes: &[u8], content: &[u8]) {
    for idx in [idx::parse(bytes).expect("parses"), read_bytes(bytes).expect("reads")] {
        assert_eq!([idx.header_bytes(), idx.into_bytes()].concat(), content);
    }
}

fn read_bytes(bytes: &[u8]) -> Result<Idx, Error> {
    let folder = tempfile::tempdir().expect("a folder");
    idx::read(put(folder.path(), "bytes", bytes))
}

pub fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("a file");
    path
}

/// The names in a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
