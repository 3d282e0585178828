//! The hand: from the points of a style to the path of the pen.

use super::styles::Style;
use super::{Point, bell};
use crate::rng::Stream;

/// How one person writes one digit. Lengths are shares of the digit's height.
pub(super) struct Hand {
    /// What is added to a point per x^2, x y, y^2 and y^3: bows, wedges, unequal halves.
    bend: [Point; 4],
    /// How far a single point strays, as a standard deviation.
    stray: f32,
    /// The rows of the linear map that widens, then slants, then turns.
    rows: [Point; 2],
}

impl Hand {
    pub(super) fn new(stream: &mut Stream) -> Self {
        let u = stream.signed_unit();
        let loose = 0.8 + 0.6 * u * u; // neat to sloppy, more of them neat
        let bend = [0.28, 0.20, 0.30, 0.30].map(|spread| {
            let spread = spread * loose;
            [spread * bell(stream), spread * bell(stream)]
        });
        let width = 1.0 + 0.18 * bell(stream);
        let slant = 0.12 + 0.24 * bell(stream); // to the right, per height
        let t = 0.06 * bell(stream); // the tangent of half the turn
        let (cos, sin) = ((1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t));
        let rows = [[cos * width, -cos * slant - sin], [sin * width, cos - sin * slant]];
        Self { bend, stray: 0.035 * loose, rows }
    }

    /// The strokes of `style` as this hand writes them, each a line through many points.
    pub(super) fn write(&self, style: &Style, stream: &mut Stream) -> Vec<Vec<Point>> {
        style.strokes.iter().map(|stroke| round_off(&self.place(stroke, stream), stream)).collect()
    }

    /// Where this hand puts the points of a stroke.
    fn place(&self, stroke: &[[i8; 2]], stream: &mut Stream) -> Vec<Point> {
        let whole = [0.5 * self.stray * bell(stream), 0.5 * self.stray * bell(stream)];
        let mut placed: Vec<Point> = Vec::with_capacity(stroke.len());
        for (i, point) in stroke.iter().enumerate() {
            if i > 0 && *point == stroke[i - 1] {
                placed.push(placed[i - 1]); // a corner stays sharp
                continue;
            }
            let (x, y) = (f32::from(point[0]) / 100.0 - 0.35, f32::from(point[1]) / 100.0 - 0.5);
            let mut moved = [x, y];
            for axis in 0..2 {
                moved[axis] += whole[axis] + self.stray * bell(stream);
                for (term, power) in self.bend.iter().zip([x * x, x * y, y * y, y * y * y]) {
                    moved[axis] += term[axis] * power;
                }
            }
            placed.push(self.rows.map(|row| row[0] * moved[0] + row[1] * moved[1]));
        }
        placed
    }
}

/// The pen's path along `points`: for each inner one a quadratic Bezier curve that it pulls towards
/// itself, from the middle of the leg before it to the middle of the leg after; in short lines, by
/// a hand that trembles a little.
fn round_off(points: &[Point], stream: &mut Stream) -> Vec<Point> {
    let last = points.len() - 1;
    let mut path = vec![points[0]];
    let mut tremor = [0.0; 2];
    let mut from = points[0];
    for i in 1..last {
        let pull = points[i];
        let to = if i + 1 == last { points[last] } else { middle(pull, points[i + 1]) };
        let n_lines = 1 + (12.0 * (length(from, pull) + length(pull, to))) as u32;
        for line in 1..=n_lines {
            let t = line as f32 / n_lines as f32;
            let (a, b, c) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
            tremor = tremor.map(|shift| 0.8 * shift + 0.007 * stream.signed_unit());
            path.push(
                [0, 1].map(|axis| a * from[axis] + b * pull[axis] + c * to[axis] + tremor[axis]),
            );
        }
        from = to;
    }
    path
}

fn middle(a: Point, b: Point) -> Point {
    [0.5 * (a[0] + b[0]), 0.5 * (a[1] + b[1])]
}

fn length(a: Point, b: Point) -> f32 {
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    (dx * dx + dy * dy).sqrt()
}
