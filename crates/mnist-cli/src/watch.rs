//! `mnist watch`: a run trained again from its config.json, the same bits, at a speed for people.

mod control;
mod frame;
mod show;
mod terminal;

use std::io::{self, IsTerminal};

use kernels::team::Team;
use model::{Model, Split, Trainer};

use crate::args::WatchArgs;
use crate::data::Source;
use crate::failure::{Code, Failure};
use crate::output::Output;
use crate::run_file::{self, RunFile};
use crate::screen::{Screen, printable};
use crate::setup;
use control::Control;
use frame::Scene;
use show::{End, Show};
use terminal::Terminal;

pub(crate) fn run(args: &WatchArgs) -> Result<(), Failure> {
    let isa = setup::isa()?;
    let run = RunFile::read(&args.run)?;
    let is_shown = io::stdout().is_terminal() && io::stdin().is_terminal();
    if args.at.is_none() && !is_shown {
        let message = "watch needs a terminal to draw in and to read keys from";
        return Err(Failure::new(Code::Usage, message)
            .remedy("run it in one, or name a step with --at to print what is seen after it"));
    }
    if run_file::is_unfinished(&args.run) {
        return Err(run_file::unfinished(&args.run));
    }
    let model = Model::read(&args.run.join(run_file::MODEL))?;
    // The memory that training takes is proven by the model's file.
    let (classes, of_model) = (run.classes.len(), model.metadata.classes.len());
    if classes != of_model {
        let cause = format_args!("it names {classes} classes, and the model has {of_model}");
        return Err(RunFile::wrong(&args.run, &cause));
    }
    setup::threads(&args.machine)?;
    let source = args.data.clone().map_or_else(|| run.source(), Source::Folder);
    let sets = source.load(run.classes.len())?;
    if sets.info.sha256 != run.dataset_sha256 {
        return Err(RunFile::other_data(&args.run, &source));
    }
    // How often a run reports changes none of its weights; here every step is wanted.
    let config = model::TrainConfig { log_every: 1, ..run.config.clone() };
    let threads = args.machine.threads.map_or(1, usize::from);
    let team = Team::new(threads).map_err(|error| Failure::new(Code::Io, error))?;
    let mut trainer = Trainer::new(config.clone(), &sets.train, classes, isa, team)
        .map_err(|error| RunFile::wrong(&args.run, &error))?;
    let split = Split::new(sets.train.len(), config.validation);
    let iterations = split.training.len().div_ceil(config.batch_size) as u64;
    let total = iterations.saturating_mul(config.epochs);
    let names = run.classes.iter().map(|name| printable(name)).collect();
    let scene = Scene::new(&config, &sets.train, names, split, total);
    let end = if let Some(at) = args.at {
        if at > total {
            let message = format!("--at {at}: the run has {total} steps");
            return Err(Failure::new(Code::Usage, message).remedy("0 is before the first"));
        }
        let mut output = Output::default();
        let mut show = Show::still(scene, at);
        trainer.run(&mut show)?;
        let screen = Screen::stdout(args.graphics);
        output.line(show.scene().draw(&screen, None).trim_end_matches('\n'));
        return output.finish();
    } else {
        let terminal = Terminal::enter().map_err(|error| {
            Failure::new(Code::Io, format_args!("the terminal cannot be drawn in: {error}"))
        })?;
        let control = Control::new(args.speed);
        let mut show = Show::live(scene, control, terminal, args.graphics);
        let trained = trainer.run(&mut show);
        let end = show.end(trained.is_ok());
        trained?;
        end?
    };
    summary(end, &trainer.parameters().sha256(), &model.parameters.sha256(), total)
}

/// Says on the normal screen what was seen.
fn summary(end: End, found: &str, expected: &str, total: u64) -> Result<(), Failure> {
    let mut output = Output::default();
    match end {
        End::Signal(signal) => return Err(Failure::signal(signal)),
        End::Quit(step) if step < total => {
            output.line(format_args!("left after step {step} of {total}"));
            return output.finish();
        }
        End::Quit(_) => {}
    }
    output.line(format_args!("weights sha256 {found}"));
    if found == expected {
        output.line("equal to the run's model, bit for bit");
        return output.finish();
    }
    output.finish()?;
    let message = format!("the run's model has weights with another SHA-256, {expected}");
    Err(Failure::new(Code::Checksum, message)
        .remedy("the run is of another version of mnist, or its files are not of one run"))
}
