//! `compare`: the tutorial's run in ours and in what people would use instead, in turns in one run.
//!
//! 1. find the real data, build ours, make a Python environment with what can be had (`python`);
//! 2. run each trainer once to warm up; only that run's peak memory is kept (`process`);
//! 3. run each in turn, round after round; times come from these, with nobody watching (`process`);
//! 4. put the medians into one table (`summary`).
//!
//! [`gemm`] does the same for products of matrices, in one process, by a bench of `kernels`. [`to_92`] measures
//! how soon ours alone is as accurate as a softmax regression gets.

pub mod gemm;
mod process;
mod python;
mod summary;
pub mod to_92;
mod trainer;

use std::fs;
use std::path::{Path, PathBuf};

use crate::measure::{self, Facts, MeasureError};

pub use process::Outcome;
use process::Run;
pub use summary::{Row, Summary};
use trainer::How;
pub use trainer::Trainer;

/// What to compare.
#[derive(Clone, Debug)]
pub struct Job {
    /// The workspace.
    pub root: PathBuf,
    /// The folder of the data, where it is not data/mnist.
    pub data: Option<PathBuf>,
    /// The trainers; none for all.
    pub only: Vec<String>,
    /// How often each has its turn.
    pub rounds: usize,
    /// The Python that makes the environment.
    pub python: String,
}

/// Compares the trainers; `say` hears what happens, a line at a time.
pub fn compare(job: &Job, say: &mut dyn FnMut(&str)) -> Result<Summary, MeasureError> {
    let chosen = trainer::choose(&job.only)?;
    let data = find_data(job)?;
    let folder = folder(&job.root);
    fs::create_dir_all(&folder).map_err(MeasureError::disk("make", &folder))?;

    let mut skipped = Vec::new();
    let mut skip = |who: &Trainer, why: &str, say: &mut dyn FnMut(&str)| {
        say(&format!("{}: skipped, {why}", who.name));
        skipped.push(format!("{}: {why}", who.title));
    };
    let mut runs = Vec::new();
    say("building ours");
    let program = own_copy(&measure::build_mnist(&job.root)?, &folder)?;
    let mut python = python::Environment::new(&job.python, &environment(&job.root));
    for who in chosen {
        match who.how {
            How::Ours { threads } => {
                runs.push(Run::ours(who, (&program, threads), &data, &folder));
            }
            How::Peer { script, packages, env } => match python.provide(packages, say) {
                Ok(python) => {
                    let script = job.root.join("xtask").join("peers").join(script);
                    runs.push(Run::peer(who, (&python, &script), env, &data, &folder));
                }
                Err(why) => skip(who, &why, say),
            },
        }
    }

    let facts = Facts::gather(&job.root);
    let mut rows = Vec::new();
    for run in runs {
        say(&format!("warming up: {}", run.trainer.name));
        match run.watched() {
            Ok(outcome) => rows.push((Row::new(run.trainer, outcome), run)),
            // Ours must not fail; what others do is not our fault.
            Err(error) if matches!(run.trainer.how, How::Ours { .. }) => return Err(error),
            Err(error) => skip(run.trainer, &error.to_string(), say),
        }
    }
    for round in 1..=job.rounds {
        for (row, run) in &mut rows {
            let outcome = run.timed()?;
            say(&format!(
                "round {round} of {}: {:<10} {:>8.4} s an epoch, {:>7.3} s in all",
                job.rounds,
                run.trainer.name,
                summary::median(&outcome.epoch_seconds),
                outcome.wall_seconds
            ));
            row.add(outcome);
        }
    }
    let rows: Vec<_> = rows.into_iter().map(|(row, _)| row).collect();
    if rows.is_empty() {
        return Err(MeasureError::Nothing { what: "trainer that could run".to_owned() });
    }
    Ok(Summary { facts, rounds: job.rounds, rows, skipped })
}

/// Where the comparison keeps what it makes.
fn folder(root: &Path) -> PathBuf {
    measure::target_dir(root).join("compare")
}

/// The folder of the Python environment.
fn environment(root: &Path) -> PathBuf {
    folder(root).join("venv")
}

/// Copies the program away from where cargo puts it: a build beside the rounds does not change it.
fn own_copy(program: &Path, folder: &Path) -> Result<PathBuf, MeasureError> {
    let copy = folder.join(program.file_name().unwrap_or(program.as_os_str()));
    fs::copy(program, &copy).map_err(MeasureError::disk("copy to", &copy))?;
    Ok(copy)
}

/// The folder with the four files, as a full path.
fn find_data(job: &Job) -> Result<PathBuf, MeasureError> {
    let folder = job.data.clone().unwrap_or_else(|| job.root.join("data").join("mnist"));
    if idx::find_all(&folder).is_ok() {
        folder.canonicalize().map_err(MeasureError::disk("find", &folder))
    } else {
        Err(MeasureError::NoData { looked: vec![folder] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(data: Option<&Path>) -> Job {
        Job {
            root: PathBuf::from("no-such-root"),
            data: data.map(Path::to_owned),
            only: Vec::new(),
            rounds: 1,
            python: "python3".to_owned(),
        }
    }

    #[test]
    fn data_in_any_spelling() {
        let folder = tempfile::tempdir().unwrap();
        let names =
            ["train-images-idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images-idx3-ubyte.gz"];
        for name in names.iter().chain(&["t10k-labels.idx1-ubyte.gz"]) {
            assert!(find_data(&job(Some(folder.path()))).is_err(), "{name} is not there yet");
            fs::write(folder.path().join(name), "").unwrap();
        }
        find_data(&job(Some(folder.path()))).unwrap();
    }

    #[test]
    fn without_data_the_chore_that_fetches_them_is_named() {
        let error = compare(&job(None), &mut |_| ()).unwrap_err();
        assert!(error.to_string().contains("cargo xtask fetch-data"), "{error}");
        assert_eq!(error.exit_code(), 4);
    }
}
