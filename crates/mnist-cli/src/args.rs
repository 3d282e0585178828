//! Arguments and their help; nothing else.

mod bench;
mod cache;
mod explain;
mod gradcheck;
mod report;
mod tip;
mod train;
mod watch;

use std::collections::HashSet;
use std::num::{IntErrorKind, ParseIntError};
use std::path::PathBuf;
use std::str::FromStr;

use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use kernels::team::MAX_THREADS;
use model::CLASSES;
use serde::{Deserialize, Serialize};

pub(crate) use bench::BenchArgs;
pub(crate) use cache::CacheArgs;
pub(crate) use explain::ExplainArgs;
pub(crate) use gradcheck::{Forget, GradcheckArgs};
pub(crate) use report::ReportArgs;
pub(crate) use train::{InitName, OptimizerName, TrainArgs};
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
    let matches = command().try_get_matches().unwrap_or_else(|error| tip::with_tip(error).exit());
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let mut command = cli.command.unwrap_or_else(train);
    if let (Command::Train(args), Some(matches)) =
        (&mut command, matches.subcommand_matches("train"))
    {
        args.given = given(matches);
    }
    command
}

/// The command line, of which a number after an option is its value, be it negative: `--epochs -1` is a wrong number, and no
/// option `-1`.
fn command() -> clap::Command {
    let takes_numbers = |arg: &Arg| arg.get_long().is_some() && arg.get_action().takes_values();
    let with_signs = |arg: Arg| match takes_numbers(&arg) {
        true => arg.allow_negative_numbers(true),
        false => arg,
    };
    Cli::command().mut_subcommands(|command| command.mut_args(with_signs))
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

/// Reads a number that counts something.
fn whole<T: FromStr<Err = ParseIntError>>(text: &str) -> Result<T, &'static str> {
    text.parse().map_err(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => "the number is too large",
        _ => "a whole number, 0 or more, is expected",
    })
}

/// Reads a number.
fn number(text: &str) -> Result<f64, &'static str> {
    text.parse().map_err(|_| "a number, such as 0.001, is expected")
}

/// Settings of the machine; they change no bit of any result.
#[derive(Clone, Debug, Args)]
pub(crate) struct MachineArgs {
    /// Threads; any number gives the same bits [default: 2 to train, one for each core for the rest, at most 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=MAX_THREADS as i64))]
    pub(crate) threads: Option<u16>,
}

/// `mnist evaluate`.
#[derive(Clone, Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// The model, as `mnist train` saves it
    #[arg(long, value_name = "FILE")]
    pub(crate) model: PathBuf,
    /// Folder with the four files of the data set, raw or .gz [default: the data of the run in whose folder the model stands, else as
    /// for train]
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
    #[arg(long, value_name = "N", value_parser = whole::<usize>)]
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
        command().debug_assert();
    }

    #[test]
    fn no_options_are_the_tutorials_run() {
        let args = TrainCli::parse_from(["mnist"]).args;
        assert_eq!(args.config(), model::TrainConfig::default());
    }

    #[test]
    fn a_number_after_an_option_is_its_value() {
        for (option, found) in [
            ("train --epochs -1", "a whole number, 0 or more, is expected"),
            ("train --batch-size 1.5", "a whole number, 0 or more, is expected"),
            ("train --seed 18446744073709551616", "the number is too large"),
            ("train --threads -2", "-2 is not in 1..=256"),
            ("bench --seconds -1", "-1 is not in 1..=600"),
            ("watch run --at -3", "a whole number, 0 or more, is expected"),
            ("explain --model m --index -1", "a whole number, 0 or more, is expected"),
        ] {
            let error = command().try_get_matches_from(format!("mnist {option}").split(' '));
            let message = error.unwrap_err().to_string();
            assert!(message.contains(found), "{option}: {message}");
        }
        assert!(command().try_get_matches_from(["mnist", "train", "-1"]).is_err());
    }
}
