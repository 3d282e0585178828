//! What the fuzz targets check, one module a target; each also runs over its corpus in `cargo test`.
//!
//! A module takes any bytes and panics where the library under test breaks a promise. The tests of the
//! crates include these files by path, so that a target and its replay are the same function.
#![forbid(unsafe_code)]

pub mod checkpoint;
pub mod gzip_idx;
pub mod idx;
pub mod kernels_differential;
pub mod model_file;
pub mod png;
