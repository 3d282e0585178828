//! The few vector operations that the kernels are written in, and the tiers that provide them.
//!
//! A tier is a token (see `isa`); its operations are methods of the token, so that none can be called
//! without the proof that the processor has them. Every operation rounds as its scalar twin does; none
//! reassociates, approximates or flushes.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod portable;

#[cfg(target_arch = "x86_64")]
pub use avx2::Avx2;
#[cfg(target_arch = "x86_64")]
pub use avx512::Avx512;
pub use portable::Portable;

/// Eight f32: the features of one block.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(32))]
pub struct F32x8(pub [f32; 8]);

/// Sixteen f32 in one cache line: a line of weights, a number of each of the 16 rows of a group, or 16 classes of one row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub struct F32x16(pub [f32; 16]);

/// Sixteen u32: bits, or a number, of each of 16 images.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[repr(C, align(64))]
pub struct U32x16(pub [u32; 16]);

/// The lowest bits of a record of a list (see `linear::lists`): one for each block that a vector may hold.
pub(crate) const PRESENT_BITS: u32 = 2;

/// Operations on `LANES` f32 at once.
pub trait Simd: Copy {
    /// f32 in a vector: 8 or 16.
    const LANES: usize;
    /// Blocks in a vector: 1 or 2.
    const BLOCKS: usize = Self::LANES / 8;
    /// A vector.
    type V: Copy;
    /// The outcome of a comparison, lane by lane.
    type Mask: Copy;
    /// `LANES / 2` vectors: what is transposed at once.
    type Transposed: AsRef<[Self::V]>;
    /// The same tier with 8 lanes.
    type Block: Simd;

    /// The token of the 8-lane operations.
    fn block(self) -> Self::Block;
    /// `x` in every lane.
    fn splat(self, x: f32) -> Self::V;
    /// The first `LANES` numbers of `from`; panics if there are fewer.
    fn load(self, from: &[f32]) -> Self::V;
    /// Writes the first `LANES` numbers of `to`; panics if there is no room.
    fn store(self, x: Self::V, to: &mut [f32]);
    /// Writes the next `LANES` numbers of a stream; panics if there is no room.
    fn stream(self, x: Self::V, to: &mut Stream<'_>);
    /// The first numbers of `from`, `LANES` at most; +0 in the lanes that it has none for.
    fn load_some(self, from: &[f32]) -> Self::V;
    /// Transposes `LANES / 2` numbers of each of `LANES` rows that stand `stride` apart: lane `i` of vector `p` is
    /// number `p` of row `i`. Rows past the last of `rows` are the last again; panics if `from` ends before
    /// its numbers do.
    fn transpose(self, from: &[f32], stride: usize, rows: usize) -> Self::Transposed;
    /// `a + b`.
    fn add(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`.
    fn sub(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`.
    fn mul(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`.
    fn div(self, a: Self::V, b: Self::V) -> Self::V;
    /// The absolute value.
    fn abs(self, a: Self::V) -> Self::V;
    /// The square root.
    fn sqrt(self, a: Self::V) -> Self::V;
    /// `a` where `a > b`, else `b`.
    fn max(self, a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c` with one rounding.
    fn fma(self, a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// `a > b`; false where either is not a number.
    fn gt(self, a: Self::V, b: Self::V) -> Self::Mask;
    /// `a == b`.
    fn eq(self, a: Self::V, b: Self::V) -> Self::Mask;
    /// `a` where the mask is set, else `b`.
    fn select(self, mask: Self::Mask, a: Self::V, b: Self::V) -> Self::V;
    /// `x * 2^n`, with `n` the integer in the lowest bits of `t` (see `spec::exp`).
    fn scale_by_low_bits(self, x: Self::V, t: Self::V) -> Self::V;
    /// `(k, y)` with `x = 2^k * y` and `y` between the square roots of 1/2 and 2 (see `spec::ln`).
    fn split_exponent(self, x: Self::V) -> (Self::V, Self::V);

    /// Whether every lane is zero.
    #[inline(always)]
    fn is_zero(self, x: Self::V) -> bool {
        let mut lanes = [0.0; 16];
        self.store(x, &mut lanes);
        lanes.iter().all(|&x| x == 0.0)
    }

    /// Eight numbers, in every block of the vector.
    fn repeat8(self, from: &F32x8) -> Self::V;
    /// Eight pixels as the integers 0..=255, in every block of the vector.
    fn repeat_u8(self, from: &[u8; 8]) -> Self::V;
    /// The first of `from` in the first block that has its bit in `present`, the next in the next; zeros in a
    /// block without one. At least one block has its bit. Panics if `from` has fewer than the vector has blocks.
    fn spread8(self, from: &[F32x8], present: u32) -> Self::V;
    /// As [`spread8`](Self::spread8), of pixels: as the integers 0..=255.
    fn spread_u8(self, from: &[[u8; 8]], present: u32) -> Self::V;
    /// The lanes of the blocks that have a bit in `present`; at least one has.
    fn lanes_of(self, present: u32) -> Self::Mask;
    /// The blocks of two vectors by turns: the first of `a`, the first of `b`, and so on.
    fn zip_blocks(self, a: Self::V, b: Self::V) -> [Self::V; 2];

    /// Of eight vectors, the sum over the 8 lanes of each of their blocks, added as `spec` does: those of the first vector's
    /// blocks, of the second's, and so on.
    fn sum_lanes(self, vectors: [Self::V; 8]) -> Self::V;
    /// Adds number `i` of each row to sum `i` modulo 8: row by row, the lower `i` first.
    fn add_in_turn<'a>(self, sums: &mut [f64; 8], rows: impl Iterator<Item = &'a F32x16>);
    /// Looks at the bits of `words` for a vector of blocks, from `bit` on, a multiple of their number. Of 16 records, `next`,
    /// whose lowest `PRESENT_BITS` are zero, writes those that have such bits to `list`, in their order and with those bits
    /// in the lowest, and adds `1 << PRESENT_BITS` for each bit to the record where it stands. Returns how many were
    /// written; all of the first 16 places of `list` may change.
    fn list_having(self, words: &U32x16, bit: u32, next: &mut U32x16, list: &mut [u32]) -> usize;
}

/// Where row `i` of `rows` begins that stand `stride` apart, or the last if there are fewer: a place from which
/// on `N` numbers may be read. Panics if `from` ends before those of the last row.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn row_of<const N: usize>(from: &[f32], stride: usize, rows: usize, i: usize) -> *const f32 {
    assert!(rows > 0 && (rows - 1).saturating_mul(stride).saturating_add(N) <= from.len());
    from.as_ptr().wrapping_add(i.min(rows - 1) * stride)
}

/// Transposes rows: number `i` of `to[p]` is number `p` of `from[i]`; past the last row it is of no meaning. Panics if there
/// are no rows, or more than 16 of either.
#[inline(always)]
pub(crate) fn transpose16<S: Simd>(s: S, from: &[F32x16], to: &mut [F32x16]) {
    let (n, m) = (from.len(), to.len());
    assert!((1..=16).contains(&n) && m <= 16, "{n} rows transposed to {m}");
    let from = flat(from);
    for first in (0..n).step_by(S::LANES) {
        let rows = S::LANES.min(n - first);
        for p in (0..m).step_by(S::LANES / 2) {
            let columns = s.transpose(&from[16 * first + p..], 16, rows);
            for (&column, to) in columns.as_ref().iter().zip(&mut to[p..]) {
                s.store(column, &mut to.0[first..]);
            }
        }
    }
}

/// The numbers of rows, side by side.
#[inline(always)]
pub(crate) fn flat(rows: &[F32x16]) -> &[f32] {
    // SAFETY: `F32x16` is 16 f32 and nothing else (see `flat_mut`), so the slice is `16 * rows.len()` f32 that live
    // as long and are borrowed as the rows are.
    unsafe { std::slice::from_raw_parts(rows.as_ptr().cast(), 16 * rows.len()) }
}

/// The numbers of rows, side by side, to write.
#[inline(always)]
pub(crate) fn flat_mut(rows: &mut [F32x16]) -> &mut [f32] {
    // SAFETY: `F32x16` is 16 f32 and nothing else (`repr(C)`, and its alignment divides its size), so the
    // slice is `16 * rows.len()` f32 that live as long and are borrowed as the rows are.
    unsafe { std::slice::from_raw_parts_mut(rows.as_mut_ptr().cast(), 16 * rows.len()) }
}
const _: () = assert!(size_of::<F32x16>() == 64 && size_of::<F32x8>() == 32);

/// A cursor for non-temporal stores, past the caches: another core reads these lines next, and an ordinary store
/// would first take them from its cache. The slice stays borrowed until `Drop` has fenced the stores; nothing in
/// this crate forgets one.
#[derive(Debug)]
pub(crate) struct Stream<'a> {
    to: &'a mut [F32x16],
    /// How many numbers were written.
    at: usize,
}

impl<'a> Stream<'a> {
    /// Begins to write to `to`.
    pub(crate) fn to(to: &'a mut [F32x16]) -> Self {
        Self { to, at: 0 }
    }

    /// The place of the next `count` numbers, which is given once.
    #[inline(always)]
    fn next(&mut self, count: usize) -> &mut [f32] {
        let place = &mut flat_mut(self.to)[self.at..][..count];
        self.at += count;
        place
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        // x86-64 shows stores in order, but not streams: without this another thread could see that the part is done
        // and its weights as they were.
        #[cfg(target_arch = "x86_64")]
        // SAFETY: SSE is part of x86-64.
        unsafe {
            std::arch::x86_64::_mm_sfence();
        }
    }
}

/// Asks for the cache line `offset` lines after the first of a stream, whether that is another thread's to write or
/// nobody's.
#[inline(always)]
pub(crate) fn prefetch_beside(stream: &Stream<'_>, offset: isize) {
    #[cfg(target_arch = "x86_64")]
    {
        let line = stream.to.as_ptr().wrapping_offset(offset);
        prefetch_lines::<1, { std::arch::x86_64::_MM_HINT_T0 }>(line.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (stream, offset);
}

/// Asks for the cache line of sixteen numbers that will be read soon.
#[inline(always)]
pub(crate) fn prefetch(sixteen: &F32x16) {
    prefetch_bytes::<1>(&sixteen.0);
}

/// Asks for the cache lines of numbers that will be read soon: of all but the last, if they begin within a line.
#[inline(always)]
pub(crate) fn prefetch_numbers(numbers: &[f32]) {
    numbers.chunks(16).for_each(prefetch_bytes::<1>);
}

/// Asks for the cache lines of `bytes` that will be read soon: of all but the last, if they begin within a line. Where
/// another thread has written them, they come from its cache all at once and not a few at a time. No result depends
/// on it.
pub fn prefetch_all(bytes: &[u8]) {
    bytes.chunks(64).for_each(prefetch_bytes::<1>);
}

/// Asks for the cache lines of the first `BYTES` bytes from the start of `data` on, which will be read soon;
/// they need not all be there.
#[inline(always)]
pub(crate) fn prefetch_bytes<const BYTES: usize>(data: &[impl Sized]) {
    #[cfg(target_arch = "x86_64")]
    prefetch_lines::<BYTES, { std::arch::x86_64::_MM_HINT_T0 }>(data.as_ptr().cast());
    #[cfg(not(target_arch = "x86_64"))]
    let _ = data;
}

/// Asks for the cache lines of the first `BYTES` bytes of `data`, which will be read later, after much else: into the second
/// cache.
#[inline(always)]
pub(crate) fn prefetch_far<const BYTES: usize>(data: &[impl Sized]) {
    #[cfg(target_arch = "x86_64")]
    prefetch_lines::<BYTES, { std::arch::x86_64::_MM_HINT_T1 }>(data.as_ptr().cast());
    #[cfg(not(target_arch = "x86_64"))]
    let _ = data;
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch_lines<const BYTES: usize, const HINT: i32>(data: *const i8) {
    // The data may begin anywhere in its first line and end anywhere in its last. A plain loop, which the
    // compiler unrolls: with iterators in a chain it did not (0.2 ms an epoch of MNIST).
    for line in 0..=(BYTES - 1).div_ceil(64) {
        let address = data.wrapping_add((64 * line).min(BYTES - 1));
        // SAFETY: SSE is part of x86-64; a prefetch reads nothing, whatever the address.
        unsafe { std::arch::x86_64::_mm_prefetch::<HINT>(address) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::isa::{Isa, dispatch};
    use crate::spec;
    use std::panic::catch_unwind;

    /// The sums over `LANES / 8` blocks of each of eight vectors, which stand one after the other.
    #[inline(always)]
    fn summed<S: Simd>(s: S, numbers: &[f32]) -> Vec<f32> {
        let vectors = std::array::from_fn(|i| s.load(&numbers[i * S::LANES..]));
        let mut sums = vec![0.0; S::LANES];
        s.store(s.sum_lanes(vectors), &mut sums);
        sums
    }

    #[test]
    fn rows_become_columns() {
        let number = |row: usize, p: usize| (100 * row + p) as f32;
        for (isa, rows) in Isa::all().into_iter().flat_map(|isa| (1..=16).map(move |n| (isa, n))) {
            let from: Vec<_> =
                (0..rows).map(|row| F32x16(std::array::from_fn(|p| number(row, p)))).collect();
            for columns in 0..=16 {
                let mut to = vec![F32x16([f32::NAN; 16]); columns];
                dispatch!(isa, |s| transpose16(s, &from, &mut to));
                for (p, column) in to.iter().enumerate() {
                    for (row, &found) in column.0[..rows].iter().enumerate() {
                        assert_eq!(found, number(row, p), "row {row} of {rows}, {p}, {isa:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn no_rows_and_more_than_sixteen_are_not_transposed() {
        for isa in Isa::all() {
            for (rows, columns) in [(0, 3), (17, 3), (3, 17)] {
                let from = vec![F32x16::default(); rows];
                let mut to = vec![F32x16::default(); columns];
                let all = || dispatch!(isa, |s| transpose16(s, &from, &mut to));
                let refused = catch_unwind(std::panic::AssertUnwindSafe(all)).is_err();
                assert!(refused, "{rows} rows to {columns}, {isa:?}");
            }
        }
    }

    #[test]
    fn lanes_are_added_as_the_definition_has_it() {
        // Sums of them depend on the order.
        let numbers: Vec<f32> = (0..128).map(|i| (i as f32 * 0.7).sin() * 1e4 + 0.1).collect();
        for isa in Isa::all() {
            let sums = dispatch!(isa, |s| summed(s, &numbers));
            for (block, (sum, numbers)) in sums.iter().zip(numbers.as_chunks().0).enumerate() {
                assert_eq!(sum.to_bits(), spec::sum8(*numbers).to_bits(), "{block}, {isa:?}");
            }
        }
    }
}
