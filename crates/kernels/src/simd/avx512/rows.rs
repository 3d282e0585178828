//! What goes across the lanes of several rows: transposition, and the sums of lanes.

use std::arch::x86_64::*;

use super::super::{F32x16, Simd, row_of};
use super::Avx512;

/// [`Simd::transpose`].
#[inline(always)]
pub(super) fn transpose(tier: Avx512, from: &[f32], stride: usize, rows: usize) -> [__m512; 8] {
    // Rows i and i + 4 in the halves of a register: what is left to do is within quarters, and then four
    // quarters of two registers in their order.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn both(a: __m256, b: __m256) -> __m512 {
        _mm512_insertf32x8::<1>(_mm512_castps256_ps512(a), b)
    }
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn quads([a, b, c, d]: [__m512; 4]) -> [__m512; 4] {
        let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
        let (ef, gh) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
        [
            _mm512_shuffle_ps::<0b01_00_01_00>(ab, cd),
            _mm512_shuffle_ps::<0b11_10_11_10>(ab, cd),
            _mm512_shuffle_ps::<0b01_00_01_00>(ef, gh),
            _mm512_shuffle_ps::<0b11_10_11_10>(ef, gh),
        ]
    }
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq")]
    fn transposed(low: [__m512; 4], high: [__m512; 4]) -> [__m512; 8] {
        let ([a, b, c, d], [e, f, g, h]) = (quads(low), quads(high));
        [
            _mm512_shuffle_f32x4::<0b10_00_10_00>(a, e),
            _mm512_shuffle_f32x4::<0b10_00_10_00>(b, f),
            _mm512_shuffle_f32x4::<0b10_00_10_00>(c, g),
            _mm512_shuffle_f32x4::<0b10_00_10_00>(d, h),
            _mm512_shuffle_f32x4::<0b11_01_11_01>(a, e),
            _mm512_shuffle_f32x4::<0b11_01_11_01>(b, f),
            _mm512_shuffle_f32x4::<0b11_01_11_01>(c, g),
            _mm512_shuffle_f32x4::<0b11_01_11_01>(d, h),
        ]
    }
    // Functions and arrays spelt out: closures, and `from_fn`, the compiler may leave calls.
    #[inline(always)]
    fn eight(_tier: Avx512, from: &[f32], stride: usize, rows: usize, i: usize) -> __m256 {
        let row = row_of::<8>(from, stride, rows, i);
        // SAFETY: `tier` proves AVX; `row_of` that 8 numbers may be read; no alignment is asked for.
        unsafe { _mm256_loadu_ps(row) }
    }
    #[inline(always)]
    fn pair(tier: Avx512, from: &[f32], stride: usize, rows: usize, i: usize) -> __m512 {
        let first = eight(tier, from, stride, rows, i);
        let fifth = eight(tier, from, stride, rows, i + 4);
        // SAFETY: `tier` proves AVX-512 F and DQ.
        unsafe { both(first, fifth) }
    }
    let low = [
        pair(tier, from, stride, rows, 0),
        pair(tier, from, stride, rows, 1),
        pair(tier, from, stride, rows, 2),
        pair(tier, from, stride, rows, 3),
    ];
    let high = [
        pair(tier, from, stride, rows, 8),
        pair(tier, from, stride, rows, 9),
        pair(tier, from, stride, rows, 10),
        pair(tier, from, stride, rows, 11),
    ];
    // SAFETY: `tier` proves AVX-512 F and DQ.
    unsafe { transposed(low, high) }
}

/// [`Simd::sum_blocks`].
#[inline(always)]
pub(super) fn sum_blocks<'a>(tier: Avx512, row: impl Fn(usize) -> &'a F32x16) -> [F32x16; 2] {
    /// Lanes `i` and `i + 4` of each block of two rows: quarters are blocks, first of one row, then of the other.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn halves(a: __m512, b: __m512) -> __m512 {
        let low = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
        _mm512_add_ps(low, _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b))
    }
    /// Of those, `(0 + 2)` of both rows and `(1 + 3)` of both, within each quarter.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn quarters(a: __m512, b: __m512) -> __m512 {
        _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b))
    }
    /// The sums of eight rows: in the first quarter the first blocks of rows 0, 2, 4 and 6, then their last
    /// blocks, then those of rows 1, 3, 5 and 7.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn eight([a, b, c, d, e, f, g, h]: [__m512; 8]) -> __m512 {
        let low = quarters(halves(a, b), halves(c, d));
        let high = quarters(halves(e, f), halves(g, h));
        let even = _mm512_shuffle_ps::<0b01_00_01_00>(low, high);
        _mm512_add_ps(even, _mm512_shuffle_ps::<0b11_10_11_10>(low, high))
    }
    /// The first blocks of sixteen rows in their order, and their last blocks.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn sixteen(low: __m512, high: __m512) -> [__m512; 2] {
        let first = _mm512_set_epi32(27, 19, 26, 18, 25, 17, 24, 16, 11, 3, 10, 2, 9, 1, 8, 0);
        let last = _mm512_add_epi32(first, _mm512_set1_epi32(4));
        [first, last].map(
            #[inline(always)]
            |order| _mm512_permutex2var_ps(low, order, high),
        )
    }
    let load = |i: usize| tier.load(&row(i).0);
    let low = [load(0), load(1), load(2), load(3), load(4), load(5), load(6), load(7)];
    // SAFETY: `tier` proves AVX-512 F.
    let low = unsafe { eight(low) };
    let high = [load(8), load(9), load(10), load(11), load(12), load(13), load(14), load(15)];
    // SAFETY: `tier` proves AVX-512 F.
    let high = unsafe { eight(high) };
    // SAFETY: `tier` proves AVX-512 F.
    let sums = unsafe { sixteen(low, high) };
    let mut out = [F32x16::default(); 2];
    tier.store(sums[0], &mut out[0].0);
    tier.store(sums[1], &mut out[1].0);
    out
}
