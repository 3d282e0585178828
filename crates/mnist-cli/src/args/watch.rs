//! Arguments of `mnist watch`.

use std::path::PathBuf;

use clap::Args;

use super::{GraphicsName, MachineArgs, whole};

/// `mnist watch`.
#[derive(Clone, Debug, Args)]
pub(crate) struct WatchArgs {
    /// The folder of a run, as `mnist train` wrote it
    #[arg(value_name = "RUN")]
    pub(crate) run: PathBuf,
    /// Folder with the four files of the data set [default: the one of the run's config.json]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Steps a second at the start
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) speed: u32,
    /// Print what is seen after this step, and end; needs no terminal
    #[arg(long, value_name = "STEP", value_parser = whole::<u64>)]
    pub(crate) at: Option<u64>,
    /// How images are drawn
    #[arg(long, value_enum, default_value_t = GraphicsName::Auto)]
    pub(crate) graphics: GraphicsName,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}
