//! A checkpoint in words.

use std::path::Path;

use model::Checkpoint;
use model::files::known_name;
use serde_json::json;

use super::Report;
use super::model_file::training;
use crate::checkpoints::quoted;
use crate::screen::printable;

pub(super) fn report(path: &Path, checkpoint: &Checkpoint) -> Report {
    let Checkpoint { state, config, classes, image, dataset_sha256 } = checkpoint;
    let (features, sha256) = (state.parameters.features(), state.parameters.sha256());
    let data = known_name(dataset_sha256).map_or(String::new(), |name| format!(" ({name})"));
    let mut facts = vec![
        (
            "epoch",
            format!("{} of {}, {} steps into it", state.epoch, config.epochs, state.iteration),
        ),
        ("weights", format!("F32 {features} x {}, with both moments", classes.len())),
        ("sha256", sha256.clone()),
    ];
    facts.extend(training(&json!(config)));
    facts.push(("data", format!("{}{data}", printable(dataset_sha256))));
    let path = path.to_string_lossy();
    let mut go_on = format!("mnist train --resume {}", printable(&quoted(&path)));
    if state.epoch == config.epochs {
        // How many steps its last epoch has is not in it.
        go_on.push_str(", for more epochs with --epochs");
    }
    facts.push(("to go on", go_on));
    let json = json!({
        "kind": "checkpoint",
        "path": path,
        "features": features,
        "weights_sha256": sha256,
        "metadata": {
            "classes": classes,
            "config": config,
            "dataset_sha256": dataset_sha256,
            "epoch": state.epoch,
            "height": image.map(|image| image.0),
            "iteration": state.iteration,
            "step": state.step,
            "width": image.map(|image| image.1),
        },
    });
    let title = format!("{}: checkpoint of a run, after step {}", printable(&path), state.step);
    Report { title, facts, drawings: Vec::new(), json }
}
