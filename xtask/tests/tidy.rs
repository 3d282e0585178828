//! The checker on small made trees, every rule seen failing and passing; and on the workspace itself.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;
use xtask::tidy::{self, ALLOWED_EDGES, MOST_LINES, UNSAFE_ALLOWED};

#[test]
fn the_workspace_is_tidy() {
    let findings = tidy::check(&xtask::cli::workspace_root()).unwrap();
    let lines: Vec<_> = findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "\n{}\n", lines.join("\n"));
}

/// A workspace with all our crates, nothing in them, and nothing to tidy.
struct Tree(TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(TempDir::new().unwrap());
        tree.put(
            "Cargo.toml",
            "[workspace]\nresolver = \"3\"\nmembers = [\"crates/*\", \"xtask\"]\n",
        );
        for (name, _) in ALLOWED_EDGES {
            tree.put(&format!("{}/Cargo.toml", folder(name)), &manifest(name));
            tree.put(&format!("{}/src/lib.rs", folder(name)), LIB);
        }
        tree
    }

    fn put(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The findings, each with its parts: the place and a part of the text.
    #[track_caller]
    fn check(&self, expected: &[(&str, &str)]) {
        check(self.0.path(), expected);
    }
}

const LIB: &str = "//! Words.\n#![forbid(unsafe_code)]\n";

#[track_caller]
fn check(root: &Path, expected: &[(&str, &str)]) {
    let findings: Vec<_> = tidy::check(root).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(findings.len(), expected.len(), "{findings:#?}");
    for (finding, (place, part)) in findings.iter().zip(expected) {
        assert!(finding.starts_with(&format!("{place}: ")), "{finding} is not at {place}");
        assert!(finding.contains(part), "{part} is not in {finding}");
    }
}

fn folder(name: &str) -> String {
    if name == "xtask" { name.into() } else { format!("crates/{name}") }
}

fn manifest(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
}

#[test]
fn a_tidy_tree() {
    Tree::new().check(&[]);
}

#[test]
fn every_edge_of_every_kind() {
    for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
        for (from, allowed) in ALLOWED_EDGES {
            let others = ALLOWED_EDGES.iter().filter(|(to, _)| *to != from);
            // Cargo refuses a circle before tidy sees it; one crate's edges make none.
            let tree = Tree::new();
            let mut text = manifest(from);
            text.push_str(&format!("[{section}]\n"));
            let mut expected = Vec::new();
            for (to, _) in others {
                let up = if from == "xtask" { ".." } else { "../.." };
                text.push_str(&format!("{to} = {{ path = \"{up}/{}\" }}\n", folder(to)));
                if !allowed.contains(to) {
                    let place = format!("{}/Cargo.toml:{}", folder(from), text.lines().count());
                    expected.push((place, format!("`{from}` imports `{to}` ({section})")));
                }
            }
            tree.put(&format!("{}/Cargo.toml", folder(from)), &text);
            let expected: Vec<_> = expected.iter().map(|(a, b)| (&**a, &**b)).collect();
            tree.check(&expected);
        }
    }
}

#[test]
fn an_edge_under_another_name() {
    let tree = Tree::new();
    let edge = "[dependencies]\nplain = { package = \"model\", path = \"../model\" }\n";
    tree.put("crates/kernels/Cargo.toml", &(manifest("kernels") + edge));
    tree.check(&[("crates/kernels/Cargo.toml:6", "`kernels` imports `model`")]);
}

#[test]
fn a_crate_that_is_not_in_the_table() {
    let tree = Tree::new();
    tree.put("crates/extra/Cargo.toml", &manifest("extra"));
    tree.put("crates/extra/src/lib.rs", LIB);
    tree.check(&[("crates/extra/Cargo.toml:1", "`extra` is not in the table")]);
}

#[test]
fn where_unsafe_may_stand() {
    let source = "//! Words about unsafe.\n// unsafe\npub fn f() -> i32 { unsafe { g() } }\n";
    for path in UNSAFE_ALLOWED {
        let tree = Tree::new();
        tree.put(&path.replace('*', "avx2.rs"), source);
        tree.check(&[]);
    }
    for path in [
        "crates/kernels/src/gemm.rs",
        "crates/kernels/src/simd/deeper/x.rs",
        "crates/idx/src/isa.rs",
        "benches/gemm.rs",
        "xtask/tests/x.rs",
    ] {
        let tree = Tree::new();
        tree.put(path, source);
        tree.check(&[(&format!("{path}:3"), "`unsafe` may stand only in")]);
    }
}

#[test]
fn words_that_only_look_like_unsafe() {
    let tree = Tree::new();
    let source = "//! unsafe\n/* unsafe /* unsafe */ unsafe */\n#![forbid(unsafe_code)]\n\
                  const A: &str = \"unsafe \\\" unsafe\";\nconst B: &str = r#\"unsafe \" unsafe\"#;\n\
                  fn f<'a>(x: &'a str, c: char) -> bool { c == '\"' || x == \"unsafe\" }\n";
    tree.put("crates/idx/src/lib.rs", source);
    tree.check(&[]);
}

#[test]
fn crate_roots_forbid_unsafe_code() {
    let tree = Tree::new();
    tree.put("crates/model/src/lib.rs", "//! Words. #![forbid(unsafe_code)]\n");
    tree.put("crates/mnist-cli/src/main.rs", "//! Words.\nfn main() {}\n");
    tree.put("crates/idx/build.rs", "//! Words.\n#![deny(unsafe_code)]\nfn main() {}\n");
    tree.put("crates/idx/tests/x.rs", "//! Words.\n");
    tree.put("crates/kernels/src/lib.rs", "//! Words.\n");
    tree.check(&[
        ("crates/idx/build.rs:1", "lacks `#![forbid(unsafe_code)]`"),
        ("crates/mnist-cli/src/main.rs:1", "lacks"),
        ("crates/model/src/lib.rs:1", "lacks"),
    ]);
}

#[test]
fn docstrings() {
    let tree = Tree::new();
    for path in ["crates/idx/src/a.rs", "xtask/src/b.rs", "benches/c.rs", "crates/idx/tests/d.rs"] {
        tree.put(path, "fn f() {}\n//! Too late.\n");
    }
    tree.put("crates/idx/src/e.rs", "//!\n");
    tree.put("target/debug/build/out.rs", "fn f() {}\n");
    tree.check(&[
        ("benches/c.rs:1", "no docstring"),
        ("crates/idx/src/a.rs:1", "no docstring"),
        ("crates/idx/src/e.rs:1", "no docstring"),
        ("crates/idx/tests/d.rs:1", "no docstring"),
        ("xtask/src/b.rs:1", "no docstring"),
    ]);
}

#[test]
fn lengths() {
    let tree = Tree::new();
    let lines = |n: usize| "//! Words.\n".repeat(n);
    tree.put("crates/idx/src/fits.rs", &lines(MOST_LINES));
    tree.put("crates/idx/src/long.rs", &lines(MOST_LINES + 1));
    tree.check(&[("crates/idx/src/long.rs:401", "401 lines, more than 400")]);
}

#[test]
fn blanks() {
    let tree = Tree::new();
    tree.put("crates/idx/src/a.rs", "//! Words. \nfn f() {\n\tg();\n}\r\nconst T: char = '\\t';\n");
    tree.put("notes.md", "trailing \n\ttab\n");
    tree.check(&[
        ("crates/idx/src/a.rs:1", "blanks at the end"),
        ("crates/idx/src/a.rs:3", "a tab"),
        ("crates/idx/src/a.rs:4", "blanks at the end"),
    ]);
}

#[test]
fn paths_in_the_map() {
    let tree = Tree::new();
    tree.put(
        "ARCHITECTURE.md",
        "`crates/idx/src/lib.rs`, `crates/idx/`, `idx/src/lib.rs`, `lib.rs` and `crates/*/src/lib.rs`\n\
         `crates/{idx,model}/src/lib.rs`, `data/mnist/x.gz`, `1/255`, `idx::read`, `a / b`, plain/text.rs\n\
         `crates/idx/src/gone.rs` and `gone.rs`\n\
         `crates/nowhere/` `crates/*/src/gone.rs` `crates/{idx,gone}/src/lib.rs`\n\
         ```\n`crates/gone.rs`\n```\n\
         `dx/src/lib.rs`\n",
    );
    tree.put("README.md", "`crates/gone.rs`\n");
    tree.check(&[
        ("ARCHITECTURE.md:3", "`crates/idx/src/gone.rs` is not in the tree"),
        ("ARCHITECTURE.md:3", "`gone.rs`"),
        ("ARCHITECTURE.md:4", "`crates/*/src/gone.rs`"),
        ("ARCHITECTURE.md:4", "`crates/nowhere/`"),
        ("ARCHITECTURE.md:4", "`crates/{idx,gone}/src/lib.rs`"),
        ("ARCHITECTURE.md:8", "`dx/src/lib.rs`"),
    ]);
}

#[test]
fn paths_of_a_machine() {
    let tree = Tree::new();
    let bad = |folder: &str| ["", folder, "someone", "x"].join("/");
    let text = format!("fine: ../shared, `/home/`, https://x.example{0}\nsee {0}\n", bad("home"));
    tree.put("docs/notes.md", &text);
    tree.put(".ci/run", &format!("cd {}\n", bad("work")));
    tree.put("crates/idx/src/a.rs", &format!("//! Words.\nconst P: &str = \"{}\";\n", bad("root")));
    fs::write(tree.0.path().join("picture.png"), [&b"\xff"[..], bad("home").as_bytes()].concat())
        .unwrap();
    tree.check(&[
        (".ci/run:1", "is a path of one machine"),
        ("crates/idx/src/a.rs:2", "is a path of one machine"),
        ("docs/notes.md:2", &format!("`{}` is a path", bad("home"))),
    ]);
}

#[test]
fn with_git_only_what_it_would_track_counts() {
    let tree = Tree::new();
    tree.put(".gitignore", "ignored.rs\n");
    tree.put("ignored.rs", "fn f() {}\n");
    tree.put("new.rs", "fn f() {}\n");
    let git = |args: &[&str]| {
        Command::new("git")
            .args(args)
            .current_dir(tree.0.path())
            .output()
            .is_ok_and(|o| o.status.success())
    };
    if git(&["init", "--quiet"]) {
        tree.check(&[("new.rs:1", "no docstring")]);
    }
}

#[test]
fn a_tree_that_is_none() {
    let dir = TempDir::new().unwrap();
    let error = tidy::check(dir.path()).unwrap_err();
    assert!(error.to_string().contains("cargo"), "{error}");
}
