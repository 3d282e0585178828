//! Ctrl-C and SIGTERM of a run: it saves, says how to go on, and goes on.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Run, Sandbox, json_lines, run};

/// A run that prints more than a pipe holds, so that it can't be over while nobody reads.
const LONG: &str =
    "train --data data --validation 60 --batch-size 8 --log-every 1 --epochs 120 --out out";

fn start(sandbox: &Sandbox, words: &str) -> (Child, BufReader<ChildStdout>) {
    let mut command = sandbox.command(words.split_whitespace());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    (child, stdout)
}

fn send(child: &Child, signal: &str) {
    let sent = Command::new("kill").arg(signal).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

fn read_lines(stdout: &mut BufReader<ChildStdout>, lines: usize) -> String {
    let mut text = String::new();
    for _ in 0..lines {
        assert_ne!(stdout.read_line(&mut text).unwrap(), 0, "{text}");
    }
    text
}

fn end(mut child: Child, mut stdout: BufReader<ChildStdout>, mut text: String) -> Run {
    stdout.read_to_string(&mut text).unwrap();
    let mut run: Run = run_of(&mut child);
    run.stdout = text;
    run
}

fn run_of(child: &mut Child) -> Run {
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Run { code: child.wait().unwrap().code(), stdout: String::new(), stderr }
}

/// The lines of metrics.jsonl without times.
fn metrics(sandbox: &Sandbox) -> Vec<serde_json::Value> {
    let mut lines = json_lines(&sandbox.read("out/metrics.jsonl"));
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("seconds");
    }
    lines
}

#[test]
fn a_signal_saves_and_the_printed_command_goes_on() {
    let whole = Sandbox::with_digits(310, 120);
    let printed = whole.ok(LONG);
    for (signal, code, every) in [("-INT", 130, ""), ("-TERM", 143, " --checkpoint-every 7")] {
        let sandbox = Sandbox::with_digits(310, 120);
        let (child, mut stdout) = start(&sandbox, &format!("{LONG}{every}"));
        let text = read_lines(&mut stdout, 100);
        send(&child, signal);
        let stopped = end(child, stdout, text);
        assert_eq!(stopped.code, Some(code), "{stopped:?}");
        let (said, command) = stopped.stderr.trim_end().split_once("; to go on: ").unwrap();
        assert!(said.starts_with("stopped after step ") && said.ends_with(" of 3840"), "{said}");
        assert!(command.ends_with("--resume out/checkpoint.safetensors"), "{command}");
        let names = ["checkpoint.safetensors", "config.json", "metrics.jsonl"];
        assert_eq!(sandbox.names("out"), names, "no model of a run that was stopped");

        // As a person would: the line, typed into a shell.
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).current_dir(sandbox.path(".")).env_remove("MNIST_DATA");
        let rest = run(&mut shell);
        assert!(rest.stderr.starts_with("going on after step "), "{rest:?}");
        assert_eq!(stopped.stdout + &rest.ok(), printed);
        let model = |sandbox: &Sandbox| fs::read(sandbox.path("out/model.safetensors")).unwrap();
        assert_eq!(model(&sandbox), model(&whole));
        assert_eq!(metrics(&sandbox), metrics(&whole));
    }
}

#[test]
fn a_second_signal_ends_at_once() {
    for (first, second, code) in [("-INT", "-INT", 130), ("-INT", "-TERM", 143)] {
        let sandbox = Sandbox::with_digits(310, 120);
        let (mut child, mut stdout) = start(&sandbox, LONG);
        read_lines(&mut stdout, 100);
        // Wait until nobody's reading has stopped it: its step can't end, so the first signal waits.
        let mut size = u64::MAX;
        loop {
            std::thread::sleep(Duration::from_millis(300));
            let now = fs::metadata(sandbox.path("out/metrics.jsonl")).unwrap().len();
            if now == size {
                break;
            }
            size = now;
        }
        send(&child, first);
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none(), "it waits for its step");
        send(&child, second);
        let asked = Instant::now();
        let run = run_of(&mut child);
        assert_eq!((run.code, run.stderr.as_str()), (Some(code), ""));
        assert!(asked.elapsed() < Duration::from_secs(20));
        assert_eq!(sandbox.names("out"), ["config.json", "metrics.jsonl"]);
    }
}

#[test]
fn sigterm_while_loading_just_ends() {
    let sandbox = Sandbox::new();
    let (mut child, _stdout) = start(&sandbox, "train --dataset synthetic --out out");
    std::thread::sleep(Duration::from_millis(20));
    send(&child, "-TERM");
    let status = child.wait().unwrap();
    // Before the program has begun to watch, the system ends it; a shell calls both 143.
    assert!(status.code() == Some(143) || status.signal() == Some(15), "{status}");
}
