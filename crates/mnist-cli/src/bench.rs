//! `mnist bench`: how fast this machine trains, from three plain loops to the widest instructions.

mod clock;
mod ladder;
mod words;

use kernels::{Isa, yardstick};
use serde_json::json;

use crate::args::{BenchArgs, GraphicsName};
use crate::failure::Failure;
use crate::output::Output;
use crate::screen::Screen;
use clock::{Budget, measure};
use ladder::Rung;

/// The lesson's minibatch, and its model.
const BATCH: usize = 100;
const FEATURES: usize = 784;
const CLASSES: usize = 10;

/// Operations of one dense product of the lesson: a multiplication and an addition each.
const PRODUCT_FLOPS: f64 = 2.0 * (BATCH * FEATURES * CLASSES) as f64;

/// Multiply-adds in a row that the peak is measured by.
const ROUNDS: usize = 20_000;

pub(crate) fn run(args: &BenchArgs) -> Result<(), Failure> {
    // Everything else runs on one thread as well.
    let _ = rayon::ThreadPoolBuilder::new().num_threads(1).build_global();
    let tiers = Isa::all();
    let forward_rungs = ladder::forward(&tiers)?;
    let step_rungs = ladder::steps(&tiers)?;
    let count = tiers.len() + forward_rungs.len() + step_rungs.len();
    let budget = Budget::share_of(args.seconds.into(), count);
    let peaks: Vec<(Isa, f64)> = tiers.iter().map(|&isa| (isa, peak(isa, budget))).collect();
    // The portable tier's multiply-add may be a call; no tier is faster than the fastest.
    let peak = peaks.iter().map(|&(_, peak)| peak).fold(0.0, f64::max);
    let time = |rungs: Vec<Rung>, flops: f64| -> Vec<Timed> {
        rungs.into_iter().map(|rung| Timed::new(rung, flops, budget)).collect()
    };
    let forward = time(forward_rungs, PRODUCT_FLOPS);
    let steps = time(step_rungs, 2.0 * PRODUCT_FLOPS);
    let mut output = Output::default();
    if args.json {
        let rows = |rows: &[Timed]| rows.iter().map(|row| row.as_json(peak)).collect::<Vec<_>>();
        output.line(json!({
            "peak_gflops": peaks.iter().map(|(isa, peak)| (isa.name(), peak)).collect::<std::collections::BTreeMap<_, _>>(),
            "batch": BATCH,
            "forward": rows(&forward),
            "step": rows(&steps),
        }));
    } else {
        let text = words::describe(&peaks, &forward, &steps, &Screen::stdout(GraphicsName::Auto));
        output.line(text.trim_end_matches('\n'));
    }
    output.finish()
}

/// A rung and its time.
struct Timed {
    name: String,
    seconds: f64,
    flops: f64,
}

impl Timed {
    fn new(mut rung: Rung, flops: f64, budget: Budget) -> Self {
        Self { seconds: measure(budget, &mut *rung.work), name: rung.name, flops }
    }

    /// 10^9 operations of the dense products a second.
    fn gflops(&self) -> f64 {
        self.flops / self.seconds / 1e9
    }

    fn images_per_second(&self) -> f64 {
        BATCH as f64 / self.seconds
    }

    fn as_json(&self, peak: f64) -> serde_json::Value {
        json!({
            "name": self.name,
            "microseconds": 1e6 * self.seconds,
            "images_per_second": self.images_per_second(),
            "gflops": self.gflops(),
            "share_of_peak": self.gflops() / peak,
        })
    }
}

/// The most multiply-adds of a tier, in GFLOP/s.
fn peak(isa: Isa, budget: Budget) -> f64 {
    let mut flops = 0;
    let seconds = measure(budget, &mut || {
        let (operations, sum) = yardstick::multiply_adds(isa, std::hint::black_box(ROUNDS));
        std::hint::black_box(sum);
        flops = operations;
        1
    });
    flops as f64 / seconds / 1e9
}
