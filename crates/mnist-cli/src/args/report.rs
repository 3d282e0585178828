//! Arguments of `mnist report`.

use std::path::PathBuf;

use clap::Args;

use super::{BuiltIn, MachineArgs};

/// `mnist report`.
#[derive(Clone, Debug, Args)]
pub(crate) struct ReportArgs {
    /// The folder of a run, or a model file
    #[arg(value_name = "RUN|MODEL")]
    pub(crate) subject: PathBuf,
    /// Folder with the four files of the data set [default: the run's own; of a model without a run beside it, as for train]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A built-in data set instead of files
    #[arg(long, value_enum, conflicts_with = "data")]
    pub(crate) dataset: Option<BuiltIn>,
    /// Where the report goes [default: report.html in the run's folder, or report-other-data.html where the data are not its own; of
    /// a model, report.html in this folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}
