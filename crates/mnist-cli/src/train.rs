//! `mnist train`: the tutorial's run, from data to a saved model.

mod trained;

use std::path::Path;

use kernels::linear;
use model::{Checkpoint, DataSets, Trainer};

use crate::args::{InitName, OptimizerName, TrainArgs};
use crate::cache;
use crate::checkpoints::{self, Watched};
use crate::console::{Console, Style};
use crate::data::Source;
use crate::failure::{Code, Failure};
use crate::gallery::Drawing;
use crate::history::History;
use crate::metrics::{Dataset, MetricsFiles, Record};
use crate::output::notice;
use crate::resume::Resume;
use crate::run_file::{self, RunFile};
use crate::run_folder::{RUNS, RunFolder};
use crate::setup;
use crate::signals::Signals;
use crate::snapshots::Recording;
use trained::Trained;

pub(crate) fn run(args: &TrainArgs) -> Result<(), Failure> {
    let style = match (args.quiet, args.json) {
        (true, _) => Style::Quiet,
        (_, true) => Style::Json,
        _ => Style::Tutorial,
    };
    let signals = Signals::watch()?;
    let isa = setup::isa()?;
    // What is wrong whatever the data are need not wait for them, but for threads that can't be made.
    args.config().check_numbers()?;
    check_given(args)?;
    let resume = Resume::read(args)?;
    let source = match (&resume, args.data.data.as_deref(), args.data.dataset) {
        (Some(resume), None, None) => resume.source()?,
        (_, folder, built_in) => Source::choose(folder, built_in),
    };
    if let Some(line) = source.notice().filter(|_| style != Style::Quiet) {
        notice(line);
    }
    if let Some(metrics) = &args.metrics {
        source.protect(metrics)?;
    }
    let classes = resume.as_ref().map_or(args.data.classes, |r| r.checkpoint.classes.len());
    let is_plain = matches!(source, Source::Folder(_)) && !args.cache.cache && args.no_pictures;
    if !is_plain {
        setup::threads(&args.machine)?;
    }
    let sets = match (&source, args.cache.cache) {
        (Source::Folder(data), true) => {
            let runs = Path::new(RUNS).join("any");
            let run = args.out.as_deref().or(resume.as_ref().map(Resume::folder));
            let cache = cache::folder(Some(run.unwrap_or(&runs)));
            cache::read(data, classes, cache, style != Style::Quiet)?
        }
        _ => source.load(classes)?,
    };
    if is_plain && !linear::supports(sets.train.images(), classes) {
        // Products of whole matrices take the pool's threads.
        setup::threads(&args.machine)?;
    }
    if style != Style::Quiet {
        tell_of_empty_classes(&sets);
    }
    let config = resume.as_ref().map_or_else(|| args.config(), |resume| resume.config.clone());
    if let Some(resume) = &resume {
        resume.check_data(&sets)?;
    }
    let team = setup::team(&args.machine)?;
    let threads = team.threads();
    let mut trainer =
        Trainer::new(config.clone(), &sets.train, sets.info.classes.len(), isa, team)?;
    let total = (trainer.iterations() as u64).saturating_mul(config.epochs);
    if let Some(Resume { path, checkpoint, .. }) = &resume {
        trainer.restore(&checkpoint.state).map_err(|error| {
            Failure::new(Code::Content, format_args!("{}: {error}", path.display()))
                .remedy("train anew")
        })?;
        if style != Style::Quiet {
            let step = checkpoint.state.step;
            notice(format_args!("going on after step {step} of {total}: {}", path.display()));
        }
    }
    let folder = RunFolder::make(args.out.as_deref().or(resume.as_ref().map(Resume::folder)))?;
    folder.remove_stale(&[run_file::MODEL, run_file::NAME, checkpoints::NAME]);
    // Whatever happens to this run, neither model nor pictures nor report of an earlier one may stand
    // beside its files, and no checkpoint but the one that it goes on from.
    for name in
        [run_file::MODEL, trained::REPORT].into_iter().chain(Drawing::ALL.map(Drawing::name))
    {
        folder.remove(name)?;
    }
    let checkpoint_file = folder.path(checkpoints::NAME);
    if resume.as_ref().is_none_or(|resume| !resume.is_in(&folder)) {
        folder.remove(checkpoints::NAME)?;
    }
    let run_file = RunFile::new(&source, &config, &sets, (isa, threads));
    folder.write(run_file::NAME, &run_file.to_bytes())?;

    let own_metrics = folder.path("metrics.jsonl");
    let metrics = args.metrics.as_deref().into_iter().chain([own_metrics.as_path()]);
    let earlier = resume.as_ref().map(Resume::earlier).transpose()?;
    let metrics = MetricsFiles::create(metrics, earlier.as_ref())?;
    let history = match resume {
        // What the earlier lines say is cut back by now.
        Some(_) => History::read(&own_metrics)?,
        None => History::default(),
    };
    let mut console = Console::new(style, sets.info.adjective(), metrics, history, total);
    if resume.is_none() {
        let dataset = Dataset::new(&sets.info, sets.train.len(), sets.test.len());
        console.record(&Record::Start { config: &config, dataset, isa: isa.name(), threads });
        console.introduce(&sets, trainer.split());
    }

    signals.wait_for_steps();
    let checkpoint = Checkpoint {
        state: trainer.state(),
        config: config.clone(),
        classes: sets.info.classes.clone(),
        image: sets.train.image_shape(),
        dataset_sha256: sets.info.sha256.clone(),
    };
    let (every, run) = (args.checkpoint_every, (checkpoint, total));
    let mut watched = Watched::new(&mut console, &signals, every, checkpoint_file, run);
    let epochs = if args.no_pictures { 0 } else { config.epochs };
    let mut recording = Recording::new(&mut watched, trainer.iterations() as u64, epochs);
    let trained = trainer.run(&mut recording);
    let snapshots = recording.into_snapshots();
    let (stopped, unsaved) = watched.end();
    signals.end_at_once();
    if let Err(diverged) = trained {
        console.finish()?;
        return Err(diverged.into());
    }
    if let Some(stopped) = stopped {
        console.finish()?;
        return Err(stopped);
    }
    if console.has_failed() {
        // The run was broken off; its model must not pass for a finished one.
        return console.finish();
    }
    let trained = Trained {
        config: &config,
        machine: (isa, threads),
        sets: &sets,
        trainer: &mut trainer,
        snapshots: &snapshots,
    };
    trained.test_and_save(&mut console, &folder, !args.no_pictures)?;
    console.finish()?;
    unsaved.map_or(Ok(()), Err)
}

/// Says where there are classes of which nothing can be learned.
fn tell_of_empty_classes(sets: &DataSets) {
    let mut is_empty = vec![true; sets.info.classes.len()];
    sets.train.labels().iter().for_each(|&label| is_empty[label as usize] = false);
    let (empty, all) = (is_empty.iter().filter(|&&is_empty| is_empty).count(), is_empty.len());
    if empty > 0 {
        let has = if empty == 1 { "has" } else { "have" };
        notice(format_args!("note: {empty} of {all} classes {has} no image to train on"));
    }
}

/// Refuses options that would change nothing, because they are not what was meant.
fn check_given(args: &TrainArgs) -> Result<(), Failure> {
    let is_momentum = matches!(args.optimizer, OptimizerName::Momentum);
    let is_normal = matches!(args.init, InitName::TruncatedNormal);
    let needs = [
        ("momentum", "--momentum", is_momentum, "--optimizer momentum"),
        ("init_std", "--init-std", is_normal, "--init truncated-normal"),
    ];
    // Those that contradict a checkpoint are refused with what they contradict.
    let is_idle = |&(id, _, has_effect, _): &(&str, _, bool, _)| {
        args.resume.is_none() && !has_effect && args.given.contains(id)
    };
    needs.into_iter().find(is_idle).map_or(Ok(()), |(_, option, _, other)| {
        let message = format!("{option} changes nothing without {other}");
        Err(Failure::new(Code::Usage, message).remedy("see `mnist train --help`"))
    })
}
