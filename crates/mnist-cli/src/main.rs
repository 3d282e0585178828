//! The program `mnist`: trains softmax regression on images of digits, and uses what was learned.
//!
//! This crate reads arguments, wires the libraries together and prints; what it prints means is theirs.
#![forbid(unsafe_code)]

mod args;
mod bench;
mod cache;
mod checkpoints;
mod console;
mod data;
mod earlier;
mod ending;
mod evaluate;
mod explain;
mod failure;
mod fit;
mod gallery;
mod gradcheck;
mod history;
mod input;
mod inspect;
mod metrics;
mod output;
mod predict;
mod progress;
mod regular;
mod report;
mod resume;
mod rows;
mod run_file;
mod run_folder;
mod screen;
mod setup;
mod signals;
mod snapshots;
mod train;
mod verify;
mod watch;

use std::process::ExitCode;

use args::Command;
use failure::Failure;

fn main() -> ExitCode {
    match run(args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Train(args) => train::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::Predict(args) => predict::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Gradcheck(args) => gradcheck::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Report(args) => report::run(&args),
        Command::Verify(args) => verify::run(&args),
    }
}
