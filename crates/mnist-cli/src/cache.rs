//! `--cache`: where data are kept, and what is said where they can't be.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use model::{CacheUse, DataSets};

use crate::data::unreadable;
use crate::failure::Failure;
use crate::output::notice;

/// The name of the folder within the user's own for such things.
const OF_THE_USER: &str = "mnist";
/// The name of the folder beside that of a run.
const OF_THE_RUN: &str = ".mnist-cache";

/// The folder to keep data in; `run` is a run's folder, where there is one. Nothing if the system names none.
pub(crate) fn folder(run: Option<&Path>) -> Option<PathBuf> {
    choose(|name| std::env::var_os(name), run)
}

fn choose(variable: impl Fn(&str) -> Option<OsString>, run: Option<&Path>) -> Option<PathBuf> {
    // Relative ones are to be ignored, by the rule that XDG_CACHE_HOME is from.
    let folder = |name| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let of_the_system = || {
        let name = if cfg!(windows) { "LOCALAPPDATA" } else { "HOME" };
        folder(name).map(|path| if cfg!(windows) { path } else { path.join(".cache") })
    };
    let of_the_user = folder("XDG_CACHE_HOME").or_else(of_the_system);
    let of_the_run = || run.map(|run| run.with_file_name(OF_THE_RUN));
    of_the_user.map(|path| path.join(OF_THE_USER)).or_else(of_the_run)
}

/// Reads the data of `data` through the cache in `cache`; says so, if `is_talking`, where they can't be kept.
pub(crate) fn read(
    data: &Path,
    classes: usize,
    cache: Option<PathBuf>,
    is_talking: bool,
) -> Result<DataSets, Failure> {
    let say = |why: &dyn std::fmt::Display| {
        if is_talking {
            notice(format_args!("note: the data are not kept: {why}"));
        }
    };
    let Some(cache) = cache.filter(|cache| !is_beside(cache, data)) else {
        say(&"there is no folder for it; set XDG_CACHE_HOME");
        return DataSets::read(data, classes).map_err(|error| unreadable(data, error));
    };
    let read = DataSets::read_cached(data, classes, &cache);
    let (sets, cache_use) = read.map_err(|error| unreadable(data, error))?;
    match cache_use {
        CacheUse::NotWritten { path, cause } => {
            say(&format_args!("{}: cannot be written: {cause}", path.display()));
        }
        CacheUse::Unfit => {
            say(&"only u8 images of at most 1 GiB, unchanged while they are read, can be kept");
        }
        _ => {}
    }
    Ok(sets)
}

/// Whether the folder of a cache would stand among the data's files.
fn is_beside(cache: &Path, data: &Path) -> bool {
    let parent = cache.parent().map(|parent| match parent.as_os_str().is_empty() {
        true => Path::new("."),
        false => parent,
    });
    match (parent.map(Path::canonicalize), data.canonicalize()) {
        (Some(Ok(parent)), Ok(data)) => parent == data,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(not(windows))]
    #[test]
    fn the_folder_of_the_user_then_beside_the_run() {
        let check = |variables: &[(&str, &str)], run: Option<&str>, expected: Option<&str>| {
            let variable = |name: &str| {
                let found = variables.iter().find(|(known, _)| *known == name);
                found.map(|(_, value)| OsString::from(value))
            };
            let found = choose(variable, run.map(Path::new));
            assert_eq!(found.as_deref(), expected.map(Path::new), "{variables:?} {run:?}");
        };
        let (xdg, home) = (("XDG_CACHE_HOME", "/c"), ("HOME", "/h"));
        check(&[xdg, home], Some("runs/a"), Some("/c/mnist"));
        check(&[home], Some("runs/a"), Some("/h/.cache/mnist"));
        for nothing in ["", "relative/path"] {
            let xdg = ("XDG_CACHE_HOME", nothing);
            check(&[xdg, home], None, Some("/h/.cache/mnist"));
            check(&[xdg], Some("runs/a"), Some("runs/.mnist-cache"));
        }
        check(&[], Some("out"), Some(".mnist-cache"));
        check(&[], None, None);
    }

    #[test]
    fn never_among_the_data() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        assert!(is_beside(&data.join("../data/.mnist-cache"), &data));
        assert!(!is_beside(&folder.path().join(".mnist-cache"), &data));
        assert!(!is_beside(&data.join("sub/.mnist-cache"), &data));
    }
}
