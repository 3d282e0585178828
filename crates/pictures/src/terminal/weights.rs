//! Weight maps: red for and blue against a class, or signs where there are no colours.

use super::grid::titled;
use super::{Block, GAP, Graphics, half_block};
use crate::colour::diverging;
use crate::shrink::covered;

/// The share of the limit from which a weight has a sign.
const FAINT: f32 = 0.12;
/// Maps that stand side by side where there is room.
const IN_A_ROW: usize = 5;
/// The narrowest map that others stand beside.
const NARROWEST: usize = 14;

/// The weights of one class, and the line over them.
#[derive(Clone, Debug)]
pub struct WeightMap<'a> {
    /// One line; control characters in it are replaced, what is too wide is cut.
    pub title: String,
    /// A weight for each pixel, row by row.
    pub weights: &'a [f32],
}

/// Draws maps of a size (height, width) side by side in rows of at most `columns` characters, on one scale
/// from `-limit` to `limit`: five in a row where there is room, and smaller than they are for that.
///
/// Half-blocks are coloured as [`crate::colour::diverging`] says; otherwise `+` is for and `-` against the
/// class, `.` about zero.
///
/// Panics if a map has more or fewer weights.
pub fn weights(
    maps: &[WeightMap<'_>],
    (height, width): (usize, usize),
    limit: f32,
    graphics: Graphics,
    columns: usize,
) -> String {
    let columns = columns.max(1);
    let fitting = (columns + GAP) / (width.min(NARROWEST) + GAP);
    let in_a_row = fitting.clamp(1, IN_A_ROW);
    let room = (columns + GAP) / in_a_row - GAP;
    // Braille has no signs.
    let graphics = if graphics == Graphics::Braille { Graphics::Ascii } else { graphics };
    let size = graphics.drawn_size((height, width), room);
    let drawn = maps.iter().map(|map| {
        assert_eq!(map.weights.len(), height * width, "weights of {height} x {width}");
        let means = shrink(map.weights, (height, width), size);
        (map.title.clone(), draw(&means, size, limit, graphics))
    });
    titled(drawn.collect(), graphics, columns)
}

fn draw(weights: &[f32], (height, width): (usize, usize), limit: f32, graphics: Graphics) -> Block {
    let at = |y: usize, x: usize| weights[y * width + x];
    let line = |y: usize| match graphics {
        Graphics::HalfBlock => {
            half_block::colours((height, width), y, |y, x| diverging(at(y, x), limit))
        }
        _ => (0..width).map(|x| sign(y, x, height, &at, limit)).collect(),
    };
    Block { lines: (0..height).step_by(2).map(line).collect(), columns: width }
}

/// The sign of two weights, one above the other.
fn sign(y: usize, x: usize, height: usize, at: &impl Fn(usize, usize) -> f32, limit: f32) -> char {
    let rows = y..height.min(y + 2);
    let mean = rows.clone().map(|y| at(y, x)).sum::<f32>() / rows.len() as f32;
    match mean {
        mean if mean > FAINT * limit => '+',
        mean if mean < -FAINT * limit => '-',
        _ => '.',
    }
}

/// The weights shrunk to another size: each the mean of what it covers.
fn shrink(
    weights: &[f32],
    (from_height, from_width): (usize, usize),
    (height, width): (usize, usize),
) -> Vec<f32> {
    let area = (from_height * from_width) as f64;
    let mut means = Vec::with_capacity(height * width);
    for y in 0..height {
        for x in 0..width {
            let mut sum = 0.0;
            for (from_y, high) in covered(y, height, from_height) {
                for (from_x, wide) in covered(x, width, from_width) {
                    let weight = f64::from(weights[from_y * from_width + from_x]);
                    sum += weight * (high * wide) as f64;
                }
            }
            means.push((sum / area) as f32);
        }
    }
    means
}
