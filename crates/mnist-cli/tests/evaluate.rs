//! `mnist evaluate`: the same numbers as training reported, as a table and as JSON.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;

use common::{Run, Sandbox, json_lines, put, run};
use kernels::Isa;
use serde_json::Value;

const PRINTED: &str = "\
120 test images: loss 0.8912, accuracy 67.50% (95% interval 58.69 to 75.22)

class  precision  recall     f1  images
0         100.0%   70.0%  82.4%      10
1          76.9%   90.9%  83.3%      11
2          31.6%   75.0%  44.4%       8
3          66.7%   57.1%  61.5%      14
4          73.3%   68.8%  71.0%      16
5          63.6%   58.3%  60.9%      12
6          83.3%   55.6%  66.7%       9
7         100.0%   78.6%  88.0%      14
8          66.7%   53.3%  59.3%      15
9          57.1%   72.7%  64.0%      11

most often 8 taken for 2: 5, 4 taken for 9: 4, 3 taken for 5: 3, 9 taken for 4: 3, 0 taken for 2: 2
";

/// A model trained on 250 digits.
fn trained() -> Sandbox {
    let sandbox = Sandbox::with_digits(310, 120);
    sandbox
        .ok("train --data data --validation 60 --batch-size 50 --epochs 3 --learning-rate 0.01 \
                --out out --quiet");
    sandbox
}

fn evaluate(sandbox: &Sandbox, more: &str) -> Run {
    sandbox.run(&format!("evaluate --model out/model.safetensors --data data {more}"))
}

fn as_json(sandbox: &Sandbox, split: &str) -> Value {
    let out = evaluate(sandbox, &format!("--split {split} --json")).ok();
    assert_eq!(out.lines().count(), 1, "{out}");
    serde_json::from_str(&out).unwrap()
}

fn run_with(sandbox: &Sandbox, variable: &str, value: &str, words: &str) -> Run {
    run(sandbox.command(words.split_whitespace()).env(variable, value))
}

#[test]
fn a_split_of_no_images() {
    let sandbox = Sandbox::with_digits(100, 50);
    sandbox.ok("train --data data --validation 0 --epochs 1 --out out --no-pictures --quiet");
    let none = ["there are no validation images", "kept 0 for validation", "name another --split"];
    sandbox.refused("evaluate --model out/model.safetensors --split validation", 2, &none);
    sandbox.refused("explain --model out/model.safetensors --split validation --worst", 2, &none);
}

#[test]
fn a_table_for_people() {
    let run = evaluate(&trained(), "");
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.stdout, PRINTED);
}

#[test]
fn json_for_programs() {
    let sandbox = trained();
    let metrics = json_lines(&sandbox.read("out/metrics.jsonl"));
    let [.., epoch, test, _] = &metrics[..] else { panic!("{metrics:?}") };
    let reported = [
        ("test", "test", &test["all"]),
        ("validation", "validation", &epoch["validation_all"]),
        ("train", "training", &Value::Null),
    ];
    for (split, name, reported) in reported {
        let found = as_json(&sandbox, split);
        let keys: Vec<_> = found.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["accuracy", "classes", "count", "data", "interval95", "loss", "split"]);
        assert_eq!(found["data"]["sha256"], metrics[0]["dataset"]["sha256"]);
        assert_eq!(found["split"], name);
        if reported.is_object() {
            for key in ["count", "loss", "accuracy"] {
                assert_eq!(found[key], reported[key], "{key} of {split}");
            }
        } else {
            assert_eq!(found["count"], 250);
        }
        let number = |value: &Value| value.as_f64().unwrap();
        let (low, high) = (number(&found["interval95"][0]), number(&found["interval95"][1]));
        let accuracy = number(&found["accuracy"]);
        assert!(0.0 < low && low < accuracy && accuracy < high && high < 1.0, "{found}");

        let classes = found["classes"].as_array().unwrap();
        assert_eq!(classes.len(), 10);
        let (mut count, mut right) = (0, 0);
        for (i, class) in classes.iter().enumerate() {
            let keys: Vec<_> = class.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, ["class", "f1", "precision", "predicted", "recall", "support"]);
            assert_eq!(class["class"], i.to_string());
            let row: Vec<u64> = class["predicted"]
                .as_array()
                .unwrap()
                .iter()
                .map(|n| n.as_u64().unwrap())
                .collect();
            assert_eq!(
                (row.len(), row.iter().sum::<u64>()),
                (10, class["support"].as_u64().unwrap())
            );
            let recall = row[i] as f64 / class["support"].as_f64().unwrap();
            assert!((number(&class["recall"]) - recall).abs() < 1e-12, "{class}");
            (count, right) = (count + row.iter().sum::<u64>(), right + row[i]);
        }
        assert_eq!(found["count"], count);
        assert!((accuracy - right as f64 / count as f64).abs() < 1e-12);
    }
}

#[test]
fn threads_and_instructions_change_nothing() {
    let sandbox = trained();
    for isa in Isa::all() {
        for threads in 1..=3 {
            let words =
                format!("evaluate --model out/model.safetensors --data data --threads {threads}");
            let found = run(sandbox.command(words.split(' ')).env("MNIST_ISA", isa.name())).ok();
            assert_eq!(found, PRINTED, "{isa:?}, {threads} threads");
        }
    }
    assert_eq!(sandbox.names("."), ["data", "out"], "nothing is written");
}

#[test]
fn models_that_are_none() {
    let sandbox = trained();
    let refused = |model: &str, code, part: &str| {
        sandbox.refused(&format!("evaluate --data data --model {model}"), code, &[model, part]);
    };
    refused("none.safetensors", 4, "No such file");
    refused("out", 4, "a folder, not a model file; name the model.safetensors in it");
    refused("out/config.json", 3, "a JSON text; what is read here is the model.safetensors");
    refused("data/t10k-labels-idx1-ubyte", 3, "an IDX file");
    let model = fs::read(sandbox.path("out/model.safetensors")).unwrap();
    fs::write(sandbox.path("cut"), &model[..model.len() - 1]).unwrap();
    refused("cut", 3, "not a model file");
    let mut broken = model;
    let last = broken.len() - 4;
    broken[last..].copy_from_slice(&f32::NAN.to_le_bytes());
    fs::write(sandbox.path("nan"), broken).unwrap();
    refused("nan", 3, "number 7839 is infinite or not a number");
    run(&mut sandbox.command(["evaluate", "--data", "data", "--model", "a\u{1b}[31m\nb"]))
        .refused(4, &[r"a\u{1b}[31m\nb: "]);
    run(&mut sandbox.command(["evaluate", "--data", "data", "--model", "a\u{202e}b\u{2066}"]))
        .refused(4, &[r"a\u{202e}b\u{2066}: "]);
    sandbox.run("evaluate --data data").usage("--model <FILE>");
    sandbox.run("evaluate --model m --split half").usage("half");
}

#[test]
fn data_that_do_not_fit_the_model() {
    let sandbox = trained();
    fs::create_dir(sandbox.path("other")).unwrap();
    for (kind, n) in [("train", 3), ("t10k", 2)] {
        let path = |what: &str| sandbox.path(format!("other/{kind}-{what}"));
        put(&path("images-idx3-ubyte"), &[n, 2, 2], vec![7; 4 * n]);
        put(&path("labels-idx1-ubyte"), &[n], vec![1; n]);
    }
    let model = "evaluate --model out/model.safetensors --data";
    sandbox.refused(&format!("{model} other"), 3, &["784 features", "have 4", "; "]);
    put(&sandbox.path("data/t10k-labels-idx1-ubyte"), &[120], vec![11; 120]);
    sandbox.refused(
        &format!("{model} data"),
        3,
        &["t10k-labels-idx1-ubyte", "label 11 at index 0"],
    );
    sandbox.refused(&format!("{model} none"), 4, &["none: cannot be opened", "; "]);

    let sandbox = Sandbox::with_digits(100, 20);
    sandbox.ok("train --data data --validation 0 --epochs 1 --out out");
    sandbox.refused(&format!("{model} data --split validation"), 2, &["no validation images"]);
}

#[test]
fn a_name_from_a_file_moves_no_cursor() {
    let sandbox = trained();
    common::write_digits(&sandbox.path("other"), 300, 100);
    let names: Vec<String> = (0..10).map(|class| class.to_string()).collect();
    let named = serde_json::json!({ "name": "a\u{1b}[31m\u{202e}b", "classes": names });
    fs::write(sandbox.path("other/dataset.json"), named.to_string()).unwrap();
    let run = sandbox.run("evaluate --model out/model.safetensors --data other");
    let note = "note: the model was trained on other data, and these images are from a";
    assert!(run.stderr.starts_with(note), "{run:?}");
    assert!(!run.stderr.contains(['\u{1b}', '\u{202e}']), "{run:?}");
}

#[test]
fn without_data_they_are_the_runs_own() {
    let sandbox = trained();
    let run = sandbox.run("evaluate --model out/model.safetensors");
    assert_eq!((run.stdout.as_str(), run.stderr.as_str()), (PRINTED, ""));
    // A folder of another run is none of the model's; nor is one whose data have gone.
    sandbox.ok("train --dataset synthetic --epochs 1 --no-pictures --quiet --out other");
    let model = "evaluate --model other/model.safetensors";
    assert!(sandbox.ok(model).starts_with("10000 synthetic test images: "));
    fs::copy(sandbox.path("other/config.json"), sandbox.path("out/config.json")).unwrap();
    let run = sandbox.run("evaluate --model out/model.safetensors");
    assert!(run.stdout.starts_with("10000 synthetic test images: "), "{run:?}");
    let sandbox = trained();
    fs::rename(sandbox.path("data"), sandbox.path("moved")).unwrap();
    let gone = ["data: the run's data were there, and are no more", "--data"];
    sandbox.refused("evaluate --model out/model.safetensors", 4, &gone);
    sandbox.refused("explain --model out/model.safetensors --worst", 4, &gone);
    sandbox.refused("report out/model.safetensors", 4, &gone);
    let named = run_with(&sandbox, "MNIST_DATA", "moved", "evaluate --model out/model.safetensors");
    assert_eq!(named.stdout, PRINTED);
}

#[test]
fn without_data_and_run_the_digits_are_synthetic() {
    let sandbox = trained();
    fs::remove_file(sandbox.path("out/config.json")).unwrap();
    let run = sandbox.run("evaluate --model out/model.safetensors");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.stdout.starts_with("10000 synthetic test images: loss "), "{}", run.stdout);
    let notes: Vec<_> = run.stderr.lines().map(|line| line.starts_with("note: ")).collect();
    assert_eq!(notes, [true, true], "one for the lack of files, one for a model of other data");
}

/// A count for each pair of so many classes would take 34 GB.
#[test]
fn as_many_classes_as_there_can_be() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("data")).unwrap();
    for (images, labels, n) in [
        ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", 30),
        ("t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte", 20),
    ] {
        let pixels = (0..n * 4).map(|i| (i % 4 * 60 + i / 4 % 3) as u8).collect();
        put(&sandbox.path("data").join(images), &[n, 2, 2], pixels);
        put(&sandbox.path("data").join(labels), &[n], (0..n).map(|i| (i % 3) as u8).collect());
    }
    sandbox.ok("train --data data --classes 65536 --validation 9 --batch-size 9 --epochs 1 \
                --out out --quiet --no-pictures");
    let table = evaluate(&sandbox, "").ok();
    assert!(table.lines().count() > 65_536, "a line for each class");
    let found: Value = serde_json::from_str(&evaluate(&sandbox, "--json").ok()).unwrap();
    let classes = found["classes"].as_array().unwrap();
    assert_eq!(classes.len(), 65_536);
    for (label, class) in classes.iter().enumerate() {
        assert!(class["predicted"].is_null());
        let pairs = class["predicted_pairs"].as_array().unwrap();
        let count: u64 = pairs.iter().map(|pair| pair[1].as_u64().unwrap()).sum();
        assert_eq!(count, [7, 7, 6].get(label).copied().unwrap_or(0), "{label}");
    }
}
