//! Arguments of `mnist bench`.

use clap::{Args, value_parser};

/// `mnist bench`.
#[derive(Clone, Debug, Args)]
pub(crate) struct BenchArgs {
    /// Seconds that the measuring takes, about
    #[arg(long, value_name = "S", default_value_t = 3, value_parser = value_parser!(u16).range(1..=600))]
    pub(crate) seconds: u16,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}
