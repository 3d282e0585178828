//! Colours over white paper, as greys.

/// What the bytes of a pixel mean, each 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// Grey; 0 is black.
    Grey,
    /// Grey and opacity.
    GreyAlpha,
    /// Red, green, blue.
    Rgb,
    /// Red, green, blue and opacity.
    Rgba,
}

impl Channels {
    /// The bytes of a pixel.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Grey => 1,
            Self::GreyAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba => 4,
        }
    }
}

/// Turns `pixels` [n x channels] into n greys.
///
/// Colours become their luma (Rec. 601: 0.299 red, 0.587 green, 0.114 blue), as in most programs. What is
/// transparent lies on white paper; if nothing is to be seen on that, as of white ink on nothing, on
/// black.
///
/// Panics if there is a part of a pixel.
///
/// ```
/// use model::prepare::{Channels, to_grey};
/// assert_eq!(to_grey(&[255, 0, 0, 9, 9, 9], Channels::Rgb), [76, 9]);
/// assert_eq!(to_grey(&[0, 0, 0, 255, 100, 128], Channels::GreyAlpha), [255, 0, 177]);
/// assert_eq!(to_grey(&[255, 0, 255, 255], Channels::GreyAlpha), [0, 255]);
/// ```
pub fn to_grey(pixels: &[u8], channels: Channels) -> Vec<u8> {
    assert_eq!(pixels.len() % channels.bytes(), 0, "bytes of {channels:?} pixels");
    let on = |paper: u8| -> Vec<u8> {
        let pixels = pixels.chunks_exact(channels.bytes());
        match channels {
            Channels::Grey => pixels.map(|p| p[0]).collect(),
            Channels::GreyAlpha => pixels.map(|p| over(paper, p[0], p[1])).collect(),
            Channels::Rgb => pixels.map(|p| luma(p[0], p[1], p[2])).collect(),
            Channels::Rgba => pixels.map(|p| over(paper, luma(p[0], p[1], p[2]), p[3])).collect(),
        }
    };
    let on_white = on(255);
    let has_alpha = matches!(channels, Channels::GreyAlpha | Channels::Rgba);
    if has_alpha && on_white.iter().all(|&grey| grey == 255) { on(0) } else { on_white }
}

/// Luma in 16 bits of fraction; a grey's is itself.
fn luma(red: u8, green: u8, blue: u8) -> u8 {
    const WEIGHTS: [u32; 3] = [19_595, 38_470, 7_471];
    const _: () = assert!(WEIGHTS[0] + WEIGHTS[1] + WEIGHTS[2] == 1 << 16);
    let parts = [red, green, blue].map(u32::from);
    let sum: u32 = parts.iter().zip(WEIGHTS).map(|(part, weight)| part * weight).sum();
    ((sum + (1 << 15)) >> 16) as u8
}

/// A grey of some opacity over paper, rounded.
fn over(paper: u8, grey: u8, opacity: u8) -> u8 {
    let (paper, grey, opacity) = (u32::from(paper), u32::from(grey), u32::from(opacity));
    ((grey * opacity + paper * (255 - opacity) + 127) / 255) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn greys_stay() {
        for grey in 0..=255 {
            assert_eq!(luma(grey, grey, grey), grey);
            assert_eq!(over(7, grey, 255), grey);
            assert_eq!(over(grey, 7, 0), grey);
        }
    }
}
