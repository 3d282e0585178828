//! Guesses what wrong bytes are, so that the message can say more than two hexadecimal numbers.

use std::fmt;

use super::dataset;

/// How many of the first bytes are looked at.
pub const HEAD_BYTES: usize = 256;

/// What wrong bytes seem to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Finding {
    /// A web page; carries how it begins.
    Html(String),
    /// The pointer that Git LFS leaves where a file should be.
    LfsPointer,
    /// An IDX file that is not compressed.
    RawIdx,
    /// Nothing at all.
    Empty,
    /// A known file of another name or data set; carries whose.
    Known(String),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Html(start) => write!(f, "it looks like an HTML page: {start}"),
            Self::LfsPointer => f.write_str("it is a Git LFS pointer, not the file itself"),
            Self::RawIdx => f.write_str("it looks like an uncompressed IDX file"),
            Self::Empty => f.write_str("it is empty"),
            Self::Known(whose) => write!(f, "these are the bytes of {whose}"),
        }
    }
}

/// Looks at the first bytes and, where the whole is known, at its SHA-256.
pub fn look(head: &[u8], sha256: Option<&str>) -> Option<Finding> {
    if let Some(whose) = sha256.and_then(dataset::whose) {
        return Some(Finding::Known(whose));
    }
    if head.is_empty() {
        return Some(Finding::Empty);
    }
    if is_raw_idx(head) {
        return Some(Finding::RawIdx);
    }
    let text = String::from_utf8_lossy(head);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let lower = text.to_ascii_lowercase();
    if ["<!doctype", "<html", "<head", "<body", "<?xml"].iter().any(|tag| lower.starts_with(tag)) {
        // One line, printable, short: it goes into an error message on somebody's terminal.
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        return Some(Finding::Html(line.trim_end().chars().take(60).collect()));
    }
    lower.starts_with("version https://git-lfs").then_some(Finding::LfsPointer)
}

/// Whether bytes begin as an uncompressed IDX file does: two zeros, an element type, a rank.
pub fn is_raw_idx(head: &[u8]) -> bool {
    matches!(head, [0, 0, 0x08 | 0x09 | 0x0B..=0x0E, (1..), ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_what_it_sees() {
        let html = look(b"\xef\xbb\xbf \n<!DOCTYPE html>\n<title>403\x1b[31m", None);
        assert_eq!(html, Some(Finding::Html("<!DOCTYPE html> <title>403 [31m".into())));
        assert_eq!(look(b"<HTML>", None), Some(Finding::Html("<HTML>".into())));
        assert_eq!(look(b"version https://git-lfs.github", None), Some(Finding::LfsPointer));
        assert_eq!(look(b"\0\0\x08\x03\0\0", None), Some(Finding::RawIdx));
        assert_eq!(look(b"", None), Some(Finding::Empty));
        assert_eq!(look(b"\x1f\x8b\x08", None), None);
        let sum = &dataset::mnist().files[0].gz_sha256;
        let known = Finding::Known("train-images-idx3-ubyte.gz of mnist".into());
        assert_eq!(look(b"", Some(sum)), Some(known));
    }
}
