//! Softmax regression on labelled images, from files to a saved model.
//!
//! The model is `z = x W + b`, softmax, mean cross-entropy, trained by minibatches. What a step computes is
//! defined in [`kernels::spec`]; here is what surrounds it: data, order, epochs, metrics, files.
//!
//! | module | what |
//! |---|---|
//! | [`files`], [`dataset`], [`synthetic`] | labelled images: read, split, put in order, or drawn |
//! | [`cache`] | what was read, kept packed for the next run |
//! | [`config`], [`optimizer`], [`parameters`], [`rng`] | a run's settings, and how it starts |
//! | [`trainer`] | the training loop, which reports to an [`Observer`] |
//! | [`classifier`], [`metrics`] | evaluation and prediction, and what they say of a model |
//! | [`explain`] | every pixel's share in a prediction |
//! | [`state`], [`checkpoint`] | a run between two steps, and its file, from which it goes on |
//! | [`model_file`], [`atomic`] | saved models, whole or not there; [`foreign`] tells what else a file is |
//! | [`prepare`] | pictures of one's own, made like MNIST's |
//!
//! The same data, settings and seed give the same bytes, on any machine and at any number of threads.
//!
//! Build for release: without optimisation ten epochs of MNIST took 68 s instead of 1, and the profiles of this workspace,
//! which optimise these crates in the dev profile too, do not reach the workspace of who depends on them.
//!
//! ```
//! use kernels::{Isa, team::Team};
//! use model::{Classifier, Dataset, TrainConfig, Trainer, trainer::Silent};
//!
//! // Two images of two pixels: ink on the left is class 0, on the right class 1.
//! let data = Dataset::from_u8(&[255, 0, 0, 255], (2, None), vec![0, 1])?;
//! let config = TrainConfig { batch_size: 2, validation: 0, ..TrainConfig::default() };
//! let mut trainer = Trainer::new(config, &data, 2, Isa::detect(), Team::new(1)?)?;
//! trainer.run(&mut Silent)?;
//! let classifier = Classifier::new(Isa::detect(), &trainer.parameters(), &data);
//! assert_eq!(classifier.evaluate(&data, 0..2)?.accuracy(), 1.0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![forbid(unsafe_code)]
pub mod cache;
pub mod checkpoint;
pub mod classifier;
pub mod config;
pub mod dataset;
pub mod explain;
pub mod files;
pub mod foreign;
mod hash;
mod layer;
mod loading;
pub mod metrics;
pub mod model_file;
mod network;
pub mod optimizer;
mod pace;
pub mod parameters;
pub mod prepare;
pub mod rng;
mod safetensor_file;
pub mod state;
pub mod synthetic;
pub mod trainer;
mod unique_keys;
pub use cache::CacheUse;
pub use checkpoint::{Checkpoint, CheckpointError, CheckpointErrorKind};
pub use classifier::{Classifier, Prediction};
pub use config::{CLASSES, ConfigError, TrainConfig};
pub use dataset::{Dataset, DatasetError, Split};
pub use explain::Explanation;
pub use files::{DataInfo, DataSets, LoadError};
pub use idx::atomic;
pub use metrics::{Confusion, Evaluation, Scores};
pub use model_file::{Metadata, Model, ModelError, ModelErrorKind};
pub use optimizer::Optimizer;
pub use parameters::{Init, Parameters};
pub use state::{RestoreError, State};
pub use trainer::{Diverged, Event, Observer, Trainer};
