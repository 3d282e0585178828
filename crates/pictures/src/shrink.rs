//! Shrinking an image by area averaging.

use std::ops::Range;

use crate::picture::Picture;

/// The pixels of `picture` shrunk to `height` x `width`: each the mean of what it covers, rounded.
///
/// Lengths are counted in `1 / width` of a pixel (down, in `1 / height`), so that all sums are exact.
///
/// Panics if a size is 0 or larger than the picture's.
pub(crate) fn shrink(picture: Picture<'_>, (height, width): (usize, usize)) -> Vec<u8> {
    let (from_height, from_width) = (picture.height(), picture.width());
    assert!((1..=from_height).contains(&height) && (1..=from_width).contains(&width));
    let area = (from_height * from_width) as u64;
    let mut pixels = Vec::with_capacity(height * width);
    for y in 0..height {
        for x in 0..width {
            let mut sum = 0;
            for (from_y, high) in covered(y, height, from_height) {
                for (from_x, wide) in covered(x, width, from_width) {
                    sum += u64::from(picture.at(from_y, from_x)) * (high * wide) as u64;
                }
            }
            // A mean of bytes is one.
            pixels.push(((sum + area / 2) / area) as u8);
        }
    }
    pixels
}

/// The old pixels under new pixel `i` of `n`, out of `from`; with each the length that is covered, in
/// `1 / n` of an old pixel.
pub(crate) fn covered(i: usize, n: usize, from: usize) -> impl Iterator<Item = (usize, usize)> {
    let Range { start, end } = i * from..(i + 1) * from;
    (start / n..end.div_ceil(n)).map(move |old| (old, end.min((old + 1) * n) - start.max(old * n)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_old_pixel_counts_the_same() {
        for from in 1..=40 {
            for n in 1..=from {
                let mut weights = vec![0; from];
                for i in 0..n {
                    let of_one = covered(i, n, from).map(|(old, length)| {
                        weights[old] += length;
                        length
                    });
                    assert_eq!(of_one.sum::<usize>(), from, "{i} of {n} from {from}");
                }
                assert!(weights.iter().all(|&weight| weight == n), "{n} from {from}");
            }
        }
    }

    #[test]
    fn halves_and_thirds() {
        let pixels = [0, 100, 200, 100, 200, 0];
        assert_eq!(shrink(Picture::new(&pixels, (2, 3)), (1, 1)), [100]);
        assert_eq!(shrink(Picture::new(&pixels, (2, 3)), (1, 3)), [50, 150, 100]);
        // 100 and half of 100 over one and a half pixels: (0 + 50) / 1.5 = 33.
        assert_eq!(shrink(Picture::new(&pixels[..3], (1, 3)), (1, 2)), [33, 167]);
        assert_eq!(shrink(Picture::new(&pixels, (2, 3)), (2, 3)), pixels);
    }
}
