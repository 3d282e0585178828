//! The key of a data set in a cache: a hash of its four files as they lie on the disk, gzip or not.
//!
//! ```text
//! key  XXH3-128 of: the name of this form; of each file its length (u64) and the XXH3-128 of each of its pieces
//! ```
//!
//! In pieces, so that threads share them. SHA-256 of the pieces of MNIST's .gz files, 11.6 MB, took 5.1 ms on two threads,
//! and this takes 2.1 (an Intel Xeon of family 6, model 167, in a virtual machine).
//!
//! XXH3 is against chance, of which 128 bits leave none, and not against someone who makes files to be taken for
//! others; `SECURITY.md` says so. The SHA-256 that models name their data by is kept in the file. BLAKE3 would be against
//! both. On one thread of that machine, to read MNIST's largest .gz file took 0.9 ms, with XXH3 1.1, with BLAKE3 2.2 in its
//! C form and 3.7 in its Rust form, with SHA-256 6.2; and it brings four crates and a C compiler.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use idx::FileSet;
use rayon::prelude::*;
use twox_hash::XxHash3_128;

use super::{MOST_BYTES, paths};

/// An XXH3-128, big-endian, which is how it is written.
pub(super) type Key = [u8; 16];

/// What is hashed first, so that no hash of anything else is a key.
const NAME: &[u8] = b"mnist packed data set, key 2";
/// Bytes of a piece.
const PIECE_BYTES: u64 = 1 << 20;
/// Bytes that are read at once: they stay in the cache until they are hashed.
const BUFFER_BYTES: usize = 64 << 10;

/// The key of these files; nothing where they can't be read, are no files or are too large.
pub(super) fn of(files: &FileSet) -> Option<Key> {
    let paths = paths(files);
    let mut lengths = [0; 4];
    for (path, length) in paths.iter().zip(&mut lengths) {
        // Asked before anything is opened: opening a pipe waits for its writer.
        let metadata = path.metadata().ok().filter(std::fs::Metadata::is_file)?;
        *length = metadata.len();
    }
    let total = lengths.iter().try_fold(0_u64, |sum, &length| sum.checked_add(length))?;
    if total > MOST_BYTES {
        return None;
    }
    let starts = |length: u64| (0..length).step_by(PIECE_BYTES as usize);
    let pieces: Vec<_> = paths
        .iter()
        .zip(lengths)
        .flat_map(|(path, length)| starts(length).map(move |start| (path, start, length)))
        .collect();
    let hash = |buffer: &mut Vec<u8>, (path, start, length): (&&Path, u64, u64)| {
        piece(path, (start, PIECE_BYTES.min(length - start)), buffer)
    };
    let pieces: Option<Vec<Key>> =
        pieces.into_par_iter().map_init(|| vec![0; BUFFER_BYTES], hash).collect();
    let mut pieces = pieces?.into_iter();
    let mut all = NAME.to_vec();
    for length in lengths {
        all.extend(length.to_le_bytes());
        all.extend(starts(length).zip(pieces.by_ref()).flat_map(|(_, piece)| piece));
    }
    Some(XxHash3_128::oneshot(&all).to_be_bytes())
}

/// The hash of some bytes of a file, which must be there.
fn piece(path: &Path, (start, count): (u64, u64), buffer: &mut [u8]) -> Option<Key> {
    let mut file = File::open(path).ok()?;
    file.seek(SeekFrom::Start(start)).ok()?;
    let (mut hash, mut left) = (XxHash3_128::new(), count);
    while left > 0 {
        let next = &mut buffer[..left.min(BUFFER_BYTES as u64) as usize];
        file.read_exact(next).ok()?;
        hash.write(next);
        left -= next.len() as u64;
    }
    Some(hash.finish_128().to_be_bytes())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test ends with a panic")]
mod tests {
    use super::*;
    use idx::Role;
    use std::collections::HashSet;
    use std::fs;

    /// As Python's xxhash has it. A key that changes leaves all that is kept behind: then `NAME` must change, too.
    #[test]
    fn the_key_of_these_bytes_is_this() {
        let folder = tempfile::tempdir().unwrap();
        let bytes: Vec<u8> = (0..PIECE_BYTES + 70_000).map(|i| (i * i % 251) as u8).collect();
        let contents = [&bytes[..], b"labels", &bytes[9..999], b""];
        for (role, bytes) in Role::ALL.into_iter().zip(contents) {
            fs::write(folder.path().join(role.names()[0]), bytes).unwrap();
        }
        let key = of(&idx::find_all(folder.path()).unwrap()).unwrap();
        assert_eq!(crate::hash::hex(&key), "9935807108d1b07bcc5cf6be0445b575");
    }

    #[test]
    fn a_byte_anywhere_or_in_another_file_makes_another_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = |role: Role| folder.path().join(role.names()[0]);
        let piece = PIECE_BYTES as usize;
        let write = |role: Role, bytes: &[u8]| fs::write(path(role), bytes).unwrap();
        let contents = [vec![0; 2 * piece + 7], vec![0; 9], vec![0; piece], vec![]];
        Role::ALL.into_iter().zip(&contents).for_each(|(role, bytes)| write(role, bytes));
        let files = idx::find_all(folder.path()).unwrap();
        let first = of(&files).unwrap();
        let mut keys = HashSet::from([first]);
        let mut count = 1;
        let mut is_new = |what: &str| {
            count += 1;
            assert!(keys.insert(of(&files).unwrap()), "{what}: key number {count}");
        };
        for (role, bytes) in Role::ALL.into_iter().zip(&contents) {
            for at in [0, 8, piece - 1, piece, 2 * piece - 1, 2 * piece, 2 * piece + 6] {
                if at < bytes.len() {
                    let mut changed = bytes.clone();
                    changed[at] = 1;
                    write(role, &changed);
                    is_new("a byte");
                }
            }
            write(role, &[&bytes[..], &[0]].concat());
            is_new("a byte more");
            write(role, bytes);
        }
        // The same bytes in all, cut between two files elsewhere.
        write(Role::ALL[0], &contents[0][1..]);
        write(Role::ALL[1], &[0; 10]);
        is_new("another cut");
        write(Role::ALL[0], &contents[0]);
        write(Role::ALL[1], &contents[1]);
        assert_eq!(of(&files), Some(first));
        fs::remove_file(path(Role::ALL[3])).unwrap();
        assert_eq!(of(&files), None);
    }
}
