//! Few columns, of a matrix A whose rows stand side by side, as those of a transpose do: nothing is packed.
//!
//! ```text
//! for rows of A by ROWS:  sums = 0
//!     for k by STEPS, or 2 STEPS:     for W = 2 LANES of those rows:
//!         acc[R][2] = sums;  for each k:  acc[j] += A[W rows][k] * B[k][j];  sums = acc
//!     C = sums, transposed
//! ```
//!
//! Registers, R x 2 accumulators + 2 of A + 1 of B: AVX-512 at most 12 x 2 + 3 = 27 of 32, AVX2 at most 6 x 2 + 3 =
//! 15 of 16. Between blocks of k the sums stay in vectors of their own: C is written once, and not read. The
//! columns of A are asked for ahead, because a processor does not find by itself what stands on pages apart: a whole
//! block of k if A is larger than a cache, else some steps.
//!
//! On an Intel Xeon (family 6, model 167) a fifth of 784 x 100 x 10 goes into turning the sums at the end.
//!
//! # Tried and lost
//!
//! GFLOP/s with AVX-512 and, behind it, AVX2:
//!
//! | tried | M x K x N | with it | as it is | |
//! |---|---|---:|---:|---|
//! | A in a cache not asked for ahead | 784 x 100 x 10 | 127, 68 | 143, 78 | Emerald Rapids |
//! | the same, 8 steps ahead | 784 x 100 x 10 | 140, 69 | 143, 78 | Emerald Rapids |
//! | A of 172 MB not asked for ahead, read from memory once | 784 x 55,000 x 10 | 53, 47 | 139, 76 | Zen 5, peak 300, 150 |
//! | 64 steps for an A that stays in a cache | 784 x 100 x 10 | 91 | 94 | Zen 4; on Zen 5 (199, 109) no difference |
//! | 128 steps for one that does not | 784 x 55,000 x 10 | 40 | 49 | Zen 4 |
//! | sums turned by 16 lanes, not 8 | 784 x 100 x 10 | | | that Xeon: no difference |

use super::super::pack::{self, Buffer};
use super::{A_FAR_BYTES, MOST_COLUMNS, parts, write};
use crate::ladder::with_const;
use crate::mat::{MatMut, MatRef};
use crate::simd::{Simd, prefetch_bytes};

/// Steps of k in a block: their columns of A, a page or more apart in a tall matrix, stay within the first 64
/// entries of a table of pages. An A that stays in a cache has few pages, and takes twice as many: 784 x 100 x 10 on
/// Zen 4 at 91 GFLOP/s and at 94, where 784 x 55,000 x 10 would fall from 49 to 40.
const STEPS: usize = 64;
/// Steps of k between those that are multiplied and those that are asked for, if A stays in a cache.
const NEAR: usize = 24;
/// Rows in a block: their sums for 16 columns are 32 KiB and stay in the caches with a block of A.
const ROWS: usize = 512;
/// Vectors of rows at once.
const V: usize = 2;

const _: () = assert!(ROWS * MOST_COLUMNS * 4 <= 32 << 10);
const _: () = assert!(ROWS.is_multiple_of(16 * V));

/// Computes `c = a b`.
#[inline(always)]
pub(super) fn product<S: Simd>(
    s: S,
    a: MatRef<'_>,
    b: MatRef<'_>,
    c: &mut MatMut<'_>,
    [kept_sums, kept_b]: &mut [Buffer; 2],
) {
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    let width = parts(n, if S::LANES == 16 { 12 } else { 6 });
    let b = match b.strides() {
        (_, 1) => b,
        _ => {
            let out = kept_b.take(n * k + pack::SLACK);
            pack::pack_panel(s, b, (0, k), (0, n), n, out);
            MatRef::new(&out[..n * k], k, n)
        }
    };
    let buffer = kept_sums.take((ROWS + V * S::LANES) * n + pack::SLACK);
    let (sums, transposed) = buffer.split_at_mut(ROWS * n);
    let far = m * k * 4 > A_FAR_BYTES;
    let (steps, steps_ahead) = if far { (STEPS, STEPS) } else { (2 * STEPS, NEAR) };
    let stride = a.strides().1;
    for i0 in (0..m).step_by(ROWS) {
        let rows = ROWS.min(m - i0);
        for p0 in (0..k).step_by(steps) {
            let kc = steps.min(k - p0);
            for (first, w) in strips::<S>(rows) {
                let (data, count) = (a.from(i0 + first, p0), w.min(rows - first));
                let mut ahead = data.get(steps_ahead.saturating_mul(stride)..).unwrap_or_default();
                for j0 in (0..n).step_by(width) {
                    let cols = width.min(n - j0);
                    // Once, with the first columns.
                    let a = RowsOfA { data, ahead: std::mem::take(&mut ahead), stride, count };
                    let b = RowsOfB { data: b.from(p0, j0), stride: b.strides().0, count: kc };
                    let sums = &mut sums[first * n + j0 * w..][..cols * w];
                    with_const!(cols, [1 2 3 4 5 6 7 8 9 10 11 12], |R| match w == S::LANES {
                        true => chains::<S, R, 1>(s, a, b, p0 > 0, sums),
                        false => chains::<S, R, V>(s, a, b, p0 > 0, sums),
                    });
                }
            }
        }
        for (first, w) in strips::<S>(rows) {
            let sums = MatRef::new(&sums[first * n..][..n * w], n, w);
            write(s, sums, w.min(rows - first), transposed, c, i0 + first);
        }
    }
}

/// The first of so many rows that are multiplied together, and how many lanes they take: those of `V` vectors, and past the last of
/// those of one.
#[inline(always)]
fn strips<S: Simd>(rows: usize) -> impl Iterator<Item = (usize, usize)> {
    let whole = rows / (V * S::LANES) * V * S::LANES;
    let pairs = (0..whole).step_by(V * S::LANES).map(|first| (first, V * S::LANES));
    pairs.chain((whole..rows).step_by(S::LANES).map(|first| (first, S::LANES)))
}

/// `count` rows of A, side by side at each step of k, from some step on; what of them stands some steps ahead, if it is
/// to be asked for.
#[derive(Clone, Copy)]
struct RowsOfA<'a> {
    data: &'a [f32],
    ahead: &'a [f32],
    stride: usize,
    count: usize,
}

/// `count` rows of B, from some step of k and some column on.
#[derive(Clone, Copy)]
struct RowsOfB<'a> {
    data: &'a [f32],
    stride: usize,
    count: usize,
}

/// Goes on with the chains of `V` vectors of rows, `R` columns: `sums` [R x V * LANES].
#[inline(always)]
fn chains<S: Simd, const R: usize, const V: usize>(
    s: S,
    a: RowsOfA<'_>,
    b: RowsOfB<'_>,
    accumulate: bool,
    sums: &mut [f32],
) {
    let at = |j: usize, v: usize| (j * V + v) * S::LANES;
    let mut acc = [[s.splat(0.0); V]; R];
    if accumulate {
        for (j, acc) in acc.iter_mut().enumerate() {
            *acc = std::array::from_fn(|v| s.load(&sums[at(j, v)..]));
        }
    }
    for p in 0..b.count {
        if let Some(ahead) = a.ahead.get(p * a.stride..) {
            match S::LANES {
                16 => prefetch_bytes::<128>(ahead),
                _ => prefetch_bytes::<64>(ahead),
            }
        }
        let a_row = &a.data[p * a.stride..][..a.count];
        let a: [S::V; V] = std::array::from_fn(|v| match V > 1 || a.count == S::LANES {
            true => s.load(&a_row[v * S::LANES..]),
            false => s.load_some(a_row),
        });
        let b = &b.data[p * b.stride..][..R];
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
