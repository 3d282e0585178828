//! Seeded images and labels.

use kernels::{Images, Layout, spec};
use rand::rngs::Xoshiro256PlusPlus;
use rand::{Rng, SeedableRng};

/// Features, and height and width where they have them: whole blocks, ragged ones, single pixels.
pub const SHAPES: [(usize, Option<(usize, usize)>); 12] = [
    // Two words for each half of the blocks, the last without any; squares and a row of upper tiles below.
    (1032, None),
    (48, Some((6, 8))),
    (1, None),
    (7, None),
    (8, None),
    (9, None),
    (784, None),
    (784, Some((28, 28))),
    (783, Some((29, 27))),
    (1, Some((1, 1))),
    (8, Some((2, 4))),
    (15, Some((5, 3))),
];

/// A seeded generator.
pub struct Random(Xoshiro256PlusPlus);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// An integer below `n`, nearly uniform.
    pub fn below(&mut self, n: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(n)) >> 32) as u32
    }

    /// A number from -1 to 1.
    pub fn signed(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 23) as f32 - 1.0
    }

    /// `n` numbers from -1 to 1.
    pub fn many(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.signed()).collect()
    }
}

/// What the features of images are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// u8, most of them 0 and side by side.
    Sparse,
    /// u8, none of them 0.
    Dense,
    /// u8, all of them 0.
    Zero,
    /// f32: of both signs, subnormal, zero and minus zero.
    Floats,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Sparse, Self::Dense, Self::Zero, Self::Floats];
}

/// A set of images, packed and as the definition sees them.
pub struct Data {
    pub images: Images,
    pub features: usize,
    pub image: Option<(usize, usize)>,
    /// [n x features] in file order.
    pub values: Vec<f32>,
}

impl Data {
    /// Makes `n` images.
    pub fn new(
        kind: Kind,
        (features, image): (usize, Option<(usize, usize)>),
        n: usize,
        random: &mut Random,
    ) -> Self {
        let mut lit = false;
        let mut pixel = || {
            lit ^= random.below(12) == 0;
            match kind {
                Kind::Zero => 0,
                Kind::Sparse if lit => [random.below(256), 255][random.below(2) as usize] as u8,
                Kind::Sparse => 0,
                Kind::Dense => 1 + random.below(255) as u8,
                Kind::Floats => u8::from(lit),
            }
        };
        let pixels: Vec<u8> = (0..n * features).map(|_| pixel()).collect();
        if kind != Kind::Floats {
            return Self::from_u8((features, image), &pixels);
        }
        let mut float = |lit| match (lit, random.below(8)) {
            (0, 0) | (1, 0) => -0.0,
            (0, _) | (1, 1) => 0.0,
            (_, 2) => f32::from_bits(random.below(1 << 23)),
            (_, 3) => -f32::from_bits(random.below(1 << 23)),
            _ => 2.0 * random.signed(),
        };
        let values: Vec<f32> = pixels.into_iter().map(&mut float).collect();
        Self::from_f32((features, image), &values)
    }

    /// Packs u8 pixels [n x features].
    pub fn from_u8((features, image): (usize, Option<(usize, usize)>), pixels: &[u8]) -> Self {
        let layout = Layout::new(features, image).expect("a small image");
        let images = Images::from_u8(layout, pixels).expect("few blocks");
        let values = pixels.iter().copied().map(f32::from).collect();
        Self { images, features, image, values }
    }

    /// Packs f32 features [n x features]; as the kernels do, the definition sees -0 as +0.
    pub fn from_f32((features, image): (usize, Option<(usize, usize)>), values: &[f32]) -> Self {
        let layout = Layout::new(features, image).expect("a small image");
        let images = Images::from_f32(layout, values).expect("few blocks");
        let positive = |&x: &f32| if x == 0.0 { 0.0 } else { x };
        Self { images, features, image, values: values.iter().map(positive).collect() }
    }

    /// `n` random indices of images: what a batch may hold.
    pub fn rows(&self, n: usize, random: &mut Random) -> Vec<u32> {
        (0..n).map(|_| random.below(self.images.len() as u32)).collect()
    }

    /// The features of the images `rows`, one after the other.
    pub fn gather(&self, rows: &[u32]) -> Vec<f32> {
        rows.iter().flat_map(|&row| self.values_of(row)).copied().collect()
    }

    /// The features of image `row`.
    pub fn values_of(&self, row: u32) -> &[f32] {
        &self.values[row as usize * self.features..][..self.features]
    }

    /// A batch as the definition sees it.
    pub fn batch<'a>(&self, features: &'a [f32], labels: &'a [u32]) -> spec::Batch<'a> {
        spec::Batch { features, scale: self.images.scale(), labels }
    }
}
