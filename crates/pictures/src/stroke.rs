//! Lines, discs and squares with smooth edges.

use std::f32::consts::TAU;

use ab_glyph_rasterizer::{Point, Rasterizer, point};

use crate::colour::Rgb;
use crate::image::{Area, Image};

/// Corners of the polygon that stands for a circle.
const CORNERS: usize = 20;

/// Shapes that are gathered and then painted together in one colour, so that no part is painted twice.
pub(crate) struct Shapes {
    area: Area,
    /// How much of each pixel of the area is covered; sums may exceed 1.
    covered: Vec<f32>,
    /// Of one polygon, in the box around it.
    coverage: Rasterizer,
}

impl Shapes {
    /// Nothing yet, to be painted in an area; what lies outside it is cut off above and below, and moved
    /// to its edge left and right.
    pub(crate) fn new(area: Area) -> Self {
        Self { area, covered: vec![0.0; area.width * area.height], coverage: Rasterizer::new(0, 0) }
    }

    fn place(&self, (x, y): (f32, f32)) -> Point {
        let x = (x - self.area.x as f32).clamp(0.0, self.area.width as f32);
        point(x, y - self.area.y as f32)
    }

    /// Adds a polygon.
    fn polygon(&mut self, corners: &[(f32, f32)]) {
        let corners: Vec<Point> = corners.iter().map(|&corner| self.place(corner)).collect();
        let ends = |value: fn(&Point) -> f32, most: usize| {
            let least = corners.iter().map(value).fold(f32::INFINITY, f32::min);
            let largest = corners.iter().map(value).fold(0.0, f32::max);
            // Casts take what is negative to 0.
            (least.floor() as usize, (largest.ceil() as usize).min(most))
        };
        let (left, right) = ends(|corner| corner.x, self.area.width);
        let (top, bottom) = ends(|corner| corner.y, self.area.height);
        if left >= right || top >= bottom {
            return;
        }
        self.coverage.reset(right - left, bottom - top);
        let inside = |corner: Point| point(corner.x - left as f32, corner.y - top as f32);
        for (i, &corner) in corners.iter().enumerate() {
            let next = corners[(i + 1) % corners.len()];
            self.coverage.draw_line(inside(corner), inside(next));
        }
        let (width, covered) = (self.area.width, &mut self.covered);
        self.coverage.for_each_pixel_2d(|x, y, part| {
            covered[(top + y as usize) * width + left + x as usize] += part;
        });
    }

    /// Adds a disc.
    pub(crate) fn disc(&mut self, (x, y): (f32, f32), radius: f32) {
        let corners: Vec<_> = (0..CORNERS)
            .map(|i| {
                let (sin, cos) = turn(i);
                (x + radius * cos, y + radius * sin)
            })
            .collect();
        self.polygon(&corners);
    }

    /// Adds a square with a middle.
    pub(crate) fn square(&mut self, (x, y): (f32, f32), half: f32) {
        let (left, right, top, bottom) = (x - half, x + half, y - half, y + half);
        self.polygon(&[(left, top), (right, top), (right, bottom), (left, bottom)]);
    }

    /// Adds a line through points. Corners are left as they come: discs on them would look like knots, as
    /// coverage is summed.
    pub(crate) fn line(&mut self, points: &[(f32, f32)], width: f32) {
        let half = width / 2.0;
        for pair in points.windows(2) {
            let [(x0, y0), (x1, y1)] = [pair[0], pair[1]];
            let (dx, dy) = (x1 - x0, y1 - y0);
            let length = (dx * dx + dy * dy).sqrt();
            if length > 0.0 {
                let (nx, ny) = (-dy / length * half, dx / length * half);
                let corners = [
                    (x0 - nx, y0 - ny),
                    (x1 - nx, y1 - ny),
                    (x1 + nx, y1 + ny),
                    (x0 + nx, y0 + ny),
                ];
                self.polygon(&corners);
            }
        }
    }

    /// Adds a line of dashes, each `dash` long with as much between them.
    pub(crate) fn dashes(&mut self, (from, to): ((f32, f32), (f32, f32)), width: f32, dash: f32) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let length = (dx * dx + dy * dy).sqrt();
        let at = |way: f32| {
            let share = (way / length).min(1.0);
            (from.0 + share * dx, from.1 + share * dy)
        };
        let mut way = 0.0;
        while way < length && dash > 0.0 {
            self.line(&[at(way), at(way + dash)], width.min(1.5));
            way += 2.0 * dash;
        }
    }

    /// Paints all of it.
    pub(crate) fn paint(self, image: &mut Image, colour: Rgb, opacity: f32) {
        let (left, top) = (self.area.x as i64, self.area.y as i64);
        for (y, row) in self.covered.chunks(self.area.width.max(1)).enumerate() {
            for (x, &covered) in row.iter().enumerate().filter(|(_, covered)| **covered > 0.0) {
                let place = (left + x as i64, top + y as i64);
                image.blend(place, colour, covered.min(1.0) * opacity);
            }
        }
    }
}

/// Sine and cosine of corner `i`, by a sum that needs no library's sine, which differs between systems.
fn turn(i: usize) -> (f32, f32) {
    let angle = |i: usize| f64::from(TAU) * i as f64 / CORNERS as f64;
    // Taylor's series of an angle up to an eighth of a turn is exact in f32 after a few terms.
    let series = |x: f64| {
        let (mut sin, mut cos, mut term) = (0.0, 0.0, 1.0);
        for k in 0..12 {
            match k % 4 {
                0 => cos += term,
                1 => sin += term,
                2 => cos -= term,
                _ => sin -= term,
            }
            term *= x / f64::from(k + 1);
        }
        (sin, cos)
    };
    let quarter = CORNERS / 4;
    let (sin, cos) = series(angle(i % quarter));
    let (sin, cos) = match i / quarter % 4 {
        0 => (sin, cos),
        1 => (cos, -sin),
        2 => (-sin, -cos),
        _ => (-cos, sin),
    };
    (sin as f32, cos as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_lie_on_the_circle() {
        for i in 0..CORNERS {
            let angle = f64::from(TAU) * i as f64 / CORNERS as f64;
            let (sin, cos) = turn(i);
            assert!((f64::from(sin) - angle.sin()).abs() < 1e-6, "{i}");
            assert!((f64::from(cos) - angle.cos()).abs() < 1e-6, "{i}");
        }
    }

    #[test]
    fn what_overlaps_is_painted_once() {
        let area = Area::new((0, 0), (20, 10));
        let mut image = Image::new(20, 10);
        let mut shapes = Shapes::new(area);
        shapes.line(&[(2.0, 5.0), (18.0, 5.0), (2.0, 5.0)], 4.0);
        shapes.disc((10.0, 5.0), 3.0);
        shapes.paint(&mut image, [0, 0, 0], 0.5);
        let darkest = image.rgb().iter().min();
        assert_eq!(darkest, Some(&128));
    }
}
