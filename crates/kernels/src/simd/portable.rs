//! The tier without SIMD instructions: arrays of 8, for any processor.

use super::{F32x8, F32x16, PRESENT_BITS, Simd, Stream, U32x16};
use crate::spec::{SQRT_HALF_BITS, sum8};

/// The token of the tier; it proves nothing, because nothing is needed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Portable;

type V = [f32; 8];

#[inline(always)]
fn zip(a: V, b: V, f: impl Fn(f32, f32) -> f32) -> V {
    std::array::from_fn(|i| f(a[i], b[i]))
}

impl Simd for Portable {
    const LANES: usize = 8;
    type V = V;
    type Mask = [bool; 8];
    type Transposed = [V; 4];
    type Block = Self;

    #[inline(always)]
    fn block(self) -> Self {
        self
    }
    #[inline(always)]
    fn splat(self, x: f32) -> V {
        [x; 8]
    }
    #[inline(always)]
    fn load(self, from: &[f32]) -> V {
        std::array::from_fn(|i| from[i])
    }
    #[inline(always)]
    fn store(self, x: V, to: &mut [f32]) {
        to[..8].copy_from_slice(&x);
    }
    #[inline(always)]
    fn stream(self, x: V, to: &mut Stream<'_>) {
        self.store(x, to.next(8));
    }
    #[inline(always)]
    fn load_some(self, from: &[f32]) -> V {
        std::array::from_fn(|i| from.get(i).copied().unwrap_or(0.0))
    }
    #[inline(always)]
    fn transpose(self, from: &[f32], stride: usize, rows: usize) -> [V; 4] {
        let row = |i: usize| &from[i.min(rows - 1) * stride..][..4];
        std::array::from_fn(|p| std::array::from_fn(|i| row(i)[p]))
    }
    #[inline(always)]
    fn add(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a + b)
    }
    #[inline(always)]
    fn sub(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a - b)
    }
    #[inline(always)]
    fn mul(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a * b)
    }
    #[inline(always)]
    fn div(self, a: V, b: V) -> V {
        zip(a, b, |a, b| a / b)
    }
    #[inline(always)]
    fn abs(self, a: V) -> V {
        a.map(f32::abs)
    }
    #[inline(always)]
    fn sqrt(self, a: V) -> V {
        a.map(f32::sqrt)
    }
    #[inline(always)]
    fn max(self, a: V, b: V) -> V {
        zip(a, b, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn fma(self, a: V, b: V, c: V) -> V {
        std::array::from_fn(|i| a[i].mul_add(b[i], c[i]))
    }
    #[inline(always)]
    fn gt(self, a: V, b: V) -> [bool; 8] {
        std::array::from_fn(|i| a[i] > b[i])
    }
    #[inline(always)]
    fn eq(self, a: V, b: V) -> [bool; 8] {
        std::array::from_fn(|i| a[i] == b[i])
    }
    #[inline(always)]
    fn select(self, mask: [bool; 8], a: V, b: V) -> V {
        std::array::from_fn(|i| if mask[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn scale_by_low_bits(self, x: V, t: V) -> V {
        zip(x, t, |x, t| f32::from_bits(x.to_bits().wrapping_add(t.to_bits() << 23)))
    }
    #[inline(always)]
    fn split_exponent(self, x: V) -> (V, V) {
        let k = x.map(|x| (x.to_bits().wrapping_sub(SQRT_HALF_BITS) as i32) >> 23);
        let y = |i: usize| f32::from_bits(x[i].to_bits().wrapping_sub((k[i] as u32) << 23));
        (k.map(|k| k as f32), std::array::from_fn(y))
    }
    #[inline(always)]
    fn repeat8(self, from: &F32x8) -> V {
        from.0
    }
    #[inline(always)]
    fn repeat_u8(self, from: &[u8; 8]) -> V {
        from.map(f32::from)
    }
    #[inline(always)]
    fn spread8(self, from: &[F32x8], _: u32) -> V {
        from[0].0
    }
    #[inline(always)]
    fn spread_u8(self, from: &[[u8; 8]], _: u32) -> V {
        self.repeat_u8(&from[0])
    }
    #[inline(always)]
    fn lanes_of(self, _: u32) -> [bool; 8] {
        [true; 8]
    }
    #[inline(always)]
    fn zip_blocks(self, a: V, b: V) -> [V; 2] {
        [a, b]
    }
    #[inline(always)]
    fn sum_lanes(self, vectors: [V; 8]) -> V {
        vectors.map(sum8)
    }
    #[inline(always)]
    fn add_in_turn<'a>(self, sums: &mut [f64; 8], rows: impl Iterator<Item = &'a F32x16>) {
        for eight in rows.flat_map(|row| row.0.as_chunks::<8>().0) {
            *sums = std::array::from_fn(|i| sums[i] + f64::from(eight[i]));
        }
    }
    #[inline(always)]
    fn list_having(self, words: &U32x16, bit: u32, next: &mut U32x16, list: &mut [u32]) -> usize {
        let mut count = 0;
        for (word, record) in words.0.iter().zip(&mut next.0) {
            let has = word >> bit & 1;
            list[count] = *record | has;
            // What comes after an image's last block may be too large, and is never listed.
            *record = record.wrapping_add(has << PRESENT_BITS);
            count += has as usize;
        }
        count
    }
}
