//! Horizontal bars: a histogram of labels, the probabilities of classes.

use super::{Graphics, text};

/// The longest bar in characters.
const LONGEST: usize = 40;

/// Eighths of a character, from one to eight.
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// A line of a bar chart.
#[derive(Clone, Debug)]
pub struct Bar {
    /// What it is of; cut if it is too wide.
    pub label: String,
    /// The number in words, right-aligned before the bar.
    pub note: String,
    /// Its length, at least 0, in any unit.
    pub value: f64,
}

/// Draws bars in lines of at most `columns` characters: label, note, bar. The bar of the value `full`
/// is the longest, and no value is larger.
///
/// A bar's length is the nearest eighth of a character, or in ASCII the nearest character.
///
/// ```
/// use pictures::terminal::{Bar, Graphics, bars};
/// let bar = |label: &str, value: f64| Bar { label: label.into(), note: value.to_string(), value };
/// let chart = bars(&[bar("cat", 4.0), bar("horse", 2.0)], 4.0, Graphics::Ascii, 16);
/// assert_eq!(chart, "cat    4 #######\nhorse  2 ####\n");
/// ```
pub fn bars(bars: &[Bar], full: f64, graphics: Graphics, columns: usize) -> String {
    let notes: Vec<_> =
        bars.iter().map(|bar| text::fit(&text::clean(&bar.note), columns, graphics)).collect();
    let note_width = notes.iter().map(|note| text::width(note)).max().unwrap_or(0);
    let room = columns.saturating_sub(note_width + 2);
    let labels: Vec<_> =
        bars.iter().map(|bar| text::fit(&text::clean(&bar.label), room, graphics)).collect();
    let label_width = labels.iter().map(|label| text::width(label)).max().unwrap_or(0);
    let longest = room.saturating_sub(label_width + 1).min(LONGEST);
    let mut lines = String::new();
    for ((bar, label), note) in bars.iter().zip(labels).zip(notes) {
        let share = if full > 0.0 { (bar.value / full).clamp(0.0, 1.0) } else { 0.0 };
        let between = " ".repeat(note_width - text::width(&note) + 2);
        let head = format!("{}{between}{note}", text::pad(&label, label_width));
        let line = format!("{head} {}", strokes(share, longest, graphics));
        lines.push_str(text::fit(line.trim_end_matches(' '), columns, graphics).as_str());
        lines.push('\n');
    }
    lines
}

/// A bar of a share, 0 to 1, of `longest` characters.
fn strokes(share: f64, longest: usize, graphics: Graphics) -> String {
    if graphics == Graphics::Ascii {
        return "#".repeat((share * longest as f64).round() as usize);
    }
    let eighths = (share * longest as f64 * 8.0).round() as usize;
    let rest = (eighths % 8).checked_sub(1).map(|i| EIGHTHS[i]);
    let mut bar = "█".repeat(eighths / 8);
    bar.extend(rest);
    bar
}
