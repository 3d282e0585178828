//! Optimisers: from settings to the numbers of each step.

use kernels::spec::Rule;
use serde::{Deserialize, Serialize};

/// How gradients change weights.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Optimizer {
    /// Adam in TensorFlow 1's form, whose epsilon is added to the root of the uncorrected moment (Kingma and
    /// Ba, "Adam", 2015, the remark at the end of section 2).
    Adam {
        /// Decay of the first moment.
        beta1: f64,
        /// Decay of the second moment.
        beta2: f64,
        /// Added to the root of the second moment.
        epsilon: f64,
    },
    /// Plain stochastic gradient descent.
    Sgd,
    /// Gradient descent with a running sum of gradients.
    Momentum {
        /// Decay of the sum.
        mu: f64,
    },
}

impl Optimizer {
    /// Adam as the tutorial uses it: 0.9, 0.999 and 1e-8.
    pub const ADAM: Self = Self::Adam { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

    /// The name on the command line: `adam`, `sgd` or `momentum`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Adam { .. } => "adam",
            Self::Sgd => "sgd",
            Self::Momentum { .. } => "momentum",
        }
    }
}

/// What changes from step to step: the powers of Adam's decays, as running products in f64.
///
/// ```
/// use kernels::spec::Rule;
/// use model::optimizer::{Optimizer, Schedule};
/// let mut schedule = Schedule::new(Optimizer::Sgd, 0.5);
/// assert_eq!(schedule.next_rule(), Rule::Sgd { lr: 0.5 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    optimizer: Optimizer,
    learning_rate: f64,
    /// beta1 and beta2 to the power of the steps taken.
    powers: (f64, f64),
}

impl Schedule {
    /// The schedule before the first step.
    pub fn new(optimizer: Optimizer, learning_rate: f64) -> Self {
        Self { optimizer, learning_rate, powers: (1.0, 1.0) }
    }

    /// beta1 and beta2 to the power of the steps taken; 1 without Adam.
    pub fn powers(&self) -> [f64; 2] {
        self.powers.into()
    }

    /// Goes on from the powers of another.
    pub fn restore(&mut self, powers: [f64; 2]) {
        self.powers = powers.into();
    }

    /// The numbers of the next step (docs/numerics.md, point 8).
    pub fn next_rule(&mut self) -> Rule {
        let lr = self.learning_rate;
        match self.optimizer {
            Optimizer::Sgd => Rule::Sgd { lr: lr as f32 },
            Optimizer::Momentum { mu } => Rule::Momentum { lr: lr as f32, mu: mu as f32 },
            Optimizer::Adam { beta1, beta2, epsilon } => {
                self.powers = (self.powers.0 * beta1, self.powers.1 * beta2);
                let a = lr * (1.0 - self.powers.1).sqrt() / (1.0 - self.powers.0);
                let (c1, c2) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32);
                Rule::Adam { c1, c2, a: a as f32, eps: epsilon as f32 }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_step_of_adam_has_the_corrected_rate() {
        // At step 1 the corrected rate is lr * sqrt(1 - 0.999) / (1 - 0.9) = lr * 0.31623.
        let Rule::Adam { c1, c2, a, eps } = Schedule::new(Optimizer::ADAM, 0.001).next_rule()
        else {
            panic!("another rule");
        };
        assert_eq!((c1, c2, eps), (0.1, 0.001, 1e-8));
        assert!((f64::from(a) / (0.001 * 0.001f64.sqrt() / 0.1) - 1.0).abs() < 1e-6, "{a}");
    }

    #[test]
    fn names_in_a_configuration_are_those_of_the_command_line() {
        for optimizer in [Optimizer::ADAM, Optimizer::Sgd, Optimizer::Momentum { mu: 0.9 }] {
            let json = serde_json::to_value(optimizer).unwrap();
            assert_eq!(json["name"], optimizer.name());
        }
    }
}
