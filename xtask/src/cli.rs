//! Arguments, wiring, printing and exit codes.

mod console;
mod hardening;
mod measuring;
mod soaking;

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::fetch::{self, Dataset, FetchError, Job, Patience, ProxyChoice, Source, dataset};
use crate::measure::MeasureError;
use crate::tidy;
use console::Console;
use hardening::{CoverageArgs, FuzzArgs, MutantsArgs};
use measuring::{BenchArgs, CompareArgs, CountArgs};
use soaking::SoakArgs;

const EXIT_CODES: &str = "\
Exit codes: 0 ok; 2 usage; 3 content is wrong; 4 cannot be opened or written; 5 network; \
6 a checksum does not match.";

/// The workspace's own chores.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    FetchData(FetchArgs),
    Compare(CompareArgs),
    Bench(BenchArgs),
    Count(CountArgs),
    Fuzz(FuzzArgs),
    Mutants(MutantsArgs),
    Coverage(CoverageArgs),
    Soak(SoakArgs),
    /// Check the rules of the house that neither the compiler nor clippy checks
    ///
    /// Import edges between our crates, where `unsafe` may stand, docstrings, file lengths, paths
    /// named in ARCHITECTURE.md, absolute paths of somebody's machine, tabs and trailing blanks.
    /// Each finding is one line: file:line, what, and what to do. `cargo test -p xtask` runs the
    /// same check. Exit code 3 where there is a finding.
    Tidy,
}

/// Fetch a real data set, verified, into data/DATASET/
///
/// The files come from the data set's mirrors in turn, are compared with pinned SHA-256 sums, and
/// only then get their names; an interrupted download goes on where it stopped. Files that are
/// there and right are not fetched again. HTTPS_PROXY and NO_PROXY are honoured.
#[derive(Args, Debug)]
#[command(after_long_help = FETCH_EXAMPLES)]
struct FetchArgs {
    /// Which data set
    #[arg(long, value_enum, default_value_t = Name::Mnist)]
    dataset: Name,
    /// Take the files from this folder or base address instead of the mirrors
    ///
    /// A folder may hold them packed or not, spelt train-images-idx3-ubyte or
    /// train-images.idx3-ubyte. The sums are checked all the same.
    #[arg(long, value_name = "DIR|URL")]
    from: Option<String>,
    /// Put them into this folder [default: data/DATASET at the workspace root]
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// Fetch again what is there, from the start
    #[arg(long)]
    force: bool,
}

const FETCH_EXAMPLES: &str = "\
Examples:
  cargo xtask fetch-data
  cargo xtask fetch-data --dataset fashion-mnist
  cargo xtask fetch-data --from ~/Downloads
  cargo xtask fetch-data --from https://mirror.example/mnist/ --to elsewhere

Exit codes: 0 ok; 2 usage; 3 content is wrong; 4 cannot be opened or written; 5 network;
6 a checksum does not match.";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Name {
    /// Handwritten digits
    Mnist,
    /// Articles of clothing
    FashionMnist,
    /// Cursive Japanese characters
    Kmnist,
}

impl Name {
    fn dataset(self) -> Dataset {
        match self {
            Self::Mnist => dataset::mnist(),
            Self::FashionMnist => dataset::fashion_mnist(),
            Self::Kmnist => dataset::kmnist(),
        }
    }
}

/// Parses the command line, does the chore and says how it went.
pub fn main() -> ExitCode {
    match Cli::parse().chore {
        Chore::FetchData(args) => match fetch_data(&args) {
            Ok(()) => ExitCode::SUCCESS,
            Err(e) => {
                eprintln!("error: {e}");
                ExitCode::from(e.exit_code())
            }
        },
        Chore::Compare(args) => ended(args.run()),
        Chore::Bench(args) => ended(args.run()),
        Chore::Count(args) => ended(args.run()),
        Chore::Fuzz(args) => ended(args.run()),
        Chore::Mutants(args) => ended(args.run()),
        Chore::Coverage(args) => ended(args.run()),
        Chore::Soak(args) => ended(args.run()),
        Chore::Tidy => match tidy::check(&workspace_root()) {
            Ok(findings) if findings.is_empty() => ExitCode::SUCCESS,
            Ok(findings) => {
                for finding in &findings {
                    println!("{finding}");
                }
                eprintln!("error: {} to tidy", plural(findings.len(), "thing"));
                ExitCode::from(3)
            }
            Err(e) => {
                eprintln!("error: {e}");
                ExitCode::from(4)
            }
        },
    }
}

/// Tells how measuring went.
fn ended(result: Result<(), MeasureError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("error: {e}");
            ExitCode::from(e.exit_code())
        }
    }
}

/// The folder of the workspace's Cargo.toml.
pub fn workspace_root() -> PathBuf {
    // Cargo sets the variable when it runs the program; what it was at build time is right too,
    // unless somebody has moved the folder since.
    let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest_dir.parent().map_or_else(|| manifest_dir.clone(), Path::to_owned)
}

fn fetch_data(args: &FetchArgs) -> Result<(), FetchError> {
    let dataset = args.dataset.dataset();
    let source = match &args.from {
        Some(given) => Source::parse(given)?,
        None => Source::Mirrors,
    };
    let default_target = || workspace_root().join("data").join(&dataset.name);
    let target = args.to.clone().unwrap_or_else(default_target);
    let mut again = match dataset.name.as_str() {
        "mnist" => String::new(),
        name => format!(" --dataset {name}"),
    };
    if let Some(to) = &args.to {
        again.push_str(&format!(" --to {}", to.display()));
    }
    let job = Job {
        source,
        again,
        target,
        force: args.force,
        patience: Patience::default(),
        proxy: ProxyChoice::Environment,
        dataset,
    };
    eprintln!("{}", job.dataset.title);
    eprintln!("  by {}; licence {}", job.dataset.attribution, job.dataset.licence);
    if let Some(from) = &args.from {
        eprintln!("  from {}", fetch::shown(from));
    }
    eprintln!("  into {}", shown(&job.target));
    let mut console = Console::new(&job.dataset);
    let files = fetch::fetch(&job, &mut console)?;
    eprintln!("{} verified.", plural(files.len(), "file"));
    if args.to.is_none() && job.dataset.name == "mnist" {
        eprintln!("Next: cargo run -p mnist-cli");
    } else {
        eprintln!("Next: cargo run -p mnist-cli -- train --data {}", shown(&job.target));
    }
    Ok(())
}

/// A path as a person in the current folder would type it.
fn shown(path: &Path) -> String {
    let here = env::current_dir().ok();
    let relative = here.as_ref().and_then(|here| path.strip_prefix(here).ok());
    relative.filter(|p| !p.as_os_str().is_empty()).unwrap_or(path).display().to_string()
}

fn plural(n: usize, what: &str) -> String {
    if n == 1 { format!("{n} {what}") } else { format!("{n} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_data_set_has_its_name() {
        for name in Name::value_variants() {
            let value = name.to_possible_value().unwrap();
            assert_eq!(value.get_name(), name.dataset().name);
        }
        assert_eq!(Name::value_variants().len(), dataset::all().len());
    }

    #[test]
    fn the_workspace_root_has_a_manifest() {
        assert!(workspace_root().join("Cargo.toml").is_file());
    }
}
