//! f32 kernels of softmax regression that give the same bits everywhere.
//!
//! [`spec`] is the definition, in plain scalar Rust; every other kernel computes the same bits faster:
//! on every SIMD tier ([`Isa`]), at any number of threads ([`team`]), however work is cut into blocks.
//!
//! | op | what | where |
//! |---|---|---|
//! | [`Images`], [`Layout`] | images as their blocks that are not zero | `images`, `layout` |
//! | [`linear::forward`] | sums of images and weights, skipping background | `linear` |
//! | [`linear::BlockIndex`] | gradient and optimiser step of the weights in one pass | `linear` |
//! | [`dense::forward`], [`dense::gradient`] | the same for more than 16 classes of f32 features, by GEMM | `dense` |
//! | [`softmax()`] | probabilities, losses, predictions and error terms | `softmax` |
//! | [`optim::update_all`], [`optim::update_biases`] | an optimiser step on a whole vector | `optim` |
//! | [`Batch`] | the rows of a minibatch between forward and backward pass | `batch` |
//! | [`team::Team`] | threads for work that takes microseconds | `team` |
//! | [`gemm()`] | C = A B for any strides | `gemm` |
//! | [`prefetch_all()`] | cache lines that another thread has written, all at once | `simd` |
//! | [`yardstick`] | plain loops, and the processor's peak, to measure kernels by | `yardstick` |
//! | [`mod@reference`] | slow oracles in f64, with proven bounds, for tests and gradient checks | `reference` |
//!
//! To read: first [`spec`], then `layout` and `images` (what is kept of an image), `linear` (what is done with
//! it), `simd` (in which terms), [`team`] (by whom).
//!
//! Letters: B images of a batch, D features, C classes; M, N, K inside GEMM. Lengths count elements, losses
//! are in nats, matrices are row-major unless they have strides.
//!
//! A wrong shape is a bug of the caller and panics at the door, with both numbers; data can't make a kernel
//! panic. Unsafe code stands in `pages`, `simd` and `team` alone.
#![deny(unsafe_code)]

pub mod batch;
pub mod dense;
mod exp;
mod gemm;
mod images;
mod isa;
mod ladder;
mod layout;
pub mod linear;
mod mat;
mod nonfinite;
pub mod optim;
#[allow(unsafe_code)]
mod pages;
pub mod reference;
#[allow(unsafe_code)]
mod simd;
mod softmax;
pub mod spec;
#[allow(unsafe_code)]
pub mod team;
pub mod yardstick;

pub use batch::Batch;
pub use gemm::gemm;
pub use images::{Images, PackedError, PackedU8, TooManyBlocks};
pub use isa::{Isa, IsaError, TIER_NAMES};
pub use layout::{Layout, MAX_BLOCKS};
pub use mat::{MatMut, MatRef};
pub use nonfinite::NonFinite;
pub use simd::{F32x16, prefetch_all};
pub use softmax::softmax;
