//! The folder of a data set in words.

use std::path::Path;

use idx::{Idx, Role};
use model::{DataSets, Dataset};
use serde_json::json;

use super::sets::{Sets, classes_of, what};
use super::{KNOWN, Report};
use crate::failure::Failure;
use crate::screen::{Screen, printable};

pub(super) fn inspect(folder: &Path, screen: &Screen) -> Result<Report, Failure> {
    let files = idx::find_all(folder).map_err(|error| Failure::from(error).remedy(KNOWN))?;
    let labels = [Role::TrainLabels, Role::TestLabels].map(|role| idx::read(files.path(role)));
    let [train_labels, test_labels] = labels;
    let largest = largest_label(&train_labels?).max(largest_label(&test_labels?));
    let DataSets { train, test, info } = DataSets::read(folder, classes_of(largest))?;

    let Sets { images, classes, drawings, counts } =
        Sets::describe(&train, &test, &info.classes, screen);
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
    facts.push(("images", images));
    facts.push(("classes", classes));
    facts.push(("sha256", info.sha256.clone()));
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
    let title = format!("{}: {}", printable(&folder.to_string_lossy()), what(info.name.as_deref()));
    Ok(Report { title, facts, drawings, json })
}

/// The largest label in column 0; -1 where there is none, or no integers. Reading the set finds fault with
/// that.
fn largest_label(labels: &Idx) -> i64 {
    let columns: usize = labels.dims()[1..].iter().product();
    let labels = labels.to_i64().unwrap_or_default();
    labels.into_iter().step_by(columns.max(1)).max().unwrap_or(-1)
}
