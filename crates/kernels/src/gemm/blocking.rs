//! Sizes of blocks, each with the inequality that picked it.

use crate::mat::MatRef;

/// Steps of k in a block: a panel of B [KC x 48] takes no more than a quarter of an L2 cache of 1 MiB and streams from there: each
/// step of k wants 192 bytes of it, and 8 numbers of A, for 24 multiply-adds. A further block of k costs one more reading and
/// writing of C. GFLOP/s with other KC, and MC that fit them: 1024 x 1024 x 1024 on Zen 4 111, with 512 107, with 256 104; 512 x
/// 512 x 512 on Emerald Rapids 169, with 256 158.
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

/// The bytes that C takes at most to stay in an L2 cache.
const C_FAR_BYTES: usize = 1 << 20;

/// Whether A is read where it stands: its rows run along k. Copies of them pay for no size. GFLOP/s with copies and
/// without, on Zen 4 with AVX-512 384 x 384 x 384 114.6 and 116.7, 2048 x 2048 x 2048 110.2 and 111.9, and with rows of
/// 16 KiB 1024 x 4096 x 1024 110.2 and 111.4; on Emerald Rapids with AVX2 768 x 768 x 768 83.5 and 85.8, 1024 x
/// 4096 x 1024 80.1 and 79.9.
pub(super) fn a_in_place(a: MatRef<'_>) -> bool {
    a.strides().1 == 1
}

/// Whether C may not be in an L2 cache, so that its tiles are asked for before they are read or written: 1024 x 1024 x
/// 1024 on Emerald Rapids ran at 156 GFLOP/s without, 164 with, but 256 x 256 x 256 at 182 and 176.
pub(super) fn is_far(c: MatRef<'_>) -> bool {
    let row = c.strides().0.saturating_mul(size_of::<f32>());
    c.rows().saturating_mul(row) > C_FAR_BYTES
}
