//! The explanation for the terminal: the digit, its coloured shares, the probabilities, the sum.

use pictures::Picture;
use pictures::terminal::{Bar, Graphics, Panel, SignedMap, bars, panels};

use super::Case;
use crate::screen::{Screen, wrap};

/// The pixels that are listed one by one.
const LISTED: usize = 8;

/// Of more classes than this, only the most probable ones get a bar.
const MOST_BARS: usize = 12;

/// Decimals of the sum that is printed.
const DECIMALS: i32 = 6;

pub(super) fn describe(case: &Case<'_>, screen: &Screen) -> String {
    let columns = screen.columns();
    let drawn = case.image_shape().map(|image| drawing(case, image, screen)).unwrap_or_default();
    let graphics = screen.graphics(2, 1);
    [
        wrap(&headline(case), columns),
        drawn,
        bars(&chart(case), 1.0, graphics, columns),
        sum(case, columns),
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
    .collect::<Vec<_>>()
    .join("\n")
}

/// The image beside the shares of its pixels, and what their colours mean.
fn drawing(case: &Case<'_>, (height, width): (usize, usize), screen: &Screen) -> String {
    let columns = screen.columns();
    let graphics = screen.graphics(2, width);
    let (class, other) = (case.name(case.why.class), case.name(case.why.other));
    let (pixels, shares) = (case.pixels(), case.shares());
    let map = SignedMap::new(&shares, (height, width), case.why.largest() as f32);
    let pair = [
        (
            case.subject.done.unwrap_or("the image").to_owned(),
            Panel::Ink(Picture::new(&pixels, (height, width))),
        ),
        (format!("{class} against {other}"), Panel::Signed(map)),
    ];
    let legend = match graphics {
        Graphics::HalfBlock => format!("red speaks for {class}, blue for {other}"),
        _ => format!("+ and # speak for {class}, - and = for {other}"),
    };
    [panels(&pair, graphics, columns, columns), wrap(&legend, columns)].join("\n")
}

/// What the image was taken for.
pub(super) fn headline(case: &Case<'_>) -> String {
    let answer = |class: u32| {
        let probability = case.prediction.probabilities[class as usize];
        format!("{} ({:.1}%)", case.name(class), 100.0 * probability)
    };
    let taken = answer(case.prediction.class);
    let truth = match case.subject.label {
        Some(label) if label == case.prediction.class => ", rightly".to_owned(),
        Some(label) => format!(", and is {}", answer(label)),
        None => String::new(),
    };
    format!("{}: taken for {taken}{truth}", case.subject.title)
}

/// A bar for each class.
fn chart(case: &Case<'_>) -> Vec<Bar> {
    let p = &case.prediction.probabilities;
    let mut classes: Vec<u32> = (0..p.len() as u32).collect();
    if classes.len() > MOST_BARS {
        classes.sort_by(|&a, &b| p[b as usize].total_cmp(&p[a as usize]));
        classes.truncate(MOST_BARS);
    }
    let bar = |class: u32| Bar {
        label: case.name(class),
        note: format!("{:.1}%", 100.0 * p[class as usize]),
        value: p[class as usize].into(),
    };
    classes.into_iter().map(bar).collect()
}

/// The sum of the shares: the largest ones, all others in one line, the biases, the margin.
///
/// Every line is the exact share rounded, but for the others': those are what makes the column add up.
fn sum(case: &Case<'_>, columns: usize) -> String {
    let why = &case.why;
    let (class, other) = (case.name(why.class), case.name(why.other));
    let image = case.image_shape();
    let ranked = why.ranked();
    let units = |x: f64| (x * 10f64.powi(DECIMALS)).round();
    let mut rest = units(why.margin) - units(why.bias);
    let mut lines = vec![wrap(
        &format!(
            "why: logit of {class} minus logit of {other}, by {}:",
            if image.is_some() { "pixels (row, column)" } else { "features" }
        ),
        columns,
    )];
    let mut line = |term: &str, value: f64| {
        let value = value / 10f64.powi(DECIMALS);
        let number = format!("{value:+.precision$}", precision = DECIMALS as usize);
        let used = term.chars().count() + 2;
        let room = columns.min(44).saturating_sub(used);
        if room > number.len() {
            lines.push(format!("  {term}{number:>room$}\n"));
        } else {
            lines.push(format!("  {term}\n    {number}\n"));
        }
    };
    for &pixel in ranked.iter().take(LISTED) {
        let share = units(why.shares[pixel]);
        rest -= share;
        let term = match image {
            Some((_, width)) => format!("({}, {})", pixel / width, pixel % width),
            None => format!("feature {pixel}"),
        };
        line(&term, share);
    }
    match ranked.len().saturating_sub(LISTED) {
        0 if rest == 0.0 => {}
        0 => line("rounding", rest),
        1 => line("1 other", rest),
        others => line(&format!("{others} others"), rest),
    }
    line("biases", units(why.bias));
    line("margin", units(why.margin));
    lines.push(wrap(&format!("{class} is {}.", odds(why.margin, &other)), columns));
    lines.concat()
}

/// How much more probable a class is than `other`.
fn odds(margin: f64, other: &str) -> String {
    let times = |x: f64| match x {
        x if x >= 1e6 => format!("{x:.1e}"),
        x if x >= 10.0 => format!("{x:.0}"),
        _ => format!("{x:.2}"),
    };
    if margin >= 0.0 {
        format!("e^margin = {} times as probable as {other}", times(margin.exp()))
    } else {
        format!("e^-margin = {} times less probable than {other}", times((-margin).exp()))
    }
}
