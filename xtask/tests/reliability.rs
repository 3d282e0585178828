//! docs/reliability.md and docs/numerics.md against the tree: every row has tests, every test is
//! there, every count is right.
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;

use xtask::cli::workspace_root;
use xtask::tidy::UNSAFE_ALLOWED;

fn page(name: &str) -> String {
    fs::read_to_string(workspace_root().join("docs").join(name)).unwrap()
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

/// Fails where `path#test` is no test of the tree; `row` names it.
#[track_caller]
fn is_there(row: &str, test: &str) {
    let Some((path, name)) = test.split_once('#') else {
        panic!("{row}: `{test}` is not of the form path#test");
    };
    let text = fs::read_to_string(workspace_root().join(path));
    let text = text.unwrap_or_else(|_| panic!("{row}: there is no {path}"));
    assert!(has_test(&text, name), "{row}: {path} has no test {name}");
}

/// Whether a source has a test of this name, of `#[test]` or of proptest's.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<&str> = source.lines().map(str::trim_start).collect();
    let start = format!("fn {name}(");
    let is_test = |at: usize| {
        let above = lines[..at].iter().rev();
        above.take_while(|line| line.starts_with("#[")).any(|line| *line == "#[test]")
    };
    (0..lines.len()).any(|at| lines[at].starts_with(&start) && is_test(at))
}

#[test]
fn tests_are_told_from_other_functions() {
    let source = "#[test]\nfn one() {}\nfn two() {}\n\
                  \x20   #[test]\n    #[ignore]\n    fn three(x in 0..1) {}\n";
    assert_eq!(
        ["one", "two", "three", "thr"].map(|name| has_test(source, name)),
        [true, false, true, false]
    );
}

#[test]
fn every_claim_about_the_numerics_has_tests_that_are_there() {
    let page = page("numerics.md");
    let (_, section) = page.split_once("## How it is proven").unwrap();
    let (_, table) = section.split_once("| claim | test |\n|---|---|\n").unwrap();
    let table = table.split("\n\n").next().unwrap();
    let mut rows = 0;
    for cells in lines(table) {
        assert_eq!(cells.len(), 2, "{cells:?}");
        assert!(quoted(cells[1]).count() > 0, "{}: no test", cells[0]);
        quoted(cells[1]).for_each(|test| is_there(cells[0], test));
        rows += 1;
    }
    assert!(rows >= 17, "{rows} rows");
}

#[test]
fn every_row_has_tests_that_are_there() {
    let page = page("reliability.md");
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    let is_row = |cell: &str| cell.len() >= 3 && "IGCRLD".contains(&cell[..1]);
    for cells in lines(&page).filter(|cells| cells.len() == 3 && is_row(cells[0])) {
        if !cells[0][1..3].bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        for test in quoted(cells[2]) {
            is_there(cells[0], test);
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
    let page = page("reliability.md");
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
