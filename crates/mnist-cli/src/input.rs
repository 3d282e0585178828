//! A file that a person names: what it is, by its first bytes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use crate::failure::{Code, Failure};
use crate::regular;

/// How many bytes tell a file's kind: those of a PNG's signature, and one more for a model's header.
const START_BYTES: u64 = 9;

/// What a file starts like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Png,
    /// An IDX file, raw.
    Idx,
    /// An IDX file as gzip, if anything.
    Gzip,
    /// A safetensors file.
    Model,
    /// Data that `--cache` keeps.
    Kept,
    Jpeg,
    Unknown,
}

/// An open file and what it starts like.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) file: File,
    pub(crate) kind: Kind,
    pub(crate) size_bytes: u64,
}

impl Input {
    /// Opens a file.
    ///
    /// Errors where there is none, where it is a folder or a pipe, and where it is empty.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let (mut file, size_bytes) =
            regular::open(path, u64::MAX).map_err(|error| error.failure(path))?;
        let cannot = |error| Failure::cannot_open(path, &error);
        let mut start = Vec::new();
        file.by_ref().take(START_BYTES).read_to_end(&mut start).map_err(cannot)?;
        file.seek(SeekFrom::Start(0)).map_err(cannot)?;
        if start.is_empty() {
            let message = format!("{}: the file is empty", path.display());
            return Err(Failure::new(Code::Content, message).remedy("get it again"));
        }
        Ok(Self { file, kind: kind(&start, size_bytes), size_bytes })
    }
}

/// Tells the kind of a file of `size_bytes` from its first bytes.
fn kind(start: &[u8], size_bytes: u64) -> Kind {
    if start.starts_with(b"\x89PNG") {
        return Kind::Png;
    }
    if start.starts_with(&model::cache::MAGIC) {
        return Kind::Kept;
    }
    // safetensors: the length of the header, little-endian, then JSON. Of an IDX file it would be
    // more than the file.
    if let [a, b, c, d, e, f, g, h, b'{'] = *start
        && u64::from_le_bytes([a, b, c, d, e, f, g, h]) < size_bytes
    {
        return Kind::Model;
    }
    match start {
        [0, 0, ..] => Kind::Idx,
        [0x1f, 0x8b, ..] => Kind::Gzip,
        [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_content() {
        for (start, expected) in [
            (&b"\x89PNG\r\n\x1a\n\0"[..], Kind::Png),
            (b"\0\0\x08\x01\0\0\0\x02{", Kind::Idx),
            (b"\0\0\x01\0\0\0\0\0{", Kind::Model),
            (b"\x80\x01\0\0\0\0\0\0{", Kind::Model),
            (b"MNISTPAK\x02", Kind::Kept),
            (b"\x1f\x8b\x08", Kind::Gzip),
            (b"\xff\xd8\xff\xe0", Kind::Jpeg),
            (b"<html>", Kind::Unknown),
            (b"{", Kind::Unknown),
        ] {
            assert_eq!(kind(start, 70_000), expected, "{start:?}");
        }
    }
}
