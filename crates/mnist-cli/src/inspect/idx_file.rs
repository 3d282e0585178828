//! An IDX file in words.

use std::collections::BTreeMap;
use std::path::Path;

use idx::{ElementType, Idx};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::values::{Summary, decode, summarise};
use super::{KNOWN, Report, count, draw, histogram};
use crate::failure::Failure;
use crate::input::{Input, Kind};
use crate::screen::{Screen, printable, times};

/// Of more different labels than this, there is no histogram.
const MOST_LABELS: usize = 64;

/// What a file is, by the number and type of its dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    Labels,
    Images { height: usize, width: usize },
    Other,
}

pub(super) fn inspect(path: &Path, input: &Input, screen: &Screen) -> Result<Report, Failure> {
    let file = idx::read(path).map_err(|error| match input.kind {
        Kind::Idx | Kind::Gzip => Failure::from(error),
        _ => Failure::from(error).remedy(KNOWN),
    })?;
    let (content, summary) = (content(&file), summarise(&file));
    let (dims, element_type) = (times(file.dims()), file.element_type());
    let noun = match content {
        Content::Labels => "label",
        Content::Images { .. } => "image",
        Content::Other => "row",
    };
    let sha256: String = Sha256::new()
        .chain_update(file.header_bytes())
        .chain_update(file.payload())
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let whole_bytes = file.header_bytes().len() + file.payload().len();
    let is_gzip = input.kind == Kind::Gzip;
    let size = if is_gzip {
        format!("{} bytes of gzip, {whole_bytes} without", input.size_bytes)
    } else {
        format!("{whole_bytes} bytes")
    };
    let mut facts = vec![("elements", format!("{element_type}, {dims}")), ("size", size)];
    if let Some(summary) = &summary {
        facts.push(("values", in_words(summary, content)));
    }
    facts.push(("sha256", sha256.clone()));

    let labels = (content == Content::Labels).then(|| label_counts(&file));
    let mut drawings = Vec::new();
    if let Some(labels) = &labels {
        if labels.len() > MOST_LABELS {
            facts.push(("labels", format!("{} different ones", labels.len())));
        } else if !labels.is_empty() {
            let counts = labels.iter().map(|(label, &count)| (label.to_string(), count));
            drawings.push(histogram(screen, counts));
        }
    }
    if let (Content::Images { height, width }, Some(summary)) = (content, &summary) {
        let image = |i| (pixels(&file, i, summary), i.to_string());
        drawings.extend(draw(screen, file.dims()[0], (height, width), image));
    }
    let json = json!({
        "kind": "idx",
        "path": path.to_string_lossy(),
        "content": noun.to_owned() + "s",
        "type": element_type.to_string(),
        "dims": file.dims(),
        "gzip": is_gzip,
        "size_bytes": input.size_bytes,
        "uncompressed_bytes": whole_bytes,
        "sha256": sha256,
        "min": summary.map(|summary| summary.min),
        "max": summary.map(|summary| summary.max),
        "mean": summary.map(|summary| summary.mean),
        "non_zero": summary.map(|summary| summary.non_zero),
        "not_finite": summary.map(|summary| summary.not_finite),
        "labels": labels.map(|labels| {
            let pair = |(label, count): (&i64, &usize)| json!({"label": label, "count": count});
            labels.iter().map(pair).collect::<Vec<_>>()
        }),
    });
    let path = printable(&path.to_string_lossy());
    let title = format!("{path}: IDX file of {}", count(file.dims()[0], noun));
    Ok(Report { title, facts, drawings, json })
}

/// Labels have one dimension, or two and wide integers, as QMNIST's; images have three.
fn content(file: &Idx) -> Content {
    let is_float = matches!(file.element_type(), ElementType::F32 | ElementType::F64);
    match (file.dims(), file.element_type()) {
        ([_], _) if !is_float => Content::Labels,
        ([_, _], ElementType::I16 | ElementType::I32) => Content::Labels,
        (&[_, height, width], _) => Content::Images { height, width },
        _ => Content::Other,
    }
}

/// How often each label is there; of several columns, the first one's.
fn label_counts(file: &Idx) -> BTreeMap<i64, usize> {
    let columns: usize = file.dims()[1..].iter().product();
    let mut counts = BTreeMap::new();
    for label in file.to_i64().unwrap_or_default().into_iter().step_by(columns.max(1)) {
        *counts.entry(label).or_default() += 1;
    }
    counts
}

/// Image `i` in greys: bytes as they are, others from the least to the largest, or from 0 to 1.
fn pixels(file: &Idx, i: usize, summary: &Summary) -> Vec<u8> {
    let features: usize = file.dims()[1..].iter().product();
    let size_bytes = features * file.element_type().size_bytes();
    let bytes = &file.payload()[i * size_bytes..][..size_bytes];
    if file.element_type() == ElementType::U8 {
        return bytes.to_vec();
    }
    let is_unit = summary.min >= 0.0 && summary.max <= 1.0;
    let (low, high) = if is_unit { (0.0, 1.0) } else { (summary.min, summary.max) };
    // Where all are the same, or not a number, the cast makes 0 of it.
    let grey = |value: f64| (255.0 * ((value - low) / (high - low))).round() as u8;
    decode(file, bytes).into_iter().map(grey).collect()
}

/// Of labels, the mean says nothing.
fn in_words(summary: &Summary, content: Content) -> String {
    let Summary { min, max, mean, non_zero, not_finite } = summary;
    if content == Content::Labels {
        return format!("{min} to {max}");
    }
    let mut words = format!("{min} to {max}, mean {mean:.4}, {:.1}% not zero", 100.0 * non_zero);
    if *not_finite > 0 {
        words += &format!(", {not_finite} infinite or not a number");
    }
    words
}
