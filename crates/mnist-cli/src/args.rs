//! Arguments and their help; nothing else.

mod bench;
mod cache;
mod explain;
mod gradcheck;
mod report;
mod tip;
mod watch;

use std::collections::HashSet;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use kernels::team::MAX_THREADS;
use model::{CLASSES, Init, Optimizer, TrainConfig};
use serde::{Deserialize, Serialize};

use crate::checkpoints::Every;

pub(crate) use bench::BenchArgs;
pub(crate) use cache::CacheArgs;
pub(crate) use explain::ExplainArgs;
pub(crate) use gradcheck::{Forget, GradcheckArgs};
pub(crate) use report::ReportArgs;
pub(crate) use watch::WatchArgs;

const EXIT_CODES: &str = "\
Environment:
  MNIST_DATA  the folder of the four MNIST files, where neither --data nor a run names one
  MNIST_ISA   portable, avx2 or avx512: the instructions to use; any gives the same bits
  NO_COLOR    no colours, unless --graphics asks for what needs them

Exit codes:
  0 done   1 training diverged, or a gradient is wrong   2 usage
  3 a file's content is wrong   4 a file cannot be opened or written
  6 a checksum does not match   130, 143 stopped by Ctrl-C, SIGTERM";

/// Softmax regression on MNIST: the tutorial's run, fast, with the same bits everywhere.
///
/// Without a command: `mnist train`.
#[derive(Debug, Parser)]
#[command(name = "mnist", version, after_help = EXIT_CODES)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a model, test it and save it; without options, the tutorial's run
    Train(Box<TrainArgs>),
    /// Evaluate a saved model: loss, accuracy, every class, the worst confusions
    Evaluate(EvaluateArgs),
    /// Classify images (PNG or IDX) with a saved model
    ///
    /// A PNG picture of another size than the model's images is prepared as MNIST was: its ink is
    /// scaled to fit 20 x 20 of 28 x 28 pixels and centred by its mass. Dark on light is inverted,
    /// what is transparent lies on white. A file that can't be used is told of on stderr, the
    /// others are still predicted, and the exit code is that of the last failure.
    Predict(PredictArgs),
    /// Tell what a file or folder holds: IDX files, a data set, a model, a checkpoint, a run, kept data
    ///
    /// SHA-256 are of the content without gzip; a data set's of its four files in the order
    /// training images, training labels, test images, test labels; a model's and a checkpoint's of
    /// the weights, then the biases.
    Inspect(InspectArgs),
    /// Show why a model takes an image for what it does, pixel by pixel
    ///
    /// A logit is a sum over the pixels, so the difference of two is one as well: each pixel's share
    /// is its ink times the difference of its two weights, and the shares and the biases add up to
    /// the difference exactly. Computed in f64, pixels in order, biases last.
    Explain(ExplainArgs),
    /// Watch a run being trained again, step by step, in the terminal
    ///
    /// The run is trained again from its config.json, with the same bits, at a speed for people: the
    /// weights of every class as they form, the loss, the minibatch at hand. At the end its weights'
    /// SHA-256 is compared with the run's.
    ///
    /// Keys: space pauses and goes on, right is faster, left is slower, s takes one step, q quits.
    Watch(WatchArgs),
    /// Check the gradient against the slope of the loss, parameter by parameter
    ///
    /// Training follows the gradient, a formula. Its meaning is the slope of the loss, which can be
    /// measured without any formula: move one parameter up and down by a little and see how the loss
    /// changes. Where both agree for all parameters, the formula and its code are right.
    Gradcheck(GradcheckArgs),
    /// Measure how fast this machine trains, from three plain loops to the widest instructions
    ///
    /// Every line does the same work: the products of a minibatch of the lesson (100 images, 784
    /// pixels, 10 classes), then a whole training step. Rates count the work of the plain loops, so
    /// a kernel that skips background can be beyond the processor's measured peak.
    Bench(BenchArgs),
    /// Write the report of a run or of a saved model: one HTML file with all that it shows inside
    ///
    /// A run is the folder that `mnist train` wrote. It is trained again from its config.json, same
    /// bits, for the weights at earlier moments. Of a model alone the report has no learning curves.
    Report(ReportArgs),
    /// Train the tutorial's run and compare its weights with the published ones
    Verify(VerifyArgs),
}

/// Reads the command line; a usage error or `--help` ends the program here.
pub(crate) fn parse() -> Command {
    let train = || Command::Train(Box::new(TrainCli::parse_from(["mnist"]).args));
    let matches =
        Cli::command().try_get_matches().unwrap_or_else(|error| tip::with_tip(error).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut command = cli.command.unwrap_or_else(train);
    if let (Command::Train(args), Some(matches)) =
        (&mut command, matches.subcommand_matches("train"))
    {
        args.given = given(matches);
    }
    command
}

/// The options that stand on the command line, by their names here.
fn given(matches: &ArgMatches) -> HashSet<String> {
    let is_given = |id: &&str| matches.value_source(id) == Some(ValueSource::CommandLine);
    matches.ids().map(clap::Id::as_str).filter(is_given).map(str::to_owned).collect()
}

#[derive(Debug, Parser)]
struct TrainCli {
    #[command(flatten)]
    args: TrainArgs,
}

/// Which data.
#[derive(Clone, Debug, Args)]
pub(crate) struct DataArgs {
    /// Folder with the four files of the data set, raw or .gz
    ///
    /// Without it: $MNIST_DATA, else data/mnist, else synthetic digits drawn by the program.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A built-in data set instead of files
    #[arg(long, value_enum, conflicts_with = "data")]
    pub(crate) dataset: Option<BuiltIn>,
    /// Number of classes; labels are below it
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = classes)]
    pub(crate) classes: usize,
}

/// Data sets that need no files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum BuiltIn {
    /// 70,000 handwritten-looking digits, drawn by the program
    Synthetic,
}

fn classes(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(classes) if CLASSES.contains(&classes) => Ok(classes),
        _ => Err(format!("a number from {} to {} is expected", CLASSES.start(), CLASSES.end())),
    }
}

/// Settings of the machine; they change no bit of any result.
#[derive(Clone, Debug, Args)]
pub(crate) struct MachineArgs {
    /// Threads; any number gives the same bits [default: 2 to train, one for each core for the rest, at most 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_THREADS as i64))]
    pub(crate) threads: Option<u16>,
}

/// `mnist train`.
#[derive(Clone, Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct TrainArgs {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    /// Folder for the model, its metrics, settings and pictures [default: runs/DATE-N]; files of an earlier run in it are replaced
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Passes over the training images
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) epochs: u64,
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) batch_size: usize,
    /// Step size
    #[arg(long, value_name = "X", default_value_t = 0.001, allow_negative_numbers = true)]
    pub(crate) learning_rate: f64,
    /// How gradients change weights
    #[arg(long, value_enum, default_value_t = OptimizerName::Adam)]
    pub(crate) optimizer: OptimizerName,
    /// Decay of the momentum optimizer's running gradient
    #[arg(long, value_name = "X", default_value_t = 0.9, allow_negative_numbers = true)]
    pub(crate) momentum: f64,
    /// L2 penalty on the weights
    #[arg(long, value_name = "X", default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) l2: f64,
    /// How weights start
    #[arg(long, value_enum, default_value_t = InitName::TruncatedNormal)]
    pub(crate) init: InitName,
    /// Standard deviation of the starting weights
    #[arg(long, value_name = "X", default_value_t = 0.01, allow_negative_numbers = true)]
    pub(crate) init_std: f64,
    /// Whether every epoch takes the images in a new order
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) shuffle: bool,
    /// Where all random numbers come from
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// First images of the training file that are kept for validation
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub(crate) validation: usize,
    /// Report a step every so many iterations
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) log_every: usize,
    /// Save a checkpoint to go on from after every so many steps (500), seconds (30s) or minutes (5m), and at the end
    ///
    /// Ctrl-C and SIGTERM save one in any case.
    #[arg(long, value_name = "N|Ns|Nm")]
    pub(crate) checkpoint_every: Option<Every>,
    /// Go on from a checkpoint, in its folder, with its settings and its run's data, whatever $MNIST_DATA says (--data says
    /// where they are if they have moved); the number of epochs may grow
    #[arg(long, value_name = "FILE")]
    pub(crate) resume: Option<PathBuf>,
    /// Which options were given; the others have their defaults
    #[arg(skip)]
    pub(crate) given: HashSet<String>,
    /// Write the metrics, one JSON object a line, here too
    #[arg(long, value_name = "FILE")]
    pub(crate) metrics: Option<PathBuf>,
    /// Draw no pictures into the folder
    #[arg(long)]
    pub(crate) no_pictures: bool,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print nothing but errors
    #[arg(long, conflicts_with = "json")]
    pub(crate) quiet: bool,
    /// Print the metrics as JSON, one object a line, instead of the tutorial's lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// The names of the optimisers.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum OptimizerName {
    /// Adam in TensorFlow 1's form, beta 0.9 and 0.999, epsilon 1e-8
    Adam,
    /// Plain stochastic gradient descent
    Sgd,
    /// Gradient descent with momentum
    Momentum,
}

/// The names of the ways to start.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum InitName {
    /// Normal, redrawn outside two standard deviations
    TruncatedNormal,
    /// All zero
    Zeros,
}

impl TrainArgs {
    /// The settings, unchecked.
    pub(crate) fn config(&self) -> TrainConfig {
        TrainConfig {
            epochs: self.epochs,
            batch_size: self.batch_size,
            learning_rate: self.learning_rate,
            optimizer: match self.optimizer {
                OptimizerName::Adam => Optimizer::ADAM,
                OptimizerName::Sgd => Optimizer::Sgd,
                OptimizerName::Momentum => Optimizer::Momentum { mu: self.momentum },
            },
            l2: self.l2,
            init: match self.init {
                InitName::TruncatedNormal => Init::TruncatedNormal { std: self.init_std },
                InitName::Zeros => Init::Zeros,
            },
            shuffle: self.shuffle,
            seed: self.seed,
            validation: self.validation,
            log_every: self.log_every,
        }
    }
}

/// `mnist evaluate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// The model, as `mnist train` saves it
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Folder with the four files of the data set, raw or .gz [default: as for train]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// A built-in data set instead of files
    #[arg(long, value_enum, conflicts_with = "data")]
    pub(crate) dataset: Option<BuiltIn>,
    #[command(flatten)]
    pub(crate) cache: CacheArgs,
    /// Which images
    #[arg(long, value_enum, default_value_t = SplitName::Test)]
    pub(crate) split: SplitName,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// The parts of a data set.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SplitName {
    /// The training images, without those kept for validation
    Train,
    /// The first images of the training file, as many as the model's run kept
    Validation,
    /// The test images
    Test,
}

/// `mnist predict`.
#[derive(Clone, Debug, Args)]
pub(crate) struct PredictArgs {
    /// The model, as `mnist train` saves it
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// PNG pictures of one digit each, up to 4096 x 4096 pixels, or IDX files of images
    #[arg(value_name = "IMAGE", required = true)]
    pub(crate) images: Vec<PathBuf>,
    /// Of each file, the image of this index alone, from 0
    #[arg(long, value_name = "N")]
    pub(crate) index: Option<usize>,
    /// Draw each image as the model sees it, beside the probabilities
    #[arg(long, conflicts_with = "json")]
    pub(crate) show: bool,
    /// How images are drawn
    #[arg(long, value_enum, default_value_t = GraphicsName::Auto)]
    pub(crate) graphics: GraphicsName,
    /// Print one JSON object a line, with the probabilities of all classes
    #[arg(long)]
    pub(crate) json: bool,
}

/// `mnist inspect`.
#[derive(Clone, Debug, Args)]
pub(crate) struct InspectArgs {
    /// An IDX file, raw or .gz; a model or a checkpoint; a file that --cache keeps; the folder of a data set or of a run
    #[arg(value_name = "FILE|DIR")]
    pub(crate) path: PathBuf,
    /// How images are drawn
    #[arg(long, value_enum, default_value_t = GraphicsName::Auto)]
    pub(crate) graphics: GraphicsName,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Ways to draw images as text.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum GraphicsName {
    /// What the terminal can show; ASCII into a file or pipe
    Auto,
    /// Greys, two pixels a character
    HalfBlock,
    /// Dots, eight pixels a character
    Braille,
    /// Letters and signs
    Ascii,
}

/// `mnist verify`.
#[derive(Clone, Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Folder with the four MNIST files, raw or .gz [default: $MNIST_DATA, else data/mnist]
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_options_are_the_tutorials_run() {
        let args = TrainCli::parse_from(["mnist"]).args;
        assert_eq!(args.config(), TrainConfig::default());
    }
}
