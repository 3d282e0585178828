//! Sizes of blocks, each with the inequality that picked it.

use crate::mat::MatRef;
use crate::simd::Simd;

/// Steps of k in a block: a panel of A [KC x 12] stays in the L1 cache of 32 KiB; one of B [KC x 32] streams
/// from the L2 cache, 128 bytes for 24 multiply-adds. With 184, so that both fit the L1 cache, C was read and
/// written three times as often: 1024 x 1024 x 1024 ran at 81 GFLOP/s, not 101.
pub(super) const KC: usize = 512;
/// Rows of A in a block: [MC x KC] stays in half of an L2 cache of 1 MiB; a multiple of 6 and of 12.
pub(super) const MC: usize = 240;
/// Columns of B in a block: [KC x NC] stays in an L3 cache; a multiple of 16 and of 32.
pub(super) const NC: usize = 2048;
/// Floating-point operations worth a thread: some 50 microseconds, against 5 to hand them over.
pub(super) const PARALLEL_FLOPS: usize = 4_000_000;

const _: () = assert!(KC * 12 * 4 <= 32 << 10);
const _: () = assert!(MC * KC * 4 <= 512 << 10 && MC.is_multiple_of(12));
const _: () = assert!(KC * NC * 4 <= 4 << 20 && NC.is_multiple_of(32));
/// Columns of C up to which turning A into panels costs more than reading it where it stands, in rows apart.
const FEW_USES: usize = 256;
/// What a matrix that is read where it stands may take: A of an L2 cache, where each panel of B meets it again;
/// B of an L1 cache, where each row of A does.
const A_STANDS: usize = 512 << 10;
const B_STANDS: usize = 32 << 10;

/// Whether A is read where it stands.
pub(super) fn a_in_place(a: MatRef<'_>, n: usize) -> bool {
    a.strides().1 == 1 && n <= FEW_USES && a.rows() * a.strides().0 * 4 <= A_STANDS
}

/// Whether B is.
pub(super) fn b_in_place<S: Simd>(b: MatRef<'_>) -> bool {
    let whole = b.strides().1 == 1 && b.cols().is_multiple_of(S::LANES);
    whole && b.rows() * b.strides().0 * 4 <= B_STANDS
}
