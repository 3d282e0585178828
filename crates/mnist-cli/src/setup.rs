//! The machine's part of a run: instructions and threads.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use kernels::Isa;
use kernels::team::Team;

use crate::args::MachineArgs;
use crate::failure::{Code, Failure};

/// More threads than this gain nothing: a step is a few microseconds of work.
const MOST_THREADS: usize = 8;

/// Threads that train unless more are asked for.
const TRAINING_THREADS: usize = 2;

/// The instructions that `$MNIST_ISA` asks for, else the fastest.
pub(crate) fn isa() -> Result<Isa, Failure> {
    match std::env::var_os("MNIST_ISA") {
        Some(name) if !name.is_empty() => Isa::named(&name.to_string_lossy())
            .map_err(|error| Failure::new(Code::Usage, format_args!("MNIST_ISA: {error}"))),
        _ => Ok(Isa::detect()),
    }
}

/// The threads to use, after rayon's pool has got as many: for whoever evaluates, draws, or reads kept data.
pub(crate) fn threads(args: &MachineArgs) -> Result<usize, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.map_or(cores.min(MOST_THREADS), usize::from);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global();
    pool.map_err(|error| cannot(threads, &error))?;
    Ok(threads)
}

/// The team that trains: as many threads as are asked for, else two where there are cores for them: what
/// was measured to be fastest. Where a neighbour uses one of the cores, the trainer finds that out. Rayon's
/// pool is left alone: it is waited for when it is made, up to 3.5 ms where the cores are busy.
///
/// To be made when the data are there: Linux puts a new thread on an idle processor, and one that it wakes often on that of
/// who wakes it. There it waited for 4 ms and more while the other was idle (two processors of an Intel Xeon, in a virtual
/// machine), and one thread was judged to be faster.
pub(crate) fn team(args: &MachineArgs) -> Result<Team, Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = args.threads.map_or(cores.min(TRAINING_THREADS), usize::from);
    Team::with_clock(threads, now).map_err(|error| cannot(threads, &error))
}

/// The time since it was asked for first.
fn now() -> Duration {
    static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGIN.elapsed()
}

fn cannot(threads: usize, error: &dyn std::fmt::Display) -> Failure {
    let message = format_args!("{threads} threads can't be made: {error}");
    Failure::new(Code::Io, message).remedy("try a smaller --threads")
}
