//! The gradients that are checked: weights, then biases.

use kernels::team::Team;
use kernels::{Isa, reference, spec};
use model::trainer::Silent;
use model::{Dataset, Init, Optimizer, TrainConfig, Trainer};

use crate::args::Forget;
use crate::failure::{Code, Failure};

/// A power of two, and large: a step of plain SGD from w to w - lr g loses next to nothing of g.
const RATE: f32 = 4096.0;

/// The first `count` images of `train` as a data set, and their unscaled features [count x features].
pub(super) fn batch(train: &Dataset, count: usize) -> Result<(Dataset, Vec<f32>), Failure> {
    if count == 0 || count > train.len() {
        let message = format!("--batch-size must be 1 to {}, and is {count}", train.len());
        return Err(Failure::new(Code::Usage, message));
    }
    let features = train.features();
    let mut values = vec![0.0; count * features];
    for (i, x) in values.chunks_exact_mut(features).enumerate() {
        train.images().unpack(i, x);
    }
    let (form, labels) = ((features, train.image_shape()), train.labels()[..count].to_vec());
    let data = if train.images().scale() == 1.0 {
        Dataset::from_f32(&values, form, labels)
    } else {
        let pixels: Vec<u8> = values.iter().map(|&x| x as u8).collect();
        Dataset::from_u8(&pixels, form, labels)
    };
    let data = data.map_err(|error| Failure::new(Code::Content, error))?;
    Ok((data, values))
}

/// The settings of one step of plain SGD on `count` images.
pub(super) fn one_step(count: usize, init: Init, seed: u64) -> TrainConfig {
    TrainConfig {
        epochs: 1,
        batch_size: count,
        learning_rate: RATE.into(),
        optimizer: Optimizer::Sgd,
        l2: 0.0,
        init,
        shuffle: false,
        seed,
        validation: 0,
        log_every: 1,
    }
}

/// The formula in f64, as it is or with something left out.
pub(super) fn formula(
    model: &reference::Model,
    batch: &spec::Batch<'_>,
    forget: Option<Forget>,
) -> Vec<f64> {
    let (n, classes) = (batch.labels.len(), model.bias.len());
    let mut gradient = flat(reference::gradient(model, batch, 0.0));
    match forget {
        None => {}
        Some(Forget::Mean) => gradient.iter_mut().for_each(|g| *g *= n as f64),
        Some(Forget::Scale) => {
            let weights = model.weights.len();
            gradient[..weights].iter_mut().for_each(|g| *g /= f64::from(batch.scale));
        }
        Some(Forget::Label) => {
            // Adds what the label took away.
            let features = batch.features.len() / n;
            for (x, &label) in batch.features.chunks_exact(features).zip(batch.labels) {
                for (k, &x) in x.iter().enumerate() {
                    gradient[k * classes + label as usize] +=
                        f64::from(x) * f64::from(batch.scale) / n as f64;
                }
                gradient[features * classes + label as usize] += 1.0 / n as f64;
            }
        }
    }
    gradient
}

/// The gradient by the definition.
pub(super) fn by_definition(model: &spec::Model, batch: &spec::Batch<'_>) -> Vec<f64> {
    let features = batch.features.len() / batch.labels.len();
    let images = batch.features.chunks_exact(features).zip(batch.labels);
    let rows: Vec<_> = images
        .map(|(x, &label)| spec::softmax(&spec::logits(model, x, batch.scale), label))
        .collect();
    let gradient = spec::gradient(model, &rows, batch);
    gradient.weights.into_iter().chain(gradient.bias).map(f64::from).collect()
}

/// What a step of training subtracts on a tier, over the learning rate.
pub(super) fn of_a_step(
    config: &TrainConfig,
    data: &Dataset,
    start: &spec::Model,
    isa: Isa,
) -> Result<Vec<f64>, Failure> {
    let team = Team::new(1).map_err(|error| Failure::new(Code::Io, error))?;
    let mut trainer = Trainer::new(config.clone(), data, start.bias.len(), isa, team)?;
    // The step's own forward pass is finite; what the next one would be does not matter.
    trainer.run(&mut Silent)?;
    let end = trainer.parameters();
    let before = start.weights.iter().chain(&start.bias);
    let after = end.weights.iter().chain(&end.bias);
    Ok(before
        .zip(after)
        .map(|(&before, &after)| (f64::from(before) - f64::from(after)) / f64::from(RATE))
        .collect())
}

fn flat(model: reference::Model) -> Vec<f64> {
    model.weights.into_iter().chain(model.bias).collect()
}
