//! `count`: instructions that training takes for an image, against a committed number.
//!
//! Time on a shared machine is noise; instructions are not. Valgrind's callgrind counts those of the
//! release program on the AVX2 tier (it knows no AVX-512) and one thread, over one and over two epochs of
//! synthetic digits. The difference is one epoch: start, drawing of the digits, test and model file cancel.

use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::measure::{self, Facts, MeasureError};

/// The share by which the number may grow.
pub const LIMIT: f64 = 0.03;

/// Synthetic digits of an epoch: all that there are, none kept for validation.
const IMAGES: u64 = 60_000;

/// How the line with the number begins.
const KEY: &str = "per_image";

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Counted {
    /// There is no valgrind; nothing was done.
    NoValgrind,
    /// The number was written.
    Accepted {
        /// Instructions an image.
        found: u64,
        /// Where it stands.
        path: PathBuf,
    },
    /// It is within the limit.
    Within {
        /// Instructions an image, as counted.
        found: u64,
        /// As committed.
        expected: u64,
    },
}

/// Counts; errors where the number has grown by more than [`LIMIT`]. `accept` writes it instead.
pub fn count(root: &Path, accept: bool) -> Result<Counted, MeasureError> {
    if measure::first_line("valgrind", &["--version"], root).is_none() {
        return Ok(Counted::NoValgrind);
    }
    let path = root.join("benches").join("record").join("instructions.txt");
    // What is missing is said before minutes of counting.
    let expected = match accept {
        true => None,
        false => Some(committed(&path)?),
    };
    let program = measure::build_mnist(root)?;
    let folder = measure::target_dir(root).join("count");
    // Side by side: who else runs does not show in what is counted.
    let [one, two] = thread::scope(|scope| {
        let run = |epochs| {
            let (program, folder) = (&program, folder.join(format!("epochs-{epochs}")));
            scope.spawn(move || instructions(program, &folder, epochs))
        };
        [run(1), run(2)].map(|run| run.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let found = two?.saturating_sub(one?) / IMAGES;
    let Some(expected) = expected else {
        measure::write(&path, &text(&Facts::gather(root), found))?;
        return Ok(Counted::Accepted { found, path });
    };
    judge(expected, found)
}

/// Compares the two numbers.
fn judge(expected: u64, found: u64) -> Result<Counted, MeasureError> {
    match found as f64 > expected as f64 * (1.0 + LIMIT) {
        true => Err(MeasureError::Grew { expected, found }),
        false => Ok(Counted::Within { found, expected }),
    }
}

/// Instructions of a whole run of so many epochs.
fn instructions(program: &Path, folder: &Path, epochs: usize) -> Result<u64, MeasureError> {
    fs::create_dir_all(folder).map_err(MeasureError::disk("make", folder))?;
    let mut command = Command::new("valgrind");
    let profile = folder.join("callgrind.out");
    command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", profile.display()));
    command.arg(program).args([
        "train",
        "--dataset",
        "synthetic",
        "--threads",
        "1",
        "--quiet",
        "--no-pictures",
    ]);
    command.args(["--validation", "0", "--log-every", "1000000"]);
    command.args(["--epochs", &epochs.to_string(), "--out"]).arg(folder);
    command.current_dir(folder).env("MNIST_ISA", "avx2").env("RAYON_NUM_THREADS", "1");
    measure::capture(&mut command)?;
    let profile_text = measure::read(&profile)?;
    let missing = || MeasureError::content(&profile, "there is no line `summary: N`");
    summary(&profile_text).ok_or_else(missing)
}

/// The sum of all instructions in callgrind's profile.
fn summary(profile: &str) -> Option<u64> {
    let value = |key: &str| profile.lines().rev().find_map(|line| line.strip_prefix(key));
    value("summary:").or_else(|| value("totals:"))?.split_whitespace().next()?.parse().ok()
}

/// The committed number.
fn committed(path: &Path) -> Result<u64, MeasureError> {
    let number = number(&measure::read(path)?);
    number.ok_or_else(|| MeasureError::content(path, format!("there is no line `{KEY} N`")))
}

fn number(text: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix(KEY))?;
    value.trim().parse().ok().filter(|&n| n > 0)
}

fn text(facts: &Facts, per_image: u64) -> String {
    format!(
        "# Instructions of training an image: AVX2 tier, one thread, batch 100, synthetic digits.\n\
         # `cargo xtask count` fails where it grows by more than {:.0} %; `cargo xtask count --accept`\n\
         # writes this file.\n# date: {}\n# compiler: {}\n{KEY} {per_image}\n",
        LIMIT * 100.0,
        facts.date,
        facts.rustc
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_written_and_read_again() {
        let text = text(&Facts::gather(Path::new(env!("CARGO_MANIFEST_DIR"))), 2345);
        assert_eq!(number(&text), Some(2345));
        assert_eq!(number("# per_image 1\n"), None);
        assert_eq!(number("per_image x\n"), None);
        assert_eq!(number("per_image 0\n"), None);
    }

    #[test]
    fn a_profile() {
        let profile = "version: 1\nevents: Ir\nsummary: 120\nfn=(1) main\n12 34\ntotals: 120\n";
        assert_eq!(summary(profile), Some(120));
        assert_eq!(summary("totals: 7 8\n"), Some(7));
        assert_eq!(summary("events: Ir\n"), None);
    }

    #[test]
    fn three_percent_pass_and_more_does_not() {
        assert_eq!(judge(1000, 1030).unwrap(), Counted::Within { found: 1030, expected: 1000 });
        assert!(judge(1000, 10).is_ok());
        let error = judge(1000, 1031).unwrap_err();
        assert_eq!(error.exit_code(), 3);
        let text = error.to_string();
        assert!(text.contains("+3.1 %") && text.contains("cargo xtask count --accept"), "{text}");
    }
}
