//! Placeholder.
#![forbid(unsafe_code)]
pub mod rng;
