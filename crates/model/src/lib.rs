//! Placeholder.
#![forbid(unsafe_code)]
pub mod atomic;
pub mod classifier;
pub mod config;
pub mod dataset;
pub mod files;
mod hash;
mod layer;
pub mod metrics;
pub mod model_file;
mod network;
pub mod optimizer;
pub mod parameters;
pub mod prepare;
pub mod rng;
pub mod synthetic;
pub mod trainer;
pub use classifier::{Classifier, Prediction};
pub use config::{ConfigError, TrainConfig};
pub use dataset::{Dataset, DatasetError, Split};
pub use files::{DataInfo, DataSets, LoadError};
pub use metrics::{Confusion, Evaluation};
pub use model_file::{Metadata, Model, ModelError, ModelErrorKind};
pub use optimizer::Optimizer;
pub use parameters::{Init, Parameters};
pub use trainer::{Diverged, Event, Observer, Trainer};
