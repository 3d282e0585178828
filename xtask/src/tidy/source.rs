//! Rules for each Rust source, and for crate roots.

use super::Finding;
use super::edges::Package;
use super::mask::{lines_with, mask};
use super::paths::glob;
use super::tree::Tree;

/// The only files in which `unsafe` may stand.
pub const UNSAFE_ALLOWED: [&str; 9] = [
    "crates/kernels/src/simd.rs",
    "crates/kernels/src/simd/*",
    "crates/kernels/src/simd/avx512/rows.rs",
    "crates/kernels/src/pages.rs",
    "crates/kernels/src/team.rs",
    "crates/kernels/src/team/seats.rs",
    "crates/kernels/src/team/turns.rs",
    "crates/kernels/tests/guard_pages.rs",
    "benches/blas_ffi.rs",
];

/// The most lines of a source; house-rules ask for 250.
pub const MOST_LINES: usize = 400;

/// Checks every source.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.sources() {
        let mut add = |line: usize, what: String| {
            findings.push(Finding { path: path.to_owned(), line, what });
        };
        if !UNSAFE_ALLOWED.iter().any(|pattern| glob(pattern, path)) {
            for line in lines_with(&mask(text), "unsafe") {
                let files = UNSAFE_ALLOWED.join(", ");
                add(line, format!("`unsafe` may stand only in {files}; do it safely or there"));
            }
        }
        if !begins_with_docstring(text) {
            add(1, "no docstring at the head; say with `//!` what the file is for".into());
        }
        let n_lines = text.lines().count();
        if n_lines > MOST_LINES {
            let what = format!("{n_lines} lines, more than {MOST_LINES}; give a part its own file");
            add(MOST_LINES + 1, what);
        }
        for (idx, line) in text.split('\n').enumerate() {
            if line.contains('\t') {
                add(idx + 1, "a tab; use blanks, or `\\t` in a literal".into());
            } else if line.ends_with(char::is_whitespace) {
                add(idx + 1, "blanks at the end of the line; run `cargo fmt`".into());
            }
        }
    }
    findings
}

/// Checks that every crate but `kernels` forbids unsafe code as a whole.
pub fn check_roots(tree: &Tree, packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages.iter().filter(|package| package.name != "kernels") {
        for target in &package.targets {
            // Tests and benches are held to it by the list of files above.
            if target.kind.iter().any(|kind| kind == "test" || kind == "bench") {
                continue;
            }
            let Some(path) = tree.relative(&target.src_path) else { continue };
            let forbids = tree.texts.get(&path).is_some_and(|text| forbids_unsafe(text));
            if !forbids {
                let what = "the crate root lacks `#![forbid(unsafe_code)]`; add it".into();
                findings.push(Finding { path, line: 1, what });
            }
        }
    }
    findings
}

/// Whether the first line that is not blank is a `//!` with words.
fn begins_with_docstring(text: &str) -> bool {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    let words = first.and_then(|line| line.strip_prefix("//!"));
    words.is_some_and(|words| !words.trim().is_empty())
}

fn forbids_unsafe(text: &str) -> bool {
    let dense: String = mask(text).chars().filter(|c| !c.is_whitespace()).collect();
    let mut lists = dense.split("#![forbid(").skip(1);
    lists.any(|rest| {
        let list = rest.split(')').next().unwrap_or(rest);
        list.split(',').any(|lint| lint == "unsafe_code")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docstrings() {
        assert!(begins_with_docstring("\n//! Words.\n"));
        assert!(!begins_with_docstring("//!\n//! Words.\n"));
        assert!(!begins_with_docstring("// Words.\n//! Words.\n"));
        assert!(!begins_with_docstring("#![allow(x)]\n//! Words.\n"));
        assert!(!begins_with_docstring(""));
    }

    #[test]
    fn forbidding() {
        assert!(forbids_unsafe("//! X\n#![forbid(unsafe_code)]\n"));
        assert!(forbids_unsafe("#![forbid(missing_docs, unsafe_code)]"));
        assert!(!forbids_unsafe("// #![forbid(unsafe_code)]"));
        assert!(!forbids_unsafe("#![deny(unsafe_code)]"));
        assert!(!forbids_unsafe("#![forbid(unsafe_op_in_unsafe_fn)]"));
    }
}
