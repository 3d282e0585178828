//! Whether a model and data belong together.

use std::path::Path;

use model::files::known_name;
use model::{DataSets, Model};

use crate::failure::{Code, Failure};
use crate::output::notice;

/// Checks that the model of `path` takes images like these; says so where it was trained on others.
pub(crate) fn check(path: &Path, model: &Model, sets: &DataSets) -> Result<(), Failure> {
    let form = |features, image: Option<(usize, usize)>| match image {
        Some((height, width)) => format!("{features} features, {height} x {width} pixels"),
        None => format!("{features} features"),
    };
    let takes = form(model.parameters.features(), model.metadata.image());
    let found = form(sets.train.features(), sets.train.image_shape());
    if takes != found {
        let message =
            format!("{}: the model takes {takes}, and these images have {found}", path.display());
        return Err(Failure::new(Code::Content, message).remedy("give it data like its own"));
    }
    if model.metadata.dataset_sha256 != sets.info.sha256 {
        let own = known_name(&model.metadata.dataset_sha256).unwrap_or("other data");
        let here = sets.info.name.as_deref().unwrap_or("data without a name");
        notice(format_args!(
            "note: the model was trained on {own}, and these images are from {here}"
        ));
    }
    Ok(())
}
