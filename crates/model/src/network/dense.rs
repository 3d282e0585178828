//! Steps on more than 16 classes of f32 features, by products of matrices.

use kernels::{dense, optim};

use super::{Aside, Common, Steps, update_bias};
use crate::dataset::Dataset;
use crate::layer::Form;

/// Takes steps on weights and both moments [features x classes], row-major in file order; see
/// [`Network::take`](super::Network::take). The batch is one part; its products are cut among rayon's threads.
///
/// Errors with the number of the half step (from 0) that meets a number that is not finite.
pub(super) fn take(
    [w, m, v]: &mut [Vec<f32>; 3],
    common: &mut Common,
    data: &Dataset,
    steps: Steps<'_>,
    aside: Aside<'_>,
) -> Result<(), usize> {
    for (i, &update) in steps.updates.iter().enumerate() {
        aside();
        let rows = steps.rows(i).0;
        if !common.forward(data, rows, Form::Dense(w), 1) {
            return Err(2 * i);
        }
        let Common { isa, classes, batch, bias, .. } = &mut *common;
        let mut g = vec![0.0; w.len()];
        dense::gradient(*isa, data.images(), rows, batch, *classes, &mut g);
        let finite = optim::update_all(*isa, update, &g, (w, m, v));
        if !(finite & update_bias(*isa, batch.parts(), update.rule, (&mut Vec::new(), bias))) {
            return Err(2 * i + 1);
        }
    }
    Ok(())
}
