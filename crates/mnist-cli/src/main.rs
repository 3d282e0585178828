//! The program `mnist`: trains softmax regression on images of digits, and uses what was learned.
//!
//! This crate reads arguments, wires the libraries together and prints; what it prints means is theirs.
#![forbid(unsafe_code)]

mod args;
mod checkpoints;
mod console;
mod data;
mod earlier;
mod ending;
mod evaluate;
mod failure;
mod gallery;
mod history;
mod input;
mod inspect;
mod metrics;
mod output;
mod predict;
mod progress;
mod resume;
mod run_folder;
mod screen;
mod setup;
mod signals;
mod train;
mod verify;

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
        Command::Verify(args) => verify::run(&args),
    }
}
