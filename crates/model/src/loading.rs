//! Images packed and hashed while the rest of their file is on its way.
//!
//! ```text
//! decode   read or inflate a piece ──┬──> hash   train images, train labels, test images, test labels
//!                                    └──> pack   its images into block rows
//! ```
//!
//! Inflating, or for raw files hashing, is what takes longest and can't be cut into parts, so the rest is
//! done beside it, on threads of their own. The files never stand in memory whole: a piece's buffer takes
//! another piece when it is hashed and packed, because new memory costs as much as packing does.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};

use idx::{ElementType, Idx, Reader};
use sha2::{Digest, Sha256};

use crate::dataset::Dataset;
use crate::files::{LoadError, images_of};
use crate::hash::hex;

/// Bytes of a piece, about: it stays in the cache until it is hashed and packed.
const PIECE_BYTES: usize = 128 * 1024;
/// Pieces that may wait for the slower of those who take them.
const WAITING: usize = 64;

/// A pair of files whose headers were read and fit.
pub(crate) struct Opened {
    images: Reader,
    labels: Idx,
    classes: Vec<u32>,
}

/// Bytes of a file, for those who hash them and those who pack them.
type Piece = Arc<Vec<u8>>;

/// The way to who hashes a pair of files, and that of its buffers back.
struct ToHash {
    pieces: SyncSender<Piece>,
    spare: Receiver<Vec<u8>>,
}

/// The pieces to hash, and the way of their buffers back.
struct Hashed {
    pieces: Receiver<Piece>,
    spare: Sender<Vec<u8>>,
}

fn ways() -> (ToHash, Hashed) {
    let ((to, pieces), (back, spare)) = (sync_channel(WAITING), channel());
    (ToHash { pieces: to, spare }, Hashed { pieces, spare: back })
}

impl ToHash {
    fn send(&self, piece: impl Into<Piece>) {
        // Who hashes is gone only where it panicked, which is found out when it is joined.
        drop(self.pieces.send(piece.into()));
    }

    /// Reads the next piece and sends it; returns it too, unless the file is at its end.
    fn next(&self, images: &mut Reader, most_bytes: usize) -> Result<Option<Piece>, idx::Error> {
        let buffer = self.spare.try_recv().unwrap_or_default();
        let piece = Arc::new(images.piece_in(buffer, most_bytes)?);
        if piece.is_empty() {
            return Ok(None);
        }
        self.send(Arc::clone(&piece));
        Ok(Some(piece))
    }
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

    /// Reads the images and packs them; sends both files to be hashed, in that order.
    fn load(self, path: &Path, hash: &mut ToHash) -> Result<Dataset, LoadError> {
        let Self { images, labels, classes } = self;
        hash.send(images.header_bytes());
        let at = |cause| LoadError::Dataset { path: path.to_owned(), cause };
        let data = if images.element_type() == ElementType::U8 {
            pack_u8(images, path, classes, hash)?
        } else {
            let file = images.read_all().map_err(LoadError::Idx)?;
            let data = images_of(&file, classes).map_err(at)?;
            hash.send(file.into_bytes());
            data
        };
        hash.send(labels.header_bytes());
        hash.send(labels.into_bytes());
        Ok(data)
    }
}

/// Packs u8 images while they are read.
fn pack_u8(
    mut images: Reader,
    path: &Path,
    classes: Vec<u32>,
    hash: &mut ToHash,
) -> Result<Dataset, LoadError> {
    let shape = shape_of(images.dims());
    let most_bytes = (PIECE_BYTES / shape.0).max(1) * shape.0;
    let is_gzip = images.is_gzip();
    let mut next = move || hash.next(&mut images, most_bytes);
    let (read, data) = if is_gzip {
        let (sender, pieces) = sync_channel::<Piece>(WAITING);
        let decode = move || {
            while let Some(piece) = next()? {
                if sender.send(piece).is_err() {
                    // Who packs has an error to tell.
                    break;
                }
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let decoder = spawn(scope, "decode", decode)?;
            let data = Dataset::from_u8_pieces(pieces, shape, classes);
            Ok((joined(decoder), data))
        })?
    } else {
        // Reading is a copy, which is done before another thread has woken up.
        let mut read = Ok(());
        let pieces = std::iter::from_fn(|| match next() {
            Ok(piece) => piece,
            Err(error) => {
                read = Err(error);
                None
            }
        });
        let data = Dataset::from_u8_pieces(pieces, shape, classes);
        (read, data)
    };
    // A file that is cut short is why images are missing.
    read.map_err(LoadError::Idx)?;
    data.map_err(|cause| LoadError::Dataset { path: path.to_owned(), cause })
}

/// The number of features of an image, and its height and width where it has them.
pub(crate) fn shape_of(dims: &[usize]) -> (usize, Option<(usize, usize)>) {
    let image = match dims[1..] {
        [height, width] => Some((height, width)),
        _ => None,
    };
    (dims[1..].iter().product(), image)
}

/// Loads the training and the test set side by side; returns them and the SHA-256 of their files.
pub(crate) fn load_both(
    (train, train_path): (Opened, &Path),
    (test, test_path): (Opened, &Path),
) -> Result<(Dataset, Dataset, String), LoadError> {
    let ((mut train_hash, train_pieces), (mut test_hash, test_pieces)) = (ways(), ways());
    std::thread::scope(|scope| {
        let hash = spawn(scope, "hash", || hash([train_pieces, test_pieces]))?;
        let test = spawn(scope, "test set", move || test.load(test_path, &mut test_hash))?;
        let train = train.load(train_path, &mut train_hash);
        drop(train_hash);
        let test = joined(test);
        let sha256 = joined(hash);
        Ok((train?, test?, sha256))
    })
}

/// SHA-256 of all pieces, those of the first way first.
fn hash(ways: [Hashed; 2]) -> String {
    let mut hash = Sha256::new();
    for Hashed { pieces, spare } in ways {
        for piece in pieces {
            hash.update(&*piece);
            if let Some(buffer) = Arc::into_inner(piece) {
                // Nobody wants it who has read all.
                drop(spare.send(buffer));
            }
        }
    }
    hex(&hash.finalize())
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
