//! Arguments of `fuzz`, `mutants` and `coverage`.

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::workspace_root;
use crate::harden;
use crate::measure::MeasureError;

/// Run the fuzz targets from their committed corpus
///
/// Needs nightly and cargo-fuzz; where they are missing, it says so and passes. New inputs are kept in
/// fuzz/found, those that crash in fuzz/artifacts.
#[derive(Args, Debug)]
pub struct FuzzArgs {
    /// Only this target [default: all]
    #[arg(value_name = "TARGET", value_parser = PossibleValuesParser::new(harden::TARGETS))]
    target: Option<String>,
    /// Seconds for each target
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
}

impl FuzzArgs {
    /// Does it.
    pub fn run(&self) -> Result<(), MeasureError> {
        harden::fuzz(&workspace_root(), self.target.as_deref(), self.seconds).map(|_| ())
    }
}

/// Change the sources in small ways and tell which changes no test notices
///
/// Needs cargo-mutants; where it is missing, it says so and passes. Takes an hour and more; what came
/// of it is under target/mutants.
#[derive(Args, Debug)]
pub struct MutantsArgs {
    /// Only the sources of this package: idx, model or xtask [default: all]
    #[arg(value_name = "PACKAGE")]
    package: Option<String>,
}

impl MutantsArgs {
    /// Does it.
    pub fn run(&self) -> Result<(), MeasureError> {
        harden::mutants(&workspace_root(), self.package.as_deref()).map(|_| ())
    }
}

/// Tell which share of the lines of idx and model their tests run
///
/// Needs cargo-llvm-cov; where it is missing, it says so and passes.
#[derive(Args, Debug)]
pub struct CoverageArgs {
    /// Fail below this percentage in either
    #[arg(long, value_name = "N", default_value_t = 95, value_parser = clap::value_parser!(u32).range(0..=100))]
    least: u32,
}

impl CoverageArgs {
    /// Does it.
    pub fn run(&self) -> Result<(), MeasureError> {
        harden::coverage(&workspace_root(), self.least).map(|_| ())
    }
}
