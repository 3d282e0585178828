//! Recognises files that are not models, by their first bytes.

use std::fmt;

/// How many bytes tell a file's kind.
pub(crate) const START_BYTES: usize = 16;

/// Files that people give for a model; a guess, for the error message, on which nothing else depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// A Python pickle: `.pkl`, or an old `.pt`.
    Pickle,
    /// A zip archive: PyTorch's `.pt`, NumPy's `.npz`, `.keras`.
    Zip,
    /// HDF5: `.h5` of Keras.
    Hdf5,
    /// GGUF, of llama.cpp.
    Gguf,
    /// ONNX.
    Onnx,
    /// A NumPy array.
    Npy,
    /// A TensorFlow Lite model.
    TfLite,
    /// An IDX file.
    Idx,
    /// A gzip stream.
    Gzip,
    /// A PNG picture.
    Png,
    /// HTML or XML.
    WebPage,
    /// The text that stands for a file kept in Git LFS.
    GitLfsPointer,
    /// A JSON text, such as config.json.
    Json,
}

impl Foreign {
    /// Recognises the start of a file that is not in safetensors form.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let start = &bytes[..bytes.len().min(START_BYTES)];
        let kind = match start {
            // Protocol 2 to 5, then the first opcode: a frame, a memo, a container, a global, a number.
            [0x80, 2..=5, 0x95 | b'}' | b']' | b'(' | b'c' | b'X' | 0x8a | 0x8c, ..] => {
                Self::Pickle
            }
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Self::Zip,
            [0x89, b'H', b'D', b'F', b'\r', b'\n', 0x1a, b'\n', ..] => Self::Hdf5,
            [b'G', b'G', b'U', b'F', ..] => Self::Gguf,
            [_, _, _, _, b'T', b'F', b'L', b'3', ..] => Self::TfLite,
            [0x93, b'N', b'U', b'M', b'P', b'Y', ..] => Self::Npy,
            // Field 1 of a ModelProto, the version, then field 2, the producer's name.
            [8, 1..=32, 0x12, 1..=64, b'a'..=b'z' | b'A'..=b'Z', ..] => Self::Onnx,
            [0, 0, 8 | 9 | 11..=14, 1..=255, ..] => Self::Idx,
            [0x1f, 0x8b, 8, ..] => Self::Gzip,
            [0x89, b'P', b'N', b'G', ..] => Self::Png,
            [b'v', b'e', b'r', b's', b'i', b'o', b'n', b' ', b'h', b't', b't', b'p', ..] => {
                Self::GitLfsPointer
            }
            _ if text(start).starts_with(b"<") => Self::WebPage,
            _ if text(start).starts_with(b"{") => Self::Json,
            _ => return None,
        };
        Some(kind)
    }
}

/// The start of a text without what editors and servers put before it.
fn text(start: &[u8]) -> &[u8] {
    start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start()
}

/// What it is, in words that follow "but".
impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pickle => "a Python pickle (.pkl, or an old .pt)",
            Self::Zip => "a zip archive, as .pt, .npz and .keras files are",
            Self::Hdf5 => "an HDF5 file, as Keras's .h5 are",
            Self::Gguf => "a GGUF file",
            Self::Onnx => "an ONNX file",
            Self::Npy => "a NumPy array (.npy)",
            Self::TfLite => "a TensorFlow Lite model",
            Self::Idx => "an IDX file, of images or labels",
            Self::Gzip => "gzip",
            Self::Png => "a PNG picture",
            Self::WebPage => "a web page",
            Self::GitLfsPointer => "a Git LFS pointer; `git lfs pull` gets the file itself",
            Self::Json => "a JSON text",
        })
    }
}
