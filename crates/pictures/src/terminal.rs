//! Pictures as text: grey images in half-blocks, braille or ASCII, signed maps in colours, bars, sparklines.
//!
//! | graphics   | one character shows | needs                  | 28 x 28 pixels take |
//! |------------|---------------------|------------------------|---------------------|
//! | half-block | 1 x 2 pixels, grey  | Unicode, 24-bit colour | 28 x 14 characters  |
//! | braille    | 2 x 4 pixels, black | Unicode                | 14 x 7              |
//! | ASCII      | 1 x 2 pixels, grey  | nothing                | 28 x 14             |
//!
//! Characters are twice as high as wide, so all three keep the shape of an image. No line is wider than
//! the columns that are given, in characters as terminals count them.

mod ascii;
mod bars;
mod braille;
mod grid;
mod half_block;
mod panels;
mod signed;
mod sparkline;
mod text;
mod weights;

pub use bars::{Bar, bars};
pub use grid::{Titled, beside, grid, per_row};
pub use panels::{Panel, panels};
pub use signed::SignedMap;
pub use sparkline::sparkline;
pub use weights::weights;

use std::borrow::Cow;

use crate::picture::Picture;
use crate::shrink::shrink;

/// Blanks between pictures that stand side by side.
const GAP: usize = 2;

/// What a terminal can show; the caller finds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether it has 24-bit colours, and wants them.
    pub colours: bool,
    /// Whether it shows Unicode.
    pub unicode: bool,
    /// Its width in characters.
    pub columns: usize,
}

/// What images are drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Graphics {
    /// `▀` with one grey above and another below.
    HalfBlock,
    /// Dots.
    Braille,
    /// A ramp of characters from thin to dense.
    Ascii,
}

impl Graphics {
    /// The best graphics for showing `count` images of `width` pixels side by side: half-blocks where they
    /// fit, else braille, and ASCII without Unicode.
    ///
    /// ```
    /// use pictures::terminal::{Graphics, Terminal};
    /// let mut terminal = Terminal { colours: true, unicode: true, columns: 80 };
    /// assert_eq!(Graphics::choose(terminal, 2, 28), Graphics::HalfBlock);
    /// assert_eq!(Graphics::choose(terminal, 3, 28), Graphics::Braille);
    /// terminal.unicode = false;
    /// assert_eq!(Graphics::choose(terminal, 2, 28), Graphics::Ascii);
    /// ```
    pub fn choose(terminal: Terminal, count: usize, width: usize) -> Self {
        let fits = width.saturating_add(GAP).saturating_mul(count) <= terminal.columns + GAP;
        match (terminal.unicode, terminal.colours && fits) {
            (false, _) => Self::Ascii,
            (true, true) => Self::HalfBlock,
            (true, false) => Self::Braille,
        }
    }

    /// Height and width in pixels of what one character shows.
    fn cell(self) -> (usize, usize) {
        match self {
            Self::HalfBlock | Self::Ascii => (2, 1),
            Self::Braille => (4, 2),
        }
    }

    /// Height and width in pixels at which an image is drawn: its own, or smaller in the same shape so
    /// that it is at most `columns` wide, and at most as high as a square of that width.
    fn drawn_size(self, (height, width): (usize, usize), columns: usize) -> (usize, usize) {
        let (longer, most) = (height.max(width), columns.max(1).saturating_mul(self.cell().1));
        if longer <= most {
            return (height, width);
        }
        let scaled = |side: usize| {
            let rounded = (side as u128 * most as u128 * 2 + longer as u128) / (longer as u128 * 2);
            (rounded as usize).max(side.min(1))
        };
        (scaled(height), scaled(width))
    }

    /// The width in characters of an image, drawn in at most `columns`.
    fn drawn_columns(self, picture: Picture<'_>, columns: usize) -> usize {
        self.drawn_size((picture.height(), picture.width()), columns).1.div_ceil(self.cell().1)
    }
}

/// A picture's lines, each of the same width.
struct Block {
    lines: Vec<String>,
    columns: usize,
}

/// Draws an image at most `columns` wide.
fn draw(picture: Picture<'_>, graphics: Graphics, columns: usize) -> Block {
    let size = graphics.drawn_size((picture.height(), picture.width()), columns);
    if size.0 == 0 || size.1 == 0 {
        return Block { lines: Vec::new(), columns: 0 };
    }
    let pixels = if size == (picture.height(), picture.width()) {
        Cow::Borrowed(picture.pixels())
    } else {
        Cow::Owned(shrink(picture, size))
    };
    let picture = Picture::new(&pixels, size);
    let line = match graphics {
        Graphics::HalfBlock => half_block::line,
        Graphics::Braille => braille::line,
        Graphics::Ascii => ascii::line,
    };
    let (cell_height, cell_width) = graphics.cell();
    let lines = (0..size.0).step_by(cell_height).map(|y| line(picture, y)).collect();
    Block { lines, columns: size.1.div_ceil(cell_width) }
}
