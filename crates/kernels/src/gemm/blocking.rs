//! Sizes of blocks, each with the inequality that picked it.

/// Steps of k in a block: a panel of B [KC x NR] with NR = 32 and one of A [KC x 12] fit the L1 cache of
/// 32 KiB.
pub(super) const KC: usize = 184;
/// Rows of A in a block: [MC x KC] stays in half of an L2 cache of 1 MiB; a multiple of 6 and of 12.
pub(super) const MC: usize = 336;
/// Columns of B in a block: [KC x NC] stays in an L3 cache; a multiple of 16 and of 32.
pub(super) const NC: usize = 2048;
/// Floating-point operations worth a thread: some 50 microseconds, against 5 to hand them over.
pub(super) const PARALLEL_FLOPS: usize = 4_000_000;

const _: () = assert!(KC * (32 + 12) * 4 <= 32 << 10);
const _: () = assert!(MC * KC * 4 <= 512 << 10 && MC.is_multiple_of(12));
const _: () = assert!(KC * NC * 4 <= 4 << 20 && NC.is_multiple_of(32));
