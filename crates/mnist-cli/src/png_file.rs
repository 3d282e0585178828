//! PNG files, read into greys.

use std::io::{self, BufRead, Seek};
use std::path::Path;

use model::prepare::{Channels, to_grey};
use png::{ColorType, Decoder, DecodingError, Limits, Transformations};

use crate::failure::{Code, Failure};

/// The largest height and width in pixels.
const LARGEST_SIDE: u32 = 4096;

/// What the decoder may take besides the pixels: rows, tables, the chunks that it keeps.
const MOST_EXTRA_BYTES: usize = 4 << 20;

/// A picture in greys; 0 is black.
#[derive(Debug)]
pub(crate) struct GreyPng {
    /// The greys [height x width], row by row.
    pub(crate) greys: Vec<u8>,
    /// Height and width.
    pub(crate) size: (usize, usize),
}

/// Reads a PNG of any colour type and depth, of at most 4096 x 4096 pixels; of an animated one, the image
/// that programs without animations show. Of 16 bits the upper 8 are used.
///
/// The size is checked before anything is decoded, so that no file takes more than some 105 MB: colours,
/// greys on white, greys on black.
pub(crate) fn read(path: &Path, file: impl BufRead + Seek) -> Result<GreyPng, Failure> {
    let wrong = |error| failure(path, error);
    let mut decoder = Decoder::new_with_limits(file, Limits { bytes: MOST_EXTRA_BYTES });
    decoder.set_transformations(Transformations::normalize_to_color8());
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let (width, height) = decoder.read_header_info().map_err(wrong)?.size();
    if height.max(width) > LARGEST_SIDE {
        let message = format!(
            "{}: {width} x {height} pixels are more than {LARGEST_SIDE} x {LARGEST_SIDE}",
            path.display()
        );
        return Err(Failure::new(Code::Content, message).remedy("scale the picture down"));
    }
    let mut reader = decoder.read_info().map_err(wrong)?;
    let mut pixels = vec![0; reader.output_buffer_size().unwrap_or(0)];
    let frame = reader.next_frame(&mut pixels).map_err(wrong)?;
    // The file is whole or an error.
    reader.finish().map_err(wrong)?;
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

fn failure(path: &Path, error: DecodingError) -> Failure {
    let again = "save the picture as PNG again";
    let (code, what, remedy) = match error {
        DecodingError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            (Code::Content, "the PNG file is cut short".to_owned(), again)
        }
        DecodingError::IoError(error) => {
            (Code::Io, format!("cannot be read: {error}"), "check the disk")
        }
        DecodingError::LimitsExceeded => {
            (Code::Content, "the PNG file asks for too much memory".to_owned(), again)
        }
        error => (Code::Content, format!("the PNG file is damaged: {error}"), again),
    };
    Failure::new(code, format_args!("{}: {what}", path.display())).remedy(remedy)
}
