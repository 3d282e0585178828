//! The grid of examples: images with what they are and what they were taken for.

use crate::colour::{INK, LINE, PAPER, WRONG, mix};
use crate::image::{Area, Image};
use crate::picture::Picture;
use crate::text::{Align, HEADING, LABEL, SUBTITLE};

/// Rows, and images in a row.
pub const SIDE: usize = 3;

/// The side of an image's place: ten times MNIST's.
const CELL: usize = 280;
const GAP: usize = 48;
const MARGIN: usize = 60;
const HEAD: usize = 132;
const TITLE: usize = 44;
const LINE_HEIGHT: usize = 28;

/// An image, what it is of, and what it was taken for.
#[derive(Clone, Copy, Debug)]
pub struct Sample<'a> {
    /// The image.
    pub picture: Picture<'a>,
    /// Its class.
    pub label: u32,
    /// The class that was predicted.
    pub predicted: u32,
}

/// The first indices of at most `count` images whose prediction is right (or wrong).
///
/// ```
/// use pictures::samples::first;
/// assert_eq!(first(&[7, 2, 5, 1], &[7, 2, 6, 1], true, 9), [0, 1, 3]);
/// assert_eq!(first(&[7, 2, 5, 1], &[7, 2, 6, 1], false, 9), [2]);
/// ```
pub fn first(labels: &[u32], predicted: &[u32], right: bool, count: usize) -> Vec<usize> {
    let pairs = labels.iter().zip(predicted).enumerate();
    let found = pairs.filter(|(_, (label, predicted))| (label == predicted) == right);
    found.map(|(i, _)| i).take(count).collect()
}

/// Draws at most nine images in three rows, `True: t, Pred: p` over each, black on white.
///
/// Panics if a class has no name.
pub fn samples(heading: &str, subtitle: &str, samples: &[Sample<'_>], names: &[String]) -> Image {
    let names = crate::text::class_names(names);
    let samples = &samples[..samples.len().min(SIDE * SIDE)];
    let name = |class: u32| names[class as usize].as_str();
    let whole = |sample: &Sample<'_>| {
        format!("True: {}, Pred: {}", name(sample.label), name(sample.predicted))
    };
    // Long names stand in two lines, in every title or in none.
    let room = (CELL + GAP - 16) as f32;
    let is_long = samples.iter().any(|sample| LABEL.width(&whole(sample)) > room);
    let title = if is_long { TITLE + LINE_HEIGHT } else { TITLE };
    let rows = samples.len().div_ceil(SIDE).max(1);
    let width = 2 * MARGIN + SIDE * CELL + (SIDE - 1) * GAP;
    let height = HEAD + rows * (title + CELL) + (rows - 1) * GAP / 2 + MARGIN;
    let mut image = Image::new(width, height);
    heads(&mut image, heading, subtitle, MARGIN);
    for (i, sample) in samples.iter().enumerate() {
        let x = MARGIN + i % SIDE * (CELL + GAP);
        let y = HEAD + i / SIDE * (title + CELL + GAP / 2) + title;
        let colour = if sample.label == sample.predicted { INK } else { WRONG };
        let style = LABEL.colour(colour);
        let mut line = |text: &str, up: usize| {
            let (text, style) = style.fit(text, room);
            let place = ((x + CELL / 2) as f32, (y - up) as f32);
            image.text(place, &text, style, Align::Middle);
        };
        if is_long {
            line(&format!("True: {},", name(sample.label)), 14 + LINE_HEIGHT);
            line(&format!("Pred: {}", name(sample.predicted)), 14);
        } else {
            line(&whole(sample), 14);
        }
        let area = Area::new((x, y), (CELL, CELL));
        image.paste(area, sample.picture, |ink| mix(PAPER, INK, f32::from(ink) / 255.0));
        image.frame(area, 1, LINE);
    }
    image
}

/// Writes a heading and the line under it, from the left margin.
pub(crate) fn heads(image: &mut Image, heading: &str, subtitle: &str, left: usize) {
    let room = (image.width() - 2 * left) as f32;
    let (text, style) = HEADING.fit(heading, room);
    image.text((left as f32, 66.0), &text, style, Align::Left);
    let (text, style) = SUBTITLE.fit(subtitle, room);
    image.text((left as f32, 100.0), &text, style, Align::Left);
}
