//! The micro-kernel: one tile of C in registers, over one block of k.

use crate::mat::MatMut;
use crate::simd::Simd;

/// Vectors in a row of the tile: NR = VECTORS * LANES.
pub(super) const VECTORS: usize = 2;
/// The largest tile: 12 rows of 32.
const MAX_NR: usize = 32;

/// Which tile of C.
pub(super) struct Tile {
    /// Its first row and column.
    pub(super) first: (usize, usize),
    /// How much of it lies in C.
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Whether C holds the sums so far; else they start at +0.
    pub(super) goes_on: bool,
}

/// Goes on with the chains of one tile: `a` `[kc][MR]`, `b` `[kc][NR]`, both packed.
#[inline(always)]
pub(super) fn kernel<S: Simd, const MR: usize>(
    s: S,
    a: &[f32],
    b: &[f32],
    c: &mut MatMut<'_>,
    tile: &Tile,
) {
    let nr = VECTORS * S::LANES;
    let whole = tile.rows == MR && tile.cols == nr && c.as_ref().strides().1 == 1;
    let (i0, j0) = tile.first;
    let mut acc = [[s.splat(0.0); VECTORS]; MR];
    if tile.goes_on {
        if whole {
            for (i, acc) in acc.iter_mut().enumerate() {
                *acc = load(s, c.row_mut(i0 + i, j0, nr));
            }
        } else {
            let mut buffer = [[0.0; MAX_NR]; MR];
            for (i, row) in buffer.iter_mut().enumerate().take(tile.rows) {
                for (j, x) in row.iter_mut().enumerate().take(tile.cols) {
                    *x = c.as_ref().at(i0 + i, j0 + j);
                }
            }
            for (acc, row) in acc.iter_mut().zip(&buffer) {
                *acc = load(s, row);
            }
        }
    }
    let (a, _) = a.as_chunks::<MR>();
    for (a, b) in a.iter().zip(b.chunks_exact(nr)) {
        let b: [S::V; VECTORS] = load(s, b);
        for i in 0..MR {
            let x = s.splat(a[i]);
            for v in 0..VECTORS {
                acc[i][v] = s.fma(x, b[v], acc[i][v]);
            }
        }
    }
    if whole {
        for (i, acc) in acc.iter().enumerate() {
            store(s, acc, c.row_mut(i0 + i, j0, nr));
        }
    } else {
        let mut buffer = [[0.0; MAX_NR]; MR];
        for (acc, row) in acc.iter().zip(&mut buffer) {
            store(s, acc, row);
        }
        for (i, row) in buffer.iter().enumerate().take(tile.rows) {
            for (j, &x) in row.iter().enumerate().take(tile.cols) {
                *c.at_mut(i0 + i, j0 + j) = x;
            }
        }
    }
}

#[inline(always)]
fn load<S: Simd>(s: S, from: &[f32]) -> [S::V; VECTORS] {
    std::array::from_fn(|v| s.load(&from[v * S::LANES..]))
}

#[inline(always)]
fn store<S: Simd>(s: S, x: &[S::V; VECTORS], to: &mut [f32]) {
    for (v, &x) in x.iter().enumerate() {
        s.store(x, &mut to[v * S::LANES..]);
    }
}
