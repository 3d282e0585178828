//! What the tests of the program share: a folder of its own for each, small data, and runs in it.
#![allow(dead_code, reason = "every test file uses a part of it")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use idx::{Compression, Idx, Role};
use tempfile::TempDir;

/// A folder in which the program runs; paths given to it are relative to that folder.
pub struct Sandbox(TempDir);

/// What a run left: its exit code and what it printed.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a folder `data` of so many synthetic digits to train and to test on.
    pub fn with_digits(train: u32, test: u32) -> Self {
        let sandbox = Self::new();
        write_digits(&sandbox.path("data"), train, test);
        sandbox
    }

    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// The names in a folder of the sandbox, sorted; `.` is the sandbox itself.
    pub fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let name = |entry: std::io::Result<fs::DirEntry>| {
            entry.unwrap().file_name().into_string().unwrap()
        };
        let mut names: Vec<_> = entries.map(name).collect();
        names.sort();
        names
    }

    /// The program, without the settings of whoever runs the tests.
    pub fn command(&self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mnist"));
        command.args(args).current_dir(self.0.path());
        for name in ["MNIST_DATA", "MNIST_ISA", "NO_COLOR", "COLUMNS"] {
            command.env_remove(name);
        }
        command
    }

    /// Runs the program with these words.
    pub fn run(&self, words: &str) -> Run {
        run(&mut self.command(words.split_whitespace()))
    }

    /// Runs the program, which succeeds; returns its stdout.
    #[track_caller]
    pub fn ok(&self, words: &str) -> String {
        self.run(words).ok()
    }

    /// Runs the program, which fails with `code` and one clear line on stderr that has all of `parts`.
    #[track_caller]
    pub fn refused(&self, words: &str, code: i32, parts: &[&str]) {
        self.run(words).refused(code, parts);
    }
}

pub fn run(command: &mut Command) -> Run {
    command.output().unwrap().into()
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Run {
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    /// A failure of ours: one line that has all of `parts`, and nothing on stdout.
    #[track_caller]
    pub fn refused(&self, code: i32, parts: &[&str]) {
        self.failed(code, parts);
        assert_eq!(self.stdout, "", "{self:?}");
    }

    /// As `refused`, after whatever went to stdout before.
    #[track_caller]
    pub fn failed(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let line = self.stderr.strip_suffix('\n').unwrap_or(&self.stderr);
        assert!(line.starts_with("error: ") && !line.contains('\n'), "{self:?}");
        assert!(!line.contains("panicked") && !line.chars().any(char::is_control), "{self:?}");
        for part in parts {
            assert!(line.contains(part), "no {part:?} in {line}");
        }
    }

    /// A usage error as the argument parser tells it, in several lines.
    #[track_caller]
    pub fn usage(&self, part: &str) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(2), ""), "{self:?}");
        assert!(self.stderr.starts_with("error: "), "{self:?}");
        assert!(self.stderr.contains(part) && !self.stderr.contains("panicked"), "{self:?}");
    }
}

/// Writes the four files of a set of synthetic digits.
pub fn write_digits(folder: &Path, train: u32, test: u32) {
    fs::create_dir_all(folder).unwrap();
    let sets = [
        (Role::TrainImages, Role::TrainLabels, 0..train),
        (Role::TestImages, Role::TestLabels, 60_000..60_000 + test),
    ];
    for (images, labels, range) in sets {
        let digits = model::synthetic::digits(range.clone());
        put(&folder.join(images.names()[0]), &[range.len(), 28, 28], digits.images);
        put(&folder.join(labels.names()[0]), &[range.len()], digits.labels);
    }
}

/// Writes an IDX file of bytes.
pub fn put(path: &Path, dims: &[usize], bytes: Vec<u8>) {
    idx::write(path, &Idx::from_u8(dims.to_vec(), bytes).unwrap(), Compression::None).unwrap();
}

/// The folder of MNIST, where the environment names it.
pub fn mnist() -> Option<PathBuf> {
    let folder = std::env::var_os("MNIST_DATA").filter(|folder| !folder.is_empty());
    if folder.is_none() {
        eprintln!("skipped: MNIST_DATA does not name the folder of MNIST");
    }
    folder.map(|folder| fs::canonicalize(folder).unwrap())
}

/// The objects of a text with one JSON object a line.
pub fn json_lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
