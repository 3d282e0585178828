//! The folder of a data set in words.

use std::path::Path;

use idx::{Idx, Role};
use model::{CLASSES, DataSets, Dataset};
use serde_json::json;

use super::{Report, draw, histogram};
use crate::failure::Failure;
use crate::gallery::greys;
use crate::screen::{Screen, printable};

/// Of more classes than this, there is no histogram.
const MOST_CLASSES: usize = 64;

pub(super) fn inspect(folder: &Path, screen: &Screen) -> Result<Report, Failure> {
    let files = idx::find_all(folder).map_err(|error| {
        Failure::from(error)
            .remedy("name a folder with the four files of a data set, an IDX file or a model file")
    })?;
    let labels = [Role::TrainLabels, Role::TestLabels].map(|role| idx::read(files.path(role)));
    let [train_labels, test_labels] = labels;
    let largest = largest_label(&train_labels?).max(largest_label(&test_labels?));
    let classes = (largest + 1).clamp(*CLASSES.start() as i64, *CLASSES.end() as i64) as usize;
    let DataSets { train, test, info } = DataSets::read(folder, classes)?;

    let shape = match train.image_shape() {
        Some((height, width)) => format!("{height} x {width} pixels"),
        None => format!("{} features", train.features()),
    };
    let name = match info.name.as_deref() {
        Some("mnist") => "MNIST, by its hash".to_owned(),
        Some(name) => printable(name),
        None => "a data set, not MNIST".to_owned(),
    };
    let names: Vec<String> = info.classes.iter().map(|name| printable(name)).collect();
    let named =
        if classes <= MOST_CLASSES { format!(": {}", names.join(", ")) } else { String::new() };
    let mut facts = Vec::new();
    for (fact, role) in [
        ("train images", Role::TrainImages),
        ("train labels", Role::TrainLabels),
        ("test images", Role::TestImages),
        ("test labels", Role::TestLabels),
    ] {
        let name = files.path(role).file_name().unwrap_or_default();
        facts.push((fact, printable(&name.to_string_lossy())));
    }
    facts.push((
        "images",
        format!("{} to train on, {} to test on, {shape}", train.len(), test.len()),
    ));
    facts.push(("classes", format!("{classes}{named}")));
    facts.push(("sha256", info.sha256.clone()));

    let mut drawings = Vec::new();
    let counts = [&train, &test].map(|data| label_counts(data, classes));
    if classes <= MOST_CLASSES {
        for (set, counts) in ["train", "test"].into_iter().zip(&counts) {
            let counts = names.iter().cloned().zip(counts.iter().copied());
            drawings.push(format!("{set}\n{}", histogram(screen, counts)));
        }
    }
    if let Some(shape) = train.image_shape() {
        let image = |i: usize| (greys(&train, i), names[train.labels()[i] as usize].clone());
        drawings.extend(draw(screen, train.len(), shape, image));
    }
    let set = |data: &Dataset, images: Role, labels: Role, counts: &[usize]| {
        json!({
            "images_file": files.path(images).to_string_lossy(),
            "labels_file": files.path(labels).to_string_lossy(),
            "count": data.len(),
            "labels": counts,
        })
    };
    let json = json!({
        "kind": "dataset",
        "path": folder.to_string_lossy(),
        "name": info.name,
        "sha256": info.sha256,
        "classes": info.classes,
        "image": train.image_shape().map(|(height, width)| [height, width]),
        "features": train.features(),
        "train": set(&train, Role::TrainImages, Role::TrainLabels, &counts[0]),
        "test": set(&test, Role::TestImages, Role::TestLabels, &counts[1]),
    });
    let title = format!("{}: {name}", printable(&folder.to_string_lossy()));
    Ok(Report { title, facts, drawings, json })
}

/// The largest label in column 0; -1 where there is none, or no integers. Reading the set finds fault with
/// that.
fn largest_label(labels: &Idx) -> i64 {
    let columns: usize = labels.dims()[1..].iter().product();
    let labels = labels.to_i64().unwrap_or_default();
    labels.into_iter().step_by(columns.max(1)).max().unwrap_or(-1)
}

fn label_counts(data: &Dataset, classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes];
    data.labels().iter().for_each(|&label| counts[label as usize] += 1);
    counts
}
