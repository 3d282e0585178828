//! The header of a cache's file; its form stands at the head of `cache.rs`.

use std::io::Read;

use kernels::Layout;
use kernels::spec::{LANES, NUMERICS_VERSION};

use super::MOST_BYTES;
use super::key::Key;
use crate::dataset::Dataset;

/// What a file of a cache begins with.
pub const MAGIC: [u8; 8] = *b"MNISTPAK";
/// To be raised with every change of the form.
const FORMAT_VERSION: u32 = 3;
/// Bytes of a piece that has a checksum of its own.
pub(super) const PIECE_BYTES: usize = 1 << 20;
/// Bytes of the header before the checksums.
const FIXED_BYTES: usize = 8 + 2 * 4 + 16 + 32 + 2 * SetHeader::SIZE_BYTES;

/// What a file says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) key: Key,
    /// Of the uncompressed files.
    pub(super) sha256: [u8; 32],
    /// The training set, the test set.
    pub(super) sets: [SetHeader; 2],
    /// CRC-32 of each piece.
    pub(super) sums: Vec<u32>,
}

/// What it says of a set.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SetHeader {
    pub(super) images: u32,
    features: u32,
    /// 0 x 0 if there are none.
    height: u32,
    width: u32,
    pub(super) values: u32,
}

impl SetHeader {
    const SIZE_BYTES: usize = 5 * 4;

    pub(super) fn of(data: &Dataset, values: usize) -> Option<Self> {
        let number = |n: usize| u32::try_from(n).ok();
        let (height, width) = data.image_shape().unwrap_or_default();
        Some(Self {
            images: number(data.len())?,
            features: number(data.features())?,
            height: number(height)?,
            width: number(width)?,
            values: number(values)?,
        })
    }

    fn numbers(&self) -> [u32; 5] {
        [self.images, self.features, self.height, self.width, self.values]
    }

    /// Features, height and width.
    fn shape(&self) -> [u32; 3] {
        [self.features, self.height, self.width]
    }

    /// The layout of its images, which have a feature at least.
    pub(super) fn layout(&self) -> Option<Layout> {
        let features = self.features as usize;
        let image = match (self.height as usize, self.width as usize) {
            (0, 0) => None,
            (height, width) if height.checked_mul(width) == Some(features) => Some((height, width)),
            _ => return None,
        };
        // Larger ones than this have too many blocks; making their layout takes memory.
        let fits = (1..=kernels::MAX_BLOCKS * LANES).contains(&features);
        if fits { Layout::new(features, image) } else { None }
    }

    /// Words of bits of all images.
    pub(super) fn words(&self, layout: &Layout) -> u64 {
        u64::from(self.images) * layout.words() as u64
    }

    /// Bytes of bits, labels and values.
    pub(super) fn part_bytes(&self) -> Option<[u64; 3]> {
        let words = self.words(&self.layout()?);
        Some([8 * words, 4 * u64::from(self.images), 8 * u64::from(self.values)])
    }
}

impl Header {
    /// Reads the header of a file of `file_bytes` bytes; nothing unless all of it is as it should be, and
    /// the length of the file with it.
    pub(super) fn read(file: &mut impl Read, file_bytes: u64) -> Option<Self> {
        let mut bytes = vec![0; FIXED_BYTES];
        file.read_exact(&mut bytes).ok()?;
        let mut rest = bytes.strip_prefix(&MAGIC)?;
        if number(&mut rest)? != FORMAT_VERSION || number(&mut rest)? != NUMERICS_VERSION {
            return None;
        }
        let (key, sha256) = (take(&mut rest)?, take(&mut rest)?);
        let mut set = || {
            let mut next = || number(&mut rest);
            let (images, features) = (next()?, next()?);
            Some(SetHeader { images, features, height: next()?, width: next()?, values: next()? })
        };
        let sets = [set()?, set()?];
        // No file makes an empty set, nor one of images of two kinds.
        let [train, test] = &sets;
        if train.images == 0 || test.images == 0 || train.shape() != test.shape() {
            return None;
        }

        let (mut payload_bytes, mut pieces) = (0_u64, 0_u64);
        for part in [sets[0].part_bytes()?, sets[1].part_bytes()?].as_flattened() {
            payload_bytes = payload_bytes.checked_add(*part)?;
            pieces += part.div_ceil(PIECE_BYTES as u64);
        }
        let header_bytes = FIXED_BYTES as u64 + 4 * pieces + 4;
        if file_bytes > MOST_BYTES || header_bytes.checked_add(payload_bytes) != Some(file_bytes) {
            return None;
        }
        // From here on what is asked for is there.
        let mut sums = vec![0; 4 * pieces as usize + 4];
        file.read_exact(&mut sums).ok()?;
        let (sums, own) = sums.split_last_chunk()?;
        bytes.extend_from_slice(sums);
        if crc32fast::hash(&bytes) != u32::from_le_bytes(*own) {
            return None;
        }
        let sums = sums.as_chunks().0.iter().map(|sum| u32::from_le_bytes(*sum)).collect();
        Some(Self { key, sha256, sets, sums })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let versions = [FORMAT_VERSION, NUMERICS_VERSION];
        let [train, test] = self.sets.each_ref().map(SetHeader::numbers);
        let mut bytes = MAGIC.to_vec();
        bytes.extend(versions.map(u32::to_le_bytes).as_flattened());
        bytes.extend(self.key);
        bytes.extend(self.sha256);
        bytes.extend([train, test].as_flattened().iter().flat_map(|n| n.to_le_bytes()));
        bytes.extend(self.sums.iter().flat_map(|sum| sum.to_le_bytes()));
        bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
        bytes
    }

    pub(super) fn size_bytes(&self) -> usize {
        FIXED_BYTES + 4 * self.sums.len() + 4
    }
}

/// The next bytes, which are taken off.
fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (next, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(*next)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    take(rest).map(u32::from_le_bytes)
}
