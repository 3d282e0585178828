//! The workspace's own chores, run as `cargo xtask <chore>`.
//!
//! - [`fetch`]: the real data sets, verified, into `data/<dataset>/`;
//! - [`tidy`]: the rules of the house that neither the compiler nor clippy checks;
//! - [`cli`]: arguments, console and exit codes.
//!
//! The chores are a library so that tests call them with data sets, servers and trees of their own;
//! the binary is a thin shell around [`cli::main`].
#![forbid(unsafe_code)]

pub mod cli;
pub mod fetch;
pub mod tidy;
