//! C = A B for any sizes and strides, in f32.
//!
//! Every element of C is one chain of fused multiply-adds from +0 over k ascending, so neither the sizes
//! of blocks nor the width of vectors nor the number of threads shows in the bits: a block of k that is
//! not the first loads C and goes on. The loops are those of Goto and van de Geijn ("Anatomy of
//! High-Performance Matrix Multiplication", 2008), numbered as in BLIS:
//!
//! ```text
//! C [M x N] = A [M x K] B [K x N]
//!
//! LOOP 5  columns of C by NC
//! LOOP 4    k by KC
//! LOOP 3      rows of C by MC    A[MC x KC], where it stands or row by row
//! LOOP 2        columns by NR      B[KC x NR], packed when it is first wanted
//! LOOP 1          rows by MR         the micro-kernel: C[MR x NR] += A[MR x KC] B[KC x NR]
//! ```
//!
//! A tile of C is MR = 8 rows of NR = 3 vectors with AVX-512, 6 of 2 with AVX2; at the edges it is as many rows and
//! vectors as there are, so that only the last vector of a row has idle lanes. A stands in rows, of the
//! matrix or of a copy (`blocking`). The first tile of a strip multiplies by B where it stands, and writes the strip's
//! panel on the way, which later tiles read; where rows of B are apart or end within a vector the panel is packed
//! before. Products of at most 16 columns go another way (`narrow`).
//!
//! # Tried and lost
//!
//! Emerald Rapids, GFLOP/s with AVX-512 and, behind it, AVX2. Before: B packed beforehand or, up to 1 MiB, read where it stands,
//! with variable strides in the micro-kernel.
//!
//! | M x K x N | before | now |
//! |---|---:|---:|
//! | 256 x 256 x 256 | 149, 82 | 176, 85 |
//! | 512 x 512 x 512 | 131, 84 | 165, 87 |
//! | 1024 x 1024 x 1024 | 150, 72 | 164, 79 |

mod blocking;
mod micro;
mod narrow;
mod pack;

use crate::isa::{Isa, dispatch};
use crate::mat::{MatMut, MatRef};
use crate::simd::Simd;
use blocking::{KC, MC, NC, PARALLEL_FLOPS};
use micro::{Columns, StridedRows, Tile};
use pack::Buffer;

/// Computes `c = a b`.
///
/// Shapes: `a` [M x K], `b` [K x N], `c` [M x N], any strides; what was in `c` is not read. Large products
/// use the threads of rayon's pool. Accuracy: every element is within [`reference::Product`](crate::reference::Product)'s
/// bound of the exact product, `gamma_K |a| |b|` with `gamma_K = K u / (1 - K u)` and `u = 2^-24` (Higham, "Accuracy and
/// Stability of Numerical Algorithms", section 3.5), and what underflow adds.
///
/// Panics if the shapes do not chain.
///
/// ```
/// use kernels::{Isa, MatMut, MatRef, gemm};
/// let (a, b, mut c) = ([1.0, 2.0, 3.0, 4.0], [5.0, 6.0], [0.0; 2]);
/// gemm(Isa::detect(), MatRef::new(&a, 2, 2), MatRef::new(&b, 2, 1), MatMut::new(&mut c, 2, 1));
/// assert_eq!(c, [17.0, 39.0]);
/// ```
pub fn gemm(isa: Isa, a: MatRef<'_>, b: MatRef<'_>, mut c: MatMut<'_>) {
    assert_eq!(a.cols(), b.rows(), "inner sizes differ: {a:?} times {b:?}");
    assert_eq!((a.rows(), b.cols()), (c.rows(), c.cols()), "{a:?} times {b:?} into another shape");
    if c.rows() == 0 || c.cols() == 0 {
        return;
    }
    if a.cols() == 0 {
        (0..c.rows()).for_each(|i| (0..c.cols()).for_each(|j| *c.at_mut(i, j) = 0.0));
        return;
    }
    // The columns of C must stand side by side, at least in name: C^T = B^T A^T has the same chains.
    if c.as_ref().strides().1 != 1 && c.as_ref().strides().0 == 1 {
        split(isa, b.transposed(), a.transposed(), c.transposed());
    } else {
        split(isa, a, b, c);
    }
}

/// Halves the rows of a large product until its parts are worth one thread each.
fn split(isa: Isa, a: MatRef<'_>, b: MatRef<'_>, c: MatMut<'_>) {
    let flops = [a.rows(), a.cols(), b.cols()].into_iter().fold(2, usize::saturating_mul);
    let threads = rayon::current_num_threads();
    let most = (flops / PARALLEL_FLOPS).min(threads);
    halve(isa, a, b, c, most);
}

fn halve(isa: Isa, a: MatRef<'_>, b: MatRef<'_>, c: MatMut<'_>, threads: usize) {
    let rows = a.rows();
    // By 12 rows, two tiles of AVX2. AVX-512 has one and a half; by 24, a small product would not be halved evenly.
    let top = (rows / 2).next_multiple_of(rows.min(12));
    if threads < 2 || top == 0 || top >= rows || !c.is_row_wise() {
        return dispatch!(isa, |s| one_thread(s, a, b, c));
    }
    let (c_top, c_bottom) = c.split_rows(top);
    let (a_top, a_bottom) = (a.row_range(0, top), a.row_range(top, rows));
    rayon::join(
        || halve(isa, a_top, b, c_top, threads - threads / 2),
        || halve(isa, a_bottom, b, c_bottom, threads / 2),
    );
}

#[inline(always)]
fn one_thread<S: Simd>(s: S, a: MatRef<'_>, b: MatRef<'_>, mut c: MatMut<'_>) {
    pack::with_kept(
        #[inline(always)]
        |kept| match narrow::supports::<S>(a, b.cols()) {
            true => narrow::product(s, a, b, &mut c, kept),
            false => loops(s, a, b, c, kept),
        },
    );
}

#[inline(always)]
fn loops<S: Simd>(
    s: S,
    a: MatRef<'_>,
    b: MatRef<'_>,
    mut c: MatMut<'_>,
    [kept_a, kept_b]: &mut [Buffer; 2],
) {
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    let kc_most = k.div_ceil(k.div_ceil(KC));
    let a_in_place = blocking::a_in_place(a);
    let far = blocking::is_far(c.as_ref());
    for jc in (0..n).step_by(NC) {
        // LOOP 5
        let nc = NC.min(n - jc);
        for pc in (0..k).step_by(kc_most) {
            // LOOP 4
            let kc = kc_most.min(k - pc);
            let panels = kept_b.take(nc.next_multiple_of(S::LANES) * kc);
            for ic in (0..m).step_by(MC) {
                // LOOP 3
                let mc = MC.min(m - ic);
                let a = match a_in_place {
                    true => StridedRows { data: a.from(ic, pc), stride: a.strides().0 },
                    false => pack_a(s, a, (ic, mc), (pc, kc), kept_a),
                };
                let mut jr = 0;
                while jr < nc {
                    // LOOP 2
                    let width = S::LANES * micro::vectors::<S>((nc - jr).div_ceil(S::LANES));
                    let strip = Tile {
                        first: (ic, jc + jr),
                        rows: mc,
                        cols: width.min(nc - jr),
                        kc,
                        accumulate: pc > 0,
                        far,
                    };
                    let (panel, next) = panels[jr * kc..].split_at_mut(width * kc);
                    let (rows, next) = match ic {
                        0 => (rows_or_packed(s, b, pc, &strip, panel), &[][..]),
                        _ => (None, &next[..next.len().min(width * kc)]),
                    };
                    tiles(s, a, (rows, panel, next), &mut c, &strip);
                    jr += strip.cols;
                }
            }
        }
    }
}

/// The tiles of a strip as wide as a panel of B, one below the other. If B's `rows` are given, the first makes the panel
/// of them on the way. As much of the `next` panel is fetched into the second cache as there are steps for.
#[inline(always)]
fn tiles<S: Simd>(
    s: S,
    a: StridedRows<'_>,
    (mut rows, panel, next): (Option<StridedRows<'_>>, &mut [f32], &[f32]),
    c: &mut MatMut<'_>,
    strip: &Tile,
) {
    let mr = micro::rows::<S>();
    let part = next.len().div_ceil(strip.rows.div_ceil(mr)).max(1);
    let mut parts = next.chunks(part);
    for ir in (0..strip.rows).step_by(mr) {
        // LOOP 1
        let first = (strip.first.0 + ir, strip.first.1);
        let tile = Tile { first, rows: mr.min(strip.rows - ir), ..*strip };
        if tile.far {
            micro::prefetch_below(c.as_ref(), &tile);
        }
        let a = StridedRows { data: &a.data[ir * a.stride..], ..a };
        let b = match rows.take() {
            // No other tile would read the panel (8 x 784 x 128 on Emerald Rapids: 122 GFLOP/s with it, 148 without).
            Some(rows) if c.rows() <= mr => Columns::Standing { rows, panel: &mut [] },
            Some(rows) => Columns::Standing { rows, panel },
            None => Columns::Packed { panel, next: parts.next().unwrap_or_default() },
        };
        micro::kernel(s, a, b, c, &tile);
    }
}

/// The rows of B, from step `pc` on, that the first tile of a strip can copy to its panel; else it is packed here.
#[inline(always)]
fn rows_or_packed<'a, S: Simd>(
    s: S,
    b: MatRef<'a>,
    pc: usize,
    strip: &Tile,
    panel: &mut [f32],
) -> Option<StridedRows<'a>> {
    let (jc, width) = (strip.first.1, strip.cols.next_multiple_of(S::LANES));
    if b.strides().1 == 1 && strip.cols == width {
        return Some(StridedRows { data: b.from(pc, jc), stride: b.strides().0 });
    }
    pack::pack_panel(s, b, (pc, strip.kc), (jc, strip.cols), width, panel);
    None
}

/// Packs A [mc x kc] row by row, an odd number of cache lines apart, lest they meet in the same few sets of the cache.
#[inline(always)]
fn pack_a<'a, S: Simd>(
    s: S,
    a: MatRef<'_>,
    (ic, mc): (usize, usize),
    (pc, kc): (usize, usize),
    kept: &'a mut Buffer,
) -> StridedRows<'a> {
    let stride = (kc.div_ceil(pack::LINE) | 1) * pack::LINE;
    let data = kept.take(mc * stride);
    pack::pack_panel(s, a, (ic, mc), (pc, kc), stride, data);
    StridedRows { data, stride }
}
