//! The rows of a batch on their way through the softmax and back: 16 to a group, rows as lanes.
//!
//! A batch is cut into parts, one for each thread, and every part begins a group of its own, so that two
//! threads never write to one group. Which group and lane a row stands in is its slot; nothing that is
//! computed depends on it.
//!
//! ```text
//! position   0 .. 49                  50 .. 99            100 rows in 2 parts
//! group      0    1    2    3         4    5    6    7    of [padded class][16 rows]
//! rows       16   16   16   2         16   16   16   2
//! ```

use std::ops::Range;

use crate::isa::{Isa, dispatch};
use crate::simd::{F32x16, Simd};
use crate::spec::{self, FEW_CLASSES, LANES};

/// Rows in a group.
pub const GROUP: usize = 16;

/// What is known of each row of a batch; kept between steps so that no step allocates.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    labels: Vec<u32>,
    padded: usize,
    rows_per_part: usize,
    groups_per_part: usize,
    /// `[group][padded class]`: the sums `x W`, then the probabilities.
    sums: Vec<F32x16>,
    /// `[group][padded class]`: the error terms.
    errors: Vec<F32x16>,
    /// `[slot]`: the same by row, padded with zeros; only where there are few classes.
    error_rows: Vec<F32x16>,
    /// `[group]`: labels as f32, losses in nats, predicted classes as f32.
    label_lanes: Vec<F32x16>,
    losses: Vec<F32x16>,
    predicted: Vec<F32x16>,
}

/// The rows of one part of a batch.
#[derive(Debug)]
pub struct BatchPart<'a> {
    /// Their positions in the batch.
    pub positions: Range<usize>,
    /// `[group][padded class]`: the sums `x W`, replaced by the probabilities.
    pub sums: &'a mut [F32x16],
    /// The slot of its first row.
    pub(crate) first_slot: usize,
    pub(crate) errors: &'a mut [F32x16],
    pub(crate) error_rows: &'a mut [F32x16],
    pub(crate) labels: &'a [F32x16],
    pub(crate) losses: &'a mut [F32x16],
    pub(crate) predicted: &'a mut [F32x16],
}

impl Batch {
    /// Begins a batch of rows with these `labels`, in at most `parts` parts, for classes padded to
    /// `padded`.
    ///
    /// Panics if there are no labels or parts, or a label is not below `padded`.
    pub fn begin(&mut self, labels: impl Iterator<Item = u32>, padded: usize, parts: usize) {
        self.labels.clear();
        self.labels.extend(labels);
        assert!(!self.labels.is_empty(), "a batch without rows");
        let most = self.labels.iter().fold(0, |most, &label| most.max(label));
        assert!((most as usize) < padded, "label {most} of {padded} classes");
        if padded != self.padded {
            // What was an error term may now be padding, which must be zero.
            *self = Self { labels: std::mem::take(&mut self.labels), padded, ..Self::default() };
        }
        self.rows_per_part = self.labels.len().div_ceil(parts);
        self.groups_per_part = self.rows_per_part.div_ceil(GROUP);
        let groups = self.part_count() * self.groups_per_part;
        self.sums.resize(groups * padded, F32x16::default());
        self.errors.resize(groups * padded, F32x16::default());
        let rows_per_group = if padded <= FEW_CLASSES { GROUP } else { 0 };
        self.error_rows.resize(groups * rows_per_group, F32x16::default());
        for lanes in [&mut self.label_lanes, &mut self.losses, &mut self.predicted] {
            lanes.resize(groups, F32x16::default());
        }
        let rows = self.labels.chunks(self.rows_per_part);
        for (rows, groups) in rows.zip(self.label_lanes.chunks_mut(self.groups_per_part)) {
            for (rows, group) in rows.chunks(GROUP).zip(groups) {
                for (lane, &label) in group.0.iter_mut().zip(rows) {
                    *lane = label as f32;
                }
            }
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether no batch was begun.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The number of parts.
    pub fn part_count(&self) -> usize {
        self.labels.len().div_ceil(self.rows_per_part.max(1))
    }

    /// The classes of the rows.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The parts, each with the rows of one thread.
    pub fn parts(&mut self) -> impl Iterator<Item = BatchPart<'_>> {
        let (len, padded) = (self.labels.len(), self.padded);
        let (rows, groups) = (self.rows_per_part, self.groups_per_part);
        let sums = self.sums.chunks_exact_mut(groups * padded);
        let errors = self.errors.chunks_exact_mut(groups * padded);
        let rows_per_group = if padded <= FEW_CLASSES { GROUP } else { 0 };
        let mut error_rows = &mut self.error_rows[..];
        let losses = self.losses.chunks_exact_mut(groups);
        let predicted = self.predicted.chunks_exact_mut(groups);
        let labels = self.label_lanes.chunks_exact(groups);
        let parts = sums.zip(errors).zip(losses.zip(predicted)).zip(labels).enumerate();
        parts.map(move |(i, (((sums, errors), (losses, predicted)), labels))| {
            let positions = i * rows..((i + 1) * rows).min(len);
            // The last part may have fewer rows.
            let used = positions.len().div_ceil(GROUP);
            let (own, others) =
                std::mem::take(&mut error_rows).split_at_mut(groups * rows_per_group);
            error_rows = others;
            BatchPart {
                positions,
                sums: &mut sums[..used * padded],
                first_slot: i * groups * GROUP,
                errors: &mut errors[..used * padded],
                error_rows: &mut own[..used * rows_per_group],
                labels: &labels[..used],
                losses: &mut losses[..used],
                predicted: &mut predicted[..used],
            }
        })
    }

    /// The number of classes, padded.
    pub(crate) fn padded(&self) -> usize {
        self.padded
    }

    /// The error terms as `[slot]`, a row each; none where there are more than few classes.
    pub(crate) fn error_rows(&self) -> &[F32x16] {
        &self.error_rows
    }

    /// For each part, the slot of its first row and its positions.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (usize, Range<usize>)> {
        let (len, rows, groups) = (self.labels.len(), self.rows_per_part, self.groups_per_part);
        let range = move |i: usize| i * rows..((i + 1) * rows).min(len);
        (0..self.part_count()).map(move |i| (i * groups * GROUP, range(i)))
    }

    /// The groups of each part with the number of their rows, in position order.
    fn groups(&self) -> impl Iterator<Item = (usize, usize)> {
        self.slots().flat_map(|(slot, positions)| {
            let groups = (0..positions.len()).step_by(GROUP);
            groups.map(move |first| ((slot + first) / GROUP, (positions.len() - first).min(GROUP)))
        })
    }

    fn lanes<'a>(&'a self, lanes: &'a [F32x16]) -> impl Iterator<Item = f32> + 'a {
        self.groups().flat_map(|(group, rows)| lanes[group].0[..rows].iter().copied())
    }

    /// The row losses in nats, in position order.
    pub fn losses(&self) -> impl Iterator<Item = f32> + '_ {
        self.lanes(&self.losses)
    }

    /// The predicted classes, in position order.
    pub fn predicted(&self) -> impl Iterator<Item = u32> + '_ {
        self.lanes(&self.predicted).map(|class| class as u32)
    }

    /// How many rows were predicted right.
    pub fn correct(&self) -> usize {
        self.predicted().zip(&self.labels).filter(|&(predicted, &label)| predicted == label).count()
    }

    /// The probabilities of class `c`, in position order.
    pub fn probabilities(&self, c: usize) -> impl Iterator<Item = f32> + '_ {
        self.of_class(&self.sums, c)
    }

    /// The error terms of class `c`, in position order.
    pub fn error_terms(&self, c: usize) -> impl Iterator<Item = f32> + '_ {
        self.of_class(&self.errors, c)
    }

    fn of_class<'a>(&'a self, of: &'a [F32x16], c: usize) -> impl Iterator<Item = f32> + 'a {
        assert!(c < self.padded, "class {c} of {}", self.padded);
        let class = move |group: usize| &of[group * self.padded + c].0;
        self.groups().flat_map(move |(group, rows)| class(group)[..rows].iter().copied())
    }

    /// Computes the gradient of the biases `[classes]` from the probabilities.
    ///
    /// The sums are eight in f64, by position modulo 8, as in `spec::gradient`.
    pub fn bias_gradient(&self, isa: Isa, gradient: &mut [f32]) {
        // The body is plain Rust; within a tier the compiler takes as many positions at once as it can.
        dispatch!(isa, |s| self.bias_gradient_on(s, gradient));
    }

    #[inline(always)]
    fn bias_gradient_on<S: Simd>(&self, _: S, gradient: &mut [f32]) {
        let n = self.len() as f64;
        let mut images = vec![0u32; self.padded];
        self.labels.iter().for_each(|&label| images[label as usize] += 1);
        for (c, (gradient, images)) in gradient.iter_mut().zip(images).enumerate() {
            let mut s = [0.0f64; LANES];
            let mut position = 0usize;
            for (group, rows) in self.groups() {
                let mut p = &self.sums[group * self.padded + c].0[..rows];
                // A part may begin at any position; what stands before the next multiple of 8 goes first.
                if !position.is_multiple_of(LANES) {
                    let (head, rest) = p.split_at((LANES - position % LANES).min(rows));
                    s[position % LANES..]
                        .iter_mut()
                        .zip(head)
                        .for_each(|(s, &p)| *s += f64::from(p));
                    p = rest;
                }
                let (eights, rest) = p.as_chunks::<LANES>();
                for eight in eights {
                    s.iter_mut().zip(eight).for_each(|(s, &p)| *s += f64::from(p));
                }
                s.iter_mut().zip(rest).for_each(|(s, &p)| *s += f64::from(p));
                position += rows;
            }
            *gradient = ((spec::sum8(s) - f64::from(images)) / n) as f32;
        }
    }
}
