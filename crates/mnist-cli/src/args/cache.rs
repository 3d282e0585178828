//! The option `--cache`.

use clap::Args;

/// Whether data are kept for the next time.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct CacheArgs {
    /// Keep the data in the form that training takes, and take them from there the next time
    ///
    /// MNIST takes 19 MB. They are kept in $XDG_CACHE_HOME/mnist, else ~/.cache/mnist (on Windows
    /// %LOCALAPPDATA%\mnist), else, by `train`, in .mnist-cache beside the folder of the run. A hash of
    /// the four files is the name, so nothing is taken that was kept before they changed; what is damaged
    /// is made anew. Nothing is ever removed: the folder may be, at any time. Features of f32, data of more
    /// than 1 GiB, and the synthetic digits, which are drawn each time, are not kept. Results are the same in
    /// every bit.
    #[arg(long)]
    pub(crate) cache: bool,
}
