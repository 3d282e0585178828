//! Few columns, of a matrix A whose columns stand side by side: it is transposed in registers and goes from there into
//! the chains; nothing of it is packed.
//!
//! ```text
//! for L = LANES rows:  acc[R] = 0
//!     for k by L / 2:  transpose A [L x L / 2];  for each of those k:  acc[j] += A[L rows][k] * B[k][j]
//!     C = acc, transposed
//! ```
//!
//! Registers, R accumulators + L / 2 of A + what turning takes: AVX-512 at most 16 + 8 + 8 = 32 of 32, B being broadcast by the
//! multiply-add; AVX2 at most 10 + 4 + 2 = 16 of 16. More columns are two parts.
//!
//! Where A is larger than a cache, what the next rows want is asked for ahead: a processor that finds one stream by
//! itself does not find sixteen.
//!
//! # Tried and lost
//!
//! Zen 5, best of several, GFLOP/s of AVX-512 (peak 300) and AVX2 (150):
//!
//! | M x K x N | columns in the lanes | as it is | not asked for ahead |
//! |---|---:|---:|---:|
//! | 100 x 784 x 10 | 115, 72 | 170, 88 | |
//! | 10,000 x 784 x 10 | 99, 56 | 166, 85 | 117 |
//! | 55,000 x 784 x 10 | 85, 51 | 153, 83 | 85 |
//!
//! | tried, 100 x 784 x 10 | |
//! |---|---:|
//! | panels of 32 rows and 128 steps packed first | 127, 77 |
//! | panels of 32 rows and 32 steps | 109, 41 |
//! | two vectors transposed at once, for which there are too few registers | 108, 78 |

use super::super::pack::{self, Buffer};
use super::{A_FAR_BYTES, parts, write};
use crate::ladder::with_const;
use crate::mat::{MatMut, MatRef};
use crate::simd::{Simd, prefetch_bytes};

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
    let width = parts(n, if S::LANES == 16 { 16 } else { 10 });
    let b = match b.strides() == (n, 1) && width == n {
        true => b.from(0, 0),
        false => {
            let out = kept_b.take(n * k + pack::SLACK);
            for j0 in (0..n).step_by(width) {
                let cols = width.min(n - j0);
                pack::pack_panel(s, b, (0, k), (j0, cols), cols, &mut out[j0 * k..]);
            }
            &out[..n * k]
        }
    };
    let buffer = kept_sums.take(n * S::LANES * 2 + pack::SLACK);
    let (sums, transposed) = buffer.split_at_mut(n * S::LANES);
    let far = a.strides().0 == k && m * k * 4 > A_FAR_BYTES;
    for i0 in (0..m).step_by(S::LANES) {
        let a = a.row_range(i0, m.min(i0 + S::LANES));
        let ahead = match far {
            true => a.from(0, 0).get(S::LANES * k..).unwrap_or_default(),
            false => &[],
        };
        let columns = b.chunks(width * k).zip(sums.chunks_mut(width * S::LANES));
        for (b, sums) in columns {
            with_const!(b.len() / k, [1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16], |R| {
                chains::<S, R>(s, a, ahead, b, sums);
            });
        }
        write(s, MatRef::new(sums, n, S::LANES), a.rows(), transposed, c, i0);
    }
}

/// The chains of a vector of rows, `R` columns: `b` [k x R], `sums` [R x LANES]. What stands `ahead` is asked for
/// at the pace at which A is read.
#[inline(always)]
fn chains<S: Simd, const R: usize>(
    s: S,
    a: MatRef<'_>,
    ahead: &[f32],
    b: &[f32],
    sums: &mut [f32],
) {
    let (from, stride, rows) = (a.from(0, 0), a.strides().0, a.rows());
    let (b, _) = b.as_chunks::<R>();
    let mut acc = [s.splat(0.0); R];
    let mut steps = b.chunks_exact(S::LANES / 2);
    let mut p = 0;
    for b in &mut steps {
        if let Some(ahead) = ahead.get(p * S::LANES..) {
            match S::LANES {
                // Eight lines begin in so much, and a ninth is the next's first. Without asking for that
                // twice 55,000 x 784 x 10 ran at 122, not 155; why is not known.
                16 => prefetch_bytes::<512>(ahead),
                _ => prefetch_bytes::<128>(ahead),
            }
        }
        // Where the number is a constant, rows need no look at whether they are there.
        let a = match rows == S::LANES {
            true => s.transpose(&from[p..], stride, S::LANES),
            false => s.transpose(&from[p..], stride, rows),
        };
        for q in 0..S::LANES / 2 {
            let a = a.as_ref()[q];
            for j in 0..R {
                acc[j] = s.fma(a, s.splat(b[q][j]), acc[j]);
            }
        }
        p += S::LANES / 2;
    }
    let b = steps.remainder();
    if !b.is_empty() {
        let a = pack::transpose_last(s, &from[p..], stride, rows, b.len());
        for (&a, b) in a.as_ref().iter().zip(b) {
            for j in 0..R {
                acc[j] = s.fma(a, s.splat(b[j]), acc[j]);
            }
        }
    }
    for (j, &x) in acc.iter().enumerate() {
        s.store(x, &mut sums[j * S::LANES..]);
    }
}
