//! Scales, ticks and the frame of a plot.

use crate::colour::{GRID, LINE};
use crate::image::{Area, Image};
use crate::text::{Align, SMALL};

/// From numbers to a share, 0 to 1, of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    from: f64,
    to: f64,
    is_log: bool,
}

impl Scale {
    /// An axis of equal steps; `to` is moved where it is not above `from`.
    pub(crate) fn linear(from: f64, to: f64) -> Self {
        Self { from, to: if to > from { to } else { from + 1.0 }, is_log: false }
    }

    /// An axis of equal ratios, of numbers above 0.
    pub(crate) fn log(from: f64, to: f64) -> Self {
        let from = from.max(1e-6);
        Self { from, to: if to > from { to } else { 10.0 * from }, is_log: true }
    }

    /// Where a number lies; below 0 or above 1 outside the axis.
    pub(crate) fn share(self, value: f64) -> f64 {
        if self.is_log {
            log2(value.max(1e-9) / self.from) / log2(self.to / self.from)
        } else {
            (value - self.from) / (self.to - self.from)
        }
    }

    /// Round numbers along the axis, some `count` of them.
    pub(crate) fn ticks(self, count: usize) -> Vec<f64> {
        if self.is_log {
            // Fewer to a decade, and then fewer decades, where there are more than can be read.
            let all = |digits: &[&str], every: i32| -> Vec<f64> {
                let powers = (-6..=300).filter(|power| power % every == 0);
                let ticks = powers.flat_map(|power| digits.iter().map(move |d| decimal(d, power)));
                let slack = 1.0 + 1e-9;
                let is_on = |&tick: &f64| tick * slack >= self.from && tick <= self.to * slack;
                ticks.filter(is_on).collect()
            };
            let every = [1, 2, 3, 5, 10, 20, 50, 100].map(|every| (&["1"][..], every));
            let ways = [(&["1", "2", "3", "5"][..], 1), (&["1", "3"], 1)].into_iter().chain(every);
            let mut ways = ways.map(|(digits, every)| all(digits, every));
            return ways.find(|ticks| ticks.len() <= 2 * count).unwrap_or_default();
        }
        let step = nice_step((self.to - self.from) / count.max(1) as f64);
        let first = (self.from / step - 1e-9).ceil() as i64;
        let last = (self.to / step + 1e-9).floor() as i64;
        (first..=last).map(|i| i as f64 * step).collect()
    }
}

/// The smallest of 1, 2, 5 times a power of ten that is not below `least`.
pub(crate) fn nice_step(least: f64) -> f64 {
    let mut decade = 1e-9;
    while decade * 10.0 <= least && decade < 1e300 {
        decade *= 10.0;
    }
    let steps = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * decade);
    let step = steps.into_iter().find(|&step| step >= least * (1.0 - 1e-9)).unwrap_or(steps[3]);
    // 5e-9 * 1e8 is not quite a half; its nearest decimal is.
    format!("{step:.0e}").parse().unwrap_or(step)
}

/// The logarithm to the base of 2 by halving and squaring: the library's differs between systems.
fn log2(value: f64) -> f64 {
    if !(value.is_finite() && value > 0.0) {
        return 0.0;
    }
    let (mut x, mut whole) = (value, 0.0);
    while x >= 2.0 {
        (x, whole) = (x / 2.0, whole + 1.0);
    }
    while x < 1.0 {
        (x, whole) = (x * 2.0, whole - 1.0);
    }
    let (mut part, mut bit) = (0.0, 0.5);
    for _ in 0..24 {
        x *= x;
        if x >= 2.0 {
            x /= 2.0;
            part += bit;
        }
        bit /= 2.0;
    }
    whole + part
}

/// The double nearest to a decimal number: a product with a power of ten may be its neighbour.
fn decimal(digit: &str, power: i32) -> f64 {
    format!("{digit}e{power}").parse().unwrap_or(1.0)
}

/// A number as short as it can be said: 0.25, 5, 1,200, 1.5e6.
pub(crate) fn number(value: f64) -> String {
    if value.abs() >= 1e6 {
        return format!("{value:.1e}").replace(".0e", "e").replacen('-', "−", 1);
    }
    if value >= 1_000.0 && value.fract() == 0.0 {
        return thousands(value as usize);
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

/// A count with commas: 10,000.
pub fn thousands(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A plot's area and its two axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axes {
    pub(crate) area: Area,
    pub(crate) x: Scale,
    pub(crate) y: Scale,
}

impl Axes {
    /// The place of a point in pixels.
    pub(crate) fn place(&self, x: f64, y: f64) -> (f32, f32) {
        let Area { x: left, y: top, width, height } = self.area;
        let across = left as f64 + self.x.share(x) * width as f64;
        let down = top as f64 + (1.0 - self.y.share(y)) * height as f64;
        (across as f32, down as f32)
    }

    /// Draws the lines of the grid, the axis below, and the numbers of both.
    pub(crate) fn draw(
        &self,
        image: &mut Image,
        (x_ticks, x_name): (&[f64], impl Fn(f64) -> String),
        (y_ticks, y_name): (&[f64], impl Fn(f64) -> String),
    ) {
        let Area { x: left, y: top, width, height } = self.area;
        for &tick in y_ticks {
            let y = self.place(0.0, tick).1;
            image.fill(Area::new((left, y.round() as usize), (width, 1)), GRID);
            let place = (left as f32 - 12.0, y + SMALL.drop());
            image.text(place, &y_name(tick), SMALL, Align::Right);
        }
        for &tick in x_ticks {
            let x = self.place(tick, 0.0).0.round();
            image.fill(Area::new((x as usize, top), (1, height)), GRID);
            image.fill(Area::new((x as usize, top + height), (1, 7)), LINE);
            let place = (x, (top + height) as f32 + 26.0);
            image.text(place, &x_name(tick), SMALL, Align::Middle);
        }
        image.fill(Area::new((left, top + height), (width + 1, 1)), LINE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round() {
        assert_eq!(Scale::linear(0.0, 10.0).ticks(10), (0..=10).map(f64::from).collect::<Vec<_>>());
        assert_eq!(Scale::linear(0.8, 1.0).ticks(2), [0.8, 0.9, 1.0]);
        assert_eq!(Scale::log(0.2, 2.5).ticks(6), [0.2, 0.3, 0.5, 1.0, 2.0]);
        for (value, text) in [
            (0.0, "0"),
            (0.25, "0.25"),
            (20.0, "20"),
            (5_500.0, "5,500"),
            (2e15, "2e15"),
            (1.5e38, "1.5e38"),
        ] {
            assert_eq!(number(value), text);
        }
        assert_eq!([-0.5, -1.5e38].map(number), ["−0.5", "−1.5e38"]);
        assert_eq!((thousands(999).as_str(), thousands(1_234_567).as_str()), ("999", "1,234,567"));
    }

    /// A rate of learning that is much too large makes such losses.
    #[test]
    fn no_axis_has_ticks_without_end() {
        for top in [1e16, 1e20, f64::from(f32::MAX), 1e300] {
            let ticks = Scale::linear(0.0, top).ticks(6);
            assert!((3..=13).contains(&ticks.len()), "{top}: {} ticks", ticks.len());
            let ticks = Scale::log(0.1, top).ticks(6);
            assert!((2..=12).contains(&ticks.len()), "{top}: {} ticks", ticks.len());
        }
        assert_eq!(Scale::linear(0.0, 1e38).ticks(6), [0.0, 2e37, 4e37, 3.0 * 2e37, 8e37, 1e38]);
    }

    #[test]
    fn logarithms() {
        for value in [1e-9, 0.3, 1.0, 2.0, 3.7, 1e6] {
            assert!((log2(value) - f64::log2(value)).abs() < 1e-6, "{value}");
        }
        let scale = Scale::log(0.1, 10.0);
        assert!((scale.share(1.0) - 0.5).abs() < 1e-6);
    }
}
