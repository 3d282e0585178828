//! Products of matrices beside other libraries': runs the bench `gemm_compare` and makes its lines a table.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::measure::{self, Facts, MeasureError, Table};

/// What holds each library to one thread.
const ONE_THREAD: [(&str, &str); 5] = [
    ("OMP_NUM_THREADS", "1"),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("BLIS_NUM_THREADS", "1"),
    ("MKL_NUM_THREADS", "1"),
    ("MKL_THREADING_LAYER", "SEQUENTIAL"),
];

/// How the names of our tiers begin.
const OURS: &str = "ours, ";

/// Rates of every library on every shape.
#[derive(Clone, Debug)]
pub struct Rates {
    /// What it was measured on.
    pub facts: Facts,
    /// Who took part, and the file or crate each comes from.
    pub libraries: Vec<(String, String)>,
    /// Each shape's rates in GFLOP/s, in the order of the libraries.
    pub shapes: Vec<(String, Vec<f64>)>,
}

/// Measures; the bench says on stderr whom it skips.
pub fn compare(root: &Path, words: &[String]) -> Result<Rates, MeasureError> {
    let args = ["bench", "--quiet", "-p", "kernels", "--bench", "gemm_compare", "--"];
    let mut command = measure::cargo(root, &args);
    command.args(words).envs(ONE_THREAD);
    if std::env::var_os("BLAS_DIRS").is_none() {
        // Where pip puts MKL.
        command.env("BLAS_DIRS", super::environment(root).join("lib"));
    }
    command.stderr(Stdio::inherit());
    let facts = Facts::gather(root);
    let text = measure::capture(&mut command)?;
    let rates = parse(&text, facts);
    let rates = rates.map_err(|what| MeasureError::content("benches/gemm_compare.rs", what))?;
    match rates.shapes.is_empty() {
        true => Err(MeasureError::Nothing { what: "shape of that name".to_owned() }),
        false => Ok(rates),
    }
}

/// Reads the bench's lines.
fn parse(text: &str, facts: Facts) -> Result<Rates, String> {
    #[derive(Deserialize)]
    struct Libraries {
        libraries: serde_json::Map<String, Value>,
    }
    #[derive(Deserialize)]
    struct Shape {
        shape: String,
        gflops: BTreeMap<String, f64>,
    }
    let mut lines = text.lines().filter(|line| line.starts_with('{'));
    let head: Libraries = serde_json::from_str(lines.next().unwrap_or_default())
        .map_err(|error| format!("the first line should name the libraries: {error}"))?;
    let origin = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut libraries: Vec<_> =
        head.libraries.iter().map(|(name, value)| (name.clone(), origin(value))).collect();
    // Maps have no order of their own; ours stand first.
    libraries.sort_by_key(|(name, _)| (!name.starts_with(OURS), name.to_lowercase()));
    let shape = |line: &str| -> Result<_, String> {
        let Shape { shape, gflops } =
            serde_json::from_str(line).map_err(|error| format!("`{line}`: {error}"))?;
        let rate = |(name, _): &(String, String)| gflops.get(name).copied();
        let rates: Option<Vec<_>> = libraries.iter().map(rate).collect();
        Ok((shape.clone(), rates.ok_or(format!("{shape} lacks the rate of a library"))?))
    };
    let shapes = lines.map(shape).collect::<Result<_, _>>()?;
    Ok(Rates { facts, libraries, shapes })
}

impl Rates {
    /// The table: GFLOP/s, and how much of the best of the others our best tier reaches.
    pub fn table(&self) -> Table {
        let names = self.libraries.iter().map(|(name, _)| name.as_str());
        let header = ["m x k x n"].into_iter().chain(names).chain(["ours : best other"]);
        let mut table = Table::new(header);
        for (shape, rates) in &self.shapes {
            let named = self.libraries.iter().zip(rates);
            let best = |of_ours: bool| {
                let those =
                    named.clone().filter(|((name, _), _)| name.starts_with(OURS) == of_ours);
                those.map(|(_, &rate)| rate).fold(f64::NAN, f64::max)
            };
            let share = best(true) / best(false);
            let share = if share.is_finite() { format!("{share:.2}") } else { "-".to_owned() };
            let rates = rates.iter().map(|rate| format!("{rate:.1}"));
            table.row([shape.clone()].into_iter().chain(rates).chain([share]).collect());
        }
        table
    }

    /// The section of a page: the table and where the libraries come from.
    pub fn markdown(&self) -> String {
        let others = self.libraries.iter().filter(|(_, origin)| origin.contains('.'));
        let origins: Vec<_> = others.map(|(name, file)| format!("{name}: `{file}`")).collect();
        format!("{}\n{}\n", self.table().markdown(), origins.join("; "))
    }

    /// Everything, for programs.
    pub fn json(&self) -> Value {
        let libraries: BTreeMap<_, _> = self.libraries.iter().cloned().collect();
        let shapes = self.shapes.iter().map(|(shape, rates)| {
            let named = self.libraries.iter().map(|(name, _)| name).zip(rates);
            json!({ "shape": shape, "gflops": named.collect::<BTreeMap<_, _>>() })
        });
        let shapes: Vec<_> = shapes.collect();
        json!({ "facts": self.facts, "libraries": libraries, "shapes": shapes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: &str = "\
noise of a library
{\"libraries\": {\"gemm\": \"a crate\", \"BLIS\": \"libblis.so.4\", \"ours, avx2\": \"this workspace\"}}
{\"shape\": \"64x64x64\", \"gflops\": {\"gemm\": 100.0, \"BLIS\": 80.0, \"ours, avx2\": 50.0}}
";

    fn facts() -> Facts {
        Facts::gather(Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    #[test]
    fn lines_become_a_table() {
        let rates = parse(LINES, facts()).unwrap();
        let expected = "\
m x k x n  ours, avx2  BLIS   gemm  ours : best other
64x64x64         50.0  80.0  100.0               0.50
";
        assert_eq!(rates.table().text(), expected);
        assert!(rates.markdown().ends_with("\nBLIS: `libblis.so.4`\n"), "{}", rates.markdown());
        assert_eq!(rates.json()["shapes"][0]["gflops"]["gemm"], 100.0);
    }

    #[test]
    fn lines_that_do_not_fit() {
        let error = |text: &str| parse(text, facts()).unwrap_err();
        assert!(error("").contains("should name the libraries"));
        assert!(error(&LINES.replace("\"gemm\": 100.0, ", "")).contains("lacks the rate"));
        assert!(error(&LINES.replace("{\"shape\"", "{\"form\"")).contains("missing field"));
    }
}
