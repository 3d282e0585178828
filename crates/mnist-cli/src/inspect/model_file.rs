//! A model file in words.

use std::path::Path;

use model::{Model, Parameters, files::known_name};
use pictures::terminal::{Graphics, weights};
use pictures::weights::limit;
use serde_json::{Value, json};

use super::{MOST_IMAGES, Report};
use crate::screen::{Screen, printable};
use crate::verify::PUBLISHED_SHA256;

pub(super) fn report(path: &Path, model: Model, screen: &Screen) -> Report {
    let Model { parameters, metadata } = model;
    let (features, classes) = (parameters.features(), parameters.classes());
    let sha256 = parameters.sha256();
    let (low, high) = range(&parameters.weights);
    let names: Vec<String> = metadata.classes.iter().map(|name| printable(name)).collect();
    let data =
        known_name(&metadata.dataset_sha256).map_or(String::new(), |name| format!(" ({name})"));
    let mut facts = vec![
        ("classes", format!("{classes}: {}", names.join(", "))),
        (
            "image",
            match metadata.image() {
                Some((height, width)) => format!("{height} x {width} pixels"),
                None => "none, features without a shape".to_owned(),
            },
        ),
        ("weights", format!("F32 {features} x {classes}, {low} to {high}")),
        ("bias", format!("F32 {classes}")),
        ("sha256", sha256.clone()),
    ];
    let is_published = sha256 == PUBLISHED_SHA256;
    if is_published {
        facts.push(("published", "yes, these are the weights of the tutorial's run".to_owned()));
    }
    facts.extend(training(&metadata.config));
    facts.push(("data", format!("{}{data}", printable(&metadata.dataset_sha256))));
    facts.push((
        "versions",
        format!("file format {}, numerics {}", metadata.format, metadata.numerics),
    ));
    let json = json!({
        "kind": "model",
        "path": path.to_string_lossy(),
        "features": features,
        "weights_sha256": sha256,
        "weights_range": [low, high],
        "published": is_published,
        "metadata": metadata,
    });
    let path = printable(&path.to_string_lossy());
    let title = format!("{path}: softmax model, {features} features, {classes} classes");
    let drawings = metadata.image().map(|image| maps(&parameters, image, &names, screen));
    Report { title, facts, drawings: drawings.into_iter().collect(), json }
}

/// Draws the weights of the first classes as maps, on one scale.
fn maps(
    parameters: &Parameters,
    (height, width): (usize, usize),
    names: &[String],
    screen: &Screen,
) -> String {
    let classes = parameters.classes();
    let of_class = |class: usize| -> Vec<f32> {
        parameters.weights.iter().skip(class).step_by(classes).copied().collect()
    };
    let columns: Vec<Vec<f32>> = (0..classes.min(MOST_IMAGES)).map(of_class).collect();
    let titled: Vec<(String, &[f32])> =
        names.iter().cloned().zip(columns.iter().map(Vec::as_slice)).collect();
    let limit = limit(&parameters.weights);
    // Colours, where there are any, at whatever width.
    let graphics = screen.graphics(1, 1);
    let drawn = weights(&titled, (height, width), limit, graphics, screen.columns());
    let key = match graphics {
        Graphics::HalfBlock => "red speaks for the class, blue against it",
        _ => "# and + speak for the class, = and - against it",
    };
    format!("{drawn}\nweights up to {limit}: {key}")
}

/// The settings of the training run; those that are not understood are left out.
pub(super) fn training(config: &Value) -> Vec<(&'static str, String)> {
    let setting = |name: &str| config.get(name).filter(|value| !value.is_null());
    let plain = |name: &str| setting(name).map(|value| printable(&value.to_string()));
    let mut facts = Vec::new();
    if let (Some(epochs), Some(batch)) = (plain("epochs"), plain("batch_size")) {
        let order = match setting("shuffle") {
            Some(Value::Bool(false)) => "in file order",
            _ => "shuffled",
        };
        facts.push(("training", format!("{epochs} epochs, batches of {batch}, {order}")));
    }
    for (fact, name) in [
        ("optimizer", "optimizer"),
        ("rate", "learning_rate"),
        ("l2", "l2"),
        ("init", "init"),
        ("seed", "seed"),
        ("validation", "validation"),
    ] {
        facts.extend(setting(name).map(|value| (fact, printable(&in_words(value)))));
    }
    facts
}

/// A setting as `0.001`, or `adam, beta1 0.9, beta2 0.999`.
fn in_words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            let name = fields.get("name").map(in_words);
            let others = fields
                .iter()
                .filter(|(key, _)| *key != "name")
                .map(|(key, value)| format!("{key} {}", in_words(value)));
            name.into_iter().chain(others).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn range(values: &[f32]) -> (f32, f32) {
    values.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), &value| {
        (low.min(value), high.max(value))
    })
}
