//! docs/reliability.md against the tree: every row has tests, every test is there, every count is right.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;

use xtask::cli::workspace_root;
use xtask::tidy::UNSAFE_ALLOWED;

fn page() -> String {
    fs::read_to_string(workspace_root().join("docs/reliability.md")).unwrap()
}

/// The cells of the tables' lines.
fn lines(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let tables = page.lines().filter(|line| line.starts_with("| "));
    tables.map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
}

/// The names between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The rows that a first cell names: "I01 to I06", "D02, D03", "C09".
fn rows_of(cell: &str) -> Vec<String> {
    let ends: Vec<&str> = cell.split(" to ").collect();
    let [first, last] = ends[..] else {
        return cell.split(", ").map(str::to_owned).collect();
    };
    let number = |row: &str| row[1..].parse::<u32>().unwrap();
    (number(first)..=number(last)).map(|n| format!("{}{n:02}", &first[..1])).collect()
}

#[test]
fn every_row_has_tests_that_are_there() {
    let page = page();
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let is_row = |cell: &str| cell.len() >= 3 && "IGCRLD".contains(&cell[..1]);
    for cells in lines(&page).filter(|cells| cells.len() == 3 && is_row(cells[0])) {
        if !cells[0][1..3].bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        for test in quoted(cells[2]) {
            let (path, name) = test.split_once('#').unwrap();
            let text = fs::read_to_string(workspace_root().join(path));
            let text = text.unwrap_or_else(|_| panic!("{}: there is no {path}", cells[0]));
            let is_there = text.contains(&format!("#[test]\nfn {name}()"))
                || text.contains(&format!("    #[test]\n    fn {name}()"));
            assert!(is_there, "{}: {path} has no test {name}", cells[0]);
            for row in rows_of(cells[0]) {
                *found.entry(row).or_default() += 1;
            }
        }
    }
    for (letter, last) in [('I', 34), ('G', 18), ('C', 21), ('R', 9), ('L', 20), ('D', 33)] {
        for n in 1..=last {
            let row = format!("{letter}{n:02}");
            // Signals are told of with the crashes.
            let elsewhere = ["L15", "L16"].contains(&row.as_str());
            assert!(elsewhere || found.contains_key(&row), "no test of row {row}");
        }
    }
}

#[test]
fn unsafe_code_is_counted() {
    let page = page();
    let counted: BTreeMap<&str, usize> = lines(&page)
        .filter(|cells| cells.len() == 4)
        .filter_map(|cells| Some((quoted(cells[0]).next()?, cells[1].parse().ok()?)))
        .collect();
    let mut found = 0;
    for pattern in UNSAFE_ALLOWED {
        for path in fs::read_dir(workspace_root().join(pattern).parent().unwrap()).unwrap() {
            let path = path.unwrap().path();
            let text = fs::read_to_string(&path).unwrap_or_default();
            let name = path.strip_prefix(workspace_root()).unwrap().to_str().unwrap().to_owned();
            if name != pattern && !pattern.ends_with('*') {
                continue;
            }
            let code = text.lines().map(|line| line.split("//").next().unwrap_or(line));
            let is_unsafe = |line: &&str| {
                ["unsafe {", "unsafe impl", "unsafe fn"].iter().any(|word| line.contains(word))
            };
            let n = code.filter(is_unsafe).count();
            assert_eq!(n, counted.get(name.as_str()).copied().unwrap_or(0), "unsafe in {name}");
            found += n;
        }
    }
    assert_eq!(
        found,
        counted.values().sum::<usize>(),
        "a file of the table is not in the list of tidy"
    );
}
