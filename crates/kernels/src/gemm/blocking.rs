//! Sizes of blocks, each with the inequality that picked it.

use crate::mat::MatRef;
use crate::simd::Simd;

/// Steps of k in a block: a panel of B [KC x 48] takes a fifth of an L2 cache of 1 MiB and streams from there, 192 bytes
/// for 24 multiply-adds, and so does A. What the next block of k costs is C, read and written once more: with
/// 512, and MC twice as large, 1024 x 1024 x 1024 ran at 107 GFLOP/s on Zen 4, not 111; with 256 at 104.
pub(super) const KC: usize = 1024;
/// Rows of A in a block: [MC x KC] stays in half of an L2 cache of 1 MiB; a multiple of 6 and of 8.
pub(super) const MC: usize = 120;
/// Columns of B in a block: [KC x NC] stays in an L3 cache; a multiple of 16.
pub(super) const NC: usize = 2048;
/// Floating-point operations worth a thread: some 50 microseconds, against 5 to hand them over.
pub(super) const PARALLEL_FLOPS: usize = 4_000_000;

const _: () = assert!(KC * 48 * 4 <= 256 << 10);
const _: () = assert!(MC * KC * 4 <= 512 << 10 && MC.is_multiple_of(6) && MC.is_multiple_of(8));
const _: () = assert!(KC * NC * 4 <= 8 << 20 && NC.is_multiple_of(16));

/// What A may take and how many columns C may have, to be read where it stands, in rows apart, by 8 lanes: an element is
/// read for 16 columns at a time, and with more of them panels pay. Zen 4, GFLOP/s with panels and without: 512 x
/// 512 x 512 108.3 and 109.6, 1024 x 2048 x 1024 105.3 and 104.5, 1024 x 4096 x 1024 105.6 and 102.2.
const A_STANDS: usize = 1 << 20;
const FEW_USES: usize = 512;
// With 16 lanes it is read for 48 columns, and panels did not pay for any size of A: 384 x 384 x 384 114.6 and 116.7,
// 2048 x 2048 x 2048 110.2 and 111.9, and with rows of 16 KiB 1024 x 4096 x 1024 110.2 and 111.4.

/// What B may take, to be read where it stands by 8 lanes: an L1 cache. 100 x 784 x 128 on Zen 4 ran at 103
/// GFLOP/s with panels, 95 without.
const B_STANDS: usize = 32 << 10;
/// By 16 lanes: an L2 cache, if there are two rows or more to a page, which are so many numbers. 100 x 784 x 128 ran
/// at 110 with panels, 117 without; with rows of 4 KiB 1024 x 256 x 1024 at 112 and 109, with rows of 8 KiB 1024 x 128
/// x 2048 at 107 and 94.
const B_STANDS_WIDE: usize = 1 << 20;
const B_ROW_WIDE: usize = 512;

/// Whether A is read where it stands.
pub(super) fn a_in_place<S: Simd>(a: MatRef<'_>, n: usize) -> bool {
    let few_uses = n <= FEW_USES && bytes(a) <= A_STANDS;
    a.strides().1 == 1 && (S::LANES == 16 || few_uses)
}

/// Whether B is.
pub(super) fn b_in_place<S: Simd>(b: MatRef<'_>) -> bool {
    let stands = match S::LANES {
        16 => b.strides().0 <= B_ROW_WIDE && bytes(b) <= B_STANDS_WIDE,
        _ => bytes(b) <= B_STANDS,
    };
    b.strides().1 == 1 && b.cols().is_multiple_of(S::LANES) && stands
}

/// What a matrix takes whose rows stand one after the other, with what is between them.
fn bytes(matrix: MatRef<'_>) -> usize {
    let row = matrix.strides().0.saturating_mul(size_of::<f32>());
    matrix.rows().saturating_mul(row)
}
