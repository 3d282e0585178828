//! `mnist explain`: the shares that are printed add up, and the picture is that of the shares.

use std::fs;
use std::process::Stdio;

use super::common::run;
use super::sandbox;

const EXPLAIN: &str = "explain --model run/model.safetensors --data data";

/// The sum at the end of what is printed: the terms, and the margin.
fn printed_sum(text: &str) -> (Vec<i64>, i64) {
    // Six decimals, so that whole numbers hold them exactly.
    let number = |line: &str| -> Option<i64> {
        let last = line.split_whitespace().last()?;
        let digits = last.strip_prefix(['+', '-'])?.replace('.', "");
        let value: i64 = digits.parse().ok()?;
        Some(if last.starts_with('-') { -value } else { value })
    };
    let lines = text.lines().skip_while(|line| !line.starts_with("why: "));
    let mut terms: Vec<i64> = lines.filter_map(number).collect();
    let margin = terms.pop().unwrap();
    (terms, margin)
}

#[test]
fn the_printed_terms_add_up_to_the_printed_margin() {
    let sandbox = sandbox();
    for index in 0..40 {
        let text = sandbox.ok(&format!("{EXPLAIN} --index {index}"));
        let (terms, margin) = printed_sum(&text);
        assert!(terms.len() >= 3, "{text}");
        assert_eq!(terms.iter().sum::<i64>(), margin, "{text}");
    }
}

#[test]
fn the_shares_as_json_add_up_to_the_last_bit() {
    let sandbox = sandbox();
    for index in [0, 7, 399] {
        let text = sandbox.ok(&format!("{EXPLAIN} --index {index} --json"));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let shares: Vec<f64> = serde_json::from_value(value["shares"].clone()).unwrap();
        assert_eq!(shares.len(), 784);
        let sum = shares.iter().fold(0.0, |sum, share| sum + share);
        let margin = value["margin"].as_f64().unwrap();
        assert_eq!((sum + value["bias"].as_f64().unwrap()).to_bits(), margin.to_bits());
        assert_eq!(value["image"], format!("test image {index}"));
        // The margin is the logarithm of the odds.
        let p = |class: &str| value[class]["probability"].as_f64().unwrap();
        assert!((margin - (p("predicted") / p("other")).ln()).abs() < 1e-3, "{value}");
    }
}

#[test]
fn the_worst_mistake_is_the_surest_one() {
    let sandbox = sandbox();
    let worst: serde_json::Value =
        serde_json::from_str(&sandbox.ok(&format!("{EXPLAIN} --worst --json"))).unwrap();
    assert_ne!(worst["true"]["class"], worst["predicted"]["class"]);
    assert_eq!(worst["other"], worst["true"], "a mistake is held against the truth");
    let sure = |value: &serde_json::Value| value["predicted"]["probability"].as_f64().unwrap();
    for index in (0..400).step_by(37) {
        let text = sandbox.ok(&format!("{EXPLAIN} --index {index} --json"));
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let is_right = value["true"]["class"] == value["predicted"]["class"];
        assert!(is_right || sure(&value) <= sure(&worst), "{index}");
    }
}

#[test]
fn a_class_can_be_chosen() {
    let sandbox = sandbox();
    let explained = |words: &str| -> serde_json::Value {
        let words = format!("{EXPLAIN} --index 0 --json{words}");
        serde_json::from_str(&sandbox.ok(&words)).unwrap()
    };
    let predicted = explained("")["predicted"]["class"].clone();
    for class in 0..10 {
        let words = format!(" --class {class}");
        if predicted == class {
            let parts = [&*words, "that is the model's answer itself", "; name another"];
            sandbox.refused(&format!("{EXPLAIN} --index 0{words}"), 2, &parts);
        } else {
            assert_eq!(explained(&words)["other"]["class"], class);
        }
    }
    let eleven = format!("{EXPLAIN} --index 0 --class eleven");
    sandbox.refused(&eleven, 2, &["--class eleven", "no such class", "0 to 9"]);
}

#[test]
fn the_picture_shows_ink_and_shares() {
    let sandbox = sandbox();
    let text = sandbox.ok(&format!("{EXPLAIN} --index 3 --out why.png"));
    assert!(text.ends_with("\npicture why.png\n"), "{text}");
    let first = fs::read(sandbox.path("why.png")).unwrap();
    sandbox.ok(&format!("{EXPLAIN} --index 3 --out again.png"));
    assert_eq!(first, fs::read(sandbox.path("again.png")).unwrap(), "the same picture");
    let decoder = png::Decoder::new(std::io::Cursor::new(first));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((frame.width, frame.height), (1132, 652));
    let value: serde_json::Value =
        serde_json::from_str(&sandbox.ok(&format!("{EXPLAIN} --index 3 --json"))).unwrap();
    let shares: Vec<f64> = serde_json::from_value(value["shares"].clone()).unwrap();
    for (i, share) in shares.iter().enumerate() {
        // Beside the middle, where a minus sign may stand.
        let (y, x) = (172 + i / 28 * 15 + 2, 520 + i % 28 * 15 + 2);
        let [r, _, b] = pixels[3 * (y * frame.width as usize + x)..][..3] else { panic!() };
        // What has no ink is grey; else red speaks for, blue against.
        assert!(if *share > 0.0 { r >= b } else { b >= r }, "{i}: {share} {r} {b}");
        assert!(*share != 0.0 || (r, b) == (232, 232), "{i}");
    }
}

#[test]
fn narrow_plain_and_broken_off_outputs_are_clean() {
    let sandbox = sandbox();
    for columns in ["20", "58", "80"] {
        let words = format!("{EXPLAIN} --index 1");
        let text = run(sandbox.command(words.split(' ')).env("COLUMNS", columns)).ok();
        let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= columns.parse().unwrap(), "{columns}: {widest}\n{text}");
        assert!(!text.contains('\x1b'), "{text}");
    }
    let colours = format!("{EXPLAIN} --index 1 --graphics half-block");
    assert!(sandbox.ok(&colours).contains("red speaks for"));
    let mut child = sandbox
        .command(colours.split(' '))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let left = child.wait_with_output().unwrap();
    assert_eq!((left.status.code(), left.stderr), (Some(0), vec![]));
}

#[test]
fn what_can_t_be_explained_is_refused() {
    let sandbox = sandbox();
    sandbox.refused(&format!("{EXPLAIN} --index 400"), 2, &["--index 400", "400 test images"]);
    let images = "data/t10k-images-idx3-ubyte";
    let words = format!("explain --model run/model.safetensors {images}");
    sandbox.refused(&words, 3, &["expected a PNG picture", "--index"]);
    sandbox.refused(&format!("{EXPLAIN} --index 0 --out no/why.png"), 4, &["why.png"]);
    sandbox.run(EXPLAIN).usage("<IMAGE|--index");
    sandbox.run(&format!("{EXPLAIN} --index 0 --worst")).usage("cannot be used with");
    sandbox.run("explain --model run/model.safetensors --data data a.png").usage("--data");
}
