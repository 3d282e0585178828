//! `mnist report`, and the report at the end of a run.

mod page;

use std::path::{Path, PathBuf};

use kernels::Isa;
use kernels::team::Team;
use model::trainer::Silent;
use model::{DataSets, Model, Trainer, atomic};
use pictures::report::{MOST_CLASSES, Snapshot};

use crate::args::ReportArgs;
use crate::data::Source;
use crate::failure::{Code, Failure};
use crate::fit;
use crate::history::History;
use crate::output::{Output, notice};
use crate::run_file::{self, RunFile};
use crate::screen::printable;
use crate::setup;
use crate::snapshots::Recording;
pub(crate) use page::Run;
use page::Subject;

/// The files of a run that a report is made from.
const FILES: [&str; 3] = [run_file::NAME, "metrics.jsonl", run_file::MODEL];

pub(crate) fn run(args: &ReportArgs) -> Result<(), Failure> {
    let isa = setup::isa()?;
    setup::threads(&args.machine)?;
    let out = if args.subject.is_dir() { of_run(args, isa)? } else { of_model(args, isa)? };
    let mut output = Output::default();
    output.line(format_args!("report {}", printable(&out.to_string_lossy())));
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
    if run_file::is_unfinished(folder) {
        return Err(run_file::unfinished(folder));
    }
    let missing: Vec<&str> = FILES.into_iter().filter(|name| !path(name).exists()).collect();
    if !missing.is_empty() {
        let (names, is) = (missing.join(", "), if missing.len() == 1 { "is" } else { "are" });
        let message = format!("{}: {names} {is} missing", folder.display());
        return Err(Failure::new(Code::Io, message)
            .remedy("name the folder of a run, as `mnist train` writes it"));
    }
    let run_file = RunFile::read(folder)?;
    let history = History::read(&path("metrics.jsonl"))?;
    let model_path = path(run_file::MODEL);
    let model = Model::read(&model_path)?;
    check_classes(&model_path, &model)?;
    let is_named = args.data.is_some() || args.dataset.is_some();
    let source = match is_named {
        true => Source::choose(args.data.as_deref(), args.dataset),
        false => run_file.source(),
    };
    let sets = source.load(model.metadata.classes.len())?;
    // Whoever names data may want to see the model on others.
    if !is_named && sets.info.sha256 != model.metadata.dataset_sha256 {
        return Err(RunFile::other_data(folder, &source));
    }
    fit::check(&model_path, &model, &sets)?;
    let (snapshots, left_out) =
        match trained_again(folder, &run_file, &history, (&model, &sets), isa)? {
            Ok(snapshots) => (snapshots, vec![]),
            Err(why) => (vec![], vec![format!("The templates at earlier moments: {why}.")]),
        };
    let run = Run {
        config: &run_file.config,
        isa: &run_file.machine.isa,
        threads: run_file.machine.threads,
        history: &history,
    };
    // The report that the run has of its own data stays.
    let is_own = model.metadata.dataset_sha256 == sets.info.sha256;
    let name = if is_own { "report.html" } else { "report-other-data.html" };
    let out = args.out.clone().unwrap_or_else(|| path(name));
    let snapshots = &snapshots;
    save(&out, &Subject { isa, model: &model, sets: &sets, run: Some(&run), snapshots, left_out })?;
    Ok(out)
}

fn of_model(args: &ReportArgs, isa: Isa) -> Result<PathBuf, Failure> {
    let model = Model::read(&args.subject)?;
    check_classes(&args.subject, &model)?;
    let named = (args.data.as_deref(), args.dataset);
    let source = run_file::data_for(&args.subject, &model, named)?;
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
/// kept them would be ten times as large. Or why they can't be had.
fn trained_again(
    folder: &Path,
    run_file: &RunFile,
    history: &History,
    (model, sets): (&Model, &DataSets),
    isa: Isa,
) -> Result<Result<Vec<Snapshot>, &'static str>, Failure> {
    const OTHER: &str = "the data or settings at hand do not give this model again";
    let config = &run_file.config;
    if model.metadata.dataset_sha256 != sets.info.sha256 {
        return Ok(Err(OTHER));
    }
    // Any number can be written into config.json; that so many epochs were trained is proven by a line for each.
    if history.epochs.len() as u64 != config.epochs {
        return Ok(Err("metrics.jsonl and config.json do not have the same number of epochs"));
    }
    let team = Team::new(1).map_err(|error| Failure::new(Code::Io, error))?;
    let classes = model.metadata.classes.len();
    let mut trainer = Trainer::new(config.clone(), &sets.train, classes, isa, team)
        .map_err(|error| RunFile::wrong(folder, &error))?;
    let iterations = trainer.split().training.len().div_ceil(config.batch_size) as u64;
    let mut silent = Silent;
    let mut recording = Recording::new(&mut silent, iterations, config.epochs);
    let ended = trainer.run(&mut recording).is_ok();
    let snapshots = recording.into_snapshots();
    let same = ended && trainer.parameters().sha256() == model.parameters.sha256();
    Ok(if same { Ok(snapshots) } else { Err(OTHER) })
}

fn save(path: &Path, subject: &Subject<'_>) -> Result<(), Failure> {
    let page = subject.page()?;
    atomic::write(path, page.as_bytes()).map_err(|error| Failure::cannot_write(path, &error))
}
