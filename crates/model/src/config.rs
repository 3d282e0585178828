//! The settings of a run, and the check that they make sense.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::optimizer::Optimizer;
use crate::parameters::Init;

/// The most epochs a run can have, so that neither epochs nor steps ever count past 2^64.
pub const MOST_EPOCHS: u64 = u32::MAX as u64;

/// How many classes a run can have. No model and no checkpoint with more is read; a model that was
/// not trained here may have a single one.
pub const CLASSES: RangeInclusive<usize> = 2..=65_536;

/// The settings of a run: all that can change its weights, and how often it reports.
///
/// The default is the tutorial's run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainConfig {
    /// Passes over the training images.
    pub epochs: u64,
    /// Images in a batch; the last of an epoch may have fewer.
    pub batch_size: usize,
    /// The step size.
    pub learning_rate: f64,
    /// How gradients change weights.
    pub optimizer: Optimizer,
    /// L2 penalty: `l2 * W` is added to the gradient of the weights.
    pub l2: f64,
    /// How weights start.
    pub init: Init,
    /// Whether every epoch has an order of its own; else file order.
    pub shuffle: bool,
    /// Where all random numbers come from.
    pub seed: u64,
    /// Images at the head of the training file that are kept for validation.
    pub validation: usize,
    /// Report a step every so many iterations.
    pub log_every: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            epochs: 10,
            batch_size: 100,
            learning_rate: 0.001,
            optimizer: Optimizer::ADAM,
            l2: 0.0,
            init: Init::TruncatedNormal { std: 0.01 },
            shuffle: true,
            seed: 0,
            validation: 5_000,
            log_every: 100,
        }
    }
}

/// A setting that no run can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting: an option of the command line with its dashes, or a name in config.json.
    pub setting: &'static str,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

impl TrainConfig {
    /// Checks the settings for a training file of `images`.
    pub fn check(&self, images: usize) -> Result<(), ConfigError> {
        self.check_numbers()?;
        if self.validation >= images {
            let expected = format!("less than the {images} images of the training file");
            return ConfigError::of("--validation", &expected, &self.validation);
        }
        let training = images - self.validation;
        if self.batch_size == 0 || self.batch_size > training {
            let expected = format!("1 to {training}, the number of training images");
            return ConfigError::of("--batch-size", &expected, &self.batch_size);
        }
        Ok(())
    }

    /// Checks the settings that need not be held against the images.
    ///
    /// Numbers that the kernels take as f32 must be finite there, and a step size positive: 1e39 is
    /// infinite in f32 and 1e-50 zero.
    pub fn check_numbers(&self) -> Result<(), ConfigError> {
        let positive = |x: f64| x as f32 > 0.0 && (x as f32).is_finite();
        let fraction = |x: f64| (0.0..1.0).contains(&x);
        let fail = ConfigError::of;
        if !(1..=MOST_EPOCHS).contains(&self.epochs) {
            return fail("--epochs", &format!("1 to {MOST_EPOCHS}"), &self.epochs);
        }
        if self.log_every == 0 {
            return fail("--log-every", "at least 1", &self.log_every);
        }
        if !positive(self.learning_rate) {
            return fail("--learning-rate", "positive and finite as f32", &self.learning_rate);
        }
        if !(self.l2 >= 0.0 && (self.l2 as f32).is_finite()) {
            return fail("--l2", "at least 0 and finite as f32", &self.l2);
        }
        if let Init::TruncatedNormal { std } = self.init
            && !positive(std)
        {
            return fail("--init-std", "positive and finite as f32", &std);
        }
        match self.optimizer {
            Optimizer::Momentum { mu } if !fraction(mu) => {
                fail("--momentum", "at least 0 and below 1", &mu)
            }
            Optimizer::Adam { beta1, .. } if !fraction(beta1) => {
                fail("beta1", "at least 0 and below 1", &beta1)
            }
            Optimizer::Adam { beta2, .. } if !fraction(beta2) => {
                fail("beta2", "at least 0 and below 1", &beta2)
            }
            Optimizer::Adam { epsilon, .. } if !positive(epsilon) => {
                fail("epsilon", "positive and finite as f32", &epsilon)
            }
            _ => Ok(()),
        }
    }
}

impl ConfigError {
    fn of(setting: &'static str, expected: &str, found: &dyn ToString) -> Result<(), ConfigError> {
        Err(ConfigError { setting, expected: expected.to_owned(), found: found.to_string() })
    }
}

impl std::fmt::Display for ConfigError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} must be {}, and is {}", self.setting, self.expected, self.found)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn refused(setting: &str, change: impl FnOnce(&mut TrainConfig)) {
        let mut config = TrainConfig::default();
        change(&mut config);
        let error = config.check(60_000).unwrap_err();
        assert_eq!(error.setting, setting);
        assert!(error.to_string().starts_with(&format!("{setting} must be ")), "{error}");
    }

    #[test]
    fn every_setting_has_bounds() {
        assert_eq!(TrainConfig::default().check(60_000), Ok(()));
        refused("--epochs", |c| c.epochs = 0);
        refused("--epochs", |c| c.epochs = MOST_EPOCHS + 1);
        refused("--log-every", |c| c.log_every = 0);
        refused("--validation", |c| c.validation = 60_000);
        refused("--batch-size", |c| c.batch_size = 0);
        refused("--batch-size", |c| c.batch_size = 55_001);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e39, 1e-50] {
            refused("--learning-rate", |c| c.learning_rate = bad);
            refused("--init-std", |c| c.init = Init::TruncatedNormal { std: bad });
        }
        for bad in [-1e-9, f64::NAN, 1e39] {
            refused("--l2", |c| c.l2 = bad);
        }
        // Of Adam's own, which come from a file, the command line has no options and so no dashes.
        let adam = |beta1, beta2, epsilon| Optimizer::Adam { beta1, beta2, epsilon };
        for bad in [-0.1, 1.0, f64::NAN] {
            refused("--momentum", |c| c.optimizer = Optimizer::Momentum { mu: bad });
            refused("beta1", |c| c.optimizer = adam(bad, 0.999, 1e-8));
            refused("beta2", |c| c.optimizer = adam(0.9, bad, 1e-8));
        }
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e39, 1e-50] {
            refused("epsilon", |c| c.optimizer = adam(0.9, 0.999, bad));
        }
    }
}
