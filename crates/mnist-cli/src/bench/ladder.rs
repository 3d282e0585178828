//! The rungs: the same minibatch, multiplied and trained in ever better ways.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use kernels::linear::{self, BlockWeights, padded_classes};
use kernels::spec::Rule;
use kernels::team::Team;
use kernels::yardstick::{DenseStep, naive_product};
use kernels::{Batch, Isa, MatMut, MatRef, gemm};
use model::config::MOST_EPOCHS;
use model::{Dataset, Event, Init, Observer, Parameters, TrainConfig, Trainer, synthetic};
use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2};

use super::{BATCH, CLASSES, FEATURES};
use crate::failure::{Code, Failure};

/// Synthetic digits that batches are drawn from.
const IMAGES: u32 = 4_000;

/// Adam's numbers at some step; which one makes no difference.
const ADAM: Rule = Rule::Adam { c1: 0.1, c2: 0.001, a: 0.0003, eps: 1e-8 };

/// `c = a b`, given a, b, c and m, k, n.
type Product = fn(&[f32], &[f32], &mut [f32], [usize; 3]);

/// A way to do the work.
pub(super) struct Rung {
    pub(super) name: String,
    /// Does some minibatches' work and returns how many.
    pub(super) work: Box<dyn FnMut() -> usize>,
}

impl Rung {
    fn new(name: impl Into<String>, work: impl FnMut() -> usize + 'static) -> Self {
        Self { name: name.into(), work: Box::new(work) }
    }
}

fn digits() -> Result<Dataset, Failure> {
    let synthetic::Digits { images, labels } = synthetic::digits(0..IMAGES);
    let labels = labels.into_iter().map(u32::from).collect();
    Dataset::from_u8(&images, (FEATURES, Some((28, 28))), labels)
        .map_err(|error| Failure::new(Code::Content, error))
}

fn weights() -> Vec<f32> {
    let init = Init::TruncatedNormal { std: 0.01 };
    Parameters::new(FEATURES, CLASSES, init, 0).weights
}

/// The first minibatch [images x features].
fn minibatch(data: &Dataset) -> Vec<f32> {
    (0..BATCH).flat_map(|i| data.image(i)).collect()
}

/// `c = a b` by the crate matrixmultiply, behind ndarray's safe functions.
fn by_matrixmultiply(a: &[f32], b: &[f32], c: &mut [f32], [m, k, n]: [usize; 3]) {
    let fits = "matrices of these shapes";
    let a = ArrayView2::from_shape((m, k), a).expect(fits);
    let b = ArrayView2::from_shape((k, n), b).expect(fits);
    let mut c = ArrayViewMut2::from_shape((m, n), c).expect(fits);
    general_mat_mul(1.0, &a, &b, 0.0, &mut c);
}

/// Forward passes: sums of 100 images for ten classes.
pub(super) fn forward(tiers: &[Isa]) -> Result<Vec<Rung>, Failure> {
    let data = digits()?;
    let (x, w) = (minibatch(&data), weights());
    let mut rungs = Vec::new();
    let product = |name: &str, f: Product| {
        let (x, w, mut z) = (x.clone(), w.clone(), vec![0.0; BATCH * CLASSES]);
        Rung::new(name, move || {
            f(&x, &w, std::hint::black_box(&mut z), [BATCH, FEATURES, CLASSES]);
            1
        })
    };
    rungs.push(product("three plain loops", naive_product));
    for &isa in tiers.iter().rev() {
        let (x, w, mut z) = (x.clone(), w.clone(), vec![0.0; BATCH * CLASSES]);
        rungs.push(Rung::new(format!("GEMM, {}", isa.name()), move || {
            let (a, b) = (MatRef::new(&x, BATCH, FEATURES), MatRef::new(&w, FEATURES, CLASSES));
            gemm(isa, a, b, MatMut::new(std::hint::black_box(&mut z), BATCH, CLASSES));
            1
        }));
    }
    rungs.push(product("matrixmultiply", by_matrixmultiply));
    for &isa in tiers.iter().rev() {
        let images = data.images().clone();
        let w = BlockWeights::gather(images.layout(), CLASSES, &w);
        let mut batch = Batch::default();
        batch.begin(&data.labels()[..BATCH], padded_classes(CLASSES), 1);
        let order: Vec<u32> = (0..IMAGES).collect();
        rungs.push(Rung::new(format!("skipping, {}", isa.name()), move || {
            for part in batch.parts_mut() {
                for rows in order.chunks_exact(BATCH) {
                    let to = std::hint::black_box(part.sum_rows_mut());
                    linear::forward(isa, &images, rows, w.lines(), to);
                }
            }
            order.len() / BATCH
        }));
    }
    Ok(rungs)
}

/// Training steps: forward, softmax, gradient, Adam.
pub(super) fn steps(tiers: &[Isa]) -> Result<Vec<Rung>, Failure> {
    let data: &'static Dataset = Box::leak(Box::new(digits()?));
    let x = minibatch(data);
    let mut transposed = vec![0.0; x.len()];
    for (i, image) in x.chunks_exact(FEATURES).enumerate() {
        image.iter().enumerate().for_each(|(k, &x)| transposed[k * BATCH + i] = x);
    }
    let labels = data.labels()[..BATCH].to_vec();
    let dense = |name: &str, mut f: Product| {
        let (x, transposed, labels) = (x.clone(), transposed.clone(), labels.clone());
        let mut step = DenseStep::new(weights());
        Rung::new(name, move || {
            step.take((&x, &transposed), &labels, ADAM, &mut f);
            1
        })
    };
    let mut rungs = vec![dense("three plain loops", naive_product)];
    for &isa in tiers.iter().rev() {
        let config = TrainConfig {
            epochs: MOST_EPOCHS,
            validation: 0,
            log_every: 1 << 30,
            ..TrainConfig::default()
        };
        let team = Team::new(1).map_err(|error| Failure::new(Code::Io, error))?;
        let mut trainer = Trainer::new(config, data, CLASSES, isa, team)?;
        rungs.push(Rung::new(format!("mnist, {}", isa.name()), move || {
            // A run that goes on and on stays finite: Adam's steps are as large as the learning rate.
            let _ = trainer.run(&mut Clock(Instant::now()));
            IMAGES as usize / BATCH
        }));
    }
    rungs.push(dense("matrixmultiply", by_matrixmultiply));
    Ok(rungs)
}

/// An observer that knows the time, and breaks off after each epoch.
struct Clock(Instant);

impl Observer for Clock {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        match event {
            Event::Epoch { .. } => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
