//! From runs to one table: medians, peaks, and ratios to ours.

use serde_json::{Value, json};

use super::Outcome;
use super::trainer::{OURS_ONE, OURS_TWO, Trainer};
use crate::measure::{Facts, Table};

/// The runs of one trainer.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its short name.
    pub name: &'static str,
    /// Its name in the table.
    pub title: &'static str,
    /// The version of what was compared.
    pub version: String,
    /// Training alone: every epoch of every round.
    pub epoch_seconds: Vec<f64>,
    /// The process from start to end, round by round.
    pub wall_seconds: Vec<f64>,
    /// Peak memory of the warm-up.
    pub peak_kib: Option<u64>,
    /// Accuracy on all test images, as a fraction.
    pub test_accuracy: f64,
}

impl Row {
    /// A row that has only what the warm-up tells: no times.
    pub fn new(trainer: &Trainer, warm_up: Outcome) -> Self {
        Self {
            name: trainer.name,
            title: trainer.title,
            version: warm_up.version,
            epoch_seconds: Vec::new(),
            wall_seconds: Vec::new(),
            peak_kib: warm_up.peak_kib,
            test_accuracy: warm_up.test_accuracy,
        }
    }

    /// Adds a round.
    pub fn add(&mut self, outcome: Outcome) {
        self.epoch_seconds.extend(outcome.epoch_seconds);
        self.wall_seconds.push(outcome.wall_seconds);
        self.test_accuracy = outcome.test_accuracy;
    }
}

/// All that a comparison found.
#[derive(Clone, Debug)]
pub struct Summary {
    /// What it was measured on.
    pub facts: Facts,
    /// How often each trainer had its turn.
    pub rounds: usize,
    /// The trainers.
    pub rows: Vec<Row>,
    /// Those that did not run, and why, a line each.
    pub skipped: Vec<String>,
}

impl Summary {
    /// The table. Seconds are medians; `×` columns say how many times longer than ours it takes.
    pub fn table(&self) -> Table {
        let mut table = Table::new([
            "trainer",
            "version",
            "an epoch, s",
            "best, s",
            "× ours-1",
            "× ours-2",
            "whole process, s",
            "× ours-2",
            "peak, MB",
            "test accuracy",
        ]);
        for row in &self.rows {
            let (epoch, wall) = (median(&row.epoch_seconds), median(&row.wall_seconds));
            let best = row.epoch_seconds.iter().copied().fold(f64::INFINITY, f64::min);
            // Megabytes, as the design's figures are.
            let peak = row.peak_kib.map(|kib| format!("{:.0}", kib as f64 * 1.024e-3));
            table.row(vec![
                row.title.to_owned(),
                row.version.clone(),
                format!("{epoch:.4}"),
                format!("{best:.4}"),
                ratio(epoch, self.ours(OURS_ONE).map(|ours| median(&ours.epoch_seconds))),
                ratio(epoch, self.ours(OURS_TWO).map(|ours| median(&ours.epoch_seconds))),
                format!("{wall:.2}"),
                ratio(wall, self.ours(OURS_TWO).map(|ours| median(&ours.wall_seconds))),
                peak.unwrap_or_else(|| "-".to_owned()),
                format!("{:.4}", row.test_accuracy),
            ]);
        }
        table
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        let rows = self.rows.iter().map(|row| {
            json!({
                "name": row.name,
                "version": row.version,
                "epoch_seconds": row.epoch_seconds,
                "epoch_seconds_median": median(&row.epoch_seconds),
                "process_seconds": row.wall_seconds,
                "process_seconds_median": median(&row.wall_seconds),
                "peak_kib": row.peak_kib,
                "test_accuracy": row.test_accuracy,
            })
        });
        json!({
            "facts": self.facts,
            "rounds": self.rounds,
            "trainers": rows.collect::<Vec<_>>(),
            "skipped": self.skipped,
        })
    }

    /// The section of a page: the table, and who is not in it.
    pub fn markdown(&self) -> String {
        let skipped = self.skipped.iter().map(|line| format!("- skipped: {line}\n"));
        format!("{}\n{}", self.table().markdown(), skipped.collect::<String>())
    }

    fn ours(&self, name: &str) -> Option<&Row> {
        self.rows.iter().find(|row| row.name == name)
    }
}

/// The middle number, or the mean of the two; NaN of none.
pub fn median(numbers: &[f64]) -> f64 {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    match (sorted.len(), sorted.len() / 2) {
        (0, _) => f64::NAN,
        (n, half) if n % 2 == 1 => sorted[half],
        (_, half) => (sorted[half - 1] + sorted[half]) / 2.0,
    }
}

/// How many times `ours`, to three digits.
fn ratio(theirs: f64, ours: Option<f64>) -> String {
    match ours.map(|ours| theirs / ours) {
        Some(ratio) if ratio.is_finite() && ratio >= 99.95 => format!("{ratio:.0}"),
        Some(ratio) if ratio.is_finite() && ratio >= 9.995 => format!("{ratio:.1}"),
        Some(ratio) if ratio.is_finite() => format!("{ratio:.2}"),
        _ => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::trainer::ALL;
    use super::*;

    fn row(trainer: &Trainer, epoch: f64, wall: f64) -> Row {
        let outcome = |peak_kib| Outcome {
            version: "1".to_owned(),
            epoch_seconds: vec![epoch; 3],
            test_accuracy: 0.926,
            wall_seconds: wall,
            peak_kib,
        };
        let mut row = Row::new(trainer, outcome(Some(100_000)));
        row.add(outcome(None));
        row.add(outcome(None));
        row
    }

    fn summary(rows: Vec<Row>) -> Summary {
        let facts = Facts::gather(std::path::Path::new(env!("CARGO_MANIFEST_DIR")));
        Summary { facts, rounds: 2, rows, skipped: vec!["JAX: no network".to_owned()] }
    }

    #[test]
    fn medians() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn ratios_are_to_ours() {
        let rows =
            vec![row(&ALL[0], 0.01, 0.4), row(&ALL[1], 0.005, 0.2), row(&ALL[2], 0.12, 22.0)];
        let text = summary(rows).table().text();
        let last: Vec<_> = text.lines().last().unwrap().split_whitespace().collect();
        let expected = ["1", "0.1200", "0.1200", "12.0", "24.0", "22.00", "110", "102", "0.9260"];
        assert_eq!(last[last.len() - expected.len()..], expected);
        assert!(text.lines().nth(2).unwrap().contains("  0.50  "), "{text}");
    }

    #[test]
    fn without_ours_there_are_no_ratios() {
        let summary = summary(vec![row(&ALL[2], 0.12, 2.0)]);
        assert!(summary.table().text().contains("  -  "));
        assert!(summary.markdown().contains("- skipped: JAX: no network\n"));
        let json = summary.json();
        assert_eq!(json["trainers"][0]["epoch_seconds"].as_array().unwrap().len(), 6);
        assert_eq!(json["trainers"][0]["process_seconds_median"], 2.0);
    }
}
