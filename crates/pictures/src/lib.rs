//! Pictures of digits and of what a linear classifier learned.
//!
//! One file a picture. Those for files are RGB images, drawn from plain numbers in one embedded font, the same
//! bytes on every machine:
//!
//! | module | picture |
//! |---|---|
//! | [`samples`] | a grid of images, with what they are and what they were taken for |
//! | [`curves`] | loss and accuracy over the epochs |
//! | [`weights`](mod@weights) | the weight map of each class, on one scale |
//! | [`confusion`](mod@confusion) | how often each class was taken for each |
//! | [`reliability`](mod@reliability) | accuracy against confidence |
//! | [`classes`](mod@classes) | precision, recall and F1 of each class |
//! | [`explanation`](mod@explanation) | every pixel's share in an answer |
//!
//! The [`terminal`]'s are text, and [`report`] is one HTML page. The library returns strings, prints nothing
//! and asks nothing of its surroundings; what the terminal can show is a fact that the caller passes in.
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

mod axes;
pub mod classes;
pub mod colour;
pub mod confusion;
pub mod curves;
mod escape;
pub mod explanation;
mod image;
mod picture;
pub mod reliability;
pub mod report;
pub mod samples;
mod shrink;
mod stroke;
pub mod terminal;
mod text;
pub mod weights;

pub use axes::thousands;
pub use image::Image;
pub use picture::Picture;
