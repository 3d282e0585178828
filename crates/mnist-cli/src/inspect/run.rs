//! What the folder of a run tells besides its model or checkpoint.

use std::path::Path;

use serde_json::json;

use super::Report;
use crate::console::nats;
use crate::history::History;
use crate::run_file::RunFile;
use crate::screen::printable;

/// Adds what config.json and metrics.jsonl say, as far as they can be read and are of the same data and weights: it is the model
/// that was asked for.
pub(super) fn add(folder: &Path, report: &mut Report) {
    let history = History::read(&folder.join("metrics.jsonl")).unwrap_or_default();
    let is_tested = history.weights_sha256.as_deref() == report.json["weights_sha256"].as_str();
    if let Some(test) = history.test.filter(|_| is_tested) {
        let (count, accuracy) = (test.all.count, 100.0 * test.all.accuracy);
        let loss = nats(test.all.loss, 4);
        report
            .facts
            .push(("test", format!("{count} images: loss {loss}, accuracy {accuracy:.2}%")));
        report.json["test"] = json!(test.all);
    }
    let of_data = &report.json["metadata"]["dataset_sha256"];
    if let Some(run) = RunFile::read(folder).ok().filter(|run| *of_data == run.dataset_sha256) {
        let (source, machine) = (run.source().describe(), &run.machine);
        let s = if machine.threads == 1 { "" } else { "s" };
        let words = format!("{}, {} thread{s}", printable(&machine.isa), machine.threads);
        report.facts.push(("trained on", words));
        report.facts.push(("data from", printable(&source)));
        report.json["machine"] = json!(machine);
        report.json["data_from"] = json!(source);
    }
}
