//! Copies blocks of a matrix into panels that the micro-kernel reads from one end to the other.

use std::cell::RefCell;

use crate::mat::MatRef;

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

/// Packs rows `i0 .. i0 + mc` and columns `p0 .. p0 + kc` of `a` into panels of `width` rows:
/// `[panel][column][row in panel]`. Rows past the last are zero; what they give is not stored.
///
/// B is packed by its transpose.
#[inline(always)]
pub(super) fn panels<'a>(
    a: MatRef<'_>,
    (i0, mc): (usize, usize),
    (p0, kc): (usize, usize),
    width: usize,
    out: &'a mut Panels,
) -> &'a [f32] {
    let out = out.room(mc.div_ceil(width) * width * kc);
    let (row_stride, col_stride) = a.strides();
    for (first, panel) in (0..mc).step_by(width).zip(out.chunks_exact_mut(width * kc)) {
        let rows = width.min(mc - first);
        let from = a.from(i0 + first, p0);
        if row_stride == 1 {
            // The rows of a column stand side by side.
            for (p, column) in panel.chunks_exact_mut(width).enumerate() {
                column[..rows].copy_from_slice(&from[p * col_stride..][..rows]);
                column[rows..].fill(0.0);
            }
        } else {
            for (p, column) in panel.chunks_exact_mut(width).enumerate() {
                for (i, x) in column[..rows].iter_mut().enumerate() {
                    *x = from[i * row_stride + p * col_stride];
                }
                column[rows..].fill(0.0);
            }
        }
    }
    out
}
