//! Copies blocks of a matrix to where the micro-kernel reads them from one end to the other.
//!
//! ```text
//! B [KC x NC]   panels of NR columns one after the other, each [k][NR]      columns past the last are zero or the last again
//! A [MC x KC]   [row][k], rows an odd number of cache lines apart
//! ```

use std::cell::RefCell;

use crate::mat::MatRef;
use crate::simd::{Simd, prefetch_bytes, prefetch_numbers};

/// Rows between the one that is copied and the one that is asked for: where they stand far apart, each on a
/// page of its own, the processor does not guess the next.
const ROWS_AHEAD: usize = 12;
/// Numbers between those of a row that are transposed and those that are asked for.
const NUMBERS_AHEAD: usize = 64;
/// Numbers in a cache line.
pub(super) const LINE: usize = 16;

thread_local! {
    /// Copies of A and of B, kept between products: what is allocated anew is paid for page by page, and
    /// cost a product of 256 x 256 x 256 a third of its time.
    static KEPT: RefCell<[Buffer; 2]> = RefCell::default();
}

/// A buffer that grows as it is wanted and begins at a cache line.
#[derive(Default)]
pub(super) struct Buffer(Vec<f32>);

impl Buffer {
    /// So many numbers of it; they may be any.
    pub(super) fn take(&mut self, len: usize) -> &mut [f32] {
        if self.0.len() < len + LINE {
            self.0.resize(len + LINE, 0.0);
        }
        let start = self.0.as_ptr().align_offset(LINE * size_of::<f32>()).min(LINE);
        &mut self.0[start..start + len]
    }
}

/// Lends the calling thread's buffers to `f`.
#[inline(always)]
pub(super) fn with_kept<R>(f: impl FnOnce(&mut [Buffer; 2]) -> R) -> R {
    // Taken out, so that a product within a product finds none and makes its own.
    let mut kept = KEPT.take();
    let result = f(&mut kept);
    KEPT.set(kept);
    result
}

/// What a panel may be written past its end: a vector's store where less is wanted.
pub(super) const SLACK: usize = 16;

/// Packs rows `i0 .. i0 + rows` and columns `j0 .. j0 + cols` of `a`, row by row, `width` apart. Columns past the last
/// are zero or the last again; what they give is not stored.
///
/// Up to [`SLACK`] numbers behind the panel change where `width` is not a multiple of the lanes: panels are packed
/// in their order, with room behind the last.
#[inline(always)]
pub(super) fn pack_panel<S: Simd>(
    s: S,
    a: MatRef<'_>,
    (i0, rows): (usize, usize),
    (j0, cols): (usize, usize),
    width: usize,
    out: &mut [f32],
) {
    let from = a.from(i0, j0);
    match a.strides() {
        // A store past a row's end is overwritten by the next.
        (stride, 1) => {
            for i in 0..rows {
                prefetch_row((from, stride), i, cols);
                let (from, to) = (&from[i * stride..][..cols], &mut out[i * width..]);
                for g in (0..width).step_by(S::LANES) {
                    let x = match from.get(g..g + S::LANES) {
                        Some(whole) => s.load(whole),
                        None => s.load_some(from.get(g..).unwrap_or_default()),
                    };
                    s.store(x, &mut to[g..]);
                }
            }
        }
        // The rows of a column stand side by side.
        (1, stride) => transposed::<S, NUMBERS_AHEAD>(s, (from, stride), cols, rows, width, out),
        (row_stride, col_stride) => {
            for (i, row) in out.chunks_exact_mut(width).enumerate().take(rows) {
                row.fill(0.0);
                for (j, x) in row.iter_mut().enumerate().take(cols) {
                    *x = from[i * row_stride + j * col_stride];
                }
            }
        }
    }
}

/// While row `i` is copied, asks for as many numbers of one further on, if there is such a row.
#[inline(always)]
pub(super) fn prefetch_row((from, stride): (&[f32], usize), i: usize, cols: usize) {
    let ahead = from.get((i + ROWS_AHEAD).saturating_mul(stride)..).unwrap_or_default();
    prefetch_numbers(&ahead[..cols.min(ahead.len())]);
}

/// Packs `kc` numbers of each of `rows` rows, `stride` apart, number by number, `width` apart, square by
/// square; asks for those that are `AHEAD` further on in the rows, if that is not 0.
#[inline(always)]
pub(super) fn transposed<S: Simd, const AHEAD: usize>(
    s: S,
    (from, stride): (&[f32], usize),
    rows: usize,
    kc: usize,
    width: usize,
    out: &mut [f32],
) {
    // The last rows first: what a store writes past a column's end, the next column's overwrites.
    for g in (0..width).step_by(S::LANES).rev() {
        let skipped = g.min(rows - 1);
        let (from, rows) = (&from[skipped * stride..], S::LANES.min(rows - skipped));
        let (at_once, left) = (S::LANES / 2, kc % (S::LANES / 2));
        for p in (0..kc - left).step_by(at_once) {
            if AHEAD > 0 && p.is_multiple_of(LINE) {
                for i in 0..rows {
                    let ahead = from.get(i * stride + p + AHEAD..);
                    prefetch_bytes::<1>(ahead.unwrap_or_default());
                }
            }
            // Where the number is a constant, rows need no look at whether they are there.
            let transposed = match rows == S::LANES {
                true => s.transpose(&from[p..], stride, S::LANES),
                false => s.transpose(&from[p..], stride, rows),
            };
            store(s, transposed.as_ref(), &mut out[p * width + g..], width);
        }
        if left > 0 {
            let transposed = transpose_last(s, &from[kc - left..], stride, rows, left);
            store(s, &transposed.as_ref()[..left], &mut out[(kc - left) * width + g..], width);
        }
    }
}

/// Transposes fewer numbers of each row than are transposed at once.
#[inline(always)]
pub(super) fn transpose_last<S: Simd>(
    s: S,
    from: &[f32],
    stride: usize,
    rows: usize,
    count: usize,
) -> S::Transposed {
    let mut last = [0.0; 8 * 16];
    for (i, last) in last.chunks_exact_mut(8).enumerate().take(rows) {
        last[..count].copy_from_slice(&from[i * stride..][..count]);
    }
    s.transpose(&last, 8, S::LANES)
}

/// Writes vectors, `width` apart.
#[inline(always)]
fn store<S: Simd>(s: S, vectors: &[S::V], out: &mut [f32], width: usize) {
    let out = &mut out[..(vectors.len() - 1) * width + S::LANES];
    for (q, &x) in vectors.iter().enumerate() {
        s.store(x, &mut out[q * width..]);
    }
}
