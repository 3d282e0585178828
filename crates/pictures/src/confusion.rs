//! The confusion matrix: how often each class was taken for each.

use crate::axes::thousands;
use crate::colour::{GRID, LINE, Rgb, right, text_on, wrong};
use crate::image::{Area, Image};
use crate::samples::heads;
use crate::text::{Align, BODY, LABEL, SMALL, Style};

const MARGIN: usize = 60;
const HEAD: usize = 132;
/// About how wide the matrix is.
const SIDE: usize = 860;
/// The narrowest cell that has its count in it, and the narrowest in which that is as large as other text. Letters have
/// 26 classes, and cells of 32.
const NARROWEST: usize = 26;
const ROOMY: usize = 34;

/// Draws counts [classes x classes], row-major: a row for each class, a column for each prediction. Right
/// ones are blue by their share of the row; wrong ones red by their share of the most frequent mistake.
///
/// Panics if there are not as many counts as pairs of names.
pub fn confusion(counts: &[usize], names: &[String], subtitle: &str) -> Image {
    let classes = names.len();
    assert_eq!(counts.len(), classes * classes, "counts of {classes} x {classes}");
    let names = crate::text::class_names(names);
    let cell = (SIDE / classes.max(1)).clamp(7, 86);
    let side = cell * classes;
    let longest = names.iter().map(|name| BODY.width(name)).fold(0.0, f32::max).min(190.0);
    // Names over columns stand upright where they do not fit.
    let upright = longest > cell as f32 - 6.0;
    let every = (22usize).div_ceil(cell);
    let (left, top) = (
        MARGIN + 44 + longest as usize + 14,
        HEAD + 36 + if upright { longest as usize + 20 } else { 36 },
    );
    let mut image = Image::new((left + side + MARGIN + 90).max(640), top + side + MARGIN);
    heads(&mut image, "Confusion matrix", subtitle, MARGIN);
    let middle = |i: usize| (i * cell + cell / 2) as f32;
    let centre = side as f32 / 2.0;
    image.text((left as f32 + centre, (HEAD + 26) as f32), "predicted", LABEL, Align::Middle);
    image.text_upwards(((MARGIN + 20) as f32, top as f32 + centre), "true", LABEL, Align::Middle);
    image.text(((left + side) as f32 + 16.0, top as f32 - 14.0), "right", SMALL, Align::Left);
    for (class, name) in names.iter().enumerate().filter(|(class, _)| class % every == 0) {
        let style = if cell < 22 { SMALL } else { BODY };
        let (name, style) = style.fit(name, longest + 1.0);
        let place = (left as f32 - 14.0, top as f32 + middle(class) + style.drop());
        image.text(place, &name, style, Align::Right);
        if upright {
            let place = (left as f32 + middle(class) + style.drop(), top as f32 - 14.0);
            image.text_upwards(place, &name, style, Align::Left);
        } else {
            let place = (left as f32 + middle(class), top as f32 - 14.0);
            image.text(place, &name, style, Align::Middle);
        }
    }
    let most = (0..counts.len()).filter(|i| i % (classes + 1) != 0).map(|i| counts[i]).max();
    let most = most.unwrap_or(0).max(1);
    image.fill(Area::new((left, top), (side, side)), GRID);
    for (label, row) in counts.chunks(classes.max(1)).enumerate() {
        let all: usize = row.iter().sum();
        for (predicted, &count) in row.iter().enumerate() {
            let colour = if label == predicted {
                right(count as f32 / all.max(1) as f32 * 0.92)
            } else {
                // Few mistakes must show beside many.
                wrong((count as f32 / most as f32).sqrt() * 0.8)
            };
            let gap = usize::from(cell > 10);
            let place = (left + predicted * cell + gap, top + label * cell + gap);
            let area = Area::new(place, (cell - gap, cell - gap));
            image.fill(area, colour);
            write(&mut image, area, count, colour, label == predicted);
        }
        if label % every == 0 && all > 0 {
            let share = format!("{:.1} %", 100.0 * row[label] as f64 / all as f64);
            let place = ((left + side) as f32 + 16.0, top as f32 + middle(label) + SMALL.drop());
            image.text(place, &share, SMALL, Align::Left);
        }
    }
    image.frame(Area::new((left, top), (side, side)), 1, LINE);
    image
}

/// Writes a count into its cell, if there is room; nothing for a mistake that was never made.
fn write(image: &mut Image, cell: Area, count: usize, ground: Rgb, on_diagonal: bool) {
    if cell.width < NARROWEST || (count == 0 && !on_diagonal) {
        return;
    }
    let text = if count < 10_000 { count.to_string() } else { thousands(count) };
    let style: Style = if on_diagonal { LABEL } else { BODY };
    let room = (cell.width - 4) as f32;
    let style = match cell.width {
        ..ROOMY if style.size(14.0).width(&text) <= room => style.size(14.0),
        ..ROOMY => style.size(11.0),
        _ => style,
    };
    let (text, style) = style.colour(text_on(ground)).fit(&text, room);
    if text.contains('…') {
        return;
    }
    let (x, y) =
        (cell.x as f32 + cell.width as f32 / 2.0, cell.y as f32 + cell.height as f32 / 2.0);
    image.text((x, y + style.drop()), &text, style, Align::Middle);
}
