//! Arguments and printing of `compare`, `bench` and `count`.

use std::path::PathBuf;

use clap::Args;

use super::{plural, shown, workspace_root};
use crate::compare::to_92;
use crate::measure::{Facts, MeasureError, write_section};
use crate::{bench, compare, count};

/// Compare with what people would use instead: NumPy, JAX, PyTorch, TensorFlow, scikit-learn
///
/// Runs the tutorial's ten epochs on MNIST in each and in ours, in turns, and prints one table: the
/// median seconds of an epoch's training, those of the whole process, peak memory, test accuracy,
/// and how many times as long as ours it takes. The Python environment is made under target/; pip's
/// own settings hold, and what it cannot get is skipped with a line. With --gemm it compares products
/// of matrices on one thread instead, with the libraries that are there. With --to-92 it measures ours
/// alone: from the start of the process, with raw files, until 92 % of the test images are right.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Folder with the four MNIST files [default: data/mnist at the workspace root]
    #[arg(long, value_name = "DIR", conflicts_with = "gemm")]
    data: Option<PathBuf>,
    /// Only these, by their short names; with --gemm, shapes with one of these words
    #[arg(long, value_name = "A,B", value_delimiter = ',', conflicts_with = "to_92")]
    only: Vec<String>,
    /// How often each has its turn, after one to warm up [default: 3, or 30 with --to-92]
    #[arg(long, value_name = "N", conflicts_with_all = ["gemm", "choose"],
        value_parser = clap::value_parser!(u16).range(1..))]
    rounds: Option<u16>,
    /// The Python that makes the environment
    #[arg(long, value_name = "PROGRAM", default_value = "python3",
        conflicts_with_all = ["gemm", "to_92"])]
    python: String,
    /// Measure how soon ours has 92 % of the test images right
    #[arg(long = "to-92", conflicts_with = "gemm")]
    to_92: bool,
    /// With --to-92: show how its settings are chosen, by validation images alone, and measure nothing
    #[arg(long, requires = "to_92", conflicts_with_all = ["json", "markdown"])]
    choose: bool,
    /// Compare products of matrices
    #[arg(long)]
    gemm: bool,
    /// Print JSON instead of the table
    #[arg(long)]
    json: bool,
    /// Write table, facts and command into this page too, between its marks
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
}

impl CompareArgs {
    /// Does it.
    pub fn run(&self) -> Result<(), MeasureError> {
        let root = workspace_root();
        if self.gemm {
            let rates = compare::gemm::compare(&root, &self.only)?;
            let text =
                if self.json { format!("{:#}\n", rates.json()) } else { rates.table().text() };
            print!("{text}");
            return self.write("gemm", &rates.facts, &rates.markdown());
        }
        let job = compare::Job {
            root,
            data: self.data.clone(),
            only: self.only.clone(),
            rounds: self.rounds().into(),
            python: self.python.clone(),
        };
        if self.choose {
            return choose(&job);
        }
        if self.to_92 {
            let measured = to_92::measure(&job, &mut |line| eprintln!("{line}"))?;
            let text = if self.json {
                format!("{:#}\n", measured.json())
            } else {
                measured.table().text()
            };
            print!("{text}");
            return self.write("to-92", &measured.facts, &measured.table().markdown());
        }
        let summary = compare::compare(&job, &mut |line| eprintln!("{line}"))?;
        let text =
            if self.json { format!("{:#}\n", summary.json()) } else { summary.table().text() };
        print!("{text}");
        self.write("trainers", &summary.facts, &summary.markdown())
    }

    fn write(&self, section: &str, facts: &Facts, body: &str) -> Result<(), MeasureError> {
        let Some(page) = &self.markdown else { return Ok(()) };
        write_section(page, section, (facts, &self.command()), body)?;
        eprintln!("written to {}", shown(page));
        Ok(())
    }

    fn rounds(&self) -> u16 {
        self.rounds.unwrap_or(if self.to_92 { 30 } else { 3 })
    }

    /// The command as anyone would type it: without this machine's folders.
    fn command(&self) -> String {
        let mut command = "cargo xtask compare".to_owned();
        if self.gemm {
            command.push_str(" --gemm");
        } else {
            command.push_str(if self.to_92 { " --to-92" } else { "" });
            command.push_str(&format!(" --rounds {}", self.rounds()));
        }
        if !self.only.is_empty() {
            command.push_str(&format!(" --only {}", self.only.join(",")));
        }
        command
    }
}

/// Prints the grid of `--to-92`, and what comes out of it.
fn choose(job: &compare::Job) -> Result<(), MeasureError> {
    let (candidates, best) = to_92::choose(job, &mut |line| eprintln!("{line}"))?;
    print!("{}", to_92::table(&candidates).text());
    let best =
        best.ok_or(MeasureError::Nothing { what: "setting that is good enough".to_owned() })?;
    println!("chosen: {}", best.setting.args().join(" "));
    if best.setting != to_92::CHOSEN {
        println!("--to-92 still runs: {}", to_92::CHOSEN.args().join(" "));
    }
    Ok(())
}

/// Run the benches, record their results, tell what moved by more than 5 %
///
/// Runs `cargo bench` of kernels and model, writes benches/record/DATE-CPU.csv, and compares each
/// result with the newest earlier record of the same processor that has it.
#[derive(Args, Debug)]
pub struct BenchArgs {
    /// Only benches whose ids have this in them
    #[arg(long, value_name = "FILTER")]
    only: Option<String>,
    /// Run and write nothing: tell what moved in the results that criterion left
    #[arg(long)]
    dry_run: bool,
}

impl BenchArgs {
    /// Does it.
    pub fn run(&self) -> Result<(), MeasureError> {
        let job =
            bench::Job { root: workspace_root(), only: self.only.clone(), dry_run: self.dry_run };
        let measured = bench::bench(&job)?;
        let benches = plural(measured.n_benches, "result");
        match &measured.written {
            Some(path) => eprintln!("{benches} written to {}", shown(path)),
            None => eprintln!("{benches} read, nothing written"),
        }
        match &measured.against {
            None => eprintln!("no earlier record of this processor to compare with"),
            Some(record) if measured.moved.is_empty() => {
                println!("nothing moved by more than {:.0} % since {record}", bench::LIMIT * 100.0);
            }
            Some(_) => print!("{}", measured.moved.text()),
        }
        Ok(())
    }
}

/// Count the instructions of training an image, and fail if they grew by more than 3 %
///
/// Needs valgrind; where there is none, it says so and passes. The committed number stands in
/// benches/record/instructions.txt. Another compiler may need another one.
#[derive(Args, Debug)]
pub struct CountArgs {
    /// Write the number that is counted, to be committed
    #[arg(long)]
    accept: bool,
}

impl CountArgs {
    /// Does it.
    pub fn run(&self) -> Result<(), MeasureError> {
        match count::count(&workspace_root(), self.accept)? {
            count::Counted::NoValgrind => eprintln!("skipped: there is no valgrind"),
            count::Counted::Accepted { found, path } => {
                println!("{found} instructions an image, written to {}", shown(&path));
            }
            count::Counted::Within { found, expected } => {
                let change = (found as f64 / expected as f64 - 1.0) * 100.0;
                println!(
                    "{found} instructions an image, {change:+.1} % of {expected} as committed"
                );
                if -change > count::LIMIT * 100.0 {
                    println!("`cargo xtask count --accept` writes the new number, to be committed");
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: CompareArgs,
    }

    fn parse(words: &str) -> Result<CompareArgs, String> {
        let words = ["compare"].into_iter().chain(words.split_whitespace());
        Line::try_parse_from(words).map(|line| line.args).map_err(|error| error.to_string())
    }

    #[test]
    fn rounds_by_what_is_measured() {
        for (words, rounds, command) in [
            ("", 3, "cargo xtask compare --rounds 3"),
            ("--rounds 7 --only numpy", 7, "cargo xtask compare --rounds 7 --only numpy"),
            ("--to-92 --data elsewhere", 30, "cargo xtask compare --to-92 --rounds 30"),
            ("--to-92 --rounds 5", 5, "cargo xtask compare --to-92 --rounds 5"),
        ] {
            let args = parse(words).unwrap();
            assert_eq!((args.rounds(), &*args.command()), (rounds, command), "{words}");
        }
        assert!(parse("--to-92 --choose").unwrap().choose);
    }

    #[test]
    fn what_makes_no_sense_together() {
        for words in [
            "--choose",
            "--to-92 --gemm",
            "--to-92 --only numpy",
            "--to-92 --python python3",
            "--to-92 --choose --rounds 5",
            "--to-92 --choose --json",
            "--rounds 0",
        ] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
