//! Paths as one printable line, whatever bytes they hold.

use std::fmt::{self, Write};
use std::path::Path;

/// Shows a path with control, invisible and direction-changing characters and invalid UTF-8 escaped.
///
/// A file name is data from outside: printed raw, it could move the cursor, fake a second line or
/// reorder the message. Quotes and backslashes stay as they are, so that a usual path can be copied.
pub(crate) struct Escaped<'a>(pub &'a Path);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.as_os_str().as_encoded_bytes().utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\'' | '\\' => f.write_char(c)?,
                    _ => write!(f, "{}", c.escape_debug())?,
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(path: &str, expected: &str) {
        assert_eq!(Escaped(Path::new(path)).to_string(), expected);
    }

    #[test]
    fn usual_paths_stay() {
        check("data/mnist/train-images", "data/mnist/train-images");
        check(r"C:\it's \new", r"C:\it's \new");
        check("données/数字", "données/数字");
    }

    #[test]
    fn others_are_escaped() {
        check("a\u{1b}[31m\nb", r"a\u{1b}[31m\nb");
        check("a\u{202e}b\u{2028}", r"a\u{202e}b\u{2028}");
    }

    #[cfg(unix)]
    #[test]
    fn invalid_utf8_is_escaped() {
        use std::ffi::OsStr;
        use std::os::unix::ffi::OsStrExt;
        let path = Path::new(OsStr::from_bytes(b"a\xff\x80b\xc3"));
        assert_eq!(Escaped(path).to_string(), r"a\xff\x80b\xc3");
    }
}
