//! Data that `--cache` keeps, in words.

use std::path::Path;

use model::{Dataset, cache, files::known_name};
use serde_json::json;

use super::Report;
use super::sets::{Sets, classes_of, what};
use crate::failure::{Code, Failure};
use crate::screen::{Screen, printable};

pub(super) fn inspect(path: &Path, screen: &Screen) -> Result<Report, Failure> {
    let Some((train, test, sha256)) = cache::read_kept(path) else {
        let message = format!("{}: kept data, damaged or of another version", path.display());
        return Err(Failure::new(Code::Content, message)
            .remedy("delete the file; `--cache` makes another from the data set's own files"));
    };
    let largest = |data: &Dataset| data.labels().iter().max().map_or(-1, |&label| i64::from(label));
    let classes = classes_of(largest(&train).max(largest(&test)));
    // Their names stand beside the data set's files, if anywhere.
    let names: Vec<String> = (0..classes).map(|class| class.to_string()).collect();
    let Sets { images, classes, drawings, counts } = Sets::describe(&train, &test, &names, screen);
    let name = known_name(&sha256);
    let set = |data: &Dataset, counts: &[usize]| json!({ "count": data.len(), "labels": counts });
    let json = json!({
        "kind": "kept",
        "path": path.to_string_lossy(),
        "name": name,
        "sha256": sha256,
        "image": train.image_shape().map(|(height, width)| [height, width]),
        "features": train.features(),
        "train": set(&train, &counts[0]),
        "test": set(&test, &counts[1]),
    });
    let facts = vec![
        ("images", images),
        ("classes", classes),
        ("sha256", sha256),
        ("kept", "by `--cache`, for the next run; it may be deleted".to_owned()),
    ];
    let title = format!("{}: {}", printable(&path.to_string_lossy()), what(name));
    Ok(Report { title, facts, drawings, json })
}
