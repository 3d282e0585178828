//! The digit and its explanation as a PNG file: ink on the left, shares on the right.

use std::path::Path;

use model::atomic;
use pictures::Image;
use pictures::colour::{PAPER, Rgb, diverging};

use super::Case;
use crate::failure::{Code, Failure};

/// The side of a picture's longer edge, in pixels, that is aimed at.
const SIDE: usize = 336;

/// Paper around the two images, in pixels.
const MARGIN: usize = 16;

/// Where there is no ink, beside the shares: darker than a share of nothing, so that the stroke's outline is seen.
const NO_INK: Rgb = [232; 3];

/// Writes the picture: the same bytes for the same case.
pub(super) fn write(path: &Path, case: &Case<'_>) -> Result<(), Failure> {
    let (height, width) = case.shape();
    let zoom = (SIDE / height.max(width)).max(1);
    let (tall, wide) = (height * zoom + 2 * MARGIN, 2 * width * zoom + 3 * MARGIN);
    let (ink, shares, limit) = (case.pixels(), case.shares(), case.why.largest() as f32);
    let share = |i| if ink[i] == 0 { NO_INK } else { diverging(shares[i], limit) };
    let colours: [&dyn Fn(usize) -> Rgb; 2] = [&|i| [255 - ink[i]; 3], &share];
    let mut canvas = vec![PAPER; tall * wide];
    for (n, colour) in colours.into_iter().enumerate() {
        let left = MARGIN + n * (width * zoom + MARGIN);
        for y in 0..height * zoom {
            for x in 0..width * zoom {
                let pixel = y / zoom * width + x / zoom;
                canvas[(MARGIN + y) * wide + left + x] = colour(pixel);
            }
        }
    }
    let bytes = Image::from_pixels(&canvas, (tall, wide)).png().map_err(|error| {
        Failure::new(Code::Content, format_args!("{}: no picture: {error}", path.display()))
    })?;
    atomic::write(path, &bytes).map_err(|error| Failure::cannot_write(path, &error))
}
