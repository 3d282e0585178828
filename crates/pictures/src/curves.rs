//! Learning curves: loss and accuracy over the epochs, of training and validation.

use crate::axes::{Axes, Scale, nice_step, number, thousands};
use crate::colour::{PAPER, TRAINING, VALIDATION};
use crate::image::{Area, Image};
use crate::samples::heads;
use crate::stroke::Shapes;
use crate::text::{Align, BODY, LABEL, SMALL};

const WIDTH: usize = 1_240;
const LEFT: usize = 120;
const RIGHT: usize = 60;
const TOP: usize = 240;
const PANEL: usize = 330;
const BETWEEN: usize = 96;
const BOTTOM: usize = 86;

/// Loss and accuracy at some time of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// In epochs since the start: a step stands where it begins, an epoch's end at its number.
    pub at: f64,
    /// The mean cross-entropy in nats.
    pub loss: f64,
    /// 0 to 1.
    pub accuracy: f64,
}

/// The curves of a run.
#[derive(Clone, Copy, Debug)]
pub struct Curves<'a> {
    /// The line under the heading.
    pub subtitle: &'a str,
    /// The logged steps, in order: each batch before its update.
    pub steps: &'a [Point],
    /// After each epoch, on the validation images; none where there are none.
    pub validation: &'a [Point],
    /// Steps of an epoch.
    pub steps_per_epoch: usize,
}

/// Draws loss over accuracy: logged steps as thin lines, their mean over each epoch and the validation
/// after each as marks.
pub fn curves(curves: &Curves<'_>) -> Image {
    let mut image = Image::new(WIDTH, TOP + 2 * PANEL + BETWEEN + BOTTOM);
    heads(&mut image, "Learning curves", curves.subtitle, 60);
    legend(&mut image, curves);
    let means = epoch_means(curves.steps);
    let all = || curves.steps.iter().chain(curves.validation);
    let end = all().map(|point| point.at).fold(1.0, f64::max).ceil();
    let x = Scale::linear(0.0, end);
    let panel = |row: usize| {
        Area::new((LEFT, TOP + row * (PANEL + BETWEEN)), (WIDTH - LEFT - RIGHT, PANEL))
    };
    let x_ticks = x.ticks(if end <= 12.0 { end as usize } else { 10 });

    let (low, high) = range(all().map(|point| point.loss));
    let y = if high > 4.0 * low && low > 1e-6 {
        Scale::log(low * 0.9, high * 1.1)
    } else {
        Scale::linear(0.0, high * 1.05)
    };
    let y_ticks = y.ticks(6);
    let axes = Axes { area: panel(0), x, y };
    axes.draw(&mut image, (&x_ticks, number), (&y_ticks, number));
    let note = if high > 4.0 * low && low > 1e-6 { "nats, logarithmic scale" } else { "nats" };
    title(&mut image, axes.area, "Loss", note);
    series(&mut image, &axes, (curves, &means), |point| point.loss);

    // A start near chance would press everything else against the top.
    let lowest = low_quantile(curves.steps.iter().map(|point| point.accuracy));
    let marks = means.iter().chain(curves.validation).map(|point| point.accuracy);
    let floor = 100.0 * marks.fold(lowest, f64::min);
    // Where all is right, the axis still has a length.
    let floor = ((floor / 10.0).floor() * 10.0).min(90.0);
    let ceiling = 100.0 * range(all().map(|point| point.accuracy)).1;
    let step = nice_step((ceiling - floor) / 6.0);
    let y = Scale::linear(floor, ((ceiling / step).ceil() * step).min(100.0));
    let axes = Axes { area: panel(1), x, y };
    axes.draw(&mut image, (&x_ticks, number), (&y.ticks(6), |tick| format!("{} %", number(tick))));
    let below = curves.steps.iter().filter(|point| 100.0 * point.accuracy < floor).count();
    let note = match below {
        0 => String::new(),
        1 => "1 logged step lies below the axis".to_owned(),
        n => format!("{} logged steps lie below the axis", thousands(n)),
    };
    title(&mut image, axes.area, "Accuracy", &note);
    series(&mut image, &axes, (curves, &means), |point| 100.0 * point.accuracy);

    let area = axes.area;
    let steps = thousands(curves.steps_per_epoch);
    let s = if curves.steps_per_epoch == 1 { "" } else { "s" };
    let place = ((area.x + area.width / 2) as f32, (area.y + PANEL) as f32 + 62.0);
    image.text(place, &format!("epoch ({steps} step{s} each)"), BODY, Align::Middle);
    image
}

/// The name of a panel, and a note at its right end.
fn title(image: &mut Image, area: Area, name: &str, note: &str) {
    let y = area.y as f32 - 18.0;
    image.text((area.x as f32, y), name, LABEL, Align::Left);
    image.text(((area.x + area.width) as f32, y), note, SMALL, Align::Right);
}

/// The three series of a panel.
fn series(
    image: &mut Image,
    axes: &Axes,
    (curves, means): (&Curves<'_>, &[Point]),
    value: impl Fn(&Point) -> f64,
) {
    let place = |point: &Point| axes.place(point.at, value(point));
    // Marks may reach over the frame; what lies below the axis is cut off there.
    let Area { x, y, width, height } = axes.area;
    let over = Area::new((x - 12, y - 12), (width + 24, height + 12));
    let wide = Area::new((x - 12, y - 12), (width + 24, height + 24));
    let steps = thin(curves.steps.iter().map(place).collect());
    let mut thin_line = Shapes::new(over);
    thin_line.line(&steps, if steps.len() > 400 { 1.0 } else { 1.8 });
    if steps.len() <= 120 {
        steps.iter().for_each(|&at| thin_line.disc(at, 3.0));
    }
    thin_line.paint(image, TRAINING, 0.38);
    for (points, colour, is_square) in
        [(means, TRAINING, false), (curves.validation, VALIDATION, true)]
    {
        let places: Vec<_> = points.iter().map(place).collect();
        let marked = places.len() <= 60;
        // A rim of paper keeps marks apart from what they lie on.
        for (grow, colour) in [(2.0, PAPER), (0.0, colour)] {
            let mut shapes = Shapes::new(wide);
            if grow == 0.0 {
                shapes.line(&places, 3.2);
            }
            for &at in places.iter().filter(|_| marked || places.len() == 1) {
                if is_square {
                    shapes.square(at, 6.0 + grow);
                } else {
                    shapes.disc(at, 6.6 + grow);
                }
            }
            shapes.paint(image, colour, 1.0);
        }
    }
}

/// The mean of each epoch's logged steps, in time too; none where every epoch has one at most.
fn epoch_means(steps: &[Point]) -> Vec<Point> {
    let mean = |chunk: &[Point]| {
        let n = chunk.len() as f64;
        let mean = |value: fn(&Point) -> f64| chunk.iter().map(value).sum::<f64>() / n;
        let (loss, accuracy) = (mean(|point| point.loss), mean(|point| point.accuracy));
        Point { at: mean(|point| point.at), loss, accuracy }
    };
    let epochs = || steps.chunk_by(|a, b| a.at.floor() == b.at.floor());
    if epochs().all(|epoch| epoch.len() == 1) { Vec::new() } else { epochs().map(mean).collect() }
}

/// At most two points a column of pixels, its highest and lowest.
fn thin(points: Vec<(f32, f32)>) -> Vec<(f32, f32)> {
    if points.len() <= 1_000 {
        return points;
    }
    let columns = points.chunk_by(|a, b| a.0.floor() == b.0.floor());
    let ends = columns.flat_map(|column| {
        let by_height = |a: &&(f32, f32), b: &&(f32, f32)| a.1.total_cmp(&b.1);
        let (high, low) = (column.iter().min_by(by_height), column.iter().max_by(by_height));
        high.into_iter().chain(low.filter(|low| Some(*low) != high)).copied()
    });
    ends.collect()
}

/// What the lines and marks mean, in one row that nothing lies under.
fn legend(image: &mut Image, curves: &Curves<'_>) {
    let mut x = 60.0;
    let y = 146.0;
    let mut entry = |text: &str, colour, opacity: f32, mark: Option<bool>, width| {
        let area = Area::new((x as usize, y as usize - 16), (52, 32));
        let mut shapes = Shapes::new(area);
        shapes.line(&[(x + 3.0, y), (x + 45.0, y)], width);
        match mark {
            Some(true) => shapes.square((x + 24.0, y), 6.0),
            Some(false) => shapes.disc((x + 24.0, y), if opacity < 1.0 { 3.0 } else { 6.6 }),
            None => {}
        }
        shapes.paint(image, colour, opacity);
        image.text((x + 56.0, y + BODY.drop()), text, BODY, Align::Left);
        x += 56.0 + BODY.width(text) + 40.0;
    };
    let dot = (curves.steps.len() <= 120).then_some(false);
    entry("training, logged batches", TRAINING, 0.38, dot, 1.8);
    let first = curves.steps.first().map_or(0.0, |step| step.at.floor());
    let logged = curves.steps.iter().take_while(|step| step.at < first + 1.0).count();
    if logged > 1 {
        let text = format!("mean of an epoch’s {}", thousands(logged));
        entry(&text, TRAINING, 1.0, Some(false), 3.2);
    }
    if !curves.validation.is_empty() {
        entry("validation after an epoch", VALIDATION, 1.0, Some(true), 3.2);
    }
}

/// The smallest and largest finite value; 0 and 1 where there is none.
fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let finite = values.filter(|value| value.is_finite());
    let ends = finite.fold(None, |ends: Option<(f64, f64)>, value| {
        Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
    });
    ends.unwrap_or((0.0, 1.0))
}

/// The value that a tenth of all lie below.
fn low_quantile(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 10).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_stand_in_the_middle_of_their_steps() {
        let point = |at, loss| Point { at, loss, accuracy: 0.5 };
        let means = epoch_means(&[point(0.0, 4.0), point(0.5, 2.0), point(1.0, 1.0)]);
        let found: Vec<_> = means.iter().map(|mean| (mean.at, mean.loss)).collect();
        assert_eq!(found, [(0.25, 3.0), (1.0, 1.0)]);
        assert_eq!(epoch_means(&[point(0.0, 4.0), point(1.0, 2.0)]), []);
    }

    #[test]
    fn long_runs_keep_their_extremes() {
        let points: Vec<_> = (0..50_000).map(|i| (i as f32 / 500.0, (i % 97) as f32)).collect();
        let thinned = thin(points);
        assert!(thinned.len() <= 202, "{}", thinned.len());
        assert!(thinned.iter().any(|at| at.1 == 0.0) && thinned.iter().any(|at| at.1 == 96.0));
    }
}
