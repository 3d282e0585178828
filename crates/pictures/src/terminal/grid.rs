//! Several images side by side, each with a title; or one image beside a text.

use super::panels::{Panel, panels};
use super::{GAP, Graphics, draw};
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
pub(super) fn fitting(width: usize, columns: usize) -> usize {
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
    let images: Vec<_> =
        images.iter().map(|image| (image.title.clone(), Panel::Ink(image.picture))).collect();
    panels(&images, graphics, columns, columns)
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
pub(super) fn side_by_side(blocks: &[Vec<String>], width: usize) -> String {
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
