//! Copies blocks of a matrix into panels that the micro-kernel reads from one end to the other.

use crate::mat::MatRef;

/// Packs rows `i0 .. i0 + mc` and columns `p0 .. p0 + kc` of `a` into panels of `width` rows:
/// `[panel][column][row in panel]`. Rows past the last are zero; what they give is not stored.
///
/// B is packed by its transpose.
#[inline(always)]
pub(super) fn panels(
    a: MatRef<'_>,
    (i0, mc): (usize, usize),
    (p0, kc): (usize, usize),
    width: usize,
    out: &mut Vec<f32>,
) {
    out.resize(mc.div_ceil(width) * width * kc, 0.0);
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
}
