//! Commands and files.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::MeasureError;

/// Lines of a failed command that its error quotes.
const QUOTED_LINES: usize = 12;

/// The workspace's own target folder, whatever built the chore.
pub fn target_dir(root: &Path) -> PathBuf {
    root.join("target")
}

/// A cargo command at the workspace's root that builds into its own target folder.
pub fn cargo(root: &Path, args: &[&str]) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.args(args).current_dir(root).env("CARGO_TARGET_DIR", target_dir(root));
    for setting in ["MNIST_DATA", "MNIST_ISA"] {
        command.env_remove(setting);
    }
    command
}

/// Builds the program `mnist` in release form; gives its path.
pub fn build_mnist(root: &Path) -> Result<PathBuf, MeasureError> {
    capture(&mut cargo(root, &["build", "--quiet", "--release", "-p", "mnist-cli"]))?;
    Ok(target_dir(root).join("release").join(format!("mnist{}", env::consts::EXE_SUFFIX)))
}

/// Runs a command to its end and gives what it prints; where it fails, the error quotes the end of what
/// it said.
pub fn capture(command: &mut Command) -> Result<String, MeasureError> {
    let shown = shown(command);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|source| MeasureError::Start { command: shown.clone(), source })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = said.lines().collect();
    let what = match lines[lines.len().saturating_sub(QUOTED_LINES)..].join("\n") {
        nothing if nothing.trim().is_empty() => output.status.to_string(),
        what => what,
    };
    Err(MeasureError::Command { command: shown, what })
}

/// The first line that a command prints, if it can be run.
pub fn first_line(program: &str, args: &[&str], folder: &Path) -> Option<String> {
    let text = capture(Command::new(program).args(args).current_dir(folder)).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

/// Reads a text.
pub fn read(path: &Path) -> Result<String, MeasureError> {
    fs::read_to_string(path).map_err(MeasureError::disk("read", path))
}

/// Writes a text, whole or not at all, and the folders above it.
pub fn write(path: &Path, text: &str) -> Result<(), MeasureError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(MeasureError::disk("make", folder))?;
    }
    idx::atomic::write(path, text.as_bytes()).map_err(MeasureError::disk("write", path))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let program = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let args = command.get_args().map(|arg| arg.to_string_lossy().into_owned());
    std::iter::once(program.into_owned()).chain(args).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_written_and_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new").join("file.txt");
        write(&path, "one\n").unwrap();
        write(&path, "two\n").unwrap();
        assert_eq!(read(&path).unwrap(), "two\n");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_command_that_is_not_there_is_named() {
        let error = capture(Command::new("no-such-program").arg("x")).unwrap_err();
        assert!(error.to_string().starts_with("cannot start `no-such-program x`: "), "{error}");
    }
}
