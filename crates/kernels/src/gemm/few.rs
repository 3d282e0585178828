//! Products of few columns, at most 16, of a matrix A whose columns stand side by side: lanes are rows of C.
//!
//! ```text
//! for rows of A by ROWS:  sums = 0
//!     for k by STEPS:     for W = V * LANES of those rows, for R columns:
//!         acc[R][V] = sums;  for each k:  acc[j] += A[k][W rows] * B[k][j];  sums = acc
//!     C = sums, turned
//! ```
//!
//! With rows in the lanes no lane is wasted on columns that C does not have: with columns in them, 10 of 16
//! work and 62 % of the peak is the bound. Here the bound is that of the last vector of rows: 784 rows are 49
//! vectors of 16, 100 % of the peak. The rows of a column of A stand side by side, so that nothing is packed.
//! Registers, R x V accumulators + V of A + 1 of B: AVX-512 10 x 2 + 2 + 1 = 23 of 32 (at most 12 x 2 + 3 = 27),
//! AVX2 5 x 2 + 3 = 13 of 16 (at most 6 x 2 + 3 = 15). Between blocks of k the sums stay in vectors of their
//! own: C is written once, and not read.
//!
//! Zen 5, best of many, GFLOP/s of AVX-512 (peak 300) and AVX2 (150): 784 x 100 x 10 ran at 113 and 65 with
//! columns in the lanes, and runs at 189 and 112; 784 x 55000 x 10, whose 172 MB of A are read from memory
//! once, runs at 52 and 32. Below the bound: a hundred steps of k are 1000 cycles a tile, and its 320 sums are
//! turned one by one, so that writing C shows. No gain: 128 steps of k in a block.

use super::pack::{self, Panels};
use crate::mat::{MatMut, MatRef};
use crate::simd::Simd;

/// Steps of k in a block: their columns of A, a page or more apart in a tall matrix, stay within the first 64
/// entries of a table of pages.
const STEPS: usize = 64;
/// Rows in a block: their sums for 16 columns are 32 KiB and stay in the caches with a block of A.
const ROWS: usize = 512;
/// Vectors of rows at once.
const V: usize = 2;
/// Rows at once, at most.
const MOST_ROWS: usize = 32;

const _: () = assert!(ROWS * super::skinny::MOST_COLUMNS * 4 <= 32 << 10);
const _: () = assert!(ROWS.is_multiple_of(MOST_ROWS));

/// Computes `c = a b` where the rows of `a` stand side by side.
#[inline(always)]
pub(super) fn product<S: Simd>(
    s: S,
    a: MatRef<'_>,
    b: MatRef<'_>,
    c: &mut MatMut<'_>,
    [kept_sums, kept_b]: &mut [Panels; 2],
) {
    let (most, n) = (if S::LANES == 16 { 12 } else { 6 }, b.cols());
    // Columns in parts of about one size: 10 of AVX2 are 5 and 5.
    let width = n.div_ceil(n.div_ceil(most));
    for j0 in (0..n).step_by(width) {
        let cols = width.min(n - j0);
        let b = {
            let out = kept_b.room(cols * b.rows() + pack::SLACK);
            pack::panel(s.block(), b.transposed(), (j0, cols), (0, b.rows()), cols, out);
            &out[..cols * b.rows()]
        };
        match cols {
            1 => columns::<S, 1>(s, a, b, c, j0, kept_sums),
            2 => columns::<S, 2>(s, a, b, c, j0, kept_sums),
            3 => columns::<S, 3>(s, a, b, c, j0, kept_sums),
            4 => columns::<S, 4>(s, a, b, c, j0, kept_sums),
            5 => columns::<S, 5>(s, a, b, c, j0, kept_sums),
            6 => columns::<S, 6>(s, a, b, c, j0, kept_sums),
            7 => columns::<S, 7>(s, a, b, c, j0, kept_sums),
            8 => columns::<S, 8>(s, a, b, c, j0, kept_sums),
            9 => columns::<S, 9>(s, a, b, c, j0, kept_sums),
            10 => columns::<S, 10>(s, a, b, c, j0, kept_sums),
            11 => columns::<S, 11>(s, a, b, c, j0, kept_sums),
            _ => columns::<S, 12>(s, a, b, c, j0, kept_sums),
        }
    }
}

/// Columns `j0 .. j0 + R` of `c`: `b` [k x R].
#[inline(always)]
fn columns<S: Simd, const R: usize>(
    s: S,
    a: MatRef<'_>,
    b: &[f32],
    c: &mut MatMut<'_>,
    j0: usize,
    kept: &mut Panels,
) {
    let ((m, k), w, stride) = ((a.rows(), a.cols()), V * S::LANES, a.strides().1);
    let (b, _) = b.as_chunks::<R>();
    for i0 in (0..m).step_by(ROWS) {
        let rows = ROWS.min(m - i0);
        let sums = kept.room(rows.div_ceil(w) * w * R);
        sums.fill(0.0);
        for p0 in (0..k).step_by(STEPS) {
            let b = &b[p0..k.min(p0 + STEPS)];
            for (first, sums) in (0..rows).step_by(w).zip(sums.chunks_exact_mut(w * R)) {
                let from = a.from(i0 + first, p0);
                if w <= rows - first {
                    chains::<S, R>(s, b, from.chunks(stride.max(1)), sums);
                } else {
                    let mut last = [[0.0; MOST_ROWS]; STEPS];
                    for (p, to) in last.iter_mut().enumerate().take(b.len()) {
                        to[..rows - first].copy_from_slice(&from[p * stride..][..rows - first]);
                    }
                    chains::<S, R>(s, b, last.iter().map(|row| &row[..]), sums);
                }
            }
        }
        for (first, sums) in (0..rows).step_by(w).zip(sums.chunks_exact(w * R)) {
            let turned = |i: usize| -> [f32; R] { std::array::from_fn(|j| sums[j * w + i]) };
            for i in 0..w.min(rows - first) {
                if c.as_ref().strides().1 == 1 {
                    c.row_mut(i0 + first + i, j0, R).copy_from_slice(&turned(i));
                } else {
                    turned(i)
                        .into_iter()
                        .enumerate()
                        .for_each(|(j, x)| *c.at_mut(i0 + first + i, j0 + j) = x);
                }
            }
        }
    }
}

/// Goes on with the chains of `V` vectors of rows: `sums` [R x V * LANES].
#[inline(always)]
fn chains<'a, S: Simd, const R: usize>(
    s: S,
    b: &[[f32; R]],
    a: impl Iterator<Item = &'a [f32]>,
    sums: &mut [f32],
) {
    let at = |j: usize, v: usize| (j * V + v) * S::LANES;
    let mut acc: [[S::V; V]; R] =
        std::array::from_fn(|j| std::array::from_fn(|v| s.load(&sums[at(j, v)..])));
    for (b, a) in b.iter().zip(a) {
        let a: [S::V; V] = std::array::from_fn(|v| s.load(&a[v * S::LANES..]));
        for j in 0..R {
            let x = s.splat(b[j]);
            for v in 0..V {
                acc[j][v] = s.fma(a[v], x, acc[j][v]);
            }
        }
    }
    for (j, acc) in acc.iter().enumerate() {
        for (v, &x) in acc.iter().enumerate() {
            s.store(x, &mut sums[at(j, v)..]);
        }
    }
}
