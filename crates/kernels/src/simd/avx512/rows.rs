//! What goes across the lanes of several rows: transposition, and the sums of lanes.

use std::arch::x86_64::*;

use super::super::row_of;
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

/// [`Simd::sum_lanes`].
#[inline(always)]
pub(super) fn sum_lanes(_: Avx512, vectors: [__m512; 8]) -> __m512 {
    /// Lanes `i` and `i + 4` of each block of two vectors: quarters are blocks, first of one, then of the other.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn halves(a: __m512, b: __m512) -> __m512 {
        let low = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
        _mm512_add_ps(low, _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b))
    }
    /// Of those, `(0 + 2)` of both and `(1 + 3)` of both, within each quarter.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn quarters(a: __m512, b: __m512) -> __m512 {
        _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b))
    }
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn sum([a, b, c, d, e, f, g, h]: [__m512; 8]) -> __m512 {
        let low = quarters(halves(a, b), halves(c, d));
        let high = quarters(halves(e, f), halves(g, h));
        let even = _mm512_shuffle_ps::<0b01_00_01_00>(low, high);
        let sums = _mm512_add_ps(even, _mm512_shuffle_ps::<0b11_10_11_10>(low, high));
        // Quarters are now the first blocks of vectors 0, 2, 4 and 6, their last blocks, and those of 1, 3, 5 and 7.
        let order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
        _mm512_permutexvar_ps(order, sums)
    }
    // SAFETY: the token proves AVX-512 F.
    unsafe { sum(vectors) }
}
