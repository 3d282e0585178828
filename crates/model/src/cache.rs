//! Data sets in their packed form, kept from one run to the next.
//!
//! Reading MNIST's files takes inflating or hashing 55 MB; what training needs of them is 19 MB. A cache is
//! a folder of files `KEY.pack`, one a data set, which is named by a hash of what its four files hold
//! as they lie on the disk, so that data that change have another name and nothing goes stale (`key`). All
//! numbers are little-endian:
//!
//! ```text
//! header   8 bytes   MNISTPAK
//!          2 x u32   version of this form, and of the numerics, which say what a block is
//!          16 bytes  the key, as in the name
//!          32 bytes  SHA-256 of the uncompressed files, which model files name the data set by
//!          5 x u32   of the training set: images, features, height and width (0 if none), values
//!          5 x u32   of the test set
//!          n x u32   CRC-32 of each piece of what follows
//!          u32       CRC-32 of the header up to here
//! payload            of each set: bits (u64), labels (u32), values (8 u8) as `kernels::Images` has them;
//!                    each of these in pieces of 1 MiB, the last one shorter
//! ```
//!
//! The length of the file must be the one that the header says before any memory is asked for; then every
//! piece must have its checksum, and every number must be one that packing could have given. A file that is
//! damaged in any way is as good as none: the data are read from their own files and it is written anew.
//! The checksums are against damage, not malice: who may write into the folder can lie about the data.
//!
//! A set of more than 1 GiB, or of f32 features, is not kept.
//!
//! Tried and lost: threads that are made for each of key, bits and values, and not rayon's, which sleep between them. The
//! best tenth of 60 runs of an epoch took 26.2 ms and not 24.1 (an Intel Xeon of family 6, model 167).

mod header;
mod key;

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use idx::{FileSet, Role};
use kernels::PackedU8;
use kernels::spec::LANES;
use rayon::prelude::*;

use crate::atomic;
use crate::config::CLASSES;
use crate::dataset::Dataset;
use crate::files::{DataSets, LoadError};
use crate::hash::hex;
pub use header::MAGIC;
use header::{Header, PIECE_BYTES, SetHeader};
use key::Key;

/// The most bytes that are hashed for a key, and that a kept set may have.
const MOST_BYTES: u64 = 1 << 30;

/// What became of a cache when data were loaded.
#[derive(Debug)]
#[non_exhaustive]
pub enum CacheUse {
    /// The data came out of it.
    Hit,
    /// The data were read from their files, and are kept from now on.
    Kept,
    /// The data are none that are kept: too many, of f32 features, or changed while they were read.
    Unfit,
    /// The data were read from their files and could not be kept.
    NotWritten {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
}

impl DataSets {
    /// Reads the four files of `folder` as [`DataSets::read`] does, or what the folder `cache` has kept of
    /// them, and keeps it there for the next time. The result is the same in every bit.
    ///
    /// Errors as [`DataSets::read`]; what is wrong with the cache is never one.
    pub fn read_cached(
        folder: &Path,
        classes: usize,
        cache: &Path,
    ) -> Result<(Self, CacheUse), LoadError> {
        let files = idx::find_all(folder).map_err(LoadError::Idx)?;
        let key = key::of(&files);
        let path = |key: &Key| cache.join(format!("{}.pack", hex(key)));
        if let Some(key) = &key
            && let Some((train, test, sha256)) = read(&path(key), Some(key), classes)
        {
            return Ok((Self::named(folder, classes, (train, test, sha256))?, CacheUse::Hit));
        }
        let sets = Self::read(folder, classes)?;
        // Files that changed between key and reading must not be kept under the old key.
        let Some(key) = key.filter(|key| key::of(&files).as_ref() == Some(key)) else {
            return Ok((sets, CacheUse::Unfit));
        };
        let Some(bytes) = encode(&key, &sets) else { return Ok((sets, CacheUse::Unfit)) };
        let failed = |path, cause| CacheUse::NotWritten { path, cause };
        let cache_use = match fs::create_dir_all(cache) {
            Err(cause) => failed(cache.to_owned(), cause),
            Ok(()) => match atomic::write(&path(&key), &bytes) {
                Err(cause) => failed(path(&key), cause),
                Ok(()) => CacheUse::Kept,
            },
        };
        Ok((sets, cache_use))
    }
}

/// Reads a file of a cache, whatever it is called: the training set, the test set, and the SHA-256 of their files. Nothing if
/// it is not there or not, in every byte, what it should be.
pub fn read_kept(path: &Path) -> Option<(Dataset, Dataset, String)> {
    read(path, None, *CLASSES.end())
}

/// The same, with labels below `classes`; nothing if it is not that of `key` either.
fn read(path: &Path, key: Option<&Key>, classes: usize) -> Option<(Dataset, Dataset, String)> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut file = File::open(path).ok()?;
    let file_bytes = file.metadata().ok().filter(|now| now.is_file())?.len();
    let header = Header::read(&mut file, file_bytes)?;
    if key.is_some_and(|key| header.key != *key) {
        return None;
    }
    let (mut start, mut sums) = (header.size_bytes() as u64, &header.sums[..]);
    let mut next = |bytes: u64| {
        let (own, others) = sums.split_at(bytes.div_ceil(PIECE_BYTES as u64) as usize);
        let part = Part { path, start, sums: own };
        (start, sums) = (start + bytes, others);
        part
    };
    let [train, test] = &header.sets;
    let train_parts = train.part_bytes()?.map(&mut next);
    let test_parts = test.part_bytes()?.map(&mut next);
    let (train, test) = rayon::join(
        || read_set(train, &train_parts, classes),
        || read_set(test, &test_parts, classes),
    );
    Some((train?, test?, hex(&header.sha256)))
}

/// Reads a set, whose header was proven, from its bits, labels and values.
fn read_set(
    set: &SetHeader,
    [having, labels, values]: &[Part<'_>; 3],
    classes: usize,
) -> Option<Dataset> {
    let layout = set.layout()?;
    let (images, words) = (set.images as usize, set.words(&layout) as usize);
    let (having, labels) = rayon::join(|| having.all::<8>(words), || labels.all::<4>(images));
    let labels: Vec<u32> = labels?.into_iter().map(u32::from_le_bytes).collect();
    if labels.iter().any(|&label| label as usize >= classes) {
        // Known to be below the number of classes of another run.
        return None;
    }
    let having = having?.into_iter().map(u64::from_le_bytes);
    let packed = PackedU8 { layout, images, having, values: set.values as usize };
    let read = |first: usize, room: &mut [[u8; LANES]]| {
        values.read(first * LANES / PIECE_BYTES, room.as_flattened_mut())
    };
    Dataset::paired(packed.read(PIECE_BYTES / LANES, read).ok()?, labels).ok()
}

/// A part of the payload, in pieces that are read apart.
struct Part<'a> {
    path: &'a Path,
    /// The byte of the file that it begins at.
    start: u64,
    /// CRC-32 of each piece.
    sums: &'a [u32],
}

impl Part<'_> {
    /// Fills `room` with a piece; returns whether that is whole.
    fn read(&self, piece: usize, room: &mut [u8]) -> bool {
        let start = self.start + piece as u64 * PIECE_BYTES as u64;
        let filled = File::open(self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(start))?;
            file.read_exact(room)
        });
        filled.is_ok() && crc32fast::hash(room) == self.sums[piece]
    }

    /// All pieces, as `count` numbers of `N` bytes.
    fn all<const N: usize>(&self, count: usize) -> Option<Vec<[u8; N]>> {
        let mut numbers = vec![[0; N]; count];
        let pieces = numbers.as_flattened_mut().par_chunks_mut(PIECE_BYTES).enumerate();
        pieces.map(|(piece, room)| self.read(piece, room)).all(|whole| whole).then_some(numbers)
    }
}

/// The bytes of a set's file; nothing of a set that is not kept.
fn encode(key: &Key, sets: &DataSets) -> Option<Vec<u8>> {
    let mut own = Vec::new();
    let (mut headers, mut values) = (Vec::new(), Vec::new());
    for data in [&sets.train, &sets.test] {
        let (having, blocks) = data.images().packed_u8()?;
        headers.push(SetHeader::of(data, blocks.len())?);
        own.push(having.map(u64::to_le_bytes).collect::<Vec<_>>().into_flattened());
        own.push(data.labels().iter().flat_map(|label| label.to_le_bytes()).collect());
        values.push(blocks.as_flattened());
    }
    let parts = [&own[0][..], &own[1], values[0], &own[2], &own[3], values[1]];
    let sums = parts.iter().flat_map(|part| part.chunks(PIECE_BYTES)).map(crc32fast::hash);
    let (sets, sha256) = (headers.try_into().ok()?, from_hex(&sets.info.sha256)?);
    let mut bytes = Header { key: *key, sha256, sets, sums: sums.collect() }.to_bytes();
    let payload_bytes: usize = parts.iter().map(|part| part.len()).sum();
    if (bytes.len() + payload_bytes) as u64 > MOST_BYTES {
        return None;
    }
    bytes.reserve_exact(payload_bytes);
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    Some(bytes)
}

/// The 32 bytes that [`hex`] made a text of.
fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes().as_chunks::<2>().0;
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    digits.iter().map(byte).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// The paths of a set's files, in the order of every hash.
fn paths(files: &FileSet) -> [&Path; 4] {
    Role::ALL.map(|role| files.path(role))
}
