//! What must hold for any images and weights: skipping, order, parts and tiers change no bit, and
//! everything lies within its proven bound of the f64 reference.

mod common;

use common::{Data, Fast, State, check_bits, check_bound, tiers, updates};
use kernels::linear::{self, BlockWeights, HalfSums};
use kernels::spec::{self, LANES, Model};
use kernels::{F32x16, Isa, reference};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

/// Features, and height and width where they have them.
type Shape = (usize, Option<(usize, usize)>);

/// A batch and a model.
#[derive(Clone, Debug)]
struct Sample {
    shape: Shape,
    /// [n x features], more than half of them 0.
    pixels: Vec<u8>,
    labels: Vec<u32>,
    classes: usize,
    weights: Vec<f32>,
    bias: Vec<f32>,
}

impl Sample {
    fn data(&self) -> Data {
        Data::from_u8(self.shape, &self.pixels)
    }

    /// The same pixels as f32 features from -1.5 to 1.
    fn float_data(&self) -> Data {
        let float = |&x: &u8| if x == 0 { 0.0 } else { f32::from(x) / 102.0 - 1.5 };
        Data::from_f32(self.shape, &self.pixels.iter().map(float).collect::<Vec<_>>())
    }

    fn state(&self) -> State {
        let image = self.shape.1;
        let model = Model { weights: self.weights.clone(), bias: self.bias.clone(), image };
        let (weights, bias) = (vec![0.0; self.weights.len()], vec![0.0; self.classes]);
        let zeros = Model { weights, bias, image };
        State { model, m: zeros.clone(), v: zeros }
    }

    fn rows(&self) -> Vec<u32> {
        (0..self.labels.len() as u32).collect()
    }

    fn forward(&self, data: &Data, isa: Isa, parts: usize) -> Fast {
        let mut fast = Fast::new(isa, parts, data, &self.state());
        assert!(fast.forward(data, &self.rows(), &self.labels));
        fast
    }
}

/// Weights of every size for which u8 images give finite logits, zeros of both signs and subnormals too.
fn weight() -> BoxedStrategy<f32> {
    prop_oneof![
        8 => -0.1f32..0.1,
        2 => -20f32..20.0,
        1 => prop_oneof![Just(0.0f32), Just(-0.0), Just(1e-45), Just(-1e-45), Just(-1e-40)],
        1 => prop_oneof![Just(1e30f32), Just(-1e30)],
    ]
    .boxed()
}

fn shape() -> impl Strategy<Value = Shape> {
    prop_oneof![
        (1usize..40).prop_map(|features| (features, None)),
        (1usize..8, 1usize..10).prop_map(|(h, w)| (h * w, Some((h, w)))),
    ]
}

fn sample(
    classes: impl Strategy<Value = usize>,
    weight: BoxedStrategy<f32>,
) -> impl Strategy<Value = Sample> {
    (shape(), 1usize..40, classes).prop_flat_map(move |(shape, n, classes)| {
        let pixel = (0u16..1024).prop_map(|x| u8::try_from(x).unwrap_or(0));
        let (pixels, labels) = (vec(pixel, n * shape.0), vec(0..classes as u32, n));
        let weights = vec(weight.clone(), shape.0 * classes);
        let all = (pixels, labels, weights, vec(weight.clone(), classes));
        all.prop_map(move |(pixels, labels, weights, bias)| Sample {
            shape,
            pixels,
            labels,
            classes,
            weights,
            bias,
        })
    })
}

fn any_sample() -> impl Strategy<Value = Sample> {
    sample(prop_oneof![5 => 1usize..17, 1 => 17usize..20], weight())
}

fn small_weights() -> impl Strategy<Value = Sample> {
    sample(prop_oneof![5 => 1usize..17, 1 => 17usize..20], (-3f32..3.0).boxed())
}

/// Blocks of the first half of so many, as the definition has it: half of them, up to an even number.
fn first_half(blocks: usize) -> usize {
    let half = blocks.div_ceil(2);
    (half + half % 2).min(blocks)
}

/// The sums of an image over all of its blocks, half by half, with nothing skipped.
fn dense_sums(model: &Model, x: &[f32], classes: usize) -> Vec<f32> {
    let blocks = spec::blocks(x.len(), model.image);
    let halves = blocks.split_at(first_half(blocks.len()));
    let of_half = |half: &[[Option<usize>; LANES]], c: usize| {
        let mut s = [0.0f32; LANES];
        for block in half {
            for (lane, k) in block.iter().enumerate() {
                s[lane] =
                    k.map_or(s[lane], |k| x[k].mul_add(model.weights[k * classes + c], s[lane]));
            }
        }
        ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]))
    };
    (0..classes).map(|c| of_half(halves.0, c) + of_half(halves.1, c)).collect()
}

/// The gradient of the weights over all images and features, with nothing skipped.
fn dense_gradient(data: &Data, fast: &Fast, classes: usize) -> Vec<f32> {
    let d: Vec<Vec<f32>> = (0..classes).map(|c| fast.batch.error_terms(c).collect()).collect();
    let chain = |k: usize, c: usize| {
        let images = data.values.chunks_exact(data.features).zip(&d[c]);
        images.fold(0.0f32, |sum, (x, d)| x[k].mul_add(*d, sum))
    };
    (0..data.features).flat_map(|k| (0..classes).map(move |c| chain(k, c))).collect()
}

/// Outputs of a forward pass, image by image.
fn outputs(fast: &Fast, classes: usize) -> Vec<(Vec<u32>, u32, u32)> {
    let p: Vec<Vec<f32>> = (0..classes).map(|c| fast.batch.probabilities(c).collect()).collect();
    let d: Vec<Vec<f32>> = (0..classes).map(|c| fast.batch.error_terms(c).collect()).collect();
    let row = |(i, (loss, predicted)): (usize, (f32, u32))| {
        let floats = p.iter().chain(&d).map(|class| class[i].to_bits());
        (floats.collect(), loss.to_bits(), predicted)
    };
    fast.batch.losses().zip(fast.batch.predicted()).enumerate().map(row).collect()
}

/// Checks forward pass and gradient against f64.
fn check_bounds(sample: &Sample, data: &Data) -> TestCaseResult {
    let model = sample.state().model;
    let wide = reference::Model::from(&model);
    let (scale, classes, n) = (data.images.scale(), sample.classes, sample.labels.len());
    let mut fast = sample.forward(data, Isa::detect(), 1);
    let p: Vec<Vec<f32>> = (0..classes).map(|c| fast.batch.probabilities(c).collect()).collect();
    let losses: Vec<f32> = fast.batch.losses().collect();
    for (i, &label) in sample.labels.iter().enumerate() {
        let x = data.values_of(i as u32);
        let (z, bounds) =
            (reference::logits(&wide, x, scale), reference::logit_bounds(&wide, x, scale));
        check_bound(&spec::logits(&model, x, scale), &z, |c| bounds[c], "logits");
        let off = bounds.into_iter().fold(0.0, f64::max);
        let exact = reference::softmax(&z, label);
        let row: Vec<f32> = p.iter().map(|class| class[i]).collect();
        let bound = reference::probability_bound(classes, off);
        check_bound(&row, &exact.p, |_| bound, "probabilities");
        let bound = reference::loss_bound(classes, off, exact.loss);
        check_bound(&losses[i..=i], &[exact.loss], |_| bound, "loss");
        // Sums of probabilities and of error terms; a term is a difference and a product.
        let sum: f64 = row.iter().copied().map(f64::from).sum();
        let bound = reference::probability_sum_bound(classes);
        prop_assert!((sum - 1.0).abs() <= bound, "probabilities sum to {sum}");
        let d = (0..classes).flat_map(|c| fast.batch.error_terms(c).nth(i));
        let sum: f64 = d.map(f64::from).sum();
        let k = f64::from(scale / n as f32);
        let bound = k * (bound + 2.1 * reference::gamma(2)) + classes as f64 * 1.4e-45;
        prop_assert!(sum.abs() <= bound, "error terms sum to {sum}, more than {bound}");
    }
    let batch = data.batch(&data.values, &sample.labels);
    let (exact, bounds) =
        (reference::gradient(&wide, &batch, 0.0), reference::gradient_bounds(&wide, &batch, 0.0));
    let gradient = fast.gradient(data, &sample.rows());
    check_bound(&gradient.weights, &exact.weights, |i| bounds.weights[i], "gradient");
    let mut bias = vec![f32::NAN; classes];
    kernels::batch::bias_gradient(fast.isa, fast.batch.parts(), &mut bias);
    check_bound(&bias, &exact.bias, |c| bounds.bias[c], "gradient of the biases");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn skipping_zero_blocks_changes_nothing(sample in sample(1usize..17, weight())) {
        let (data, model) = (sample.data(), sample.state().model);
        for isa in tiers() {
            let sums = Fast::new(isa, 1, &data, &sample.state())
                .sums(&data, &sample.rows(), &sample.labels);
            for (i, sums) in sums.iter().enumerate() {
                let expected = dense_sums(&model, data.values_of(i as u32), sample.classes);
                check_bits(sums, &expected, "sums");
            }
            let mut fast = sample.forward(&data, isa, 1);
            let expected = dense_gradient(&data, &fast, sample.classes);
            let gradient = fast.gradient(&data, &sample.rows());
            check_bits(&gradient.weights, &expected, "gradient");
        }
    }

    #[test]
    fn halves_add_up_to_sums(
        sample in sample(1usize..17, weight()), floats: bool,
    ) {
        let data = if floats { sample.float_data() } else { sample.data() };
        let (rows, layout) = (sample.rows(), data.images.layout());
        let padded = linear::padded_classes(sample.classes);
        for isa in tiers() {
            let mut fast = Fast::new(isa, 1, &data, &sample.state());
            let expected = fast.sums(&data, &rows, &sample.labels);
            let run = rows.len().div_ceil(16) * padded;
            let mut sums = vec![F32x16([f32::NAN; 16]); 2 * run];
            let weights = BlockWeights::gather(layout, sample.classes, &sample.weights);
            for (half, sums) in sums.chunks_mut(run).enumerate() {
                let blocks = layout.half(half);
                let weights = &weights.lines()[blocks.start * padded / 2..blocks.end * padded / 2];
                let to = HalfSums { half, sums, padded };
                linear::forward_half(isa, &data.images, &rows, weights, to);
            }
            let batch = &mut fast.batch.parts_mut()[0];
            batch.add_halves(isa, sums.split_at(run).into());
            for c in 0..sample.classes {
                let actual: Vec<f32> = fast.batch.probabilities(c).collect();
                let expected: Vec<f32> = expected.iter().map(|row| row[c]).collect();
                check_bits(&actual, &expected, &format!("class {c}, {isa:?}"));
            }
        }
    }

    #[test]
    fn permuting_images_permutes_outputs((sample, order) in any_sample().prop_flat_map(|sample| {
        let order = Just(sample.rows()).prop_shuffle();
        (Just(sample), order)
    })) {
        let data = sample.data();
        let labels: Vec<u32> = order.iter().map(|&i| sample.labels[i as usize]).collect();
        for isa in tiers() {
            let straight = outputs(&sample.forward(&data, isa, 1), sample.classes);
            let mut fast = Fast::new(isa, 1, &data, &sample.state());
            prop_assert!(fast.forward(&data, &order, &labels));
            for (i, actual) in order.iter().zip(outputs(&fast, sample.classes)) {
                prop_assert_eq!(&actual, &straight[*i as usize]);
            }
        }
    }

    #[test]
    fn tiers_and_parts_change_nothing(
        sample in any_sample(), rule in 0..6usize, parts in vec(1..9usize, 2), floats: bool,
    ) {
        let data = if floats { sample.float_data() } else { sample.data() };
        let portable = *tiers().last().unwrap();
        let mut expected = sample.forward(&data, portable, 1);
        let finite = expected.backward(&data, &sample.rows(), updates()[rule]);
        let (forward, after) = (outputs(&expected, sample.classes), expected.state(&data));
        for (isa, parts) in tiers().into_iter().flat_map(|isa| parts.iter().map(move |&n| (isa, n))) {
            let mut fast = sample.forward(&data, isa, parts);
            prop_assert_eq!(outputs(&fast, sample.classes), &forward[..]);
            prop_assert_eq!(fast.backward(&data, &sample.rows(), updates()[rule]), finite);
            after.check(&fast.state(&data), &format!("{isa:?}, {parts} parts"));
        }
    }

    #[test]
    fn everything_is_within_its_bound(sample in small_weights()) {
        check_bounds(&sample, &sample.data())?;
        check_bounds(&sample, &sample.float_data())?;
    }

    #[test]
    fn zero_pixels_after_the_halves_of_an_image_change_nothing(
        sample in sample(1usize..17, weight()), extra in 1usize..4,
    ) {
        let features = sample.shape.0;
        let sample = Sample { shape: (features, None), ..sample };
        // Two blocks more in each half, or so, and the last block filled up.
        let blocks = features.div_ceil(LANES);
        let (first, wide) = (first_half(blocks), blocks + 4 * extra);
        let at = (LANES * first).min(features);
        let zeros = [LANES * first_half(wide) - at, LANES * (wide - first_half(wide)) - (features - at)];
        let pad = |pixels: &[u8]| {
            let (first, second) = pixels.split_at(at);
            [first, &vec![0; zeros[0]], second, &vec![0; zeros[1]]].concat()
        };
        let mut wider = Sample { shape: (LANES * wide, None), ..sample.clone() };
        wider.pixels = sample.pixels.chunks_exact(features).flat_map(pad).collect();
        let weights = |n: usize| sample.weights.iter().copied().cycle().take(n * sample.classes);
        let (first, second) = sample.weights.split_at(at * sample.classes);
        wider.weights = first.iter().copied().chain(weights(zeros[0])).collect();
        wider.weights.extend(second.iter().copied().chain(weights(zeros[1])));
        let (data, wider_data) = (sample.data(), wider.data());
        for isa in tiers() {
            let (narrow, wide) = (sample.forward(&data, isa, 1), wider.forward(&wider_data, isa, 1));
            prop_assert_eq!(outputs(&narrow, sample.classes), outputs(&wide, sample.classes));
        }
    }
}
