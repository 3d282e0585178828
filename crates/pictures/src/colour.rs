//! The colours of every picture: a small palette, and two scales.
//!
//! Chosen so that they can be told apart with any of the usual kinds of colour vision: blue against
//! orange or red, never red against green; what matters differs in lightness too, so that it survives a
//! grey print.
//!
//! ```
//! use pictures::colour::{PAPER, diverging};
//! assert_eq!(diverging(0.0, 2.0), PAPER);
//! let ([r, _, b], [red, _, blue]) = (diverging(-2.0, 2.0), diverging(2.0, 2.0));
//! assert!(b > r && red > blue);
//! ```

/// Red, green and blue of a colour, in sRGB.
pub type Rgb = [u8; 3];

/// The ground that pictures stand on.
pub const PAPER: Rgb = [255, 255, 255];
/// Text, and digits at full ink.
pub const INK: Rgb = [28, 30, 33];
/// Text of less weight: units, notes, axes' numbers.
pub const MUTED: Rgb = [94, 99, 105];
/// Lines of axes and frames.
pub const LINE: Rgb = [176, 181, 187];
/// Lines of a grid, behind everything.
pub const GRID: Rgb = [229, 231, 234];
/// What belongs to training.
pub const TRAINING: Rgb = [0, 104, 176];
/// What belongs to validation.
pub const VALIDATION: Rgb = [204, 85, 0];
/// What is right.
pub const RIGHT: Rgb = TRAINING;
/// What is wrong.
pub const WRONG: Rgb = [184, 50, 8];

/// From zero to the most negative value, at equal distances.
const NEGATIVE: [Rgb; 6] =
    [PAPER, [198, 221, 239], [128, 180, 217], [58, 131, 189], [20, 81, 140], [6, 43, 85]];
/// From zero to the most positive value, at equal distances.
const POSITIVE: [Rgb; 6] =
    [PAPER, [252, 215, 191], [243, 161, 121], [221, 100, 64], [176, 42, 30], [103, 5, 15]];

/// The colour of `value` on a scale from `-limit` (blue) over zero (white) to `limit` (red). What lies
/// beyond has the colour of the end; a limit of 0, or a value that is not a number, is white.
pub fn diverging(value: f32, limit: f32) -> Rgb {
    let share = if limit > 0.0 { value / limit } else { 0.0 };
    between(if share < 0.0 { &NEGATIVE } else { &POSITIVE }, share.abs())
}

/// The colour of a share, 0 to 1, of what is right: from white to a deep blue.
pub fn right(share: f32) -> Rgb {
    between(&NEGATIVE[..5], share)
}

/// The colour of a share, 0 to 1, of what is wrong: from white to a deep red.
pub fn wrong(share: f32) -> Rgb {
    between(&POSITIVE[..5], share)
}

/// The colour of text on `ground`: ink or paper, whichever is easier to read there.
pub fn text_on(ground: Rgb) -> Rgb {
    // Half of the contrast between black and white is at a luminance of 0.18, which is sRGB 118.
    if luma(ground) < 130 { PAPER } else { INK }
}

/// How light a colour looks, 0 to 255 (Rec. 709's luma): the grey of a print.
pub fn luma([red, green, blue]: Rgb) -> u8 {
    let sum = 2126 * u32::from(red) + 7152 * u32::from(green) + 722 * u32::from(blue);
    ((sum + 5_000) / 10_000) as u8
}

/// `over` laid on `under` with an opacity from 0 to 1.
pub fn mix(under: Rgb, over: Rgb, opacity: f32) -> Rgb {
    let opacity = opacity.clamp(0.0, 1.0);
    let channel = |i: usize| {
        let (under, over) = (f32::from(under[i]), f32::from(over[i]));
        // A value between two bytes, rounded.
        (under + (over - under) * opacity + 0.5) as u8
    };
    [channel(0), channel(1), channel(2)]
}

/// The colour at a share, 0 to 1, of the way along `stops`; ends beyond, the first for what is not a number.
fn between(stops: &[Rgb], share: f32) -> Rgb {
    let last = stops.len() - 1;
    // The cast takes what is not a number to 0.
    let place = share.clamp(0.0, 1.0) * last as f32;
    let stop = (place as usize).min(last.saturating_sub(1));
    let rest = place - stop as f32;
    mix(stops[stop], stops[stop + 1], if rest.is_nan() { 0.0 } else { rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_is_centred_and_stays_inside() {
        for limit in [0.3f32, 1.0, 7.5] {
            assert_eq!(diverging(0.0, limit), PAPER);
            assert_eq!(diverging(-0.0, limit), PAPER);
            assert_eq!(diverging(2.0 * limit, limit), POSITIVE[5]);
            assert_eq!(diverging(-2.0 * limit, limit), NEGATIVE[5]);
        }
        assert_eq!(diverging(1.0, 0.0), PAPER);
        assert_eq!(diverging(f32::NAN, 1.0), PAPER);
        assert_eq!((right(0.0), wrong(-1.0)), (PAPER, PAPER));
    }

    #[test]
    fn more_is_darker_on_both_sides_alike() {
        for i in 1..=100 {
            let share = i as f32 / 100.0;
            for sign in [-1.0, 1.0] {
                let (less, more) =
                    (diverging(sign * (share - 0.01), 1.0), diverging(sign * share, 1.0));
                assert!(luma(more) <= luma(less), "{sign} {share}: {less:?} {more:?}");
            }
            let (blue, red) = (luma(diverging(-share, 1.0)), luma(diverging(share, 1.0)));
            assert!(blue.abs_diff(red) <= 24, "{share}: {blue} and {red}");
        }
    }

    #[test]
    fn text_can_be_read() {
        for i in 0..=100 {
            for ground in [right(i as f32 / 100.0), wrong(i as f32 / 100.0)] {
                assert!(luma(ground).abs_diff(luma(text_on(ground))) >= 95, "{ground:?}");
            }
        }
        assert!(luma(TRAINING).abs_diff(luma(PAPER)) > 120 && luma(VALIDATION) > luma(TRAINING));
    }
}
