//! Half-blocks: the upper pixel is the character's colour, the lower one its background.

use std::fmt::Write;

use crate::picture::Picture;

/// The line of pixel rows `y` and `y + 1`. Under the last row of an odd height is the terminal's own
/// background.
///
/// Where both pixels are the same the character is a blank, so that the shape remains where text is copied
/// without its colours.
pub(super) fn line(picture: Picture<'_>, y: usize) -> String {
    let mut line = String::new();
    let (mut colour, mut background) = (None, None);
    for x in 0..picture.width() {
        let upper = picture.at(y, x);
        let lower = (y + 1 < picture.height()).then(|| picture.at(y + 1, x));
        if lower != background {
            background = lower;
            set(&mut line, 48, picture.at(y + 1, x));
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

/// Sets the colour (38) or the background (48) to a grey.
fn set(line: &mut String, what: u8, grey: u8) {
    // Writing to a string does not fail.
    let _ = write!(line, "\x1b[{what};2;{grey};{grey};{grey}m");
}
