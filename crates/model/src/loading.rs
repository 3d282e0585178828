//! Images packed and hashed while the rest of their file is on its way.
//!
//! ```text
//! gzip   this thread   inflate the training images, then what is left of the test set
//!        the other     pack and hash each piece that has come; while none has, inflate and pack the test set
//! raw    this thread   read and pack the training set, then the test set
//!        the other     hash each piece that was read
//! ```
//!
//! Neither inflating nor hashing can be cut into parts, so one thread does nothing else. All the rest together
//! takes the other one no longer, and a third thread would only take a core from the first where there are
//! two. The training images never stand in memory whole: the buffer of a piece that is done with takes another piece,
//! because new memory costs as much as packing does. The test set is hashed behind the training set, so it is
//! read ahead as far as 64 pieces reach, which MNIST's fits into.
//!
//! Tried and lost, of MNIST's training images on Zen 5, the best of 10 in turns: libdeflate, which is C and
//! wants the whole file at once, inflates them in 34 ms into memory that is there and in 53 into new memory.
//! zlib-rs takes 44, piece by piece and with the checksum, and all the while the other thread hashes (23 ms)
//! and packs, which would come after libdeflate. fdeflate takes 46. Pieces of 512 KiB instead of 128 gain 0.8.
//! On Zen 4 libdeflate takes 37 ms and zlib-rs 47. SHA-256 hashes 1.81 GB a second there, a block in the 128 cycles of
//! its chain and 3 more, and 55 MB in 35 ms beside the other thread: raw files take no longer than that.
//!
//! A thread that hashes what the other has read asks for its lines 2 KiB ahead. Where the cores are far apart, it waited for
//! them as long as it hashed: a run of an epoch from raw files took 64.0 ms in the median and takes 52.6 (60 runs of each, an
//! Intel Xeon of family 6, model 167). In another minute 1 KiB took 48.9, 2 KiB 49.6, 4 KiB 50.1, 8 KiB 50.5, 16 KiB 51.8. Tried
//! and lost there: a thread that polls, and does not sleep, while the other has nothing for it, which is often woken on the
//! processor of the other: 68.7 for 65.3 from raw files, 91.1 for 93.5 from gzip. And, where inflating MNIST's training images
//! takes 57 ms beside hashing (alone 53; libdeflate 45 into memory that is there): a buffer of its own and copies 59, fresh
//! buffers 76, a ring of 64 buffers 61, the lines of buffers taken by `prefetchw` 58 all at once and 68 in steps.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use idx::{ElementType, Idx, Reader};
use kernels::prefetch_all;
use sha2::{Digest, Sha256};

use crate::dataset::{Dataset, DatasetError, Packing};
use crate::files::{LoadError, images_of};
use crate::hash::hex;

/// Bytes of a piece, about: it stays in the cache until it is hashed and packed.
const PIECE_BYTES: usize = 128 * 1024;
/// Bytes of a piece that are asked for while as many are hashed, in a microsecond. Half of them did as well where lines take
/// a tenth of that; where they take longer, it would not.
const AHEAD_BYTES: usize = 2 << 10;
/// Pieces that may wait for the other thread, and of the test set for the end of the training set.
const WAITING: usize = 64;

/// A pair of files whose headers were read and fit.
pub(crate) struct Opened {
    images: Reader,
    labels: Idx,
    classes: Vec<u32>,
}

impl Opened {
    /// Reads the labels and the header of the images, and proves that they fit.
    pub(crate) fn new(images: &Path, labels: &Path, classes: usize) -> Result<Self, idx::Error> {
        // The labels first: they are small, and as often wrong.
        let label_file = idx::read(labels)?;
        let reader = Reader::open(images)?;
        let classes =
            reader.pair(&label_file, classes).map_err(|error| error.at(images, labels))?;
        Ok(Self { images: reader, labels: label_file, classes })
    }

    /// Element type and shape of an image, for people.
    pub(crate) fn form(&self) -> String {
        let shape: Vec<_> = self.images.dims()[1..].iter().map(ToString::to_string).collect();
        format!("{} {}", self.images.element_type(), shape.join(" x "))
    }

    fn is_u8(&self) -> bool {
        self.images.element_type() == ElementType::U8
    }
}

/// The number of features of an image, and its height and width where it has them.
pub(crate) fn shape_of(dims: &[usize]) -> (usize, Option<(usize, usize)>) {
    let image = match dims[1..] {
        [height, width] => Some((height, width)),
        _ => None,
    };
    (dims[1..].iter().product(), image)
}

/// Loads the training and the test set; returns them and the SHA-256 of their files.
pub(crate) fn load_both(
    (train, train_path): (Opened, &Path),
    (test, test_path): (Opened, &Path),
) -> Result<(Dataset, Dataset, String), LoadError> {
    if train.images.is_gzip() && train.is_u8() && test.is_u8() {
        inflate_both((train, train_path), (test, test_path))
    } else {
        read_both((train, train_path), (test, test_path))
    }
}

/// A way for pieces to the other thread, and the way of their buffers back.
struct Way {
    pieces: SyncSender<Vec<u8>>,
    spare: Receiver<Vec<u8>>,
}

/// The other end of a [`Way`].
struct Arrivals {
    pieces: Receiver<Vec<u8>>,
    spare: Sender<Vec<u8>>,
}

fn way() -> (Way, Arrivals) {
    let ((to, pieces), (back, spare)) = (sync_channel(WAITING), channel());
    (Way { pieces: to, spare }, Arrivals { pieces, spare: back })
}

impl Way {
    /// A buffer that a piece came back in, or a new one.
    fn buffer(&self) -> Vec<u8> {
        self.spare.try_recv().unwrap_or_default()
    }

    /// Sends a piece; returns whether the other thread still takes any.
    fn send(&self, piece: Vec<u8>) -> bool {
        self.pieces.send(piece).is_ok()
    }
}

impl Arrivals {
    /// Gives back a buffer.
    fn give_back(&self, piece: Vec<u8>) {
        // Nobody wants it who has read all.
        drop(self.spare.send(piece));
    }
}

/// Loads sets whose training images are compressed.
fn inflate_both(
    (train, train_path): (Opened, &Path),
    (test, test_path): (Opened, &Path),
) -> Result<(Dataset, Dataset, String), LoadError> {
    let Opened { images: mut reader, labels, classes } = train;
    let shape = shape_of(reader.dims());
    let at = |path: &Path, cause| LoadError::Dataset { path: path.to_owned(), cause };
    let packing = Packing::new(shape, classes).map_err(|cause| at(train_path, cause))?;
    let test = Streamed::new(test).map_err(|cause| at(test_path, cause))?;
    let test = Mutex::new(test);
    let (way, arrivals) = way();
    let header = reader.header_bytes();
    let (train, sha256) = std::thread::scope(|scope| {
        let other = spawn(scope, "pack and hash", || {
            beside_inflating(arrivals, packing, (header, labels), &test)
        })?;
        let inflated = inflate(&mut reader, most_bytes(shape.0), &way);
        drop(way);
        while inflated.is_ok() && locked(&test).next() {}
        let (train, sha256) = joined(other);
        // A file that is cut short is why images are missing.
        inflated.map_err(LoadError::Idx)?;
        Ok((train.map_err(|cause| at(train_path, cause))?, sha256))
    })?;
    let test = test.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
    let test = test.map_err(LoadError::Idx)?.map_err(|cause| at(test_path, cause))?;
    Ok((train, test, sha256))
}

/// Sends all of a file's pieces on their way.
fn inflate(reader: &mut Reader, most_bytes: usize, way: &Way) -> Result<(), idx::Error> {
    loop {
        let piece = reader.piece_in(way.buffer(), most_bytes)?;
        // Who takes none any more has an error to tell.
        if piece.is_empty() || !way.send(piece) {
            return Ok(());
        }
    }
}

/// Packs and hashes the training images that arrive, in between reads the test set, and hashes it afterwards;
/// returns the training set and the hash of both.
fn beside_inflating(
    arrivals: Arrivals,
    mut packing: Packing,
    (header, labels): (Vec<u8>, Idx),
    test: &Mutex<Streamed>,
) -> (Result<Dataset, DatasetError>, String) {
    let mut hash = Sha256::new();
    hash.update(header);
    let mut packed = Ok(());
    while packed.is_ok() {
        let piece = match arrivals.pieces.try_recv() {
            Ok(piece) => piece,
            Err(TryRecvError::Empty) if locked(test).next() => continue,
            Err(_) => match arrivals.pieces.recv() {
                Ok(piece) => piece,
                Err(_) => break,
            },
        };
        hash_piece(&mut hash, &piece);
        packed = packing.push(&piece);
        arrivals.give_back(piece);
    }
    // Who sends finds out that nobody takes any more.
    drop(arrivals);
    let train = packed.and_then(|()| packing.finish());
    hash.update(labels.header_bytes());
    hash.update(labels.payload());
    hash.update(locked(test).images.header_bytes());
    while locked(test).next_hashed(&mut hash) {}
    let labels = &locked(test).labels;
    hash.update(labels.header_bytes());
    hash.update(labels.payload());
    (train, hex(&hash.finalize()))
}

/// A set that both threads work on, one at a time.
fn locked(set: &Mutex<Streamed>) -> MutexGuard<'_, Streamed> {
    // After a panic nobody uses what is in it: it goes on when the threads are joined.
    set.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A set of u8 images that is read and packed piece by piece; the pieces wait to be hashed.
struct Streamed {
    images: Reader,
    labels: Idx,
    packing: Packing,
    most_bytes: usize,
    pieces: Vec<Vec<u8>>,
    /// Set when there is no more to be read: whether anything went wrong.
    ended: Option<Result<Result<(), DatasetError>, idx::Error>>,
}

impl Streamed {
    fn new(set: Opened) -> Result<Self, DatasetError> {
        let Opened { images, labels, classes } = set;
        let shape = shape_of(images.dims());
        let (packing, most_bytes) = (Packing::new(shape, classes)?, most_bytes(shape.0));
        Ok(Self { images, labels, packing, most_bytes, pieces: Vec::new(), ended: None })
    }

    /// Reads a piece and packs it; returns whether there may be more, and room for it.
    fn next(&mut self) -> bool {
        if self.ended.is_none() && self.pieces.len() < WAITING {
            match self.images.piece(self.most_bytes) {
                Err(error) => self.ended = Some(Err(error)),
                Ok(piece) if piece.is_empty() => self.ended = Some(Ok(Ok(()))),
                Ok(piece) => {
                    if let Err(error) = self.packing.push(&piece) {
                        self.ended = Some(Ok(Err(error)));
                    }
                    self.pieces.push(piece);
                }
            }
        }
        self.ended.is_none() && self.pieces.len() < WAITING
    }

    /// Hashes the pieces that wait for it, and reads another; returns whether there may be more.
    fn next_hashed(&mut self, hash: &mut Sha256) -> bool {
        self.pieces.drain(..).for_each(|piece| hash_piece(hash, &piece));
        self.next();
        self.ended.is_none() || !self.pieces.is_empty()
    }

    /// The set, if all was read and nothing went wrong.
    fn finish(self) -> Result<Result<Dataset, DatasetError>, idx::Error> {
        let ended = self.ended.unwrap_or(Ok(Ok(())))?;
        Ok(ended.and_then(|()| self.packing.finish()))
    }
}

/// Loads sets that are read faster than they are hashed.
fn read_both(
    (train, train_path): (Opened, &Path),
    (test, test_path): (Opened, &Path),
) -> Result<(Dataset, Dataset, String), LoadError> {
    let (way, arrivals) = way();
    std::thread::scope(|scope| {
        let hash = spawn(scope, "hash", move || {
            let mut hash = Sha256::new();
            while let Ok(piece) = arrivals.pieces.recv() {
                hash_piece(&mut hash, &piece);
                arrivals.give_back(piece);
            }
            hex(&hash.finalize())
        })?;
        let train = read(train, train_path, &way)?;
        let test = read(test, test_path, &way)?;
        drop(way);
        Ok((train, test, joined(hash)))
    })
}

/// Reads and packs a set; sends both files to be hashed.
fn read(set: Opened, path: &Path, way: &Way) -> Result<Dataset, LoadError> {
    let at = |cause| LoadError::Dataset { path: path.to_owned(), cause };
    // Who hashes is gone only where it panicked, which is found out when it is joined.
    let hash = |bytes| {
        way.send(bytes);
    };
    let is_u8 = set.is_u8();
    let Opened { mut images, labels, classes } = set;
    hash(images.header_bytes());
    let data = if is_u8 {
        let shape = shape_of(images.dims());
        let mut packing = Packing::new(shape, classes).map_err(at)?;
        loop {
            let piece =
                images.piece_in(way.buffer(), most_bytes(shape.0)).map_err(LoadError::Idx)?;
            if piece.is_empty() {
                break packing.finish().map_err(at)?;
            }
            packing.push(&piece).map_err(at)?;
            hash(piece);
        }
    } else {
        let file = images.read_all().map_err(LoadError::Idx)?;
        let data = images_of(&file, classes).map_err(at)?;
        hash(file.into_bytes());
        data
    };
    hash(labels.header_bytes());
    hash(labels.into_bytes());
    Ok(data)
}

/// Hashes a piece that the other thread may have written, so that its lines lie in that one's cache.
fn hash_piece(hash: &mut Sha256, piece: &[u8]) {
    let mut ahead = piece.chunks(AHEAD_BYTES);
    prefetch_all(ahead.next().unwrap_or_default());
    for part in piece.chunks(AHEAD_BYTES) {
        prefetch_all(ahead.next().unwrap_or_default());
        hash.update(part);
    }
}

/// Bytes of a piece of whole images with so many features.
fn most_bytes(features: usize) -> usize {
    (PIECE_BYTES / features).max(1) * features
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    name: &str,
    f: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, LoadError> {
    Builder::new().name(name.to_owned()).spawn_scoped(scope, f).map_err(LoadError::Threads)
}

/// What a thread returned; its panic goes on here.
fn joined<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
