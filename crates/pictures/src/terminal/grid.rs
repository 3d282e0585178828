//! Several images side by side, each with a title; or one image beside a text.

use super::{Block, GAP, Graphics, draw, text};
use crate::picture::Picture;

/// The narrowest text that stands beside an image; a narrower one goes below it.
const NARROWEST: usize = 20;

/// An image and the line over it.
#[derive(Clone, Debug)]
pub struct Titled<'a> {
    /// One line; control characters in it are replaced, what is too wide is cut.
    pub title: String,
    /// The image.
    pub picture: Picture<'a>,
}

/// How many images like `picture` stand side by side in `columns`, their titles being no wider.
pub fn per_row(picture: Picture<'_>, graphics: Graphics, columns: usize) -> usize {
    fitting(graphics.drawn_columns(picture, columns), columns)
}

/// How many blocks of `width` fit; one always does.
fn fitting(width: usize, columns: usize) -> usize {
    ((columns + GAP) / (width + GAP)).max(1)
}

/// Draws images side by side in rows of at most `columns` characters, a blank line between rows.
///
/// An image wider than that is shrunk. Returns whole lines, without blanks at their ends.
///
/// ```
/// use pictures::Picture;
/// use pictures::terminal::{Graphics, Titled, grid};
///
/// let bar = Titled { title: "bar".into(), picture: Picture::new(&[255; 12], (2, 6)) };
/// let images = [bar.clone(), bar.clone(), bar];
/// assert_eq!(
///     grid(&images, Graphics::Ascii, 15),
///     "bar     bar\n@@@@@@  @@@@@@\n\nbar\n@@@@@@\n"
/// );
/// ```
pub fn grid(images: &[Titled<'_>], graphics: Graphics, columns: usize) -> String {
    let columns = columns.max(1);
    let draw = |image: &Titled<'_>| (image.title.clone(), draw(image.picture, graphics, columns));
    titled(images.iter().map(draw).collect(), graphics, columns)
}

/// Puts blocks with titles side by side in rows of at most `columns` characters.
pub(super) fn titled(drawn: Vec<(String, Block)>, graphics: Graphics, columns: usize) -> String {
    let cut = |title: String| text::fit(&text::clean(&title), columns, graphics);
    let drawn: Vec<_> = drawn.into_iter().map(|(title, block)| (cut(title), block)).collect();
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

/// Draws an image with a text beside it, or below where there is no room.
///
/// `text` gets the columns that it may take and returns lines no wider. Returns whole lines, without
/// blanks at their ends.
pub fn beside(
    picture: Picture<'_>,
    graphics: Graphics,
    columns: usize,
    text: impl FnOnce(usize) -> String,
) -> String {
    let columns = columns.max(1);
    let block = draw(picture, graphics, columns);
    let room = columns.saturating_sub(block.columns + GAP);
    if room < NARROWEST {
        let image = side_by_side(&[block.lines], block.columns);
        return image + &text(columns);
    }
    let text: Vec<String> = text(room).lines().map(str::to_owned).collect();
    // The shorter of the two is centred beside the other.
    let above = |lines: usize, others: usize| vec![String::new(); others.saturating_sub(lines) / 2];
    let blank = " ".repeat(block.columns);
    let mut image = vec![blank; above(block.lines.len(), text.len()).len()];
    let mut beside = above(text.len(), block.lines.len());
    image.extend(block.lines);
    beside.extend(text);
    side_by_side(&[image, beside], block.columns)
}

/// Joins blocks of lines; all but the last block's lines are `width` wide.
fn side_by_side(blocks: &[Vec<String>], width: usize) -> String {
    let height = blocks.iter().map(Vec::len).max().unwrap_or(0);
    let blank = " ".repeat(width);
    let gap = " ".repeat(GAP);
    let mut lines = String::new();
    for i in 0..height {
        let parts: Vec<&str> =
            blocks.iter().map(|block| block.get(i).unwrap_or(&blank).as_str()).collect();
        lines.push_str(parts.join(&gap).trim_end_matches(' '));
        lines.push('\n');
    }
    lines
}
