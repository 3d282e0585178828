//! How a step is split among threads, in its first half by images and in its second by blocks of weights.

use std::time::Duration;

use kernels::team::Shares;
use kernels::{batch, linear};

/// What each thread gets.
#[derive(Clone, Debug)]
pub(super) struct Split {
    pub(super) images: Shares,
    pub(super) blocks: Shares,
}

impl Split {
    /// The same for each of `threads`.
    pub(super) fn equal(threads: usize) -> Self {
        Self { images: batch::shares(threads), blocks: linear::shares(threads) }
    }

    /// The number of threads.
    pub(super) fn threads(&self) -> usize {
        self.images.parts()
    }

    /// Hears how long each thread has worked in a first and in a second half of steps of so many blocks, and of so many
    /// images if all had as many.
    pub(super) fn follow(
        &mut self,
        images: Option<usize>,
        blocks: usize,
        worked: &[[Duration; 2]],
    ) {
        let of_half = |half: usize| worked.iter().map(|of| of[half]).collect::<Vec<_>>();
        if let Some(images) = images {
            self.images.follow(images, &of_half(0));
        }
        self.blocks.follow(blocks, &of_half(1));
    }
}
