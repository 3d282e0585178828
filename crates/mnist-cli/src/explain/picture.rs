//! The explanation as a PNG file.

use std::path::Path;

use model::atomic;
use pictures::Picture;
use pictures::explanation::{Words, explanation};

use super::{Case, words};
use crate::failure::{Code, Failure};

/// Writes the picture: the same bytes for the same case.
pub(super) fn write(path: &Path, case: &Case<'_>) -> Result<(), Failure> {
    let Some(image) = case.image_shape() else {
        let message = "--out: data without height and width have no picture";
        return Err(Failure::new(Code::Usage, message).remedy("leave it out"));
    };
    let (class, other) = (case.name(case.why.class), case.name(case.why.other));
    let pixels = case.pixels();
    let picture = explanation(
        Picture::new(&pixels, image),
        &case.shares(),
        case.why.largest() as f32,
        &Words {
            heading: &format!("Why {class} and not {other}"),
            subtitle: &format!(
                "{}; red pixels speak for {class}, blue ones (−) for {other}",
                words::headline(case)
            ),
            classes: &format!("{class} against {other}"),
        },
    );
    let bytes = picture.png().map_err(|error| {
        Failure::new(Code::Content, format_args!("{}: no picture: {error}", path.display()))
    })?;
    atomic::write(path, &bytes).map_err(|error| Failure::cannot_write(path, &error))
}
