//! Copies blocks of a matrix into panels that the micro-kernel reads from one end to the other.

use std::cell::RefCell;

use crate::mat::MatRef;
use crate::simd::SimdBlock;

thread_local! {
    /// Panels of A and of B, kept between products: what is allocated anew is paid for page by page, and
    /// cost a product of 256 x 256 x 256 a third of its time.
    static KEPT: RefCell<[Panels; 2]> = RefCell::default();
}

/// Room for panels that begins at a cache line.
#[derive(Default)]
pub(super) struct Panels(Vec<f32>);

impl Panels {
    /// Room for `len` numbers; what is in it may be anything.
    pub(super) fn room(&mut self, len: usize) -> &mut [f32] {
        const LINE: usize = 64;
        if self.0.len() < len + LINE / size_of::<f32>() {
            self.0.resize(len + LINE / size_of::<f32>(), 0.0);
        }
        let start = self.0.as_ptr().align_offset(LINE).min(LINE / size_of::<f32>());
        &mut self.0[start..start + len]
    }
}

/// Lends the calling thread's buffers to `f`.
#[inline(always)]
pub(super) fn with_kept<R>(f: impl FnOnce(&mut [Panels; 2]) -> R) -> R {
    // Taken out, so that a product within a product finds none and makes its own.
    let mut kept = KEPT.take();
    let result = f(&mut kept);
    KEPT.set(kept);
    result
}

/// What a panel may be written past its end: a vector's store where less is wanted.
pub(super) const SLACK: usize = 8;

/// Packs rows `i0 .. i0 + rows` and columns `p0 .. p0 + kc` of `a` into a panel of `width` rows,
/// `[column][row in panel]`. Rows past the last are zero; what they give is not stored.
///
/// B is packed by its transpose. Up to [`SLACK`] numbers behind the panel change: panels are packed in their
/// order, with room behind the last.
#[inline(always)]
pub(super) fn panel<S: SimdBlock>(
    s: S,
    a: MatRef<'_>,
    (i0, rows): (usize, usize),
    (p0, kc): (usize, usize),
    width: usize,
    out: &mut [f32],
) {
    let from = a.from(i0, p0);
    match a.strides() {
        // The rows of a column stand side by side. A store past a column's end is overwritten by the next.
        (1, stride) => {
            for p in 0..kc {
                let (from, to) = (&from[p * stride..][..rows], &mut out[p * width..]);
                for g in (0..width).step_by(8) {
                    let x = match from.get(g..g + 8) {
                        Some(eight) => s.load(eight),
                        None => s.load_some(from.get(g..).unwrap_or_default()),
                    };
                    s.store(x, &mut to[g..]);
                }
            }
        }
        // The columns of a row do: squares of 8 x 8 are turned.
        (stride, 1) => {
            for p in (0..kc).step_by(8) {
                let count = 8.min(kc - p);
                // The last first: what a store writes past a column's end, the next column's overwrites.
                for g in (0..width).step_by(8).rev() {
                    let mut last = [[0.0; 8]; 8];
                    let row = |i: usize| (g + i < rows).then(|| &from[(g + i) * stride + p..]);
                    if count < 8 {
                        for (i, last) in last.iter_mut().enumerate() {
                            let row = row(i).unwrap_or_default();
                            last.iter_mut().zip(row).take(count).for_each(|(to, &x)| *to = x);
                        }
                    }
                    let eights: [&[f32; 8]; 8] = std::array::from_fn(|i| match row(i) {
                        Some(row) if count == 8 => row.first_chunk().unwrap_or(&[0.0; 8]),
                        _ => &last[i],
                    });
                    let columns = s.turn(eights);
                    for (q, &x) in columns.iter().enumerate().take(count) {
                        s.store(x, &mut out[(p + q) * width + g..]);
                    }
                }
            }
        }
        (row_stride, col_stride) => {
            for (p, column) in out.chunks_exact_mut(width).enumerate().take(kc) {
                column.fill(0.0);
                for (i, x) in column.iter_mut().enumerate().take(rows) {
                    *x = from[i * row_stride + p * col_stride];
                }
            }
        }
    }
}
