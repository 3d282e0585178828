//! Products of few columns, at most 16: lanes are rows of C, so that none is wasted on columns that C does not
//! have. With columns in them 10 of 16 work, and 62 % of the peak is the bound; with rows, only lanes past the last
//! row are idle.
//!
//! ```text
//! C [M x N] = A [M x K] B [K x N], N <= 16
//! acc[j] += A[rows][k] * B[k][j]     a vector of rows, a column j an accumulator
//!
//! `side_by_side`   the rows of a column of A stand side by side (strides 1 and any other), and are loaded as they are
//! `transposed`     the numbers of a row do (strides any and 1), and are transposed in registers
//! ```

mod side_by_side;
mod transposed;

use super::pack::{self, Buffer};
use crate::mat::{MatMut, MatRef};
use crate::simd::Simd;

/// The most columns that this is for.
const MOST_COLUMNS: usize = 16;
/// Bytes of A from which on it is asked for ahead: half of an L2 cache.
const A_FAR_BYTES: usize = 512 << 10;

/// Whether this is the way to multiply A by `n` columns: there must be rows for a vector's lanes, and those of
/// A or its columns must stand side by side.
pub(super) fn supports<S: Simd>(a: MatRef<'_>, n: usize) -> bool {
    let is_dense = match a.strides() {
        (1, stride) => stride >= a.rows(),
        (_, stride) => stride == 1,
    };
    n <= MOST_COLUMNS && a.rows() >= S::LANES && is_dense
}

/// Computes `c = a b`.
#[inline(always)]
pub(super) fn product<S: Simd>(
    s: S,
    a: MatRef<'_>,
    b: MatRef<'_>,
    c: &mut MatMut<'_>,
    kept: &mut [Buffer; 2],
) {
    match a.strides() {
        (1, _) => side_by_side::product(s, a, b, c, kept),
        _ => transposed::product(s, a, b, c, kept),
    }
}

/// Columns in parts of about one size, `most` at most: 10 by 6 are 5 and 5.
fn parts(n: usize, most: usize) -> usize {
    n.div_ceil(n.div_ceil(most))
}

/// Writes `rows` rows of C, from `i0` on, from their sums, by way of `transposed`.
#[inline(always)]
fn write<S: Simd>(
    s: S,
    sums: MatRef<'_>,
    rows: usize,
    transposed: &mut [f32],
    c: &mut MatMut<'_>,
    i0: usize,
) {
    let n = sums.rows();
    let from = (sums.from(0, 0), sums.strides().0);
    pack::transposed::<_, 0>(s.block(), from, n, rows, n, transposed);
    let strides = c.as_ref().strides();
    if strides == (n, 1) {
        c.row_mut(i0, 0, rows * n).copy_from_slice(&transposed[..rows * n]);
        return;
    }
    for (i, row) in transposed.chunks_exact(n).enumerate().take(rows) {
        if strides.1 == 1 {
            c.row_mut(i0 + i, 0, n).copy_from_slice(row);
        } else {
            row.iter().enumerate().for_each(|(j, &x)| *c.at_mut(i0 + i, j) = x);
        }
    }
}
