//! `bench`: criterion's results as a dated record, and what moved against the newest earlier one.
//!
//! - `estimates` reads what criterion leaves under target/criterion;
//! - `record` is the form of `benches/record/DATE-CPU.csv`;
//! - `moved` compares with the records before it, of the same processor.

mod estimates;
mod moved;
mod record;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::SystemTime;

use crate::measure::{self, Facts, MeasureError, Table};

pub use estimates::Estimate;
pub use moved::{LIMIT, Moved};
pub use record::Record;

/// The crates that have benches.
const PACKAGES: [&str; 2] = ["kernels", "model"];

/// What to measure.
#[derive(Clone, Debug)]
pub struct Job {
    /// The workspace.
    pub root: PathBuf,
    /// A part of the benches' ids.
    pub only: Option<String>,
    /// Measure nothing and write nothing: read what criterion left.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Measured {
    /// Where the record stands, unless it was a dry run.
    pub written: Option<PathBuf>,
    /// How many benches are in it.
    pub n_benches: usize,
    /// The table of those that moved.
    pub moved: Table,
    /// The earlier record that most of them were compared with.
    pub against: Option<String>,
}

/// Measures, records, compares.
pub fn bench(job: &Job) -> Result<Measured, MeasureError> {
    let (facts, started) = (Facts::gather(&job.root), SystemTime::now());
    if !job.dry_run {
        for package in PACKAGES {
            let mut command = measure::cargo(&job.root, &["bench", "-p", package, "--"]);
            command.args(&job.only).stdin(Stdio::null());
            run_in_sight(&mut command, package)?;
        }
    }
    let left = measure::target_dir(&job.root).join("criterion");
    let since = (!job.dry_run).then_some(started);
    let estimates = estimates::read_all(&left, since, job.only.as_deref())?;
    if estimates.is_empty() {
        return Err(MeasureError::Nothing { what: "result of criterion to record".to_owned() });
    }
    let record = Record { facts, estimates };
    let folder = job.root.join("benches").join("record");
    let earlier = record::earlier(&folder, &record.facts.cpu_slug())?;
    let moved = moved::find(&record.estimates, &earlier);
    let written = match job.dry_run {
        true => None,
        false => Some(write(&folder, &record)?),
    };
    Ok(Measured {
        written,
        n_benches: record.estimates.len(),
        moved: moved::table(&moved),
        against: earlier.last().map(|(name, _)| name.clone()),
    })
}

/// Runs a command that prints to our stderr as it goes.
fn run_in_sight(command: &mut std::process::Command, package: &str) -> Result<(), MeasureError> {
    let shown = format!("cargo bench -p {package}");
    let fault = |source| MeasureError::Start { command: shown.clone(), source };
    // Results go to stderr here; stdout is for what we find.
    let status = command.stdout(std::io::stderr()).status().map_err(fault)?;
    match status.success() {
        true => Ok(()),
        false => Err(MeasureError::Command { command: shown, what: status.to_string() }),
    }
}

/// Writes the record under the first of `<date>-<cpu>`, `<date>-<cpu>.2`, ... that is not there.
fn write(folder: &Path, record: &Record) -> Result<PathBuf, MeasureError> {
    fs::create_dir_all(folder).map_err(MeasureError::disk("make", folder))?;
    let names = (1..).map(|n| folder.join(record::file_name(&record.facts, n)));
    let path = names.into_iter().find(|path| !path.exists()).unwrap_or_default();
    measure::write(&path, &record.to_csv())?;
    Ok(path)
}
