//! Arguments of `mnist gradcheck`.

use clap::{Args, ValueEnum};

use super::{DataArgs, number, whole};

/// `mnist gradcheck`.
#[derive(Clone, Debug, Args)]
pub(crate) struct GradcheckArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Images of the batch whose loss is taken: the first of the training file
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = whole::<usize>)]
    pub(crate) batch_size: usize,
    /// Where the weights' random numbers come from
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u64>)]
    pub(crate) seed: u64,
    /// Standard deviation of the weights
    #[arg(long, value_name = "X", default_value_t = 0.01, value_parser = number)]
    pub(crate) init_std: f64,
    /// The largest relative error that is taken for rounding
    #[arg(long, value_name = "X", default_value_t = Self::TOLERANCE, value_parser = number)]
    pub(crate) tolerance: f64,
    /// Leave something out of the gradient's formula, and see the check find it
    #[arg(long, value_enum)]
    pub(crate) forget: Option<Forget>,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

impl GradcheckArgs {
    /// The relative error that is taken for rounding, of f32 and of the slopes.
    pub(crate) const TOLERANCE: f64 = 1e-3;
}

/// What can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Forget {
    /// The division by the number of images
    Mean,
    /// The 1 that is taken from the true class's probability
    Label,
    /// The factor 1/255 of the pixels
    Scale,
}
