//! A Python environment under target/, with what can be had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::measure::capture;

/// The longest that a package may take: one of them has two gigabytes with all that it needs.
const INSTALL_LIMIT: Duration = Duration::from_secs(900);

/// Prints the version of the package that is named first, or fails.
const VERSION: &str = "import importlib.metadata as m, sys; print(m.version(sys.argv[1]))";

/// The environment, made when the first package is asked for.
///
/// pip's own settings hold, such as another index.
pub struct Environment {
    maker: String,
    folder: PathBuf,
    /// Whether it could be made, once that was tried.
    made: Option<Result<(), String>>,
    /// What came of each package that was asked for.
    packages: BTreeMap<String, Result<(), String>>,
}

impl Environment {
    /// An environment in `folder`, which the Python called `maker` makes if it is not there.
    pub fn new(maker: &str, folder: &Path) -> Self {
        let (maker, folder) = (maker.to_owned(), folder.to_owned());
        Self { maker, folder, made: None, packages: BTreeMap::new() }
    }

    /// Sees to it that these packages are there; gives the environment's Python, or says in one line
    /// why not.
    pub fn provide(
        &mut self,
        packages: &[&str],
        say: &mut dyn FnMut(&str),
    ) -> Result<PathBuf, String> {
        if self.made.is_none() {
            self.made = Some(self.make(say));
        }
        self.made.clone().unwrap_or(Ok(()))?;
        for &package in packages {
            if !self.packages.contains_key(package) {
                let result = self.install(package, say);
                self.packages.insert(package.to_owned(), result);
            }
            self.packages[package].clone()?;
        }
        Ok(self.python())
    }

    fn python(&self) -> PathBuf {
        match cfg!(windows) {
            true => self.folder.join("Scripts").join("python.exe"),
            false => self.folder.join("bin").join("python"),
        }
    }

    fn make(&self, say: &mut dyn FnMut(&str)) -> Result<(), String> {
        if capture(Command::new(self.python()).arg("--version")).is_ok() {
            return Ok(());
        }
        say("making a Python environment under target/");
        let mut command = Command::new(&self.maker);
        command.args(["-m", "venv", "--clear"]).arg(&self.folder);
        capture(&mut command).map(drop).map_err(|error| in_one_line(&error.to_string()))
    }

    fn install(&self, package: &str, say: &mut dyn FnMut(&str)) -> Result<(), String> {
        let there = || capture(Command::new(self.python()).args(["-c", VERSION, package])).is_ok();
        if there() {
            return Ok(());
        }
        say(&format!("installing {package}"));
        let mut pip = Command::new(self.python());
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", package]);
        pip.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let status = pip.spawn().and_then(|mut child| wait(&mut child, INSTALL_LIMIT));
        match status {
            Ok(Some(status)) if status.success() && there() => Ok(()),
            Ok(Some(_)) => Err(format!("`pip install {package}` failed")),
            Ok(None) => Err(format!("`pip install {package}` took more than {INSTALL_LIMIT:.0?}")),
            Err(error) => Err(format!("`pip install {package}` cannot be started: {error}")),
        }
    }
}

/// Waits for a process, at most as long as the limit: then it is ended, and there is no status.
pub fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if started.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        sleep(Duration::from_millis(50));
    }
}

fn in_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_python_every_peer_says_so_in_one_line() {
        let folder = tempfile::tempdir().unwrap();
        let mut environment = Environment::new("no-such-python", &folder.path().join("venv"));
        let mut lines = 0;
        for _ in 0..2 {
            let why = environment.provide(&["numpy"], &mut |_| lines += 1).unwrap_err();
            assert!(why.starts_with("cannot start `no-such-python -m venv"), "{why}");
            assert!(!why.contains('\n'));
        }
        assert_eq!(lines, 1, "it is tried once");
    }
}
