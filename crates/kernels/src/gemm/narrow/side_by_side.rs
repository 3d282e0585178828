//! Few columns, of a matrix A whose rows stand side by side, as those of a transpose do: nothing is packed.
//!
//! ```text
//! for rows of A by ROWS:  sums = 0
//!     for k by STEPS:     for W = 2 LANES of those rows:
//!         acc[R][2] = sums;  for each k:  acc[j] += A[W rows][k] * B[k][j];  sums = acc
//!     C = sums, transposed
//! ```
//!
//! Registers, R x 2 accumulators + 2 of A + 1 of B: AVX-512 at most 12 x 2 + 3 = 27 of 32, AVX2 at most 6 x 2 + 3 =
//! 15 of 16. Between blocks of k the sums stay in vectors of their own: C is written once, and not read. The
//! columns of A are asked for ahead, because a processor does not find by itself what stands on pages apart: a whole
//! block of k if A is larger than a cache, else some steps.
//!
//! Emerald Rapids, GFLOP/s of AVX-512 and AVX2, 784 x 100 x 10: 127 and 68 without asking some steps ahead, 143 and 78
//! with (8 steps: 140 and 69).
//!
//! Zen 5, best of several, GFLOP/s of AVX-512 (peak 300) and AVX2 (150): 784 x 55,000 x 10, whose 172 MB of A are
//! read from memory once, ran at 53 and 47 without asking ahead, and runs at 139 and 76; 784 x 100 x 10 runs at 199
//! and 109. No gain there: 128 steps of k in a block.
//!
//! On an Intel Xeon (family 6, model 167) a fifth of 784 x 100 x 10 goes into turning the sums at the end. Sixteen lanes for that, not
//! eight, gained nothing.

use super::super::pack::{self, Panels};
use super::{FAR, MOST_COLUMNS, parts, write};
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
    [kept_sums, kept_b]: &mut [Panels; 2],
) {
    let (m, k, n, w) = (a.rows(), a.cols(), b.cols(), V * S::LANES);
    let width = parts(n, if S::LANES == 16 { 12 } else { 6 });
    let b = match b.strides() {
        (_, 1) => b,
        _ => {
            let out = kept_b.room(n * k + pack::SLACK);
            pack::panel(s, b, (0, k), (0, n), n, out);
            MatRef::new(&out[..n * k], k, n)
        }
    };
    let room = kept_sums.room((ROWS + w) * n + pack::SLACK);
    let (sums, transposed) = room.split_at_mut(ROWS * n);
    let far = m * k * 4 > FAR;
    let (steps, ahead) = if far { (STEPS, STEPS) } else { (2 * STEPS, NEAR) };
    for i0 in (0..m).step_by(ROWS) {
        let rows = ROWS.min(m - i0);
        // As many rows as two vectors have, and past the last of those as one has.
        let vectors = |first: usize| if rows - first >= w { V } else { 1 };
        for p0 in (0..k).step_by(steps) {
            let kc = steps.min(k - p0);
            let mut first = 0;
            while first < rows {
                let w = vectors(first) * S::LANES;
                let data = a.from(i0 + first, p0);
                let (stride, count) = (a.strides().1, w.min(rows - first));
                let ahead = data.get(ahead.saturating_mul(stride)..).unwrap_or_default();
                for j0 in (0..n).step_by(width) {
                    let cols = width.min(n - j0);
                    let a = Rows { data, ahead: if j0 == 0 { ahead } else { &[] }, stride, count };
                    let b = Steps { data: b.from(p0, j0), stride: b.strides().0, count: kc };
                    let sums = &mut sums[first * n + j0 * w..][..cols * w];
                    match w == S::LANES {
                        true => columns::<S, 1>(s, a, b, p0 > 0, cols, sums),
                        false => columns::<S, V>(s, a, b, p0 > 0, cols, sums),
                    }
                }
                first += w;
            }
        }
        let mut first = 0;
        while first < rows {
            let w = vectors(first) * S::LANES;
            let sums = MatRef::new(&sums[first * n..][..n * w], n, w);
            write(s, sums, w.min(rows - first), transposed, c, i0 + first);
            first += w;
        }
    }
}

/// `count` rows of A, side by side at each step of k, from some step on; what of them stands some steps ahead, if it is
/// to be asked for.
#[derive(Clone, Copy)]
struct Rows<'a> {
    data: &'a [f32],
    ahead: &'a [f32],
    stride: usize,
    count: usize,
}

/// `count` rows of B, from some step of k and some column on.
#[derive(Clone, Copy)]
struct Steps<'a> {
    data: &'a [f32],
    stride: usize,
    count: usize,
}

/// Goes on with the chains of `V` vectors of rows, `cols` columns: `sums` [cols x V * LANES].
#[inline(always)]
fn columns<S: Simd, const V: usize>(
    s: S,
    a: Rows<'_>,
    b: Steps<'_>,
    accumulate: bool,
    cols: usize,
    sums: &mut [f32],
) {
    match cols {
        1 => chains::<S, 1, V>(s, a, b, accumulate, sums),
        2 => chains::<S, 2, V>(s, a, b, accumulate, sums),
        3 => chains::<S, 3, V>(s, a, b, accumulate, sums),
        4 => chains::<S, 4, V>(s, a, b, accumulate, sums),
        5 => chains::<S, 5, V>(s, a, b, accumulate, sums),
        6 => chains::<S, 6, V>(s, a, b, accumulate, sums),
        7 => chains::<S, 7, V>(s, a, b, accumulate, sums),
        8 => chains::<S, 8, V>(s, a, b, accumulate, sums),
        9 => chains::<S, 9, V>(s, a, b, accumulate, sums),
        10 => chains::<S, 10, V>(s, a, b, accumulate, sums),
        11 => chains::<S, 11, V>(s, a, b, accumulate, sums),
        _ => chains::<S, 12, V>(s, a, b, accumulate, sums),
    }
}

#[inline(always)]
fn chains<S: Simd, const R: usize, const V: usize>(
    s: S,
    a: Rows<'_>,
    b: Steps<'_>,
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
