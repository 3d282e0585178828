//! Pictures of digits and of what a linear classifier learned.
//!
//! One module a medium, one file a picture. The terminal's are text: the library returns strings, prints
//! nothing and asks nothing of its surroundings; what the terminal can show is a fact that the caller passes
//! in.
//!
//! ```
//! use pictures::Picture;
//! use pictures::terminal::{Graphics, Titled, grid};
//!
//! let pixels = [0, 255, 0, 0, 255, 0];
//! let one = Titled { title: "1".to_owned(), picture: Picture::new(&pixels, (2, 3)) };
//! assert_eq!(grid(&[one.clone(), one], Graphics::Ascii, 80), "1    1\n @    @\n");
//! ```
#![forbid(unsafe_code)]

mod picture;
mod shrink;
pub mod terminal;

pub use picture::Picture;
