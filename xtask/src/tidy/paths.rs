//! Paths in prose: those that ARCHITECTURE.md names must exist, those of a machine must not be.

use super::Finding;
use super::tree::Tree;

/// The map of the tree.
const MAP: &str = "ARCHITECTURE.md";

/// Folders that exist only after a run; naming them is no error.
const MADE_LATER: [&str; 3] = ["data/", "runs/", "target/"];

/// How paths of somebody's machine begin.
const MACHINE: [&str; 5] = ["/home/", "/root/", "/work/", "/Users/", r"C:\Users\"];

/// Checks the map's paths and every text for paths of a machine.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &tree.texts {
        for (idx, line) in text.lines().enumerate() {
            if let Some(found) = machine_path(line) {
                let what = format!("`{found}` is a path of one machine; name it from the root");
                findings.push(Finding { path: path.clone(), line: idx + 1, what });
            }
        }
    }
    let map = tree.texts.get(MAP).map_or("", String::as_str);
    for (line, named) in named_paths(map) {
        if !alternatives(&named).iter().all(|path| exists(tree, path)) {
            let what = format!("`{named}` is not in the tree; correct it, or take the marks off");
            findings.push(Finding { path: MAP.into(), line, what });
        }
    }
    findings
}

/// The first path of somebody's machine in a line.
fn machine_path(line: &str) -> Option<&str> {
    MACHINE.iter().find_map(|start| {
        line.match_indices(start).find_map(|(at, _)| {
            // `../job/x` and `https://host/home/x` are not such paths, nor is a bare `/home/`.
            let inside = |c: char| c.is_alphanumeric() || "._-~*}>".contains(c);
            let after = &line[at + start.len()..];
            let n_bytes = after.find(|c: char| !(inside(c) || c == '/')).unwrap_or(after.len());
            let starts_here = !line[..at].ends_with(inside);
            (starts_here && n_bytes > 0).then(|| &line[at..at + start.len() + n_bytes])
        })
    })
}

/// What stands in backticks outside code blocks and looks like a path, with its line.
fn named_paths(markdown: &str) -> Vec<(usize, String)> {
    let mut named = Vec::new();
    let mut in_block = false;
    for (idx, line) in markdown.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            in_block = !in_block;
        } else if !in_block {
            let marked = line.split('`').skip(1).step_by(2).filter(|text| is_path(text));
            named.extend(marked.map(|text| (idx + 1, text.to_owned())));
        }
    }
    named
}

fn is_path(text: &str) -> bool {
    let is_char = |c: char| c.is_alphanumeric() || "/._-*{},".contains(c);
    let ends = [".rs", ".md", ".toml"];
    let looks = text.contains('/') || ends.iter().any(|end| text.ends_with(end));
    let starts = text.starts_with(|c: char| c.is_alphanumeric() || "._*".contains(c));
    // `1/255` is a number.
    let is_word = text.contains(char::is_alphabetic);
    looks && starts && is_word && text.chars().all(is_char)
}

/// Spells out braces: `a/{b,c}.rs` is `a/b.rs` and `a/c.rs`.
fn alternatives(path: &str) -> Vec<String> {
    let parts = path.split_once('{').and_then(|(head, rest)| {
        let (inner, tail) = rest.split_once('}')?;
        Some((head, inner, tail))
    });
    match parts {
        Some((head, inner, tail)) => inner
            .split(',')
            .flat_map(|one| alternatives(&format!("{head}{}{tail}", one.trim())))
            .collect(),
        None => vec![path.to_owned()],
    }
}

/// Whether a path names something of the tree, from its root or from one of its folders.
fn exists(tree: &Tree, path: &str) -> bool {
    let path = path.trim_start_matches("./");
    if MADE_LATER.iter().any(|folder| path.starts_with(folder)) {
        return true;
    }
    let path = path.trim_end_matches('/');
    tree.names.iter().any(|name| {
        let tails = name.match_indices('/').map(|(at, _)| &name[at + 1..]);
        [name.as_str()].into_iter().chain(tails).any(|tail| glob(path, tail))
    })
}

/// Whether a pattern matches a whole path; `*` stands for any characters but `/`.
pub fn glob(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((head, rest)) => path.strip_prefix(head).is_some_and(|tail| {
            let segment = tail.find('/').unwrap_or(tail.len());
            tail.char_indices()
                .map(|(at, _)| at)
                .chain([tail.len()])
                .take_while(|at| *at <= segment)
                .any(|at| glob(rest, &tail[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        assert!(glob("a/*.rs", "a/b.rs") && glob("a/*", "a/b") && glob("*/b/*", "a/b/c"));
        assert!(glob("a", "a") && glob("a*", "a") && glob("*", "a"));
        assert!(!glob("a/*", "a/b/c") && !glob("a/*.rs", "a/b.md") && !glob("a", "ab"));
    }

    #[test]
    fn what_looks_like_a_path() {
        for path in ["crates/idx/", "a/b.rs", "README.md", "*/src/lib.rs", ".ci/run", "a/{b,c}.rs"]
        {
            assert!(is_path(path), "{path}");
        }
        for other in ["1/255", "a / b", "https://x/y", "--from/x", "idx::read", "data/<name>/", "w"]
        {
            assert!(!is_path(other), "{other}");
        }
    }

    #[test]
    fn paths_of_a_machine() {
        let home = ["", "home", "someone", "x"].join("/");
        assert_eq!(machine_path(&format!("see {home}, there")), Some(home.as_str()));
        assert_eq!(machine_path(&format!("file://{home}")), Some(home.as_str()));
        assert_eq!(machine_path(&format!("https://host.example{home}")), None);
        assert_eq!(machine_path("`/home/` and ../job/x and ~/home/x"), None);
    }

    #[test]
    fn braces() {
        assert_eq!(alternatives("a/{b,c}.rs"), ["a/b.rs", "a/c.rs"]);
        assert_eq!(alternatives("a/{b, c"), ["a/{b, c"]);
    }
}
