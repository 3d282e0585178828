//! Pictures of digits become images like MNIST's.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use model::prepare::{Blank, Channels, Grey, prepare, to_grey};
use model::synthetic;
use proptest::prelude::*;

const MODEL: (usize, usize) = (28, 28);

fn grey(height: usize, width: usize) -> impl Strategy<Value = (Vec<u8>, (usize, usize))> {
    (1..=height, 1..=width).prop_flat_map(|(height, width)| {
        let pixels = prop_oneof![
            prop::collection::vec(any::<u8>(), height * width),
            prop::collection::vec(prop_oneof![Just(0), Just(255)], height * width),
            prop::collection::vec(prop_oneof![20 => Just(250u8), 1 => any::<u8>()], height * width),
        ];
        (pixels, Just((height, width)))
    })
}

/// The rows and columns from the first to the last with ink, as (first, count).
fn extent(pixels: &[u8], width: usize) -> [(usize, usize); 2] {
    let ink: Vec<usize> = (0..pixels.len()).filter(|&i| pixels[i] > 0).collect();
    [|i: usize, width| i / width, |i: usize, width| i % width].map(|axis| {
        let places = || ink.iter().map(|&i| axis(i, width));
        let first = places().min().unwrap();
        (first, places().max().unwrap() + 1 - first)
    })
}

/// Digits as a person would draw them large: `factor` times the size, black on white, off the middle.
fn enlarged(image: &[u8], factor: usize, (top, left): (usize, usize)) -> (Vec<u8>, usize) {
    let side = 28 * factor + 60;
    let mut paper = vec![255; side * side];
    for (i, &ink) in image.iter().enumerate() {
        for y in 0..factor {
            let row = (top + i / 28 * factor + y) * side + left + i % 28 * factor;
            paper[row..][..factor].fill(255 - ink);
        }
    }
    (paper, side)
}

proptest! {
    #[test]
    fn never_panics_and_fits_the_box(
        (pixels, size) in grey(40, 40),
        height in 1_usize..40,
        width in 1_usize..40,
    ) {
        let Ok(image) = prepare(Grey::new(&pixels, size), (height, width)) else { return Ok(()) };
        prop_assert_eq!(image.pixels.len(), height * width);
        if image.centred && image.pixels.iter().any(|&ink| ink > 0) {
            let side = (height.min(width) * 5 / 7).max(1);
            let [(_, rows), (_, columns)] = extent(&image.pixels, width);
            prop_assert!(rows <= side && columns <= side, "{} x {} of {}", rows, columns, side);
        }
    }

    #[test]
    fn a_negative_is_the_same_digit((pixels, size) in grey(40, 40)) {
        let (low, high) = border_medians(&pixels, size);
        let least = i16::from(*pixels.iter().min().unwrap());
        let most = i16::from(*pixels.iter().max().unwrap());
        // An even border has two medians, and paper halfway has no ink side.
        prop_assume!(low == high && least + most != 2 * low);
        let negative: Vec<u8> = pixels.iter().map(|pixel| 255 - pixel).collect();
        let one = prepare(Grey::new(&pixels, size), MODEL).map(|image| image.pixels);
        let other = prepare(Grey::new(&negative, size), MODEL).map(|image| image.pixels);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn paper_and_place_change_nothing(
        index in synthetic::TRAINING..synthetic::TRAINING + synthetic::TEST,
        factor in 2_usize..12,
        top in 1_usize..59,
        left in 1_usize..59,
    ) {
        let digit = synthetic::digits(index..index + 1).images;
        let (here, side) = enlarged(&digit, factor, (30, 30));
        let (there, _) = enlarged(&digit, factor, (top, left));
        prop_assert_eq!(
            prepare(Grey::new(&here, (side, side)), MODEL),
            prepare(Grey::new(&there, (side, side)), MODEL)
        );
    }
}

/// The two values in the middle of the border, which has an even number of pixels.
fn border_medians(pixels: &[u8], (height, width): (usize, usize)) -> (i16, i16) {
    let at = |y: usize, x: usize| i16::from(pixels[y * width + x]);
    let mut border: Vec<i16> = (0..width).flat_map(|x| [at(0, x), at(height - 1, x)]).collect();
    border.extend((0..height).flat_map(|y| [at(y, 0), at(y, width - 1)]));
    border.sort_unstable();
    (border[(border.len() - 1) / 2], border[border.len() / 2])
}

#[test]
fn a_digit_enlarged_comes_back() {
    let mut same = 0;
    let digits = synthetic::digits(synthetic::TRAINING..synthetic::TRAINING + 500).images;
    for digit in digits.chunks_exact(784) {
        let [(_, rows), (_, columns)] = extent(digit, 28);
        if rows.max(columns) != 20 || digit.iter().max() != Some(&255) {
            continue;
        }
        let (paper, side) = enlarged(digit, 10, (7, 41));
        let image = prepare(Grey::new(&paper, (side, side)), MODEL).unwrap();
        assert_eq!(image.pixels, digit);
        assert!(image.inverted && image.centred);
        same += 1;
    }
    assert!(same > 50, "only {same} of 500 fill the box");
}

#[test]
fn the_models_size_is_taken_as_it_is() {
    let digit = synthetic::digits(0..1).images;
    let image = prepare(Grey::new(&digit, MODEL), MODEL).unwrap();
    assert_eq!(image.pixels, digit);
    assert!(!image.inverted && !image.centred);
    let negative: Vec<u8> = digit.iter().map(|ink| 255 - ink).collect();
    let image = prepare(Grey::new(&negative, MODEL), MODEL).unwrap();
    assert_eq!(image.pixels, digit);
    assert!(image.inverted && !image.centred);
}

#[test]
fn blank_pictures_are_refused() {
    for paper in [0, 127, 255] {
        for size in [(1, 1), (28, 28), (100, 3)] {
            let pixels = vec![paper; size.0 * size.1];
            assert_eq!(prepare(Grey::new(&pixels, size), MODEL), Err(Blank));
        }
    }
    // Paper's own grain is no ink, of 200 to 230 here.
    let grain: Vec<u8> = (0..10_000).map(|i| 200 + (i * 7919 % 31) as u8).collect();
    assert_eq!(prepare(Grey::new(&grain, (100, 100)), MODEL), Err(Blank));
}

#[test]
fn grey_and_grainy_paper_is_paper() {
    let digit = synthetic::digits(3..4).images;
    let (paper, side) = enlarged(&digit, 8, (20, 20));
    let clean = prepare(Grey::new(&paper, (side, side)), MODEL).unwrap();
    // From 90 (pencil) to 190 (paper), and some grain of 0 to 6.
    let photo: Vec<u8> = (0..)
        .zip(&paper)
        .map(|(i, &p): (usize, _)| 90 + (usize::from(p) * 100 / 255) as u8 + (i * 7919 % 7) as u8)
        .collect();
    let image = prepare(Grey::new(&photo, (side, side)), MODEL).unwrap();
    let apart: Vec<u8> =
        image.pixels.iter().zip(&clean.pixels).map(|(a, b)| a.abs_diff(*b)).collect();
    assert!(apart.iter().all(|&apart| apart < 64), "{apart:?}");
    // Dark on dark, where the paper is below half of white: what differs most is the ink.
    let dim: Vec<u8> = photo.iter().map(|pixel| pixel / 2).collect();
    assert!(prepare(Grey::new(&dim, (side, side)), MODEL).unwrap().inverted);
}

#[test]
fn a_digit_cut_out_tightly_is_the_same() {
    let digit = synthetic::digits(7..8).images;
    let (paper, side) = enlarged(&digit, 10, (20, 20));
    let whole = prepare(Grey::new(&paper, (side, side)), MODEL).unwrap();
    let ink: Vec<u8> = paper.iter().map(|pixel| 255 - pixel).collect();
    let [(top, rows), (left, columns)] = extent(&ink, side);
    let cut = (top..top + rows).flat_map(|y| paper[y * side + left..][..columns].to_vec());
    let cut = prepare(Grey::new(&cut.collect::<Vec<_>>(), (rows, columns)), MODEL).unwrap();
    assert_eq!(cut, whole);
}

#[test]
fn thin_and_small_ink_fills_the_box() {
    for (size, rows, columns) in [((4096, 3), 20, 1), ((1, 2), 20, 20), ((3, 500), 1, 20)] {
        let mut pixels = vec![255; size.0 * size.1];
        let line = if size.0 > size.1 {
            (0..size.0).map(|y| y * size.1 + 1).collect()
        } else {
            let row = size.0 / 2 * size.1;
            (row + size.1 / 2..row + size.1).collect::<Vec<_>>()
        };
        line.into_iter().for_each(|i| pixels[i] = 0);
        let image = prepare(Grey::new(&pixels, size), MODEL).unwrap();
        let [(_, found_rows), (_, found_columns)] = extent(&image.pixels, 28);
        assert_eq!((found_rows, found_columns), (rows, columns), "{size:?}");
    }
}

#[test]
fn no_ink_is_lost_where_the_mass_is_at_an_end() {
    // A block and a long thin tail, in all four directions: centred by mass, the tail would end outside.
    for turn in 0..4 {
        let mut pixels = vec![0; 100 * 100];
        for i in 0..100 * 100 {
            let (y, x) = [(i / 100, i % 100), (i % 100, i / 100)][turn % 2];
            let y = if turn < 2 { y } else { 99 - y };
            let (block, tail) = ((10..40).contains(&y), (40..90).contains(&y) && x == 40);
            if block && (20..60).contains(&x) || tail {
                pixels[i] = 255;
            }
        }
        let image = prepare(Grey::new(&pixels, (100, 100)), MODEL).unwrap();
        let [(top, rows), (left, columns)] = extent(&image.pixels, 28);
        assert_eq!(rows.max(columns), 20, "turn {turn}");
        let (first, last) = if turn % 2 == 0 { (top, top + rows) } else { (left, left + columns) };
        assert!(if turn < 2 { last == 28 } else { first == 0 }, "turn {turn}: {first}..{last}");
    }
}

#[test]
fn ink_is_averaged_and_rounded() {
    // 40 x 40 of two inks, row by row, so that each of 20 x 20 pixels covers both: 177.5.
    let mut pixels = vec![0; 60 * 60];
    (10..50).for_each(|y| pixels[y * 60 + 10..][..40].fill(if y % 2 == 0 { 255 } else { 100 }));
    let image = prepare(Grey::new(&pixels, (60, 60)), MODEL).unwrap();
    assert_eq!(image.pixels.iter().filter(|&&ink| ink == 178).count(), 20 * 20);
    assert_eq!(image.pixels.iter().filter(|&&ink| ink == 0).count(), 28 * 28 - 20 * 20);
}

#[test]
fn colours_of_the_same_luma_are_one_digit() {
    let digit = synthetic::digits(8..9).images;
    let rgba: Vec<u8> = digit.iter().flat_map(|&ink| [0, 0, 0, ink]).collect();
    let greys = to_grey(&rgba, Channels::Rgba);
    assert!(greys.iter().zip(&digit).all(|(grey, ink)| *grey == 255 - ink));
}
