//! Bad files and bad arguments: one clear line, the right exit code, and nothing written.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::ffi::OsStr;
use std::fs;

use common::{Run, Sandbox, put, run};
use idx::{Compression, Idx};

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const FILES: [&str; 4] =
    [TRAIN_IMAGES, TRAIN_LABELS, "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"];
const TRAIN: &str = "train --data data --validation 10 --batch-size 20 --epochs 1 --out out";

fn small() -> Sandbox {
    Sandbox::with_digits(60, 20)
}

/// Training on this folder fails with one line that has all of `parts` and a remedy, and leaves nothing.
#[track_caller]
fn check(sandbox: &Sandbox, code: i32, parts: &[&str]) {
    let before = sandbox.names(".");
    let run = sandbox.run(TRAIN);
    run.refused(code, parts);
    let (_, remedy) = run.stderr.rsplit_once("; ").expect("a remedy");
    assert!(remedy.trim_end().len() > 10, "{}", run.stderr);
    assert_eq!(sandbox.names("."), before, "nothing is written");
}

#[test]
fn files_that_are_missing() {
    let all = small();
    for name in FILES {
        let sandbox = Sandbox::new();
        fs::create_dir(sandbox.path("data")).unwrap();
        for other in FILES.iter().filter(|&&other| other != name) {
            fs::copy(all.path("data").join(other), sandbox.path("data").join(other)).unwrap();
        }
        check(&sandbox, 4, &["data: no ", name, "cargo xtask fetch-data"]);
    }
    check(&Sandbox::new(), 4, &["data: cannot be opened", "No such file"]);
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("data"), "a file").unwrap();
    check(&sandbox, 4, &["data: cannot be opened"]);
}

#[test]
fn folders_that_nobody_named() {
    // One named by the environment must be there.
    let sandbox = small();
    let words = TRAIN.replace("--data data ", "");
    let run_with = |folder: &str| run(sandbox.command(words.split(' ')).env("MNIST_DATA", folder));
    let named = "; MNIST_DATA names this folder";
    run_with("nowhere").refused(4, &["nowhere: cannot be opened", "; ", named]);
    let here = run(sandbox.command(TRAIN.split(' ')).env("MNIST_DATA", "nowhere"));
    assert_eq!(here.code, Some(0), "what is named by an option needs no other name: {here:?}");
    // The default one may be missing, but not be in part there.
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("data/mnist")).unwrap();
    sandbox.refused(&words, 4, &["data/mnist: no training images", "cargo xtask fetch-data"]);
    assert_eq!(sandbox.names("."), ["data"]);
    sandbox.refused("verify", 4, &["data/mnist"]);
}

#[test]
fn gzip_that_is_cut_or_wrong() {
    let sandbox = small();
    let raw = sandbox.path("data").join(TRAIN_IMAGES);
    let gz = raw.with_extension("gz");
    idx::write(&gz, &idx::read(&raw).unwrap(), Compression::Gzip).unwrap();
    fs::remove_file(&raw).unwrap();
    let name = "data/train-images-idx3-ubyte.gz";
    fs::rename(&gz, sandbox.path(name)).unwrap();
    sandbox.ok(TRAIN);
    fs::remove_dir_all(sandbox.path("out")).unwrap();
    let whole = fs::read(sandbox.path(name)).unwrap();
    for length in [whole.len() - 1, whole.len() / 2, 12] {
        fs::write(sandbox.path(name), &whole[..length]).unwrap();
        check(&sandbox, 3, &[name, "cut short"]);
    }
    let mut changed = whole.clone();
    changed[whole.len() - 5] ^= 1; // of the checksum
    fs::write(sandbox.path(name), changed).unwrap();
    check(&sandbox, 6, &[name, "checksum"]);
    fs::write(sandbox.path(name), "<!DOCTYPE html><title>404 Not Found</title>").unwrap();
    check(&sandbox, 3, &[name, "a web page was saved instead of the file", "fetch-data"]);
    fs::write(sandbox.path(name), [&whole[..], b"more"].concat()).unwrap();
    check(&sandbox, 3, &[name]);
}

#[test]
fn files_that_do_not_fit() {
    let sandbox = small();
    let [images, labels] = [TRAIN_IMAGES, TRAIN_LABELS].map(|name| sandbox.path("data").join(name));
    let original = fs::read(&labels).unwrap();
    // 60 images, 59 labels.
    put(&labels, &[59], vec![0; 59]);
    check(&sandbox, 3, &[TRAIN_IMAGES, TRAIN_LABELS, "60 images but 59 labels"]);
    // A label of 10 in a set of ten classes, which eleven accept.
    let mut ten = original[8..].to_vec();
    ten[17] = 10;
    put(&labels, &[60], ten);
    check(&sandbox, 3, &[TRAIN_LABELS, "label 10 at index 17", "--classes 11"]);
    sandbox.ok(&format!("{TRAIN} --classes 11"));
    fs::remove_dir_all(sandbox.path("out")).unwrap();
    let negative = Idx::from_values(vec![60], &[-1i8; 60]).unwrap();
    idx::write(&labels, &negative, Compression::None).unwrap();
    check(&sandbox, 3, &[TRAIN_LABELS, "label -1 at index 0"]);
    // Swapped.
    fs::copy(&images, sandbox.path("data/t")).unwrap();
    fs::write(&images, &original).unwrap();
    fs::rename(sandbox.path("data/t"), &labels).unwrap();
    check(&sandbox, 3, &[TRAIN_IMAGES, TRAIN_LABELS, "swapped"]);
    // Test images of another shape.
    let sandbox = small();
    put(&sandbox.path("data/t10k-images-idx3-ubyte"), &[20, 28, 27], vec![0; 20 * 28 * 27]);
    check(&sandbox, 3, &["t10k-images-idx3-ubyte", "u8 28 x 27", TRAIN_IMAGES, "u8 28 x 28"]);
    let (nan, test) = (vec![f32::NAN; 60 * 4], vec![0.0f32; 20 * 4]);
    let nan = Idx::from_values(vec![60, 2, 2], &nan).unwrap();
    let test = Idx::from_values(vec![20, 2, 2], &test).unwrap();
    let test_images = sandbox.path("data/t10k-images-idx3-ubyte");
    idx::write(test_images, &test, Compression::None).unwrap();
    idx::write(sandbox.path("data").join(TRAIN_IMAGES), &nan, Compression::None).unwrap();
    check(&sandbox, 3, &[TRAIN_IMAGES, "feature 0 of image 0 is infinite or not a number"]);
}

#[test]
fn headers_that_promise_too_much() {
    let header = |dims: &[u32]| {
        let dims_bytes = dims.iter().flat_map(|dim| dim.to_be_bytes());
        [0, 0, 8, dims.len() as u8].into_iter().chain(dims_bytes).collect::<Vec<u8>>()
    };
    let sandbox = small();
    for (dims, part) in [
        (&[1 << 31, 1 << 31, 4][..], "2147483648 x 2147483648 x 4"),
        (&[21_398, 289_529, 2_977_518_503], "more than can be addressed"), // 10 modulo 2^64
        (&[u32::MAX; 3], "more than can be addressed"),
        (&[u32::MAX, 28, 28], "cut short"),
        (&[0, 28, 28], "holds no images"),
        (&[60, 0, 28], "60 x 0 x 28"),
    ] {
        let bytes = [header(dims), vec![7; 10 * usize::from(!dims.contains(&0))]].concat();
        fs::write(sandbox.path("data").join(TRAIN_IMAGES), bytes).unwrap();
        check(&sandbox, 3, &[TRAIN_IMAGES, part]);
    }
    fs::write(sandbox.path("data").join(TRAIN_IMAGES), b"").unwrap();
    check(&sandbox, 3, &[TRAIN_IMAGES, "empty file"]);
}

#[test]
fn labels_of_qmnist_are_read() {
    let sandbox = small();
    for (kind, n) in [("train", 60), ("t10k", 20)] {
        let old = sandbox.path(format!("data/{kind}-labels-idx1-ubyte"));
        let classes = idx::read(&old).unwrap().to_i64().unwrap();
        let rows = classes.iter().flat_map(|&class| [class as i32, 4, 2_437, 118, 49, 4_060, 0, 0]);
        let labels = Idx::from_values(vec![n, 8], &rows.collect::<Vec<_>>()).unwrap();
        let new = sandbox.path(format!("data/{kind}-labels-idx2-int.gz"));
        idx::write(new, &labels, Compression::Gzip).unwrap();
        fs::remove_file(old).unwrap();
    }
    sandbox.ok(TRAIN);
    let weights = |folder| {
        let out = format!("{folder}/model.safetensors");
        let model = model::Model::read(&sandbox.path(out)).unwrap();
        model.parameters.sha256()
    };
    let usual = small();
    usual.ok(TRAIN);
    fs::rename(usual.path("out"), sandbox.path("usual")).unwrap();
    assert_eq!(weights("out"), weights("usual"));
}

/// Runs the small training with more arguments; nothing may be written.
#[track_caller]
fn train_with<S: AsRef<OsStr>>(more: &[S]) -> Run {
    let sandbox = small();
    let run = run(sandbox.command(TRAIN.split(' ').map(OsStr::new)).args(more));
    assert_eq!(sandbox.names("."), ["data"], "nothing is written");
    run
}

#[test]
fn settings_that_no_run_can_have() {
    for (words, expected) in [
        ("--log-every 0", "--log-every must be at least 1, and is 0"),
        ("--learning-rate nan", "--learning-rate must be positive and finite as f32, and is NaN"),
        ("--learning-rate inf", "and is inf"),
        ("--learning-rate 0", "and is 0"),
        ("--learning-rate -1", "and is -1"),
        ("--learning-rate 1e39", "--learning-rate must be positive and finite as f32"),
        ("--learning-rate 1e-50", "--learning-rate must be positive and finite as f32"),
        ("--l2 -0.1", "--l2 must be at least 0"),
        ("--l2 nan", "--l2 must be"),
        ("--init-std 0", "--init-std must be positive"),
        ("--optimizer momentum --momentum 1", "--momentum must be at least 0 and below 1"),
        ("--optimizer momentum --momentum -0.5", "and is -0.5"),
        ("--momentum 0.5", "--momentum changes nothing without --optimizer momentum"),
        (
            "--init zeros --init-std 0.1",
            "--init-std changes nothing without --init truncated-normal",
        ),
    ] {
        let words: Vec<_> = words.split(' ').collect();
        train_with(&words).refused(2, &[expected, "; see `mnist train --help`"]);
    }
    let sandbox = small();
    for (from, to, expected) in [
        ("--epochs 1", "--epochs 0", "--epochs must be 1 to 4294967295, and is 0"),
        ("size 20", "size 0", "--batch-size must be 1 to 50, the number of training images"),
        ("size 20", "size 51", "and is 51"),
        ("validation 10", "validation 60", "--validation must be less than the 60 images"),
    ] {
        sandbox.refused(&TRAIN.replace(from, to), 2, &[expected]);
    }
    assert_eq!(sandbox.names("."), ["data"]);
}

#[test]
fn arguments_that_cannot_be_read() {
    for words in [
        &["--seed", "ten"][..],
        &["--seed", "-1"],
        &["--seed", "18446744073709551616"],
        &["--learning-rate", "0,1"],
        &["--learning-rate", "-inf"],
        &["--threads", "0"],
        &["--threads", "100000"],
        &["--classes", "1"],
        &["--classes", "65537"],
        &["--optimizer", "adamw"],
        &["--shuffle", "yes"],
        &["--metrics", ""],
        &["--resumee", "x"],
        &["extra"],
        &["--epochs", "2"], // for the second time
        &["--quiet", "--json"],
        &["--dataset", "synthetic"], // beside --data
    ] {
        train_with(words).usage("--help");
    }
    let sandbox = small();
    for (from, to) in [
        ("--epochs 1", "--epochs -1"),
        ("--epochs 1", "--epochs 1e3"),
        ("--epochs 1", "--epochs 18446744073709551616"),
        ("size 20", "size -1"),
        ("--out out", "--out -x"),
        ("train ", "trian "),
    ] {
        sandbox.run(&TRAIN.replace(from, to)).usage("--help");
    }
    for flag in ["--data", "--out"] {
        run(&mut sandbox.command(["train", flag, ""])).usage(flag);
    }
    sandbox.run("--epochs=1 --quiet").usage("tip: --epochs is an option of training: mnist train");
    sandbox.run("evaluate --seed 1").usage("tip: --seed is an option of training: mnist train");
    sandbox.run("bench --seed 1").usage("tip: --seed is an option of training: mnist train");
    sandbox.run("--data d evaluate").usage("tip: 'evaluate --data' exists");
    assert!(!sandbox.run("--bogus").stderr.contains("tip"));
    assert_eq!(sandbox.names("."), ["data"], "nothing is written");
}

#[test]
fn instructions_that_are_not_there() {
    let sandbox = small();
    let mut command = sandbox.command(TRAIN.split(' '));
    run(command.env("MNIST_ISA", "sse9")).refused(2, &["MNIST_ISA: no tier is called \"sse9\""]);
    assert_eq!(sandbox.names("."), ["data"], "nothing is written");
}

#[cfg(unix)]
#[test]
fn bytes_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt;
    let bad = OsStr::from_bytes(b"a\xff\x1b[31m\nb");
    let sandbox = small();
    run(&mut sandbox.command([OsStr::new("train"), OsStr::new("--epochs"), bad])).usage("--help");
    run(&mut sandbox.command([OsStr::new("train"), OsStr::new("--data"), bad]))
        .refused(4, &[r"a\xff\u{1b}[31m\nb: cannot be opened", "; "]);
    run(sandbox.command(TRAIN.split(' ')).env("MNIST_ISA", bad)).refused(2, &["MNIST_ISA"]);
    assert_eq!(sandbox.names("."), ["data"], "nothing is written");
}

#[test]
fn places_that_cannot_be_written() {
    let sandbox = small();
    let out = |to: &str| TRAIN.replace("--out out", to);
    let label_file = format!("data/{TRAIN_LABELS}");
    for out_folder in [&label_file, &format!("{label_file}/out")] {
        let words = out(&format!("--out {out_folder}"));
        sandbox.refused(&words, 4, &[out_folder, "cannot be written"]);
    }
    let words = out(&format!("--out {label_file}"));
    sandbox.refused(&words, 4, &[&label_file, "it is a file; name a folder with --out"]);
    for name in ["config.json", "metrics.jsonl", "model.safetensors"] {
        fs::create_dir_all(sandbox.path("out").join(name)).unwrap();
        sandbox.run(TRAIN).failed(4, &[&format!("out/{name}"), ": "]);
        fs::remove_dir_all(sandbox.path("out")).unwrap();
    }
    let words = format!("{TRAIN} --metrics none/m.jsonl");
    sandbox.refused(&words, 4, &["none/m.jsonl: cannot be written"]);
}

#[cfg(unix)]
#[test]
fn a_folder_that_is_gone_a_closed_stdout_and_few_files() {
    let sandbox = small();
    let shell = |script: &str, words: &str| {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", script, env!("CARGO_BIN_EXE_mnist")]).args(words.split(' '));
        run(command.current_dir(sandbox.path(".")).env_remove("MNIST_DATA"))
    };
    fs::create_dir(sandbox.path("gone")).unwrap();
    let data = sandbox.path("data");
    let words = TRAIN.replace(" data ", &format!(" {} ", data.display()));
    shell("cd gone && rmdir ../gone && exec \"$0\" \"$@\"", &words)
        .refused(4, &["out: cannot be written"]);
    shell("exec \"$0\" \"$@\" >&-", TRAIN).ok();
    shell("ulimit -n 8 && exec \"$0\" \"$@\"", TRAIN).ok();
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_told_at_the_end() {
    let sandbox = small();
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for more in ["", " --json"] {
        let mut command = sandbox.command(format!("{TRAIN}{more}").split(' '));
        run(command.stdout(full())).failed(4, &["standard output"]);
        assert!(
            model::Model::read(&sandbox.path("out/model.safetensors")).is_ok(),
            "the work is done"
        );
    }
    run(&mut sandbox.command(format!("{TRAIN} --metrics /dev/full").split(' ')))
        .failed(4, &["/dev/full: cannot be written"]);
}
