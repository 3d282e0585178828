//! `mnist explain`, `gradcheck`, `bench` and `watch`, and what pictures may be like.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod bench;
#[path = "../common/mod.rs"]
mod common;
mod explain;
mod gradcheck;
mod png_input;
#[cfg(unix)]
mod pseudo_terminal;
mod watch;

use std::fs;
use std::sync::OnceLock;

use common::Sandbox;

/// A sandbox with `data`, 2,000 synthetic digits and 400 to test, and `run`, a short run on them.
fn sandbox() -> Sandbox {
    static FILES: OnceLock<Sandbox> = OnceLock::new();
    let files = FILES.get_or_init(|| {
        let sandbox = Sandbox::with_digits(2000, 400);
        sandbox.ok("train --quiet --data data --validation 500 --epochs 2 --out run");
        sandbox
    });
    let sandbox = Sandbox::new();
    for folder in ["data", "run"] {
        fs::create_dir(sandbox.path(folder)).unwrap();
        for name in files.names(folder) {
            let name = format!("{folder}/{name}");
            fs::copy(files.path(&name), sandbox.path(&name)).unwrap();
        }
    }
    sandbox
}
