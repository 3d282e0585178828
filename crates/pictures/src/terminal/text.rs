//! Text of a given width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Graphics;

/// The columns that a text takes; it has no control characters.
pub(super) fn width(text: &str) -> usize {
    text.width()
}

/// A text on one line, without characters that move the cursor or turn the line around.
pub(super) fn clean(text: &str) -> String {
    let turns = |c| {
        let marks = ['\u{200e}'..='\u{200f}', '\u{202a}'..='\u{202e}', '\u{2066}'..='\u{2069}'];
        marks.iter().any(|marks| marks.contains(&c))
    };
    text.chars().map(|c| if c.is_control() || turns(c) { '?' } else { c }).collect()
}

/// A text at most `columns` wide; where it is cut, it says so.
pub(super) fn fit(text: &str, columns: usize, graphics: Graphics) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mark = if graphics == Graphics::Ascii { ".." } else { "…" };
    let room = columns.saturating_sub(mark.width());
    let mut fitted = String::new();
    for c in text.chars() {
        if width(&fitted) + c.width().unwrap_or(0) > room {
            break;
        }
        fitted.push(c);
    }
    fitted.extend(mark.chars().take(columns));
    fitted
}

/// A text and as many blanks as make it `columns` wide.
pub(super) fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fits_what_terminals_count() {
        for (text, columns, unicode, ascii) in [
            ("sandal", 6, "sandal", "sandal"),
            ("sandal", 5, "sand…", "san.."),
            ("sandal", 1, "…", "."),
            ("sandal", 0, "", ""),
            ("すつな", 5, "すつ…", "す.."),
            ("すつな", 4, "す…", "す.."),
        ] {
            assert_eq!(fit(text, columns, Graphics::Braille), unicode);
            assert_eq!(fit(text, columns, Graphics::Ascii), ascii);
        }
        assert_eq!(pad("す", 3), "す ");
        assert_eq!(clean("a\x1b[2J\nb\u{202e}"), "a?[2J?b?");
    }
}
