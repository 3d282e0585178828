//! C = A B on one thread, on every tier, beside `matrixmultiply`: `gemm/<m x k x n>/<who>`.
//!
//! An element is a floating-point operation, so Gelem/s read as GFLOP/s. A `t` at the end of a shape
//! says that A is read transposed.

mod blas_ffi;
mod shapes;

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use kernels::{Isa, MatMut, MatRef};
use shapes::{PRODUCTS, Product, numbers};

/// The portable tier calls a library function for each multiply-add where the build's baseline lacks
/// the instruction; products of more operations than this would take it seconds and are left out.
const MOST_PORTABLE_FLOPS: u64 = 1 << 26;

fn gemm(criterion: &mut Criterion, shape: &Product) {
    let &Product { m, k, n, transposed, .. } = shape;
    let (a, b, mut c) = (numbers(m * k, 1), numbers(k * n, 2), vec![0.0; m * n]);
    let mut group = criterion.benchmark_group(format!("gemm/{}", shape.name));
    group.throughput(Throughput::Elements(shape.flops()));
    for isa in Isa::all() {
        if isa.name() == "portable" && shape.flops() > MOST_PORTABLE_FLOPS {
            continue;
        }
        group.bench_function(isa.name(), |bencher| {
            bencher.iter(|| {
                let a = match transposed {
                    true => MatRef::new(black_box(&a), k, m).transposed(),
                    false => MatRef::new(black_box(&a), m, k),
                };
                let b = MatRef::new(black_box(&b), k, n);
                kernels::gemm(isa, a, b, MatMut::new(black_box(&mut c), m, n));
            });
        });
    }
    blas_ffi::bench_matrixmultiply(&mut group, shape);
    group.finish();
}

fn main() {
    // `matrixmultiply` has one thread, so the pool of large products gets no more.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    pool.expect("no pool was made before");
    let mut criterion = Criterion::default().configure_from_args();
    PRODUCTS.iter().for_each(|shape| gemm(&mut criterion, shape));
    criterion.final_summary();
}
