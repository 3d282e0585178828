//! Braille: every pixel is a dot or none.

use crate::picture::Picture;

/// The bits of the dots of U+2800, [row][column].
const DOTS: [[u32; 2]; 4] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];

/// Bayer's order of 4 x 4 pixels, [row][column], repeated over the image.
const ORDER: [[u8; 4]; 4] = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];

/// From how much ink on the first pixel of the order has a dot, and how much more each next one needs. The
/// range is narrow, 64 to 184, so that the soft edges of a digit stay smooth; at the full range they fray.
const LEAST_INK: u8 = 64;
const STEP: u8 = 8;

/// The line of pixel rows `y` to `y + 3`; characters without a dot are blanks.
pub(super) fn line(picture: Picture<'_>, y: usize) -> String {
    let cell = |x: usize| {
        let mut bits = 0;
        for (row, dots) in DOTS.iter().enumerate() {
            for (column, bit) in dots.iter().enumerate() {
                if picture.at(y + row, x + column) >= threshold(y + row, x + column) {
                    bits |= bit;
                }
            }
        }
        if bits == 0 { ' ' } else { char::from_u32(0x2800 + bits).unwrap_or(' ') }
    };
    (0..picture.width()).step_by(2).map(cell).collect()
}

fn threshold(y: usize, x: usize) -> u8 {
    LEAST_INK + STEP * ORDER[y % 4][x % 4]
}
