//! Softmax, loss, prediction and error terms of rows of logits, on every tier:
//! `softmax/<rows x classes>/<tier>`.
//!
//! An element is a row, so a rate of 100 Melem/s is 10 ns a row.

mod shapes;

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use kernels::{Batch, Isa, softmax};
use shapes::{BATCH, CLASSES, IMAGES, indices, numbers};

fn rows(criterion: &mut Criterion, rows: usize, classes: usize) {
    let labels = indices(rows, classes, 1);
    let bias = numbers(classes, 2);
    let mut batch = Batch::default();
    batch.begin(&labels, classes, 1);
    let mut group = criterion.benchmark_group(format!("softmax/{rows}x{classes}"));
    group.throughput(Throughput::Elements(rows as u64));
    for isa in Isa::all() {
        let part = batch.parts_mut().first_mut().expect("one part");
        let sums = numbers(part.sums_mut().len() * 16, 3);
        for (group, sums) in part.sums_mut().iter_mut().zip(sums.chunks_exact(16)) {
            group.0.copy_from_slice(sums);
        }
        group.bench_function(isa.name(), |bencher| {
            // The probabilities of one run are the sums of the next; how long it takes depends on
            // none of them.
            bencher.iter(|| {
                let (bias, scale) = (black_box(&bias), black_box(1.0));
                black_box(softmax(isa, part.softmax_rows_mut(), bias, scale, scale / rows as f32))
            });
            black_box(&part);
        });
    }
    group.finish();
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    rows(&mut criterion, BATCH, CLASSES);
    rows(&mut criterion, IMAGES, CLASSES);
    rows(&mut criterion, BATCH, 26);
    criterion.final_summary();
}
