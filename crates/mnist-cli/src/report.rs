//! `mnist report`, and the report at the end of a run.

mod page;

use std::path::{Path, PathBuf};
use std::{fs, io};

use kernels::Isa;
use kernels::team::Team;
use model::trainer::Silent;
use model::{DataSets, Model, TrainConfig, Trainer, atomic};
use pictures::report::{MOST_CLASSES, Snapshot};
use serde::Deserialize;

use crate::args::{BuiltIn, ReportArgs};
use crate::data::Source;
use crate::failure::{Code, Failure};
use crate::fit;
use crate::history::History;
use crate::output::{Output, notice};
use crate::setup;
use crate::snapshots::Recording;
pub(crate) use page::Run;
use page::Subject;

/// The files of a run that a report is made from.
const FILES: [&str; 3] = ["config.json", "metrics.jsonl", "model.safetensors"];

/// What is read of config.json.
#[derive(Deserialize)]
struct Settings {
    config: TrainConfig,
    data: String,
    machine: Machine,
}

#[derive(Deserialize)]
struct Machine {
    isa: String,
    threads: usize,
}

pub(crate) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let isa = setup::isa()?;
    setup::threads(&args.machine)?;
    let out = if args.subject.is_dir() { of_run(args, isa)? } else { of_model(args, isa)? };
    let mut output = Output::default();
    output.line(format_args!("report {}", out.display()));
    output.finish()
}

/// Writes the report of a run that has just ended; whether there is one. With more classes than a matrix can
/// show there is none, and a line says so.
pub(crate) fn write(
    path: &Path,
    isa: Isa,
    model: &Model,
    sets: &DataSets,
    run: &Run<'_>,
    snapshots: &[Snapshot],
) -> Result<bool, Failure> {
    let n_classes = model.metadata.classes.len();
    if n_classes > MOST_CLASSES {
        notice(format_args!("note: no report; {n_classes} classes are more than {MOST_CLASSES}"));
        return Ok(false);
    }
    save(path, &Subject { isa, model, sets, run: Some(run), snapshots, left_out: vec![] })?;
    Ok(true)
}

fn of_run(args: &ReportArgs, isa: Isa) -> Result<PathBuf, Failure> {
    let folder = &args.subject;
    let path = |name: &str| folder.join(name);
    let missing: Vec<&str> = FILES.into_iter().filter(|name| !path(name).exists()).collect();
    if !missing.is_empty() {
        let (names, is) = (missing.join(", "), if missing.len() == 1 { "is" } else { "are" });
        let message = format!("{}: {names} {is} missing", folder.display());
        let remedy = format!("`mnist train --out {}` makes them", folder.display());
        return Err(Failure::new(Code::Io, message).remedy(remedy));
    }
    let settings = settings(&path("config.json"))?;
    let history = History::read(&path("metrics.jsonl"))?;
    let model_path = path("model.safetensors");
    let model = Model::read(&model_path)?;
    check_classes(&model_path, &model)?;
    let named = args.data.is_some() || args.dataset.is_some();
    let source = match settings.data.as_str() {
        _ if named => Source::choose(args.data.as_deref(), args.dataset),
        "synthetic" => Source::choose(None, Some(BuiltIn::Synthetic)),
        folder => Source::choose(Some(Path::new(folder)), None),
    };
    let sets = source.load(model.metadata.classes.len())?;
    fit::check(&model_path, &model, &sets)?;
    let (snapshots, left_out) = match trained_again(&settings.config, &model, &sets, isa)? {
        Some(snapshots) => (snapshots, vec![]),
        None => (vec![], vec![
            "The templates at earlier moments: the data or settings at hand do not give this model again."
                .to_owned(),
        ]),
    };
    let run = Run {
        config: &settings.config,
        isa: &settings.machine.isa,
        threads: settings.machine.threads,
        history: &history,
    };
    let out = args.out.clone().unwrap_or_else(|| path("report.html"));
    let snapshots = &snapshots;
    save(&out, &Subject { isa, model: &model, sets: &sets, run: Some(&run), snapshots, left_out })?;
    Ok(out)
}

fn of_model(args: &ReportArgs, isa: Isa) -> Result<PathBuf, Failure> {
    let model = Model::read(&args.subject)?;
    check_classes(&args.subject, &model)?;
    let source = Source::choose(args.data.as_deref(), args.dataset);
    source.notice().into_iter().for_each(notice);
    let sets = source.load(model.metadata.classes.len())?;
    fit::check(&args.subject, &model, &sets)?;
    let left_out = vec![
        "The learning curves and the templates at earlier moments: they are with the run, not in a model \
         file. Give `mnist report` the run's folder."
            .to_owned(),
    ];
    let out = args.out.clone().unwrap_or_else(|| PathBuf::from("report.html"));
    let (run, snapshots) = (None, &[][..]);
    save(&out, &Subject { isa, model: &model, sets: &sets, run, snapshots, left_out })?;
    Ok(out)
}

fn settings(path: &Path) -> Result<Settings, Failure> {
    let text = fs::read_to_string(path).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => wrong_settings(path, &error),
        _ => Failure::cannot_open(path, &error),
    })?;
    serde_json::from_str(&text).map_err(|error| wrong_settings(path, &error))
}

fn wrong_settings(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    let message = format!("{}: not the settings of a run: {error}", path.display());
    Failure::new(Code::Content, message)
        .remedy("name the folder of a run, as `mnist train` writes it")
}

fn check_classes(path: &Path, model: &Model) -> Result<(), Failure> {
    let n_classes = model.metadata.classes.len();
    if n_classes <= MOST_CLASSES {
        return Ok(());
    }
    let message = format!(
        "{}: {n_classes} classes are more than the {MOST_CLASSES} of which a report can be made",
        path.display()
    );
    Err(Failure::new(Code::Content, message).remedy("`mnist evaluate` takes any number"))
}

/// The weights at earlier moments, by training the run again: that takes less than a second, and a run that
/// kept them would be ten times as large. Nothing if other weights come out.
fn trained_again(
    config: &TrainConfig,
    model: &Model,
    sets: &DataSets,
    isa: Isa,
) -> Result<Option<Vec<Snapshot>>, Failure> {
    if model.metadata.dataset_sha256 != sets.info.sha256 {
        return Ok(None);
    }
    let team = Team::new(1).map_err(|error| Failure::new(Code::Io, error))?;
    let classes = model.metadata.classes.len();
    let mut trainer = Trainer::new(config.clone(), &sets.train, classes, isa, team)?;
    let iterations = trainer.split().training.len().div_ceil(config.batch_size) as u64;
    let mut silent = Silent;
    let mut recording = Recording::new(&mut silent, iterations, config.epochs);
    let ended = trainer.run(&mut recording).is_ok();
    let snapshots = recording.into_snapshots();
    let same = ended && trainer.parameters().sha256() == model.parameters.sha256();
    Ok(same.then_some(snapshots))
}

fn save(path: &Path, subject: &Subject<'_>) -> Result<(), Failure> {
    let page = subject.page()?;
    atomic::write(path, page.as_bytes()).map_err(|error| Failure::cannot_write(path, &error))
}
