//! Other libraries' products of matrices behind safe functions: all the unsafe code of benches.
//!
//! Each computes `c = a b` on one thread, by its own default or because the environment says so.
//! Shapes: `a` [m x k], or [k x m] if the product is transposed; `b` [k x n], `c` [m x n]; row-major.
//! Each panics if a slice has another length.
#![allow(dead_code, reason = "every bench uses a part of it")]

use std::ffi::{OsStr, c_float, c_int};
use std::hint::black_box;

use criterion::BenchmarkGroup;
use criterion::measurement::WallTime;
use gemm::Parallelism;
use libloading::Library;

use crate::shapes::{Product, numbers};

/// Proves that the slices are as long as the shape says.
fn check(shape: &Product, a: &[f32], b: &[f32], c: &[f32]) {
    let &Product { m, k, n, .. } = shape;
    assert_eq!((a.len(), b.len(), c.len()), (m * k, k * n, m * n), "elements of the matrices");
}

/// Computes `c = a b` with `matrixmultiply`.
pub fn matrixmultiply(shape: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    check(shape, a, b, c);
    let &Product { m, k, n, transposed, .. } = shape;
    let (row_stride, col_stride) = if transposed { (1, m as isize) } else { (k as isize, 1) };
    let width = n as isize;
    let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
    // SAFETY: by the check above every element that these shapes and strides reach lies within its
    // slice; the elements of `c` are distinct and borrowed for us alone.
    unsafe {
        matrixmultiply::sgemm(
            m, k, n, 1.0, a, row_stride, col_stride, b, width, 1, 0.0, c, width, 1,
        );
    }
}

/// Computes `c = a b` with the crate `gemm`.
pub fn gemm_crate(shape: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
    check(shape, a, b, c);
    let &Product { m, k, n, transposed, .. } = shape;
    let (row_stride, col_stride) = if transposed { (1, m as isize) } else { (k as isize, 1) };
    let width = n as isize;
    let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
    let (plain, one_thread) = (false, Parallelism::None);
    // SAFETY: as for `matrixmultiply`; columns come before rows here. `c` is not read.
    unsafe {
        gemm::gemm(
            m, n, k, c, 1, width, false, a, col_stride, row_stride, b, 1, width, 0.0, 1.0, plain,
            plain, plain, one_thread,
        );
    }
}

/// `cblas_sgemm` of the interface with 32-bit integers.
type Sgemm = unsafe extern "C" fn(
    order: c_int,
    transpose_a: c_int,
    transpose_b: c_int,
    m: c_int,
    n: c_int,
    k: c_int,
    alpha: c_float,
    a: *const c_float,
    lda: c_int,
    b: *const c_float,
    ldb: c_int,
    beta: c_float,
    c: *mut c_float,
    ldc: c_int,
);

const ROW_MAJOR: c_int = 101;
const NO_TRANSPOSE: c_int = 111;
const TRANSPOSE: c_int = 112;

/// A BLAS library, opened while the program runs.
pub struct Blas {
    sgemm: Sgemm,
    /// Keeps `sgemm` in memory.
    _library: Library,
}

impl Blas {
    /// Opens the shared library of this name or path; nothing where it is not there or is no BLAS.
    pub fn open(name: &OsStr) -> Option<Self> {
        // SAFETY: its initialisers run, and they are those of a BLAS that many programs load.
        let library = unsafe { Library::new(name) }.ok()?;
        // SAFETY: the type is that of CBLAS's `sgemm`, and the library's integers have 32 bits:
        // those with 64 go by other file names.
        let sgemm = *unsafe { library.get::<Sgemm>(b"cblas_sgemm\0") }.ok()?;
        Some(Self { sgemm, _library: library })
    }

    /// Computes `c = a b`.
    pub fn multiply(&self, shape: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
        check(shape, a, b, c);
        let size = |n: usize| c_int::try_from(n).expect("sizes of a bench are small");
        let (m, n, k) = (size(shape.m), size(shape.n), size(shape.k));
        let (transpose, lda) = if shape.transposed { (TRANSPOSE, m) } else { (NO_TRANSPOSE, k) };
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr());
        // SAFETY: as for `matrixmultiply`; `_library` keeps the function in memory.
        unsafe {
            (self.sgemm)(ROW_MAJOR, transpose, NO_TRANSPOSE, m, n, k, 1.0, a, lda, b, n, 0.0, c, n);
        }
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
