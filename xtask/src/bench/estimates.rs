//! What criterion leaves of each bench: `<group>/<bench>/new/{benchmark,estimates}.json`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

use crate::measure::{MeasureError, read};

/// A bench's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    /// Its id: `gemm/64x64x64/avx2`.
    pub id: String,
    /// Time of an iteration in ns: the slope over many iterations where there is one, else the mean.
    pub ns: f64,
    /// The ends of its 95 % confidence interval.
    pub interval: [f64; 2],
    /// Elements of an iteration: floating-point operations, rows or images.
    pub elements: Option<u64>,
}

#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
    throughput: Option<Throughput>,
}

#[derive(Deserialize)]
struct Throughput {
    #[serde(rename = "Elements")]
    elements: Option<u64>,
}

#[derive(Deserialize)]
struct Estimates {
    mean: Statistic,
    slope: Option<Statistic>,
}

#[derive(Deserialize)]
struct Statistic {
    confidence_interval: Interval,
    point_estimate: f64,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

/// Reads all results under `folder`, in the order of their ids: those that were written since a time and
/// whose id has a word in it.
pub fn read_all(
    folder: &Path,
    since: Option<SystemTime>,
    word: Option<&str>,
) -> Result<Vec<Estimate>, MeasureError> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        folders.extend(entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()));
        let path = folder.join("estimates.json");
        if folder.ends_with("new") && path.is_file() && is_newer(&path, since)? {
            found.push(read_one(&folder, path)?);
        }
    }
    found.retain(|estimate| word.is_none_or(|word| estimate.id.contains(word)));
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(found)
}

fn is_newer(path: &Path, since: Option<SystemTime>) -> Result<bool, MeasureError> {
    let Some(since) = since else { return Ok(true) };
    let written = fs::metadata(path).and_then(|meta| meta.modified());
    Ok(written.map_err(MeasureError::disk("read", path))? >= since)
}

fn read_one(folder: &Path, path: PathBuf) -> Result<Estimate, MeasureError> {
    let about = folder.join("benchmark.json");
    let texts = (read(&about)?, read(&path)?);
    parse(&texts.0, &texts.1).map_err(|error| MeasureError::content(path, error))
}

fn parse(benchmark: &str, estimates: &str) -> Result<Estimate, serde_json::Error> {
    let benchmark: Benchmark = serde_json::from_str(benchmark)?;
    let estimates: Estimates = serde_json::from_str(estimates)?;
    let Statistic { confidence_interval: interval, point_estimate: ns } =
        estimates.slope.unwrap_or(estimates.mean);
    Ok(Estimate {
        id: benchmark.full_id,
        ns,
        interval: [interval.lower_bound, interval.upper_bound],
        elements: benchmark.throughput.and_then(|throughput| throughput.elements),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BENCHMARK: &str = r#"{"group_id":"gemm/64","function_id":"avx2","value_str":null,
        "throughput":{"Elements":524288},"full_id":"gemm/64/avx2","directory_name":"gemm_64/avx2",
        "title":"gemm/64/avx2"}"#;

    fn statistic(ns: f64) -> String {
        format!(
            r#"{{"confidence_interval":{{"confidence_level":0.95,"lower_bound":{},"upper_bound":{}}},
                "point_estimate":{ns},"standard_error":0.1}}"#,
            ns - 1.0,
            ns + 1.0
        )
    }

    #[test]
    fn the_slope_comes_before_the_mean() {
        let with = format!(r#"{{"mean":{},"slope":{}}}"#, statistic(9.0), statistic(8.0));
        let estimate = parse(BENCHMARK, &with).unwrap();
        assert_eq!((estimate.ns, estimate.interval), (8.0, [7.0, 9.0]));
        assert_eq!((estimate.id.as_str(), estimate.elements), ("gemm/64/avx2", Some(524_288)));
        let without = format!(r#"{{"mean":{},"slope":null}}"#, statistic(9.0));
        assert_eq!(parse(&BENCHMARK.replace("Elements", "Bytes"), &without).unwrap().ns, 9.0);
        assert!(parse(BENCHMARK, "{}").is_err());
    }

    #[test]
    fn only_the_new_results_count() {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(r#"{{"mean":{},"slope":null}}"#, statistic(9.0));
        for (place, id) in
            [("b/avx2/new", "b/avx2"), ("a/avx2/new", "a/avx2"), ("a/avx2/base", "x")]
        {
            let place = folder.path().join(place);
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("benchmark.json"), BENCHMARK.replace("gemm/64/avx2", id)).unwrap();
            fs::write(place.join("estimates.json"), &text).unwrap();
        }
        let ids = |since, word| -> Vec<_> {
            let all = read_all(folder.path(), since, word).unwrap();
            all.into_iter().map(|estimate| estimate.id).collect()
        };
        assert_eq!(ids(None, None), ["a/avx2", "b/avx2"]);
        assert_eq!(ids(None, Some("b/")), ["b/avx2"]);
        let later = SystemTime::now() + std::time::Duration::from_secs(60);
        assert!(ids(Some(later), None).is_empty());
        assert!(read_all(&folder.path().join("none"), None, None).unwrap().is_empty());
    }
}
