//! Forward and backward pass of the linear layer, a batch of 100 images and ten classes, on every
//! tier: `linear/<pass>/<tier>`.
//!
//! An element is a floating-point operation of the dense product that the pass replaces, so Gelem/s
//! read as GFLOP/s of dense work; background is skipped, so they may lie above the processor's peak.
//! The backward pass has the lists of the images and Adam's step in it. Beside each stands the dense product by `matrixmultiply`,
//! without a step and always of the same batch, which stays in the cache.

mod blas_ffi;
mod shapes;

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use kernels::batch::error_rows;
use kernels::linear::{self, BlockIndex, BlockPart, BlockWeights, Upcoming, padded_classes};
use kernels::spec::{Rule, Update};
use kernels::{Batch, F32x16, Images, Isa, Layout, softmax};
use shapes::{BACKWARD, BATCH, CLASSES, FEATURES, FORWARD, IMAGES, SIDE};
use shapes::{indices, numbers, strokes};

const ADAM: Rule = Rule::Adam { c1: 0.1, c2: 0.001, a: 0.0003, eps: 1e-8 };

/// Batches that the backward pass is measured with.
const PREPARED: usize = 100;

/// A set of images, weights, and the images at random that batches take one after the other.
struct Data {
    images: Images,
    order: Vec<u32>,
    weights: BlockWeights,
}

fn data() -> Data {
    let layout = Layout::new(FEATURES, Some((SIDE, SIDE))).expect("a small image");
    let images = Images::from_u8(layout, &strokes(IMAGES, 1)).expect("few blocks");
    let weights = numbers(FEATURES * CLASSES, 2);
    let weights = BlockWeights::gather(images.layout(), CLASSES, &weights);
    Data { images, order: indices(IMAGES, IMAGES, 3), weights }
}

/// A batch of images of any class.
fn begun() -> Batch {
    let mut batch = Batch::default();
    batch.begin(&indices(BATCH, CLASSES, 4), padded_classes(CLASSES), 1);
    batch
}

fn forward(criterion: &mut Criterion, Data { images, order, weights }: &Data) {
    let mut group = criterion.benchmark_group("linear/forward");
    group.throughput(Throughput::Elements(FORWARD.flops()));
    let mut batch = begun();
    let part = batch.parts_mut().first_mut().expect("one part");
    for isa in Isa::all() {
        group.bench_function(isa.name(), |bencher| {
            let mut batches = order.chunks_exact(BATCH).cycle();
            bencher.iter(|| {
                let rows = black_box(batches.next().unwrap_or_default());
                let to = black_box(part.sum_rows_mut());
                linear::forward(isa, images, rows, weights.lines(), to);
            });
        });
    }
    blas_ffi::bench_matrixmultiply(&mut group, &FORWARD);
    group.finish();
}

fn backward(criterion: &mut Criterion, Data { images, order, weights }: &Data) {
    let mut group = criterion.benchmark_group("linear/backward");
    group.throughput(Throughput::Elements(BACKWARD.flops()));
    let (mut batch, mut room) = (begun(), Vec::new());
    let part = batch.parts_mut().first_mut().expect("one part");
    // Probabilities of equal sums: the same 1/10 everywhere, and no error term is zero.
    part.sums_mut().fill(F32x16([1.0; 16]));
    let scale = 1.0 / 255.0 / BATCH as f32;
    softmax(Isa::detect(), part.softmax_rows_mut(), &[0.5; CLASSES], 1.0, scale);
    let errors = error_rows(std::slice::from_ref(part), &mut room);
    let update = Update { rule: ADAM, l2: 0.0 };
    let blocks = 0..images.layout().block_count();
    for isa in Isa::all() {
        let mut index = BlockIndex::default();
        let mut w = weights.clone();
        let mut m = vec![F32x16::default(); w.lines_mut().len()];
        let mut v = m.clone();
        group.bench_function(isa.name(), |bencher| {
            let mut batches = order.chunks_exact(BATCH).take(PREPARED).cycle();
            let mut ahead = batches.clone().skip(1);
            bencher.iter(|| {
                let rows = black_box(batches.next().unwrap_or_default());
                let upcoming = Upcoming { rows: ahead.next().unwrap_or_default(), own: 0..BATCH };
                upcoming.prefetch_heads(images);
                index.begin(isa, images, rows, blocks.clone(), errors.padded);
                let w = w.lines_mut();
                let part = BlockPart { first: 0, w, m: &mut m, v: &mut v, shown: None };
                index.list(isa, images, rows, 1);
                index.backward(isa, images, black_box(errors), update, part, &upcoming)
            });
        });
    }
    blas_ffi::bench_matrixmultiply(&mut group, &BACKWARD);
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let data = data();
    forward(&mut criterion, &data);
    backward(&mut criterion, &data);
    criterion.final_summary();
}
