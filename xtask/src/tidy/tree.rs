//! The files of the tree: those that git tracks or would track; without git, all but build output.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::TidyError;

/// Folders that a plain walk leaves out; git leaves them out by .gitignore.
const NOT_OURS: [&str; 3] = ["target", "data", "runs"];

/// A tree's text files and the names of all.
pub struct Tree {
    /// Where it stands.
    pub root: PathBuf,
    /// The text of each file that is text, by its path from the root, with `/`.
    pub texts: BTreeMap<String, String>,
    /// All files and folders.
    pub names: BTreeSet<String>,
}

impl Tree {
    /// Reads the tree under `root`.
    pub fn read(root: &Path) -> Result<Self, TidyError> {
        let paths = if root.join(".git").exists() { tracked(root)? } else { walk(root)? };
        let mut tree =
            Self { root: root.to_owned(), texts: BTreeMap::new(), names: BTreeSet::new() };
        for path in paths {
            let full = root.join(&path);
            // A tracked file that is deleted but not yet committed so, or a submodule.
            if !full.is_file() {
                continue;
            }
            let bytes = fs::read(&full).map_err(|source| TidyError::Read { path: full, source })?;
            let mut folder = path.as_str();
            while let Some((parent, _)) = folder.rsplit_once('/') {
                tree.names.insert(parent.to_owned());
                folder = parent;
            }
            tree.names.insert(path.clone());
            if let Ok(text) = String::from_utf8(bytes) {
                tree.texts.insert(path, text);
            }
        }
        Ok(tree)
    }

    /// The Rust sources.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        texts.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// A full path as one from the root, where it lies under it.
    pub fn relative(&self, full: &Path) -> Option<String> {
        let inside = full.strip_prefix(&self.root).ok();
        // Cargo gives canonical paths; the root may be reached through a link.
        let canonical = self.root.canonicalize().ok();
        let inside = inside.or_else(|| full.strip_prefix(canonical?).ok());
        inside.map(with_slashes)
    }
}

fn tracked(root: &Path) -> Result<Vec<String>, TidyError> {
    let args = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listing = run(Command::new("git").arg("-C").arg(root).args(args).env_remove("GIT_DIR"))?;
    Ok(listing.split('\0').filter(|path| !path.is_empty()).map(String::from).collect())
}

fn walk(root: &Path) -> Result<Vec<String>, TidyError> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let fault = |source| TidyError::Read { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(fault)? {
            let path = entry.map_err(fault)?.path();
            let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
            if path.is_dir() {
                if name != ".git" && !NOT_OURS.contains(&&*name) {
                    folders.push(path);
                }
            } else if let Ok(inside) = path.strip_prefix(root) {
                found.push(with_slashes(inside));
            }
        }
    }
    Ok(found)
}

fn with_slashes(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// Runs a command and gives what it prints.
pub fn run(command: &mut Command) -> Result<String, TidyError> {
    let args: Vec<_> = command.get_args().map(|arg| arg.to_string_lossy()).collect();
    let shown = format!("{} {}", command.get_program().to_string_lossy(), args.join(" "));
    match command.output() {
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => {
            let what = String::from_utf8_lossy(&output.stderr).into_owned();
            Err(TidyError::Command { command: shown, what })
        }
        Err(e) => Err(TidyError::Command { command: shown, what: e.to_string() }),
    }
}
