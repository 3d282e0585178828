//! AVX-512 (F, VL, DQ, BW): 16 lanes in 512-bit registers, blocks of 8 in 32 registers of 256 bits.

mod rows;

use std::arch::x86_64::*;

use super::{Avx2, F32x8, F32x16, PRESENT_BITS, Simd, Stream, U32x16};
use crate::spec::SQRT_HALF_BITS;

/// Proof that the processor has AVX-512 F, VL, DQ and BW, and what the AVX2 tier needs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Avx512(());

impl Avx512 {
    /// The token, where the processor has the instructions.
    pub fn detect() -> Option<Self> {
        Avx2::detect()?;
        let has = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512bw");
        has.then_some(Self(()))
    }

    /// Runs `f` compiled for this tier.
    #[inline]
    pub(crate) fn enter<R>(self, f: impl FnOnce(Self) -> R) -> R {
        #[target_feature(enable = "avx2,fma,popcnt,bmi1,bmi2,avx512f,avx512vl,avx512dq,avx512bw")]
        fn entry<R>(tier: Avx512, f: impl FnOnce(Avx512) -> R) -> R {
            f(tier)
        }
        // SAFETY: `self` proves the features of `entry`, the same nine that `detect` asks for.
        unsafe { entry(self, f) }
    }
}

impl Simd for Avx512 {
    const LANES: usize = 16;
    type V = __m512;
    type Mask = __mmask16;
    type Transposed = [__m512; 8];
    /// Within this tier's entry the compiler has 32 registers for the 8-lane operations too.
    type Block = Avx2;

    #[inline(always)]
    fn block(self) -> Avx2 {
        Avx2::within(self)
    }
    #[inline(always)]
    fn splat(self, x: f32) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_set1_ps(x) }
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> __m512 {
        let from: &[f32] = &from[..16];
        // SAFETY: the token proves AVX-512 F; the slice holds 16 numbers; no alignment is asked for.
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, x: __m512, to: &mut [f32]) {
        let to: &mut [f32] = &mut to[..16];
        // SAFETY: the token proves AVX-512 F; the slice has room for 16 numbers; no alignment is asked for.
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), x) }
    }
    #[inline(always)]
    fn stream(self, x: __m512, to: &mut Stream<'_>) {
        let place: &mut [f32] = to.next(16);
        assert!(place.as_ptr().cast::<__m512>().is_aligned(), "streams of whole vectors");
        // SAFETY: the token proves AVX-512 F; there is room for 16 numbers, aligned as asserted; the stream gives the
        // place once and lets nobody else at it before its fence.
        unsafe { _mm512_stream_ps(place.as_mut_ptr(), x) }
    }
    #[inline(always)]
    fn load_some(self, from: &[f32]) -> __m512 {
        let mask = ((1u32 << from.len().min(16)) - 1) as __mmask16;
        // SAFETY: the token proves AVX-512 F; the mask is that of the numbers which the slice holds, and
        // what it leaves out is not touched; no alignment is asked for.
        unsafe { _mm512_maskz_loadu_ps(mask, from.as_ptr()) }
    }
    #[inline(always)]
    fn transpose(self, from: &[f32], stride: usize, rows: usize) -> [__m512; 8] {
        rows::transpose(self, from, stride, rows)
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn sub(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_sub_ps(a, b) }
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_mul_ps(a, b) }
    }
    #[inline(always)]
    fn div(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_div_ps(a, b) }
    }
    #[inline(always)]
    fn abs(self, a: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_abs_ps(a) }
    }
    #[inline(always)]
    fn sqrt(self, a: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_sqrt_ps(a) }
    }
    #[inline(always)]
    fn max(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_max_ps(a, b) }
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_fmadd_ps(a, b, c) }
    }
    #[inline(always)]
    fn gt(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b) }
    }
    #[inline(always)]
    fn eq(self, a: __m512, b: __m512) -> __mmask16 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_cmp_ps_mask::<_CMP_EQ_OQ>(a, b) }
    }
    #[inline(always)]
    fn select(self, mask: __mmask16, a: __m512, b: __m512) -> __m512 {
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_mask_blend_ps(mask, b, a) }
    }
    #[inline(always)]
    fn scale_by_low_bits(self, x: __m512, t: __m512) -> __m512 {
        #[inline]
        #[target_feature(enable = "avx512f")]
        fn scale(x: __m512, t: __m512) -> __m512 {
            let n = _mm512_slli_epi32::<23>(_mm512_castps_si512(t));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(x), n))
        }
        // SAFETY: the token proves AVX-512 F.
        unsafe { scale(x, t) }
    }
    #[inline(always)]
    fn split_exponent(self, x: __m512) -> (__m512, __m512) {
        #[inline]
        #[target_feature(enable = "avx512f")]
        fn split(x: __m512) -> (__m512, __m512) {
            let bits = _mm512_castps_si512(x);
            let above = _mm512_sub_epi32(bits, _mm512_set1_epi32(SQRT_HALF_BITS as i32));
            let k = _mm512_srai_epi32::<23>(above);
            let y = _mm512_sub_epi32(bits, _mm512_slli_epi32::<23>(k));
            (_mm512_cvtepi32_ps(k), _mm512_castsi512_ps(y))
        }
        // SAFETY: the token proves AVX-512 F.
        unsafe { split(x) }
    }
    #[inline(always)]
    fn repeat8(self, from: &F32x8) -> __m512 {
        #[inline]
        #[target_feature(enable = "avx512f,avx512dq")]
        fn repeat(x: __m256) -> __m512 {
            _mm512_broadcast_f32x8(x)
        }
        let eight = self.block().repeat8(from);
        // SAFETY: the token proves AVX-512 F and DQ.
        unsafe { repeat(eight) }
    }
    #[inline(always)]
    fn repeat_u8(self, from: &[u8; 8]) -> __m512 {
        #[inline]
        #[target_feature(enable = "avx512f")]
        fn widen(from: u64) -> __m512 {
            _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_set1_epi64x(from as i64)))
        }
        // SAFETY: the token proves AVX-512 F.
        unsafe { widen(u64::from_le_bytes(*from)) }
    }
    #[inline(always)]
    fn spread8(self, from: &[F32x8], present: u32) -> __m512 {
        let from: &[F32x8] = &from[..2];
        // SAFETY: the token proves AVX-512 F; two `F32x8` are 16 numbers side by side; no alignment is asked for.
        let sixteen = unsafe { _mm512_loadu_ps(from.as_ptr().cast()) };
        // SAFETY: the token proves AVX-512 F.
        unsafe { _mm512_maskz_expand_ps(self.lanes_of(present), sixteen) }
    }
    #[inline(always)]
    fn spread_u8(self, from: &[[u8; 8]], present: u32) -> __m512 {
        #[inline]
        #[target_feature(enable = "avx512f")]
        fn spread(from: __m128i, order: __m128i) -> __m512 {
            _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_shuffle_epi8(from, order)))
        }
        let (from, order): (&[[u8; 8]], _) = (&from[..2], &SPREAD[present as usize % 4]);
        // SAFETY: SSE2 is part of x86-64; there are 16 bytes; no alignment is asked for.
        let sixteen = unsafe { _mm_loadu_si128(from.as_ptr().cast()) };
        // SAFETY: as above.
        let order = unsafe { _mm_loadu_si128(order.as_ptr().cast()) };
        // SAFETY: the token proves AVX-512 F.
        unsafe { spread(sixteen, order) }
    }
    #[inline(always)]
    fn lanes_of(self, present: u32) -> __mmask16 {
        [0, 0x00ff, 0xff00, 0xffff][present as usize % 4]
    }
    #[inline(always)]
    fn zip_blocks(self, a: __m512, b: __m512) -> [__m512; 2] {
        // SAFETY: the token proves AVX-512 F.
        let first = unsafe { _mm512_shuffle_f32x4::<0b01_00_01_00>(a, b) };
        // SAFETY: as above.
        [first, unsafe { _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b) }]
    }
    #[inline(always)]
    fn sum_lanes(self, vectors: [__m512; 8]) -> __m512 {
        rows::sum_lanes(self, vectors)
    }
    #[inline(always)]
    fn add_in_turn<'a>(self, sums: &mut [f64; 8], rows: impl Iterator<Item = &'a F32x16>) {
        #[inline]
        #[target_feature(enable = "avx512f")]
        fn add(sums: &mut [f64; 8], eight: &[f32; 8]) {
            // SAFETY: this function has AVX; there are 8 numbers; no alignment is asked for.
            let eight = unsafe { _mm256_loadu_ps(eight.as_ptr()) };
            // SAFETY: as above, with AVX-512 F.
            let sum = unsafe { _mm512_loadu_pd(sums.as_ptr()) };
            let sum = _mm512_add_pd(sum, _mm512_cvtps_pd(eight));
            // SAFETY: as above.
            unsafe { _mm512_storeu_pd(sums.as_mut_ptr(), sum) }
        }
        for row in rows {
            for eight in row.0.as_chunks().0 {
                // SAFETY: the token proves AVX-512 F.
                unsafe { add(sums, eight) }
            }
        }
    }
    #[inline(always)]
    fn list_having(self, words: &U32x16, bit: u32, next: &mut U32x16, list: &mut [u32]) -> usize {
        /// How many there are, the list, and the records after it.
        #[inline]
        #[target_feature(enable = "avx512f,popcnt")]
        fn having(words: __m512i, bit: u32, records: __m512i) -> (i32, [__m512i; 2]) {
            let bits = _mm512_srl_epi32(words, _mm_cvtsi32_si128(bit as i32));
            let bits = _mm512_and_si512(bits, _mm512_set1_epi32((1 << PRESENT_BITS) - 1));
            let having = _mm512_test_epi32_mask(bits, bits);
            // How many bits two bits are.
            let count = _mm512_sub_epi32(bits, _mm512_srli_epi32::<1>(bits));
            let step = _mm512_slli_epi32::<PRESENT_BITS>(count);
            let next = _mm512_add_epi32(records, step);
            let listed = _mm512_maskz_compress_epi32(having, _mm512_or_si512(records, bits));
            (_popcnt32(having.into()), [listed, next])
        }
        let list: &mut [u32] = &mut list[..16];
        // SAFETY: the token proves AVX-512 F; there are 16 numbers, aligned to 64 bytes.
        let words = unsafe { _mm512_load_si512(words.0.as_ptr().cast()) };
        // SAFETY: as above.
        let before = unsafe { _mm512_load_si512(next.0.as_ptr().cast()) };
        // SAFETY: the token proves AVX-512 F and POPCNT.
        let (count, [listed, after]) = unsafe { having(words, bit, before) };
        // SAFETY: the token proves AVX-512 F; the slice has room for 16; no alignment is asked for.
        unsafe { _mm512_storeu_si512(list.as_mut_ptr().cast(), listed) }
        // SAFETY: the token proves AVX-512 F; there are 16 numbers, aligned to 64 bytes.
        unsafe { _mm512_store_si512(next.0.as_mut_ptr().cast(), after) }
        count as usize
    }
}

/// For each pair of bits the bytes of the blocks that have one, in their places; what has the top bit gives zero.
const SPREAD: [[u8; 16]; 4] = {
    let mut order = [[0x80; 16]; 4];
    let mut byte = 0;
    while byte < 8 {
        order[1][byte] = byte as u8;
        order[2][8 + byte] = byte as u8;
        order[3][byte] = byte as u8;
        order[3][8 + byte] = 8 + byte as u8;
        byte += 1;
    }
    order
};
