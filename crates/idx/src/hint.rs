//! What a file that is no IDX file probably is, from its first four bytes.

use std::fmt;

use crate::element::ElementType;

/// What the first four bytes of a file that is not IDX look like.
///
/// A guess, for the error message; nothing else depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// IDX with its magic number written in little-endian order.
    ByteSwapped,
    /// HTML or XML: a server's error page saved under the file's name.
    WebPage,
    /// The text that stands for a file kept in Git LFS.
    GitLfsPointer,
    /// A zip archive.
    Zip,
    /// xz.
    Xz,
    /// bzip2.
    Bzip2,
    /// Zstandard.
    Zstd,
    /// A bare zlib stream.
    Zlib,
    /// A PNG picture.
    Png,
    /// gzip, found inside gzip: compressed twice.
    Gzip,
}

impl Hint {
    /// Recognises the start of a file.
    pub(crate) fn of(found: [u8; 4]) -> Option<Self> {
        let hint = match found {
            [1..=255, code, 0, 0] if ElementType::from_code(code).is_some() => Self::ByteSwapped,
            [b'v', b'e', b'r', b's'] => Self::GitLfsPointer,
            [b'P', b'K', ..] => Self::Zip,
            [0xfd, b'7', b'z', b'X'] => Self::Xz,
            [b'B', b'Z', b'h', _] => Self::Bzip2,
            [0x28, 0xb5, 0x2f, 0xfd] => Self::Zstd,
            [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => Self::Zlib,
            [0x89, b'P', b'N', b'G'] => Self::Png,
            [0x1f, 0x8b, ..] => Self::Gzip,
            _ if starts_markup(&found) => Self::WebPage,
            _ => return None,
        };
        Some(hint)
    }
}

/// Servers put a byte order mark or blank lines before the first tag.
fn starts_markup(found: &[u8]) -> bool {
    let text = found.strip_prefix(b"\xef\xbb\xbf").unwrap_or(found);
    text.trim_ascii_start().starts_with(b"<")
}

/// What it is, and what to do about it.
impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByteSwapped => "its numbers are little-endian; write them big-endian",
            Self::WebPage => "a web page was saved instead of the file; download it again",
            Self::GitLfsPointer => "a Git LFS pointer stands in for the file; run `git lfs pull`",
            Self::Zip => "a zip archive; extract it first",
            Self::Xz => "xz-compressed; decompress it first",
            Self::Bzip2 => "bzip2-compressed; decompress it first",
            Self::Zstd => "zstd-compressed; decompress it first",
            Self::Zlib => "a bare zlib stream; decompress it first",
            Self::Png => "a PNG picture",
            Self::Gzip => "gzip inside gzip; decompress it once",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: &[u8; 4], expected: Option<Hint>) {
        assert_eq!(Hint::of(*found), expected);
    }

    #[test]
    fn starts_of_other_files() {
        check(b"\x03\x08\x00\x00", Some(Hint::ByteSwapped));
        check(b"\x02\x0c\x00\x00", Some(Hint::ByteSwapped));
        check(b"\x00\x08\x00\x00", None);
        check(b"\x03\x0a\x00\x00", None);
        check(b"<!DO", Some(Hint::WebPage));
        check(b"<htm", Some(Hint::WebPage));
        check(b"<?xm", Some(Hint::WebPage));
        check(b"\r\n\t<", Some(Hint::WebPage));
        check(b"\xef\xbb\xbf<", Some(Hint::WebPage));
        check(b"vers", Some(Hint::GitLfsPointer));
        check(b"PK\x03\x04", Some(Hint::Zip));
        check(b"\xfd7zX", Some(Hint::Xz));
        check(b"BZh9", Some(Hint::Bzip2));
        check(b"\x28\xb5\x2f\xfd", Some(Hint::Zstd));
        check(b"\x78\x9c\x63\x60", Some(Hint::Zlib));
        check(b"\x89PNG", Some(Hint::Png));
        check(b"\x1f\x8b\x08\x00", Some(Hint::Gzip));
        check(b"\x1f\x8c\x08\x00", None);
        check(b"abc<", None);
    }
}
