//! `mnist inspect`: what is said of files and folders, good and bad.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;
use std::process::Stdio;

use common::{Sandbox, json_lines, mnist, put, run};
use idx::{Compression, Idx};
use model::{Metadata, Model, Parameters, TrainConfig};

/// Two images of 4 x 6: a bar and a dot.
fn images() -> Vec<u8> {
    let mut pixels = vec![0; 2 * 24];
    pixels[2..][..2].fill(255);
    pixels[8..][..2].fill(255);
    pixels[24] = 128;
    pixels
}

#[test]
fn an_image_file() {
    let sandbox = Sandbox::new();
    put(&sandbox.path("images"), &[2, 4, 6], images());
    assert_eq!(
        sandbox.ok("inspect images"),
        "images: IDX file of 2 images\n\
         elements  u8, 2 x 4 x 6\n\
         size      64 bytes\n\
         values    0 to 255, mean 23.9167, 10.4% not zero\n\
         sha256    c3a1170b6cc01eff816d4a1bfb3e831e3ee035d9d82d7de5c024c9e478c9ad49\n\
         \n\
         0       1\n  \
           @@    :\n"
    );
    let file = idx::read(sandbox.path("images")).unwrap();
    idx::write(sandbox.path("images.gz"), &file, Compression::Gzip).unwrap();
    let facts = ["images", "images.gz"]
        .map(|name| json_lines(&sandbox.ok(&format!("inspect --json {name}"))).remove(0));
    assert_eq!(facts[0]["sha256"], facts[1]["sha256"]);
    assert_eq!((&facts[0]["gzip"], &facts[1]["gzip"]), (&false.into(), &true.into()));
    assert_eq!(facts[1]["dims"], serde_json::json!([2, 4, 6]));
    assert_eq!((&facts[1]["content"], &facts[1]["max"]), (&"images".into(), &255.0.into()));
    assert!(facts[1]["labels"].is_null());
}

#[test]
fn a_label_file() {
    let sandbox = Sandbox::new();
    put(&sandbox.path("labels"), &[7], vec![0, 1, 1, 1, 1, 10, 10]);
    let text = sandbox.ok("inspect labels");
    let histogram = format!("\n\n0   1 {}\n1   4 {}\n10  2 {}\n", bar(10), bar(40), bar(20));
    assert!(text.ends_with(&histogram) && text.contains("values    0 to 10\n"), "{text}");

    // QMNIST's: column 0 of wide integers is the class.
    let qmnist = Idx::from_values(vec![2, 3], &[3_i32, 70_000, -1, 4, 5, 6]).unwrap();
    idx::write(sandbox.path("qmnist"), &qmnist, Compression::None).unwrap();
    let facts = json_lines(&sandbox.ok("inspect --json qmnist")).remove(0);
    let counts = serde_json::json!([{"label": 3, "count": 1}, {"label": 4, "count": 1}]);
    assert_eq!(facts["labels"], counts);

    put(&sandbox.path("many"), &[256], (0..=255).collect());
    assert!(sandbox.ok("inspect many").ends_with("labels    256 different ones\n"));
}

fn bar(length: usize) -> String {
    "#".repeat(length)
}

#[test]
fn other_idx_files() {
    let sandbox = Sandbox::new();
    let write = |name: &str, file: Idx| {
        idx::write(sandbox.path(name), &file, Compression::None).unwrap();
    };
    write("unit", Idx::from_values(vec![1, 2, 2], &[0.0_f32, 1.0, 0.0, 1.0]).unwrap());
    write("signed", Idx::from_values(vec![1, 2, 2], &[-9_i16, 5, -9, 5]).unwrap());
    write("same", Idx::from_values(vec![1, 2, 2], &[3.5_f64; 4]).unwrap());
    write("nan", Idx::from_values(vec![1, 2, 2], &[f32::NAN, 1.0, f32::INFINITY, 1.0]).unwrap());
    put(&sandbox.path("dim"), &[1, 2, 2], vec![0, 100, 0, 100]);
    for (name, drawing) in
        [("dim", " ="), ("unit", " @"), ("signed", " @"), ("same", ""), ("nan", "+@")]
    {
        let text = sandbox.ok(&format!("inspect {name}"));
        let end = format!("\n\n0\n{drawing}");
        assert!(text.ends_with(&format!("{}\n", end.trim_end())), "{text:?}");
    }
    assert!(sandbox.ok("inspect nan").contains("1 to 1, mean 1.0000, 100.0% not zero, 2 infinite"));
    for (name, dims) in [("rows", &[2, 3][..]), ("deep", &[1, 2, 3, 1]), ("none", &[0, 28, 28])] {
        put(&sandbox.path(name), dims, vec![1; dims.iter().product()]);
        let text = sandbox.ok(&format!("inspect {name}"));
        assert_eq!(text.contains("values"), name != "none", "{text}");
        assert!(!text.contains("\n\n"), "{text}");
        json_lines(&sandbox.ok(&format!("inspect --json {name}")));
    }
}

#[test]
fn a_model_file_and_the_folder_of_its_run() {
    let sandbox = Sandbox::new();
    fs::create_dir(sandbox.path("run")).unwrap();
    let classes = vec!["cat".to_owned(), "dog\n".to_owned()];
    let metadata = Metadata::new(&TrainConfig::default(), classes, Some((2, 3)), "ab".to_owned());
    let weights = (0..12).map(|i| i as f32 / 4.0 - 1.0).collect();
    let parameters = Parameters { weights, bias: vec![0.5, -0.5] };
    let sha256 = parameters.sha256();
    let file = sandbox.path("run/model.safetensors");
    Model { parameters, metadata }.write(&file).unwrap();
    let text = sandbox.ok("inspect run/model.safetensors");
    for line in [
        "run/model.safetensors: softmax model, 6 features, 2 classes",
        "classes     2: cat, dog\\n",
        "image       2 x 3 pixels",
        "weights     F32 6 x 2, -1 to 1.75",
        &format!("sha256      {sha256}"),
        "training    10 epochs, batches of 100, shuffled",
        "optimizer   adam, beta1 0.9, beta2 0.999, epsilon 1e-8",
        "rate        0.001",
        "data        ab",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} in {text}");
    }
    assert_eq!(sandbox.ok("inspect run"), text);
    fs::copy(&file, sandbox.path("renamed")).unwrap();
    let facts = json_lines(&sandbox.ok("inspect --json renamed")).remove(0);
    assert_eq!((&facts["kind"], &facts["weights_sha256"]), (&"model".into(), &sha256.into()));
    assert_eq!(facts["metadata"]["config"]["epochs"], 10);
    assert_eq!(facts["weights_range"], serde_json::json!([-1.0, 1.75]));
    assert_eq!(facts["published"], false);
}

#[test]
fn a_folder_of_digits() {
    let sandbox = Sandbox::with_digits(300, 100);
    let text = sandbox.ok("inspect data");
    for part in [
        "data: a data set, not MNIST\n",
        "train images  train-images-idx3-ubyte\n",
        "images        300 to train on, 100 to test on, 28 x 28 pixels\n",
        "classes       10: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9\n",
        "\n\ntrain\n0  ",
        "\n\ntest\n0  ",
    ] {
        assert!(text.contains(part), "{part:?} in {text}");
    }
    let facts = json_lines(&sandbox.ok("inspect --json data")).remove(0);
    let sum = |set: &str| -> u64 {
        facts[set]["labels"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum()
    };
    assert_eq!((sum("train"), sum("test")), (300, 100));
    assert_eq!(facts["train"]["count"], 300);
    assert_eq!((&facts["name"], &facts["image"]), (&().into(), &vec![28, 28].into()));

    // Over each of the first digits stands its label.
    let labels = idx::read(sandbox.path("data/train-labels-idx1-ubyte")).unwrap();
    let titles = format!("\n\n{:<28}  {}\n", labels.payload()[0], labels.payload()[1]);
    assert!(text.contains(&titles), "{titles:?} in {text}");
}

#[test]
fn mnist_is_known_by_its_hash() {
    let Some(folder) = mnist() else { return };
    let sandbox = Sandbox::new();
    let text = run(&mut sandbox.command(["inspect".as_ref(), folder.as_os_str()])).ok();
    assert!(text.contains(": MNIST, by its hash\n") && text.contains("\n1  6742 "), "{text}");
}

#[test]
fn nothing_drawn_is_wider_than_twenty_columns() {
    let sandbox = Sandbox::with_digits(50, 50);
    for path in ["data", "data/train-images-idx3-ubyte", "data/train-labels-idx1-ubyte"] {
        for graphics in ["auto", "ascii", "braille"] {
            let words = ["inspect", path, "--graphics", graphics];
            let text = run(sandbox.command(words).env("COLUMNS", "20").env("NO_COLOR", "1")).ok();
            let (_, drawings) = text.split_once("\n\n").unwrap();
            // Two rows of images, of one image each.
            if path.contains("images") {
                let titles = drawings.lines().filter(|line| line.parse::<usize>().is_ok());
                assert_eq!(titles.collect::<Vec<_>>(), ["0", "1"], "{drawings}");
            }
            assert!(drawings.lines().count() >= 10 && !text.contains('\x1b'), "{text}");
            for line in drawings.lines() {
                assert!(line.chars().count() <= 20, "{line:?}");
            }
        }
    }
    let words = ["inspect", "data/train-images-idx3-ubyte", "--graphics", "half-block"];
    assert!(run(&mut sandbox.command(words)).ok().contains("\x1b[48;2;"));
}

#[test]
fn bad_paths_are_refused_in_one_line() {
    let sandbox = Sandbox::with_digits(20, 20);
    let write = |name: &str, bytes: &[u8]| fs::write(sandbox.path(name), bytes).unwrap();
    write("empty", b"");
    write("page.gz", b"<!DOCTYPE html><html>");
    write("picture.png", b"\x89PNG\r\n\x1a\n\0\0");
    write("short", &[0, 0, 8, 3, 0, 0]);
    write("claim", &[&[0, 0, 8, 3][..], &[0xff; 12], &[0; 9]].concat());
    write("broken.safetensors", b"not a model at all");
    fs::create_dir(sandbox.path("nothing")).unwrap();
    for (name, code, part) in [
        ("empty", 3, "empty"),
        ("page.gz", 3, "a web page was saved"),
        ("picture.png", 3, "a PNG picture"),
        ("short", 3, "ends within the header"),
        ("claim", 3, "dimensions"),
        ("broken.safetensors", 3, "not a model file"),
        ("nothing", 4, "no training images"),
        ("absent", 4, "cannot be opened"),
    ] {
        sandbox.refused(&format!("inspect {name}"), code, &[name, part, "; "]);
        sandbox.refused(&format!("inspect --json {name}"), code, &[name, part, "; "]);
    }
    fs::remove_file(sandbox.path("data/t10k-labels-idx1-ubyte")).unwrap();
    sandbox.refused("inspect data", 4, &["data", "no test labels", "; name an IDX file"]);
    put(&sandbox.path("data/t10k-labels-idx1-ubyte"), &[19], vec![0; 19]);
    sandbox.refused("inspect data", 3, &["20 images but 19 labels"]);
    sandbox.run("inspect").usage("<FILE|DIR>");
}

#[test]
fn a_checkpoint() {
    let sandbox = Sandbox::with_digits(60, 20);
    let train = "train --data data --validation 10 --batch-size 20 --epochs 2 --optimizer sgd --quiet \
                 --no-pictures --out out --checkpoint-every 4";
    sandbox.ok(train);
    let [path, model] = ["checkpoint", "model"].map(|name| format!("out/{name}.safetensors"));
    let text = sandbox.ok(&format!("inspect {path}"));
    let title =
        format!("{path}: checkpoint of a run, after step 6\nepoch       2 of 2, 3 steps into it\n");
    let go_on = format!("to go on    mnist train --resume {path}, for more epochs with --epochs\n");
    assert!(text.starts_with(&title) && text.ends_with(&go_on), "{text}");
    let facts = [&path, &model]
        .map(|path| json_lines(&sandbox.ok(&format!("inspect --json {path}"))).remove(0));
    assert_eq!((&facts[0]["kind"], &facts[1]["kind"]), (&"checkpoint".into(), &"model".into()));
    assert_eq!(facts[0]["weights_sha256"], facts[1]["weights_sha256"]);
    let metadata = &facts[0]["metadata"];
    assert_eq!((&metadata["step"], &metadata["config"]["batch_size"]), (&6.into(), &20.into()));
    assert_eq!(facts[1]["metadata"]["config"]["batch_size"], 20);
    // What a run leaves that was stopped.
    fs::create_dir(sandbox.path("a b")).unwrap();
    fs::copy(sandbox.path(&path), sandbox.path("a b/checkpoint.safetensors")).unwrap();
    let stopped = run(&mut sandbox.command(["inspect", "a b"])).ok();
    assert!(stopped.contains("mnist train --resume 'a b/checkpoint.safetensors'"), "{stopped}");
    // It is no model, and a damaged one is nothing at all.
    let is_no_model = [&path[..], "a checkpoint of a run, not a model file", "--resume"];
    sandbox.refused(&format!("evaluate --data data --model {path}"), 3, &is_no_model);
    let mut bytes = fs::read(sandbox.path(&path)).unwrap();
    let metadata_at = bytes.windows(5).position(|at| at == b"epoch").unwrap();
    for at in [metadata_at, bytes.len() - 1] {
        bytes[at] ^= 1;
        fs::write(sandbox.path(&path), &bytes).unwrap();
        sandbox.refused(&format!("inspect {path}"), 6, &[&path, "damaged", "; "]);
        bytes[at] ^= 1;
    }
    fs::write(sandbox.path(&path), &bytes[..bytes.len() - 1]).unwrap();
    sandbox.refused(&format!("inspect {path}"), 3, &[&path, "its header asks for", "; "]);
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let sandbox = Sandbox::with_digits(20, 20);
    let mut child = sandbox
        .command(["inspect", "data"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let left = child.wait_with_output().unwrap();
    assert_eq!((left.status.code(), left.stderr), (Some(0), vec![]));
}

#[test]
fn the_folder_of_a_run_tells_of_its_test() {
    let sandbox = Sandbox::with_digits(310, 120);
    sandbox.ok("train --data data --validation 60 --batch-size 50 --epochs 1 --threads 1 --out out --quiet");
    let metrics = json_lines(&sandbox.read("out/metrics.jsonl"));
    let all = &metrics[metrics.len() - 2]["all"];
    let text = sandbox.ok("inspect out");
    let accuracy = 100.0 * all["accuracy"].as_f64().unwrap();
    assert!(
        text.contains("120 images: loss ") && text.contains(&format!("accuracy {accuracy:.2}%")),
        "{text}"
    );
    assert!(text.contains(", 1 thread\n") && text.contains("/data\n"), "{text}");
    let json: serde_json::Value = serde_json::from_str(&sandbox.ok("inspect out --json")).unwrap();
    assert_eq!((&json["test"], &json["machine"]["threads"]), (all, &1.into()));
    // What is of other weights or data is left out, and what can't be read: it is the model that was asked for.
    let model = sandbox.ok("inspect out/model.safetensors");
    let other = |name: &str, from: &str| {
        let text = sandbox.read(name);
        assert!(text.contains(from), "{from} in {text}");
        fs::write(sandbox.path(name), text.replace(from, &format!("{from}0"))).unwrap();
    };
    other("out/metrics.jsonl", "\"weights_sha256\":\"");
    let text = sandbox.ok("inspect out");
    assert!(!text.contains("120 images: loss") && text.contains(", 1 thread\n"), "{text}");
    other("out/config.json", "\"dataset_sha256\": \"");
    assert_eq!(sandbox.ok("inspect out"), model);
    fs::write(sandbox.path("out/metrics.jsonl"), "{}").unwrap();
    fs::write(sandbox.path("out/config.json"), "{}").unwrap();
    assert_eq!(sandbox.ok("inspect out"), sandbox.ok("inspect out/model.safetensors"));
}
