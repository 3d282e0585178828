//! Which images are whose in some steps.

use kernels::spec::Update;

/// Steps of training, one after the other.
#[derive(Clone, Copy)]
pub(crate) struct Steps<'a> {
    /// The images of the steps, and behind them those of later ones.
    pub(crate) order: &'a [u32],
    pub(crate) batch_size: usize,
    /// What each step does to the weights; there are as many steps.
    pub(crate) updates: &'a [Update],
}

impl<'a> Steps<'a> {
    /// The images of step `i`, and those of the next.
    pub(super) fn rows(&self, i: usize) -> (&'a [u32], &'a [u32]) {
        let rest = &self.order[(i * self.batch_size).min(self.order.len())..];
        let (rows, rest) = rest.split_at(self.batch_size.min(rest.len()));
        (rows, &rest[..self.batch_size.min(rest.len())])
    }

    /// How many images each step has, unless the last has fewer.
    pub(super) fn images_of_each(&self) -> Option<usize> {
        let all = self.batch_size.checked_mul(self.updates.len())?;
        (all <= self.order.len()).then_some(self.batch_size)
    }
}
