//! `benches/record/DATE-CPU.csv`: facts in comment lines, then a line a bench.

use std::fs;
use std::path::Path;

use super::Estimate;
use crate::measure::{Facts, MeasureError, read};

const HEADER: &str = "id,ns,low,high,elements";

/// What one run of the benches gave.
#[derive(Clone, Debug)]
pub struct Record {
    /// What it was measured on.
    pub facts: Facts,
    /// The results, in the order of their ids.
    pub estimates: Vec<Estimate>,
}

impl Record {
    /// The file's text.
    pub fn to_csv(&self) -> String {
        let facts = self.facts.lines();
        let facts = facts.iter().map(|(name, value)| format!("# {name}: {value}\n"));
        let lines = self.estimates.iter().map(|estimate| {
            let Estimate { id, ns, interval: [low, high], elements } = estimate;
            let elements = elements.map(|n| n.to_string()).unwrap_or_default();
            format!("{id},{ns:.2},{low:.2},{high:.2},{elements}\n")
        });
        format!("{}{HEADER}\n{}", facts.collect::<String>(), lines.collect::<String>())
    }
}

/// Reads the results of a record; its facts are for people.
pub fn parse(text: &str) -> Result<Vec<Estimate>, String> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
    match lines.next() {
        Some((_, HEADER)) => {}
        other => {
            let found = other.map_or("nothing", |(_, line)| line);
            return Err(format!("the header should be `{HEADER}`, and it is `{found}`"));
        }
    }
    let number = |field: &str| field.parse::<f64>().ok().filter(|number| number.is_finite());
    let estimate = |line: &str| -> Option<Estimate> {
        let fields: Vec<_> = line.split(',').collect();
        let [id, ns, low, high, elements] = fields[..] else { return None };
        let elements = match elements {
            "" => None,
            n => Some(n.parse().ok()?),
        };
        let (id, interval) = (id.to_owned(), [number(low)?, number(high)?]);
        Some(Estimate { id, ns: number(ns)?, interval, elements })
    };
    let read = |(idx, line): (usize, &str)| {
        estimate(line).ok_or(format!("line {}: `{line}` is not `{HEADER}`", idx + 1))
    };
    lines.map(read).collect()
}

/// The name of the `n`th record of a day.
pub fn file_name(facts: &Facts, n: usize) -> String {
    let again = if n > 1 { format!(".{n}") } else { String::new() };
    format!("{}-{}{again}.csv", facts.date, facts.cpu_slug())
}

/// The records of a processor, oldest first, by name.
pub fn earlier(folder: &Path, cpu: &str) -> Result<Vec<(String, Vec<Estimate>)>, MeasureError> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(Vec::new()) };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter_map(|name| Some((place(&name, cpu)?, name))).collect();
    names.sort();
    let read = |(_, name): (_, String)| {
        let path = folder.join(&name);
        let estimates = parse(&read(&path)?);
        Ok((name, estimates.map_err(|what| MeasureError::content(path, what))?))
    };
    names.into_iter().map(read).collect()
}

/// The date and number of a record of this processor.
fn place(name: &str, cpu: &str) -> Option<(String, usize)> {
    let stem = name.strip_suffix(".csv")?;
    let (date, rest) = stem.split_at_checked("2018-01-31".len())?;
    match rest.strip_prefix('-')?.strip_prefix(cpu)? {
        "" => Some((date.to_owned(), 1)),
        n => Some((date.to_owned(), n.strip_prefix('.')?.parse().ok()?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let facts = Facts::gather(Path::new(env!("CARGO_MANIFEST_DIR")));
        let estimate = |id: &str, ns, elements| Estimate {
            id: id.to_owned(),
            ns,
            interval: [ns - 0.5, ns + 0.5],
            elements,
        };
        Record {
            facts,
            estimates: vec![estimate("a/avx2", 12.25, Some(7)), estimate("b", 1e9, None)],
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let text = record().to_csv();
        assert!(text.starts_with("# date: ") && text.contains("\n# compiler: rustc"), "{text}");
        assert!(text.ends_with(
            "\na/avx2,12.25,11.75,12.75,7\nb,1000000000.00,999999999.50,1000000000.50,\n"
        ));
        assert_eq!(parse(&text).unwrap(), record().estimates);
    }

    #[test]
    fn lines_that_do_not_fit() {
        assert!(parse("").unwrap_err().contains("it is `nothing`"));
        assert!(parse("id,ns\n").unwrap_err().contains("it is `id,ns`"));
        for line in ["a,1,2,3", "a,x,2,3,4", "a,1,2,3,-4", "a,NaN,2,3,4", ""] {
            let error = parse(&format!("# x\n{HEADER}\n{line}\n")).unwrap_err();
            assert!(error.starts_with("line 3: "), "{error}");
        }
    }

    #[test]
    fn records_have_an_order() {
        let folder = tempfile::tempdir().unwrap();
        let text = record().to_csv();
        for name in [
            "2018-02-01-zen.csv",
            "2018-01-31-zen.10.csv",
            "2018-01-31-zen.2.csv",
            "2018-01-31-zen.csv",
            "2018-03-01-zen-5.csv",
            "instructions.txt",
            "notes.csv",
        ] {
            fs::write(folder.path().join(name), &text).unwrap();
        }
        let names: Vec<_> =
            earlier(folder.path(), "zen").unwrap().into_iter().map(|(name, _)| name).collect();
        let expected = ["2018-01-31-zen.csv", "2018-01-31-zen.2.csv", "2018-01-31-zen.10.csv"];
        assert_eq!(names[..3], expected);
        assert_eq!(names[3..], ["2018-02-01-zen.csv"]);
        assert!(earlier(&folder.path().join("none"), "zen").unwrap().is_empty());
        let mut facts = record().facts;
        facts.date = "2018-01-31".to_owned();
        assert_eq!(place(&file_name(&facts, 3), &facts.cpu_slug()).unwrap().1, 3);
    }
}
