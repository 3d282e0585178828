//! A sparkline: a row of numbers as a row of small bars.

use super::Graphics;

/// Bars from the lowest to the highest.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// The same in ASCII: from thin to dense.
const MARKS: [char; 8] = ['.', ':', '-', '=', '+', '*', '#', '@'];

/// Draws numbers as bars, of which one of the value `full` is the highest; where there are more numbers than
/// `columns`, each bar is the mean of several. What is not a number is a blank.
///
/// ```
/// use pictures::terminal::{Graphics, sparkline};
/// assert_eq!(sparkline(&[2.0, 1.0, 0.5, 0.0], 2.0, Graphics::Braille, 9), "█▅▃▁");
/// assert_eq!(sparkline(&[2.0, 2.0, 0.5, 0.5], 2.0, Graphics::Ascii, 2), "@-");
/// ```
pub fn sparkline(values: &[f64], full: f64, graphics: Graphics, columns: usize) -> String {
    let marks = if graphics == Graphics::Ascii { MARKS } else { BARS };
    let count = columns.min(values.len());
    let mark = |i: usize| {
        let part = &values[i * values.len() / count..(i + 1) * values.len() / count];
        let share = part.iter().sum::<f64>() / part.len() as f64 / full;
        // The cast cuts off below 0.
        let level = (share * marks.len() as f64) as usize;
        if share.is_nan() { ' ' } else { marks[level.min(marks.len() - 1)] }
    };
    (0..count).map(mark).collect()
}
