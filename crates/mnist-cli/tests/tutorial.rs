//! Every command of docs/tutorial.md runs, and prints what stands there.
//!
//! The blocks marked `console` are run in order in one folder, against MNIST where `MNIST_DATA` names it. A line
//! `...` stands for any lines, `[..]` within a line for anything. Without MNIST the commands run on a few
//! synthetic digits: they must succeed or fail as there, and what they print has other figures.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Sandbox, mnist, run, write_digits};

/// A command, and the lines that stand below it.
#[derive(Debug)]
struct Example {
    words: String,
    line: usize,
    expected: Vec<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn tutorial() -> String {
    fs::read_to_string(root().join("docs/tutorial.md")).unwrap()
}

/// The commands of the blocks marked `console`.
fn examples(text: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for (i, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
            continue;
        }
        if !inside {
            continue;
        }
        if let Some(words) = line.strip_prefix("$ ") {
            examples.push(Example { words: words.to_owned(), line: i + 1, expected: Vec::new() });
        } else {
            examples.last_mut().unwrap().expected.push(line.to_owned());
        }
    }
    examples
}

/// Whether a line is as it stands there, with `[..]` for anything.
fn is_like(pattern: &str, line: &str) -> bool {
    let mut parts = pattern.split("[..]");
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or("")) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        let Some(place) = rest.find(part) else { return false };
        rest = &rest[place + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether lines are as they stand there, with `...` for any lines.
fn are_like(patterns: &[String], lines: &[&str]) -> bool {
    match patterns.split_first() {
        None => lines.is_empty(),
        Some((dots, patterns)) if dots == "..." => {
            (0..=lines.len()).any(|skipped| are_like(patterns, &lines[skipped..]))
        }
        Some((pattern, patterns)) => lines
            .split_first()
            .is_some_and(|(line, lines)| is_like(pattern, line) && are_like(patterns, lines)),
    }
}

#[test]
fn every_command_runs_and_prints_what_stands_there() {
    let sandbox = Sandbox::new();
    let folder = mnist();
    fs::create_dir(sandbox.path("data")).unwrap();
    let data = sandbox.path("data/mnist");
    match &folder {
        Some(folder) => {
            fs::create_dir(&data).unwrap();
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    fs::copy(&path, data.join(path.file_name().unwrap())).unwrap();
                }
            }
        }
        None => write_digits(&data, 6500, 1000),
    }
    let examples = examples(&tutorial());
    assert!(examples.len() >= 10, "{} commands", examples.len());
    for example in examples {
        let Example { words, line, expected } = &example;
        let words = words.strip_prefix("mnist ").unwrap_or_else(|| panic!("line {line}: {words}"));
        let mut command = sandbox.command(words.split_whitespace());
        let found = run(command.env("COLUMNS", "80"));
        let fails = expected.iter().any(|line| line.starts_with("error: "));
        assert_eq!(found.code != Some(0), fails, "line {line}: {words}\n{found:?}");
        let text = found.stdout.clone() + &found.stderr;
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert!(!lines.is_empty() || expected.is_empty(), "line {line}: {words} prints nothing");
        if folder.is_some() {
            let expected: Vec<String> =
                expected.iter().map(|line| line.trim_end().to_owned()).collect();
            assert!(
                are_like(&expected, &lines),
                "line {line}: {words}\nexpected\n{}\nfound\n{}",
                expected.join("\n"),
                lines.join("\n")
            );
        }
    }
}

#[test]
fn every_place_in_the_code_is_there() {
    let text = tutorial();
    let places: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|part| part.starts_with("crates/") || part.starts_with("docs/"))
        .collect();
    assert!(places.len() >= 10, "{places:?}");
    for place in places {
        assert!(root().join(place).exists(), "no {place}");
    }
}

#[test]
fn wildcards_match_what_they_should() {
    assert!(is_like("a [..] c", "a b c") && is_like("[..]", "") && is_like("a", "a"));
    assert!(!is_like("a [..] c", "a b d") && !is_like("a", "ab") && !is_like("a[..]b[..]c", "a c"));
    let patterns: Vec<String> = ["a", "...", "c"].map(str::to_owned).into();
    assert!(are_like(&patterns, &["a", "b", "b", "c"]) && are_like(&patterns, &["a", "c"]));
    assert!(!are_like(&patterns, &["a", "b"]) && !are_like(&patterns, &["c"]));
    let examples = examples("```console\n$ mnist a\nx\n```\n```text\n$ mnist no\n```\n");
    assert_eq!(examples.len(), 1);
    assert_eq!((examples[0].words.as_str(), examples[0].line), ("mnist a", 2));
}
