//! Who may import whom: the manifests, as cargo reads them, against one table.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::tree::{self, Tree};
use super::{Finding, TidyError};

/// Each crate of ours and those of ours that it may import, in any kind of dependency.
pub const ALLOWED_EDGES: [(&str, &[&str]); 6] = [
    ("idx", &[]),
    ("kernels", &[]),
    ("model", &["idx", "kernels"]),
    ("pictures", &[]),
    ("mnist-cli", &["idx", "kernels", "model", "pictures"]),
    ("xtask", &["idx"]),
];

/// A crate of the workspace.
#[derive(Debug, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its manifest.
    pub manifest_path: PathBuf,
    /// Its crate roots.
    pub targets: Vec<Target>,
    dependencies: Vec<Dependency>,
}

/// A library, program, test or the like.
#[derive(Debug, Deserialize)]
pub struct Target {
    /// `lib`, `bin`, `test`, `bench`, `example`, `custom-build` and so on.
    pub kind: Vec<String>,
    /// The crate root.
    pub src_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    name: String,
    /// Null, `dev` or `build`.
    kind: Option<String>,
    /// Only where it is a folder of this machine.
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// Asks cargo for the workspace's crates.
pub fn packages(root: &Path) -> Result<Vec<Package>, TidyError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let args = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let text = tree::run(Command::new(cargo).args(args).current_dir(root))?;
    match serde_json::from_str::<Metadata>(&text) {
        Ok(metadata) => Ok(metadata.packages),
        Err(e) => Err(TidyError::Command { command: "cargo metadata".into(), what: e.to_string() }),
    }
}

/// Compares every edge between our crates with the table.
pub fn check(tree: &Tree, packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(path) = tree.relative(&package.manifest_path) else { continue };
        let Some((_, allowed)) = ALLOWED_EDGES.iter().find(|(name, _)| *name == package.name)
        else {
            let what = format!(
                "the crate `{}` is not in the table of import edges; \
                 say in xtask/src/tidy/edges.rs whom it may import",
                package.name
            );
            findings.push(Finding { path, line: 1, what });
            continue;
        };
        for dependency in &package.dependencies {
            let is_ours = packages.iter().any(|other| other.name == dependency.name);
            if !is_ours || dependency.path.is_none() || allowed.contains(&&*dependency.name) {
                continue;
            }
            let section = match dependency.kind.as_deref() {
                None => "dependencies",
                Some("dev") => "dev-dependencies",
                Some(_) => "build-dependencies",
            };
            let may = match allowed {
                [] => "nothing of ours".to_owned(),
                some => some.join(", "),
            };
            let what = format!(
                "`{}` imports `{}` ({section}) and may import {may}; \
                 move the code to where the edge is allowed",
                package.name, dependency.name
            );
            let text = tree.texts.get(&path).map_or("", String::as_str);
            let line = line_of(text, section, &dependency.name);
            findings.push(Finding { path: path.clone(), line, what });
        }
    }
    findings
}

/// The line of a manifest on which a dependency stands; the first where it cannot be told.
fn line_of(manifest: &str, section: &str, name: &str) -> usize {
    let mut in_section = false;
    for (idx, line) in manifest.lines().enumerate() {
        let line = line.trim();
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            // `dependencies`, `target.'cfg(..)'.dependencies`, `dependencies.name`
            let (table, last) = header.rsplit_once('.').unwrap_or(("", header));
            in_section = last == section;
            let own_table = table.rsplit('.').next() == Some(section);
            if own_table && last.trim_matches('"') == name {
                return idx + 1;
            }
            continue;
        }
        let is_key = line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
        let is_renamed = line.contains(&format!("package = \"{name}\""));
        if in_section && (is_key || is_renamed) {
            return idx + 1;
        }
    }
    1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_dependencies() {
        let manifest = "[dependencies]\nidx-extra = 1\nidx.workspace = true\n\
                        [target.'cfg(unix)'.dev-dependencies]\nidx = { path = \"..\" }\n\
                        [build-dependencies.idx]\npath = \"..\"\n[dependencies.other]\n";
        assert_eq!(line_of(manifest, "dependencies", "idx"), 3);
        assert_eq!(line_of(manifest, "dev-dependencies", "idx"), 5);
        assert_eq!(line_of(manifest, "build-dependencies", "idx"), 6);
        assert_eq!(line_of(manifest, "dependencies", "other"), 8);
        assert_eq!(line_of(manifest, "dependencies", "none"), 1);
    }
}
