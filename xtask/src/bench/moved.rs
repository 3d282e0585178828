//! What moved against earlier records.

use std::collections::BTreeMap;

use super::Estimate;
use crate::measure::Table;

/// The share of a time by which it must differ to be told of.
pub const LIMIT: f64 = 0.05;

/// A bench that is slower or faster than it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// The bench.
    pub id: String,
    /// The record it is compared with.
    pub record: String,
    /// ns, before and now.
    pub ns: [f64; 2],
}

impl Moved {
    /// The change as a share of the time before: above zero is slower.
    pub fn change(&self) -> f64 {
        self.ns[1] / self.ns[0] - 1.0
    }
}

/// Finds those that moved, the slowest change first; each is compared with the newest record that has it.
pub fn find(now: &[Estimate], earlier: &[(String, Vec<Estimate>)]) -> Vec<Moved> {
    let mut newest = BTreeMap::new();
    for (record, estimates) in earlier {
        newest.extend(estimates.iter().map(|estimate| (&estimate.id, (record, estimate.ns))));
    }
    let moved = now.iter().filter_map(|Estimate { id, ns, .. }| {
        let &(record, before) = newest.get(id)?;
        Some(Moved { id: id.clone(), record: record.clone(), ns: [before, *ns] })
    });
    let mut moved: Vec<_> = moved.filter(|moved| moved.change().abs() > LIMIT).collect();
    moved.sort_by(|a, b| b.change().total_cmp(&a.change()));
    moved
}

/// The table of them.
pub fn table(moved: &[Moved]) -> Table {
    let mut table = Table::new(["bench", "before", "now", "change", "record"]);
    for Moved { id, record, ns: [before, now] } in moved {
        let change = format!("{:+.1} %", (now / before - 1.0) * 100.0);
        table.row(vec![id.clone(), time(*before), time(*now), change, record.clone()]);
    }
    table
}

/// A time in the unit that gives it one to three digits before the point.
fn time(ns: f64) -> String {
    match ns {
        ns if ns < 1e3 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimates(of: &[(&str, f64)]) -> Vec<Estimate> {
        let estimate = |&(id, ns): &(&str, f64)| Estimate {
            id: id.to_owned(),
            ns,
            interval: [ns; 2],
            elements: None,
        };
        of.iter().map(estimate).collect()
    }

    #[test]
    fn each_is_compared_with_the_newest_record_that_has_it() {
        let earlier = [
            ("old".to_owned(), estimates(&[("a", 100.0), ("b", 100.0), ("c", 2e6)])),
            ("new".to_owned(), estimates(&[("a", 200.0), ("b", 100.0)])),
        ];
        let now = estimates(&[("a", 208.0), ("b", 90.0), ("c", 3e6), ("d", 1.0)]);
        let moved = find(&now, &earlier);
        let expected = "\
bench    before      now   change  record
c       2.00 ms  3.00 ms  +50.0 %     old
b      100.0 ns  90.0 ns  -10.0 %     new
";
        assert_eq!(table(&moved).text(), expected);
        assert!(find(&now, &[]).is_empty());
    }
}
