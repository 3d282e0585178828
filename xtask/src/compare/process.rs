//! One run of one trainer: the process, how long it took, and what it says of itself.
//!
//! Peak memory is Linux's `VmHWM`, the most that was resident at once. It is read from the process's
//! /proc/PID/status every millisecond while it runs, so that the last millisecond may be missing; that
//! costs it time, so it is done in a run whose times are not kept.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::trainer::{How, Trainer};
use crate::measure::{self, MeasureError, read};

/// The longest that a trainer may take.
const LIMIT: Duration = Duration::from_secs(600);
/// How often its memory is looked at.
const GLANCE: Duration = Duration::from_millis(1);
/// Lines of a trainer's errors that ours quotes.
const QUOTED_LINES: usize = 3;

/// What a run gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The version of what was compared.
    pub version: String,
    /// Training alone, epoch by epoch.
    pub epoch_seconds: Vec<f64>,
    /// Accuracy on all test images, as a fraction.
    pub test_accuracy: f64,
    /// From start to end of the process.
    pub wall_seconds: f64,
    /// Peak memory, where it was watched and the system tells.
    pub peak_kib: Option<u64>,
}

/// How to run a trainer.
#[derive(Clone)]
pub struct Run {
    /// Who.
    pub trainer: &'static Trainer,
    program: PathBuf,
    args: Vec<PathBuf>,
    env: &'static [(&'static str, &'static str)],
    /// Its output, its errors and whatever it leaves.
    folder: PathBuf,
}

impl Run {
    /// A run of ours, the program `mnist`.
    pub fn ours(
        trainer: &'static Trainer,
        (program, threads): (&Path, usize),
        data: &Path,
        folder: &Path,
    ) -> Self {
        let folder = folder.join(trainer.name);
        let threads = threads.to_string();
        let args = ["train", "--quiet", "--no-pictures", "--threads", &threads, "--data"]
            .map(PathBuf::from);
        let rest = [data.to_owned(), "--out".into(), folder.clone()];
        let args = args.into_iter().chain(rest).collect();
        Self { trainer, program: program.to_owned(), args, env: &[], folder }
    }

    /// A run of a peer, a script for the environment's Python.
    pub fn peer(
        trainer: &'static Trainer,
        (python, script): (&Path, &Path),
        env: &'static [(&'static str, &'static str)],
        data: &Path,
        folder: &Path,
    ) -> Self {
        let args = vec![script.to_owned(), data.to_owned()];
        let folder = folder.join(trainer.name);
        Self { trainer, program: python.to_owned(), args, env, folder }
    }

    /// The same run with more arguments.
    pub fn with(mut self, args: impl IntoIterator<Item = String>) -> Self {
        self.args.extend(args.into_iter().map(PathBuf::from));
        self
    }

    /// The file of its metrics, where it is ours.
    pub fn metrics(&self) -> PathBuf {
        self.folder.join("metrics.jsonl")
    }

    /// Runs it with an eye on its memory.
    pub fn watched(&self) -> Result<Outcome, MeasureError> {
        self.run(true)
    }

    /// Runs it and only waits for its end.
    pub fn timed(&self) -> Result<Outcome, MeasureError> {
        self.run(false)
    }

    fn run(&self, watch: bool) -> Result<Outcome, MeasureError> {
        let folder = &self.folder;
        fs::create_dir_all(folder).map_err(MeasureError::disk("make", folder))?;
        let (printed, said) = (folder.join("stdout.txt"), folder.join("stderr.txt"));
        let create = |path: &Path| File::create(path).map_err(MeasureError::disk("write", path));
        let (stdout, stderr) = (create(&printed)?, create(&said)?);
        let mut command = Command::new(&self.program);
        command.args(&self.args).envs(self.env.iter().copied()).current_dir(folder);
        command.stdin(Stdio::null()).stdout(stdout).stderr(stderr);
        // The peers' folder stays as git has it.
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        for setting in ["MNIST_DATA", "MNIST_ISA"] {
            command.env_remove(setting);
        }

        let shown = || self.trainer.name.to_owned();
        let fault = |source| MeasureError::Start { command: shown(), source };
        let started = Instant::now();
        let mut child = command.spawn().map_err(fault)?;
        let mut peak_kib = None;
        let status: Option<ExitStatus> = if watch {
            loop {
                peak_kib = peak(child.id()).or(peak_kib);
                if let Some(status) = child.try_wait().map_err(fault)? {
                    break Some(status);
                }
                if started.elapsed() > LIMIT {
                    child.kill().and_then(|()| child.wait()).map_err(fault)?;
                    break None;
                }
                sleep(GLANCE);
            }
        } else {
            // The warm-up has shown that it comes to an end.
            Some(child.wait().map_err(fault)?)
        };
        let wall_seconds = started.elapsed().as_secs_f64();
        if !status.is_some_and(|status| status.success()) {
            let said = read(&said)?;
            let lines: Vec<_> = said.lines().filter(|line| !line.trim().is_empty()).collect();
            let what = match (status, lines[lines.len().saturating_sub(QUOTED_LINES)..].join("; "))
            {
                (None, _) => format!("it took more than {LIMIT:.0?}"),
                (Some(status), nothing) if nothing.is_empty() => status.to_string(),
                (_, lines) => lines,
            };
            return Err(MeasureError::Command { command: shown(), what });
        }
        let (version, epoch_seconds, test_accuracy) = match self.trainer.how {
            How::Ours { .. } => {
                let path = self.metrics();
                from_metrics(&read(&path)?).map_err(|what| MeasureError::content(path, what))?
            }
            How::Peer { .. } => {
                let text = read(&printed)?;
                from_peer(&text).map_err(|what| MeasureError::content(printed, what))?
            }
        };
        Ok(Outcome { version, epoch_seconds, test_accuracy, wall_seconds, peak_kib })
    }
}

/// The most memory that a running process had at once.
fn peak(id: u32) -> Option<u64> {
    peak_of_status(&fs::read_to_string(format!("/proc/{id}/status")).ok()?)
}

fn peak_of_status(status: &str) -> Option<u64> {
    measure::kib(measure::field(status, "VmHWM")?)
}

/// Version, seconds of each epoch, test accuracy.
type Told = (String, Vec<f64>, f64);

/// Reads a peer's line; lines of libraries may stand before it.
fn from_peer(text: &str) -> Result<Told, String> {
    #[derive(Deserialize)]
    struct Line {
        version: String,
        seconds: Vec<f64>,
        test_accuracy: f64,
    }
    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
    let line: Line = serde_json::from_str(last)
        .map_err(|error| format!("the last line should be a peer's JSON object: {error}"))?;
    checked((line.version, line.seconds, line.test_accuracy))
}

/// Reads the metrics.jsonl of ours.
fn from_metrics(text: &str) -> Result<Told, String> {
    #[derive(Deserialize)]
    #[serde(tag = "event", rename_all = "lowercase")]
    enum Record {
        Epoch {
            seconds: f64,
        },
        Test {
            all: Set,
        },
        #[serde(other)]
        Other,
    }
    #[derive(Deserialize)]
    struct Set {
        accuracy: f64,
    }
    let (mut seconds, mut accuracy) = (Vec::new(), None);
    for (idx, line) in text.lines().enumerate() {
        match serde_json::from_str(line) {
            Ok(Record::Epoch { seconds: epoch }) => seconds.push(epoch),
            Ok(Record::Test { all }) => accuracy = Some(all.accuracy),
            Ok(Record::Other) => {}
            Err(error) => return Err(format!("line {}: {error}", idx + 1)),
        }
    }
    let accuracy = accuracy.ok_or("there is no `test` event")?;
    checked((env!("CARGO_PKG_VERSION").to_owned(), seconds, accuracy))
}

fn checked(told: Told) -> Result<Told, String> {
    match told.1.is_empty() || told.1.iter().any(|seconds| !seconds.is_finite()) {
        true => Err("there are no seconds of epochs".to_owned()),
        false => Ok(told),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peers_line() {
        let text = "some library: hello\n{\"peer\": \"numpy\", \"version\": \"2.4\", \
                    \"seconds\": [0.5, 0.25], \"test_accuracy\": 0.926}\n";
        assert_eq!(from_peer(text), Ok(("2.4".to_owned(), vec![0.5, 0.25], 0.926)));
        assert!(from_peer("").unwrap_err().contains("JSON"));
        let none = "{\"version\": \"1\", \"seconds\": [], \"test_accuracy\": 0}";
        assert_eq!(from_peer(none).unwrap_err(), "there are no seconds of epochs");
    }

    #[test]
    fn our_metrics() {
        let text = "{\"event\":\"start\",\"isa\":\"avx2\"}\n{\"event\":\"step\",\"loss\":2.0}\n\
                    {\"event\":\"epoch\",\"epoch\":1,\"seconds\":0.02}\n\
                    {\"event\":\"epoch\",\"epoch\":2,\"validation\":{},\"seconds\":0.01}\n\
                    {\"event\":\"test\",\"first\":{\"accuracy\":0.9},\"all\":{\"accuracy\":0.92},\
                    \"seconds\":1}\n";
        let (version, seconds, accuracy) = from_metrics(text).unwrap();
        assert_eq!((seconds, accuracy), (vec![0.02, 0.01], 0.92));
        assert_eq!(version, env!("CARGO_PKG_VERSION"));
        assert!(from_metrics("{\"event\":\"start\"}").unwrap_err().contains("`test`"));
        assert!(from_metrics("{}\nnonsense").unwrap_err().starts_with("line 1: "));
    }

    #[test]
    fn peak_memory() {
        let status = "Name:\tmnist\nVmPeak:\t  999 kB\nVmHWM:\t   81236 kB\nVmRSS:\t 5 kB\n";
        assert_eq!(peak_of_status(status), Some(81_236));
        assert_eq!(peak_of_status("Name:\tgone\nState:\tZ (zombie)\n"), None);
    }
}
