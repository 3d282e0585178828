//! GEMM is one chain of fused multiply-adds per element, bit for bit, on every tier, for sizes around
//! every tile and block, at any number of threads; and it is within its bound of the product.

mod common;

use common::{Random, chains, check_bits, check_bound, tiers};
use kernels::{Isa, MatMut, MatRef, gemm, reference};
use proptest::prelude::*;

/// The product by one tier, over NaN.
fn product(isa: Isa, a: MatRef<'_>, b: MatRef<'_>) -> Vec<f32> {
    let mut c = vec![f32::NAN; a.rows() * b.cols()];
    gemm(isa, a, b, MatMut::new(&mut c, a.rows(), b.cols()));
    c
}

/// Checks every tier against the definition, and that against f64.
#[track_caller]
fn check((m, k, n): (usize, usize, usize), random: &mut Random) {
    let (a, b) = (random.many(m * k), random.many(k * n));
    let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
    let expected = chains(a, b);
    for isa in tiers() {
        check_bits(&product(isa, a, b), &expected, &format!("{m} x {k} x {n}, {isa:?}"));
    }
    let exact = reference::gemm(a, b);
    check_bound(&expected, &exact.values, |i| exact.bound(i), &format!("{m} x {k} x {n}"));
}

#[test]
fn sizes_around_the_tiles() {
    let mut random = Random::new(50);
    let tiles = [0, 1, 2, 5, 6, 7, 8, 9, 11, 12, 13, 15, 16, 17, 31, 32, 33, 47, 48, 49, 64, 65];
    for (m, n) in tiles.into_iter().flat_map(|m| tiles.map(|n| (m, n))) {
        for k in [0, 1, 2, 7] {
            check((m, k, n), &mut random);
        }
    }
}

#[test]
fn sizes_around_the_blocks_of_k() {
    let mut random = Random::new(51);
    let sizes = [1, 5, 8, 12, 13, 16, 17, 33, 50, 96];
    for (m, n) in sizes.into_iter().flat_map(|m| sizes.map(|n| (m, n))) {
        for k in [513, 784, 1023, 1024, 1025, 2049] {
            check((m, k, n), &mut random);
        }
    }
}

#[test]
fn sizes_around_the_blocks_of_rows_and_columns() {
    let mut random = Random::new(52);
    for m in [119, 120, 121, 239, 240, 241] {
        for (k, n) in [(1, 1), (3, 33), (65, 10)] {
            check((m, k, n), &mut random);
        }
    }
    for n in [2047, 2048, 2049, 4097] {
        for (m, k) in [(1, 1), (13, 3), (2, 65)] {
            check((m, k, n), &mut random);
        }
    }
    // A C that is asked for ahead, and ends with its last element.
    check((301, 3, 1000), &mut random);
}

#[test]
fn few_columns() {
    let mut random = Random::new(57);
    let rows = [1, 2, 15, 16, 17, 31, 32, 33, 64, 511, 512, 513, 1025];
    for (m, n) in rows.into_iter().flat_map(|m| (1..=17).map(move |n| (m, n))) {
        for k in [1, 2, 63, 64, 65, 129] {
            let (a, b) = (random.many(m * k), random.many(k * n));
            let b = MatRef::new(&b, k, n);
            for a in [MatRef::new(&a, m, k), MatRef::new(&a, k, m).transposed()] {
                let expected = chains(a, b);
                for isa in tiers() {
                    let name = format!("{m} x {k} x {n} by {:?}, {isa:?}", a.strides());
                    check_bits(&product(isa, a, b), &expected, &name);
                }
            }
        }
    }
}

#[test]
fn sizes_of_training() {
    let mut random = Random::new(53);
    for (m, k, n) in [(100, 784, 10), (784, 100, 10), (100, 784, 26), (784, 100, 26), (1, 784, 10)]
    {
        check((m, k, n), &mut random);
    }
}

#[test]
fn any_number_of_threads() {
    let mut random = Random::new(54);
    for (m, k, n) in
        [(200, 185, 401), (4000, 60, 40), (24, 1040, 800), (130, 1100, 530), (1, 3001, 3000)]
    {
        let (a, b) = (random.many(m * k), random.many(k * n));
        let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
        let expected = chains(a, b);
        for (isa, threads) in tiers().into_iter().flat_map(|isa| [1, 2, 3, 8].map(|n| (isa, n))) {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let name = format!("{m} x {k} x {n}, {isa:?}, {threads} threads");
            check_bits(&pool.install(|| product(isa, a, b)), &expected, &name);
            // The same product into a transposed matrix.
            let mut c = vec![f32::NAN; m * n];
            pool.install(|| gemm(isa, a, b, MatMut::new(&mut c, n, m).transposed()));
            let c: Vec<f32> = (0..m * n).map(|i| c[i % n * m + i / n]).collect();
            check_bits(&c, &expected, &format!("{name}, transposed"));
        }
    }
}

#[test]
fn numbers_that_are_not_normal() {
    let values = [0.0, -0.0, 1e-45, -1e-40, 1e-30, -1e-20, 1e20, -3e38, 1.0];
    let bad = [&values[..], &[f32::INFINITY, f32::NEG_INFINITY, f32::NAN]].concat();
    let mut random = Random::new(55);
    for pool in [&values[..], &bad] {
        for (m, k, n) in [(1, 1, 1), (7, 5, 17), (13, 40, 33), (12, 185, 32)] {
            let mut many = |n| -> Vec<f32> {
                (0..n).map(|_| pool[random.below(pool.len() as u32) as usize]).collect()
            };
            let (a, b) = (many(m * k), many(k * n));
            let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
            for isa in tiers() {
                check_bits(&product(isa, a, b), &chains(a, b), &format!("{isa:?}"));
            }
        }
    }
}

#[test]
fn an_identity_changes_no_bit() {
    let mut random = Random::new(56);
    for (m, n) in [(1, 1), (6, 16), (12, 32), (13, 33), (100, 10), (37, 200)] {
        let a = random.many(m * n);
        let eye =
            |n: usize| (0..n * n).map(|i| f32::from(u8::from(i / n == i % n))).collect::<Vec<_>>();
        let view = MatRef::new(&a, m, n);
        for isa in tiers() {
            let right = product(isa, view, MatRef::new(&eye(n), n, n));
            check_bits(&right, &a, &format!("A I, {isa:?}"));
            let left = product(isa, MatRef::new(&eye(m), m, m), view);
            check_bits(&left, &a, &format!("I A, {isa:?}"));
        }
    }
}

#[test]
#[should_panic(expected = "inner sizes differ")]
fn inner_sizes_must_agree() {
    let (a, b) = ([0.0; 6], [0.0; 6]);
    product(Isa::detect(), MatRef::new(&a, 2, 3), MatRef::new(&b, 2, 3));
}

#[test]
#[should_panic(expected = "into another shape")]
fn the_product_must_have_its_shape() {
    let (a, mut c) = ([0.0; 4], [0.0; 6]);
    let view = MatRef::new(&a, 2, 2);
    gemm(Isa::detect(), view, view, MatMut::new(&mut c, 2, 3));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_transposed_product_is_the_product_of_transposes(
        m in 1usize..50, k in 0usize..220, n in 1usize..50, seed: u64,
    ) {
        let mut random = Random::new(seed);
        let (a, b) = (random.many(m * k), random.many(k * n));
        let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
        for isa in tiers() {
            let straight = product(isa, a, b);
            let turned = product(isa, b.transposed(), a.transposed());
            let turned: Vec<f32> = (0..m * n).map(|i| turned[i % n * m + i / n]).collect();
            check_bits(&turned, &straight, &format!("{m} x {k} x {n}, {isa:?}"));
        }
    }
}
