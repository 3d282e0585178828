//! Which images of a batch have which blocks of one thread, and the backward pass that walks them; for any number of
//! classes that the layer takes: up to 16 by `lists`, more by [`ByBlock`].

use std::ops::Range;

use super::backward::{self, BlockPart, Target};
use super::lists::Lists;
use super::many::ByBlock;
use super::upcoming::Upcoming;
use super::{lines_per_block, supports};
use crate::batch::{self, ErrorRows};
use crate::images::{Images, with_rows};
use crate::isa::{Isa, dispatch};
use crate::simd::{F32x16, flat_mut};
use crate::spec::{FEW_CLASSES, Update};

/// Which images of a batch have which of some blocks: the transpose of what their heads say. Kept between steps so that no
/// step allocates.
///
/// ```text
/// begin      before the backward pass; before the forward pass, if that is of parts of the batch: it finds the heads in the cache
/// list       after it, while other threads are still at theirs
/// backward   gradient and update
/// ```
#[derive(Clone, Debug, Default)]
pub struct BlockIndex {
    blocks: Range<usize>,
    padded: usize,
    /// Of up to 16 classes.
    lists: Lists,
    /// Of more, where the forward pass has not listed the whole batch.
    by_block: ByBlock,
    /// The gradient of half a block, of more than 16 classes.
    gradient: Vec<F32x16>,
}

impl BlockIndex {
    /// Begins a step of so many `padded` classes with the images of its batch, `rows`, for `blocks` alone.
    ///
    /// Panics, up to 16 classes, if there are no `rows`, no such images or blocks, the first of some blocks is odd, or there
    /// are so many `rows` that their blocks might be more than 2^30. Of more classes, [`list`](Self::list) does.
    pub fn begin(
        &mut self,
        isa: Isa,
        images: &Images,
        rows: &[u32],
        blocks: Range<usize>,
        padded: usize,
    ) {
        (self.blocks, self.padded) = (blocks, padded);
        if padded <= FEW_CLASSES {
            self.lists.begin(isa, images, rows, self.blocks.clone());
        } else {
            self.by_block.forget();
        }
    }

    /// Lists the images, the same `rows`, by block. Does nothing where the forward pass has listed them already: with more than
    /// 16 classes and a single one of `parts`.
    ///
    /// Panics if there are no such images or blocks.
    pub fn list(&mut self, isa: Isa, images: &Images, rows: &[u32], parts: usize) {
        if self.padded <= FEW_CLASSES {
            self.lists.build(isa);
        } else if !batch::forward_lists(parts, self.padded) {
            self.by_block.list(isa, images, rows, self.blocks.clone());
        }
    }

    /// Computes the gradient of the blocks of `part` from the error terms of the batch, and updates their weights and
    /// moments at once; returns whether all new weights are finite. The images `upcoming` are fetched into the cache on
    /// the way.
    ///
    /// Equals `spec::gradient` and `spec::update` bit for bit.
    ///
    /// Panics if the step was not begun with these blocks and classes, nobody listed as many images, the shapes
    /// do not fit, there is no such image among `upcoming`, or the layer does not take so many classes of these
    /// images ([`supports`]).
    pub fn backward(
        &mut self,
        isa: Isa,
        images: &Images,
        errors: ErrorRows<'_>,
        update: Update,
        part: BlockPart<'_>,
        upcoming: &Upcoming<'_>,
    ) -> bool {
        let (blocks, padded) = (self.blocks.clone(), self.padded);
        assert_eq!(
            (part.checked_blocks(padded), errors.padded),
            (blocks, padded),
            "blocks, classes"
        );
        if padded <= FEW_CLASSES {
            let lists = &self.lists;
            assert_eq!(lists.images(), errors.rows.len(), "images of the batch");
            let target = Target { part, upcoming };
            return with_rows!(images, |x| dispatch!(isa, |s| {
                backward::few_classes(s, x, lists, errors, update, target)
            }));
        }
        assert!(supports(images, padded), "{padded} classes of f32 features");
        self.gradient.resize(lines_per_block(padded) / 2, F32x16::default());
        let by_block = errors.listed.unwrap_or(&self.by_block);
        by_block.check(part.checked_blocks(padded), errors.rows.len() * 16 / padded);
        let (gradient, target) = (flat_mut(&mut self.gradient), Target { part, upcoming });
        with_rows!(images, |x| dispatch!(isa, |s| {
            backward::many_classes(s, x, by_block, errors, update, gradient, target)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Batch;
    use crate::layout::Layout;
    use crate::linear::padded_classes;
    use crate::spec::Rule;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    /// Steps of three images of 40 features, so five blocks, and whether their backward pass is refused.
    struct Step {
        images: Images,
        batch: Batch,
        index: BlockIndex,
    }

    const ROWS: [u32; 3] = [2, 0, 1];

    impl Step {
        fn new(classes: usize, parts: usize) -> Self {
            let layout = Layout::new(40, None).unwrap();
            let images = Images::from_u8(layout, &[1; 120]).unwrap();
            let mut batch = Batch::default();
            batch.begin(&[0, 0, 1], padded_classes(classes), parts);
            Self { images, batch, index: BlockIndex::default() }
        }

        fn begin(&mut self, blocks: Range<usize>, padded: usize) -> &mut Self {
            self.index.begin(Isa::detect(), &self.images, &ROWS, blocks, padded);
            self
        }

        fn list(&mut self) -> &mut Self {
            self.index.list(Isa::detect(), &self.images, &ROWS, self.batch.parts().len());
            self
        }

        fn is_refused(&mut self, blocks: Range<usize>) -> bool {
            let mut room = Vec::new();
            let errors = batch::error_rows(self.batch.parts(), &mut room);
            let zeros = vec![F32x16::default(); blocks.len() * errors.padded / 2];
            let [mut w, mut m, mut v] = [zeros.clone(), zeros.clone(), zeros];
            let (first, w, m, v) = (blocks.start, &mut w[..], &mut m[..], &mut v[..]);
            let part = BlockPart { first, w, m, v, shown: None };
            let update = Update { rule: Rule::Sgd { lr: 1.0 }, l2: 0.0 };
            let (images, upcoming) = (&self.images, Upcoming { rows: &[], own: 0..0 });
            let index = &mut self.index;
            let backward = AssertUnwindSafe(|| {
                index.backward(Isa::detect(), images, errors, update, part, &upcoming);
            });
            catch_unwind(backward).is_err()
        }
    }

    #[test]
    fn what_was_not_begun_and_listed_is_refused() {
        for (classes, padded, other) in [(10, 10, 12), (17, 32, 48)] {
            let mut step = Step::new(classes, 2);
            assert!(!step.begin(2..5, padded).list().is_refused(2..5), "{classes} classes");
            assert!(step.is_refused(2..4) && step.is_refused(0..3), "{classes} classes");
            assert!(step.begin(2..5, padded).is_refused(2..5), "lists of the step before");
            assert!(step.begin(2..5, other).list().is_refused(2..5), "{other} classes begun");
            assert!(!step.begin(2..4, padded).list().is_refused(2..4), "{classes} classes");
        }
    }
}
