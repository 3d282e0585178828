//! The micro-kernel: one tile of C in registers, over one block of k.
//!
//! ```text
//! acc[R][V] = 0 or C;  for each k:  acc[i] += A[i][k] * B[k][V vectors];  C = acc
//! ```
//!
//! Registers, R x V accumulators + V of B + 1 of A: AVX-512 8 x 3 + 3 + 1 = 28 of 32, AVX2 6 x 2 + 2 + 1 = 15 of 16.
//!
//! With everything in the first cache, GFLOP/s of AVX-512 on a Zen 5 with a peak of 276:
//!
//! | R x V | |
//! |---|---:|
//! | 8 x 3, 12 x 2, 6 x 4, 14 x 2 | 272 to 276 |
//! | 4 x 2 | 245 |
//! | 8 x 1 | 242 |
//!
//! On Zen 4 those of the first line take a cycle a multiply-add, which is its peak, and 6 x 2 of AVX2 half a cycle. So what
//! was lost was lost around the loop. A step of k is 24 multiply-adds and 11 loads; with strides that the compiler does not know
//! another 25 instructions stood around them. What is packed has constant ones, and four steps share the addresses of rows.
//!
//! # Tried and lost
//!
//! GFLOP/s with AVX-512, or with AVX2 where it is said:
//!
//! | tried | M x K x N | with it | as it is | |
//! |---|---|---:|---:|---|
//! | A packed one by one, ragged tiles through a buffer | 64 x 64 x 64 | 135 | 267 | Zen 5 |
//! | the same, AVX2 | 64 x 64 x 64 | 85 | 137 | Zen 5 |
//! | variable strides, each step with its own addresses | 256 x 256 x 256 | 171 | 178 | Emerald Rapids |
//! | the same | 120 x 1024 x 480 | 146 | 153 | Emerald Rapids |
//! | the next panel not asked for, a line each four steps | 1024 x 1024 x 1024 | 152 | 161 | Emerald Rapids |
//! | B asked for 12 steps ahead | 512 x 512 x 512 | 244 | 271 | Zen 5 |
//! | the same, AVX2 | 512 x 512 x 512 | 83 | 136 | Zen 5 |
//! | four steps of the loop that copies B, for which there are too few registers | 64 x 64 x 64 | 122 | 141 | Emerald Rapids |
//! | the same, with steps as closures | 64 x 64 x 64 | 88 | 141 | Emerald Rapids |
//! | B of a first cache never copied, AVX2 | 64 x 64 x 64 | 70 | 79 | Emerald Rapids |

use super::pack::{self, LINE};
use crate::ladder::with_const;
use crate::mat::{MatMut, MatRef};
use crate::simd::{Simd, prefetch_far, prefetch_numbers};

/// The largest tile: 8 rows of 3 vectors of 16.
const MOST_COLS: usize = 48;
/// Steps of k for one jump of the loop.
const UNROLLED: usize = 4;

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
pub(super) struct StridedRows<'a> {
    pub(super) data: &'a [f32],
    pub(super) stride: usize,
}

/// Where a tile finds its columns of B.
pub(super) enum Columns<'a> {
    /// In a panel, `[k][whole vectors]`. What the next panel's tiles want is fetched into the second cache meanwhile.
    Packed { panel: &'a [f32], next: &'a [f32] },
    /// Where they stand, a row for each k. They are copied to a panel on the way, unless it has no room.
    Standing { rows: StridedRows<'a>, panel: &'a mut [f32] },
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
pub(super) fn kernel<S: Simd>(
    s: S,
    a: StridedRows<'_>,
    b: Columns<'_>,
    c: &mut MatMut<'_>,
    tile: &Tile,
) {
    with_const!(tile.cols.div_ceil(S::LANES), [1 2 3], |V| by_height::<S, V>(s, a, b, c, tile));
}

#[inline(always)]
fn by_height<S: Simd, const V: usize>(
    s: S,
    a: StridedRows<'_>,
    b: Columns<'_>,
    c: &mut MatMut<'_>,
    tile: &Tile,
) {
    assert!(tile.rows <= rows::<S>(), "a strip is not a tile");
    with_const!(tile.rows, [1 2 3 4 5 6 7 8], |R| exact::<S, R, V>(s, a, b, c, tile));
}

#[inline(always)]
fn exact<S: Simd, const R: usize, const V: usize>(
    s: S,
    a: StridedRows<'_>,
    b: Columns<'_>,
    c: &mut MatMut<'_>,
    tile: &Tile,
) {
    let mut acc = load_tile(s, c, tile);
    let a: [&[f32]; R] = std::array::from_fn(|i| &a.data[i * a.stride..][..tile.kc]);
    match b {
        Columns::Packed { panel, next } => {
            multiply_packed::<S, R, V>(s, &mut acc, a, (panel, next), tile.kc)
        }
        Columns::Standing { rows, panel } => {
            multiply_standing::<S, R, V>(s, &mut acc, a, (rows, panel), tile.kc)
        }
    }
    store_tile(s, &acc, c, tile);
}

/// The sums of a tile so far: +0, or what stands in C.
#[inline(always)]
fn load_tile<S: Simd, const R: usize, const V: usize>(
    s: S,
    c: &mut MatMut<'_>,
    tile: &Tile,
) -> [[S::V; V]; R] {
    let ((i0, j0), width) = (tile.first, V * S::LANES);
    // In loops so short that the compiler unrolls them: else the sums would live in memory.
    let mut acc = [[s.splat(0.0); V]; R];
    if tile.accumulate && is_whole::<S, V>(c, tile) {
        for (i, acc) in acc.iter_mut().enumerate() {
            *acc = load(s, c.row_mut(i0 + i, j0, width));
        }
    } else if tile.accumulate {
        let buffer = edge_of::<R>(c.as_ref(), tile);
        for (acc, row) in acc.iter_mut().zip(&buffer) {
            *acc = load(s, row);
        }
    }
    acc
}

/// Writes the sums of a tile to C.
#[inline(always)]
fn store_tile<S: Simd, const R: usize, const V: usize>(
    s: S,
    acc: &[[S::V; V]; R],
    c: &mut MatMut<'_>,
    tile: &Tile,
) {
    let ((i0, j0), width) = (tile.first, V * S::LANES);
    if is_whole::<S, V>(c, tile) {
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

/// Whether all lanes of the tile's rows have a place in C, side by side.
#[inline(always)]
fn is_whole<S: Simd, const V: usize>(c: &MatMut<'_>, tile: &Tile) -> bool {
    tile.cols == V * S::LANES && c.as_ref().strides().1 == 1
}

/// Multiplies by a packed panel of B; asks for the `next` meanwhile.
#[inline(always)]
fn multiply_packed<S: Simd, const R: usize, const V: usize>(
    s: S,
    acc: &mut [[S::V; V]; R],
    a: [&[f32]; R],
    (panel, next): (&[f32], &[f32]),
    kc: usize,
) {
    let width = V * S::LANES;
    let mut next = next.chunks(LINE);
    let fours: [&[[f32; UNROLLED]]; R] = std::array::from_fn(|i| a[i].as_chunks().0);
    let mut panel = panel[..kc * width].chunks_exact(UNROLLED * width);
    for (q, b) in panel.by_ref().enumerate() {
        prefetch_far::<1>(next.next().unwrap_or_default());
        for j in 0..UNROLLED {
            let b: [S::V; V] = load(s, &b[j * width..]);
            step(s, acc, std::array::from_fn(|i| fours[i][q][j]), b);
        }
    }
    let done = kc / UNROLLED * UNROLLED;
    for (p, b) in (done..).zip(panel.remainder().chunks_exact(width)) {
        step(s, acc, std::array::from_fn(|i| a[i][p]), load(s, b));
    }
}

/// Multiplies by rows of B where they stand, and copies them to a panel if that has room.
#[inline(always)]
fn multiply_standing<S: Simd, const R: usize, const V: usize>(
    s: S,
    acc: &mut [[S::V; V]; R],
    a: [&[f32]; R],
    (rows, panel): (StridedRows<'_>, &mut [f32]),
    kc: usize,
) {
    let width = V * S::LANES;
    let mut copies = panel.chunks_exact_mut(width);
    for p in 0..kc {
        let b = load(s, &rows.data[p * rows.stride..][..width]);
        if let Some(copy) = copies.next() {
            store(s, &b, copy);
            pack::prefetch_row((rows.data, rows.stride), p, width);
        }
        step(s, acc, std::array::from_fn(|i| a[i][p]), b);
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

/// Writes the sums of a tile that is not whole to C.
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
