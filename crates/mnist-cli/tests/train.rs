//! `mnist train`: what it prints, what it writes, and that machine and manner change no bit of it.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use common::{Sandbox, json_lines, mnist, run};
use kernels::Isa;
use model::Model;
use serde_json::Value;

/// The smallest run with everything in it: 4 batches an epoch, the last ragged.
const SMALL: &str = "train --data data --validation 60 --batch-size 64 --epochs 2";
/// The run whose print is known.
const GOLDEN: &str = "train --data data --validation 60 --batch-size 64 --epochs 2 \
                      --learning-rate 0.01 --log-every 3 --out out";

/// What `GOLDEN` prints: the tutorial's lines and, under them, ours.
const PRINTED: &str = "\
Size of:\n\
- Training-set:\t\t250\n\
- Validation-set:\t60\n\
x_train:\t(250, 784)\n\
y_train:\t(250, 10)\n\
x_valid:\t(60, 784)\n\
y_valid:\t(60, 10)\n\
array([[ 0.,  0.,  0.,  0.,  1.,  0.,  0.,  0.,  0.,  0.],\n\
\x20      [ 0.,  0.,  0.,  0.,  1.,  0.,  0.,  0.,  0.,  0.],\n\
\x20      [ 0.,  0.,  0.,  0.,  1.,  0.,  0.,  0.,  0.,  0.],\n\
\x20      [ 0.,  0.,  0.,  1.,  0.,  0.,  0.,  0.,  0.,  0.],\n\
\x20      [ 0.,  1.,  0.,  0.,  0.,  0.,  0.,  0.,  0.,  0.]])\n\
Training epoch: 1\n\
iter   0:\t Loss=1.77,\tTraining Accuracy=42.2%\n\
iter   3:\t Loss=1.32,\tTraining Accuracy=65.5%\n\
---------------------------------------------------------\n\
Epoch: 1, validation loss: 1.42, validation accuracy: 58.3%\n\
all 60 validation images: loss: 1.416, accuracy: 58.33% (95%: 45.73 to 69.94)\n\
---------------------------------------------------------\n\
Training epoch: 2\n\
iter   0:\t Loss=1.05,\tTraining Accuracy=81.2%\n\
iter   3:\t Loss=0.84,\tTraining Accuracy=79.3%\n\
---------------------------------------------------------\n\
Epoch: 2, validation loss: 0.98, validation accuracy: 76.7%\n\
all 60 validation images: loss: 0.975, accuracy: 76.67% (95%: 64.56 to 85.56)\n\
---------------------------------------------------------\n\
---------------------------------------------------------\n\
Test loss: 1.10, test accuracy: 65.0%\n\
all 120 test images: loss: 1.098, accuracy: 65.00% (95%: 56.12 to 72.95)\n\
---------------------------------------------------------\n\
most often 4 taken for 9: 6, 3 taken for 5: 5, 8 taken for 2: 5, 7 taken for 9: 3, 1 taken for 8: 2\n\
weights sha256 30b6190bea67d862d68af56aa38f2a75ccaf75c46f979e21fcedf80e2f5f0e55\n\
model out/model.safetensors (unnamed data, seed 0)\n\
pictures correct.png misclassified.png learning_curves.png weights.png confusion.png reliability.png \
classes.png\n\
report out/report.html\n\
";

/// The pictures of a run and its report, sorted.
const PICTURES: [&str; 8] = [
    "classes.png",
    "confusion.png",
    "correct.png",
    "learning_curves.png",
    "misclassified.png",
    "reliability.png",
    "report.html",
    "weights.png",
];

fn small() -> Sandbox {
    Sandbox::with_digits(310, 120)
}

#[test]
fn the_tutorials_lines() {
    let run = small().run(GOLDEN);
    assert_eq!((run.code, run.stderr.as_str()), (Some(0), ""));
    assert_eq!(run.stdout, PRINTED);
    // Not a terminal: neither colours nor bars, whatever the environment says.
    let sandbox = small();
    let mut command = sandbox.command(GOLDEN.split_whitespace());
    command.env("TERM", "xterm-256color").env("COLUMNS", "20").env("CLICOLOR_FORCE", "1");
    command.env_remove("HOME");
    assert_eq!(common::run(&mut command).ok(), PRINTED);
}

/// Fails where `object` has other keys, or other types, than `form` with its words `key:type`.
#[track_caller]
fn check_form(object: &Value, form: &str) {
    let keys: BTreeSet<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
    let form: BTreeMap<&str, &str> =
        form.split_whitespace().map(|word| word.split_once(':').unwrap()).collect();
    assert!(keys.iter().eq(form.keys()), "{object}");
    for (key, form) in form {
        let value = &object[key];
        let number = value.as_f64().unwrap_or(f64::NAN);
        let fits = match form {
            "count" => value.is_u64(),
            "number" => value.is_f64(),
            "fraction" => (0.0..=1.0).contains(&number),
            "seconds" => (0.0..600.0).contains(&number),
            "text" => value.is_string(),
            "flag" => value.is_boolean(),
            "null" => value.is_null(),
            "list" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("no form is called {other}"),
        };
        assert!(fits, "{key} of {object} is no {form}");
    }
}

#[test]
fn metrics_have_the_promised_form() {
    let sandbox = Sandbox::with_digits(1_400, 1_100);
    let printed = sandbox
        .ok("train --data data --validation 1200 --epochs 2 --log-every 1 --threads 2 --out out");
    let text = sandbox.read("out/metrics.jsonl");
    let step = r#"{"event":"step","epoch":1,"iteration":0,"step":1,"loss":"#;
    assert!(text.lines().nth(1).unwrap().starts_with(step), "keys in the promised order");
    let lines = json_lines(&text);
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!(
        events,
        ["start", "step", "step", "epoch", "step", "step", "epoch", "test", "saved"]
    );

    let start = &lines[0];
    check_form(start, "event:text config:object dataset:object isa:text threads:count");
    assert_eq!((&start["isa"], &start["threads"]), (&Isa::detect().name().into(), &2.into()));
    check_form(
        &start["config"],
        "epochs:count batch_size:count learning_rate:number optimizer:object l2:number init:object \
         shuffle:flag seed:count validation:count log_every:count",
    );
    let dataset = "name:null sha256:text train:count test:count classes:list";
    check_form(&start["dataset"], dataset);

    for (line, step) in [(1, 1), (2, 2), (4, 3), (5, 4)] {
        let line = &lines[line];
        check_form(
            line,
            "event:text epoch:count iteration:count step:count loss:number accuracy:fraction \
             loss_after:number accuracy_after:fraction",
        );
        let place =
            [&line["step"], &line["epoch"], &line["iteration"]].map(|x| x.as_u64().unwrap());
        assert_eq!(place, [step, 1 + (step - 1) / 2, (step - 1) % 2]);
        assert!(line["loss_after"].as_f64() < line["loss"].as_f64(), "{line}");
    }

    let check_set = |set: &Value, count: u64| {
        check_form(set, "count:count loss:number accuracy:fraction");
        assert_eq!(set["count"], count);
    };
    for (line, epoch) in [(3, 1), (6, 2)] {
        let line = &lines[line];
        let form = "event:text epoch:count validation:object validation_all:object seconds:seconds";
        check_form(line, form);
        assert_eq!(line["epoch"], epoch);
        check_set(&line["validation"], 1_000);
        check_set(&line["validation_all"], 1_200);
    }
    check_form(&lines[7], "event:text first:object all:object seconds:seconds");
    check_set(&lines[7]["first"], 1_000);
    check_set(&lines[7]["all"], 1_100);
    check_form(&lines[8], "event:text model:text weights_sha256:text");
    assert_eq!(lines[8]["model"], "out/model.safetensors");
    let hash = format!("weights sha256 {}\n", lines[8]["weights_sha256"].as_str().unwrap());
    assert!(printed.contains(&hash), "no {hash} in {printed}");

    // The tutorial's lines are about the first 1,000, ours about all.
    let score = |set: &Value| ["loss", "accuracy"].map(|key| set[key].as_f64().unwrap());
    let ([loss, accuracy], [_, of_all]) = (score(&lines[7]["first"]), score(&lines[7]["all"]));
    assert_ne!(accuracy, of_all);
    let first = format!("Test loss: {loss:.2}, test accuracy: {:.1}%\n", 100.0 * accuracy);
    assert!(printed.contains(&first), "no {first} in {printed}");
    let all = format!(", accuracy: {:.2}% (95%: ", 100.0 * of_all);
    assert!(printed.contains(&all), "no {all} in {printed}");
}

#[test]
fn what_is_written() {
    let sandbox = small();
    sandbox.ok(&format!("{SMALL} --out deep/er/out --seed 7"));
    let files = ["config.json", "metrics.jsonl", "model.safetensors"];
    let with = |more: &[&'static str]| -> Vec<&'static str> {
        let mut names = [&files[..], more].concat();
        names.sort_unstable();
        names
    };
    assert_eq!(sandbox.names("deep/er/out"), with(&PICTURES));
    assert_eq!(sandbox.names("."), ["data", "deep"]);
    assert_eq!(sandbox.names("data").len(), 4, "nothing beside the data");
    let config: Value = serde_json::from_str(&sandbox.read("deep/er/out/config.json")).unwrap();
    let keys: Vec<_> = config.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = ["classes", "config", "data", "dataset_sha256", "machine", "version"];
    assert_eq!(keys, expected);
    let start = &json_lines(&sandbox.read("deep/er/out/metrics.jsonl"))[0];
    assert_eq!(config["config"], start["config"]);
    let folder = fs::canonicalize(sandbox.path("data")).unwrap();
    let written = config["data"]["folder"].as_str().unwrap();
    assert!(Path::new(written).is_absolute(), "{written}");
    assert_eq!(fs::canonicalize(written).unwrap(), folder);
    let model = Model::read(&sandbox.path("deep/er/out/model.safetensors")).unwrap();
    assert_eq!((model.parameters.features(), model.parameters.classes()), (784, 10));
    assert_eq!(start["dataset"]["sha256"], model.metadata.dataset_sha256);
    assert_eq!(model.metadata.config["seed"], 7);

    // Files that are there are replaced, others stay.
    fs::write(sandbox.path("deep/er/out/mine.txt"), "mine").unwrap();
    sandbox.ok(&format!("{SMALL} --out deep/er/out --seed 8"));
    let again = Model::read(&sandbox.path("deep/er/out/model.safetensors")).unwrap();
    assert_ne!(again, model);
    assert_eq!(sandbox.names("deep/er/out"), with(&[&PICTURES[..], &["mine.txt"]].concat()));
    assert_eq!(json_lines(&sandbox.read("deep/er/out/metrics.jsonl")).len(), 7);

    // Pictures of an earlier run do not stay beside another's model.
    sandbox.ok(&format!("{SMALL} --out deep/er/out --no-pictures --quiet"));
    assert_eq!(sandbox.names("deep/er/out"), with(&["mine.txt"]));
}

#[test]
fn the_default_folder_is_named_by_day_and_number() {
    let sandbox = small();
    let printed = sandbox.ok(SMALL);
    let last = printed.lines().find(|line| line.starts_with("model ")).unwrap().to_owned();
    sandbox.ok(SMALL);
    let [first, second] = &sandbox.names("runs")[..] else { panic!("two runs") };
    let (day, number) = first.rsplit_once('-').unwrap();
    let form: String = day.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!((form.as_str(), number), ("9999-99-99", "1"));
    assert!(second.ends_with("-2") || !second.starts_with(day), "{second}");
    assert!(last.starts_with(&format!("model runs/{first}/model.safetensors (")), "{last}");
}

#[test]
fn what_goes_to_stdout() {
    let sandbox = small();
    let json = sandbox.ok(&format!("{SMALL} --out a --json --metrics copy.jsonl"));
    assert_eq!(json, sandbox.read("a/metrics.jsonl"));
    assert_eq!(json, sandbox.read("copy.jsonl"));
    let run = sandbox.run(&format!("{SMALL} --out b --quiet"));
    assert_eq!((run.code, run.stdout.as_str(), run.stderr.as_str()), (Some(0), "", ""));
    let model = |folder| fs::read(sandbox.path(folder).join("model.safetensors")).unwrap();
    assert_eq!(model("a"), model("b"));
}

#[test]
fn a_reader_that_leaves_early_changes_nothing() {
    let sandbox = small();
    let mut command = sandbox.command(format!("{SMALL} --log-every 1 --out out").split(' '));
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!((child.wait().unwrap().code(), stderr.as_str()), (Some(0), ""));
    assert_eq!(sandbox.names("out").len(), 3 + PICTURES.len());
}

#[test]
fn threads_and_instructions_change_no_byte() {
    let sandbox = small();
    let mut models = vec![];
    for isa in Isa::all() {
        for threads in 1..=3 {
            let args = format!("{SMALL} --out out --threads {threads} --quiet --no-pictures");
            run(sandbox.command(args.split(' ')).env("MNIST_ISA", isa.name())).ok();
            let start = &json_lines(&sandbox.read("out/metrics.jsonl"))[0];
            assert_eq!((&start["isa"], &start["threads"]), (&isa.name().into(), &threads.into()));
            models.push(fs::read(sandbox.path("out/model.safetensors")).unwrap());
        }
    }
    models.dedup();
    assert_eq!(models.len(), 1);
}

#[test]
fn divergence_names_the_step_and_the_cause() {
    let sandbox = small();
    let diverged = |words: &str, parts: &[&str]| {
        let _ = fs::remove_dir_all(sandbox.path("out"));
        let run = sandbox.run(&format!("{SMALL} --out out --optimizer sgd {words}"));
        run.failed(1, &[&["training diverged", "; try a smaller --learning-rate"], parts].concat());
        assert_eq!(sandbox.names("out"), ["config.json", "metrics.jsonl"], "no model");
    };
    diverged(
        "--learning-rate 1e38",
        &["epoch 1, iteration 0 (step 1)", "the logit of class", "(image "],
    );
    diverged(
        "--learning-rate 3e38 --l2 3e38",
        &["(step 1)", "the weight of feature 0 for class 0"],
    );
}

#[test]
fn without_data_the_digits_are_synthetic() {
    let sandbox = Sandbox::new();
    let run = sandbox.run("train --epochs 1 --log-every 1000 --out out");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.stdout.starts_with("Size of:\n- Training-set:\t\t55000\n- Validation-set:\t5000\n")
    );
    assert!(run.stdout.contains("(synthetic, seed 0)"));
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
    for part in ["note: ", "synthetic digits", "cargo xtask fetch-data"] {
        assert!(run.stderr.contains(part), "{}", run.stderr);
    }
    let asked = sandbox.run("train --dataset synthetic --epochs 1 --log-every 1000 --out out");
    assert_eq!((asked.stderr.as_str(), asked.stdout), ("", run.stdout));
}

#[test]
fn data_is_found_where_the_environment_or_the_folder_has_it() {
    let sandbox = small();
    let words = GOLDEN.replace("--data data ", "");
    let with_variable =
        |value: &str| run(sandbox.command(words.split_whitespace()).env("MNIST_DATA", value)).ok();
    assert_eq!(with_variable("data"), PRINTED);
    fs::create_dir(sandbox.path("new")).unwrap();
    fs::rename(sandbox.path("data"), sandbox.path("new/mnist")).unwrap();
    fs::rename(sandbox.path("new"), sandbox.path("data")).unwrap();
    assert_eq!(sandbox.ok(&words), PRINTED);
    assert_eq!(with_variable(""), PRINTED);
}

/// The column `name` of the golden trace's losses.
fn trace(name: &str) -> Vec<f64> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/golden");
    let text = fs::read_to_string(folder.join(name)).unwrap();
    text.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().parse().unwrap()).collect()
}

#[test]
fn losses_follow_the_float64_traces() {
    let Some(data) = mnist() else { return };
    for (name, words, bound) in [
        ("adam-b100-e2-losses.csv", "--epochs 2", 1.5e-6),
        ("sgd-b100-e1-losses.csv", "--epochs 1 --optimizer sgd --learning-rate 0.5", 1e-5),
    ] {
        let sandbox = Sandbox::new();
        let words = format!("train --init zeros --shuffle false --log-every 1 --json {words}");
        let json = run(sandbox.command(words.split(' ')).env("MNIST_DATA", &data)).ok();
        let steps = json_lines(&json).into_iter().filter(|line| line["event"] == "step");
        let losses: Vec<f64> = steps.map(|step| step["loss"].as_f64().unwrap()).collect();
        let trace = trace(name);
        assert_eq!(losses.len(), trace.len());
        let off = losses.iter().zip(&trace).map(|(a, b)| (a - b).abs());
        // `f64::max` would pass over what is not a number.
        let off = off.fold(0.0, |most, d| if d <= most { most } else { d });
        println!("{name}: {off:.2e}");
        assert!(off <= bound, "{name}: {off:e}");
    }
}

#[test]
fn five_seeds_reach_the_tutorials_accuracy() {
    let Some(data) = mnist() else { return };
    let sandbox = Sandbox::new();
    for seed in 0..5 {
        let words = format!("train --seed {seed} --json --out out");
        let json = run(sandbox.command(words.split(' ')).env("MNIST_DATA", &data)).ok();
        let lines = json_lines(&json);
        let [.., epoch, test, _] = &lines[..] else { panic!("{json}") };
        assert_eq!(epoch["epoch"], 10);
        let validation = epoch["validation"]["accuracy"].as_f64().unwrap();
        let all = test["all"]["accuracy"].as_f64().unwrap();
        println!("seed {seed}: validation {validation:.4}, test {all:.4} {}", test["first"]);
        assert!(validation >= 0.905 && all >= 0.923, "seed {seed}: {validation}, {all}");
    }
}

#[test]
fn what_may_not_be_meant_is_noted() {
    let sandbox = small();
    let run = |more: &str| sandbox.run(&format!("{SMALL} --no-pictures --out out {more}"));
    let empty = run("--classes 12");
    assert_eq!(empty.code, Some(0), "{empty:?}");
    assert!(empty.stderr.contains("note: 2 of 12 classes have no image to train on"), "{empty:?}");
    let huge = run("--learning-rate 1e30");
    assert_eq!(huge.code, Some(0), "{huge:?}");
    assert!(
        huge.stderr.contains("note: the test loss is above 2.30, that of guessing"),
        "{huge:?}"
    );
    let line = huge.stdout.lines().find(|line| line.starts_with("Test loss: ")).unwrap();
    assert!(line.contains('e') && line.len() < 60, "{line}");
    for more in ["--classes 12 --quiet", "--learning-rate 1e30 --quiet"] {
        assert_eq!(run(more).stderr, "", "{more}");
    }
}
