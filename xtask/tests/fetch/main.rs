//! `fetch-data` against a server of the tests' own on this machine, with small made files.
//!
//! Every test ends by looking at the whole target folder: nothing wrong stands under a final name.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

mod made;
mod server;

mod answers;
mod bodies;
mod connections;
mod folders;
mod program;
mod resume;
mod standing;
mod together;
