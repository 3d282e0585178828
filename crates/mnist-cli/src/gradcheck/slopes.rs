//! The slopes of the loss, measured: central differences in f64.

use kernels::{reference, spec};

/// How far a parameter is moved, either way: the error of the difference, some `h^2` of the third
/// derivative, and the rounding of two losses over `2 h` are both about 1e-10 here.
pub(super) const H: f64 = 2.5e-5;

/// `(L(w + h) - L(w - h)) / 2h` for every weight, then for every bias.
///
/// A parameter of class `c` changes the logit of `c` alone, in each image by `h` times the image's feature;
/// so the others are computed once.
pub(super) fn central_differences(model: &reference::Model, batch: &spec::Batch<'_>) -> Vec<f64> {
    let (n, classes) = (batch.labels.len(), model.bias.len());
    let features = batch.features.len() / n;
    let images: Vec<&[f32]> = batch.features.chunks_exact(features).collect();
    let mut logits: Vec<Vec<f64>> =
        images.iter().map(|x| reference::logits(model, x, batch.scale)).collect();
    let mut slope = |class: usize, x: &dyn Fn(usize) -> f64| {
        let mut difference = 0.0;
        for (i, z) in logits.iter_mut().enumerate() {
            let (own, x) = (z[class], x(i));
            if x == 0.0 {
                continue;
            }
            let mut loss = |moved: f64| {
                z[class] = moved;
                reference::softmax(z, batch.labels[i]).loss
            };
            difference += loss(own + H * x) - loss(own - H * x);
            z[class] = own;
        }
        difference / n as f64 / (2.0 * H)
    };
    let mut slopes = Vec::with_capacity((features + 1) * classes);
    for feature in 0..features {
        let x = |i: usize| f64::from(images[i][feature]) * f64::from(batch.scale);
        slopes.extend((0..classes).map(|class| slope(class, &x)));
    }
    slopes.extend((0..classes).map(|class| slope(class, &|_| 1.0)));
    slopes
}
