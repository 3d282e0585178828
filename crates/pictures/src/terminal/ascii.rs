//! ASCII: a character for the mean of two pixels, one above the other.

use crate::picture::Picture;

/// Characters by rising ink.
const RAMP: &[u8] = b" .:-=+*#%@";

/// The line of pixel rows `y` and `y + 1`; the last row of an odd height stands alone.
pub(super) fn line(picture: Picture<'_>, y: usize) -> String {
    let rows = y..picture.height().min(y + 2);
    let character = |x: usize| {
        let sum: usize = rows.clone().map(|y| usize::from(picture.at(y, x))).sum();
        // Full ink alone, and everything near no ink, have the ends of the ramp.
        let level = (sum * (RAMP.len() - 1)).div_ceil(255 * rows.len());
        char::from(RAMP[level])
    };
    (0..picture.width()).map(character).collect()
}
