//! IDX files, the format of MNIST and its relatives: every element type, any rank, raw or gzip.
//!
//! | bytes        | content                                                             |
//! |--------------|---------------------------------------------------------------------|
//! | 0, 1         | zero                                                                |
//! | 2            | element type: `08` u8, `09` i8, `0b` i16, `0c` i32, `0d` f32, `0e` f64 |
//! | 3            | rank: the number of dimensions, 1 to 255                            |
//! | 4 + 4k ..    | dimension k, a big-endian u32                                       |
//! | 4 + 4 rank ..| the elements, big-endian, last dimension fastest, nothing after them |
//!
//! ```
//! use idx::{Compression, Idx};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let images = Idx::from_u8(vec![2, 2, 3], (0..12).collect())?;
//! # let folder = tempfile::tempdir()?;
//! let path = folder.path().join("images-idx3-ubyte.gz");
//! idx::write(&path, &images, Compression::Gzip)?;
//!
//! let again = idx::read(&path)?;
//! assert_eq!(again.dims(), [2, 2, 3]);
//! assert_eq!(again.as_u8(), images.as_u8());
//! # Ok(())
//! # }
//! ```
//!
//! What a caller can rely on:
//! - The header is proven before anything is allocated: for a raw file against its length, for gzip
//!   against the most that deflate can hold. Memory follows the bytes really there, not the header.
//! - A file is whole or an error: a short payload, one byte too many, a wrong checksum, garbage
//!   after a gzip stream are all refused, each as its own [`ErrorKind`].
//! - Raw and gzip are told apart by content; a file's name plays no part in reading it.
//! - An [`Error`] is one line that names the file, what was expected and what was found.
//! - Writing leaves the old file or the new one, never a part of either; [`atomic`] does so with any
//!   bytes.
//! - A file too large to keep is taken piece by piece by a [`Reader`], with the same proofs.
//!
//! Not here: memory mapping (a file cut while mapped kills the process), downloads.
#![forbid(unsafe_code)]

pub mod atomic;
mod data;
mod element;
mod error;
mod escape;
mod fault;
mod files;
mod gzip;
mod header;
mod hint;
mod pair;
mod read;
mod reader;
mod write;

pub use data::Idx;
pub use element::{Element, ElementType};
pub use error::{Error, ErrorKind, FaultClass};
pub use fault::GzipFault;
pub use files::{FileSet, Presence, Role, find, find_all, presence};
pub use hint::Hint;
pub use pair::{Pair, PairError, Side, pair, read_pair};
pub use read::{parse, read};
pub use reader::Reader;
pub use write::{Compression, write};
