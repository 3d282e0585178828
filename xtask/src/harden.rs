//! `fuzz`, `mutants` and `coverage`: other people's tools, with the settings that this project wants.
//!
//! A tool that is not there is no failure: it is named, with the command that installs it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::measure::MeasureError;

/// The fuzz targets, each a file of fuzz/src.
pub const TARGETS: [&str; 6] =
    ["idx", "gzip_idx", "model_file", "checkpoint", "png", "kernels_differential"];

/// What cargo-mutants changes: by package, the sources.
pub const MUTATED: [(&str, &[&str]); 3] = [
    ("idx", &["crates/idx/src/**/*.rs"]),
    (
        "model",
        &[
            "crates/model/src/model_file.rs",
            "crates/model/src/foreign.rs",
            "crates/model/src/safetensor_file.rs",
            "crates/model/src/unique_keys.rs",
        ],
    ),
    ("xtask", &["xtask/src/fetch.rs", "xtask/src/fetch/*.rs"]),
];

/// How a tool ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It ran and is content.
    Passed,
    /// It is not installed; how to get it has been said.
    Skipped,
}

/// Runs fuzz targets, each for so many seconds on one core, from the committed corpus.
///
/// What a run finds new goes to fuzz/found, which git does not see, and is used by the next one.
///
/// # Errors
/// A target that crashes, hangs or leaks; one that is not there.
pub fn fuzz(root: &Path, target: Option<&str>, seconds: u32) -> Result<Ended, MeasureError> {
    if let Some(name) = target.filter(|name| !TARGETS.contains(name)) {
        let what = format!("fuzz target {name}; there are {}", TARGETS.join(", "));
        return Err(MeasureError::Nothing { what });
    }
    if !has(Command::new("cargo").args(["+nightly", "fuzz", "--version"])) {
        eprintln!(
            "skipped: fuzzing needs nightly and cargo-fuzz (`rustup toolchain install nightly`, \
             `cargo install --locked cargo-fuzz`)"
        );
        return Ok(Ended::Skipped);
    }
    for name in TARGETS.into_iter().filter(|name| target.is_none_or(|wanted| wanted == *name)) {
        let corpus = root.join("fuzz/corpus").join(name);
        let found = root.join("fuzz/found").join(name);
        std::fs::create_dir_all(&found).map_err(MeasureError::disk("make", &found))?;
        let mut command = Command::new("cargo");
        command.args(["+nightly", "fuzz", "run", name]).arg(&found).arg(&corpus).arg("--");
        command.arg(format!("-max_total_time={seconds}"));
        command.args(["-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1"]);
        run(command.current_dir(root))?;
    }
    Ok(Ended::Passed)
}

/// Changes the sources in small ways, one at a time, and tells which changes no test notices.
///
/// # Errors
/// A change that no test notices.
pub fn mutants(root: &Path, package: Option<&str>) -> Result<Ended, MeasureError> {
    if !has(Command::new("cargo").args(["mutants", "--version"])) {
        eprintln!("skipped: there is no cargo-mutants; `cargo install --locked cargo-mutants`");
        return Ok(Ended::Skipped);
    }
    let wanted = |name: &str| package.is_none_or(|package| package == name);
    if !MUTATED.iter().any(|(name, _)| wanted(name)) {
        let names: Vec<&str> = MUTATED.iter().map(|(name, _)| *name).collect();
        let what = format!("such package to mutate; there are {}", names.join(", "));
        return Err(MeasureError::Nothing { what });
    }
    for (name, files) in MUTATED.iter().filter(|(name, _)| wanted(name)) {
        let output: PathBuf = root.join("target/mutants").join(name);
        std::fs::create_dir_all(&output).map_err(MeasureError::disk("make", &output))?;
        let mut command = Command::new("cargo");
        command.args(["mutants", "--package", name, "--jobs", "1", "--timeout", "60"]);
        files.iter().for_each(|file| {
            command.args(["--file", file]);
        });
        command.arg("--output").arg(&output).args(["--", "--lib", "--tests"]);
        run(command.current_dir(root))?;
    }
    Ok(Ended::Passed)
}

/// Prints which share of the lines of `idx` and `model` their tests run.
///
/// # Errors
/// A test that fails; fewer lines than `least` percent in either.
pub fn coverage(root: &Path, least: u32) -> Result<Ended, MeasureError> {
    if !has(Command::new("cargo").args(["llvm-cov", "--version"])) {
        eprintln!(
            "skipped: there is no cargo-llvm-cov; `cargo install --locked cargo-llvm-cov`, \
             `rustup component add llvm-tools`"
        );
        return Ok(Ended::Skipped);
    }
    for name in ["idx", "model"] {
        let others = match name {
            "idx" => "/crates/(kernels|model|pictures)/|/fuzz/|/tests/",
            _ => "/crates/(kernels|idx|pictures)/|/fuzz/|/tests/",
        };
        let mut command = Command::new("cargo");
        command.args(["llvm-cov", "--package", name, "--lib", "--tests", "--summary-only"]);
        command.args(["--ignore-filename-regex", others]);
        command.args(["--fail-under-lines", &least.to_string()]);
        run(command.current_dir(root))?;
    }
    Ok(Ended::Passed)
}

/// Whether a tool answers.
fn has(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    // Cargo tells its children of its own toolchain, and `+nightly` would not be heard.
    quiet.env_remove("RUSTUP_TOOLCHAIN").status().is_ok_and(|status| status.success())
}

/// Runs a tool whose words go to the terminal.
fn run(command: &mut Command) -> Result<(), MeasureError> {
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy().into_owned()).collect();
    let shown = format!("cargo {}", args.join(" "));
    eprintln!("$ {shown}");
    command.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(MeasureError::Command { command: shown, what: status.to_string() }),
        Err(source) => Err(MeasureError::Start { command: shown, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::workspace_root;

    #[test]
    fn every_target_has_its_files() {
        let fuzz = workspace_root().join("fuzz");
        let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        for name in TARGETS {
            assert!(fuzz.join(format!("src/{name}.rs")).is_file(), "{name}");
            assert!(fuzz.join(format!("fuzz_targets/{name}.rs")).is_file(), "{name}");
            assert!(fuzz.join("corpus").join(name).is_dir(), "{name}");
            assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
        }
        assert_eq!(std::fs::read_dir(fuzz.join("fuzz_targets")).unwrap().count(), TARGETS.len());
    }

    #[test]
    fn what_is_mutated_is_there() {
        let there =
            |file: &str| workspace_root().join(file.replace("**/*", "lib").replace('*', "part"));
        for file in MUTATED.iter().flat_map(|(_, files)| *files) {
            assert!(there(file).is_file(), "{file}");
        }
    }

    #[test]
    fn a_target_or_package_that_is_not_there_is_told() {
        let root = workspace_root();
        assert_eq!(fuzz(&root, Some("no"), 1).unwrap_err().exit_code(), 3);
        let error = mutants(&root, Some("no")).map(|ended| assert_eq!(ended, Ended::Skipped));
        assert!(error.is_ok() || error.unwrap_err().exit_code() == 3);
    }
}
