//! Half-blocks: the upper pixel is the character's colour, the lower one its background.

use std::fmt::Write;

use crate::colour::Rgb;
use crate::picture::Picture;

/// The line of pixel rows `y` and `y + 1` in greys: paper is dark, ink light.
pub(super) fn line(picture: Picture<'_>, y: usize) -> String {
    let grey = |y, x| [picture.at(y, x); 3];
    colours((picture.height(), picture.width()), y, grey)
}

/// The line of pixel rows `y` and `y + 1` of an image of a size (height, width). Under the last row of an
/// odd height is the terminal's own background.
///
/// Where both pixels are the same the character is a blank, so that the shape remains where text is copied
/// without its colours.
pub(super) fn colours(
    (height, width): (usize, usize),
    y: usize,
    pixel: impl Fn(usize, usize) -> Rgb,
) -> String {
    let mut line = String::new();
    let (mut colour, mut background) = (None, None);
    for x in 0..width {
        let upper = pixel(y, x);
        let lower = (y + 1 < height).then(|| pixel(y + 1, x));
        if let Some(lower) = lower.filter(|_| lower != background) {
            background = Some(lower);
            set(&mut line, 48, lower);
        }
        if lower == Some(upper) {
            line.push(' ');
            continue;
        }
        if colour != Some(upper) {
            colour = Some(upper);
            set(&mut line, 38, upper);
        }
        line.push('▀');
    }
    line.push_str("\x1b[0m");
    line
}

/// Sets the colour (38) or the background (48).
fn set(line: &mut String, what: u8, [red, green, blue]: Rgb) {
    // Writing to a string does not fail.
    let _ = write!(line, "\x1b[{what};2;{red};{green};{blue}m");
}
