//! `mnist train`.

use std::collections::HashSet;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use model::{Init, Optimizer, TrainConfig};

use super::{CacheArgs, DataArgs, MachineArgs, number, whole};
use crate::checkpoints::Every;

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
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = whole::<u64>)]
    pub(crate) epochs: u64,
    /// Images in a batch
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = whole::<usize>)]
    pub(crate) batch_size: usize,
    /// Step size
    #[arg(long, value_name = "X", default_value_t = 0.001, value_parser = number)]
    pub(crate) learning_rate: f64,
    /// How gradients change weights
    #[arg(long, value_enum, default_value_t = OptimizerName::Adam)]
    pub(crate) optimizer: OptimizerName,
    /// Decay of the momentum optimizer's running gradient
    #[arg(long, value_name = "X", default_value_t = 0.9, value_parser = number)]
    pub(crate) momentum: f64,
    /// L2 penalty on the weights
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = number)]
    pub(crate) l2: f64,
    /// How weights start
    #[arg(long, value_enum, default_value_t = InitName::TruncatedNormal)]
    pub(crate) init: InitName,
    /// Standard deviation of the starting weights
    #[arg(long, value_name = "X", default_value_t = 0.01, value_parser = number)]
    pub(crate) init_std: f64,
    /// Whether every epoch takes the images in a new order
    #[arg(long, value_name = "BOOL", default_value_t = true, action = clap::ArgAction::Set)]
    pub(crate) shuffle: bool,
    /// Where all random numbers come from
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole::<u64>)]
    pub(crate) seed: u64,
    /// First images of the training file that are kept for validation
    #[arg(long, value_name = "N", default_value_t = 5_000, value_parser = whole::<usize>)]
    pub(crate) validation: usize,
    /// Report a step every so many iterations
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = whole::<usize>)]
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
