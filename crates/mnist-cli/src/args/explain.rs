//! Arguments of `mnist explain`.

use std::path::PathBuf;

use clap::{ArgGroup, Args};

use super::{BuiltIn, GraphicsName, SplitName, whole};

/// `mnist explain`.
#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("subject").required(true).args(["image", "index", "worst"]))]
pub(crate) struct ExplainArgs {
    /// The model, as `mnist train` saves it
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// A PNG picture of one digit, prepared as for `mnist predict`
    #[arg(value_name = "IMAGE", conflicts_with_all = ["data", "dataset", "split"])]
    pub(crate) image: Option<PathBuf>,
    /// The image of this index, from 0, in the split
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
    pub(crate) index: Option<usize>,
    /// The mistake of the split that the model is surest of
    #[arg(long)]
    pub(crate) worst: bool,
    /// Folder with the four files of the data set, raw or .gz [default: the data of the run in whose folder the model stands, else as
    /// for train]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A built-in data set instead of files
    #[arg(long, value_enum, conflicts_with = "data")]
    pub(crate) dataset: Option<BuiltIn>,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    pub(crate) split: SplitName,
    /// The class to hold the prediction against [default: the true one where that is another, else the runner-up]
    #[arg(long, value_name = "CLASS")]
    pub(crate) class: Option<String>,
    /// Write the digit and its explanation as a PNG picture too
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// How images are drawn
    #[arg(long, value_enum, default_value_t = GraphicsName::Auto)]
    pub(crate) graphics: GraphicsName,
    /// Print one JSON object, with the share of every pixel
    #[arg(long, conflicts_with = "graphics")]
    pub(crate) json: bool,
}
