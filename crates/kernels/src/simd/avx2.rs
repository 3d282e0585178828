//! AVX2 with FMA: 8 lanes in 256-bit registers.

use std::arch::x86_64::*;

use super::{F32x8, F32x16, Simd, SimdBlock, row_of};
use crate::spec::SQRT_HALF_BITS;

/// Proof that the processor has AVX2 and FMA.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The token, where the processor has the instructions.
    pub fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(Self(()))
    }

    /// The token of a tier that includes this one.
    #[inline(always)]
    pub(super) fn within(_: super::Avx512) -> Self {
        Self(())
    }

    /// Runs `f` compiled for this tier.
    #[inline]
    pub(crate) fn enter<R>(self, f: impl FnOnce(Self) -> R) -> R {
        #[target_feature(enable = "avx2,fma")]
        fn entry<R>(tier: Avx2, f: impl FnOnce(Avx2) -> R) -> R {
            f(tier)
        }
        // SAFETY: `self` proves the features of `entry`, the same two that `detect` asks for.
        unsafe { entry(self, f) }
    }
}

// Each operation below is one intrinsic (a few, where the set has no single one) that needs the features
// which the token proves.
impl Simd for Avx2 {
    const LANES: usize = 8;
    type V = __m256;
    type Mask = __m256;
    type Turned = [__m256; 4];
    type Block = Self;

    #[inline(always)]
    fn block(self) -> Self {
        self
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_set1_ps(x) }
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m256 {
        let from: &[f32] = &from[..8];
        // SAFETY: the token proves AVX; the slice holds 8 numbers; no alignment is asked for.
        unsafe { _mm256_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, x: __m256, to: &mut [f32]) {
        let to: &mut [f32] = &mut to[..8];
        // SAFETY: the token proves AVX; the slice has room for 8 numbers; no alignment is asked for.
        unsafe { _mm256_storeu_ps(to.as_mut_ptr(), x) }
    }
    #[inline(always)]
    fn load_some(self, from: &[f32]) -> __m256 {
        const FIRST: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
        let mask: &[i32] = &FIRST[8 - from.len().min(8)..][..8];
        // SAFETY: the token proves AVX; the slice holds 8 integers; no alignment is asked for.
        let mask = unsafe { _mm256_loadu_si256(mask.as_ptr().cast()) };
        // SAFETY: the token proves AVX; the mask is that of the numbers which the slice holds, and what it
        // leaves out is not touched; no alignment is asked for.
        unsafe { _mm256_maskload_ps(from.as_ptr(), mask) }
    }
    #[inline(always)]
    fn turn(self, from: &[f32], stride: usize, rows: usize) -> [__m256; 4] {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn both(a: __m128, b: __m128) -> __m256 {
            _mm256_insertf128_ps::<1>(_mm256_castps128_ps256(a), b)
        }
        #[inline]
        #[target_feature(enable = "avx2")]
        fn quads([a, b, c, d]: [__m256; 4]) -> [__m256; 4] {
            let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
            let (ef, gh) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
            [
                _mm256_shuffle_ps::<0b01_00_01_00>(ab, cd),
                _mm256_shuffle_ps::<0b11_10_11_10>(ab, cd),
                _mm256_shuffle_ps::<0b01_00_01_00>(ef, gh),
                _mm256_shuffle_ps::<0b11_10_11_10>(ef, gh),
            ]
        }
        // Four numbers of a row, and above them four of the row four further on: what is left to do stays
        // within the halves of the registers. Functions and arrays spelt out: closures, and `from_fn`, the
        // compiler may leave calls.
        #[inline(always)]
        fn pair(_tier: Avx2, from: &[f32], stride: usize, rows: usize, i: usize) -> __m256 {
            let first = row_of::<4>(from, stride, rows, i);
            let fifth = row_of::<4>(from, stride, rows, i + 4);
            // SAFETY: `tier` proves SSE; `row_of` that 4 numbers may be read; no alignment is asked for.
            let first = unsafe { _mm_loadu_ps(first) };
            // SAFETY: as above.
            let fifth = unsafe { _mm_loadu_ps(fifth) };
            // SAFETY: `tier` proves AVX2.
            unsafe { both(first, fifth) }
        }
        let rows = [
            pair(self, from, stride, rows, 0),
            pair(self, from, stride, rows, 1),
            pair(self, from, stride, rows, 2),
            pair(self, from, stride, rows, 3),
        ];
        // SAFETY: the token proves AVX2.
        unsafe { quads(rows) }
    }
    #[inline(always)]
    fn add(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_div_ps(a, b) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_sqrt_ps(a) }
    }
    #[inline(always)]
    fn max(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_max_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m256, b: __m256, c: __m256) -> __m256 {
        // SAFETY: the token proves FMA.
        unsafe { _mm256_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn gt(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_cmp_ps::<_CMP_GT_OQ>(a, b) }
    }
    #[inline(always)]
    fn eq(self, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_cmp_ps::<_CMP_EQ_OQ>(a, b) }
    }
    #[inline(always)]
    fn select(self, mask: __m256, a: __m256, b: __m256) -> __m256 {
        // SAFETY: the token proves AVX.
        unsafe { _mm256_blendv_ps(b, a, mask) }
    }
    #[inline(always)]
    fn scale_by_low_bits(self, x: __m256, t: __m256) -> __m256 {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn scale(x: __m256, t: __m256) -> __m256 {
            let n = _mm256_slli_epi32::<23>(_mm256_castps_si256(t));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(x), n))
        }
        // SAFETY: the token proves AVX2.
        unsafe { scale(x, t) }
    }
    #[inline(always)]
    fn split_exponent(self, x: __m256) -> (__m256, __m256) {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn split(x: __m256) -> (__m256, __m256) {
            let bits = _mm256_castps_si256(x);
            let above = _mm256_sub_epi32(bits, _mm256_set1_epi32(SQRT_HALF_BITS as i32));
            let k = _mm256_srai_epi32::<23>(above);
            let y = _mm256_sub_epi32(bits, _mm256_slli_epi32::<23>(k));
            (_mm256_cvtepi32_ps(k), _mm256_castsi256_ps(y))
        }
        // SAFETY: the token proves AVX2.
        unsafe { split(x) }
    }
    #[inline(always)]
    fn block_of(self, x: __m256, _: usize) -> __m256 {
        x
    }
    #[inline(always)]
    fn splat_blocks(self, from: &F32x16, i: usize) -> __m256 {
        self.splat(from.0[i])
    }
    #[inline(always)]
    fn repeat8(self, from: &F32x8) -> __m256 {
        // SAFETY: the token proves AVX; `F32x8` holds 8 numbers aligned to 32 bytes.
        unsafe { _mm256_load_ps(from.0.as_ptr()) }
    }
    #[inline(always)]
    fn repeat_u8(self, from: &[u8; 8]) -> __m256 {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn widen(from: u64) -> __m256 {
            _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_cvtsi64_si128(from as i64)))
        }
        // SAFETY: the token proves AVX2.
        unsafe { widen(u64::from_le_bytes(*from)) }
    }
}

impl SimdBlock for Avx2 {
    #[inline(always)]
    fn sum_lanes(self, x: [__m256; 4]) -> [f32; 4] {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn sum([a, b, c, d]: [__m256; 4]) -> __m128 {
            // [s0+s4, s1+s5, s2+s6, s3+s7] of one vector.
            #[inline]
            #[target_feature(enable = "avx2")]
            fn halves(s: __m256) -> __m128 {
                _mm_add_ps(_mm256_castps256_ps128(s), _mm256_extractf128_ps::<1>(s))
            }
            // [evens of a, evens of b, odds of a, odds of b], each (0 + 2) or (1 + 3).
            #[inline]
            #[target_feature(enable = "avx2")]
            fn quarters(a: __m128, b: __m128) -> __m128 {
                _mm_add_ps(_mm_unpacklo_ps(a, b), _mm_unpackhi_ps(a, b))
            }
            let (ab, cd) = (quarters(halves(a), halves(b)), quarters(halves(c), halves(d)));
            _mm_add_ps(_mm_movelh_ps(ab, cd), _mm_movehl_ps(cd, ab))
        }
        let mut out = [0.0; 4];
        // SAFETY: the token proves AVX2.
        let sums = unsafe { sum(x) };
        // SAFETY: the token proves SSE; the array has room for 4 numbers; no alignment is asked for.
        unsafe { _mm_storeu_ps(out.as_mut_ptr(), sums) }
        out
    }
}
