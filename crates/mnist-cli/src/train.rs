//! `mnist train`: the tutorial's run, from data to a saved model.

use std::time::Instant;

use model::trainer::TUTORIAL_SUBSET;
use model::{Classifier, DataSets, Metadata, Model, Trainer};
use serde_json::json;

use crate::args::TrainArgs;
use crate::console::{Console, Style};
use crate::data::Source;
use crate::failure::{Code, Failure};
use crate::metrics::{Dataset, MetricsFiles, Record};
use crate::output::notice;
use crate::run_folder::RunFolder;
use crate::screen::printable;
use crate::setup;

pub(crate) fn run(args: &TrainArgs) -> Result<(), Failure> {
    let style = match (args.quiet, args.json) {
        (true, _) => Style::Quiet,
        (_, true) => Style::Json,
        _ => Style::Tutorial,
    };
    let (isa, team) = (setup::isa()?, setup::team(&args.machine)?);
    // What is wrong whatever the data are need not wait for them.
    args.config().check_numbers()?;
    let source = Source::choose(args.data.data.as_deref(), args.data.dataset);
    if let Some(line) = source.notice().filter(|_| style != Style::Quiet) {
        notice(line);
    }
    let sets = source.load(args.data.classes)?;
    let (config, threads) = (args.config(), team.threads());
    let mut trainer =
        Trainer::new(config.clone(), &sets.train, sets.info.classes.len(), isa, team)?;
    let folder = RunFolder::make(args.out.as_deref())?;
    // Whatever happens to this run, no model of an earlier one may stand beside its files.
    folder.remove("model.safetensors")?;
    let machine = json!({ "isa": isa.name(), "threads": threads });
    folder.write("config.json", &config_json(&source, &config, &sets, &machine))?;

    let own_metrics = folder.path("metrics.jsonl");
    let metrics = args.metrics.as_deref().into_iter().chain([own_metrics.as_path()]);
    let iterations = trainer.split().training.len().div_ceil(config.batch_size) as u64;
    let total = iterations.saturating_mul(config.epochs);
    let mut console =
        Console::new(style, sets.info.adjective(), MetricsFiles::create(metrics)?, total);
    let dataset = Dataset::new(&sets.info, sets.train.len(), sets.test.len());
    console.record(&Record::Start { config: &config, dataset, isa: isa.name(), threads });
    console.introduce(&sets, trainer.split());

    let trained = trainer.run(&mut console);
    if let Err(diverged) = trained {
        console.finish()?;
        return Err(diverged.into());
    }
    if console.has_failed() {
        // The run was broken off; its model must not pass for a finished one.
        return console.finish();
    }
    let parameters = trainer.parameters();
    let started = Instant::now();
    let classifier = Classifier::new(isa, &parameters, &sets.test);
    let test = |count| {
        let evaluated = classifier.evaluate(&sets.test, 0..count);
        evaluated.map_err(|error| {
            Failure::new(Code::Diverged, format_args!("testing: {error} is not finite"))
        })
    };
    let all = test(sets.test.len())?;
    let first = test(sets.test.len().min(TUTORIAL_SUBSET))?;
    console.test(&first, &all, started.elapsed());

    let weights_sha256 = parameters.sha256();
    let (classes, image) = (sets.info.classes.clone(), sets.train.image_shape());
    let metadata = Metadata::new(&config, classes, image, sets.info.sha256.clone());
    Model { parameters, metadata }.write(&folder.path("model.safetensors"))?;
    let data = printable(sets.info.name.as_deref().unwrap_or("unnamed data"));
    console.say(format_args!("weights sha256 {weights_sha256}"));
    let model = folder.path("model.safetensors");
    console.say(format_args!("model {} ({data}, seed {})", model.display(), config.seed));
    console.finish()
}

/// The settings of the run, all that is needed to run it again.
fn config_json(
    source: &Source,
    config: &model::TrainConfig,
    sets: &DataSets,
    machine: &serde_json::Value,
) -> Vec<u8> {
    let value = json!({
        "config": config,
        "classes": sets.info.classes,
        "data": source.describe(),
        "dataset_sha256": sets.info.sha256,
        "machine": machine,
        "version": env!("CARGO_PKG_VERSION"),
    });
    format!("{value:#}\n").into_bytes()
}
