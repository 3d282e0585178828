//! ASCII: a character for the mean of two pixels, one above the other.

use crate::picture::Picture;

/// Characters by rising ink.
const RAMP: &[u8] = b" .:-=+*#%@";

/// The line of pixel rows `y` and `y + 1`; the last row of an odd height stands alone.
pub(super) fn line(picture: Picture<'_>, y: usize) -> String {
    let rows = y..picture.height().min(y + 2);
    let character = |x: usize| {
        let sum: usize = rows.clone().map(|y| usize::from(picture.at(y, x))).sum();
        let full = 255 * rows.len();
        let level = (sum * (RAMP.len() - 1) + full / 2) / full;
        char::from(RAMP[level])
    };
    (0..picture.width()).map(character).collect()
}
