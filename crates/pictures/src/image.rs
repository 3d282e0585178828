//! The RGB image that a picture is drawn on, and its PNG file.

use std::io;

use png::{BitDepth, ColorType, Compression, Encoder, Filter, PixelDimensions, Unit};

use crate::colour::{PAPER, Rgb, mix};
use crate::picture::Picture;

/// Pixels per metre that the files ask for: 150 an inch, so that a picture is some 7 inches wide in print.
const PIXELS_PER_METRE: u32 = 5_906;

/// A finished picture: `width` x `height` pixels of red, green and blue, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// A part of an image, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: usize,
    pub(crate) y: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Area {
    pub(crate) fn new((x, y): (usize, usize), (width, height): (usize, usize)) -> Self {
        Self { x, y, width, height }
    }
}

impl Image {
    /// An image of nothing but paper.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        debug_assert!(PAPER == [255; 3]);
        Self { width, height, rgb: vec![255; width * height * 3] }
    }

    /// An image of these pixels [height x width], row by row.
    ///
    /// Panics if there are more or fewer.
    pub fn from_pixels(pixels: &[Rgb], (height, width): (usize, usize)) -> Self {
        assert_eq!(Some(pixels.len()), height.checked_mul(width), "{height} x {width} pixels");
        Self { width, height, rgb: pixels.as_flattened().to_vec() }
    }

    /// Width in pixels.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> usize {
        self.height
    }

    /// The pixels [height x width x 3].
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The PNG file, lightly compressed: the same image gives the same bytes.
    ///
    /// Errors where the image is larger than a PNG may be.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        let size = |side: usize| u32::try_from(side).map_err(io::Error::other);
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, size(self.width)?, size(self.height)?);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        // Rows that are like the one above become zeros, which the fastest compression shrinks well.
        encoder.set_compression(Compression::Fast);
        encoder.set_filter(Filter::Up);
        let dense = PIXELS_PER_METRE;
        encoder.set_pixel_dims(Some(PixelDimensions {
            xppu: dense,
            yppu: dense,
            unit: Unit::Meter,
        }));
        let mut writer = encoder.write_header().map_err(io::Error::other)?;
        writer.write_image_data(&self.rgb).map_err(io::Error::other)?;
        writer.finish().map_err(io::Error::other)?;
        Ok(bytes)
    }

    /// Fills an area; what lies outside the image is left out.
    pub(crate) fn fill(&mut self, area: Area, colour: Rgb) {
        let (left, right) = (area.x.min(self.width), (area.x + area.width).min(self.width));
        for y in area.y.min(self.height)..(area.y + area.height).min(self.height) {
            let start = y * self.width;
            let row = &mut self.rgb[3 * (start + left)..3 * (start + right)];
            row.as_chunks_mut::<3>().0.fill(colour);
        }
    }

    /// Draws a line of `thickness` pixels around an area, outside it.
    pub(crate) fn frame(&mut self, area: Area, thickness: usize, colour: Rgb) {
        let Area { x, y, width, height } = area;
        let (left, top) = (x.saturating_sub(thickness), y.saturating_sub(thickness));
        let wide = (width + 2 * thickness, thickness);
        self.fill(Area::new((left, top), wide), colour);
        self.fill(Area::new((left, y + height), wide), colour);
        self.fill(Area::new((left, y), (thickness, height)), colour);
        self.fill(Area::new((x + width, y), (thickness, height)), colour);
    }

    /// Lays a colour over a pixel with an opacity from 0 to 1; a pixel outside the image is left out.
    pub(crate) fn blend(&mut self, (x, y): (i64, i64), colour: Rgb, opacity: f32) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x >= self.width || y >= self.height || opacity <= 0.0 {
            return;
        }
        let pixel = &mut self.rgb.as_chunks_mut::<3>().0[y * self.width + x];
        *pixel = mix(*pixel, colour, opacity);
    }

    /// Draws a grey image as large as fits into an area, `colour` for each pixel's ink: by a whole factor
    /// if there is room for one, else shrunk.
    pub(crate) fn paste(&mut self, area: Area, picture: Picture<'_>, colour: impl Fn(u8) -> Rgb) {
        let (height, width) = fitting((picture.height(), picture.width()), area);
        let shrunk;
        let small = if height < picture.height() || width < picture.width() {
            shrunk = crate::shrink::shrink(picture, (height, width));
            Picture::new(&shrunk, (height, width))
        } else {
            picture
        };
        self.cells(area, (small.height(), small.width()), |y, x| colour(small.at(y, x)));
    }

    /// Draws rows and columns of cells as large as fits into an area, centred.
    pub(crate) fn cells(
        &mut self,
        area: Area,
        (rows, columns): (usize, usize),
        colour: impl Fn(usize, usize) -> Rgb,
    ) {
        let side = (area.height / rows.max(1)).min(area.width / columns.max(1)).max(1);
        let left = area.x + area.width.saturating_sub(side * columns) / 2;
        let top = area.y + area.height.saturating_sub(side * rows) / 2;
        for row in 0..rows {
            for column in 0..columns {
                let corner = (left + column * side, top + row * side);
                self.fill(Area::new(corner, (side, side)), colour(row, column));
            }
        }
    }
}

/// The size (height, width) at which an image is drawn in an area before it is enlarged by a whole
/// factor: its own, or smaller in the same shape.
fn fitting((height, width): (usize, usize), area: Area) -> (usize, usize) {
    if height <= area.height && width <= area.width {
        return (height, width);
    }
    // The tighter side decides; sizes of images fit into 64 bits with room to spare.
    let (h, w) = (height as u64, width as u64);
    let (most_h, most_w) = (area.height as u64, area.width as u64);
    let (n, of) = if h * most_w > w * most_h { (most_h, h) } else { (most_w, w) };
    (((h * n / of).max(1)) as usize, ((w * n / of).max(1)) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_that_fit() {
        let area = Area::new((0, 0), (280, 280));
        for (size, expected) in [
            ((28, 28), (28, 28)),
            ((280, 3), (280, 3)),
            ((560, 280), (280, 140)),
            ((1, 5_000), (1, 280)),
        ] {
            assert_eq!(fitting(size, area), expected);
        }
    }

    #[test]
    fn drawing_outside_changes_nothing() {
        let mut image = Image::new(3, 2);
        image.fill(Area::new((5, 5), (9, 9)), [0; 3]);
        image.blend((-1, 0), [0; 3], 1.0);
        image.blend((3, 0), [0; 3], 1.0);
        assert_eq!(image, Image::new(3, 2));
        image.fill(Area::new((2, 1), (9, 9)), [1, 2, 3]);
        assert_eq!(image.rgb()[15..], [1, 2, 3]);
    }
}
