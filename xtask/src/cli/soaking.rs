//! Arguments and printing of `soak`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::workspace_root;
use crate::measure::MeasureError;
use crate::soak::{self, Figures};

/// Train, kill, resume, evaluate, in a loop: every round must end with the same bytes
///
/// Runs are killed at random moments and go on from their checkpoints; models, evaluations and names of
/// files are compared with those of a run that nobody stopped. Beside them one long run saves all the
/// time, and its memory and open files are watched. Ends with the first difference, exit code 3.
#[derive(Args, Debug)]
pub struct SoakArgs {
    /// For how long
    #[arg(long, value_name = "N", default_value_t = 10,
        value_parser = clap::value_parser!(u64).range(1..=100_000))]
    minutes: u64,
    /// Folder with the four files of a data set [default: synthetic digits]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A program `mnist` that is there already, instead of building it
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
}

impl SoakArgs {
    /// Does it.
    pub fn run(&self) -> Result<(), MeasureError> {
        let (data, program) = (self.data.clone(), self.program.clone());
        let time = Duration::from_secs(60 * self.minutes);
        let job = soak::Job { root: workspace_root(), time, data, program };
        let figures = soak::soak(&job, &mut |line| eprintln!("{line}"))?;
        let Figures { rounds, kills, early, resident_kib, open_files } = figures;
        println!("{rounds} rounds in {} minutes, every one with the same bytes", self.minutes);
        println!("{kills} runs killed, {early} of them before their first checkpoint");
        if let Some([first, most, last]) = resident_kib {
            println!(
                "resident memory of the long run: {first} KiB, {most} at most, {last} at last"
            );
        }
        if let Some((least, most)) = open_files {
            println!("its open files: {least} to {most}");
        }
        println!("no file left behind; SIGTERM ended the long run with 143");
        Ok(())
    }
}
