//! One epoch of the tutorial's training on 20,000 synthetic digits, on one and two threads and on every
//! tier: `epoch/<threads>/<tier>`; and the same for 26 classes, as letters have: `epoch_26/<threads>/<tier>`.
//!
//! An element is an image. Preparing the trainer is not counted.

use std::hint::black_box;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput};
use kernels::Isa;
use kernels::team::Team;
use model::trainer::Silent;
use model::{Dataset, TrainConfig, Trainer, synthetic};

const IMAGES: u32 = 20_000;

/// Trains the epoch; gives the trainer back, so that taking it apart is not counted either.
fn train(mut trainer: Trainer<'_>) -> Trainer<'_> {
    trainer.run(&mut Silent).expect("finite weights");
    black_box(trainer)
}

fn epoch(
    criterion: &mut Criterion,
    data: &Dataset,
    (name, classes): (&str, usize),
    threads: usize,
) {
    let config =
        TrainConfig { epochs: 1, validation: 0, log_every: usize::MAX, ..TrainConfig::default() };
    let mut group = criterion.benchmark_group(format!("{name}/{threads}"));
    group.throughput(Throughput::Elements(IMAGES.into())).sample_size(20);
    for isa in Isa::all() {
        let trainer = || {
            let team = Team::with_clock(threads, now).expect("threads");
            Trainer::new(config.clone(), data, classes, isa, team).expect("sound settings")
        };
        group.bench_function(isa.name(), |bencher| {
            bencher.iter_batched(trainer, train, BatchSize::PerIteration);
        });
    }
    group.finish();
}

/// The time since it was asked for first.
fn now() -> Duration {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGIN.elapsed()
}

fn main() {
    let digits = synthetic::digits(0..IMAGES);
    let labels = digits.labels.into_iter().map(u32::from).collect();
    let data = Dataset::from_u8(&digits.images, (784, Some((28, 28))), labels);
    let data = data.expect("as many labels as images");
    let mut criterion = Criterion::default().configure_from_args();
    for (layer, threads) in
        [("epoch", 10), ("epoch_26", 26)].into_iter().flat_map(|l| [(l, 1), (l, 2)])
    {
        epoch(&mut criterion, &data, layer, threads);
    }
    criterion.final_summary();
}
