//! A table for the terminal and for Markdown: the first column to the left, the others to the right.

/// A header and rows of as many cells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Makes a table without rows.
    pub fn new(header: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { header: header.into_iter().map(Into::into).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    ///
    /// Panics if it has another number of cells than the header.
    pub fn row(&mut self, cells: Vec<String>) {
        assert_eq!(cells.len(), self.header.len(), "cells of a row");
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The table for a terminal, with two blanks between columns.
    pub fn text(&self) -> String {
        let widths = self.widths();
        let lines = self.lines().map(|cells| {
            let padded = cells.iter().zip(&widths).enumerate().map(|(idx, (cell, &width))| {
                if idx == 0 { format!("{cell:width$}") } else { format!("{cell:>width$}") }
            });
            format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
        });
        lines.collect()
    }

    /// The table in Markdown.
    pub fn markdown(&self) -> String {
        let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let right = "---:|".repeat(self.header.len().saturating_sub(1));
        let rows: String = self.rows.iter().map(|cells| line(cells)).collect();
        format!("{}|---|{right}\n{rows}", line(&self.header))
    }

    fn lines(&self) -> impl Iterator<Item = &Vec<String>> {
        std::iter::once(&self.header).chain(&self.rows)
    }

    fn widths(&self) -> Vec<usize> {
        let width = |column: usize| self.lines().map(|cells| cells[column].chars().count()).max();
        (0..self.header.len()).map(|column| width(column).unwrap_or(0)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["who", "s", "× ours"]);
        table.row(vec!["ours".into(), "0.01".into(), "1.0".into()]);
        table.row(vec!["other one".into(), "12".into(), "-".into()]);
        table
    }

    #[test]
    fn for_a_terminal() {
        let expected = "\
who           s  × ours
ours       0.01     1.0
other one    12       -
";
        assert_eq!(table().text(), expected);
    }

    #[test]
    fn for_a_page() {
        let expected = "\
| who | s | × ours |
|---|---:|---:|
| ours | 0.01 | 1.0 |
| other one | 12 | - |
";
        assert_eq!(table().markdown(), expected);
    }

    #[test]
    #[should_panic(expected = "cells of a row")]
    fn a_row_of_another_length() {
        Table::new(["a", "b"]).row(vec!["1".into()]);
    }
}
