//! The weight maps: what each class looks for, and against what.

use crate::axes::number;
use crate::colour::{INK, LINE, diverging, mix, text_on};
use crate::image::{Area, Image};
use crate::samples::heads;
use crate::text::{Align, LABEL, SMALL};

const MARGIN: usize = 60;
const HEAD: usize = 132;
const GAP: usize = 28;
const TITLE: usize = 40;
const BAR_WIDTH: usize = 26;
/// Colour bar with its numbers and the words over it.
const BAR: usize = 122;
/// The side of a weight's square that has room for a sign.
const SIGNED: usize = 6;
/// About how wide all maps are together.
const WIDTH: usize = 1_160;

/// Draws the map of every class: weights [features x classes], row-major, as images of a shape (height,
/// width), blue below zero, white at it, red above, all on one scale.
///
/// Panics if there are not as many weights as pixels times names, or no class.
pub fn weights(weights: &[f32], (height, width): (usize, usize), names: &[String]) -> Image {
    let classes = names.len();
    assert_eq!(
        weights.len(),
        height * width * classes,
        "weights of {height} x {width} x {classes}"
    );
    let names = crate::text::class_names(names);
    let columns = if classes <= 10 { classes.min(5) } else { 10 };
    let rows = classes.div_ceil(columns);
    // A whole number of pixels a weight, or less than one.
    let room = (WIDTH - (columns - 1) * GAP) / columns;
    let longer = height.max(width).max(1);
    let factor = (room / longer).min(224 / longer);
    let shrunk = |side: usize| (side * room.min(224) / longer).max(1);
    let (tall, wide) = match factor {
        0 => (shrunk(height), shrunk(width)),
        factor => (height * factor, width * factor),
    };
    let (step_x, step_y) = (wide.max(40) + GAP, tall + TITLE + GAP / 2);
    let size =
        (2 * MARGIN + columns * step_x - GAP + 50 + BAR, HEAD + (rows * step_y).max(220) + MARGIN);
    let mut image = Image::new(size.0.max(620), size.1);
    let subtitle = if columns * wide < 700 {
        "red: ink speaks for the class; blue (−): against"
    } else {
        "one map a class, all on one scale; ink on red pixels speaks for the class, on blue ones (−) against it"
    };
    heads(&mut image, "Weights", subtitle, MARGIN);
    let limit = limit(weights);
    let is_open = weights.iter().any(|weight| weight.abs() > limit);
    for (class, name) in names.iter().enumerate() {
        let x = MARGIN + class % columns * step_x + (step_x - GAP - wide) / 2;
        let y = HEAD + class / columns * step_y + TITLE;
        let (name, style) = LABEL.fit(name, (step_x - 8) as f32);
        let place = ((x + wide / 2) as f32, y as f32 - 12.0);
        image.text(place, &name, style, Align::Middle);
        let area = Area::new((x, y), (wide, tall));
        let weight = |y: usize, x: usize| weights[(y * width + x) * classes + class];
        if factor == 0 {
            // Nearest weights: a mean of red and blue would say that neither is there.
            image.cells(area, (tall, wide), |row, column| {
                diverging(weight(row * height / tall, column * width / wide), limit)
            });
        } else {
            image.cells(area, (height, width), |y, x| diverging(weight(y, x), limit));
            minus_signs(&mut image, area, (factor, width), |y, x| weight(y, x) / limit);
        }
        image.frame(area, 1, LINE);
    }
    let left = MARGIN + columns * step_x - GAP + 50;
    let height = (rows * step_y - TITLE - GAP / 2).clamp(120, 480);
    let area = Area::new((left, HEAD + TITLE), (BAR_WIDTH, height));
    colour_bar(&mut image, area, "weight", (limit, is_open));
    image
}

/// Puts a small minus sign on what is clearly negative, so that a grey print tells it from positive.
pub(crate) fn minus_signs(
    image: &mut Image,
    area: Area,
    (factor, width): (usize, usize),
    share: impl Fn(usize, usize) -> f32,
) {
    if factor < SIGNED {
        return;
    }
    for (y, x) in (0..area.height / factor).flat_map(|y| (0..width).map(move |x| (y, x))) {
        let share = share(y, x);
        if share < -0.3 {
            let colour = diverging(share, 1.0);
            let sign = mix(colour, text_on(colour), 0.75);
            let length = factor / 2;
            let place =
                (area.x + x * factor + (factor - length) / 2, area.y + y * factor + factor / 2);
            image.fill(Area::new(place, (length, (factor / 7).max(1))), sign);
        }
    }
}

/// The size of weight at which the colours end. A few weights at the edge of what was ever inked are far
/// larger than the others, which they would leave pale: one in 200 of those that are not zero may lie
/// beyond the end. 0 if all are zero.
pub fn limit(weights: &[f32]) -> f32 {
    let mut sizes: Vec<f32> = weights.iter().map(|w| w.abs()).filter(|&size| size > 0.0).collect();
    sizes.sort_unstable_by(f32::total_cmp);
    let most = sizes.last().copied().unwrap_or(0.0);
    let limit = sizes.get(sizes.len().saturating_sub(1 + sizes.len() / 200));
    // A scale that ends at 0.8 reads easier than one that ends at 0.7963.
    let mut unit = 1e-6;
    while unit * 100.0 <= most && unit < 1e6 {
        unit *= 10.0;
    }
    let limit = (limit.copied().unwrap_or(0.0) / unit).ceil() * unit;
    limit.min(most)
}

/// The colours' scale under its name, from the most negative number at the foot to the most positive, `limit`; `is_open`
/// where there are numbers beyond its ends.
pub(crate) fn colour_bar(image: &mut Image, area: Area, name: &str, (limit, is_open): (f32, bool)) {
    let Area { x, y, width, height } = area;
    for row in 0..height {
        let share = 1.0 - 2.0 * row as f32 / (height - 1) as f32;
        image.fill(Area::new((x, y + row), (width, 1)), diverging(share, 1.0));
    }
    image.frame(area, 1, LINE);
    let place = (x as f32, y as f32 - 12.0);
    image.text(place, name, SMALL, Align::Left);
    let steps = if limit > 0.0 { 0..=4 } else { 2..=2 };
    for step in steps {
        let share = f64::from(step) / 2.0 - 1.0;
        let at = y as f32 + (1.0 - share as f32) / 2.0 * (height - 1) as f32;
        image.fill(Area::new((x + width + 1, at.round() as usize), (7, 1)), INK);
        let place = ((x + width) as f32 + 14.0, at + SMALL.drop());
        // Two digits after the point do where weights are about 1.
        let value = share * f64::from(limit);
        let digits = if limit >= 0.1 { 100.0 } else { 10_000.0 };
        let text = number((value * digits).round() / digits);
        let plus = if share > 0.0 { "+" } else { "" };
        let sign = match step {
            0 if is_open => "≤ ",
            4 if is_open => "≥ ",
            _ => "",
        };
        image.text(place, &format!("{sign}{plus}{text}"), SMALL, Align::Left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_large_weights_do_not_set_the_scale() {
        let mut weights: Vec<f32> = (0..1_000).map(|i| (i % 50) as f32 / 100.0 - 0.25).collect();
        assert_eq!(limit(&weights), 0.25);
        weights[7] = -3.0;
        assert!((limit(&weights) - 0.3).abs() < 1e-6, "{}", limit(&weights));
        assert_eq!((limit(&[0.0; 9]), limit(&[]), limit(&[0.0, 2.0])), (0.0, 0.0, 2.0));
    }
}
