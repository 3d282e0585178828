//! From a picture of a digit, as people draw or scan it, to an image like those the model was trained on.
//!
//! ```text
//! colours of a PNG file                                                    png_file.rs
//! grey = luma of the colours over white paper                              colours.rs
//! paper = median of the border; ink is what differs from it most, dark or light
//! if the picture has the model's size: ink on 0, and no more
//! else, as MNIST was made:
//!     ink = 0 at the paper, 255 at the farthest from it; what differs like the border's noise is paper
//!     scale the ink's bounding box by area averaging to fit 20 x 20 of 28 x 28 pixels
//!     move it by whole pixels until its centre of mass is at (14, 14)
//! ```
//!
//! Its authors made MNIST by the last two steps ("size normalized to fit in a 20x20 pixel box while
//! preserving their aspect ratio", then centred "by computing the center of mass of the pixels"). A digit
//! that was not prepared so is often taken for another: a linear model knows nothing of places and sizes.
//!
//! All sums are of integers, so the pixels are the same on every machine.

mod colours;
mod png_file;

use std::ops::Range;

pub use colours::{Channels, to_grey};
pub use png_file::{GreyPng, LARGEST_SIDE, PngError, read_png};

/// A picture whose range of greys, of 255, is below this is blank: it is all paper.
const LEAST_CONTRAST: u8 = 16;

/// What differs from the paper by up to so many times the border's median difference is paper too. Grain
/// of a normal distribution stays below 4.5 of them 997 times of 1,000; ink that touches less than half of
/// the border counts for nothing.
const NOISE: u8 = 5;

/// A grey picture, height x width pixels row by row, of either polarity.
#[derive(Clone, Copy, Debug)]
pub struct Grey<'a> {
    pixels: &'a [u8],
    height: usize,
    width: usize,
}

/// An image as the model takes it: 0 is paper, 255 full ink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// The pixels [height x width], row by row.
    pub pixels: Vec<u8>,
    /// Whether the picture was dark on light.
    pub inverted: bool,
    /// Whether the ink was scaled and moved.
    pub centred: bool,
}

/// The picture has no ink: nothing on it stands out from its border.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blank;

impl std::fmt::Display for Blank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the picture is blank: nothing on it stands out from its border")
    }
}

impl std::error::Error for Blank {}

impl<'a> Grey<'a> {
    /// A picture of `pixels` [height x width].
    ///
    /// Panics if there are more or fewer, or none.
    pub fn new(pixels: &'a [u8], (height, width): (usize, usize)) -> Self {
        assert_eq!(Some(pixels.len()), height.checked_mul(width), "pixels of {height} x {width}");
        assert!(!pixels.is_empty(), "a picture without pixels");
        Self { pixels, height, width }
    }

    fn row(&self, y: usize) -> &'a [u8] {
        &self.pixels[y * self.width..][..self.width]
    }

    /// The pixels of the first and last rows and columns, in rising order.
    fn border(&self) -> Vec<u8> {
        let mut border = [self.row(0), self.row(self.height - 1)].concat();
        border.extend((0..self.height).flat_map(|y| [self.row(y)[0], self.row(y)[self.width - 1]]));
        border.sort_unstable();
        border
    }
}

/// Prepares a picture for a model of images of `size` (height, width).
///
/// # Errors
/// [`Blank`] if nothing on it stands out from its border.
///
/// Panics if `size` has a 0.
///
/// ```
/// use model::prepare::{Blank, Grey, prepare};
/// // A black stroke on white paper, 60 x 60, off the middle.
/// let mut paper = vec![255; 60 * 60];
/// (10..50).for_each(|y| paper[y * 60 + 5..][..4].fill(0));
/// let image = prepare(Grey::new(&paper, (60, 60)), (28, 28))?;
/// assert_eq!(image.pixels.iter().filter(|&&ink| ink > 0).count(), 20 * 2);
/// assert_eq!(image.pixels[14 * 28 + 14], 255);
/// assert_eq!(prepare(Grey::new(&[255; 9], (3, 3)), (28, 28)), Err(Blank));
/// # Ok::<(), Blank>(())
/// ```
pub fn prepare(picture: Grey<'_>, size: (usize, usize)) -> Result<Prepared, Blank> {
    assert!(size.0 > 0 && size.1 > 0, "an image of {} x {} pixels", size.0, size.1);
    let (darkest, lightest) =
        picture.pixels.iter().fold((255, 0), |(low, high), &p| (p.min(low), p.max(high)));
    if lightest - darkest < LEAST_CONTRAST {
        return Err(Blank);
    }
    let border = picture.border();
    let paper = border[border.len() / 2];
    let inverted = paper - darkest > lightest - paper;
    if (picture.height, picture.width) == size {
        let ink = |&pixel: &u8| if inverted { 255 - pixel } else { pixel };
        let pixels = picture.pixels.iter().map(ink).collect();
        return Ok(Prepared { pixels, inverted, centred: false });
    }

    let full = if inverted { paper - darkest } else { lightest - paper };
    let mut differences: Vec<u8> = border.iter().map(|pixel| pixel.abs_diff(paper)).collect();
    differences.sort_unstable();
    let noise = differences[(differences.len() - 1) / 2].saturating_mul(NOISE);
    if noise >= full {
        return Err(Blank);
    }
    let ink: Vec<u8> = picture
        .pixels
        .iter()
        .map(|&pixel| {
            let difference =
                if inverted { paper.saturating_sub(pixel) } else { pixel.saturating_sub(paper) };
            let ink = (u16::from(difference) * 255 + u16::from(full) / 2) / u16::from(full);
            if difference > noise { ink as u8 } else { 0 }
        })
        .collect();
    let ink = Grey { pixels: &ink, ..picture };
    Ok(Prepared { pixels: centred(ink, size), inverted, centred: true })
}

/// Scales ink, of which there is some, to fit the box, and moves its centre of mass to the middle.
fn centred(ink: Grey<'_>, (height, width): (usize, usize)) -> Vec<u8> {
    let (rows, columns) = extent(ink);
    let longer = rows.len().max(columns.len());
    let side = (height.min(width) * 5 / 7).max(1);
    let scaled = |length: usize| ((2 * length * side + longer) / (2 * longer)).max(1);
    let (box_height, box_width) = (scaled(rows.len()), scaled(columns.len()));
    let boxed = resample(ink, (rows, columns), (box_height, box_width));

    let (mut mass, mut moments) = (0, [0, 0]);
    for (i, &value) in boxed.iter().enumerate() {
        let value = i64::from(value);
        mass += value;
        moments[0] += value * (i / box_width) as i64;
        moments[1] += value * (i % box_width) as i64;
    }
    // middle - moment / mass, rounded; and no part of the box outside.
    let place = |side: usize, length: usize, moment: i64| {
        let twice_middle = 2 * (side / 2) as i64;
        let place = ((twice_middle + 1) * mass - 2 * moment).div_euclid((2 * mass).max(1));
        place.clamp(0, (side - length) as i64) as usize
    };
    let (top, left) = (place(height, box_height, moments[0]), place(width, box_width, moments[1]));
    let mut image = vec![0; height * width];
    for (y, row) in boxed.chunks_exact(box_width).enumerate() {
        image[(top + y) * width + left..][..box_width].copy_from_slice(row);
    }
    image
}

/// The rows and the columns that have ink.
fn extent(ink: Grey<'_>) -> (Range<usize>, Range<usize>) {
    let (mut rows, mut columns) = (ink.height..0, ink.width..0);
    for y in 0..ink.height {
        let row = ink.row(y);
        if let Some(first) = row.iter().position(|&ink| ink > 0) {
            let last = row.iter().rposition(|&ink| ink > 0).unwrap_or(first);
            (rows.start, rows.end) = (rows.start.min(y), y + 1);
            (columns.start, columns.end) = (columns.start.min(first), columns.end.max(last + 1));
        }
    }
    (rows, columns)
}

/// Scales a part of a picture to `height` x `width`: each pixel is the mean of what it covers, rounded.
///
/// Lengths are counted in `1 / height` or `1 / width` of an old pixel, so that all sums are exact.
fn resample(
    from: Grey<'_>,
    (rows, columns): (Range<usize>, Range<usize>),
    (height, width): (usize, usize),
) -> Vec<u8> {
    let area = (rows.len() * columns.len()) as u64;
    let mut pixels = Vec::with_capacity(height * width);
    let mut sums = vec![0; width];
    for y in 0..height {
        sums.fill(0);
        for (from_y, high) in covered(y, height, rows.len()) {
            let row = &from.row(rows.start + from_y)[columns.clone()];
            for (x, sum) in sums.iter_mut().enumerate() {
                let across = covered(x, width, columns.len());
                *sum += high * across.map(|(x, wide)| u64::from(row[x]) * wide).sum::<u64>();
            }
        }
        // A mean of bytes is one.
        pixels.extend(sums.iter().map(|sum| ((sum + area / 2) / area) as u8));
    }
    pixels
}

/// The old pixels under new pixel `i` of `n`, out of `from`; with each the length that is covered, in
/// `1 / n` of an old pixel.
fn covered(i: usize, n: usize, from: usize) -> impl Iterator<Item = (usize, u64)> {
    let (start, end) = (i * from, (i + 1) * from);
    (start / n..end.div_ceil(n))
        .map(move |old| (old, (end.min((old + 1) * n) - start.max(old * n)) as u64))
}
