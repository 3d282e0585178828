//! C = A B for any sizes and strides, in f32.
//!
//! Every element of C is one chain of fused multiply-adds from +0 over k ascending, so neither the sizes
//! of blocks nor the width of vectors nor the number of threads shows in the bits: a block of k that is
//! not the first loads C and goes on. The loops are those of Goto and van de Geijn ("Anatomy of
//! High-Performance Matrix Multiplication", 2008), numbered as in BLIS:
//!
//! ```text
//! LOOP 5  columns of C by NC
//! LOOP 4    k by KC            B[KC x NC] in panels of NR columns
//! LOOP 3      rows of C by MC    A[MC x KC] in panels of MR rows
//! LOOP 2        panels of B
//! LOOP 1          panels of A      the micro-kernel: C[MR x NR] += A[MR x KC] B[KC x NR]
//! ```
//!
//! A tile of C is 8 rows of 3 vectors with AVX-512, 6 of 2 with AVX2; at the edges it is as many rows and
//! vectors as there are, so that only the last vector of a row may be in part for nothing. A and B are packed into their
//! panels, or read where they stand, where that takes less time (`blocking`). Products of at most 16 columns go
//! another way (`few`).

mod blocking;
mod few;
mod micro;
mod pack;

use crate::isa::{Isa, dispatch};
use crate::mat::{MatMut, MatRef};
use crate::simd::Simd;
use blocking::{KC, MC, NC, PARALLEL_FLOPS};
use pack::Panels;

/// Computes `c = a b`.
///
/// Shapes: `a` [M x K], `b` [K x N], `c` [M x N], any strides; what was in `c` is not read. Large products
/// use the threads of rayon's pool. Accuracy: within `K * 2^-24` of the exact product, times `|a| |b|`
/// (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.5).
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
    let flops = 2 * a.rows().saturating_mul(a.cols()).saturating_mul(b.cols());
    let threads = rayon::current_num_threads();
    let most = (flops / PARALLEL_FLOPS).min(threads);
    halve(isa, a, b, c, most);
}

fn halve(isa: Isa, a: MatRef<'_>, b: MatRef<'_>, c: MatMut<'_>, threads: usize) {
    let rows = a.rows();
    // Two whole tiles of 6 rows; of 8, one and a half.
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
        |kept| match few::takes::<S>(a, b.cols()) {
            true => few::product(s, a, b, &mut c, kept),
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
    [kept_a, kept_b]: &mut [Panels; 2],
) {
    let (m, k, n) = (a.rows(), a.cols(), b.cols());
    let mr = micro::rows::<S>();
    let kc_most = k.div_ceil(k.div_ceil(KC));
    let a_in_place = blocking::a_in_place::<S>(a, n);
    let b_in_place = blocking::b_in_place::<S>(b);
    for jc in (0..n).step_by(NC) {
        let nc = NC.min(n - jc);
        for pc in (0..k).step_by(kc_most) {
            let kc = kc_most.min(k - pc);
            let packed_b = match b_in_place {
                true => &mut [],
                false => pack_b(s, b, (pc, kc), (jc, nc), kept_b),
            };
            for ic in (0..m).step_by(MC) {
                let mc = MC.min(m - ic);
                let packed_a = match a_in_place {
                    true => &mut [],
                    false => pack_a(s, a, (ic, mc), (pc, kc), kept_a),
                };
                let mut jr = 0;
                while jr < nc {
                    let cols =
                        (nc - jr).min(S::LANES * micro::vectors::<S>((nc - jr).div_ceil(S::LANES)));
                    let b = match b_in_place {
                        true => micro::Block { data: b.from(pc, jc + jr), strides: b.strides() },
                        false => micro::Block {
                            data: &packed_b[jr * kc..],
                            strides: (cols.next_multiple_of(S::LANES), 1),
                        },
                    };
                    for ir in (0..mc).step_by(mr) {
                        let a = match a_in_place {
                            true => {
                                micro::Block { data: a.from(ic + ir, pc), strides: a.strides() }
                            }
                            false => micro::Block { data: &packed_a[ir * kc..], strides: (1, mr) },
                        };
                        let tile = micro::Tile {
                            first: (ic + ir, jc + jr),
                            rows: mr.min(mc - ir),
                            cols,
                            kc,
                            goes_on: pc > 0,
                        };
                        if tile.goes_on {
                            micro::expect_below(c.as_ref(), &tile);
                        }
                        micro::kernel(s, a, b, &mut c, &tile);
                    }
                    jr += cols;
                }
            }
        }
    }
}

/// B [kc x nc] in panels as wide as the tiles.
#[inline(always)]
fn pack_b<'a, S: Simd>(
    s: S,
    b: MatRef<'_>,
    (pc, kc): (usize, usize),
    (jc, nc): (usize, usize),
    kept: &'a mut Panels,
) -> &'a mut [f32] {
    let out = kept.room(nc.next_multiple_of(S::LANES) * kc + pack::SLACK);
    let mut jr = 0;
    while jr < nc {
        let width = S::LANES * micro::vectors::<S>((nc - jr).div_ceil(S::LANES));
        let cols = width.min(nc - jr);
        pack::panel(s, b.transposed(), (jc + jr, cols), (pc, kc), width, &mut out[jr * kc..]);
        jr += cols;
    }
    out
}

/// A [mc x kc] in panels as high as the tiles.
#[inline(always)]
fn pack_a<'a, S: Simd>(
    s: S,
    a: MatRef<'_>,
    (ic, mc): (usize, usize),
    (pc, kc): (usize, usize),
    kept: &'a mut Panels,
) -> &'a mut [f32] {
    let mr = micro::rows::<S>();
    let out = kept.room(mc.next_multiple_of(mr) * kc + pack::SLACK);
    for ir in (0..mc).step_by(mr) {
        pack::panel(s.block(), a, (ic + ir, mr.min(mc - ir)), (pc, kc), mr, &mut out[ir * kc..]);
    }
    out
}
