//! The one table of named shapes, and seeded data for them that is not zero.
#![allow(dead_code, reason = "every bench uses a part of it")]

use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// A product of matrices, `A` [m x k] times `B` [k x n].
pub struct Product {
    pub name: &'static str,
    pub m: usize,
    pub k: usize,
    pub n: usize,
    /// Whether A stands in memory as its transpose [k x m].
    pub transposed: bool,
}

const fn product(name: &'static str, [m, k, n]: [usize; 3]) -> Product {
    Product { name, m, k, n, transposed: false }
}

/// The tutorial's batch, model and images.
pub const BATCH: usize = 100;
pub const CLASSES: usize = 10;
pub const SIDE: usize = 28;
pub const FEATURES: usize = SIDE * SIDE;
/// Images of the set that batches are drawn from.
pub const IMAGES: usize = 10_000;

/// The sums of a batch.
pub const FORWARD: Product = product("100x784x10", [BATCH, FEATURES, CLASSES]);
/// The gradient of a batch.
pub const BACKWARD: Product =
    Product { transposed: true, ..product("784x100x10t", [FEATURES, BATCH, CLASSES]) };
/// Sums, gradient and evaluation of the tutorial's model; squares that fit into one cache after the
/// other; layers of larger models.
pub const PRODUCTS: [Product; 10] = [
    FORWARD,
    BACKWARD,
    product("10000x784x10", [IMAGES, FEATURES, CLASSES]),
    product("64x64x64", [64; 3]),
    product("128x128x128", [128; 3]),
    product("256x256x256", [256; 3]),
    product("512x512x512", [512; 3]),
    product("1024x1024x1024", [1024; 3]),
    product("100x784x128", [BATCH, FEATURES, 128]),
    product("1000x784x512", [1000, FEATURES, 512]),
];

/// Products that only the comparison of libraries measures: sums and gradient of the whole training
/// set, and a square past every cache.
pub const COMPARED: [Product; 3] = [
    product("55000x784x10", [TRAINING, FEATURES, CLASSES]),
    Product { transposed: true, ..product("784x55000x10t", [FEATURES, TRAINING, CLASSES]) },
    product("2048x2048x2048", [2048; 3]),
];

/// The tutorial's training images.
const TRAINING: usize = 55_000;

impl Product {
    /// Floating-point operations: a multiplication and an addition a term.
    pub fn flops(&self) -> u64 {
        2 * (self.m * self.k * self.n) as u64
    }
}

/// `n` numbers between -1 and 1, none of them zero.
pub fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    // Odd multiples of 2^-23.
    let mut number = || ((random.next_u32() >> 8) | 1) as f32 / (1 << 23) as f32 - 1.0;
    (0..n).map(|_| number()).collect()
}

/// `n` numbers below `end`.
pub fn indices(n: usize, end: usize, seed: u64) -> Vec<u32> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    (0..n).map(|_| (random.next_u64() % end as u64) as u32).collect()
}

/// `n` images of one pen stroke each, with ink in 31 of their 98 blocks on average, as MNIST has.
pub fn strokes(n: usize, seed: u64) -> Vec<u8> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut pixels = vec![0; n * FEATURES];
    for image in pixels.chunks_exact_mut(FEATURES) {
        let mut at = [0; 2].map(|_: u8| 4 + (random.next_u64() % 18) as usize);
        let mut step = [0, 1];
        for _ in 0..STROKE {
            for (dy, dx) in [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (2, 0), (2, 1)] {
                let ink = (random.next_u32() >> 24) as u8;
                image[(at[0] + dy) * SIDE + at[1] + dx] = ink.max(1);
            }
            if random.next_u32() % 4 == 0 {
                step = [0; 2].map(|_: u8| (random.next_u32() % 3) as usize);
            }
            // The pen stays within the middle 20 x 20 pixels.
            for axis in 0..2 {
                at[axis] = (at[axis] + step[axis] - 1).clamp(4, 21);
            }
        }
    }
    pixels
}

/// Steps of the pen.
const STROKE: usize = 124;
