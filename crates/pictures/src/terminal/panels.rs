//! Grey images and signed maps side by side, each with a title.

use super::grid::{fitting, side_by_side};
use super::{Block, Graphics, SignedMap, draw, signed, text};
use crate::picture::Picture;

/// What stands under a title.
#[derive(Clone, Copy, Debug)]
pub enum Panel<'a> {
    /// A grey image.
    Ink(Picture<'a>),
    /// A map of positive and negative numbers.
    Signed(SignedMap<'a>),
}

/// Draws panels, each with a title of one line, in rows of at most `columns` characters, with a blank line
/// between rows. A panel is at most `widest` wide.
///
/// Control characters in titles are replaced, and what is too wide is cut or shrunk. Returns whole lines,
/// without blanks at their ends.
///
/// ```
/// use pictures::terminal::{Graphics, Panel, SignedMap, panels};
/// let map = SignedMap::new(&[1.0, 0.2, 0.0, -0.2, -1.0, 0.0], (1, 6), 1.0);
/// let panel = ("for".to_owned(), Panel::Signed(map));
/// let two = [panel.clone(), panel];
/// assert_eq!(panels(&two, Graphics::Ascii, 80, 80), "for     for\n#+ -=   #+ -=\n");
/// ```
pub fn panels(
    panels: &[(String, Panel<'_>)],
    graphics: Graphics,
    columns: usize,
    widest: usize,
) -> String {
    let columns = columns.max(1);
    let widest = widest.clamp(1, columns);
    let block = |panel: &Panel<'_>| match *panel {
        Panel::Ink(picture) => draw(picture, graphics, widest),
        Panel::Signed(map) => signed::draw(map, graphics, widest),
    };
    let title = |title: &str| text::fit(&text::clean(title), columns, graphics);
    let drawn: Vec<(String, Block)> =
        panels.iter().map(|(name, panel)| (title(name), block(panel))).collect();
    let widths = drawn.iter().map(|(title, block)| text::width(title).max(block.columns));
    let width = widths.max().unwrap_or(0);
    let blocks: Vec<Vec<String>> = drawn
        .into_iter()
        .map(|(title, block)| {
            let rest = " ".repeat(width - block.columns);
            let lines = block.lines.into_iter().map(|line| line + &rest);
            std::iter::once(text::pad(&title, width)).chain(lines).collect()
        })
        .collect();
    let rows = blocks.chunks(fitting(width, columns)).map(|row| side_by_side(row, width));
    rows.collect::<Vec<_>>().join("\n")
}
