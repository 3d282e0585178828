//! The grey image that pictures are made of.

/// A grey image, height x width: 0 is paper, 255 full ink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Picture<'a> {
    pixels: &'a [u8],
    height: usize,
    width: usize,
}

impl<'a> Picture<'a> {
    /// An image of `pixels` [height x width], row by row.
    ///
    /// Panics if there are more or fewer.
    pub fn new(pixels: &'a [u8], (height, width): (usize, usize)) -> Self {
        assert_eq!(Some(pixels.len()), height.checked_mul(width), "pixels of {height} x {width}");
        Self { pixels, height, width }
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The pixels, row by row.
    pub fn pixels(&self) -> &'a [u8] {
        self.pixels
    }

    /// The pixel of row `y` and column `x`; 0 outside, as the paper goes on there.
    pub(crate) fn at(&self, y: usize, x: usize) -> u8 {
        if y < self.height && x < self.width { self.pixels[y * self.width + x] } else { 0 }
    }
}
