//! What can be wrong with a gzip stream (RFC 1952).

use std::fmt;

/// A fault of a gzip stream itself, whatever it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GzipFault {
    /// The stream ends before its last checksum.
    Truncated,
    /// The compression method is not 8, deflate.
    Method {
        /// The method's number.
        found: u8,
    },
    /// Flag bits that RFC 1952 reserves are set.
    ReservedFlags {
        /// The whole flag byte.
        found: u8,
    },
    /// The file name or the comment in the header does not end within 65,535 bytes.
    HeaderTooLong,
    /// The header does not have its own checksum.
    HeaderChecksum {
        /// The checksum in the file.
        expected: u16,
        /// The checksum of the header.
        found: u16,
    },
    /// The compressed data breaks the rules of deflate.
    Corrupt,
    /// The decompressed data does not have its checksum (CRC-32).
    Checksum {
        /// The checksum in the file.
        expected: u32,
        /// The checksum of the data.
        found: u32,
    },
    /// The decompressed data does not have its length, modulo 2^32.
    Length {
        /// The length in the file.
        expected_bytes: u32,
        /// The length of the data.
        found_bytes: u32,
    },
    /// What follows the end of the stream is not another gzip stream.
    TrailingData,
}

impl fmt::Display for GzipFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("gzip: ")?;
        match self {
            Self::Truncated => f.write_str("the stream is cut short; get the file again"),
            Self::Method { found } => write!(f, "compression method {found}, expected 8 (deflate)"),
            Self::ReservedFlags { found } => {
                write!(f, "header flags {found:#04x}, expected the upper three bits to be 0")
            }
            Self::HeaderTooLong => {
                f.write_str("the name or comment in the header does not end within 65535 bytes")
            }
            Self::HeaderChecksum { expected, found } => {
                write!(f, "header checksum {expected:04x} in the file, {found:04x} computed")
            }
            Self::Corrupt => f.write_str("the compressed data is corrupt; get the file again"),
            Self::Checksum { expected, found } => write!(
                f,
                "checksum {expected:08x} in the file, {found:08x} computed; get the file again"
            ),
            Self::Length { expected_bytes, found_bytes } => write!(
                f,
                "length {expected_bytes} bytes in the file, {found_bytes} found; get the file again"
            ),
            Self::TrailingData => f.write_str("data that is not gzip follows the stream"),
        }
    }
}

impl std::error::Error for GzipFault {}
