//! The workspace's own chores, run as `cargo xtask <chore>`.
//!
//! - [`fetch`]: the real data sets, verified, into `data/<dataset>/`;
//! - [`compare`]: ours beside other trainers and other libraries' products of matrices;
//! - [`mod@bench`]: criterion's results as dated records, and what moved;
//! - [`count`]: instructions of training, held against a committed number;
//! - [`harden`]: fuzzing, mutations and coverage;
//! - [`measure`]: what these three share;
//! - [`soak`]: training that is killed and goes on, for as long as one likes;
//! - [`tidy`]: the rules of the house that neither the compiler nor clippy checks;
//! - [`cli`]: arguments, console and exit codes.
//!
//! The chores are a library so that tests call them with data sets, servers and trees of their own;
//! the binary is a thin shell around [`cli::main`].
#![forbid(unsafe_code)]

pub mod bench;
pub mod cli;
pub mod compare;
pub mod count;
pub mod fetch;
pub mod harden;
pub mod measure;
pub mod soak;
pub mod tidy;
