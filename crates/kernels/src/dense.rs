//! The linear layer for more than 16 classes of f32 features: two products of dense matrices.
//!
//! ```text
//! forward   S = X W        X [B x D] the images of the batch, W [D x C]
//! backward  G = X^T d      d [B x C] the error terms
//! ```
//!
//! Examples are spread out again from their blocks. Here no zero may be skipped: a sum of f32 products can be -0, which
//! adding +0 changes. Of pixels it can't, so they take `linear`, whatever the number of classes.

use crate::batch::{Batch, BatchPart, GROUP};
use crate::images::{Images, with_rows};
use crate::isa::Isa;
use crate::mat::{MatMut, MatRef};
use crate::{gemm, spec};

/// Images between the one whose entries are asked for and the one that is spread.
const AHEAD: usize = 4;

/// The images `rows` as a matrix [rows x features], row-major in file order, before scaling.
fn spread(images: &Images, rows: &[u32]) -> Vec<f32> {
    let layout = images.layout();
    let mut spread = vec![0.0; rows.len() * layout.features()];
    with_rows!(images, |x| {
        // They lie all over the set: a step of 26 classes waited for them a quarter of its time (Emerald Rapids).
        rows.iter().for_each(|&row| x.prefetch_head(row as usize));
        let mut ahead = rows.iter().skip(AHEAD);
        for (&row, out) in rows.iter().zip(spread.chunks_exact_mut(layout.features().max(1))) {
            if let Some(&row) = ahead.next() {
                x.prefetch_entries(row as usize, 0, true);
            }
            x.unpack(layout, row as usize, out);
        }
    });
    spread
}

/// Computes the sums of a part of a batch: `x W` of its images `rows`, before scale and bias.
///
/// Shapes: `rows` the images of the part, `weights` [features x classes] in file order. Equals
/// `spec::logits` for more than 16 classes, bit for bit.
///
/// Panics if the shapes do not fit, there is no such image, or there are no more than 16 classes.
pub fn forward(
    isa: Isa,
    images: &Images,
    rows: &[u32],
    weights: &[f32],
    classes: usize,
    part: &mut BatchPart,
) {
    assert!(classes > spec::FEW_CLASSES, "{classes} classes take the blocks of `linear`");
    assert_eq!(rows.len(), part.positions().len(), "images of the part");
    let (x, mut sums) = (spread(images, rows), vec![0.0; rows.len() * classes]);
    let features = images.layout().features();
    let weights = MatRef::new(weights, features, classes);
    let x = MatRef::new(&x, rows.len(), features);
    gemm(isa, x, weights, MatMut::new(&mut sums, rows.len(), classes));
    let padded = part.padded();
    let groups = part.sums_mut().chunks_exact_mut(padded).zip(sums.chunks(GROUP * classes));
    for (group, sums) in groups {
        for (lane, sums) in sums.chunks_exact(classes).enumerate() {
            for (class, &sum) in group.iter_mut().zip(sums) {
                class.0[lane] = sum;
            }
        }
    }
}

/// Computes the gradient of the weights [features x classes] from the error terms of a batch.
///
/// Shapes: `rows` `[B]`, the images of the batch in its order. Equals `spec::gradient` for more than 16
/// classes, bit for bit.
///
/// Panics if the shapes do not fit, there is no such image, or there are no more than 16 classes.
pub fn gradient(
    isa: Isa,
    images: &Images,
    rows: &[u32],
    batch: &Batch,
    classes: usize,
    out: &mut [f32],
) {
    assert!(classes > spec::FEW_CLASSES, "{classes} classes take the blocks of `linear`");
    assert_eq!(rows.len(), batch.len(), "images of the batch");
    let features = images.layout().features();
    let x = spread(images, rows);
    let mut errors = Vec::with_capacity(rows.len() * classes);
    (0..classes).for_each(|c| errors.extend(batch.error_terms(c)));
    let x = MatRef::new(&x, rows.len(), features);
    let errors = MatRef::new(&errors, classes, rows.len());
    gemm(isa, x.transposed(), errors.transposed(), MatMut::new(out, features, classes));
}
