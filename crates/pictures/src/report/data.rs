//! The page's data: one JSON object, whose fields data.js reads by the same names.

use serde::Serialize;

use super::pack::{base64, le_bytes, pack_zeros, quantised};
use super::{Curves, Facts, Figure, Images, MOST_CLASSES, Report, Snapshot, Tests, shown};
use crate::colour::diverging;
use crate::escape::json_in_script;
use crate::reliability::{Bin, bins};

/// The bytes that images may take; base64 makes 4 of 3, and a page is to stay below 2 MB.
const MOST_IMAGE_BYTES: usize = 1_000_000;

/// The bytes that earlier weights may take.
const MOST_SNAPSHOT_BYTES: usize = 260_000;

/// The points of the learning curve; a chart is some 500 pixels wide.
const MOST_STEPS: usize = 1_000;

#[derive(Serialize)]
struct Data<'a> {
    lead: &'a str,
    headline: &'a [Figure],
    facts: &'a [Facts],
    left_out: Vec<String>,
    classes: &'a [String],
    height: Option<usize>,
    width: Option<usize>,
    features: usize,
    scale: f64,
    weights: String,
    bias: String,
    /// Counts [class, predicted class], row-major.
    confusion: Vec<usize>,
    images: Stored,
    curves: Option<Curves>,
    snapshots: Vec<Moment>,
    reliability: Vec<Dot>,
    diverging: String,
}

#[derive(Serialize)]
struct Stored {
    bytes: bool,
    index: Vec<usize>,
    label: Vec<u32>,
    predicted: Vec<u32>,
    pixels: String,
}

#[derive(Serialize)]
struct Moment {
    step: u64,
    epoch: Option<u64>,
    largest: f32,
    weights: String,
}

#[derive(Serialize)]
struct Dot {
    count: usize,
    confidence: f64,
    accuracy: f64,
}

/// The data of a report as JSON that may stand in a script element.
pub(super) fn json(report: &Report<'_>) -> Result<String, serde_json::Error> {
    let (model, tests) = (&report.model, &report.tests);
    let n_classes = model.classes.len();
    assert!((1..=MOST_CLASSES).contains(&n_classes), "{n_classes} classes");
    assert_eq!(model.bias.len(), n_classes, "biases");
    let features = model.weights.len() / n_classes;
    assert_eq!(model.weights.len(), features * n_classes, "weights");
    if let Some((height, width)) = model.image {
        assert_eq!(features, height * width, "features of {height} x {width} pixels");
    }
    let mut left_out = report.left_out.clone();
    let (images, most_in_cell) = stored(tests, n_classes, features);
    if let Some(most) = most_in_cell {
        left_out.push(format!(
            "More than the first {most} images of a cell, so that the page stays small."
        ));
    }
    if model.image.is_none() {
        left_out.push(
            "Weight maps, images, explanations and the pad: these features have no height and width."
                .into(),
        );
    } else if !images.bytes {
        left_out.push("The pad: the model takes numbers, not grey pixels.".into());
    }
    let curves = report.curves.as_ref().map(|Curves { steps, epochs }| {
        let every = steps.len().div_ceil(MOST_STEPS).max(1);
        let steps = steps.iter().step_by(every).copied().collect();
        Curves { steps, epochs: epochs.clone() }
    });
    let json = serde_json::to_string(&Data {
        lead: report.lead,
        headline: &report.headline,
        facts: &report.facts,
        left_out,
        classes: model.classes,
        height: model.image.map(|image| image.0),
        width: model.image.map(|image| image.1),
        features,
        scale: f64::from(model.scale),
        weights: base64(&le_bytes(model.weights)),
        bias: base64(&le_bytes(model.bias)),
        confusion: confusion(tests, n_classes),
        images,
        curves,
        snapshots: moments(report.snapshots, model.weights.len()),
        reliability: reliability(tests),
        diverging: base64(&scale()),
    })?;
    Ok(json_in_script(&json))
}

/// The images, each packed, and how many of a cell there are at most where not all fit.
fn stored(tests: &Tests<'_>, classes: usize, features: usize) -> (Stored, Option<usize>) {
    let index = shown(classes, tests.labels, tests.predicted);
    let packed: Vec<Vec<u8>> = match tests.images {
        Images::U8(pixels) => pixels.chunks_exact(features).map(pack_zeros).collect(),
        Images::F32(x) => x.chunks_exact(features).map(|x| pack_zeros(&le_bytes(x))).collect(),
    };
    assert_eq!(packed.len(), index.len(), "the images that are shown");
    // Which image of its cell each is.
    let mut counts = vec![0; classes * classes];
    let places: Vec<usize> = index
        .iter()
        .map(|&i| {
            let cell =
                &mut counts[tests.labels[i] as usize * classes + tests.predicted[i] as usize];
            *cell += 1;
            *cell - 1
        })
        .collect();
    let most = counts.into_iter().max().unwrap_or(0);
    let size = |most: usize| -> usize {
        packed.iter().zip(&places).filter(|&(_, &place)| place < most).map(|(p, _)| p.len()).sum()
    };
    let mut limit = most;
    while size(limit) > MOST_IMAGE_BYTES {
        limit /= 2;
    }
    let kept: Vec<usize> = (0..index.len()).filter(|&i| places[i] < limit).collect();
    let pixels: Vec<u8> = kept.iter().flat_map(|&i| &packed[i]).copied().collect();
    let stored = Stored {
        bytes: matches!(tests.images, Images::U8(_)),
        index: kept.iter().map(|&i| index[i]).collect(),
        label: kept.iter().map(|&i| tests.labels[index[i]]).collect(),
        predicted: kept.iter().map(|&i| tests.predicted[index[i]]).collect(),
        pixels: base64(&pixels),
    };
    (stored, (limit < most).then_some(limit))
}

fn confusion(tests: &Tests<'_>, classes: usize) -> Vec<usize> {
    let mut counts = vec![0; classes * classes];
    for (&label, &predicted) in tests.labels.iter().zip(tests.predicted) {
        counts[label as usize * classes + predicted as usize] += 1;
    }
    counts
}

/// Earlier weights; where they are too many, every second, fourth and so on.
fn moments(snapshots: &[Snapshot], weights: usize) -> Vec<Moment> {
    let most = MOST_SNAPSHOT_BYTES / weights.max(1);
    let every = if most == 0 { usize::MAX } else { snapshots.len().div_ceil(most).max(1) };
    let kept = snapshots.iter().step_by(every).take(most);
    kept.map(|snapshot| {
        assert_eq!(snapshot.weights.len(), weights, "weights of a snapshot");
        let (bytes, largest) = quantised(&snapshot.weights);
        Moment { step: snapshot.step, epoch: snapshot.epoch, largest, weights: base64(&bytes) }
    })
    .collect()
}

/// The bins of [`bins`] that have images: how many, their mean confidence and how many are right.
fn reliability(tests: &Tests<'_>) -> Vec<Dot> {
    assert_eq!(tests.confidence.len(), tests.labels.len(), "a confidence for each image");
    let right = tests.labels.iter().zip(tests.predicted).map(|(label, class)| label == class);
    let bins = bins(tests.confidence.iter().copied().zip(right));
    let dot = |bin: &Bin| {
        let (count, confidence) = (bin.count, bin.mean_confidence()?);
        Some(Dot { count, confidence, accuracy: bin.accuracy()? })
    };
    bins.iter().filter_map(dot).collect()
}

/// The diverging colours as 255 steps, red green blue: 0 is the most negative, 127 zero.
fn scale() -> Vec<u8> {
    (-127_i16..=127).flat_map(|i| diverging(f32::from(i), 127.0)).collect()
}
