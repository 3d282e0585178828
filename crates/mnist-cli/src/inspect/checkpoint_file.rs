//! A checkpoint in words.

use std::path::Path;

use model::Checkpoint;
use model::files::known_name;
use serde_json::json;

use super::Report;
use super::model_file::training;
use crate::screen::printable;

pub(super) fn report(path: &Path, checkpoint: &Checkpoint) -> Report {
    let Checkpoint { state, config, classes, dataset_sha256, .. } = checkpoint;
    let (features, sha256) = (state.parameters.features(), state.parameters.sha256());
    let data = known_name(dataset_sha256).map_or(String::new(), |name| format!(" ({name})"));
    let mut facts = vec![
        ("weights", format!("F32 {features} x {}, with both moments", classes.len())),
        ("sha256", sha256.clone()),
    ];
    facts.extend(training(&json!(config)));
    facts.push(("data", format!("{}{data}", printable(dataset_sha256))));
    let json = json!({
        "kind": "checkpoint",
        "path": path.to_string_lossy(),
        "features": features,
        "classes": classes,
        "epoch": state.epoch,
        "step": state.step,
        "weights_sha256": sha256,
        "config": config,
        "dataset_sha256": dataset_sha256,
    });
    let path = printable(&path.to_string_lossy());
    facts.push(("to go on", format!("mnist train --resume {path}")));
    let title = format!(
        "{path}: checkpoint after step {}, in epoch {} of {}",
        state.step, state.epoch, config.epochs
    );
    Report { title, facts, drawings: Vec::new(), json }
}
