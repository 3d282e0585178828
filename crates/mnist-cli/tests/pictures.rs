//! The pictures of a run: which are made of what data, and what stands in their way.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod common;

use std::fs;
use std::process::Stdio;

use common::{Sandbox, put, run};
use idx::{Idx, Role};

const SMALL: &str = "train --data data --validation 60 --batch-size 64 --epochs 2 --out out";

/// The names of the PNG files in `out`, each of which is read whole.
fn pictures(sandbox: &Sandbox) -> Vec<String> {
    let names = sandbox.names("out").into_iter().filter(|name| name.ends_with(".png"));
    let names: Vec<String> = names.collect();
    for name in &names {
        let bytes = fs::read(sandbox.path("out").join(name)).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert!(pixels.iter().any(|&byte| byte < 100), "{name} is blank");
    }
    names
}

#[test]
fn the_same_run_draws_the_same_pictures() {
    let sandbox = Sandbox::with_digits(310, 120);
    let mut bytes = vec![];
    for threads in [1, 3] {
        sandbox.ok(&format!("{SMALL} --quiet --threads {threads}"));
        let names = pictures(&sandbox);
        assert_eq!(names.len(), 7);
        let read = |name: &String| fs::read(sandbox.path("out").join(name)).unwrap();
        bytes.push(names.iter().map(read).collect::<Vec<_>>());
    }
    assert_eq!(bytes[0], bytes[1]);
}

#[test]
fn without_height_and_width_there_are_no_maps() {
    let sandbox = Sandbox::new();
    let labels = |n: usize| (0..n).map(|i| (i % 3) as u8).collect::<Vec<u8>>();
    fs::create_dir_all(sandbox.path("data")).unwrap();
    for (images, names, n) in
        [(Role::TrainImages, Role::TrainLabels, 90), (Role::TestImages, Role::TestLabels, 30)]
    {
        let features: Vec<f32> = (0..n * 4).map(|i| (i / 4 % 3 * 2 + i % 4) as f32 - 2.5).collect();
        let idx = Idx::from_values(vec![n, 4], &features).unwrap();
        idx::write(sandbox.path("data").join(images.names()[0]), &idx, idx::Compression::None)
            .unwrap();
        put(&sandbox.path("data").join(names.names()[0]), &[n], labels(n));
    }
    sandbox.ok("train --data data --classes 3 --validation 9 --batch-size 9 --epochs 1 --out out");
    let expected = ["classes.png", "confusion.png", "learning_curves.png", "reliability.png"];
    assert_eq!(pictures(&sandbox), expected);
    let explain = "explain --model out/model.safetensors --index 1";
    let why = sandbox.ok(explain);
    assert!(why.contains(", by features:\n  feature ") && !why.contains("the image"), "{why}");
    let none = "data without height and width have no picture";
    sandbox.refused(&format!("{explain} --out why.png"), 2, &[none]);
    assert!(sandbox.ok("gradcheck --data data --classes 3 --batch-size 30").contains("4 features"));
    // Among very many classes none has a place.
    sandbox
        .ok("train --data data --classes 65536 --validation 9 --batch-size 9 --epochs 1 --out out");
    assert_eq!(pictures(&sandbox), ["learning_curves.png", "reliability.png"]);
}

#[test]
fn a_picture_that_cannot_be_written_is_an_error() {
    let sandbox = Sandbox::with_digits(310, 120);
    fs::create_dir_all(sandbox.path("out/weights.png")).unwrap();
    sandbox.run(&format!("{SMALL} --quiet")).failed(4, &["weights.png: cannot be written"]);
}

#[test]
fn every_surrounding_gets_plain_text() {
    let sandbox = Sandbox::with_digits(310, 120);
    for words in [SMALL, "inspect out", "inspect out/model.safetensors"] {
        for columns in ["20", "80"] {
            for (name, value) in [("TERM", "dumb"), ("NO_COLOR", "1"), ("COLORTERM", "truecolor")] {
                let mut command = sandbox.command(words.split_whitespace());
                command.env("COLUMNS", columns).env("LANG", "en_US.UTF-8").env(name, value);
                let text = run(&mut command).ok();
                // The digits and maps are for a person, or asked for.
                assert!(text.is_ascii() && !text.contains('\x1b'), "{words}: {text}");
                if let Some((_, maps)) = text.split_once("versions") {
                    let maps: Vec<&str> =
                        maps.lines().skip_while(|line| !line.is_empty()).collect();
                    let wide = maps.iter().map(|line| line.len()).filter(|&n| n > 20).count();
                    assert!(columns == "80" || wide <= 1, "{maps:?}");
                    assert!(maps.iter().any(|line| line.contains("+++")), "{maps:?}");
                }
            }
        }
        let mut child = sandbox
            .command(words.split_whitespace())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr.as_slice()),
            (Some(0), &b""[..]),
            "{words}"
        );
    }
}

#[test]
fn colours_of_a_models_weights() {
    let sandbox = Sandbox::with_digits(310, 120);
    sandbox.ok(SMALL);
    let text = sandbox.ok("inspect out --graphics half-block");
    assert!(text.contains("\x1b[48;2;255;255;255m") && text.contains("red speaks for the class"));
    let text = sandbox.ok("inspect out --graphics braille");
    assert!(!text.contains('\x1b') && text.contains("# and + speak for the class"));
}
