//! What the kernels are measured by: three plain loops, and the most that the processor multiplies and adds.

use crate::isa::{Isa, dispatch};
use crate::simd::Simd;
use crate::spec::{self, Rule};

/// Independent chains of multiply-adds: more than latency times throughput of any tier, and few enough for
/// 16 registers with the two factors.
const CHAINS: usize = 12;

/// Computes `c = a b` as a beginner writes it: for every row and column, a sum over k. A multiplication and
/// an addition each, in f32.
///
/// Shapes: `a` [m x k], `b` [k x n], `c` [m x n], row-major.
///
/// Panics if they do not fit.
#[inline(never)]
pub fn naive_product(a: &[f32], b: &[f32], c: &mut [f32], [m, k, n]: [usize; 3]) {
    assert_eq!((a.len(), b.len(), c.len()), (m * k, k * n, m * n), "a product of {m}, {k}, {n}");
    for i in 0..m {
        for j in 0..n {
            let mut sum = 0.0;
            for l in 0..k {
                sum += a[i * k + l] * b[l * n + j];
            }
            c[i * n + j] = sum;
        }
    }
}

/// What computes `c = a b`, given a, b, c and m, k, n.
pub type Product<'a> = dyn FnMut(&[f32], &[f32], &mut [f32], [usize; 3]) + 'a;

/// A dense training step around somebody's product of matrices: sums, softmax, gradient, update.
///
/// Biases are left out: they are a thousandth of the work.
#[derive(Clone, Debug)]
pub struct DenseStep {
    /// `W` [features x classes], row-major.
    pub weights: Vec<f32>,
    moments: [Vec<f32>; 2],
    sums: Vec<f32>,
    errors: Vec<f32>,
    gradient: Vec<f32>,
}

impl DenseStep {
    /// A step on `weights` [features x classes].
    pub fn new(weights: Vec<f32>) -> Self {
        let moments = [vec![0.0; weights.len()], vec![0.0; weights.len()]];
        let gradient = vec![0.0; weights.len()];
        Self { weights, moments, sums: Vec::new(), errors: Vec::new(), gradient }
    }

    /// Takes a step. `x` [images x features] are the images and `transposed` the same [features x images];
    /// `product(a, b, c, [m, k, n])` computes `c = a b` of row-major matrices.
    ///
    /// Panics if the shapes do not fit or there are no `labels`.
    pub fn take(
        &mut self,
        (x, transposed): (&[f32], &[f32]),
        labels: &[u32],
        rule: Rule,
        product: &mut Product<'_>,
    ) {
        let images = labels.len();
        let features = x.len() / images;
        let classes = self.weights.len() / features;
        self.sums.resize(images * classes, 0.0);
        self.errors.resize(images * classes, 0.0);
        product(x, &self.weights, &mut self.sums, [images, features, classes]);
        let rows = self.sums.chunks_exact(classes).zip(self.errors.chunks_exact_mut(classes));
        for ((z, d), &label) in rows.zip(labels) {
            for (c, p) in spec::softmax(z, label).p.into_iter().enumerate() {
                let target = if c == label as usize { 1.0 } else { 0.0 };
                d[c] = (p - target) / images as f32;
            }
        }
        product(transposed, &self.errors, &mut self.gradient, [features, images, classes]);
        let [m, v] = &mut self.moments;
        for (i, &g) in self.gradient.iter().enumerate() {
            spec::update(rule, g, &mut self.weights[i], &mut m[i], &mut v[i]);
        }
    }
}

/// Runs fused multiply-adds that nothing holds up, `rounds` of them in each of a dozen registers; returns how
/// many floating-point operations that is, two for each number, and a sum that depends on all of them.
pub fn multiply_adds(isa: Isa, rounds: usize) -> (u64, f32) {
    dispatch!(isa, |s| chains(s, rounds))
}

#[inline(always)]
fn chains<S: Simd>(s: S, rounds: usize) -> (u64, f32) {
    // Towards 1 from both sides: neither overflow nor subnormal numbers, which may be slow.
    let (factor, addend) = (s.splat(0.5), s.splat(0.5));
    let mut sums: [S::V; CHAINS] = std::array::from_fn(|i| s.splat(i as f32));
    for _ in 0..rounds {
        for sum in &mut sums {
            *sum = s.fma(*sum, factor, addend);
        }
    }
    let mut all = sums[0];
    for &sum in &sums[1..] {
        all = s.add(all, sum);
    }
    let mut lanes = [0.0; 16];
    s.store(all, &mut lanes);
    (2 * (rounds * CHAINS * S::LANES) as u64, lanes.iter().sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Update;
    use crate::{MatMut, MatRef, gemm};

    const ADAM: Rule = Rule::Adam { c1: 0.1, c2: 0.001, a: 0.0003, eps: 1e-8 };

    #[test]
    fn the_plain_loops_compute_the_product() {
        let (m, k, n) = (5, 7, 3);
        let numbers = |count: usize| (0..count).map(|i| (i * 7 % 11) as f32 - 5.0).collect();
        let (a, b): (Vec<f32>, Vec<f32>) = (numbers(m * k), numbers(k * n));
        let (mut naive, mut fast) = (vec![f32::NAN; m * n], vec![f32::NAN; m * n]);
        naive_product(&a, &b, &mut naive, [m, k, n]);
        let c = MatMut::new(&mut fast, m, n);
        gemm(Isa::detect(), MatRef::new(&a, m, k), MatRef::new(&b, k, n), c);
        // Small whole numbers: no rounding, whatever the order.
        assert_eq!(naive, fast);
    }

    #[test]
    fn the_plain_step_is_the_definitions() {
        let (features, classes) = (6, 3);
        let x: Vec<f32> = (0..4 * features).map(|i| (i * 5 % 7) as f32 / 7.0).collect();
        let transposed: Vec<f32> = (0..4 * features).map(|i| x[i % 4 * features + i / 4]).collect();
        let weights: Vec<f32> = (0..features * classes).map(|i| (i as f32).sin() / 9.0).collect();
        let labels = [0, 2, 1, 2];
        let mut step = DenseStep::new(weights.clone());
        step.take((&x, &transposed), &labels, ADAM, &mut naive_product);
        let zero = |len| vec![0.0; len];
        let model = |weights| spec::Model { weights, bias: zero(classes), image: None };
        let (mut expected, mut m, mut v) =
            (model(weights), model(zero(features * classes)), model(zero(features * classes)));
        let batch = spec::Batch { features: &x, scale: 1.0, labels: &labels };
        spec::step((&mut expected, &mut m, &mut v), Update { rule: ADAM, l2: 0.0 }, &batch)
            .unwrap();
        for (found, expected) in step.weights.iter().zip(&expected.weights) {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
    }

    #[test]
    fn multiply_adds_are_counted_and_made() {
        for isa in Isa::all() {
            let (operations, sum) = multiply_adds(isa, 100);
            let lanes = operations / (2 * 100 * CHAINS as u64);
            assert!(lanes == 8 || lanes == 16, "{isa:?}: {lanes}");
            // Every chain has come to 1.
            assert_eq!(sum, (lanes as usize * CHAINS) as f32, "{isa:?}");
        }
    }
}
