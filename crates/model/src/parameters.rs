//! The parameters of a softmax classifier, and how they start.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hash::hex;
use crate::rng::{Purpose, Stream};

/// `W` [features x classes], row-major in the image's own pixel order, and `b`, one for each class.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameters {
    /// The weights.
    pub weights: Vec<f32>,
    /// The biases.
    pub bias: Vec<f32>,
}

/// How weights start; biases start at zero.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum Init {
    /// Normal, redrawn outside two standard deviations, in the order feature, class.
    TruncatedNormal {
        /// The standard deviation, before the cut.
        std: f64,
    },
    /// All zero.
    Zeros,
}

impl Parameters {
    /// The parameters at the start of training.
    pub fn new(features: usize, classes: usize, init: Init, seed: u64) -> Self {
        let mut weights = vec![0.0; features * classes];
        if let Init::TruncatedNormal { std } = init {
            Stream::new(seed, Purpose::Weights, 0).truncated_normal(std as f32, &mut weights);
        }
        Self { weights, bias: vec![0.0; classes] }
    }

    /// Classes.
    pub fn classes(&self) -> usize {
        self.bias.len()
    }

    /// Features.
    pub fn features(&self) -> usize {
        self.weights.len() / self.bias.len()
    }

    /// SHA-256 of the weights, then the biases, as little-endian f32: two runs with the same hash have the
    /// same model.
    pub fn sha256(&self) -> String {
        let mut hash = Sha256::new();
        for value in self.weights.iter().chain(&self.bias) {
            hash.update(value.to_le_bytes());
        }
        hex(&hash.finalize())
    }
}
