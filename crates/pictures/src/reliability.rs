//! The reliability diagram: whether a confidence of 80 % is right in 80 of 100 cases.

use crate::axes::{Axes, Scale, number, thousands};
use crate::colour::{INK, LINE, MUTED, Rgb, TRAINING, WRONG};
use crate::image::{Area, Image};
use crate::samples::heads;
use crate::stroke::Shapes;
use crate::text::{Align, BODY, LABEL, SMALL};

/// Bins of equal width.
pub const BINS: usize = 15;

const CONFIDENCE: &str = "confidence: the probability given to the predicted class";
const LEFT: usize = 130;
const SIDE: usize = 690;
const TOP: usize = 210;
const COUNTS_TOP: usize = TOP + SIDE + 82;
const COUNTS: usize = 170;
const WIDTH: usize = LEFT + SIDE + 60;

/// Images whose confidence lies in a bin; the confidence is the probability of the predicted class.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many.
    pub count: usize,
    /// How many of them are right.
    pub right: usize,
    /// The sum of their confidences.
    pub confidence: f64,
}

impl Bin {
    /// The fraction that is right; nothing in an empty bin.
    pub fn accuracy(&self) -> Option<f64> {
        (self.count > 0).then(|| self.right as f64 / self.count as f64)
    }

    /// The mean confidence; nothing in an empty bin.
    pub fn mean_confidence(&self) -> Option<f64> {
        (self.count > 0).then(|| self.confidence / self.count as f64)
    }
}

/// Counts (confidence, whether it is right) in [`BINS`] bins of equal width from 0 to 1; an upper edge
/// belongs to its bin.
pub fn bins(predictions: impl IntoIterator<Item = (f32, bool)>) -> [Bin; BINS] {
    let mut bins = [Bin::default(); BINS];
    for (confidence, is_right) in predictions {
        let confidence = f64::from(confidence);
        // What is not a number is cast to 0.
        let bin = ((confidence * BINS as f64).ceil() as usize).saturating_sub(1).min(BINS - 1);
        bins[bin].count += 1;
        bins[bin].right += usize::from(is_right);
        bins[bin].confidence += confidence;
    }
    bins
}

/// The expected calibration error: the gap between confidence and accuracy, averaged over all images by
/// bins (Naeini et al., 2015). 0 is best; 0 too without any image.
///
/// ```
/// use pictures::reliability::{bins, calibration_error};
/// let bins = bins([(0.9, true), (0.9, false), (0.3, false)]);
/// assert!((calibration_error(&bins) - (2.0 * 0.4 + 0.3) / 3.0).abs() < 1e-6);
/// ```
pub fn calibration_error(bins: &[Bin]) -> f64 {
    let count: usize = bins.iter().map(|bin| bin.count).sum();
    let gap = |bin: &Bin| (bin.confidence - bin.right as f64).abs();
    bins.iter().map(gap).sum::<f64>() / count.max(1) as f64
}

/// Draws accuracy against confidence, the gaps between them, and below how many images there are.
pub fn reliability(bins: &[Bin; BINS], subtitle: &str) -> Image {
    let mut image = Image::new(WIDTH, COUNTS_TOP + COUNTS + 92);
    heads(&mut image, "Reliability", subtitle, 60);
    let unit = Scale::linear(0.0, 1.0);
    let axes = Axes { area: Area::new((LEFT, TOP), (SIDE, SIDE)), x: unit, y: unit };
    let percent = |tick: f64| format!("{} %", number(100.0 * tick));
    let ticks: Vec<f64> = (0..=5).map(|i| f64::from(i) / 5.0).collect();
    axes.draw(&mut image, (&ticks, percent), (&ticks, percent));
    let error = 100.0 * calibration_error(bins);
    key(&mut image, error);
    for (i, bin) in bins.iter().enumerate() {
        let (Some(accuracy), Some(confidence)) = (bin.accuracy(), bin.mean_confidence()) else {
            continue;
        };
        let (x, width) = column(i);
        let y = |value: f64| axes.place(0.0, value).1.round() as usize;
        let between = |low: f64, high: f64| Area::new((x, y(high)), (width, y(low) - y(high)));
        image.fill(between(0.0, accuracy), BAR);
        let gap = between(accuracy.min(confidence), accuracy.max(confidence));
        hatch(&mut image, gap);
        image.fill(Area::new((x, y(accuracy).saturating_sub(2)), (width, 4)), TRAINING);
    }
    let mut diagonal = Shapes::new(axes.area);
    diagonal.dashes((axes.place(0.0, 0.0), axes.place(1.0, 1.0)), 1.5, 9.0);
    diagonal.paint(&mut image, INK, 0.8);
    counts(&mut image, bins);
    image
}

const BAR: Rgb = [170, 203, 230];

/// The left edge and the width of a bin's column.
fn column(bin: usize) -> (usize, usize) {
    let edge = |i: usize| LEFT + (i * SIDE + BINS / 2) / BINS;
    (edge(bin) + 2, edge(bin + 1) - edge(bin) - 3)
}

/// Draws slanted lines over what is there, which can be told from a plain area without colour: a gap above a bar stands on paper,
/// one that the bar reaches over, on the bar.
fn hatch(image: &mut Image, area: Area) {
    for y in area.y..area.y + area.height {
        for x in area.x..area.x + area.width {
            if (x + y) % 9 < 3 {
                image.blend((x as i64, y as i64), WRONG, 0.85);
            }
        }
    }
}

/// What the shapes mean, and the error.
fn key(image: &mut Image, error: f64) {
    let (mut x, y) = (60, 150);
    let baseline = y as f32 + BODY.drop();
    for (kind, text) in [(0, "accuracy"), (1, "gap to confidence"), (2, "perfect")] {
        let swatch = Area::new((x, y - 10), (30, 20));
        match kind {
            0 => {
                image.fill(swatch, BAR);
                image.fill(Area::new((x, y - 10), (30, 4)), TRAINING);
            }
            1 => hatch(image, swatch),
            _ => {
                let mut line = Shapes::new(swatch);
                let (x, y) = (x as f32, y as f32);
                line.dashes(((x, y + 8.0), (x + 30.0, y - 8.0)), 1.5, 7.0);
                line.paint(image, INK, 0.8);
            }
        }
        image.text((x as f32 + 40.0, baseline), text, BODY, Align::Left);
        x += 40 + BODY.width(text) as usize + 34;
    }
    let text = format!("ECE {error:.1} %");
    image.text(((LEFT + SIDE) as f32, baseline), &text, LABEL, Align::Right);
    let place = ((LEFT + SIDE) as f32, baseline + 27.0);
    let note = format!("expected calibration error, {BINS} bins of equal width");
    image.text(place, &note, SMALL, Align::Right);
}

/// The lower panel: images in each bin.
fn counts(image: &mut Image, bins: &[Bin; BINS]) {
    let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1);
    let foot = COUNTS_TOP + COUNTS;
    image.text((LEFT as f32, COUNTS_TOP as f32 - 4.0), "Images in each bin", LABEL, Align::Left);
    for (i, bin) in bins.iter().enumerate() {
        let (x, width) = column(i);
        let height = (bin.count as f64 / most as f64 * (COUNTS - 44) as f64).round() as usize;
        let height = height.max(usize::from(bin.count > 0));
        image.fill(Area::new((x, foot - height), (width, height)), MUTED);
        let place = ((x + width / 2) as f32, (foot - height) as f32 - 8.0);
        let (text, style) = SMALL.fit(&thousands(bin.count), width as f32 - 3.0);
        image.text(place, &text, style, Align::Middle);
    }
    image.fill(Area::new((LEFT, foot), (SIDE + 1, 1)), LINE);
    for i in 0..=5 {
        let x = LEFT as f32 + i as f32 / 5.0 * SIDE as f32;
        image.fill(Area::new((x.round() as usize, foot), (1, 7)), LINE);
        let text = format!("{} %", 20 * i);
        image.text((x, foot as f32 + 26.0), &text, SMALL, Align::Middle);
    }
    let place = ((LEFT + SIDE / 2) as f32, foot as f32 + 60.0);
    image.text(place, CONFIDENCE, BODY, Align::Middle);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_belong_to_the_bin_below() {
        let found =
            bins([(0.0, false), (1.0, true), (1.0 / 3.0, true), (0.34, true), (f32::NAN, true)]);
        let counts = found.map(|bin| bin.count);
        let mut expected = [0; BINS];
        // 1/3 in f32 lies above the edge.
        (expected[0], expected[5], expected[14]) = (2, 2, 1);
        assert_eq!(counts, expected);
        assert_eq!(calibration_error(&[]), 0.0);
    }
}
