//! `--cache`: the same model with and without it, where it is kept, and what goes wrong with it.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;
use std::path::Path;

use common::{Run, Sandbox, json_lines, run};

const TRAIN: &str = "train --data data --validation 10 --batch-size 20 --epochs 2 --no-pictures";

/// Runs in the sandbox, with these folders of the user's.
fn with(sandbox: &Sandbox, words: &str, variables: &[(&str, &Path)]) -> Run {
    let mut command = sandbox.command(words.split_whitespace());
    command.env_remove("XDG_CACHE_HOME").env_remove("HOME").env_remove("LOCALAPPDATA");
    run(command.envs(variables.iter().copied()))
}

fn model(sandbox: &Sandbox, out: &str) -> Vec<u8> {
    fs::read(sandbox.path(out).join("model.safetensors")).unwrap()
}

#[test]
fn the_same_model_and_the_same_lines_with_and_without() {
    let sandbox = Sandbox::with_digits(60, 20);
    let home = sandbox.path("home");
    let there: [(&str, &Path); 1] = [("XDG_CACHE_HOME", &home)];
    let plain = with(&sandbox, &format!("{TRAIN} --out plain"), &there).ok();
    assert!(!home.exists(), "nothing is kept unless it is asked for");
    for out in ["written", "found"] {
        let printed = with(&sandbox, &format!("{TRAIN} --cache --out {out}"), &there);
        assert_eq!(printed.stderr, "");
        assert_eq!(printed.ok().replace(out, "plain"), plain);
        assert!(model(&sandbox, out) == model(&sandbox, "plain"), "{out}");
        let config = |out: &str| sandbox.read(&format!("{out}/config.json"));
        assert_eq!(config(out), config("plain"));
    }
    let [file] = &sandbox.names("home/mnist")[..] else { panic!("one file") };
    assert!(file.len() == 32 + 5 && file.ends_with(".pack"), "{file}");
    // Evaluation takes it too, and whatever is damaged is made anew.
    let words = "evaluate --model written/model.safetensors --data data";
    let expected = with(&sandbox, words, &there).ok();
    let path = home.join("mnist").join(file);
    let bytes = fs::read(&path).unwrap();
    for damaged in [&bytes[..bytes.len() - 1], &[0; 100], &bytes] {
        fs::write(&path, damaged).unwrap();
        let printed = with(&sandbox, &format!("{words} --cache"), &there);
        assert_eq!((printed.stderr.as_str(), &printed.stdout), ("", &expected));
        assert!(fs::read(&path).unwrap() == bytes);
    }
    assert_eq!(sandbox.names("data").len(), 4, "nothing stands beside the data");
}

#[test]
fn what_is_kept_can_be_inspected() {
    let sandbox = Sandbox::with_digits(60, 20);
    let home = sandbox.path("home");
    with(&sandbox, &format!("{TRAIN} --cache --out out"), &[("XDG_CACHE_HOME", &home)]).ok();
    let [file] = &sandbox.names("home/mnist")[..] else { panic!("one file") };
    let file = format!("home/mnist/{file}");
    let text = sandbox.ok(&format!("inspect {file}"));
    let expected = format!("{file}: a data set, not MNIST\nimages   60 to train on, 20 to test");
    assert!(text.starts_with(&expected), "{text}");
    // From the histograms on it is what is said of the folder.
    let drawn = |text: &str| text.split_once("\n\n").map(|(_, drawings)| drawings.to_owned());
    assert_eq!(drawn(&text), drawn(&sandbox.ok("inspect data")));
    let facts = |path: &str| json_lines(&sandbox.ok(&format!("inspect --json {path}"))).remove(0);
    let (kept, folder) = (facts(&file), facts("data"));
    assert_eq!((&kept["kind"], &folder["kind"]), (&"kept".into(), &"dataset".into()));
    for fact in ["/sha256", "/image", "/train/labels", "/test/count"] {
        assert_eq!(kept.pointer(fact), folder.pointer(fact), "{fact}");
        assert!(kept.pointer(fact).is_some(), "{fact}");
    }

    let refused = |bytes: &[u8]| {
        fs::write(sandbox.path(&file), bytes).unwrap();
        let parts = [&*file, "damaged or of another version", "; delete the file"];
        sandbox.refused(&format!("inspect {file}"), 3, &parts);
    };
    let bytes = fs::read(sandbox.path(&file)).unwrap();
    refused(&bytes[..bytes.len() - 1]);
    refused(&bytes[..8]);
    for at in [8, 12, 16, 40, 100, bytes.len() / 2, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        refused(&flipped);
    }
    sandbox.refused(&format!("predict --model out/model.safetensors {file}"), 3, &["keeps"]);
}

#[test]
fn a_resumed_run_takes_it() {
    let sandbox = Sandbox::with_digits(60, 20);
    let home = sandbox.path("home");
    let words = format!("{TRAIN} --cache --checkpoint-every 3 --out out");
    with(&sandbox, &words, &[("HOME", &home)]).ok();
    let words = format!("{TRAIN} --cache --epochs 3 --resume out/checkpoint.safetensors");
    with(&sandbox, &words.replace("--epochs 2 ", ""), &[("HOME", &home)]).ok();
    assert_eq!(sandbox.names("home/.cache/mnist").len(), 1);
}

#[test]
fn without_a_home_it_stands_beside_the_run() {
    let sandbox = Sandbox::with_digits(60, 20);
    with(&sandbox, &format!("{TRAIN} --cache --out runs/one"), &[]).ok();
    assert_eq!(sandbox.names("runs"), [".mnist-cache", "one"]);
    // Never among the data; and evaluation has no folder of a run.
    let inside = format!("{TRAIN} --cache --out data/one");
    let model = "runs/one/model.safetensors";
    for words in [&inside, &format!("evaluate --cache --data data --model {model}")] {
        let printed = with(&sandbox, words, &[]);
        let note = "note: the data are not kept: there is no folder for it; set XDG_CACHE_HOME\n";
        assert_eq!(printed.stderr, note);
        printed.ok();
    }
    assert!(!sandbox.path("data/.mnist-cache").exists());
}

#[test]
fn a_folder_that_cannot_be_written_is_a_notice_and_no_error() {
    let sandbox = Sandbox::with_digits(60, 20);
    let home = sandbox.path("home");
    fs::write(&home, "a file where a folder should be").unwrap();
    let words = format!("{TRAIN} --cache --out out");
    let printed = with(&sandbox, &words, &[("XDG_CACHE_HOME", &home)]);
    assert!(printed.stderr.starts_with("note: the data are not kept: "), "{}", printed.stderr);
    assert!(printed.stderr.contains("cannot be written"), "{}", printed.stderr);
    assert_eq!((printed.stderr.lines().count(), printed.code), (1, Some(0)));
    let quiet = with(&sandbox, &format!("{words} --quiet"), &[("XDG_CACHE_HOME", &home)]);
    assert_eq!((quiet.stderr.as_str(), quiet.code), ("", Some(0)));
    // What is wrong with the data is told of as ever.
    fs::remove_file(sandbox.path("data/t10k-labels-idx1-ubyte")).unwrap();
    let refused = with(&sandbox, &words, &[("XDG_CACHE_HOME", &home)]);
    refused.refused(4, &["data: no test labels"]);
}
