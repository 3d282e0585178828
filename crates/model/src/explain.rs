//! Why the model prefers one class to another: every pixel's share in the difference of their logits.
//!
//! The logits are sums over the pixels, so their difference is one too, and nothing of it is left over:
//!
//! ```text
//! z_a - z_b = sum_i x_i s (W[i,a] - W[i,b]) + (b_a - b_b)
//! ```
//!
//! All in f64, from the f32 parameters and the unscaled features `x`, in this order of operations, which any
//! language with IEEE doubles repeats to the last bit:
//!
//! ```text
//! share_i = (x_i * s) * (W[i,a] - W[i,b])
//! margin  = ((((0 + share_0) + share_1) + ...) + share_{D-1}) + (b_a - b_b)
//! ```
//!
//! So the terms, written with as many digits as bring each back, add up to the margin as it is written, in
//! every digit. The odds of class `a` against class `b` are `e^margin` to one.

use crate::dataset::Dataset;
use crate::parameters::Parameters;

/// The shares of an image's pixels in the margin between two classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// The class that positive shares speak for.
    pub class: u32,
    /// The class that negative shares speak for.
    pub other: u32,
    /// The share of each pixel, in the image's own order.
    pub shares: Vec<f64>,
    /// The share of the biases.
    pub bias: f64,
    /// The logit of `class` minus that of `other`: the sum of the shares ascending, then of the biases'.
    pub margin: f64,
}

impl Explanation {
    /// Explains the margin of `class` over `other` for one image: `x` `[features]`, unscaled, and the factor
    /// `scale` that the model sees them with, as [`kernels::Images::scale`] gives it.
    ///
    /// Panics if the model has another number of features, or lacks one of the classes.
    ///
    /// ```
    /// use model::{Parameters, explain::Explanation};
    /// // Two pixels, two classes: ink on the left speaks for class 0.
    /// let parameters = Parameters { weights: vec![2.0, 0.0, -1.0, 1.0], bias: vec![0.0, 0.5] };
    /// let why = Explanation::new(&parameters, &[1.0, 0.25], 1.0, 0, 1);
    /// assert_eq!((why.shares, why.bias, why.margin), (vec![2.0, -0.5], -0.5, 1.0));
    /// ```
    pub fn new(parameters: &Parameters, x: &[f32], scale: f32, class: u32, other: u32) -> Self {
        let classes = parameters.classes();
        assert_eq!(x.len(), parameters.features(), "features of the image and of the model");
        let (a, b) = (class as usize, other as usize);
        assert!(a < classes && b < classes, "classes {a} and {b} of {classes}");
        let difference = |row: &[f32]| f64::from(row[a]) - f64::from(row[b]);
        let rows = parameters.weights.chunks_exact(classes);
        let share = |(&x, row)| f64::from(x) * f64::from(scale) * difference(row);
        let shares: Vec<f64> = x.iter().zip(rows).map(share).collect();
        let bias = difference(&parameters.bias);
        let margin = sum(&shares) + bias;
        Self { class, other, shares, bias, margin }
    }

    /// Explains image `i` of `data`.
    ///
    /// Panics as [`Self::new`], or if there is no image `i`.
    pub fn of(parameters: &Parameters, data: &Dataset, i: usize, class: u32, other: u32) -> Self {
        let mut x = vec![0.0; data.features()];
        data.images().unpack(i, &mut x);
        Self::new(parameters, &x, data.images().scale(), class, other)
    }

    /// The pixels by falling size of their shares, either way; of equals the lowest first. Pixels without
    /// any share are left out.
    pub fn ranked(&self) -> Vec<usize> {
        let mut pixels: Vec<usize> =
            (0..self.shares.len()).filter(|&i| self.shares[i] != 0.0).collect();
        pixels.sort_by(|&i, &j| self.shares[j].abs().total_cmp(&self.shares[i].abs()));
        pixels
    }

    /// The largest share of a pixel, either way: what colours are scaled by. 0 where no pixel has a share.
    pub fn largest(&self) -> f64 {
        self.shares.iter().fold(0.0, |most, share| share.abs().max(most))
    }
}

/// The sum from 0, ascending, each addition rounded to f64.
fn sum(shares: &[f64]) -> f64 {
    shares.iter().fold(0.0, |sum, share| sum + share)
}
