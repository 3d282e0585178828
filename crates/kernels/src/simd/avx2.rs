//! AVX2 with FMA, and the bit instructions of the same years: 8 lanes in 256-bit registers.

use std::arch::x86_64::*;

use super::{F32x8, F32x16, PRESENT_BITS, Simd, Stream, U32x16, row_of};
use crate::spec::SQRT_HALF_BITS;

/// Proof that the processor has AVX2 and FMA, and POPCNT, BMI1 and BMI2, which came no later.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Avx2(());

impl Avx2 {
    /// The token, where the processor has the instructions.
    pub fn detect() -> Option<Self> {
        let has = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("popcnt")
            && is_x86_feature_detected!("bmi1")
            && is_x86_feature_detected!("bmi2");
        has.then_some(Self(()))
    }

    /// The token of a tier that includes this one.
    #[inline(always)]
    pub(super) fn within(_: super::Avx512) -> Self {
        Self(())
    }

    /// Runs `f` compiled for this tier.
    #[inline]
    pub(crate) fn enter<R>(self, f: impl FnOnce(Self) -> R) -> R {
        #[target_feature(enable = "avx2,fma,popcnt,bmi1,bmi2")]
        fn entry<R>(tier: Avx2, f: impl FnOnce(Avx2) -> R) -> R {
            f(tier)
        }
        // SAFETY: `self` proves the features of `entry`, the same five that `detect` asks for.
        unsafe { entry(self, f) }
    }
}

// Each operation below is one intrinsic (a few, where the set has no single one) that needs the features
// which the token proves.
impl Simd for Avx2 {
    const LANES: usize = 8;
    type V = __m256;
    type Mask = __m256;
    type Transposed = [__m256; 4];
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
    fn stream(self, x: __m256, to: &mut Stream<'_>) {
        let place: &mut [f32] = to.next(8);
        assert!(place.as_ptr().cast::<__m256>().is_aligned(), "streams of whole vectors");
        // SAFETY: the token proves AVX; there is room for 8 numbers, aligned as asserted; the stream gives the
        // place once and lets nobody else at it before its fence.
        unsafe { _mm256_stream_ps(place.as_mut_ptr(), x) }
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
    fn transpose(self, from: &[f32], stride: usize, rows: usize) -> [__m256; 4] {
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
    fn abs(self, a: __m256) -> __m256 {
        let sign = self.splat(-0.0);
        // SAFETY: the token proves AVX.
        unsafe { _mm256_andnot_ps(sign, a) }
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
    #[inline(always)]
    fn spread8(self, from: &[F32x8], _: u32) -> __m256 {
        self.repeat8(&from[0])
    }
    #[inline(always)]
    fn spread_u8(self, from: &[[u8; 8]], _: u32) -> __m256 {
        self.repeat_u8(&from[0])
    }
    #[inline(always)]
    fn lanes_of(self, _: u32) -> __m256 {
        self.eq(self.splat(0.0), self.splat(0.0))
    }
    #[inline(always)]
    fn zip_blocks(self, a: __m256, b: __m256) -> [__m256; 2] {
        [a, b]
    }
    #[inline(always)]
    fn sum_lanes(self, vectors: [__m256; 8]) -> __m256 {
        /// Lanes `i` and `i + 4` of two vectors, those of the second in the upper half.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn halves(a: __m256, b: __m256) -> __m256 {
            let low = _mm256_permute2f128_ps::<0x20>(a, b);
            _mm256_add_ps(low, _mm256_permute2f128_ps::<0x31>(a, b))
        }
        /// Of those, `(0 + 2)` of both and `(1 + 3)` of both, within each half.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn quarters(a: __m256, b: __m256) -> __m256 {
            _mm256_add_ps(_mm256_unpacklo_ps(a, b), _mm256_unpackhi_ps(a, b))
        }
        #[inline]
        #[target_feature(enable = "avx2")]
        fn sum([a, b, c, d, e, f, g, h]: [__m256; 8]) -> __m256 {
            let low = quarters(halves(a, b), halves(c, d));
            let high = quarters(halves(e, f), halves(g, h));
            let even = _mm256_shuffle_ps::<0b01_00_01_00>(low, high);
            let sums = _mm256_add_ps(even, _mm256_shuffle_ps::<0b11_10_11_10>(low, high));
            // Vectors 0, 2, 4 and 6 stand in the lower half, the others in the upper.
            _mm256_permutevar8x32_ps(sums, _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0))
        }
        // SAFETY: the token proves AVX2.
        unsafe { sum(vectors) }
    }
    #[inline(always)]
    fn add_in_turn<'a>(self, sums: &mut [f64; 8], rows: impl Iterator<Item = &'a F32x16>) {
        #[inline]
        #[target_feature(enable = "avx2")]
        fn add(sums: &mut [f64; 4], four: &[f32; 4]) {
            // SAFETY: SSE is part of x86-64; there are 4 numbers; no alignment is asked for.
            let four = unsafe { _mm_loadu_ps(four.as_ptr()) };
            // SAFETY: this function has AVX; as above.
            let sum = unsafe { _mm256_loadu_pd(sums.as_ptr()) };
            let sum = _mm256_add_pd(sum, _mm256_cvtps_pd(four));
            // SAFETY: as above.
            unsafe { _mm256_storeu_pd(sums.as_mut_ptr(), sum) }
        }
        let halves: &mut [[f64; 4]] = sums.as_chunks_mut().0;
        for row in rows {
            for (i, four) in row.0.as_chunks().0.iter().enumerate() {
                // SAFETY: the token proves AVX2.
                unsafe { add(&mut halves[i % 2], four) }
            }
        }
    }
    #[inline(always)]
    fn list_having(self, words: &U32x16, bit: u32, next: &mut U32x16, list: &mut [u32]) -> usize {
        /// The mask of those having, and the records after it.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn having(words: __m256i, bit: u32, records: __m256i) -> (u8, __m256i) {
            let top = _mm256_sll_epi32(words, _mm_cvtsi32_si128(31 - bit as i32));
            let has = _mm256_srli_epi32::<31>(top);
            let step = _mm256_slli_epi32::<{ PRESENT_BITS as i32 }>(has);
            let next = _mm256_add_epi32(records, step);
            (_mm256_movemask_ps(_mm256_castsi256_ps(top)) as u8, next)
        }
        /// The lanes `set` of the records, with their bit.
        #[inline]
        #[target_feature(enable = "avx2")]
        fn lanes(set: u64, records: __m256i) -> __m256i {
            let set = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(set as i64));
            _mm256_or_si256(_mm256_permutevar8x32_epi32(records, set), _mm256_set1_epi32(1))
        }
        let list: &mut [u32] = &mut list[..16];
        let (words, _) = words.0.as_chunks::<8>();
        let (next, _) = next.0.as_chunks_mut::<8>();
        let mut count = 0;
        for (words, next) in words.iter().zip(next) {
            // SAFETY: the token proves AVX; there are 8 numbers; no alignment is asked for.
            let words = unsafe { _mm256_loadu_si256(words.as_ptr().cast()) };
            // SAFETY: as above.
            let before = unsafe { _mm256_loadu_si256(next.as_ptr().cast()) };
            // SAFETY: the token proves AVX2.
            let (having, after) = unsafe { having(words, bit, before) };
            let set = u64::from_le_bytes(SET[usize::from(having)]);
            let list: &mut [u32] = &mut list[count..count + 8];
            // SAFETY: the token proves AVX2.
            let listed = unsafe { lanes(set, before) };
            // SAFETY: the token proves AVX; the slice has room for 8; no alignment is asked for.
            unsafe { _mm256_storeu_si256(list.as_mut_ptr().cast(), listed) }
            // SAFETY: the token proves AVX; there are 8 numbers; no alignment is asked for.
            unsafe { _mm256_storeu_si256(next.as_mut_ptr().cast(), after) }
            count += having.count_ones() as usize;
        }
        count
    }
}

/// For each mask of 8 lanes the numbers of those that are set, in their order; then zeros.
const SET: [[u8; 8]; 256] = {
    let mut set = [[0; 8]; 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut lane, mut count) = (0, 0);
        while lane < 8 {
            if mask >> lane & 1 == 1 {
                set[mask][count] = lane;
                count += 1;
            }
            lane += 1;
        }
        mask += 1;
    }
    set
};
