//! Pieces of a file, joined, are the file; what makes a file wrong is found whatever the pieces are.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::fs;
use std::path::Path;

use idx::{Compression, Error, ErrorKind, Idx, Reader};

/// Reads a file in pieces of `most_bytes`, into buffers of `room` bytes; returns the bytes of all.
fn in_pieces(path: &Path, most_bytes: usize, room: usize) -> Result<Vec<u8>, Error> {
    let mut reader = Reader::open(path)?;
    let mut bytes = Vec::new();
    loop {
        let piece = reader.piece_in(vec![0xaa; room], most_bytes)?;
        if piece.is_empty() {
            assert!(reader.piece(most_bytes)?.is_empty(), "the end is the end");
            return Ok(bytes);
        }
        assert!(piece.len() <= most_bytes);
        bytes.extend(piece);
    }
}

fn files(folder: &Path) -> [(std::path::PathBuf, Idx); 2] {
    let idx = Idx::from_u8(vec![20, 3, 7], (0..420).map(|i| (i % 251) as u8).collect()).unwrap();
    [("raw", Compression::None), ("gz", Compression::Gzip)].map(|(name, compression)| {
        let path = folder.join(name);
        idx::write(&path, &idx, compression).unwrap();
        (path, idx.clone())
    })
}

#[test]
fn pieces_of_any_size_are_the_file() {
    let folder = tempfile::tempdir().unwrap();
    for (path, idx) in files(folder.path()) {
        for most_bytes in [1, 2, 20, 21, 419, 420, 421, usize::MAX] {
            for room in [0, 20, 1000] {
                let pieces = in_pieces(&path, most_bytes, room).unwrap();
                assert_eq!(pieces, idx.payload(), "{most_bytes} {room}");
            }
        }
        let reader = Reader::open(&path).unwrap();
        assert_eq!(reader.is_gzip(), path.ends_with("gz"));
        assert_eq!(reader.header_bytes(), idx.header_bytes());
        assert_eq!((reader.dims(), reader.element_type()), (idx.dims(), idx.element_type()));
        assert_eq!(reader.read_all().unwrap(), idx);
    }
}

/// With every length, and with every byte changed: the same error, or the same bytes, as in one piece.
#[test]
fn wrong_files_are_refused_as_in_one_piece() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut refused) = (folder.path().join("wrong"), 0);
    for (good, _) in files(folder.path()) {
        let good = fs::read(good).unwrap();
        let cuts = (0..good.len()).map(|len| good[..len].to_vec());
        let longer = [[&good[..], &[0]].concat()];
        let changed = (0..good.len()).step_by(3).map(|at| {
            let mut bytes = good.clone();
            bytes[at] ^= 0x55;
            bytes
        });
        for bytes in cuts.chain(longer).chain(changed) {
            fs::write(&path, &bytes).unwrap();
            let whole = idx::read(&path).map(Idx::into_bytes).map_err(|error| error.to_string());
            for (most_bytes, room) in [(100, 0), (100, 150), (420, 0), (420, 1000)] {
                let pieces = in_pieces(&path, most_bytes, room);
                let pieces = pieces.map_err(|error| error.to_string());
                assert_eq!(pieces, whole, "{most_bytes}");
            }
            refused += usize::from(whole.is_err());
        }
    }
    assert!(refused > 300, "{refused} refused");
}

/// Who asks again after an error is not told of an end.
#[test]
fn a_file_that_is_too_long_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.gz");
    for extra in [1, 2, 5_000, 100_000] {
        let bytes = [&[0, 0, 8, 1, 0, 0, 0, 3][..], &vec![7; 3 + extra]].concat();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut gzip, &bytes).unwrap();
        fs::write(&path, gzip.finish().unwrap()).unwrap();
        let mut reader = Reader::open(&path).unwrap();
        for _ in 0..3 {
            let error = reader.piece(9).unwrap_err();
            assert!(matches!(error.kind, ErrorKind::TrailingData { .. }), "{extra}: {error}");
        }
    }
}
