//! GEMM reads and writes matrices of any strides, and writes nothing between their elements.

mod common;

use common::{Random, chains, check_bits, tiers};
use kernels::{Isa, MatMut, MatRef, gemm};

/// Strides of a matrix [rows x cols] to write: side by side by rows or columns, with gaps, both apart.
fn distinct(rows: usize, cols: usize) -> [(usize, usize); 7] {
    [
        (cols, 1),
        (1, rows),
        (cols + 3, 1),
        (1, rows + 5),
        (2 * cols + 1, 2),
        (3, 3 * rows + 2),
        (cols * 7, 7),
    ]
}

/// Strides of a matrix to read: those, and with elements that coincide.
fn strides(rows: usize, cols: usize) -> Vec<(usize, usize)> {
    [&distinct(rows, cols)[..], &[(0, 1), (1, 0), (0, 0), (1, 1), (2, 1)]].concat()
}

/// Elements that such a matrix needs.
fn span((rows, cols): (usize, usize), (row_stride, col_stride): (usize, usize)) -> usize {
    if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + (cols - 1) * col_stride + 1 }
}

/// The same matrix row by row.
fn compact(a: MatRef<'_>) -> Vec<f32> {
    (0..a.rows()).flat_map(|i| (0..a.cols()).map(move |j| a.at(i, j))).collect()
}

/// What stands between the elements of C: a NaN that no instruction makes.
const CANARY: u32 = 0x7fc5_a5a5;

/// Multiplies into a matrix of these strides; returns it row by row, after a look at its gaps.
#[track_caller]
fn product(isa: Isa, a: MatRef<'_>, b: MatRef<'_>, by: (usize, usize)) -> Vec<f32> {
    let (m, n) = (a.rows(), b.cols());
    let mut data = vec![f32::from_bits(CANARY); span((m, n), by) + 40];
    gemm(isa, a, b, MatMut::with_strides(&mut data, (m, n), by));
    let mut c = vec![0.0; m * n];
    for (i, j) in (0..m).flat_map(|i| (0..n).map(move |j| (i, j))) {
        let at = i * by.0 + j * by.1;
        c[i * n + j] = data[at];
        data[at] = f32::from_bits(CANARY);
    }
    let touched = data.iter().position(|x| x.to_bits() != CANARY);
    assert_eq!(touched, None, "a gap of {m} x {n} by {by:?} was written, {isa:?}");
    c
}

#[track_caller]
fn check((m, k, n): (usize, usize, usize), random: &mut Random) {
    let data =
        random.many(span((m, k), (7 * k + 1, 7 * m + 1)) + span((k, n), (7 * n + 1, 7 * k + 1)));
    for (a_by, b_by) in
        strides(m, k).into_iter().flat_map(|a| strides(k, n).into_iter().map(move |b| (a, b)))
    {
        let a = MatRef::with_strides(&data[..span((m, k), a_by)], (m, k), a_by);
        let b = MatRef::with_strides(&data[data.len() - span((k, n), b_by)..], (k, n), b_by);
        let expected = chains(a, b);
        for (isa, c_by) in
            tiers().into_iter().flat_map(|isa| distinct(m, n).map(move |by| (isa, by)))
        {
            let name = format!("{m} x {k} x {n}, {a_by:?} {b_by:?} {c_by:?}, {isa:?}");
            check_bits(&product(isa, a, b, c_by), &expected, &name);
        }
    }
}

#[test]
fn every_combination_of_strides() {
    let mut random = Random::new(60);
    for (m, k, n) in
        [(1, 1, 1), (1, 9, 33), (33, 9, 1), (5, 3, 7), (13, 2, 17), (12, 4, 32), (25, 5, 40)]
    {
        check((m, k, n), &mut random);
    }
}

#[test]
fn nothing_at_all() {
    let mut random = Random::new(61);
    for (m, k, n) in [(0, 3, 4), (3, 4, 0), (0, 0, 0), (0, 5, 0), (3, 0, 4), (1, 0, 1)] {
        check((m, k, n), &mut random);
    }
}

#[test]
fn blocks_of_k_go_on_in_a_matrix_with_gaps() {
    let mut random = Random::new(62);
    for (m, k, n) in [(13, 1025, 33), (12, 2100, 32), (3, 1025, 137)] {
        let (a, b) = (random.many(m * k), random.many(k * n));
        let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
        let expected = chains(a, b);
        for (isa, by) in tiers().into_iter().flat_map(|isa| distinct(m, n).map(move |by| (isa, by)))
        {
            check_bits(&product(isa, a, b, by), &expected, &format!("{by:?}, {isa:?}"));
        }
    }
}

#[test]
fn a_large_matrix_with_gaps() {
    let mut random = Random::new(64);
    let (m, k, n) = (301, 3, 1000);
    let (a, b) = (random.many(m * k), random.many(k * n));
    let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
    let expected = chains(a, b);
    for (isa, by) in tiers().into_iter().flat_map(|isa| distinct(m, n).map(move |by| (isa, by))) {
        check_bits(&product(isa, a, b, by), &expected, &format!("{by:?}, {isa:?}"));
    }
}

#[test]
fn blocks_of_matrices_with_gaps() {
    let mut random = Random::new(65);
    let (m, k, n) = (130, 2100, 50);
    let data = random.many(3 * m * k + 3 * k * n);
    for (a_by, b_by) in [
        ((2 * k + 1, 2), (2 * n + 1, 2)),
        ((2, 2 * m + 1), (3, 3 * k)),
        ((1, m), (1, k)),
        ((0, 1), (n, 1)),
        ((k, 1), (0, 1)),
        ((1, 1), (1, 1)),
    ] {
        let a = MatRef::with_strides(&data[..span((m, k), a_by)], (m, k), a_by);
        let b = MatRef::with_strides(&data[data.len() - span((k, n), b_by)..], (k, n), b_by);
        let expected = chains(a, b);
        for isa in tiers() {
            let name = format!("{a_by:?} {b_by:?}, {isa:?}");
            check_bits(&product(isa, a, b, (n, 1)), &expected, &name);
        }
    }
}

#[test]
fn threads_keep_to_their_rows() {
    let mut random = Random::new(63);
    let (m, k, n) = (150, 200, 301);
    let (a, b) = (random.many(m * k), random.many(k * n));
    let (a, b) = (MatRef::new(&a, m, k), MatRef::new(&b, k, n));
    let turned = (compact(a.transposed()), compact(b.transposed()));
    let turned = (MatRef::new(&turned.0, k, m), MatRef::new(&turned.1, n, k));
    let expected = product(Isa::named("portable").unwrap(), a, b, (n, 1));
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for (isa, by) in tiers().into_iter().flat_map(|isa| distinct(m, n).map(move |by| (isa, by)))
        {
            let name = format!("{by:?}, {threads} threads, {isa:?}");
            check_bits(&pool.install(|| product(isa, a, b, by)), &expected, &name);
            let (a, b) = (turned.0.transposed(), turned.1.transposed());
            check_bits(&pool.install(|| product(isa, a, b, by)), &expected, &name);
        }
    }
}
