//! Synthetic handwritten digits, in the form of MNIST: for a first run without any data.
//!
//! ```text
//! for each index:
//!     draw a label, and one of its styles: strokes given by a few points       styles.rs
//!     bend, shift, widen, slant and turn the points, as one hand would         hand.rs
//!     round them off into curves
//!     scale them to fit 20 x 20 pixels, and ink every pixel near the path      pen.rs
//!     move the ink by whole pixels until its centre of mass is at (14, 14)     here
//! ```
//!
//! The last two steps are those by which LeCun, Cortes and Burges made MNIST from the digits of
//! NIST: "size normalized to fit in a 20x20 pixel box while preserving their aspect ratio", then
//! centred in 28 x 28 "by computing the center of mass of the pixels, and translating the image so
//! as to position this point at the center". As in their files, that is the pixel (14, 14), counted
//! from 0. None of their pixels is used.
//!
//! The pixels are the same on every machine: only `+ - * / sqrt`, comparisons and integers
//! (docs/numerics.md, point 11).

mod hand;
mod pen;
mod styles;

use std::ops::Range;

use rayon::prelude::*;

use crate::rng::{Purpose, Stream};
use hand::Hand;
use pen::Pen;

/// How many training images there are: the indices `0..60_000`.
pub const TRAINING: u32 = 60_000;
/// How many test images there are: the indices `60_000..70_000`.
pub const TEST: u32 = 10_000;

/// The height and width of an image in pixels.
const SIDE: usize = 28;
/// The height and width of the box that a digit fills.
const BOX: usize = 20;
/// The seed of all the digits; another one gives another set. The year of MNIST.
const SEED: u64 = 1998;

/// A point [x, y]; x to the right, y downwards.
type Point = [f32; 2];

/// Images and their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    /// The n images, [n x 784], each of 28 x 28 pixels row by row: 0 is paper, 255 full ink.
    pub images: Vec<u8>,
    /// The n labels, 0 to 9, each about a tenth.
    pub labels: Vec<u8>,
}

/// Draws the digits of these indices, on all threads of the current rayon pool.
///
/// The training images are `0..TRAINING`, the test images the `TEST` after them. The images are the
/// program's own, and made so that softmax regression finds them about as hard as MNIST: it gets
/// 92.6 % of the test images right, on MNIST 92.5 %.
///
/// A digit depends on its index alone. All 70,000 take less than a second on one core.
///
/// ```
/// use model::synthetic::{self, TEST, TRAINING};
/// let test = synthetic::digits(TRAINING..TRAINING + TEST);
/// assert_eq!(test.images.len(), 10_000 * 28 * 28);
/// assert_eq!(test.labels[..8], [8, 7, 0, 3, 1, 7, 0, 8]);
/// ```
pub fn digits(range: Range<u32>) -> Digits {
    let mut labels = vec![0; range.len()];
    let mut images = vec![0; range.len() * SIDE * SIDE];
    let places = images.par_chunks_exact_mut(SIDE * SIDE).zip(&mut labels);
    places.zip(range).for_each(|((image, label), index)| *label = draw(index, image));
    Digits { images, labels }
}

/// Draws one digit on an empty image and returns its label.
fn draw(index: u32, image: &mut [u8]) -> u8 {
    let stream = &mut Stream::new(SEED, Purpose::Digit, index.into());
    let label = stream.below(10) as u8;
    loop {
        let style = styles::choose(label, stream);
        let hand = Hand::new(stream);
        let pen = Pen::new(stream);
        let strokes = hand.write(style, stream);
        let ink = pen.ink(strokes, stream);
        // Now and then a digit, mostly a 7 that is all top, cannot be centred: it is written again.
        if let Some(place) = centre(&ink) {
            for (y, row) in ink.chunks_exact(BOX).enumerate() {
                image[(place[1] + y) * SIDE + place[0]..][..BOX].copy_from_slice(row);
            }
            return label;
        }
    }
}

/// The place [x, y] of the box in the image, in whole pixels, that brings the centre of mass within
/// half a pixel of (14, 14); none if the box would not lie in the image.
fn centre(ink: &[u8; BOX * BOX]) -> Option<[usize; 2]> {
    let (mut mass, mut moments) = (0, [0, 0]);
    for (i, &value) in ink.iter().enumerate() {
        let value = usize::from(value);
        mass += value;
        moments[0] += value * (i % BOX);
        moments[1] += value * (i / BOX);
    }
    // 14 - moment / mass, rounded.
    let place = |moment: usize| ((SIDE + 1) * mass).checked_sub(2 * moment)?.checked_div(2 * mass);
    let [x, y] = [place(moments[0])?, place(moments[1])?];
    (x <= SIDE - BOX && y <= SIDE - BOX).then_some([x, y])
}

/// A number of mean 0 and standard deviation 1, within -3..3, shaped like a bell.
fn bell(stream: &mut Stream) -> f32 {
    stream.signed_unit() + stream.signed_unit() + stream.signed_unit()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    #[test]
    fn a_digit_depends_on_its_index_alone() {
        let all = digits(TRAINING - 50..TRAINING + 50);
        for (first, n) in [(0, 100), (0, 1), (37, 0), (37, 26), (99, 1)] {
            let part = digits(TRAINING - 50 + first..TRAINING - 50 + first + n);
            let (first, n) = (first as usize, n as usize);
            assert_eq!(part.labels, all.labels[first..][..n]);
            assert_eq!(part.images, all.images[first * SIDE * SIDE..][..n * SIDE * SIDE]);
        }
    }

    #[test]
    fn every_label_is_about_a_tenth() {
        let labels = digits(TRAINING..TRAINING + TEST).labels;
        for label in 0..10 {
            let count = labels.iter().filter(|&&l| l == label).count();
            assert!((900..1_100).contains(&count), "{count} of {label}");
        }
    }

    #[test]
    fn digits_are_placed_as_those_of_mnist() {
        let Digits { images, labels } = digits(0..5_000);
        let mut inked = 0;
        for (index, (image, label)) in images.chunks_exact(SIDE * SIDE).zip(labels).enumerate() {
            let ink: Vec<_> = (0..SIDE * SIDE)
                .filter(|&i| image[i] > 0)
                .map(|i| ([i % SIDE, i / SIDE], usize::from(image[i])))
                .collect();
            assert!(
                (40..400).contains(&ink.len()),
                "digit {index}, a {label}: {} pixels",
                ink.len()
            );
            inked += ink.len();
            let mass: usize = ink.iter().map(|(_, value)| value).sum();
            let mut extent = [0; 2];
            for axis in 0..2 {
                let moment: usize = ink.iter().map(|(at, value)| at[axis] * value).sum();
                let (twice, wanted) = (2 * moment, 2 * (SIDE / 2) * mass);
                assert!(twice.abs_diff(wanted) <= mass, "digit {index}, a {label}: off centre");
                let places = || ink.iter().map(|(at, _)| at[axis]);
                extent[axis] = 1 + places().max().unwrap_or(0) - places().min().unwrap_or(0);
            }
            let longer = extent[0].max(extent[1]);
            assert!((18..=BOX).contains(&longer), "digit {index}, a {label}: {extent:?}");
        }
        // MNIST has 19.1 %.
        let share = inked as f64 / images.len() as f64;
        assert!((0.15..0.22).contains(&share), "{share}");
    }

    #[test]
    fn the_first_thousand_are_these() {
        let Digits { images, labels } = digits(0..1_000);
        let hash = Sha256::new().chain_update(images).chain_update(labels).finalize();
        let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, "ef6b90882e1435ca43dedb7c8140d87cfcee47ade53d1762096ac7cc7a788cc3");
    }
}
