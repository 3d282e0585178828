//! The machine's part of a run: instructions and threads.

use kernels::Isa;
use kernels::team::Team;

use crate::args::MachineArgs;
use crate::failure::{Code, Failure};

/// More threads than this gain nothing: a step is a few microseconds of work.
const MOST_THREADS: usize = 8;

/// The instructions that `$MNIST_ISA` asks for, else the fastest.
pub(crate) fn isa() -> Result<Isa, Failure> {
    match std::env::var_os("MNIST_ISA") {
        Some(name) if !name.is_empty() => Isa::named(&name.to_string_lossy())
            .map_err(|error| Failure::new(Code::Usage, format_args!("MNIST_ISA: {error}"))),
        _ => Ok(Isa::detect()),
    }
}

/// The threads to use; rayon's pool gets as many.
pub(crate) fn team(args: &MachineArgs) -> Result<Team, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.map_or(cores.min(MOST_THREADS), usize::from);
    let cannot = |error: String| {
        let message = format!("{threads} threads can't be made: {error}");
        Failure::new(Code::Io, message).remedy("try a smaller --threads")
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    pool.map_err(|error| cannot(error.to_string()))?;
    Team::new(threads).map_err(|error| cannot(error.to_string()))
}
