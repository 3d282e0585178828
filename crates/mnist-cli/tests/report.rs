//! `mnist report`, and the report at the end of a run: what is in it, and what is said where it can't be.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;
use std::path::Path;

use common::{Sandbox, mnist, run};
use kernels::Isa;
use model::explain::Explanation;
use model::{Classifier, DataSets, Model};
use serde_json::Value;

const TRAIN: &str =
    "train --data data --validation 50 --epochs 2 --batch-size 20 --quiet --out run";

/// The JSON in a report.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// Bytes that stand in the page as base64.
fn base64(text: &Value) -> Vec<u8> {
    let digit = |c: u8| match c {
        b'A'..=b'Z' => c - b'A',
        b'a'..=b'z' => c - b'a' + 26,
        b'0'..=b'9' => c - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let text = text.as_str().unwrap().trim_end_matches('=').as_bytes();
    let (mut bytes, mut bits) = (Vec::new(), 0u32);
    for (i, &c) in text.iter().enumerate() {
        bits = bits << 6 | u32::from(digit(c));
        if i % 4 > 0 {
            bytes.push((bits >> (6 - 2 * (i % 4))) as u8);
        }
    }
    bytes
}

fn floats(text: &Value) -> Vec<f32> {
    let (numbers, rest) = (base64(text).as_chunks::<4>().0.to_vec(), 0);
    assert_eq!(rest, 0);
    numbers.into_iter().map(f32::from_le_bytes).collect()
}

/// The images of a page, as their pixels are in the file.
fn images(json: &Value, features: usize) -> Vec<(usize, Vec<f32>)> {
    let (packed, mut pixels) = (base64(&json["images"]["pixels"]), Vec::new());
    let mut bytes = packed.into_iter();
    while let Some(byte) = bytes.next() {
        let n = if byte == 0 { bytes.next().unwrap() } else { 1 };
        pixels.resize(pixels.len() + usize::from(n), f32::from(byte));
    }
    let index = json["images"]["index"].as_array().unwrap();
    assert_eq!(pixels.len(), index.len() * features);
    let index = index.iter().map(|i| i.as_u64().unwrap() as usize);
    index.zip(pixels.chunks_exact(features).map(<[f32]>::to_vec)).collect()
}

/// Holds a report against the run's model and data: weights, images, predictions and margins.
fn check(page: &str, model: &Path, data_folder: &Path) {
    let (json, model) = (data(page), Model::read(model).unwrap());
    let sets = DataSets::read(data_folder, 10).unwrap();
    let (test, parameters) = (&sets.test, &model.parameters);
    assert_eq!(floats(&json["weights"]), parameters.weights);
    assert_eq!(floats(&json["bias"]), parameters.bias);
    assert_eq!(json["scale"].as_f64().unwrap(), f64::from(test.images().scale()));

    let classifier = Classifier::new(Isa::detect(), parameters, test);
    let predictions = classifier.predict(test, 0..test.len()).unwrap();
    let wrong = (0..test.len()).filter(|&i| predictions[i].class != test.labels()[i]).count();
    let images = images(&json, test.features());
    let stored = &json["images"];
    let mut wrong_stored = 0;
    for (at, (i, pixels)) in images.into_iter().enumerate() {
        let mut expected = vec![0.0; test.features()];
        test.images().unpack(i, &mut expected);
        assert_eq!(pixels, expected, "image {i}");
        let (label, class) = (test.labels()[i], predictions[i].class);
        assert_eq!(
            (&stored["label"][at], &stored["predicted"][at]),
            (&label.into(), &class.into())
        );
        wrong_stored += usize::from(label != class);

        // What the page computes, in its order, from what is in the page.
        let other = if label == class { predictions[i].runner_up } else { label };
        let classes = parameters.classes();
        let (weights, scale) = (&parameters.weights, json["scale"].as_f64().unwrap());
        let mut sum = 0.0;
        for (pixel, row) in pixels.iter().zip(weights.chunks_exact(classes)) {
            let difference = f64::from(row[class as usize]) - f64::from(row[other as usize]);
            sum += (f64::from(*pixel) * scale) * difference;
        }
        let bias = &parameters.bias;
        let margin = sum + (f64::from(bias[class as usize]) - f64::from(bias[other as usize]));
        let program = Explanation::of(parameters, test, i, class, other);
        assert_eq!(margin.to_string(), program.margin.to_string(), "image {i}");
        assert!(margin >= -1e-4, "image {i}: {margin} speaks against its own class");
    }
    assert_eq!(wrong_stored, wrong, "all that are wrong");
}

#[test]
fn a_run_leaves_its_report() {
    let sandbox = Sandbox::with_digits(250, 120);
    sandbox.ok(TRAIN);
    let page = sandbox.read("run/report.html");
    check(&page, &sandbox.path("run/model.safetensors"), &sandbox.path("data"));
    let json = data(&page);
    // Before the first step, after steps 1, 2, 5, and the end of epoch 1; the last epoch's is the model.
    let steps: Vec<u64> = json["snapshots"]
        .as_array()
        .unwrap()
        .iter()
        .map(|moment| moment["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, [0, 1, 2, 5, 10]);
    assert_eq!(json["curves"]["epochs"].as_array().unwrap().len(), 2);
    assert_eq!(json["curves"]["epochs"][1]["step"], 20);
    assert_eq!(json["left_out"], Value::Array(vec![]));

    // Made again from the folder it is the same, but for nothing.
    sandbox.ok("report run --out again.html");
    assert!(sandbox.read("again.html") == page, "the report made again differs");
}

#[test]
fn without_pictures_there_is_none() {
    let sandbox = Sandbox::with_digits(250, 20);
    sandbox.ok(TRAIN);
    let weights = fs::read(sandbox.path("run/model.safetensors")).unwrap();
    sandbox.ok(&format!("{TRAIN} --no-pictures"));
    assert!(!sandbox.path("run/report.html").exists(), "an earlier run's report was left");
    assert_eq!(fs::read(sandbox.path("run/model.safetensors")).unwrap(), weights);
    sandbox.ok("report run");
    assert!(sandbox.path("run/report.html").exists());
}

#[test]
fn a_model_alone_has_no_curves() {
    let sandbox = Sandbox::with_digits(250, 60);
    sandbox.ok(TRAIN);
    let said = sandbox.ok("report run/model.safetensors --data data");
    assert_eq!(said, "report report.html\n");
    let page = sandbox.read("report.html");
    check(&page, &sandbox.path("run/model.safetensors"), &sandbox.path("data"));
    let json = data(&page);
    assert!(json["curves"].is_null());
    assert!(json["left_out"][0].as_str().unwrap().contains("learning curves"));
}

#[test]
fn other_data_give_no_earlier_moments() {
    let sandbox = Sandbox::with_digits(250, 60);
    sandbox.ok(TRAIN);
    let own = sandbox.read("run/report.html");
    common::write_digits(&sandbox.path("other"), 400, 61);
    let told = sandbox.run("report run --data other");
    assert!(told.stderr.starts_with("note: the model was trained on other data"), "{told:?}");
    assert_eq!(told.stdout, "report run/report-other-data.html\n");
    // Nothing is said of these data that is true of the run's alone, and its own report stays.
    assert_eq!(sandbox.read("run/report.html"), own);
    let page = sandbox.read("run/report-other-data.html");
    for part in [
        "<title>A linear classifier of other data, seed 0, tested on unnamed data",
        r#"["trained on","other data"]"#,
        "Validation, 50 images of other data",
    ] {
        assert!(page.contains(part) && !own.contains(part), "{part:?}");
    }
    for part in [" of them\"]", "[\"training file\""] {
        assert!(own.contains(part) && !page.contains(part), "{part:?}");
    }
    let json = data(&page);
    assert_eq!(
        json["curves"],
        data(&own)["curves"],
        "they are the run's, however many images these are"
    );
    assert!(json["left_out"][0].as_str().unwrap().contains("earlier moments"));
    assert_eq!(json["snapshots"], Value::Array(vec![]));
}

#[test]
fn what_is_missing_is_named() {
    let sandbox = Sandbox::with_digits(250, 20);
    sandbox.ok(TRAIN);
    let remedy = "; name the folder of a run, as `mnist train` writes it";
    let files = ["config.json", "metrics.jsonl", "model.safetensors"];
    for name in files {
        let (path, away) = (sandbox.path("run").join(name), sandbox.path("away"));
        fs::rename(&path, &away).unwrap();
        if name == "model.safetensors" {
            let what = "run: a run without model.safetensors: it has not ended";
            let remedy = "train anew; if it diverged, with a smaller --learning-rate";
            sandbox.refused("report run", 4, &[what, remedy]);
            sandbox.refused("watch run --at 1", 4, &[what, remedy]);
            sandbox.refused("inspect run", 4, &[what, remedy]);
        } else {
            sandbox.refused("report run", 4, &[&format!("run: {name} is missing"), remedy]);
        }
        fs::rename(&away, &path).unwrap();
    }
    fs::create_dir(sandbox.path("empty")).unwrap();
    let all = "empty: config.json, metrics.jsonl, model.safetensors are missing";
    sandbox.refused("report empty", 4, &[all]);
    sandbox.refused("report nowhere", 4, &["nowhere: cannot be opened"]);

    for (name, text, part) in [
        ("config.json", "{}", "config.json: not the settings of a run: missing field"),
        ("config.json", "\u{fffd}", "config.json: not the settings of a run"),
        ("metrics.jsonl", "{\"event\":\"lunch\"}\n", "metrics.jsonl: line 1"),
        ("model.safetensors", "no model", "model.safetensors: not a model file"),
    ] {
        let path = sandbox.path("run").join(name);
        let before = fs::read(&path).unwrap();
        fs::write(&path, text).unwrap();
        sandbox.refused("report run", 3, &[part]);
        fs::write(&path, before).unwrap();
    }
    sandbox.refused("report run --out no/such/folder.html", 4, &["no/such/folder.html"]);
    sandbox.ok("report run");
}

#[test]
fn names_of_classes_stay_names() {
    let sandbox = Sandbox::with_digits(250, 60);
    let names = serde_json::json!({
        "name": "</title><i>",
        "classes": ["</script><b>", "&amp;", "two", "\u{1b}[2J", "4", "5", "6", "7", "8", "9"],
    });
    fs::write(sandbox.path("data/dataset.json"), names.to_string()).unwrap();
    sandbox.ok(TRAIN);
    let page = sandbox.read("run/report.html");
    assert_eq!(data(&page)["classes"][0], "</script><b>");
    assert_eq!(data(&page)["classes"][3], "\\u{1b}[2J");
    assert!(!page.contains("</script><b>") && !page.contains("</title><i>"));
    assert!(page.contains("&lt;/title&gt;&lt;i&gt;"));
}

#[test]
fn on_mnist_it_is_below_two_megabytes() {
    let Some(folder) = mnist() else { return };
    let sandbox = Sandbox::new();
    let arguments = ["train", "--quiet", "--epochs", "1", "--out", "run", "--data"];
    run(sandbox.command(arguments).arg(&folder)).ok();
    let page = sandbox.read("run/report.html");
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    check(&page, &sandbox.path("run/model.safetensors"), &folder);
}
