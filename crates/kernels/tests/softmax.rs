//! The softmax by itself, on logits that training seldom makes: ties, extremes, many classes.

mod common;

use common::{Random, check_bits, tiers};
use kernels::spec::{self, Model};
use kernels::{Batch, Isa, reference};

const CLASSES: [usize; 10] = [1, 2, 3, 9, 10, 11, 16, 17, 26, 100];

/// Runs the softmax on these logits [row][class]; returns whether they are finite.
///
/// A scale of 1 and biases of -0 leave the bits of the logits as they are.
fn softmax(isa: Isa, parts: usize, z: &[Vec<f32>], labels: &[u32]) -> (bool, Batch) {
    let (mut batch, classes) = (Batch::default(), z[0].len());
    batch.begin(labels, classes, parts);
    let mut finite = true;
    for part in batch.parts_mut() {
        for (i, z) in z[part.positions()].iter().enumerate() {
            for (c, &z) in z.iter().enumerate() {
                part.sums_mut()[i / 16 * classes + c].0[i % 16] = z;
            }
        }
        finite &= kernels::softmax(isa, part.softmax_rows_mut(), &vec![-0.0; classes], 1.0, 0.5);
    }
    (finite, batch)
}

/// Checks every tier and some numbers of parts against the definition and against f64.
#[track_caller]
fn check(z: &[Vec<f32>], labels: &[u32]) {
    let classes = z[0].len();
    let rows: Vec<spec::Softmax> =
        z.iter().zip(labels).map(|(z, &label)| spec::softmax(z, label)).collect();
    // Images of one black pixel, so that the biases alone have a gradient.
    let model = Model { weights: vec![0.0; classes], bias: vec![0.0; classes], image: None };
    let black = vec![0.0; z.len()];
    let batch = spec::Batch { features: &black, scale: 1.0, labels };
    let gradient = spec::gradient(&model, &rows, &batch).bias;
    for (isa, parts) in tiers().into_iter().flat_map(|isa| [1, 3].map(|n| (isa, n))) {
        let (finite, batch) = softmax(isa, parts, z, labels);
        assert!(finite, "{isa:?}: {z:?}");
        let losses: Vec<f32> = rows.iter().map(|row| row.loss).collect();
        check_bits(&batch.losses().collect::<Vec<_>>(), &losses, &format!("losses, {isa:?}"));
        let mut actual = vec![f32::NAN; classes];
        kernels::batch::bias_gradient(isa, batch.parts(), &mut actual);
        check_bits(&actual, &gradient, &format!("gradient of the biases, {isa:?}"));
        for (row, predicted) in rows.iter().zip(batch.predicted()) {
            assert_eq!(predicted, row.predicted, "{isa:?}");
        }
        for c in 0..classes {
            let p: Vec<f32> = rows.iter().map(|row| row.p[c]).collect();
            check_bits(&batch.probabilities(c).collect::<Vec<_>>(), &p, &format!("p, {isa:?}"));
            let is = |i: usize| if labels[i] as usize == c { 1.0 } else { 0.0 };
            let d: Vec<f32> = p.iter().enumerate().map(|(i, p)| (p - is(i)) * 0.5).collect();
            check_bits(&batch.error_terms(c).collect::<Vec<_>>(), &d, &format!("d, {isa:?}"));
        }
    }
    for ((z, &label), row) in z.iter().zip(labels).zip(&rows) {
        let wide: Vec<f64> = z.iter().copied().map(f64::from).collect();
        let exact = reference::softmax(&wide, label);
        let bound = reference::probability_bound(classes, 0.0);
        common::check_bound(&row.p, &exact.p, |_| bound, &format!("p of {z:?}"));
        let bound = reference::loss_bound(classes, 0.0, exact.loss);
        common::check_bound(&[row.loss], &[exact.loss], |_| bound, &format!("loss of {z:?}"));
        let sum: f64 = row.p.iter().copied().map(f64::from).sum();
        let bound = reference::probability_sum_bound(classes);
        assert!((sum - 1.0).abs() <= bound, "{z:?} sums to {sum}");
    }
}

#[test]
fn random_logits_of_every_size() {
    let mut random = Random::new(20);
    for classes in CLASSES {
        for (n, size) in [(1, 1.0), (16, 0.0), (17, 10.0), (40, 80.0), (33, 1e4), (8, 1e-30)] {
            let z: Vec<Vec<f32>> =
                (0..n).map(|_| random.many(classes).iter().map(|z| z * size).collect()).collect();
            let labels: Vec<u32> = (0..n).map(|_| random.below(classes as u32)).collect();
            check(&z, &labels);
        }
    }
}

#[test]
fn the_lowest_of_the_largest_logits_is_predicted() {
    for classes in CLASSES {
        let mut rows = Vec::new();
        for (first, second) in (0..classes).flat_map(|i| (i..classes).map(move |j| (i, j))) {
            for top in [0.0, 1.0, -3.0, 80.0, 1e4] {
                let mut z = vec![top - 2.0; classes];
                (z[first], z[second]) = (top, top);
                assert_eq!(spec::softmax(&z, 0).predicted as usize, first);
                rows.push(z);
            }
        }
        rows.push((0..classes).map(|c| if c % 2 == 0 { -0.0 } else { 0.0 }).collect());
        rows.push((0..classes).map(|c| if c % 2 == 0 { 0.0 } else { -0.0 }).collect());
        for rows in rows.chunks(100) {
            let labels: Vec<u32> = (0..rows.len()).map(|i| (i % classes) as u32).collect();
            check(rows, &labels);
        }
    }
}

#[test]
fn extreme_logits_stay_finite() {
    let large = [0.0, 80.0, -80.0, 86.999_99, -87.0, -87.000_01, 88.0, -104.0, 1e4, -1e4];
    let larger = [3e38, 1e38, -1e38, 1e-45, -1e-45, f32::MIN_POSITIVE, 16_777_216.0, 0.5, -0.0];
    let values = [&large[..], &larger[..]].concat();
    let pairs = values.iter().flat_map(|&a| values.iter().map(move |&b| vec![a, b]));
    let pairs: Vec<Vec<f32>> = pairs.filter(|z| (z[0] - z[1]).is_finite()).collect();
    for label in [0, 1] {
        check(&pairs, &vec![label; pairs.len()]);
    }
    let one: Vec<Vec<f32>> = values.iter().map(|&z| vec![z]).collect();
    check(&one, &vec![0; one.len()]);
    // One class far above 99 others, and far below.
    for z in [1e4, -1e4, 87.5, -87.5] {
        let mut row = vec![0.0; 100];
        row[50] = z;
        check(&[row.clone(), row], &[50, 49]);
    }
}

#[test]
fn the_order_of_sums_shows_in_the_gradient_of_the_biases() {
    let mut random = Random::new(21);
    // Right and sure: what the images of a class leave of their count is the rounding of f64.
    for n in 1..=70 {
        let labels: Vec<u32> = (0..n).map(|_| random.below(3)).collect();
        let z = |&label: &u32| {
            let mut z: Vec<f32> = random.many(3).iter().map(|z| 2.0 * z - 35.0).collect();
            z[label as usize] = 0.0;
            z
        };
        check(&labels.iter().map(z).collect::<Vec<_>>(), &labels);
    }
}

#[test]
fn one_bad_logit_anywhere_is_found() {
    for classes in [1, 2, 9, 10, 16, 26] {
        for (n, bad) in [(1, f32::NAN), (16, f32::INFINITY), (37, f32::NEG_INFINITY)] {
            let good = vec![vec![1.0; classes]; n];
            for (isa, parts) in tiers().into_iter().flat_map(|isa| [1, 2].map(|n| (isa, n))) {
                assert!(softmax(isa, parts, &good, &vec![0; n]).0);
                for (i, c) in (0..n).flat_map(|i| (0..classes).map(move |c| (i, c))) {
                    let mut z = good.clone();
                    z[i][c] = bad;
                    assert!(!softmax(isa, parts, &z, &vec![0; n]).0, "{bad} at {i}, {c}, {isa:?}");
                }
            }
        }
    }
}

#[test]
#[should_panic(expected = "3 classes of 2")]
fn more_classes_than_there_is_room_for() {
    let mut batch = Batch::default();
    batch.begin(&[0], 2, 1);
    kernels::softmax(Isa::detect(), batch.parts_mut()[0].softmax_rows_mut(), &[0.0; 3], 1.0, 1.0);
}

#[test]
#[should_panic(expected = "a batch without rows")]
fn a_batch_without_rows() {
    Batch::default().begin(&[], 2, 1);
}
