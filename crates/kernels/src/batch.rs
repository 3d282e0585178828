//! The rows of a batch on their way through the softmax and back: 16 to a group, rows as lanes.
//!
//! A batch is cut into parts, one for each thread, and every part has buffers of its own, so that two
//! threads never write to one place. (Two threads that have half of the blocks each have all rows, each in a part of its own.)
//! Which part, group and lane a row stands in is nothing that any result depends on.
//!
//! ```text
//! part       0                   1                        100 rows in 2 parts
//! position   0 .. 47             48 .. 99
//! group      0    1    2         0    1    2    3         of [padded class][16 rows]
//! rows       16   16   16        16   16   16   4
//! ```

use std::ops::Range;

use crate::isa::{Isa, dispatch};
use crate::linear::{ByBlock, Scratch};
use crate::simd::{F32x16, Simd, prefetch};
use crate::spec::{self, LANES};
use crate::team::Shares;

/// Rows in a group.
pub const GROUP: usize = 16;

/// What is known of each row of a batch; kept between steps so that no step allocates.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    parts: Vec<BatchPart>,
}

/// The rows of one part of a batch.
#[derive(Clone, Debug, Default)]
pub struct BatchPart {
    positions: Range<usize>,
    labels: Vec<u32>,
    padded: usize,
    /// `[padded class]`: the number of rows of each.
    rows_of_class: Vec<u32>,
    /// `[group][padded class]`: the sums `x W`, then the probabilities, zero past the last row.
    sums: Vec<F32x16>,
    /// `[group][padded class]`: the error terms.
    errors: Vec<F32x16>,
    /// `[16 classes][row]`: the same by row, up to whole groups.
    error_rows: Vec<F32x16>,
    /// `[group]`: labels as f32, losses in nats, predicted classes as f32.
    label_lanes: Vec<F32x16>,
    losses: Vec<F32x16>,
    predicted: Vec<F32x16>,
    /// Of the forward pass of more than 16 classes.
    scratch: Scratch,
}

/// What the [forward pass](crate::linear::forward) writes of the rows of a part.
#[derive(Debug)]
pub struct SumRows<'a> {
    /// `[group][padded class]`: the sums `x W`.
    pub sums: &'a mut [F32x16],
    /// The number of classes, padded.
    pub padded: usize,
    /// What the pass keeps between steps, of more than 16 classes.
    pub scratch: &'a mut Scratch,
}

/// What the softmax reads and writes of the rows of a part.
#[derive(Debug)]
pub struct SoftmaxRows<'a> {
    /// `[group][padded class]`: the sums `x W`, replaced by the probabilities.
    pub sums: &'a mut [F32x16],
    pub(crate) padded: usize,
    /// The number of rows.
    pub(crate) len: usize,
    pub(crate) errors: &'a mut [F32x16],
    pub(crate) error_rows: &'a mut [F32x16],
    pub(crate) labels: &'a [F32x16],
    pub(crate) losses: &'a mut [F32x16],
    pub(crate) predicted: &'a mut [F32x16],
}

/// Equal shares of so many threads in the rows of a batch.
///
/// Parts begin at multiples of 8, so that the eight sums of [`bias_gradient`] go on from part to part.
///
/// Panics if there are no threads.
pub fn shares(parts: usize) -> Shares {
    Shares::equal(parts, LANES)
}

impl BatchPart {
    /// Begins a part: the rows at `positions` of the batch, with these `labels`, for classes padded to `padded`.
    ///
    /// Panics if there are not as many labels as positions, they begin elsewhere than [`shares`] have it, or a label
    /// is not below `padded`.
    pub fn begin(
        &mut self,
        positions: Range<usize>,
        labels: impl Iterator<Item = u32>,
        padded: usize,
    ) {
        if padded != self.padded {
            // What was an error term may now be padding, which must be zero.
            *self = Self { labels: std::mem::take(&mut self.labels), padded, ..Self::default() };
        }
        self.labels.clear();
        self.labels.extend(labels);
        assert_eq!(self.labels.len(), positions.len(), "labels of the part");
        let begins_well = positions.start.is_multiple_of(LANES) || positions.is_empty();
        assert!(begins_well, "a part from position {} on", positions.start);
        let most = self.labels.iter().fold(0, |most, &label| most.max(label));
        assert!((most as usize) < padded, "label {most} of {padded} classes");
        self.rows_of_class.clear();
        self.rows_of_class.resize(padded, 0);
        self.labels.iter().for_each(|&label| self.rows_of_class[label as usize] += 1);
        self.positions = positions;
        let groups = self.labels.len().div_ceil(GROUP);
        self.sums.resize(groups * padded, F32x16::default());
        self.errors.resize(groups * padded, F32x16::default());
        self.error_rows.resize(vectors_of(padded) * groups * GROUP, F32x16::default());
        for lanes in [&mut self.label_lanes, &mut self.losses, &mut self.predicted] {
            lanes.resize(groups, F32x16::default());
        }
        for (rows, group) in self.labels.chunks(GROUP).zip(&mut self.label_lanes) {
            for (lane, &label) in group.0.iter_mut().zip(rows) {
                *lane = label as f32;
            }
        }
    }

    /// The positions of its rows in the batch.
    pub fn positions(&self) -> Range<usize> {
        self.positions.clone()
    }

    /// The classes of its rows.
    pub fn labels(&self) -> &[u32] {
        &self.labels
    }

    /// The number of classes, padded.
    pub fn padded(&self) -> usize {
        self.padded
    }

    /// The sums `x W` as `[group][padded class]`, or what the softmax has made of them.
    pub fn sums_mut(&mut self) -> &mut [F32x16] {
        &mut self.sums
    }

    /// Adds up what the two halves of the blocks give of the sums; each may have room for more rows.
    ///
    /// Panics if one has fewer.
    pub fn add_halves(&mut self, isa: Isa, halves: [&[F32x16]; 2]) {
        let halves = halves.map(|half| &half[..self.sums.len()]);
        dispatch!(isa, |s| add_halves_on(s, halves, &mut self.sums));
    }

    /// The rows for the forward pass.
    pub fn sum_rows_mut(&mut self) -> SumRows<'_> {
        SumRows { sums: &mut self.sums, padded: self.padded, scratch: &mut self.scratch }
    }

    /// The rows for the softmax.
    pub fn softmax_rows_mut(&mut self) -> SoftmaxRows<'_> {
        SoftmaxRows {
            sums: &mut self.sums,
            padded: self.padded,
            len: self.labels.len(),
            errors: &mut self.errors,
            error_rows: &mut self.error_rows,
            labels: &self.label_lanes,
            losses: &mut self.losses,
            predicted: &mut self.predicted,
        }
    }

    /// The error terms of the classes from `16 * i` on as `[row]`.
    fn error_rows(&self, i: usize) -> &[F32x16] {
        let room = self.error_rows.len() / vectors_of(self.padded).max(1);
        &self.error_rows[i * room..][..self.labels.len()]
    }

    /// The groups with the number of their rows.
    fn groups(&self) -> impl Iterator<Item = (usize, usize)> {
        let len = self.labels.len();
        (0..len.div_ceil(GROUP)).map(move |group| (group, (len - group * GROUP).min(GROUP)))
    }

    /// The probabilities of class `c` by group; past the last row they are zero.
    #[inline(always)]
    fn probabilities(&self, c: usize) -> impl Iterator<Item = &F32x16> {
        // Chunks would be counted, by a division.
        self.sums.iter().skip(c).step_by(self.padded)
    }

    fn lanes<'a>(&'a self, lanes: &'a [F32x16]) -> impl Iterator<Item = f32> + 'a {
        self.groups().flat_map(|(group, rows)| lanes[group].0[..rows].iter().copied())
    }

    fn of_class<'a>(&'a self, of: &'a [F32x16], c: usize) -> impl Iterator<Item = f32> + 'a {
        assert!(c < self.padded, "class {c} of {}", self.padded);
        let class = move |group: usize| &of[group * self.padded + c].0;
        self.groups().flat_map(move |(group, rows)| class(group)[..rows].iter().copied())
    }
}

impl Batch {
    /// Begins a batch of rows with these `labels`, in `parts` equal parts, of which some may be empty, for
    /// classes padded to `padded`.
    ///
    /// Panics if there are no labels or parts, or a label is not below `padded`.
    pub fn begin(&mut self, labels: &[u32], padded: usize, parts: usize) {
        assert!(!labels.is_empty(), "a batch without rows");
        assert!(parts > 0, "a batch without parts");
        let shares = shares(parts);
        for (i, part) in self.cut(parts).iter_mut().enumerate() {
            let positions = shares.range(labels.len(), i);
            part.begin(positions.clone(), labels[positions].iter().copied(), padded);
        }
    }

    /// Cuts the batch into `parts` parts, each of which must be begun.
    pub fn cut(&mut self, parts: usize) -> &mut [BatchPart] {
        self.parts.resize_with(parts, BatchPart::default);
        &mut self.parts
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.parts.iter().map(|part| part.labels.len()).sum()
    }

    /// Whether no batch was begun.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The parts, in position order.
    pub fn parts(&self) -> &[BatchPart] {
        &self.parts
    }

    /// The parts, each with the rows of one thread.
    pub fn parts_mut(&mut self) -> &mut [BatchPart] {
        &mut self.parts
    }

    /// The classes of the rows, in position order.
    pub fn labels(&self) -> impl Iterator<Item = u32> + '_ {
        self.parts.iter().flat_map(|part| part.labels.iter().copied())
    }

    /// The row losses in nats, in position order.
    pub fn losses(&self) -> impl Iterator<Item = f32> + '_ {
        self.parts.iter().flat_map(|part| part.lanes(&part.losses))
    }

    /// The predicted classes, in position order.
    pub fn predicted(&self) -> impl Iterator<Item = u32> + '_ {
        let classes = self.parts.iter().flat_map(|part| part.lanes(&part.predicted));
        classes.map(|class| class as u32)
    }

    /// How many rows were predicted right.
    pub fn correct(&self) -> usize {
        self.predicted().zip(self.labels()).filter(|&(predicted, label)| predicted == label).count()
    }

    /// The probabilities of class `c`, in position order.
    ///
    /// Panics if there is no such class, padding included.
    pub fn probabilities(&self, c: usize) -> impl Iterator<Item = f32> + '_ {
        self.parts.iter().flat_map(move |part| part.of_class(&part.sums, c))
    }

    /// The error terms of class `c`, in position order.
    ///
    /// Panics if there is no such class, padding included.
    pub fn error_terms(&self, c: usize) -> impl Iterator<Item = f32> + '_ {
        self.parts.iter().flat_map(move |part| part.of_class(&part.errors, c))
    }
}

#[inline(always)]
fn add_halves_on<S: Simd>(s: S, [first, second]: [&[F32x16]; 2], sums: &mut [F32x16]) {
    for (sum, (first, second)) in sums.iter_mut().zip(first.iter().zip(second)) {
        for lane in (0..16).step_by(S::LANES) {
            let both = s.add(s.load(&first.0[lane..]), s.load(&second.0[lane..]));
            s.store(both, &mut sum.0[lane..]);
        }
    }
}

/// Fetches what the backward pass reads of the parts other than number `own` into the cache.
pub fn prefetch_others(parts: &[BatchPart], own: usize) {
    let others = || parts.iter().enumerate().filter(|&(i, _)| i != own);
    others().for_each(|(_, part)| part.error_rows.iter().for_each(prefetch));
    others().for_each(|(_, part)| part.sums.iter().for_each(prefetch));
}

/// What a batch hands to the backward pass.
#[derive(Clone, Copy, Debug)]
pub struct ErrorRows<'a> {
    /// `[16 classes][position]`: the error terms.
    pub rows: &'a [F32x16],
    /// The number of classes, padded.
    pub padded: usize,
    /// Which images have which blocks, where the forward pass of more than 16 classes has listed that of the whole batch.
    pub listed: Option<&'a ByBlock>,
}

/// Whether the forward pass lists which images of the whole batch have which blocks: where one of `parts` is all of it, and
/// there are more than 16 classes.
pub(crate) fn forward_lists(parts: usize, padded: usize) -> bool {
    parts == 1 && padded > spec::FEW_CLASSES
}

/// Which images have which blocks, where the forward pass has listed that.
pub(crate) fn listed(parts: &[BatchPart]) -> Option<&ByBlock> {
    let part = parts.first().filter(|part| forward_lists(parts.len(), part.padded))?;
    Some(part.scratch.by_block())
}

/// The error terms of all `parts`. Of several parts they are gathered in `room`, because what other threads wrote comes fastest
/// all at once.
///
/// Panics if parts differ in their numbers of classes.
pub fn error_rows<'a>(parts: &'a [BatchPart], room: &'a mut Vec<F32x16>) -> ErrorRows<'a> {
    let padded = parts.first().map_or(0, |part| part.padded);
    assert!(parts.iter().all(|part| part.padded == padded), "parts of {padded} classes");
    let listed = listed(parts);
    let vectors = vectors_of(padded);
    if let ([part], 1) = (parts, vectors) {
        return ErrorRows { rows: part.error_rows(0), padded, listed };
    }
    room.clear();
    for i in 0..vectors {
        parts.iter().for_each(|part| room.extend_from_slice(part.error_rows(i)));
    }
    ErrorRows { rows: room, padded, listed }
}

/// How many times 16 classes there are, the last ones padded.
fn vectors_of(classes: usize) -> usize {
    classes.div_ceil(16)
}

/// Computes the gradient of the biases `[classes]` from the probabilities of all `parts` of a batch.
///
/// The sums are eight in f64, by position modulo 8, as in `spec::gradient`.
///
/// Panics if there are more classes than the batch was begun with.
pub fn bias_gradient(isa: Isa, parts: &[BatchPart], gradient: &mut [f32]) {
    dispatch!(isa, |s| bias_gradient_on(s, parts, gradient));
}

#[inline(always)]
fn bias_gradient_on<S: Simd>(s: S, parts: &[BatchPart], gradient: &mut [f32]) {
    let n: usize = parts.iter().map(|part| part.labels.len()).sum();
    for (c, gradient) in gradient.iter_mut().enumerate() {
        let (mut sums, mut images) = ([0.0; LANES], 0);
        for part in parts {
            images += part.rows_of_class[c];
            s.add_in_turn(&mut sums, part.probabilities(c));
        }
        *gradient = ((spec::sum8(sums) - f64::from(images)) / n as f64) as f32;
    }
}
