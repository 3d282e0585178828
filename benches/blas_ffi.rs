//! Other libraries' products of matrices behind safe functions: all the unsafe code of benches.

use std::hint::black_box;

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;

use crate::shapes::{Product, numbers};

/// Computes `c = a b` with `matrixmultiply`, on one thread.
///
/// Shapes: `a` [m x k], or [k x m] if `transposed`; `b` [k x n], `c` [m x n]; row-major.
///
/// Panics if a slice has another length.
pub fn matrixmultiply(shape: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    let &Product { m, k, n, transposed, .. } = shape;
    assert_eq!((a.len(), b.len(), c.len()), (m * k, k * n, m * n), "elements of the matrices");
    let (row_stride, col_stride) = if transposed { (1, m as isize) } else { (k as isize, 1) };
    let width = n as isize;
    let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
    // SAFETY: by the assert above every element that these shapes and strides reach lies within its
    // slice; the elements of `c` are distinct and borrowed for us alone.
    unsafe {
        matrixmultiply::sgemm(
            m, k, n, 1.0, a, row_stride, col_stride, b, width, 1, 0.0, c, width, 1,
        );
    }
}

/// Adds `matrixmultiply` to a group, on matrices of this shape that stay in the cache if they fit.
pub fn bench_matrixmultiply(group: &mut BenchmarkGroup<'_, WallTime>, shape: &Product) {
    let (a, b) = (numbers(shape.m * shape.k, 1), numbers(shape.k * shape.n, 2));
    let mut c = vec![0.0; shape.m * shape.n];
    group.bench_function("matrixmultiply", |bencher| {
        bencher.iter(|| matrixmultiply(shape, black_box(&a), black_box(&b), black_box(&mut c)));
    });
}
