//! Any bytes as a PNG picture, and what it is prepared to.

use std::io::Cursor;

use model::prepare::{Grey, LARGEST_SIDE, prepare, read_png};

/// The most pixels of a picture that is prepared too; what is larger takes a fuzzer's time for nothing.
const MOST_PIXELS: usize = 1 << 16;

/// Reads the bytes; panics where a picture breaks its promises. Returns whether they are one.
pub fn check(bytes: &[u8]) -> bool {
    let png = match read_png(Cursor::new(bytes)) {
        Ok(png) => png,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    let (height, width) = png.size;
    assert!(height.max(width) <= LARGEST_SIDE as usize && height.min(width) > 0);
    assert_eq!(png.greys.len(), height * width);
    if png.greys.len() <= MOST_PIXELS
        && let Ok(prepared) = prepare(Grey::new(&png.greys, png.size), (28, 28))
    {
        assert_eq!(prepared.pixels.len(), 784);
        // A picture of the model's size may be all but blank; a larger one has ink that was found.
        assert!(!prepared.centred || prepared.pixels.iter().any(|&ink| ink > 0));
    }
    true
}
