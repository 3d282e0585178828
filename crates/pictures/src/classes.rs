//! The table of classes: precision, recall, F1 and support of each.

use crate::axes::{nice_step, thousands};
use crate::colour::{GRID, LINE, Rgb, TRAINING, VALIDATION};
use crate::image::{Area, Image};
use crate::samples::heads;
use crate::text::{Align, BODY, LABEL, SMALL};

const MARGIN: usize = 60;
const TOP: usize = 204;
const BAR: usize = 170;
const COLUMN: usize = BAR + 120;

/// What is known of a class; a fraction is NaN where there is nothing to divide by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Class {
    /// Of the images taken for it, the fraction that is of it.
    pub precision: f64,
    /// Of its images, the fraction taken for it.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// Its images.
    pub support: usize,
}

/// Draws a row for each class, and the mean of all; bars begin at a round number below all fractions.
///
/// Panics if there are not as many names as classes.
pub fn classes(classes: &[Class], names: &[String], subtitle: &str) -> Image {
    assert_eq!(classes.len(), names.len(), "classes and names");
    let names = crate::text::class_names(names);
    let row = if classes.len() > 30 { 32 } else { 46 };
    let longest =
        names.iter().map(|name| LABEL.width(name)).fold(70.0, f32::max).min(240.0) as usize;
    let left = MARGIN + longest + 40;
    let width = left + 3 * COLUMN + 110 + MARGIN;
    let mut image = Image::new(width, TOP + (classes.len() + 1) * row + 24 + MARGIN);
    heads(&mut image, "Classes", subtitle, MARGIN);
    let values = |class: &Class| [class.precision, class.recall, class.f1];
    let least = classes.iter().flat_map(values).filter(|value| !value.is_nan()).fold(1.0, f64::min);
    // A start that lets differences be seen; bars say where they begin.
    let step = nice_step((1.0 - least).max(0.02) / 2.0);
    let from = ((least / step).floor() * step).clamp(0.0, 1.0 - step);
    for (i, (name, colour)) in COLUMNS.iter().enumerate() {
        let x = left + i * COLUMN;
        image.text((x as f32, TOP as f32 - 42.0), name, LABEL.colour(*colour), Align::Left);
        let note = format!("{:.0}", 100.0 * from);
        image.text((x as f32, TOP as f32 - 16.0), &note, SMALL, Align::Left);
        image.text(((x + BAR) as f32, TOP as f32 - 16.0), "100 %", SMALL, Align::Right);
    }
    let end = (width - MARGIN) as f32;
    image.text((end, TOP as f32 - 42.0), "Support", LABEL, Align::Right);
    image.text((end, TOP as f32 - 16.0), "images", SMALL, Align::Right);
    let mean = |value: fn(&Class) -> f64| {
        let known: Vec<f64> = classes.iter().map(value).filter(|value| !value.is_nan()).collect();
        known.iter().sum::<f64>() / known.len() as f64
    };
    let all = Class {
        precision: mean(|class| class.precision),
        recall: mean(|class| class.recall),
        f1: mean(|class| class.f1),
        support: classes.iter().map(|class| class.support).sum(),
    };
    let rows = classes.iter().zip(names.iter().map(String::as_str)).chain([(&all, "mean")]);
    for (i, (class, name)) in rows.enumerate() {
        let is_mean = i == classes.len();
        let top = TOP + i * row + if is_mean { 24 } else { 0 };
        if i > 0 {
            let (y, colour) = if is_mean { (top - 12, LINE) } else { (top, GRID) };
            image.fill(Area::new((MARGIN, y), (width - 2 * MARGIN, 1)), colour);
        }
        let middle = top as f32 + row as f32 / 2.0;
        let (name, style) = LABEL.fit(name, longest as f32 + 20.0);
        image.text((MARGIN as f32, middle + style.drop()), &name, style, Align::Left);
        for (column, value) in values(class).into_iter().enumerate() {
            let x = left + column * COLUMN;
            let area = Area::new((x, middle as usize - 7), (BAR, 14));
            measure(&mut image, area, (value, from), COLUMNS[column].1);
        }
        image.text((end, middle + BODY.drop()), &thousands(class.support), BODY, Align::Right);
    }
    image
}

const COLUMNS: [(&str, Rgb); 3] =
    [("Precision", TRAINING), ("Recall", VALIDATION), ("F1", [74, 78, 84])];

/// A bar from `from` to 1, filled up to the value, and the value in words.
fn measure(image: &mut Image, area: Area, (value, from): (f64, f64), colour: Rgb) {
    image.fill(area, GRID);
    let share = ((value - from) / (1.0 - from)).clamp(0.0, 1.0);
    // What is not a number has no length.
    let length = (share * area.width as f64).round() as usize;
    image.fill(Area { width: length, ..area }, colour);
    let text = if value.is_nan() { "–".to_owned() } else { format!("{:.1} %", 100.0 * value) };
    let place = ((area.x + area.width) as f32 + 84.0, area.y as f32 + 7.0 + BODY.drop());
    image.text(place, &text, BODY, Align::Right);
}
