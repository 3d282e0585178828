//! `mnist train --checkpoint-every`, `--resume` and signals: a run that was stopped ends with the same
//! bytes, lines and metrics as one that was not.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;

use common::{Run, Sandbox, json_lines, run};
use kernels::Isa;
use serde_json::Value;

/// Four batches an epoch, the last ragged; all is reported.
const RUN: &str =
    "train --data data --validation 60 --batch-size 64 --log-every 1 --no-pictures --out out";

fn small() -> Sandbox {
    Sandbox::with_digits(310, 120)
}

/// The lines of metrics.jsonl without times and machine.
fn metrics(sandbox: &Sandbox, folder: &str) -> Vec<Value> {
    let mut lines = json_lines(&sandbox.read(&format!("{folder}/metrics.jsonl")));
    for line in &mut lines {
        let line = line.as_object_mut().unwrap();
        for key in ["seconds", "threads", "isa", "model"] {
            line.remove(key);
        }
    }
    lines
}

fn model(sandbox: &Sandbox, folder: &str) -> Vec<u8> {
    fs::read(sandbox.path(folder).join("model.safetensors")).unwrap()
}

#[test]
fn longer_runs_go_on_at_every_epoch_on_any_machine() {
    let sandbox = small();
    let whole = sandbox.ok(&format!("{RUN} --epochs 4 --checkpoint-every 1"));
    let (whole_model, whole_metrics) = (model(&sandbox, "out"), metrics(&sandbox, "out"));
    let checkpoint = fs::read(sandbox.path("out/checkpoint.safetensors")).unwrap();
    for isa in Isa::all() {
        for (epochs, threads) in [(1, 2), (2, 3), (3, 1)] {
            fs::remove_dir_all(sandbox.path("out")).unwrap();
            let begun = sandbox.ok(&format!("{RUN} --epochs {epochs} --checkpoint-every 5m"));
            let words = format!(
                "train --resume out/checkpoint.safetensors --data data --epochs 4 \
                 --threads {threads} --checkpoint-every 3 --no-pictures"
            );
            let mut command = sandbox.command(words.split_whitespace());
            let rest = run(command.env("MNIST_ISA", isa.name()));
            let step = 4 * epochs;
            assert_eq!(
                rest.stderr,
                format!("going on after step {step} of 16: out/checkpoint.safetensors\n")
            );
            assert!(whole.ends_with(&rest.ok()) && begun.lines().count() > 10);
            assert_eq!(model(&sandbox, "out"), whole_model);
            assert_eq!(fs::read(sandbox.path("out/checkpoint.safetensors")).unwrap(), checkpoint);
            assert_eq!(metrics(&sandbox, "out")[1..], whole_metrics[1..]);
        }
    }
    // A run that is over may be asked again, and elsewhere; its history goes with it.
    let again = sandbox.ok(
        "train --resume out/checkpoint.safetensors --data data --out other --quiet --no-pictures",
    );
    assert_eq!((again.as_str(), model(&sandbox, "other")), ("", whole_model));
    assert_eq!(metrics(&sandbox, "other")[1..], whole_metrics[1..]);
    assert_eq!(sandbox.names("other"), ["config.json", "metrics.jsonl", "model.safetensors"]);
}

#[test]
fn metrics_are_cut_back_to_the_checkpoint() {
    let sandbox = small();
    sandbox.ok(&format!("{RUN} --epochs 2 --checkpoint-every 1 --metrics copy.jsonl"));
    let (expected, expected_model) = (metrics(&sandbox, "out"), model(&sandbox, "out"));
    let path = sandbox.path("out/metrics.jsonl");
    let whole = fs::read(&path).unwrap();
    // A kill may leave anything behind the checkpoint's last line: nothing, a cut line, another run's.
    let kept: usize = {
        let lines = whole.split_inclusive(|&byte| byte == b'\n');
        lines
            .take_while(|line| !line.starts_with(br#"{"event":"epoch","epoch":2"#))
            .map(<[u8]>::len)
            .sum()
    };
    let tails: [&[u8]; 5] =
        [b"", b"{\"event\":\"ep", b"{\"event\":\"step\",\"step\":9}\n", b"\n\n", b"\xff\0"];
    for tail in tails {
        fs::write(&path, [&whole[..kept], tail].concat()).unwrap();
        sandbox.ok(
            "train --resume out/checkpoint.safetensors --data data --metrics copy.jsonl --quiet",
        );
        assert_eq!(metrics(&sandbox, "out"), expected);
        assert_eq!(sandbox.read("copy.jsonl"), sandbox.read("out/metrics.jsonl"));
        assert_eq!(model(&sandbox, "out"), expected_model);
    }
    fs::remove_file(&path).unwrap();
    sandbox.ok("train --resume out/checkpoint.safetensors --data data --quiet");
    assert_eq!(metrics(&sandbox, "out"), expected[expected.len() - 3..]);
}

/// Their folder stands in config.json; who has moved it says where it is.
#[test]
fn the_data_are_those_of_the_run() {
    let sandbox = small();
    let begin = format!("{RUN} --epochs 1 --checkpoint-every 5m");
    let resume = "train --resume out/checkpoint.safetensors --epochs 3 --no-pictures";
    let whole = sandbox.ok(&format!("{RUN} --epochs 3"));
    let expected = model(&sandbox, "out");
    common::write_digits(&sandbox.path("other"), 300, 100);
    let with = |words: &str, data: &str| {
        run(sandbox.command(words.split_whitespace()).env("MNIST_DATA", sandbox.path(data)))
    };
    let goes_on = |rest: Run| {
        assert!(whole.ends_with(&rest.ok()) && model(&sandbox, "out") == expected);
    };

    // Whatever is elsewhere.
    sandbox.ok(&begin);
    goes_on(with(resume, "other"));
    sandbox.ok(&begin);
    let others = format!("{resume} --dataset synthetic");
    sandbox.refused(&others, 6, &["its run is on other data"]);
    let metrics = format!("{resume} --metrics data/{}", idx::Role::TrainLabels.names()[0]);
    with(&metrics, "other").refused(2, &["is a file of the data"]);

    // They have moved.
    fs::rename(sandbox.path("data"), sandbox.path("moved")).unwrap();
    let what =
        "data: the run's data were there, and are no more; name the folder of the run's data";
    sandbox.refused(resume, 4, &[what]);
    goes_on(with(resume, "moved"));

    // A config.json that is damaged, or of another run, says nothing.
    for config in ["{", &sandbox.read("out/config.json")] {
        sandbox.ok(&begin.replace("--data data", "--data moved"));
        let other_run = config.replace("\"dataset_sha256\": \"", "\"dataset_sha256\": \"0");
        fs::write(sandbox.path("out/config.json"), other_run).unwrap();
        with(resume, "other").refused(6, &["its run is on other data"]);
        goes_on(with(resume, "moved"));
    }
}

#[test]
fn what_contradicts_the_checkpoint_is_refused() {
    let sandbox = small();
    sandbox.ok(&format!("{RUN} --epochs 2 --checkpoint-every 1"));
    let files = ["checkpoint.safetensors", "config.json", "metrics.jsonl", "model.safetensors"];
    let before: Vec<_> = files.map(|name| fs::read(sandbox.path("out").join(name)).unwrap()).into();
    let go_on = "train --resume out/checkpoint.safetensors --data data";
    for (words, part) in [
        ("--batch-size 32", "--batch-size 32 (it has 64)"),
        ("--learning-rate 0.002", "--learning-rate 0.002 (it has 0.001)"),
        ("--optimizer sgd", "--optimizer sgd (it has adam)"),
        ("--momentum 0.5", "--momentum 0.5 (it has none)"),
        ("--l2 0.1", "--l2 0.1 (it has 0)"),
        ("--init zeros", "--init zeros (it has truncated-normal)"),
        ("--init-std 0.1", "--init-std 0.1 (it has 0.01)"),
        ("--shuffle false", "--shuffle false (it has true)"),
        ("--seed 1", "--seed 1 (it has 0)"),
        ("--validation 61", "--validation 61 (it has 60)"),
        ("--classes 11", "--classes 11 (it has 10)"),
        ("--epochs 1", "--epochs 1 (it has 2, which may only grow)"),
    ] {
        sandbox.refused(
            &format!("{go_on} {words}"),
            2,
            &["out/checkpoint.safetensors: ", part, "; leave"],
        );
    }
    sandbox.refused(
        &format!("{go_on} --seed 1 --batch-size 1 --threads 2"),
        2,
        &["--batch-size 1 (it has 64), --seed 1 (it has 0); leave"],
    );
    // Other data: both hashes are named.
    common::write_digits(&sandbox.path("other"), 310, 121);
    let hash = |data: &str| {
        let text = sandbox.ok(&format!("inspect {data} --json"));
        let value: Value = serde_json::from_str(&text).unwrap();
        value["sha256"].as_str().unwrap().to_owned()
    };
    let hashes = [hash("data"), hash("other")];
    sandbox.refused(
        &go_on.replace("--data data", "--data other"),
        6,
        &["out/checkpoint.safetensors: its run is on other data", &hashes[0], &hashes[1]],
    );
    // Files that are none.
    for (name, bytes, code, part) in [
        ("cut", &before[0][..before[0].len() - 1], 3, "bytes, and its header asks for"),
        ("empty", &[], 3, "not a checkpoint"),
        ("model", &before[3][..], 3, "a saved model, not a checkpoint"),
    ] {
        fs::write(sandbox.path(name), bytes).unwrap();
        sandbox.refused(&format!("train --resume {name} --data data"), code, &[name, part]);
    }
    let mut flipped = before[0].clone();
    *flipped.last_mut().unwrap() ^= 1;
    fs::write(sandbox.path("flipped"), flipped).unwrap();
    sandbox.refused("train --resume flipped --data data", 6, &["flipped: ", "damaged", "SHA-256"]);
    sandbox.refused("train --resume none --data data", 4, &["none: cannot be opened"]);
    sandbox.refused("train --resume . --data data", 4, &[".: a folder, not a checkpoint"]);
    for words in ["0", "30h", "1.5s", "s"] {
        sandbox.run(&format!("train --checkpoint-every {words}")).usage("--checkpoint-every");
    }
    let after: Vec<_> = files.map(|name| fs::read(sandbox.path("out").join(name)).unwrap()).into();
    assert!(before == after, "a refusal touches nothing");

    // What changes no weight may differ, and what is the same may be said again.
    sandbox.ok(&format!("{go_on} --batch-size 64 --log-every 2 --threads 2 --json"));
    assert_eq!(model(&sandbox, "out"), before[3]);
}

#[test]
fn a_new_run_has_no_checkpoint_of_an_old_one() {
    let sandbox = small();
    sandbox.ok(&format!("{RUN} --epochs 1 --checkpoint-every 1 --quiet"));
    let temporary = sandbox.path("out/.checkpoint.safetensors.tmp.123.4");
    fs::write(&temporary, "of a writer that was killed").unwrap();
    sandbox.ok(&format!("{RUN} --epochs 1 --quiet"));
    assert_eq!(sandbox.names("out"), ["config.json", "metrics.jsonl", "model.safetensors"]);
}

#[test]
#[cfg(unix)]
fn a_save_that_fails_loses_nothing_else() {
    let sandbox = small();
    sandbox.ok(&format!("{RUN} --epochs 2 --quiet"));
    let expected = model(&sandbox, "out");
    // Files may have 40 or 80 KB, as the shell counts: enough for a model, not for a checkpoint.
    let program = env!("CARGO_BIN_EXE_mnist");
    let limited =
        format!("ulimit -f 80; exec '{program}' {RUN} --epochs 2 --checkpoint-every 3 --quiet");
    let mut command = sandbox.command(["-c", &limited]);
    let mut shell = std::process::Command::new("sh");
    shell.args(command.get_args()).current_dir(sandbox.path(".")).env_remove("MNIST_DATA");
    command = shell;
    let failed: Run = run(&mut command);
    assert_eq!((failed.code, failed.stdout.as_str()), (Some(4), ""), "{failed:?}");
    let lines: Vec<_> = failed.stderr.lines().collect();
    let [warning, error] = lines[..] else { panic!("{failed:?}") };
    for line in [warning, error] {
        assert!(line.contains("out/checkpoint.safetensors: cannot be written: File too large"));
    }
    assert!(warning.starts_with("warning: ") && warning.ends_with("; training goes on"));
    assert!(error.starts_with("error: ") && error.contains("; make room"), "{error}");
    assert_eq!(model(&sandbox, "out"), expected);
    assert_eq!(sandbox.names("out"), ["config.json", "metrics.jsonl", "model.safetensors"]);
}
