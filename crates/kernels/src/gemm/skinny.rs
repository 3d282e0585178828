//! Products of few columns, at most 16: rows of A are read where they stand, B alone is packed. Where the
//! columns of A stand side by side, `few` takes them.
//!
//! ```text
//! for R rows of A:  acc[R] = 0
//!     for each k:   acc[i] += A[i][k] * B[k][..]     one row of B in one vector (two of AVX2's)
//! ```
//!
//! Packing A, which no other column would use, cost more than the product: 100 x 784 x 10 ran at 16
//! GFLOP/s, and runs at 54. A vector has room for 16 columns, so that 10 of them reach 10/16 of the peak of
//! 129 at most. Lost: 12 rows (56), 24 (21).

use super::pack::{self, Panels};
use crate::mat::{MatMut, MatRef};
use crate::simd::Simd;

/// The most columns that this is for.
pub(super) const MOST_COLUMNS: usize = 16;
/// Rows at once. AVX-512: 16 accumulators, 1 of B, 1 of A of 32. AVX2: 2 x 5, 2, 1 of 16; with 6 the compiler
/// runs out of them (28 GFLOP/s, not 57).
const ROWS_16: usize = 16;
const ROWS_8: usize = 5;

/// Computes `c = a b` for at most [`MOST_COLUMNS`] columns.
#[inline(always)]
pub(super) fn product<S: Simd>(
    s: S,
    a: MatRef<'_>,
    b: MatRef<'_>,
    c: &mut MatMut<'_>,
    kept: &mut Panels,
) {
    let (k, n) = (b.rows(), b.cols());
    let b = {
        let out = kept.room(MOST_COLUMNS * k + pack::SLACK);
        pack::panel(s.block(), b.transposed(), (0, n), (0, k), MOST_COLUMNS, out);
        &out[..MOST_COLUMNS * k]
    };
    if S::LANES == 16 {
        rows::<S, ROWS_16, 1>(s, a, b, c);
    } else {
        rows::<S, ROWS_8, 2>(s, a, b, c);
    }
}

/// `b` [k x 16], padded with zeros; what they give is not stored.
#[inline(always)]
fn rows<S: Simd, const R: usize, const V: usize>(
    s: S,
    a: MatRef<'_>,
    b: &[f32],
    c: &mut MatMut<'_>,
) {
    let (m, k) = (a.rows(), a.cols());
    let (b, _) = b.as_chunks::<MOST_COLUMNS>();
    for first in (0..m).step_by(R) {
        let count = R.min(m - first);
        let acc: [[S::V; V]; R] = match a.strides() {
            // Rows past the last are the last again; what they give is not stored.
            (_, 1) => {
                let row = |i: usize| &a.from(first + i.min(count - 1), 0)[..k];
                let rows: [&[f32]; R] = std::array::from_fn(row);
                sums(s, b, |p, i| rows[i][p])
            }
            _ => sums(s, b, |p, i| a.at(first + i.min(count - 1), p)),
        };
        for (i, acc) in acc.iter().enumerate().take(count) {
            let mut lanes = [0.0; MOST_COLUMNS];
            for (v, &x) in acc.iter().enumerate() {
                s.store(x, &mut lanes[v * S::LANES..]);
            }
            for (j, &x) in lanes.iter().enumerate().take(c.cols()) {
                *c.at_mut(first + i, j) = x;
            }
        }
    }
}

/// The chains of `R` rows: `a(p, i)` is row i's number at p.
#[inline(always)]
fn sums<S: Simd, const R: usize, const V: usize>(
    s: S,
    b: &[[f32; MOST_COLUMNS]],
    a: impl Fn(usize, usize) -> f32,
) -> [[S::V; V]; R] {
    let mut acc = [[s.splat(0.0); V]; R];
    for (p, b) in b.iter().enumerate() {
        let b: [S::V; V] = std::array::from_fn(|v| s.load(&b[v * S::LANES..]));
        for i in 0..R {
            let x = s.splat(a(p, i));
            for v in 0..V {
                acc[i][v] = s.fma(x, b[v], acc[i][v]);
            }
        }
    }
    acc
}
