//! Why a model took an image for what it did: the ink, and every pixel's share in the answer.

use crate::Picture;
use crate::colour::{LINE, PAPER, Rgb, diverging};
use crate::image::{Area, Image};
use crate::samples::heads;
use crate::text::{Align, LABEL};
use crate::weights::{colour_bar, minus_signs};

const MARGIN: usize = 60;
const HEAD: usize = 132;
const TITLE: usize = 40;
const GAP: usize = 40;
/// The side of each of the two squares.
const SIDE: usize = 420;
const BAR_WIDTH: usize = 26;
/// Colour bar with its numbers.
const BAR: usize = 132;
/// Where there is no ink, beside the shares: darker than a share of nothing, so that the stroke's outline is seen.
const NO_INK: Rgb = [232; 3];

/// What stands over the picture and over its two halves.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// The answer.
    pub heading: &'a str,
    /// Which image it is of, and what the colours mean.
    pub subtitle: &'a str,
    /// The classes that the shares tell apart.
    pub classes: &'a str,
}

/// Draws the ink of an image on the left, and on the right the share of each of its pixels, blue below zero, white at it,
/// red above; the colours end at `limit`.
///
/// Panics if there are not as many shares as pixels.
pub fn explanation(ink: Picture<'_>, shares: &[f32], limit: f32, words: &Words<'_>) -> Image {
    let (height, width) = (ink.height(), ink.width());
    assert_eq!(shares.len(), height * width, "shares of {height} x {width} pixels");
    // A whole number of pixels each, or less than one.
    let longer = height.max(width).max(1);
    let factor = SIDE / longer;
    let shrunk = |side: usize| (side * SIDE / longer).max(side.min(2));
    let shown = |side: usize| if factor > 0 { side } else { shrunk(side) };
    let (rows, columns) = (shown(height), shown(width));
    let cell = factor.max(1);
    let wide = columns * cell;
    // A strip of features is as high as can be seen.
    let is_strip = height == 1;
    let strip = if is_strip { cell.max(48) } else { rows * cell };
    let size = (2 * MARGIN + 2 * SIDE + GAP + BAR, HEAD + TITLE + strip.max(220) + MARGIN);
    let mut image = Image::new(size.0, size.1);
    heads(&mut image, words.heading, words.subtitle, MARGIN);
    let at = |y: usize, x: usize| (y * height / rows) * width + x * width / columns;
    let share = |i: usize| {
        let is_paper = ink.at(i / width, i % width) == 0;
        if is_paper { NO_INK } else { diverging(shares[i], limit) }
    };
    let grey = |i: usize| [255 - ink.at(i / width, i % width); 3];
    let halves: [(&str, &dyn Fn(usize) -> Rgb); 2] =
        [("the image", &grey), (words.classes, &share)];
    for (n, (title, colour)) in halves.into_iter().enumerate() {
        let left = MARGIN + n * (SIDE + GAP) + (SIDE - wide) / 2;
        let area = Area::new((left, HEAD + TITLE), (wide, strip));
        let (text, style) = LABEL.fit(title, SIDE as f32);
        let place = ((left + wide / 2) as f32, (HEAD + TITLE) as f32 - 12.0);
        image.text(place, &text, style, Align::Middle);
        image.fill(area, PAPER);
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            let high = if is_strip { strip } else { cell };
            let corner = (area.x + x * cell, area.y + y * cell);
            image.fill(Area::new(corner, (cell, high)), colour(at(y, x)));
        }
        if n == 1 && !is_strip {
            let of_limit = |y: usize, x: usize| match ink.at(y, x) {
                0 => 0.0,
                _ => shares[y * width + x] / limit.max(f32::MIN_POSITIVE),
            };
            minus_signs(&mut image, area, (factor, width), of_limit);
        }
        image.frame(area, 1, LINE);
    }
    let left = MARGIN + 2 * (SIDE + GAP);
    let area = Area::new((left, HEAD + TITLE), (BAR_WIDTH, strip.max(220)));
    colour_bar(&mut image, area, "share", (limit, false));
    image
}
