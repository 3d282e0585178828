//! What the terminal pictures look like, character by character.
//!
//! The expected text stands in golden/; with UPDATE_GOLDEN=1 it is written anew, to be looked at.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::fs;
use std::path::PathBuf;

use pictures::Picture;
use pictures::terminal::{Bar, Graphics, Titled, bars, beside, grid, per_row, sparkline, weights};
use unicode_width::UnicodeWidthStr;

const ALL: [Graphics; 3] = [Graphics::HalfBlock, Graphics::Braille, Graphics::Ascii];

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

#[track_caller]
fn check(name: &str, found: &str) {
    let path = golden(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, found).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{name}; if the new one is right, set UPDATE_GOLDEN=1");
}

/// The pixels of a golden digit, 28 x 28.
fn digit(name: &str) -> Vec<u8> {
    let text = fs::read_to_string(golden(name)).unwrap();
    let numbers = text.strip_prefix("P2\n28 28\n255\n").unwrap().split_whitespace();
    numbers.map(|number| number.parse().unwrap()).collect()
}

fn digits() -> [(&'static str, Vec<u8>); 2] {
    [("True: 3", digit("three.pgm")), ("True: 5, Pred: 6", digit("five.pgm"))]
}

fn titled<'a>(digits: &'a [(&'a str, Vec<u8>)]) -> Vec<Titled<'a>> {
    let titled = digits.iter().map(|(title, pixels)| Titled {
        title: (*title).to_owned(),
        picture: Picture::new(pixels, (28, 28)),
    });
    titled.collect()
}

/// A text as the terminal shows it: without colour codes.
fn plain(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').expect("the end of a code").1)
}

#[track_caller]
fn no_wider(text: &str, columns: usize) {
    for line in plain(text).lines() {
        assert!(line.width() <= columns, "{} columns, not {columns}: {line:?}", line.width());
    }
}

#[test]
fn digits_side_by_side() {
    let digits = digits();
    for (graphics, name) in ALL.into_iter().zip(["half_block", "braille", "ascii"]) {
        check(&format!("{name}_80.txt"), &grid(&titled(&digits), graphics, 80));
        check(&format!("{name}_20.txt"), &grid(&titled(&digits), graphics, 20));
    }
}

#[test]
fn a_digit_beside_its_probabilities() {
    let pixels = digit("three.pgm");
    let chances = [("3", 0.901), ("5", 0.0725), ("8", 0.02), ("0", 0.0)];
    let chances = chances.map(|(label, value)| Bar {
        label: label.to_owned(),
        note: format!("{:.1}%", 100.0 * value),
        value,
    });
    for (graphics, name) in ALL.into_iter().zip(["half_block", "braille", "ascii"]) {
        for columns in [60, 20] {
            let picture = Picture::new(&pixels, (28, 28));
            let text =
                beside(picture, graphics, columns, |room| bars(&chances, 1.0, graphics, room));
            check(&format!("{name}_beside_{columns}.txt"), &text);
        }
    }
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    let pixels: Vec<u8> = (0..200 * 300).map(|i| (i * 37 % 256) as u8).collect();
    let sizes =
        [(1, 1), (28, 28), (3, 200), (200, 3), (27, 29), (200, 300), (0, 5), (5, 0), (0, 0)];
    for graphics in ALL {
        for columns in (0..24).chain([28, 40, 80, 200]) {
            let images = sizes.map(|(height, width)| Titled {
                title: "ten of them: すつなはまやれを".to_owned(),
                picture: Picture::new(&pixels[..height * width], (height, width)),
            });
            no_wider(&grid(&images, graphics, columns), columns.max(1));
            for image in &images {
                no_wider(&grid(std::slice::from_ref(image), graphics, columns), columns.max(1));
                let chart = |room| {
                    let bar = |label: &str, value| Bar {
                        label: label.to_owned(),
                        note: "12.5%".to_owned(),
                        value,
                    };
                    bars(&[bar("すつな", 1.0), bar("a\nb", f64::NAN)], 1.0, graphics, room)
                };
                no_wider(&beside(image.picture, graphics, columns, chart), columns.max(1));
                assert!(per_row(image.picture, graphics, columns) >= 1);
            }
        }
    }
}

#[test]
fn as_many_stand_in_a_row_as_fit() {
    let image = |width| Titled {
        title: "7".to_owned(),
        picture: Picture::new(&[255; 2 * 9][..2 * width], (2, width)),
    };
    for (columns, width) in (1..60).flat_map(|columns| (1..10).map(move |width| (columns, width))) {
        let drawn = width.min(columns);
        let text = grid(&vec![image(width); 20], Graphics::Ascii, columns);
        let in_a_row = text.lines().next().unwrap().matches('7').count();
        let expected = (1..=20).rev().find(|n| n * (drawn + 2) - 2 <= columns).unwrap();
        assert_eq!(in_a_row, expected, "{width} in {columns}");
        no_wider(&text, columns);
    }
}

#[test]
fn bars_do_not_grow_with_the_terminal() {
    let bar = Bar { label: "5".to_owned(), note: "all".to_owned(), value: 2.0 };
    let line = bars(&[bar], 2.0, Graphics::Braille, 500);
    assert_eq!(line, format!("5  all {}\n", "█".repeat(40)));
}

#[test]
fn an_image_too_wide_is_shrunk_in_its_shape() {
    let pixels = vec![255; 100 * 50];
    let text = grid(
        &[Titled { title: String::new(), picture: Picture::new(&pixels, (50, 100)) }],
        Graphics::Ascii,
        20,
    );
    assert_eq!(text, format!("\n{}", "@@@@@@@@@@@@@@@@@@@@\n".repeat(5)));
}

#[test]
fn full_ink_and_paper_are_the_ends_of_every_ramp() {
    let ends = [0, 255];
    let draw = |graphics| {
        let picture = Picture::new(&ends, (1, 2));
        plain(&grid(&[Titled { title: "x".to_owned(), picture }], graphics, 80))
    };
    assert_eq!(draw(Graphics::Ascii), "x\n @\n");
    assert_eq!(draw(Graphics::Braille), "x\n⠈\n");
    assert_eq!(draw(Graphics::HalfBlock), "x\n▀▀\n");
}

#[test]
fn titles_can_not_move_the_cursor() {
    let picture = Picture::new(&[0; 4], (2, 2));
    let title = "\x1b[31mred\r\n".to_owned();
    assert_eq!(grid(&[Titled { title, picture }], Graphics::Ascii, 80), "?[31mred??\n\n");
}

#[test]
fn weight_maps_fit_every_width() {
    // For the class on the left, against it on the right.
    let values: Vec<f32> = (0..28 * 28).map(|i| if i % 28 < 14 { 0.5 } else { -0.5 }).collect();
    let maps: Vec<(String, &[f32])> =
        (0..10).map(|class: u32| (class.to_string(), &values[..])).collect();
    for columns in [0, 1, 3, 14, 20, 30, 79, 80, 200] {
        for graphics in ALL {
            let text = weights(&maps, (28, 28), 0.5, graphics, columns);
            no_wider(&text, columns.max(1));
            assert_eq!(text.contains('\x1b'), graphics == Graphics::HalfBlock);
            if columns >= 3 && graphics != Graphics::HalfBlock {
                let signs = text.lines().filter(|line| line.contains('#'));
                assert!(signs.clone().count() > 0);
                assert!(signs.clone().all(|line| line.find('#') < line.find('=')), "{text}");
            }
        }
    }
    let text = weights(&maps, (28, 28), 0.5, Graphics::HalfBlock, 80);
    // Five stand side by side: nothing but the two ends of the scale and what lies between them.
    assert_eq!(text.lines().filter(|line| line.starts_with(['0', '5'])).count(), 2);
    assert!(text.contains("\x1b[48;2;103;5;15m") && text.contains("\x1b[48;2;6;43;85m"));
    // Against nothing, all is about zero.
    let text = weights(&maps[..1], (28, 28), 5.0, Graphics::Ascii, 40);
    assert!(text.lines().skip(1).all(|line| line.trim().is_empty()), "{text}");
}

#[test]
fn sparklines_have_a_bar_for_each_number_that_fits() {
    let falling: Vec<f64> = (0..100).map(|i| 2.0 / f64::from(i + 1)).collect();
    for columns in 0..=120 {
        let line = sparkline(&falling, 2.0, Graphics::Braille, columns);
        assert_eq!(line.chars().count(), columns.min(100));
        assert!(line.chars().collect::<Vec<_>>().is_sorted_by(|a, b| a >= b), "{line}");
        assert!(sparkline(&falling, 2.0, Graphics::Ascii, columns).is_ascii());
    }
    assert_eq!(sparkline(&[f64::NAN, 9.0, -1.0], 1.0, Graphics::Braille, 9), " █▁");
    assert_eq!(sparkline(&[1.0, 0.0], 0.0, Graphics::Ascii, 9), "@ ");
}
