//! PNG files, read into greys.

use std::fmt;
use std::io::{self, BufRead, Seek};

use png::{ColorType, Decoder, DecodingError, Limits, Transformations};

use super::{Channels, to_grey};

/// The largest height and width in pixels.
pub const LARGEST_SIDE: u32 = 4096;

/// What the decoder may take besides the pixels: rows, tables, the chunks that it keeps.
const MOST_EXTRA_BYTES: usize = 4 << 20;

/// A picture in greys; 0 is black.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GreyPng {
    /// The greys [height x width], row by row.
    pub greys: Vec<u8>,
    /// Height and width.
    pub size: (usize, usize),
}

/// Why a PNG file can't be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum PngError {
    /// The system fails to read on.
    Io(io::Error),
    /// It ends too early.
    Cut,
    /// It has more than [`LARGEST_SIDE`] pixels in a row or column.
    TooLarge {
        /// Pixels in a row.
        width: u32,
        /// Pixels in a column.
        height: u32,
    },
    /// What it holds besides the pixels takes too much memory.
    Memory,
    /// It breaks the rules of PNG.
    Damaged(String),
}

/// Reads a PNG of any colour type and depth, of at most 4096 x 4096 pixels; of an animated one, the image
/// that programs without animations show. Of 16 bits the upper 8 are used.
///
/// The size is checked before anything is decoded, so that no file takes more than some 105 MB: colours,
/// greys on white, greys on black.
///
/// # Errors
/// [`PngError`]; a file that lacks its end is refused too.
pub fn read_png(file: impl BufRead + Seek) -> Result<GreyPng, PngError> {
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: MOST_EXTRA_BYTES });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height) = decoder.read_header_info()?.size();
    if height.max(width) > LARGEST_SIDE {
        return Err(PngError::TooLarge { width, height });
    }
    let mut reader = decoder.read_info()?;
    // Up to png 0.18.1, a palette that is no whole number of colours makes the decoder panic.
    let palette = reader.info().palette.as_ref().map_or(0, |palette| palette.len());
    if !palette.is_multiple_of(3) {
        return Err(PngError::Damaged(format!("a palette of {palette} bytes")));
    }
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
    let frame = reader.next_frame(&mut pixels)?;
    // The file is whole or an error.
    reader.finish()?;
    pixels.truncate(frame.buffer_size());
    let channels = match frame.color_type {
        ColorType::GrayscaleAlpha => Channels::GreyAlpha,
        ColorType::Rgb => Channels::Rgb,
        ColorType::Rgba => Channels::Rgba,
        // A palette is expanded to colours.
        ColorType::Grayscale | ColorType::Indexed => Channels::Grey,
    };
    let size = (frame.height as usize, frame.width as usize);
    Ok(GreyPng { greys: to_grey(&pixels, channels), size })
}

impl From<DecodingError> for PngError {
    fn from(error: DecodingError) -> Self {
        match error {
            DecodingError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self::Cut
            }
            DecodingError::IoError(error) => Self::Io(error),
            DecodingError::LimitsExceeded => Self::Memory,
            error => Self::Damaged(error.to_string()),
        }
    }
}

impl fmt::Display for PngError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::Cut => f.write_str("the PNG file is cut short"),
            Self::TooLarge { width, height } => {
                write!(f, "{width} x {height} pixels are more than {LARGEST_SIDE} x {LARGEST_SIDE}")
            }
            Self::Memory => f.write_str("the PNG file asks for too much memory"),
            Self::Damaged(cause) => write!(f, "the PNG file is damaged: {cause}"),
        }
    }
}

impl std::error::Error for PngError {}
