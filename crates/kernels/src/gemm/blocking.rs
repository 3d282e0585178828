//! Sizes of blocks, each with the inequality that picked it.

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
