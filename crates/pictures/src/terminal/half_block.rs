//! Half-blocks: the upper pixel is the character's colour, the lower one its background.

use std::fmt::Write;

use crate::picture::Picture;

/// The line of pixel rows `y` and `y + 1`; under the last row of an odd height is the terminal's own background.
pub(super) fn line(picture: Picture<'_>, y: usize) -> String {
    let mut line = String::new();
    let mut last = None;
    for x in 0..picture.width() {
        let upper = picture.at(y, x);
        let lower = (y + 1 < picture.height()).then(|| picture.at(y + 1, x));
        if last != Some((upper, lower)) {
            // Writing to a string does not fail.
            let _ = match lower {
                Some(lower) => {
                    write!(line, "\x1b[38;2;{upper};{upper};{upper};48;2;{lower};{lower};{lower}m")
                }
                None => write!(line, "\x1b[38;2;{upper};{upper};{upper}m"),
            };
            last = Some((upper, lower));
        }
        line.push('▀');
    }
    line.push_str("\x1b[0m");
    line
}
