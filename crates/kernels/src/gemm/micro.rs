//! The micro-kernel: one tile of C in registers, over one block of k.
//!
//! ```text
//! acc[R][V] = 0 or C;  for each k:  acc[i] += A[i][k] * B[k][V vectors];  C = acc
//! ```
//!
//! Registers, R x V accumulators + V of B + 1 of A: AVX-512 8 x 3 + 3 + 1 = 28 of 32, AVX2 6 x 2 + 2 + 1 = 15
//! of 16. Zen 5, GFLOP/s of AVX-512 with everything in the L1 cache and a peak of 276: 8 x 3, 12 x 2, 6 x 4 and 14 x 2
//! all run at 272 to 276, 4 x 2 at 245, 8 x 1 at 242; on Zen 4 the first four take a cycle a multiply-add, which
//! is its peak, and 6 x 2 of AVX2 half a cycle. What was lost was lost around the loop: with A packed one
//! by one and ragged tiles through a buffer 64 x 64 x 64 ran at 135, and runs at 267 (AVX2: 85, 137).
//!
//! A step of k is 24 multiply-adds and 11 loads. With strides that the compiler does not know another 25 instructions
//! stood around them: what is packed has constant ones, and four steps share the addresses of rows. Emerald Rapids,
//! 256 x 256 x 256: 171 GFLOP/s without, 178 with; 120 x 1024 x 480 146 and 153. The next panel is asked for one line each
//! four steps: 1024 x 1024 x 1024 152 without, 161 with.
//!
//! Lost: B asked for 12 steps ahead, 512 x 512 x 512 at 244 instead of 271 (Zen 5; AVX2: 83, 136). On Emerald Rapids:
//! four steps of the loop that copies B (64 x 64 x 64 at 122, not 141: the compiler runs out of registers), with steps as
//! closures (88); B of an L1 cache never copied (AVX2: 64 x 64 x 64 at 70, not 79).

use super::pack::{self, LINE};
use crate::mat::{MatMut, MatRef};
use crate::simd::{Simd, prefetch_far, prefetch_numbers};

/// The largest tile: 8 rows of 3 vectors of 16.
const MOST_COLS: usize = 48;
/// Steps of k between two jumps.
const AT_ONCE: usize = 4;

/// Rows of a tile.
pub(super) const fn rows<S: Simd>() -> usize {
    if S::LANES == 16 { 8 } else { 6 }
}

/// How many vectors wide the next tile is where `left` remain: with 16 lanes four are split two and two,
/// lest a tile have one alone.
pub(super) const fn vectors<S: Simd>(left: usize) -> usize {
    let most = if S::LANES == 16 { 3 } else { 2 };
    if left <= most {
        left
    } else if left == most + 1 {
        left / 2
    } else {
        most
    }
}

/// Numbers that stand side by side in each row, rows `stride` apart.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) data: &'a [f32],
    pub(super) stride: usize,
}

/// Where a tile finds its columns of B.
pub(super) enum Columns<'a> {
    /// In a panel, `[k][whole vectors]`. What the next panel's tiles want is fetched into the second cache meanwhile.
    Packed { panel: &'a [f32], next: &'a [f32] },
    /// Where they stand, a row for each k. They are copied to a panel on the way, unless it has no room.
    Standing { rows: Rows<'a>, panel: &'a mut [f32] },
}

/// Which tile of C, or strip of tiles, one below the other.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    /// Its first row and column.
    pub(super) first: (usize, usize),
    /// How much of it lies in C.
    pub(super) rows: usize,
    pub(super) cols: usize,
    /// Steps of k.
    pub(super) kc: usize,
    /// Whether C holds the sums so far; else they start at +0.
    pub(super) accumulate: bool,
    /// Whether C may not be in a second cache.
    pub(super) far: bool,
}

/// Asks for the tile below, which comes next as a rule: where chains go on from C each tile would wait for its own
/// (1500 x 1500 x 1500 on Zen 4, AVX2: 102 GFLOP/s without, 105 with; AVX-512: no difference), and what is only
/// written must come first as well.
#[inline(always)]
pub(super) fn prefetch_below(c: MatRef<'_>, tile: &Tile) {
    if c.strides().1 == 1 {
        let (first, col) = (tile.first.0 + tile.rows, tile.first.1);
        let rows = (first..c.rows()).take(tile.rows);
        rows.for_each(|row| prefetch_numbers(&c.from(row, col)[..tile.cols]));
    }
}

/// Goes on with the chains of one tile. Rows of `a` have a number for each step of k.
#[inline(always)]
pub(super) fn kernel<S: Simd>(s: S, a: Rows<'_>, b: Columns<'_>, c: &mut MatMut<'_>, tile: &Tile) {
    match tile.cols.div_ceil(S::LANES) {
        1 => with_rows::<S, 1>(s, a, b, c, tile),
        2 => with_rows::<S, 2>(s, a, b, c, tile),
        _ => with_rows::<S, 3>(s, a, b, c, tile),
    }
}

#[inline(always)]
fn with_rows<S: Simd, const V: usize>(
    s: S,
    a: Rows<'_>,
    b: Columns<'_>,
    c: &mut MatMut<'_>,
    tile: &Tile,
) {
    assert!(tile.rows <= rows::<S>(), "a strip is not a tile");
    match tile.rows {
        1 => exact::<S, 1, V>(s, a, b, c, tile),
        2 => exact::<S, 2, V>(s, a, b, c, tile),
        3 => exact::<S, 3, V>(s, a, b, c, tile),
        4 => exact::<S, 4, V>(s, a, b, c, tile),
        5 => exact::<S, 5, V>(s, a, b, c, tile),
        6 => exact::<S, 6, V>(s, a, b, c, tile),
        7 => exact::<S, 7, V>(s, a, b, c, tile),
        _ => exact::<S, 8, V>(s, a, b, c, tile),
    }
}

#[inline(always)]
fn exact<S: Simd, const R: usize, const V: usize>(
    s: S,
    a: Rows<'_>,
    b: Columns<'_>,
    c: &mut MatMut<'_>,
    tile: &Tile,
) {
    let ((i0, j0), width) = (tile.first, V * S::LANES);
    let whole = tile.cols == width && c.as_ref().strides().1 == 1;
    // In loops so short that the compiler unrolls them: else the sums would live in memory.
    let mut acc = [[s.splat(0.0); V]; R];
    if tile.accumulate && whole {
        for (i, acc) in acc.iter_mut().enumerate() {
            *acc = load(s, c.row_mut(i0 + i, j0, width));
        }
    } else if tile.accumulate {
        let buffer = edge_of::<R>(c.as_ref(), tile);
        for (acc, row) in acc.iter_mut().zip(&buffer) {
            *acc = load(s, row);
        }
    }
    let a: [&[f32]; R] = std::array::from_fn(|i| &a.data[i * a.stride..][..tile.kc]);
    match b {
        Columns::Packed { panel, next } => {
            let mut next = next.chunks(LINE);
            let fours: [&[[f32; AT_ONCE]]; R] = std::array::from_fn(|i| a[i].as_chunks().0);
            let mut panel = panel[..tile.kc * width].chunks_exact(AT_ONCE * width);
            for (q, b) in panel.by_ref().enumerate() {
                prefetch_far::<1>(next.next().unwrap_or_default());
                for j in 0..AT_ONCE {
                    let b: [S::V; V] = load(s, &b[j * width..]);
                    step(s, &mut acc, std::array::from_fn(|i| fours[i][q][j]), b);
                }
            }
            let done = tile.kc / AT_ONCE * AT_ONCE;
            for (p, b) in (done..).zip(panel.remainder().chunks_exact(width)) {
                step(s, &mut acc, std::array::from_fn(|i| a[i][p]), load(s, b));
            }
        }
        Columns::Standing { rows, panel } => {
            let mut copies = panel.chunks_exact_mut(width);
            for p in 0..tile.kc {
                let b = load(s, &rows.data[p * rows.stride..][..width]);
                if let Some(copy) = copies.next() {
                    store(s, &b, copy);
                    pack::prefetch_row((rows.data, rows.stride), p, width);
                }
                step(s, &mut acc, std::array::from_fn(|i| a[i][p]), b);
            }
        }
    }
    if whole {
        for (i, acc) in acc.iter().enumerate() {
            store(s, acc, c.row_mut(i0 + i, j0, width));
        }
    } else {
        let mut buffer = [[0.0; MOST_COLS]; R];
        for (acc, row) in acc.iter().zip(&mut buffer) {
            store(s, acc, row);
        }
        write_edge(&buffer, c, tile);
    }
}

/// One step of k.
#[inline(always)]
fn step<S: Simd, const R: usize, const V: usize>(
    s: S,
    acc: &mut [[S::V; V]; R],
    a: [f32; R],
    b: [S::V; V],
) {
    for i in 0..R {
        let x = s.splat(a[i]);
        for v in 0..V {
            acc[i][v] = s.fma(x, b[v], acc[i][v]);
        }
    }
}

/// The sums so far of a tile that is not whole.
#[inline(never)]
fn edge_of<const R: usize>(c: MatRef<'_>, tile: &Tile) -> [[f32; MOST_COLS]; R] {
    let (i0, j0) = tile.first;
    let mut buffer = [[0.0; MOST_COLS]; R];
    for (i, row) in buffer.iter_mut().enumerate() {
        if c.strides().1 == 1 {
            row[..tile.cols].copy_from_slice(&c.from(i0 + i, j0)[..tile.cols]);
        } else {
            for (j, x) in row.iter_mut().enumerate().take(tile.cols) {
                *x = c.at(i0 + i, j0 + j);
            }
        }
    }
    buffer
}

/// Writes them.
#[inline(never)]
fn write_edge<const R: usize>(buffer: &[[f32; MOST_COLS]; R], c: &mut MatMut<'_>, tile: &Tile) {
    let (i0, j0) = tile.first;
    for (i, row) in buffer.iter().enumerate() {
        if c.as_ref().strides().1 == 1 {
            c.row_mut(i0 + i, j0, tile.cols).copy_from_slice(&row[..tile.cols]);
        } else {
            for (j, &x) in row.iter().enumerate().take(tile.cols) {
                *c.at_mut(i0 + i, j0 + j) = x;
            }
        }
    }
}

#[inline(always)]
fn load<S: Simd, const V: usize>(s: S, from: &[f32]) -> [S::V; V] {
    std::array::from_fn(|v| s.load(&from[v * S::LANES..]))
}

#[inline(always)]
fn store<S: Simd, const V: usize>(s: S, x: &[S::V; V], to: &mut [f32]) {
    for (v, &x) in x.iter().enumerate() {
        s.store(x, &mut to[v * S::LANES..]);
    }
}
