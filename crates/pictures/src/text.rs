//! Text on images, in the embedded font.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};

use crate::colour::{INK, MUTED, Rgb};
use crate::image::Image;

static REGULAR: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("../fonts/Inter-Regular.otf")).ok());
static STRONG: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("../fonts/Inter-SemiBold.otf")).ok());

/// The least part of its size to which a text is shrunk before it is cut.
const SMALLEST: f32 = 0.72;

/// How a text looks; its size is that of the em, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    size: f32,
    strong: bool,
    colour: Rgb,
}

/// Which point of a text stands at the given place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Middle,
    Right,
}

/// The heading of a picture.
pub(crate) const HEADING: Style = Style { size: 34.0, strong: true, colour: INK };
/// The line under it.
pub(crate) const SUBTITLE: Style = Style { size: 20.0, strong: false, colour: MUTED };
/// What a person reads first: titles of parts, names of classes.
pub(crate) const LABEL: Style = Style { size: 21.0, strong: true, colour: INK };
/// Running text and numbers.
pub(crate) const BODY: Style = Style { size: 20.0, strong: false, colour: INK };
/// Numbers of axes, notes.
pub(crate) const SMALL: Style = Style { size: 17.0, strong: false, colour: MUTED };

impl Style {
    pub(crate) fn size(self, size: f32) -> Self {
        Self { size, ..self }
    }

    pub(crate) fn colour(self, colour: Rgb) -> Self {
        Self { colour, ..self }
    }

    /// How far the baseline stands below the middle of a line of capitals or digits.
    pub(crate) fn drop(self) -> f32 {
        // Capitals of this font are 0.727 em high.
        0.3635 * self.size
    }

    fn font(self) -> Option<&'static FontRef<'static>> {
        if self.strong { STRONG.as_ref() } else { REGULAR.as_ref() }
    }

    /// The width of a text in pixels.
    pub(crate) fn width(self, text: &str) -> f32 {
        self.place(text, |_, _| {})
    }

    /// Calls `glyph` with each glyph and where it starts; returns the width of all.
    fn place(self, text: &str, mut glyph: impl FnMut(ab_glyph::GlyphId, f32)) -> f32 {
        let Some(font) = self.font() else { return 0.0 };
        let font = font.as_scaled(self.scale(font));
        let (mut x, mut last) = (0.0, None);
        for c in text.chars() {
            let id = font.glyph_id(c);
            x += last.map_or(0.0, |last| font.kern(last, id));
            glyph(id, x);
            x += font.h_advance(id);
            last = Some(id);
        }
        x
    }

    /// The library counts sizes from the highest to the lowest point of the font, people in ems.
    fn scale(self, font: &FontRef<'_>) -> PxScale {
        PxScale::from(self.size * font.height_unscaled() / font.units_per_em().unwrap_or(1.0))
    }

    /// The text and a style in which it is at most `width` wide: smaller, and cut where that does not do.
    pub(crate) fn fit(self, text: &str, width: f32) -> (String, Self) {
        let found = self.width(text);
        if found <= width {
            return (text.to_owned(), self);
        }
        let style = self.size(self.size * (width / found).max(SMALLEST));
        let mut kept = text.to_owned();
        let mut cut = kept.clone();
        while style.width(&cut) > width && kept.pop().is_some() {
            cut = format!("{}…", kept.trim_end());
        }
        (cut, style)
    }
}

/// Whether the font has every sign of a text.
pub(crate) fn has_all(text: &str) -> bool {
    REGULAR.as_ref().is_some_and(|font| text.chars().all(|c| font.glyph_id(c).0 != 0))
}

/// Names of classes as the font can show them: the number of the class where it lacks a sign.
pub(crate) fn class_names(names: &[String]) -> Vec<String> {
    let shown = |(class, name): (usize, &String)| {
        if !name.is_empty() && has_all(name) { name.clone() } else { class.to_string() }
    };
    names.iter().enumerate().map(shown).collect()
}

impl Image {
    /// Writes a text with its baseline at `y`.
    pub(crate) fn text(&mut self, (x, y): (f32, f32), text: &str, style: Style, align: Align) {
        let x = aligned(x, text, style, align);
        let (left, right) = (x.floor(), x - x.floor());
        draw(text, style, right, |(dx, dy), opacity| {
            self.blend((left as i64 + dx, y.round() as i64 + dy), style.colour, opacity);
        });
    }

    /// Writes a text upwards, with its baseline at `x`; `align` is along it.
    pub(crate) fn text_upwards(
        &mut self,
        (x, y): (f32, f32),
        text: &str,
        style: Style,
        align: Align,
    ) {
        let start = -aligned(-y, text, style, align);
        draw(text, style, 0.0, |(dx, dy), opacity| {
            let place = (x.round() as i64 + dy, start.round() as i64 - dx);
            self.blend(place, style.colour, opacity);
        });
    }
}

fn aligned(x: f32, text: &str, style: Style, align: Align) -> f32 {
    match align {
        Align::Left => x,
        Align::Middle => x - style.width(text) / 2.0,
        Align::Right => x - style.width(text),
    }
}

/// Calls `pixel` with the place of each pixel that a text touches, from its start on the baseline, and
/// with how much of it is covered.
fn draw(text: &str, style: Style, start: f32, mut pixel: impl FnMut((i64, i64), f32)) {
    let Some(font) = style.font() else { return };
    let scale = style.scale(font);
    style.place(text, |id, x| {
        let glyph = id.with_scale_and_position(scale, point(start + x, 0.0));
        let Some(outlined) = font.outline_glyph(glyph) else { return };
        let corner = outlined.px_bounds().min;
        let (left, top) = (corner.x as i64, corner.y as i64);
        outlined.draw(|x, y, covered| {
            pixel((left + i64::from(x), top + i64::from(y)), covered);
        });
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_are_whole() {
        for style in [BODY, LABEL] {
            assert!(style.font().is_some());
            assert!((style.drop() * 2.0 / style.size - 0.727).abs() < 1e-3);
            let widths = ('0'..='9').map(|digit| style.width(&digit.to_string()));
            let widths: Vec<f32> = widths.collect();
            assert!(widths.iter().all(|&width| (width - widths[0]).abs() < 0.05), "{widths:?}");
            assert!(style.width("To") < style.width("T") + style.width("o"), "no kerning");
        }
        assert!(has_all("T-shirt/top ≤ × − … ✓") && !has_all("お"));
        assert_eq!(class_names(&["お".into(), "Été".into(), String::new()]), ["0", "Été", "2"]);
    }

    #[test]
    fn long_texts_are_shrunk_then_cut() {
        let text = "a name of a class that is far too long";
        for width in [0.0, 30.0, 90.0, 200.0, 300.0, 330.0, 900.0] {
            let (cut, style) = BODY.fit(text, width);
            assert!(style.width(&cut) <= width || cut == "…", "{width}: {cut}");
            assert!(cut == text || cut.ends_with('…'), "{width}: {cut}");
        }
        assert_eq!(BODY.fit(text, 0.8 * BODY.width(text)).0, text);
    }
}
