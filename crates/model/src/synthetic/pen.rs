//! The pen: from its path to ink on a box of 20 x 20 pixels.

use super::{BOX, Point, bell};
use crate::rng::Stream;

/// One pen on one paper. Lengths are in pixels; a pixel's centre has whole coordinates.
pub(super) struct Pen {
    /// Half the width of its stroke.
    radius: f32,
    /// The share by which a stroke along (1, 0), and along (1, 1), is wider than one across it.
    nib: [f32; 2],
    /// The share of the radius with which a stroke begins and ends: a point or a full stop.
    ends: [f32; 2],
    /// How much the pressure changes from line to line.
    unrest: f32,
    /// The width of the grey edge of the ink.
    edge: f32,
    /// The pixel value of full ink.
    full: f32,
}

impl Pen {
    pub(super) fn new(stream: &mut Stream) -> Self {
        let b = bell(stream);
        Self {
            radius: 1.32 + 0.36 * b + 0.05 * b * b, // 0.7 to 2.9, more of them thin
            nib: [0.08 * bell(stream), 0.08 * bell(stream)],
            ends: [0.8 + 0.25 * stream.signed_unit(), 0.7 + 0.3 * stream.signed_unit()],
            unrest: 0.10 + 0.06 * stream.signed_unit(),
            edge: 1.5 + 0.3 * stream.signed_unit(),
            full: 253.0 + 2.99 * stream.signed_unit(),
        }
    }

    /// Inks the strokes, scaled to fill the box, and returns its pixels row by row.
    pub(super) fn ink(&self, mut strokes: Vec<Vec<Point>>, stream: &mut Stream) -> [u8; BOX * BOX] {
        fit(&mut strokes, self.radius);
        let mut depth = [f32::MIN; BOX * BOX];
        for stroke in &strokes {
            self.trace(stroke, &mut depth, stream);
        }
        depth.map(|depth| {
            if depth < -0.5 * self.edge {
                return 0;
            }
            // The grain of the paper moves the edge; the ink rises across it as 3 t^2 - 2 t^3.
            let t = 0.5 + (depth + 0.14 * stream.signed_unit()) / self.edge;
            let t = if t > 0.0 { t } else { 0.0 };
            let t = if t < 1.0 { t } else { 1.0 };
            (self.full * (t * t * (3.0 - 2.0 * t))) as u8
        })
    }

    /// Draws one stroke into `depth`: how far the centre of each pixel lies within the ink.
    fn trace(&self, stroke: &[Point], depth: &mut [f32; BOX * BOX], stream: &mut Stream) {
        let last = stroke.len() - 1;
        let mut pressure = 1.0;
        let mut before = None;
        for (i, &point) in stroke.iter().enumerate() {
            let (a, b) = (stroke[i.saturating_sub(1)], stroke[if i < last { i + 1 } else { last }]);
            let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
            let turned = self.nib[0] * (dx * dx - dy * dy) + self.nib[1] * (2.0 * dx * dy);
            let nib = 1.0 + turned / (dx * dx + dy * dy + 1e-6);
            pressure = 0.2 + 0.8 * pressure + self.unrest * stream.signed_unit();
            let ends = taper(self.ends[0], i) * taper(self.ends[1], last - i);
            let here = (point, self.radius * nib * pressure * ends);
            if let Some(there) = before.replace(here) {
                line(there, here, self.edge, depth);
            }
        }
    }
}

/// Moves and scales the strokes so that ink of this radius just fills the box in width or height.
fn fit(strokes: &mut [Vec<Point>], radius: f32) {
    let (mut low, mut high) = (strokes[0][0], strokes[0][0]);
    for point in strokes.iter().flatten() {
        for axis in 0..2 {
            low[axis] = if point[axis] < low[axis] { point[axis] } else { low[axis] };
            high[axis] = if point[axis] > high[axis] { point[axis] } else { high[axis] };
        }
    }
    let (width, height) = (high[0] - low[0], high[1] - low[1]);
    let scale = (BOX as f32 - 2.0 * radius) / if width > height { width } else { height };
    for point in strokes.iter_mut().flatten() {
        for axis in 0..2 {
            let from_middle = point[axis] - 0.5 * (low[axis] + high[axis]);
            point[axis] = 0.5 * (BOX as f32 - 1.0) + scale * from_middle;
        }
    }
}

/// The share of the radius at `distance` points from an end that has the share `end`.
fn taper(end: f32, distance: usize) -> f32 {
    if distance < 3 { end + (1.0 - end) * (distance as f32 / 3.0) } else { 1.0 }
}

/// Raises `depth` to that of a line from `a` to `b`, given with the radius at each.
fn line(a: (Point, f32), b: (Point, f32), edge: f32, depth: &mut [f32; BOX * BOX]) {
    let ((a, ra), (b, rb)) = (a, b);
    let reach = 0.5 * edge + if ra > rb { ra } else { rb };
    let pixels = |p: f32, q: f32| {
        let (low, high) = if p < q { (p, q) } else { (q, p) };
        let first = (low - reach + 1.0) as usize; // `as` makes 0 of what is less
        first..((high + reach) as usize + 1).min(BOX)
    };
    let (dx, dy) = (b[0] - a[0], b[1] - a[1]);
    let square = dx * dx + dy * dy;
    let inverse = if square > 0.0 { 1.0 / square } else { 0.0 };
    for y in pixels(a[1], b[1]) {
        for x in pixels(a[0], b[0]) {
            let (px, py) = (x as f32 - a[0], y as f32 - a[1]);
            // The nearest point of the line lies the share t along it.
            let t = (px * dx + py * dy) * inverse;
            let t = if t > 0.0 { t } else { 0.0 };
            let t = if t < 1.0 { t } else { 1.0 };
            let (ex, ey) = (px - t * dx, py - t * dy);
            let within = ra + t * (rb - ra) - (ex * ex + ey * ey).sqrt();
            let pixel = &mut depth[y * BOX + x];
            *pixel = if within > *pixel { within } else { *pixel };
        }
    }
}
