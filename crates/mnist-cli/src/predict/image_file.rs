//! Image files, read into what the model takes.

use std::io::BufReader;
use std::path::Path;

use idx::Idx;
use model::prepare::{Grey, PngError, Prepared, prepare, read_png};
use model::{Dataset, Model};

use crate::failure::{Code, Failure};
use crate::input::{Input, Kind};
use crate::screen::{printable, times};

/// The images of a file.
pub(crate) struct Images {
    /// Labels are all 0; nobody knows them.
    pub(crate) data: Dataset,
    /// How the one image of a PNG file was prepared; those of an IDX file are taken as they are.
    pub(crate) prepared: Option<Prepared>,
}

impl Images {
    /// Names an image: by its file, and by its index where that may have several.
    pub(crate) fn title(&self, path: &Path, row: usize) -> String {
        let path = printable(&path.to_string_lossy());
        if self.prepared.is_some() { path } else { format!("{path}[{row}]") }
    }

    /// What was done to it, in words.
    pub(crate) fn done(&self) -> Option<&'static str> {
        self.prepared.as_ref().map(|prepared| match (prepared.inverted, prepared.centred) {
            (false, false) => "seen as it is",
            (true, false) => "seen inverted",
            (false, true) => "seen scaled and centred",
            (true, true) => "seen inverted, scaled and centred",
        })
    }
}

/// Reads a PNG or IDX file for `model`.
pub(crate) fn read(path: &Path, model: &Model) -> Result<Images, Failure> {
    let input = Input::open(path)?;
    match input.kind {
        Kind::Png => picture(path, input, model),
        Kind::Idx | Kind::Gzip => images(path, &idx::read(path)?, model),
        other => {
            let what = match other {
                Kind::Jpeg => "a JPEG picture",
                Kind::Model => "a model",
                Kind::Kept => "data that `--cache` keeps",
                _ => "neither a PNG picture nor an IDX file",
            };
            let message = format!("{}: is {what}", path.display());
            Err(Failure::new(Code::Content, message).remedy("save the picture as PNG"))
        }
    }
}

fn picture(path: &Path, input: Input, model: &Model) -> Result<Images, Failure> {
    let refuse = |what: &dyn std::fmt::Display, remedy: &str| {
        let message = format!("{}: {what}", path.display());
        Err(Failure::new(Code::Content, message).remedy(remedy))
    };
    let Some(size) = model.metadata.image() else {
        let features = model.parameters.features();
        let what = format!("the model takes {features} features, and not images");
        return refuse(&what, "give it an IDX file");
    };
    let png = read_png(BufReader::new(input.file)).map_err(|error| wrong_png(path, &error))?;
    let prepared = match prepare(Grey::new(&png.greys, png.size), size) {
        Ok(prepared) => prepared,
        Err(blank) => return refuse(&blank, "leave paper around the digit, and draw it clearly"),
    };
    match Dataset::from_u8(&prepared.pixels, (prepared.pixels.len(), Some(size)), vec![0]) {
        Ok(data) => Ok(Images { data, prepared: Some(prepared) }),
        Err(error) => refuse(&error, "use a model of smaller images"),
    }
}

/// The images of an IDX file: u8 or f32, of the model's shape.
fn images(path: &Path, file: &Idx, model: &Model) -> Result<Images, Failure> {
    let refuse = |what: String| {
        let message = format!("{}: {what}", path.display());
        Err(Failure::new(Code::Content, message).remedy("give the model images like its own"))
    };
    let (count, shape) = (file.dims()[0], &file.dims()[1..]);
    let features = model.parameters.features();
    let image = model.metadata.image();
    let fits = match image {
        Some((height, width)) => *shape == [height, width],
        None => !shape.is_empty() && shape.iter().product::<usize>() == features,
    };
    if !fits {
        let expected = match image {
            Some((height, width)) => format!("images of {height} x {width}"),
            None => format!("{features} features"),
        };
        let hint = if shape.is_empty() { " (are they labels?)" } else { "" };
        return refuse(format!(
            "the model takes {expected}, and these are {}{hint}",
            times(file.dims())
        ));
    }
    if count == 0 {
        return refuse("there are no images in it".to_owned());
    }
    let labels = vec![0; count];
    let data = match (file.as_u8(), file.to_vec::<f32>()) {
        (Some(pixels), _) => Dataset::from_u8(pixels, (features, image), labels),
        (_, Some(values)) => Dataset::from_f32(&values, (features, image), labels),
        _ => return refuse(format!("elements are {}, expected u8 or f32", file.element_type())),
    };
    match data {
        Ok(data) => Ok(Images { data, prepared: None }),
        Err(error) => refuse(error.to_string()),
    }
}

fn wrong_png(path: &Path, error: &PngError) -> Failure {
    let (code, remedy) = match error {
        PngError::Io(_) => (Code::Io, "check the disk"),
        PngError::TooLarge { .. } => (Code::Content, "scale the picture down"),
        _ => (Code::Content, "save the picture as PNG again"),
    };
    Failure::new(code, format_args!("{}: {error}", path.display())).remedy(remedy)
}
