//! Training by the kernels is the definition, bit for bit: on every tier, in any number of parts, for
//! every shape of images, kind of features and number of classes.

mod common;

use common::{Data, Fast, Kind, Random, SHAPES, State, check_bits, tiers, updates};
use kernels::spec::{self, Update};

const BATCHES: [usize; 7] = [1, 7, 8, 15, 16, 17, 100];
const PARTS: [usize; 4] = [1, 2, 3, 7];
/// Up to 16 classes features are lanes; more are lanes themselves, of f32 features by `dense`.
const CLASSES: [usize; 11] = [1, 2, 3, 9, 10, 11, 16, 17, 26, 49, 83];

/// What is trained.
struct Case<'a> {
    data: &'a Data,
    state: State,
    /// The images and labels of each step.
    steps: Vec<(Vec<u32>, Vec<u32>)>,
    update: Update,
    name: String,
}

impl Case<'_> {
    /// Trains by the definition and by the kernels, in each of these numbers of parts on each tier.
    fn check(mut self, parts: &[usize]) {
        let scale = self.data.images.scale();
        let all = tiers().into_iter().flat_map(|isa| parts.iter().map(move |&n| (isa, n)));
        let mut all: Vec<Fast> =
            all.map(|(isa, parts)| Fast::new(isa, parts, self.data, &self.state)).collect();
        for (t, (rows, labels)) in self.steps.iter().enumerate() {
            let features = self.data.gather(rows);
            let batch = self.data.batch(&features, labels);
            let expected = self.state.step(self.update, &batch).expect("finite steps");
            for fast in &mut all {
                let name = format!("{}, step {t}, {:?}, {} parts", self.name, fast.isa, fast.parts);
                assert!(fast.forward(self.data, rows, labels), "logits, {name}");
                fast.check_forward(&expected, scale, &name);
                assert!(fast.backward(self.data, rows, self.update), "weights, {name}");
                self.state.check(&fast.state(self.data), &name);
            }
        }
    }
}

/// Images and labels for a step of each of these sizes.
fn steps(
    data: &Data,
    classes: usize,
    sizes: &[usize],
    random: &mut Random,
) -> Vec<(Vec<u32>, Vec<u32>)> {
    let step = |&n: &usize| {
        let rows = data.rows(n, random);
        (rows, (0..n).map(|_| random.below(classes as u32)).collect())
    };
    sizes.iter().map(step).collect()
}

/// Every shape, number of classes and size of batch; small images in every number of parts.
fn check_kind(kind: Kind) {
    let mut random = Random::new(kind as u64);
    for shape in SHAPES {
        let data = Data::new(kind, shape, 40, &mut random);
        for classes in CLASSES {
            for n in BATCHES {
                let few = [PARTS[random.below(4) as usize]];
                let state = State::random(&data, classes, 0.3, &mut random);
                let steps = steps(&data, classes, &[n; 3], &mut random);
                let update = updates()[random.below(6) as usize];
                let name =
                    format!("{kind:?} {shape:?}, {classes} classes, batch of {n}, {update:?}");
                let case = Case { data: &data, state, steps, update, name };
                case.check(if shape.0 < 100 { &PARTS } else { &few });
            }
        }
    }
}

#[test]
fn sparse_pixels() {
    check_kind(Kind::Sparse);
}

#[test]
fn dense_pixels() {
    check_kind(Kind::Dense);
}

#[test]
fn black_pixels() {
    check_kind(Kind::Zero);
}

#[test]
fn float_features() {
    check_kind(Kind::Floats);
}

#[test]
fn every_optimiser_in_any_number_of_parts() {
    let mut random = Random::new(10);
    let data = Data::new(Kind::Sparse, (784, Some((28, 28))), 200, &mut random);
    for update in updates() {
        for (classes, sizes) in [(10, [100, 17, 100, 1, 33]), (26, [9, 1, 16, 2, 9])] {
            let state = State::random(&data, classes, 0.05, &mut random);
            let steps = steps(&data, classes, &sizes, &mut random);
            let name = format!("{update:?}, {classes} classes");
            Case { data: &data, state, steps, update, name }.check(&PARTS);
        }
    }
}

#[test]
fn every_number_of_features_and_images() {
    let mut random = Random::new(13);
    for (features, n) in (1..=130).zip((1..=65).cycle()) {
        let data = Data::new(Kind::Sparse, (features, None), 20, &mut random);
        let (classes, parts) = (1 + random.below(18) as usize, 1 + random.below(9) as usize);
        let state = State::random(&data, classes, 1.0, &mut random);
        let steps = steps(&data, classes, &[n, 66 - n], &mut random);
        let update = updates()[random.below(6) as usize];
        let name = format!("{features} features, {classes} classes, {update:?}");
        Case { data: &data, state, steps, update, name }.check(&[parts]);
    }
}

/// Batches so large that lists are made another way, and what is left of them in the small ones that follow.
#[test]
fn large_batches() {
    let mut random = Random::new(15);
    let data = Data::new(Kind::Sparse, (35, Some((5, 7))), 200, &mut random);
    for classes in [10, 17, 70] {
        let state = State::random(&data, classes, 1.0, &mut random);
        let steps = steps(&data, classes, &[500, 4_500, 1, 2_047, 40], &mut random);
        let name = format!("{classes} classes");
        Case { data: &data, state, steps, update: updates()[0], name }.check(&[1, 2]);
    }
}

/// Where an image has one of two blocks that stand side by side, what the other block adds must be nothing, not even
/// +0 to a gradient that vanished to -0: a step of SGD from a weight of -0 shows it.
#[test]
fn products_that_vanish() {
    // Five blocks. Two images have the first of each pair alone, the others the second, or none; the last entry of
    // all is once a first and once a second.
    for first in [[0, 8, 15, 7], [8, 0, 7, 15]] {
        let mut features = vec![0.0; 4 * 40];
        for (image, feature) in first.into_iter().enumerate() {
            (feature..40).step_by(16).for_each(|i| features[40 * image + i] = 1e-45);
        }
        let data = Data::from_f32((40, None), &features);
        let mut random = Random::new(14);
        for (classes, update) in
            [2, 3, 10, 12, 16, 17, 26].into_iter().flat_map(|c| updates().map(|r| (c, r)))
        {
            let mut state = State::random(&data, classes, 1.0, &mut random);
            state.model.weights.fill(-0.0);
            let labels = vec![0, 1, 0, 1];
            let steps = vec![(vec![0, 1, 2, 3], labels.clone()), (vec![3, 2, 1, 0], labels)];
            let name = format!("{first:?}, {classes} classes, {update:?}");
            Case { data: &data, state, steps, update, name }.check(&PARTS);
        }
    }
}

#[test]
fn sums() {
    let mut random = Random::new(11);
    for (kind, shape) in Kind::ALL.into_iter().flat_map(|kind| SHAPES.map(|shape| (kind, shape))) {
        let data = Data::new(kind, shape, 17, &mut random);
        for classes in CLASSES {
            let mut state = State::random(&data, classes, 1.0, &mut random);
            // Adding -0 changes nothing, not even the sign of a zero.
            state.model.bias.fill(-0.0);
            let rows: Vec<u32> = (0..17).rev().collect();
            for isa in tiers() {
                let actual = Fast::new(isa, 2, &data, &state).sums(&data, &rows, &[0; 17]);
                for (&row, actual) in rows.iter().zip(&actual) {
                    let expected = spec::logits(&state.model, data.values_of(row), 1.0);
                    check_bits(actual, &expected, &format!("{kind:?} {shape:?} {row}, {isa:?}"));
                }
            }
        }
    }
}

#[test]
fn gradients() {
    let mut random = Random::new(12);
    for kind in Kind::ALL {
        let data = Data::new(kind, (15, Some((5, 3))), 40, &mut random);
        for (classes, n) in CLASSES.into_iter().flat_map(|classes| BATCHES.map(|n| (classes, n))) {
            let state = State::random(&data, classes, 1.0, &mut random);
            let (rows, labels) = steps(&data, classes, &[n], &mut random).remove(0);
            let features = data.gather(&rows);
            let batch = data.batch(&features, &labels);
            let z = |&row| spec::logits(&state.model, data.values_of(row), batch.scale);
            let softmax: Vec<spec::Softmax> =
                rows.iter().map(z).zip(&labels).map(|(z, &y)| spec::softmax(&z, y)).collect();
            let expected = spec::gradient(&state.model, &softmax, &batch);
            for (isa, parts) in tiers().into_iter().flat_map(|isa| PARTS.map(|n| (isa, n))) {
                let name = format!("{kind:?}, {classes} classes, batch of {n}, {isa:?}");
                let mut fast = Fast::new(isa, parts, &data, &state);
                assert!(fast.forward(&data, &rows, &labels));
                let mut bias = vec![f32::NAN; classes];
                kernels::batch::bias_gradient(isa, fast.batch.parts(), &mut bias);
                check_bits(&bias, &expected.bias, &format!("biases, {name}"));
                // A step from zero against the slope; it makes +0 of -0.
                let weights: Vec<f32> = expected.weights.iter().map(|g| g + 0.0).collect();
                let actual = fast.gradient(&data, &rows);
                check_bits(&actual.weights, &weights, &format!("weights, {name}"));
            }
        }
    }
}
