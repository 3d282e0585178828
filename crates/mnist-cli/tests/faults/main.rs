//! Kills and failing system calls, wherever they hit: the checkpoint that was there or the new one is there,
//! and going on from it ends with the same bytes.
//!
//! Only where MNIST_FAULTS is set, because it takes minutes; `MNIST_FAULTS_KILLS=N` sets the number of random
//! kills. What needs `strace`, or root for a small disk, says so where it can't run.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use common::Sandbox;
use model::Checkpoint;

const NAME: &str = "out/checkpoint.safetensors";
/// A run that saves after every third of its 8 steps, and at its end.
const RUN: &str = "train --data data --validation 60 --batch-size 64 --quiet --out out --epochs 2 \
                   --checkpoint-every 3 --no-pictures";
/// Every system call that a save or its surroundings make on a file.
const CALLS: [&str; 15] = [
    "write",
    "fsync",
    "rename",
    "openat",
    "close",
    "flock",
    "getdents64",
    "fdatasync",
    "ftruncate",
    "lseek",
    "unlink",
    "mkdir",
    "statx",
    "fstat",
    "read",
];

fn wanted() -> bool {
    let wanted = std::env::var_os("MNIST_FAULTS").is_some_and(|value| value == "1");
    if !wanted {
        eprintln!("skipped: MNIST_FAULTS=1 asks for it");
    }
    wanted
}

/// Whether `strace` is here and may trace.
fn has_strace() -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let has = traced.is_ok_and(|output| output.status.success());
    if !has {
        eprintln!("skipped: there is no strace, or it may not trace");
    }
    has
}

/// A run after its first epoch, kept aside, and what its end must be.
struct Begun {
    sandbox: Sandbox,
    expected: Vec<u8>,
}

impl Begun {
    fn new() -> Self {
        let sandbox = Sandbox::with_digits(310, 120);
        sandbox.ok(RUN);
        let expected = fs::read(sandbox.path("out/model.safetensors")).unwrap();
        fs::remove_dir_all(sandbox.path("out")).unwrap();
        sandbox.ok(&RUN.replace("--epochs 2", "--epochs 1"));
        fs::rename(sandbox.path("out"), sandbox.path("begun")).unwrap();
        Self { sandbox, expected }
    }

    /// Puts the run's folder back to the end of the first epoch.
    fn reset(&self) {
        let _ = fs::remove_dir_all(self.sandbox.path("out"));
        fs::create_dir(self.sandbox.path("out")).unwrap();
        for name in self.sandbox.names("begun") {
            fs::copy(self.sandbox.path("begun").join(&name), self.sandbox.path("out").join(&name))
                .unwrap();
        }
    }

    fn words(&self) -> String {
        format!("{RUN} --resume {NAME}")
    }

    /// Runs the second epoch under strace, with a fault; returns how it ended and what it said.
    fn with_fault(&self, fault: &str) -> (ExitStatus, String) {
        let traced = self.sandbox.command(self.words().split_whitespace());
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", fault]).arg(traced.get_program());
        command
            .args(traced.get_args())
            .current_dir(self.sandbox.path("."))
            .env_remove("MNIST_DATA");
        let output = command.output().unwrap();
        (output.status, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// Whatever happened: a checkpoint is there and whole, and from it the run ends as it must, with nothing
    /// left behind.
    #[track_caller]
    fn ends_well(&self, what: &str) {
        let checkpoint = Checkpoint::read(&self.sandbox.path(NAME));
        assert!(checkpoint.is_ok(), "{what}: {checkpoint:?}");
        let run = self.sandbox.run(&self.words());
        assert_eq!(run.code, Some(0), "{what}: {run:?}");
        let model = fs::read(self.sandbox.path("out/model.safetensors")).unwrap();
        assert!(model == self.expected, "{what}: another model");
        let names = ["checkpoint.safetensors", "config.json", "metrics.jsonl", "model.safetensors"];
        assert_eq!(self.sandbox.names("out"), names, "{what}");
    }
}

#[test]
fn killed_at_every_system_call() {
    if !wanted() || !has_strace() {
        return;
    }
    let begun = Begun::new();
    let mut kills = vec![];
    // strace counts every kind of call by itself.
    for calls in CALLS {
        let mut hit = 0;
        for call in 1.. {
            begun.reset();
            let fault = format!("inject={calls}:signal=KILL:when={call}");
            let (status, said) = begun.with_fault(&fault);
            begun.ends_well(&fault);
            if status.success() {
                break;
            }
            assert_eq!(status.code(), None, "{fault}: {said}");
            hit += 1;
        }
        kills.push(hit);
    }
    let all: u32 = kills.iter().sum();
    println!("killed at every one of {all} system calls of a run that saves twice: all went on");
    println!("{CALLS:?}: {kills:?}");
    assert!(kills[..4].iter().all(|&hit| hit > 1), "saves write, sync, rename: {kills:?}");
}

#[test]
fn every_call_of_a_save_fails_once_and_for_good() {
    if !wanted() || !has_strace() {
        return;
    }
    let begun = Begun::new();
    let (mut faults, mut refused) = (0, 0);
    for calls in ["write", "fsync", "rename", "fdatasync"] {
        for error in ["ENOSPC", "EIO", "EDQUOT"] {
            for more in ["", "+"] {
                for call in 1.. {
                    begun.reset();
                    let fault = format!("inject={calls}:error={error}:when={call}{more}");
                    let (status, said) = begun.with_fault(&fault);
                    let code = status.code();
                    assert!(code == Some(0) || code == Some(4), "{fault}: {status} {said}");
                    assert!(!said.contains("panicked"), "{fault}: {said}");
                    if code == Some(4) {
                        assert!(said.contains("error: ") || more == "+", "{fault}: {said}");
                        refused += 1;
                    }
                    begun.ends_well(&fault);
                    if code == Some(0) && said.is_empty() {
                        break;
                    }
                    faults += 1;
                }
            }
        }
    }
    println!("{faults} failing system calls, {refused} of them exit code 4: all went on");
}

#[test]
fn a_full_disk() {
    if !wanted() {
        return;
    }
    let begun = Begun::new();
    let mut tried = 0;
    // A tmpfs has pages of 4 KiB: from no room for the settings to room for all.
    for kib in (4..=360).step_by(8) {
        begun.reset();
        let disk = Disk::mount(&begun.sandbox.path("disk"), kib);
        let Some(disk) = disk else {
            eprintln!("skipped: mounting a small disk needs root");
            return;
        };
        let words = RUN.replace("--out out", "--out disk");
        let run = begun.sandbox.run(&words);
        assert!(matches!(run.code, Some(0 | 4)), "{kib} KiB: {run:?}");
        if run.code == Some(4) {
            assert!(run.stderr.contains("No space left") && run.stderr.contains("disk"), "{run:?}");
        }
        let left = begun.sandbox.names("disk");
        assert!(left.iter().all(|name| !name.contains(".tmp.")), "{kib} KiB: {left:?}");
        let model = begun.sandbox.path("disk/model.safetensors");
        assert!(!model.exists() || fs::read(&model).unwrap() == begun.expected, "{kib} KiB");
        let checkpoint = begun.sandbox.path("disk/checkpoint.safetensors");
        if checkpoint.exists() {
            let words = RUN.replace("--out out", "--out room");
            begun.sandbox.ok(&format!("{words} --resume disk/checkpoint.safetensors"));
            let model = fs::read(begun.sandbox.path("room/model.safetensors")).unwrap();
            assert!(model == begun.expected, "{kib} KiB");
        }
        drop(disk);
        tried += 1;
    }
    println!("{tried} disks of 4 to 360 KiB: nothing half written, every checkpoint went on");
}

/// A small disk, mounted as long as it lives.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: &Path, kib: u32) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={kib}k"), "tmpfs"]).arg(path);
        let mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        mounted.then(|| Self(path.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn limited_files() {
    if !wanted() {
        return;
    }
    let begun = Begun::new();
    let mut tried = 0;
    for blocks in (0..=200).step_by(4) {
        begun.reset();
        let traced = begun.sandbox.command(begun.words().split_whitespace());
        let mut shell = Command::new("sh");
        let line = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
        shell.args(["-c", &line]).arg(traced.get_program()).args(traced.get_args());
        shell.current_dir(begun.sandbox.path(".")).env_remove("MNIST_DATA");
        let run = common::run(&mut shell);
        assert!(matches!(run.code, Some(0 | 4)), "{blocks} blocks: {run:?}");
        begun.ends_well(&format!("{blocks} blocks"));
        tried += 1;
    }
    println!("{tried} limits of a file's size: exit codes 0 and 4, all went on");
}

#[test]
fn random_kills() {
    if !wanted() {
        return;
    }
    let kills: u64 = std::env::var("MNIST_FAULTS_KILLS").map_or(500, |n| n.parse().unwrap());
    let begun = Begun::new();
    let words = RUN.replace("--checkpoint-every 3", "--checkpoint-every 1 --threads 2");
    let started = Instant::now();
    begun.sandbox.ok(&words);
    let length = started.elapsed();
    let (mut early, mut over, mut killed) = (0, 0, 0);
    for turn in 0_u64.. {
        if killed == kills {
            break;
        }
        let _ = fs::remove_dir_all(begun.sandbox.path("out"));
        let mut command = begun.sandbox.command(words.split_whitespace());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // The golden ratio spreads the moments evenly over the run.
        let part = turn.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        std::thread::sleep(Duration::from_nanos((length.as_nanos() as u64 / 1_000 * part) >> 14));
        if child.try_wait().unwrap().is_some() {
            over += 1;
            continue;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        killed += 1;
        if begun.sandbox.path(NAME).exists() {
            begun.ends_well(&format!("kill {killed}"));
            continue;
        }
        // Nothing was saved yet: it begins again.
        early += 1;
        begun.sandbox.ok(&words);
        let model = fs::read(begun.sandbox.path("out/model.safetensors")).unwrap();
        assert!(model == begun.expected, "kill {killed}");
    }
    println!(
        "{killed} of {kills} random kills ended with the same bytes; {early} came before the first \
         checkpoint, {over} more runs were over before their kill"
    );
}
