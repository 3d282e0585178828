//! Maps of positive and negative numbers: in colours, or in signs where there are none.
//!
//! With half-blocks a number has a colour of the diverging scale, red above zero, blue below. Without
//! colours, one character shows the mean of two numbers, one above the other, as a sign of weight:
//!
//! ```text
//! below   -limit/2  = - at most -limit/8     +limit/8 at least  + #  +limit/2   above
//! ```

use std::fmt::Write;

use super::{Block, Graphics};
use crate::colour::{Rgb, diverging};

/// A map of numbers, height x width.
#[derive(Clone, Copy, Debug)]
pub struct SignedMap<'a> {
    values: &'a [f32],
    height: usize,
    width: usize,
    limit: f32,
}

impl<'a> SignedMap<'a> {
    /// A map of `values` [height x width], row by row; `limit` has the strongest colour.
    ///
    /// Panics if there are more or fewer.
    pub fn new(values: &'a [f32], (height, width): (usize, usize), limit: f32) -> Self {
        assert_eq!(Some(values.len()), height.checked_mul(width), "numbers of {height} x {width}");
        Self { values, height, width, limit }
    }

    /// The mean of a part of the map, given in cells of a grid of `rows` x `columns` over it.
    fn mean(&self, (y, rows): (usize, usize), (x, columns): (usize, usize)) -> f32 {
        let part = |i: usize, of: usize, length: usize| {
            let first = i * length / of;
            first..((i + 1) * length / of).max(first + 1).min(length)
        };
        let (ys, xs) = (part(y, rows, self.height), part(x, columns, self.width));
        let count = ys.len() * xs.len();
        let sum: f32 = ys.flat_map(|y| &self.values[y * self.width..][xs.clone()]).sum();
        sum / count.max(1) as f32
    }
}

/// Draws a map at most `columns` wide.
pub(super) fn draw(map: SignedMap<'_>, graphics: Graphics, columns: usize) -> Block {
    if map.values.is_empty() {
        return Block { lines: Vec::new(), columns: 0 };
    }
    let width = map.width.min(columns.max(1));
    let height = (map.height * width).div_ceil(map.width).max(1);
    let at = |y: usize, x: usize| map.mean((y, height), (x, width));
    let line = |y: usize| match graphics {
        Graphics::HalfBlock => {
            let below = |x| (y + 1 < height).then(|| diverging(at(y + 1, x), map.limit));
            half_blocks((0..width).map(|x| (diverging(at(y, x), map.limit), below(x))))
        }
        Graphics::Braille | Graphics::Ascii => {
            let below = |x| if y + 1 < height { at(y + 1, x) } else { at(y, x) };
            (0..width).map(|x| sign((at(y, x) + below(x)) / 2.0, map.limit)).collect()
        }
    };
    Block { lines: (0..height).step_by(2).map(line).collect(), columns: width }
}

/// A line of half-blocks, each of an upper and a lower colour; without a lower one, the terminal's own.
fn half_blocks(cells: impl Iterator<Item = (Rgb, Option<Rgb>)>) -> String {
    let mut line = String::new();
    let mut last = None;
    for cell in cells {
        let (upper, lower) = cell;
        if last != Some(cell) {
            last = Some(cell);
            // Writing to a string does not fail.
            let _ = write!(line, "\x1b[38;2;{};{};{}m", upper[0], upper[1], upper[2]);
            if let Some([r, g, b]) = lower {
                let _ = write!(line, "\x1b[48;2;{r};{g};{b}m");
            }
        }
        line.push('▀');
    }
    line.push_str("\x1b[0m");
    line
}

/// A sign for a number.
fn sign(value: f32, limit: f32) -> char {
    let size = if limit > 0.0 { value.abs() / limit } else { 0.0 };
    match (size >= 0.5, size >= 0.125, value > 0.0) {
        (true, _, true) => '#',
        (_, true, true) => '+',
        (true, _, false) => '=',
        (_, true, false) => '-',
        _ => ' ',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUES: [f32; 12] = [1.0, 0.0, -1.0, 0.2, 0.0, -0.2, 1.0, 0.0, -1.0, 0.2, 0.0, -0.2];

    #[test]
    fn signs_where_there_are_no_colours() {
        let map = SignedMap::new(&VALUES, (2, 6), 1.0);
        let drawn = draw(map, Graphics::Ascii, 80);
        assert_eq!((drawn.lines, drawn.columns), (vec!["# =+ -".to_owned()], 6));
        let narrow = draw(map, Graphics::Ascii, 3);
        assert_eq!((narrow.lines, narrow.columns), (vec!["#- ".to_owned()], 3));
        let nothing = SignedMap::new(&[0.0; 4], (2, 2), 0.0);
        assert_eq!(draw(nothing, Graphics::Ascii, 80).lines, ["  "]);
        assert!(draw(SignedMap::new(&[], (0, 6), 1.0), Graphics::Ascii, 80).lines.is_empty());
    }

    #[test]
    fn colours_above_and_below() {
        let map = SignedMap::new(&[1.0, 0.0, -1.0], (3, 1), 1.0);
        let (red, blue) = (diverging(1.0, 1.0), diverging(-1.0, 1.0));
        let expected = [
            format!("\x1b[38;2;{};{};{}m\x1b[48;2;255;255;255m▀\x1b[0m", red[0], red[1], red[2]),
            format!("\x1b[38;2;{};{};{}m▀\x1b[0m", blue[0], blue[1], blue[2]),
        ];
        assert_eq!(draw(map, Graphics::HalfBlock, 80).lines, expected);
    }
}
