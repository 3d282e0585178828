//! What the pictures for files look like, pixel by pixel: hashes of their pixels, of made data.
//!
//! A hash that changes is a picture that changed: write it out with PICTURES_OUT=DIR, look at it, then
//! pin the new hash.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::path::Path;

use pictures::classes::{Class, classes};
use pictures::confusion::confusion;
use pictures::curves::{Curves, Point, curves};
use pictures::explanation::{Words, explanation};
use pictures::reliability::{bins, reliability};
use pictures::samples::{SIDE, Sample, first, samples};
use pictures::weights::weights;
use pictures::{Image, Picture};

/// FNV-1a, 64 bits: enough to notice a change.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[track_caller]
fn check(name: &str, image: &Image, expected: u64) {
    let png = image.png().unwrap();
    // The file holds the pixels.
    let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((frame.width as usize, frame.height as usize), (image.width(), image.height()));
    assert_eq!(pixels, image.rgb());
    let size = [image.width() as u64, image.height() as u64].map(u64::to_le_bytes).concat();
    let found = hash(&[&size, image.rgb()].concat());
    if let Some(folder) = std::env::var_os("PICTURES_OUT") {
        std::fs::write(Path::new(&folder).join(format!("{name}.png")), &png).unwrap();
        println!("{name} {found:#018x}");
        return;
    }
    assert_eq!(found, expected, "{name}: {found:#018x}; look at it, then pin it");
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|class| class.to_string()).collect()
}

fn fashion() -> Vec<String> {
    [
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// A number that looks random, from 0 to 1; the same everywhere.
fn noise(i: usize) -> f64 {
    (i * 7_919 % 1_009) as f64 / 1_008.0
}

/// An image of a ring, its size by the class.
fn ring(class: u32, (height, width): (usize, usize)) -> Vec<u8> {
    let radius = 4 + class as usize;
    let ink = |y: usize, x: usize| {
        let (dy, dx) = (y.abs_diff(height / 2), x.abs_diff(width / 2));
        let off = (dy * dy + dx * dx).abs_diff(radius * radius);
        255usize.saturating_sub(12 * off) as u8
    };
    (0..height * width).map(|i| ink(i / width, i % width)).collect()
}

fn grid(count: usize, right: bool, size: (usize, usize), names: &[String]) -> Image {
    let classes: Vec<(u32, u32)> =
        (0..count as u32).map(|i| (i % 10, if right { i % 10 } else { (i + 3) % 10 })).collect();
    let pixels: Vec<Vec<u8>> = classes.iter().map(|&(label, _)| ring(label, size)).collect();
    let shown = classes.iter().zip(&pixels).map(|(&(label, predicted), pixels)| Sample {
        picture: Picture::new(pixels, size),
        label,
        predicted,
    });
    let heading = if right { "Correct examples" } else { "Misclassified examples" };
    samples(heading, "of made data", &shown.collect::<Vec<_>>(), names)
}

#[test]
fn grids_of_examples() {
    check("grid", &grid(9, false, (28, 28), &numbers(10)), 0x6509_9992_efd4_b6bc);
    check("grid-names", &grid(9, false, (28, 28), &fashion()), 0xfb27_34e4_dc5d_921b);
    check("grid-few", &grid(4, true, (12, 40), &numbers(10)), 0x3c00_fb8c_1d0f_8d31);
    check("grid-none", &grid(0, true, (28, 28), &numbers(10)), 0xba46_d455_98c3_e1b7);
    check("grid-large", &grid(2, true, (600, 400), &numbers(10)), 0xdc78_6be5_3418_8494);
}

#[test]
fn explanations() {
    let draw = |size: (usize, usize), classes: &str| {
        let pixels = ring(5, size);
        let share = |(i, &ink): (usize, &u8)| (noise(i) as f32 - 0.5) * f32::from(ink) / 255.0;
        let shares: Vec<f32> = pixels.iter().enumerate().map(share).collect();
        let words = Words {
            heading: "Why 3 and not 5",
            subtitle: "test image 8: taken for 3 (83.4%), and is 5 (9.8%); red pixels speak for 3, blue ones (−) for 5",
            classes,
        };
        explanation(Picture::new(&pixels, size), &shares, 0.5, &words)
    };
    check("explanation", &draw((28, 28), "3 against 5"), 0xf312_70bf_ca76_eb4f);
    check(
        "explanation-wide",
        &draw((12, 40), "Ankle boot against T-shirt/top"),
        0x50ea_442c_de38_68b0,
    );
    check("explanation-large", &draw((600, 400), "3 against 5"), 0x53ba_484a_d36d_5b55);
    check("explanation-strip", &draw((1, 784), "3 against 5"), 0xd12c_1852_5143_4fdf);
}

/// A run of so many epochs with so many logged steps each.
fn run(epochs: usize, logged: usize) -> (Vec<Point>, Vec<Point>) {
    let point = |at: f64, noise: f64| {
        let loss = 2.3 / (1.0 + 6.0 * at) + 0.25 + 0.1 * noise;
        Point { at, loss, accuracy: 1.0 - 0.35 * loss }
    };
    let steps = (0..epochs * logged).map(|i| point(i as f64 / logged as f64, noise(i)));
    (steps.collect(), (1..=epochs).map(|epoch| point(epoch as f64, 0.5)).collect())
}

#[test]
fn learning_curves() {
    let draw = |steps: &[Point], validation: &[Point]| {
        curves(&Curves { subtitle: "of made data", steps, validation, steps_per_epoch: 550 })
    };
    let (steps, validation) = run(10, 6);
    check("curves", &draw(&steps, &validation), 0x81b5_9c8b_c996_a5de);
    let (steps, validation) = run(2, 5_500);
    check("curves-dense", &draw(&steps, &validation), 0x1e13_a6c8_3f13_98ca);
    let (steps, validation) = run(300, 1);
    check("curves-long", &draw(&steps, &validation), 0x1ae6_a382_0356_7a34);
    check("curves-one", &draw(&run(1, 1).0, &[]), 0x1399_1bf8_fdc7_335b);
    check("curves-none", &draw(&[], &[]), 0x9a59_29b6_b69c_cdf9);
    // A rate of learning that is far too large, and one that is larger still.
    for (name, size, pinned) in
        [("curves-large", 1e9, 0xacd4_b535_8360_c130), ("curves-huge", 1e30, 0x0059_157a_a1c3_70e6)]
    {
        let (mut steps, mut validation) = run(2, 30);
        steps[1..].iter_mut().chain(&mut validation).for_each(|point| point.loss *= size);
        check(name, &draw(&steps, &validation), pinned);
    }
    // All is right: an axis of accuracies ends at 100 % all the same.
    let (mut steps, mut validation) = run(3, 1);
    steps.iter_mut().chain(&mut validation).for_each(|point| point.accuracy = 1.0);
    check("curves-right", &draw(&steps, &validation), 0xde18_7169_58cf_9db7);
    // What is not a number is left out, and nothing panics.
    let bad = Point { at: 0.5, loss: f64::NAN, accuracy: f64::NAN };
    draw(&[bad, bad], &[bad]);
}

#[test]
fn weight_maps() {
    let made = |(height, width): (usize, usize), classes: usize| -> Vec<f32> {
        (0..height * width * classes)
            .map(|i| {
                let (pixel, class) = (i / classes, i % classes);
                let (y, x) = (pixel / width, pixel % width);
                (noise(class * 13 + (y / 4) * 7 + x / 4) as f32 - 0.5) * 0.8
            })
            .collect()
    };
    check("weights", &weights(&made((28, 28), 10), (28, 28), &fashion()), 0xc143_e292_cb90_34df);
    check("weights-2", &weights(&made((8, 8), 2), (8, 8), &numbers(2)), 0x151d_516c_9412_2637);
    check(
        "weights-47",
        &weights(&made((28, 28), 47), (28, 28), &numbers(47)),
        0xd384_b159_783f_0851,
    );
    check(
        "weights-large",
        &weights(&made((300, 200), 3), (300, 200), &numbers(3)),
        0x9045_7e1d_bcca_eb30,
    );
    check("weights-zero", &weights(&[0.0; 20], (2, 5), &numbers(2)), 0x61e0_c032_c477_352e);
}

/// Mostly right counts.
fn counts(classes: usize) -> Vec<usize> {
    let count = |label: usize, predicted: usize| match label.abs_diff(predicted) {
        0 => 900 + label,
        1 => 30 * (label % 3),
        _ => (noise(label * classes + predicted) * 9.0) as usize,
    };
    (0..classes * classes).map(|i| count(i / classes, i % classes)).collect()
}

#[test]
fn confusion_matrices() {
    let draw = |names: &[String]| confusion(&counts(names.len()), names, "of made data");
    check("confusion", &draw(&numbers(10)), 0x0508_3258_9fc7_31b7);
    check("confusion-names", &draw(&fashion()), 0xf9aa_ea3c_0e2a_ddfc);
    check("confusion-2", &draw(&numbers(2)), 0xdfc7_740f_5425_673d);
    check("confusion-26", &draw(&numbers(26)), 0xde41_a13e_ba76_2057);
    check("confusion-47", &draw(&numbers(47)), 0x02e6_12f9_854e_1634);
    check("confusion-100", &draw(&numbers(100)), 0x872e_3a86_4b55_e820);
    check(
        "confusion-zero",
        &confusion(&[0; 9], &numbers(3), "nothing at all"),
        0xbb9f_047c_6c9c_c756,
    );
}

#[test]
fn reliability_diagrams() {
    let predictions = (0..3_000).map(|i| {
        let confidence = 1.0 - 0.7 * noise(i) * noise(i + 5);
        (confidence as f32, noise(i * 3 + 1) < confidence - 0.04)
    });
    check("reliability", &reliability(&bins(predictions), "of made data"), 0x6a58_30bb_3678_e51d);
    check("reliability-none", &reliability(&bins([]), "of nothing"), 0xc4d6_beb0_9230_8642);
}

#[test]
fn tables_of_classes() {
    let made = |count: usize| -> Vec<Class> {
        (0..count)
            .map(|i| Class {
                precision: 0.99 - 0.1 * noise(i),
                recall: if i == 3 { f64::NAN } else { 0.97 - 0.12 * noise(i + 9) },
                f1: 0.95 - 0.05 * noise(i),
                support: 900 + i,
            })
            .collect()
    };
    check("classes", &classes(&made(10), &fashion(), "of made data"), 0x5cc7_a884_e148_8229);
    check(
        "classes-100",
        &classes(&made(100), &numbers(100), "of made data"),
        0x8e72_42b1_d2fc_a742,
    );
}

proptest::proptest! {
    /// The grid of right ones holds only right ones, the other only wrong ones; both the first there are.
    #[test]
    fn grids_hold_what_they_say(pairs in proptest::collection::vec((0u32..4, 0u32..4), 0..60)) {
        let (labels, predicted): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
        for right in [true, false] {
            let all: Vec<usize> =
                (0..pairs.len()).filter(|&i| (labels[i] == predicted[i]) == right).collect();
            let chosen = first(&labels, &predicted, right, SIDE * SIDE);
            assert_eq!(chosen, all[..all.len().min(9)]);
        }
    }
}
