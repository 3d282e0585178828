//! `mnist predict`: pictures that people draw are read right.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

mod bad;
#[path = "../common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use common::{Sandbox, json_lines, put, run};
use kernels::Isa;
use kernels::team::Team;
use model::trainer::Silent;
use model::{Classifier, DataSets, Metadata, Model, Parameters, TrainConfig, Trainer, synthetic};
use png::{BitDepth, ColorType, Encoder};

const FEATURES: usize = 28 * 28;

/// A model of the synthetic digits, trained for one epoch; the test digits; and the model's file.
fn trained() -> &'static (Model, DataSets, Vec<u8>) {
    static TRAINED: OnceLock<(Model, DataSets, Vec<u8>)> = OnceLock::new();
    TRAINED.get_or_init(|| {
        let sets = DataSets::synthetic().unwrap();
        let config = TrainConfig { epochs: 1, ..TrainConfig::default() };
        let (isa, team) = (Isa::detect(), Team::new(2).unwrap());
        let mut trainer = Trainer::new(config.clone(), &sets.train, 10, isa, team).unwrap();
        trainer.run(&mut Silent).unwrap();
        let (names, image) = (sets.info.classes.clone(), Some((28, 28)));
        let metadata = Metadata::new(&config, names, image, sets.info.sha256.clone());
        let model = Model { parameters: trainer.parameters(), metadata };
        let bytes = model.to_bytes().unwrap();
        (model, sets, bytes)
    })
}

/// A sandbox with that model's file.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    fs::write(sandbox.path("model.safetensors"), &trained().2).unwrap();
    sandbox
}

/// A PNG picture of (height, width).
fn write_png(
    path: &Path,
    (height, width): (usize, usize),
    (colour, depth): (ColorType, BitDepth),
    bytes: &[u8],
) {
    let mut png = Vec::new();
    let mut encoder = Encoder::new(&mut png, width as u32, height as u32);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == ColorType::Indexed {
        // 0 is white paper, 1 dark blue ink.
        encoder.set_palette([255, 255, 255, 0, 0, 90].as_slice());
    }
    encoder.write_header().unwrap().write_image_data(bytes).unwrap();
    fs::write(path, png).unwrap();
}

fn write_grey(path: &Path, size: (usize, usize), greys: &[u8]) {
    write_png(path, size, (ColorType::Grayscale, BitDepth::Eight), greys);
}

/// The pixels of test digit `i`, and its label.
fn test_digit(i: u32) -> (Vec<u8>, u8) {
    let digit = synthetic::digits(synthetic::TRAINING + i..synthetic::TRAINING + i + 1);
    (digit.images, digit.labels[0])
}

/// A digit ten times as large, black on white.
fn drawn(digit: &[u8]) -> Vec<u8> {
    (0..280 * 280).map(|i| 255 - digit[i / 280 / 10 * 28 + i % 280 / 10]).collect()
}

/// Which answers are right, of the first test digit of each label, drawn into a file by `draw`.
fn right(draw: impl Fn(&Path, &[u8])) -> usize {
    let sandbox = sandbox();
    let labels = (0..).map(test_digit);
    let mut digits: Vec<Option<Vec<u8>>> = vec![None; 10];
    for (pixels, label) in labels {
        digits[usize::from(label)].get_or_insert(pixels);
        if digits.iter().all(Option::is_some) {
            break;
        }
    }
    for (label, digit) in digits.iter().enumerate() {
        draw(&sandbox.path(format!("{label}.png")), digit.as_ref().unwrap());
    }
    let names: Vec<String> = (0..10).map(|label| format!("{label}.png")).collect();
    let lines = sandbox.ok(&format!("predict --model model.safetensors {}", names.join(" ")));
    assert_eq!(lines.lines().count(), 10, "{lines}");
    let is_right = |(label, line): &(usize, &str)| {
        assert!(line.contains("%), runner-up "), "{line}");
        line.starts_with(&format!("{label}.png: {label} ("))
    };
    lines.lines().enumerate().filter(is_right).count()
}

#[test]
fn digits_drawn_large_are_read() {
    let right = right(|path, digit| write_grey(path, (280, 280), &drawn(digit)));
    assert!(right >= 9, "{right} of 10");
}

#[test]
fn digits_drawn_in_a_corner_are_read() {
    let right = right(|path, digit| {
        // 28 x 28 in the corner of a black sheet of 90 x 60.
        let mut sheet = vec![0; 90 * 60];
        digit
            .chunks(28)
            .enumerate()
            .for_each(|(y, row)| sheet[y * 60..][..28].copy_from_slice(row));
        write_grey(path, (90, 60), &sheet);
    });
    assert!(right >= 9, "{right} of 10");
}

#[test]
fn colour_type_and_depth_change_nothing() {
    let sandbox = sandbox();
    let (digit, _) = test_digit(0);
    let ink: Vec<bool> = drawn(&digit).iter().map(|&grey| grey < 128).collect();
    let pixels = |of: &dyn Fn(bool) -> Vec<u8>| ink.iter().flat_map(|&ink| of(ink)).collect();
    let bits = |flip: u8| -> Vec<u8> {
        let rows = ink
            .chunks(8)
            .map(|bits| bits.iter().fold(0, |byte, &bit| byte << 1 | u8::from(bit)) ^ flip);
        rows.collect()
    };
    let write = |name: &str, kind: (ColorType, BitDepth), bytes: Vec<u8>| {
        write_png(&sandbox.path(name), (280, 280), kind, &bytes);
    };
    let grey = |ink: bool| if ink { 0 } else { 255 };
    let eight = BitDepth::Eight;
    write("grey.png", (ColorType::Grayscale, eight), pixels(&|ink| vec![grey(ink)]));
    write(
        "grey16.png",
        (ColorType::Grayscale, BitDepth::Sixteen),
        pixels(&|ink| vec![grey(ink); 2]),
    );
    write("grey1.png", (ColorType::Grayscale, BitDepth::One), bits(0xff));
    write("negative1.png", (ColorType::Grayscale, BitDepth::One), bits(0));
    write("rgb.png", (ColorType::Rgb, eight), pixels(&|ink| vec![grey(ink), grey(ink), 255]));
    write("rgb16.png", (ColorType::Rgb, BitDepth::Sixteen), pixels(&|ink| vec![grey(ink); 6]));
    write("palette.png", (ColorType::Indexed, eight), pixels(&|ink| vec![u8::from(ink)]));
    write("palette1.png", (ColorType::Indexed, BitDepth::One), bits(0));
    let alpha = |ink: bool| if ink { 255 } else { 0 };
    write("rgba.png", (ColorType::Rgba, eight), pixels(&|ink| vec![9, 9, 9, alpha(ink)]));
    write("white.png", (ColorType::GrayscaleAlpha, eight), pixels(&|ink| vec![255, alpha(ink)]));
    write("faint.png", (ColorType::GrayscaleAlpha, eight), pixels(&|ink| vec![0, alpha(ink) / 3]));
    let names = sandbox.names(".").into_iter().filter(|name| name.ends_with(".png"));
    let names: Vec<String> = names.collect();
    let words = format!("predict --json --model model.safetensors {}", names.join(" "));
    let answers = json_lines(&sandbox.ok(&words));
    assert_eq!(answers.len(), 11);
    for answer in &answers {
        assert_eq!(answer["probabilities"], answers[0]["probabilities"], "{answer}");
        assert_eq!(answer["centred"], true);
    }
}

#[test]
fn a_picture_of_the_models_size_is_taken_as_it_is() {
    let (model, sets, _) = trained();
    let sandbox = sandbox();
    let digits = synthetic::digits(synthetic::TRAINING..synthetic::TRAINING + 20).images;
    put(&sandbox.path("digits-idx3-ubyte"), &[20, 28, 28], digits.clone());
    let names: Vec<String> = (0..20).map(|i| format!("{i}.png")).collect();
    for (name, digit) in names.iter().zip(digits.chunks(FEATURES)) {
        write_grey(&sandbox.path(name), (28, 28), digit);
    }
    let words = "predict --json --model model.safetensors";
    let of_idx = json_lines(&sandbox.ok(&format!("{words} digits-idx3-ubyte")));
    let of_png = json_lines(&sandbox.ok(&format!("{words} {}", names.join(" "))));
    let classifier = Classifier::new(Isa::detect(), &model.parameters, &sets.test);
    let expected = classifier.predict(&sets.test, 0..20).unwrap();
    assert_eq!((of_idx.len(), of_png.len()), (20, 20));
    for (i, prediction) in expected.iter().enumerate() {
        let (idx, png) = (&of_idx[i], &of_png[i]);
        assert_eq!((&idx["file"], &idx["index"]), (&"digits-idx3-ubyte".into(), &i.into()));
        assert_eq!((&png["file"], &png["centred"]), (&names[i].as_str().into(), &false.into()));
        assert!(png.get("index").is_none() && idx.get("centred").is_none());
        for found in [idx, png] {
            let probabilities: Vec<f32> =
                serde_json::from_value(found["probabilities"].clone()).unwrap();
            assert_eq!(probabilities, prediction.probabilities);
            assert_eq!(found["class"], prediction.class);
            assert_eq!(found["label"], prediction.class.to_string());
            assert_eq!(found["runner_up"]["class"], prediction.runner_up);
        }
    }
    let lines = sandbox.ok("predict --model model.safetensors digits-idx3-ubyte");
    for (i, (line, prediction)) in lines.lines().zip(&expected).enumerate() {
        let answer = |class: u32| {
            let chance = 100.0 * prediction.probabilities[class as usize];
            format!("{class} ({chance:.1}%)")
        };
        let (best, next) = (answer(prediction.class), answer(prediction.runner_up));
        assert_eq!(line, format!("digits-idx3-ubyte[{i}]: {best}, runner-up {next}"));
    }
}

#[test]
fn what_the_model_saw_is_shown() {
    let sandbox = sandbox();
    write_grey(&sandbox.path("digit.png"), (280, 280), &drawn(&test_digit(0).0));
    let show = |columns: &str, graphics: &str| {
        let words =
            format!("predict --show --graphics {graphics} --model model.safetensors digit.png");
        let mut command = sandbox.command(words.split(' '));
        run(command.env("COLUMNS", columns).env("NO_COLOR", "1")).ok()
    };
    for graphics in ["auto", "ascii", "braille"] {
        for columns in ["20", "40", "80"] {
            let text = show(columns, graphics);
            let drawing: Vec<&str> = text.lines().skip(1).collect();
            assert!(drawing.len() >= 11 && !text.contains('\x1b'), "{text}");
            for line in drawing {
                assert!(line.chars().count() <= columns.parse().unwrap(), "{line:?}");
            }
        }
    }
    let text = show("80", "auto");
    assert!(text.is_ascii() && text.contains("seen inverted, scaled and centred"), "{text}");
    assert!(show("80", "half-block").contains("\x1b[38;2;"));
}

#[test]
fn a_picture_of_the_largest_size_is_read() {
    let sandbox = sandbox();
    let (digit, label) = test_digit(1);
    let pixels: Vec<u8> =
        (0..4000 * 4000).map(|i| digit[i / 4000 / 143 * 28 + i % 4000 / 143]).collect();
    write_grey(&sandbox.path("large.png"), (4000, 4000), &pixels);
    let line = sandbox.ok("predict --model model.safetensors large.png");
    assert!(line.starts_with(&format!("large.png: {label} (")), "{line}");
}

#[test]
fn models_of_other_shapes() {
    let sandbox = sandbox();
    let save = |name: &str, features, classes: &[&str], image| {
        let classes: Vec<String> = classes.iter().map(|&class| class.to_owned()).collect();
        let weights = (0..features * classes.len()).map(|i| (i % 7) as f32).collect();
        let parameters = Parameters { weights, bias: vec![0.0; classes.len()] };
        let metadata = Metadata::new(&TrainConfig::default(), classes, image, String::new());
        Model { parameters, metadata }.write(&sandbox.path(name)).unwrap();
    };
    save("flat", 6, &["cat", "dog\u{1b}[2J"], None);
    save("tall", 12, &["hen", "owl", "jay"], Some((6, 2)));
    save("one", 6, &["all"], Some((2, 3)));
    put(&sandbox.path("rows"), &[2, 6], vec![1; 12]);
    put(&sandbox.path("talls"), &[1, 6, 2], vec![1; 12]);
    put(&sandbox.path("smalls"), &[1, 2, 3], vec![1; 6]);
    write_grey(&sandbox.path("digit.png"), (280, 280), &drawn(&test_digit(0).0));

    let lines = sandbox.ok("predict --show --model flat rows");
    assert!(lines.contains("rows[1]: ") && !lines.contains('\x1b'), "{lines}");
    sandbox.refused("predict --model flat digit.png", 3, &["digit.png", "not images", "IDX"]);
    sandbox.refused(
        "predict --model flat talls",
        3,
        &["takes 6 features, and these are 1 x 6 x 2"],
    );
    assert!(sandbox.ok("predict --show --model tall talls digit.png").contains("digit.png: "));
    assert_eq!(sandbox.ok("predict --model one smalls"), "smalls[0]: all (100.0%)\n");
}
