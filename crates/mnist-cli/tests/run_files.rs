//! A run's own files, damaged and forged: config.json and metrics.jsonl, as `report` and `watch`
//! read them.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use common::{Run, Sandbox, write_digits};
use serde_json::{Value, json};

const TRAIN: &str =
    "train --validation 50 --epochs 2 --batch-size 20 --quiet --no-pictures --out run";
const BOTH: [&str; 2] = ["report run", "watch run --at 1"];

/// A run on `data`.
fn trained() -> Sandbox {
    let sandbox = Sandbox::with_digits(250, 60);
    sandbox.ok(&format!("{TRAIN} --data data"));
    sandbox
}

/// Runs the program and ends it where it hangs.
#[track_caller]
fn soon(sandbox: &Sandbox, words: &str) -> Run {
    let mut command = sandbox.command(words.split_whitespace());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{words}: hangs");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.wait_with_output().unwrap().into()
}

/// Changes a run's config.json.
fn edit(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let mut file = serde_json::from_str(&sandbox.read("run/config.json")).unwrap();
    change(&mut file);
    fs::write(sandbox.path("run/config.json"), file.to_string()).unwrap();
}

#[test]
fn a_damaged_history_names_file_line_and_fault() {
    let sandbox = trained();
    let path = sandbox.path("run/metrics.jsonl");
    let valid = sandbox.read("run/metrics.jsonl");
    // The test; behind it stands where the model is.
    let last = valid.lines().count() - 1;
    for (from, to, line, part) in [
        (r#""validation_all":{"count":50"#, r#""validation_all":{"count":0"#, 3, "count is 0"),
        (r#""validation":{"count":50"#, r#""validation":{"count":9999999999"#, 3, "not 1 to 2^32"),
        (
            r#"{"event":"epoch","epoch":1"#,
            r#"{"event":"epoch","epoch":18446744073709551615"#,
            3,
            "epoch is",
        ),
        (r#""step":1,"#, r#""step":18446744073709551615,"#, 2, "step is"),
        (r#""all":{"count":60"#, r#""all":{"count":0"#, last, "all.count is 0"),
        (r#""seconds":"#, r#""seconds":-"#, 3, "seconds is -"),
        (r#""event":"step""#, r#""event":"stop""#, 2, "stop"),
        (r#""loss_after":"#, r#""loss_after":1e39,"x":"#, 2, "loss_after is 1e39"),
    ] {
        assert!(valid.contains(from), "{from} in {valid}");
        fs::write(&path, valid.replacen(from, to, 1)).unwrap();
        let place = format!("run/metrics.jsonl: line {line} is ");
        soon(&sandbox, "report run")
            .refused(3, &[&place, part, "; put back the file that `mnist train` wrote"]);
    }
    // Epochs that a run can have, and this one has not: drawn as they are told of.
    let far = valid.replacen(r#""epoch","epoch":2"#, r#""epoch","epoch":9007199254740992"#, 1);
    assert_ne!(far, valid);
    fs::write(&path, far).unwrap();
    soon(&sandbox, "report run").ok();
    fs::write(&path, valid).unwrap();
    sandbox.ok("report run");
}

#[cfg(unix)]
#[test]
fn what_is_no_file() {
    let sandbox = trained();
    for name in ["config.json", "metrics.jsonl"] {
        let (path, away) = (sandbox.path("run").join(name), sandbox.path("away"));
        fs::rename(&path, &away).unwrap();
        let whose = if name == "config.json" { &BOTH[..] } else { &BOTH[..1] };
        for kind in ["a pipe or a device", "a folder"] {
            if kind == "a folder" {
                fs::create_dir(&path).unwrap();
            } else {
                let made = std::process::Command::new("mkfifo").arg(&path).status();
                if !made.is_ok_and(|status| status.success()) {
                    eprintln!("skipped: there is no mkfifo");
                    continue;
                }
            }
            for words in whose {
                let part = format!("run/{name}: is {kind}, expected a file");
                soon(&sandbox, words).refused(4, &[&part]);
            }
            if kind == "a folder" {
                fs::remove_dir(&path).unwrap();
            } else {
                fs::remove_file(&path).unwrap();
            }
        }
        fs::rename(&away, &path).unwrap();
    }
    BOTH.iter().for_each(|words| drop(sandbox.ok(words)));
}

#[test]
fn files_without_end() {
    let sandbox = trained();
    let whole = ["config.json", "metrics.jsonl"].map(|name| sandbox.read(&format!("run/{name}")));
    // Sparse: as large as a disk, and they take no room.
    let sparse = |name: &str, text: &str, bytes: u64| {
        let path = sandbox.path("run").join(name);
        fs::write(&path, text).unwrap();
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes).unwrap();
    };
    sparse("metrics.jsonl", &whole[1], 1 << 40);
    let part = "run/metrics.jsonl: has more than 4294967296 bytes";
    soon(&sandbox, "report run").refused(3, &[part]);
    sparse("metrics.jsonl", &whole[1], 1 << 30);
    let line = whole[1].lines().count() + 1;
    let part = format!("run/metrics.jsonl: line {line} is longer than 16777216 bytes");
    soon(&sandbox, "report run").refused(3, &[&part]);
    sparse("metrics.jsonl", &whole[1], whole[1].len() as u64);
    sparse("config.json", &whole[0], 1 << 40);
    for words in BOTH {
        soon(&sandbox, words).refused(3, &["run/config.json: has more than 16777216 bytes"]);
    }
}

#[test]
fn settings_of_another_run() {
    let sandbox = trained();
    let valid = sandbox.read("run/config.json");
    let refused = |part: &str, whose: &[&str], change: &dyn Fn(&mut Value)| {
        edit(&sandbox, change);
        for words in whose {
            let place = "run/config.json: not the settings of a run: ";
            soon(&sandbox, words).refused(3, &[place, part, "; name the folder of a run"]);
        }
        fs::write(sandbox.path("run/config.json"), &valid).unwrap();
    };
    refused("epochs must be", &BOTH, &|file| file["config"]["epochs"] = 0.into());
    refused("batch-size must be", &BOTH, &|file| file["config"]["batch_size"] = 0.into());
    refused("batch-size must be", &BOTH, &|file| file["config"]["batch_size"] = u64::MAX.into());
    refused("validation must be", &BOTH, &|file| file["config"]["validation"] = u64::MAX.into());
    refused("neither a folder", &BOTH, &|file| file["data"] = json!({ "built_in": "mnist" }));
    refused("missing field", &BOTH, &|file| drop(file.as_object_mut().unwrap().remove("machine")));
    refused("names 65536 classes", &BOTH[1..], &|file| file["classes"] = vec![""; 65_536].into());
    // More epochs than anybody can wait for; no line of metrics.jsonl says that they were trained.
    edit(&sandbox, |file| file["config"]["epochs"] = u32::MAX.into());
    soon(&sandbox, "report run").ok();
    let page = sandbox.read("run/report.html");
    assert!(page.contains("do not have the same number of epochs"), "no word of what is left out");
    soon(&sandbox, "watch run --at 1").ok();
}

#[test]
fn a_folder_called_synthetic() {
    let sandbox = Sandbox::new();
    write_digits(&sandbox.path("synthetic"), 250, 61);
    sandbox.ok(&format!("{TRAIN} --data synthetic"));
    let with_name = |name: &str| format!("report {name} --out {name}.html");
    let count = |page: &str| sandbox.read(page).matches("Test, all 61 images").count();
    assert_eq!(sandbox.run(&with_name("run")).stderr, "");
    assert_eq!(count("run.html"), 1, "it is a report on other images");
    // From another folder it is the same data.
    fs::create_dir(sandbox.path("elsewhere")).unwrap();
    for words in ["report ../run --out ../elsewhere.html", "watch ../run --at 1"] {
        let mut command = sandbox.command(words.split(' '));
        common::run(command.current_dir(sandbox.path("elsewhere"))).ok();
    }
    assert!(sandbox.read("elsewhere.html") == sandbox.read("run.html"));
    // As earlier versions wrote it, the text means the digits of the program, which are not the run's.
    edit(&sandbox, |file| file["data"] = "synthetic".into());
    for words in BOTH {
        let part = "run: the run was trained on data with another SHA-256 than the built-in digits";
        soon(&sandbox, words)
            .refused(6, &[part, "; name the folder of the run's data with --data"]);
    }
    edit(&sandbox, |file| file["data"] = "./synthetic".into());
    BOTH.iter().for_each(|words| drop(sandbox.ok(words)));
}

#[test]
fn other_data_in_the_same_folder() {
    let sandbox = trained();
    write_digits(&sandbox.path("data"), 250, 61);
    for words in BOTH {
        let parts =
            ["run: the run was trained on data with another SHA-256 than ", "data; name the"];
        soon(&sandbox, words).refused(6, &parts);
    }
    assert!(!sandbox.path("run/report.html").exists(), "no report of the wrong images");
    // Who names data may see the model on others; the report says what it lacks.
    let told = sandbox.run("report run --data data");
    assert!(told.stderr.starts_with("note: the model was trained on other data"), "{told:?}");
}
