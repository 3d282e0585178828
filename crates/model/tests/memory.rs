//! What a hostile model file, checkpoint or data set can make its reader allocate: some times the file's size, and
//! never what its header says. Alone in this binary, since its allocator counts what every thread takes.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use model::{CacheUse, Checkpoint, DataSets, Model};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// Reads a file as both, and is refused; the most bytes that were allocated meanwhile.
fn peak(path: &Path) -> usize {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    assert!(Model::read(path).is_err() && Checkpoint::read(path).is_err());
    ALLOCATED.peak_usage() - before
}

#[test]
fn allocations_follow_the_files_size() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let header = |text: &str| [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat();
    let tensor = |shape: &str, end: &str| {
        let tensor = r#""weights":{"dtype":"F32","shape":SHAPE,"data_offsets":[0,END]}"#;
        header(&format!("{{{}}}", tensor.replace("SHAPE", shape).replace("END", end)))
    };
    for (what, bytes) in [
        ("a header of 2^63 bytes", (1u64 << 63).to_le_bytes().to_vec()),
        ("a header of 16 MB", (16u64 << 20).to_le_bytes().to_vec()),
        ("a tensor of 4 TB", tensor("[1099511627776]", "4398046511104")),
        ("a tensor of 2^64 bytes", tensor("[4611686018427387904]", "18446744073709551615")),
        ("a tensor of no bytes and many rows", tensor("[4611686018427387904,0]", "0")),
        ("a million brackets", header(&"[".repeat(1_000_000))),
        ("a key of a megabyte", header(&format!("{{\"{}\":0}}", "k".repeat(1_000_000)))),
        ("many keys", header(&format!("{{{}\"z\":0}}", r#""a":{},"#.repeat(20_000)))),
    ] {
        fs::write(&path, &bytes).unwrap();
        let found = peak(&path);
        assert!(found <= 4 * bytes.len() + MIB, "{what}: {found} bytes for {}", bytes.len());
    }
    // Sparse files of 2 and 8 GiB: larger than any model, and than any checkpoint.
    for n_bytes in [(1 << 31) + 8, 1 << 33] {
        fs::write(&path, tensor("[4]", "16")).unwrap();
        OpenOptions::new().write(true).open(&path).unwrap().set_len(n_bytes).unwrap();
        let found = peak(&path);
        assert!(found <= MIB, "{found} bytes for a sparse file of {n_bytes}");
    }
    kept_data_sets();
    claimed_images();
}

/// A million images behind the header of a compressed file that has some ten thousand: room is made for what
/// MNIST needs, and no more before there are images.
fn claimed_images() {
    let folder = tempfile::tempdir().unwrap();
    let (data, n) = (folder.path(), 1_000_000);
    let file = |dims: &[u32], payload: &[u8]| {
        let header = [&[0, 0, 8, dims.len() as u8][..], payload].concat();
        let dims: Vec<u8> = dims.iter().flat_map(|dim| dim.to_be_bytes()).collect();
        [&header[..4], &dims, &header[4..]].concat()
    };
    // Noise, so that the file is large enough for the claim to be possible.
    let mut state = 1u32;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        (state >> 24) as u8
    });
    let noise: Vec<u8> = noise.take(10_000 * 784).collect();
    for (name, bytes) in [
        ("train-images-idx3-ubyte.gz", file(&[n, 28, 28], &noise)),
        ("train-labels-idx1-ubyte.gz", file(&[n], &vec![3; n as usize])),
        ("t10k-images-idx3-ubyte.gz", file(&[1, 28, 28], &noise[..784])),
        ("t10k-labels-idx1-ubyte.gz", file(&[1], &[3])),
    ] {
        let mut gzip = GzEncoder::new(fs::File::create(data.join(name)).unwrap(), Level::fast());
        gzip.write_all(&bytes).unwrap();
        gzip.finish().unwrap();
    }
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let error = DataSets::read(data, 10).unwrap_err().to_string();
    assert!(error.contains("train-images-idx3-ubyte.gz"), "{error}");
    // 64 MiB for blocks, twice the labels as numbers, and 128 pieces of 128 KiB on their way.
    let found = ALLOCATED.peak_usage() - before;
    assert!(found <= (64 + 8 + 16 + 4) * MIB, "{found} bytes for {n} images that are not there");
}

/// Headers of a cache's file that claim more than there is, behind checksums that fit.
fn kept_data_sets() {
    let folder = tempfile::tempdir().unwrap();
    let (data, cache) = (folder.path(), folder.path().join("cache"));
    for (name, idx) in [
        ("train-images-idx3-ubyte", idx::Idx::from_u8(vec![4, 2, 2], (0..16).collect())),
        ("train-labels-idx1-ubyte", idx::Idx::from_u8(vec![4], vec![0, 1, 2, 3])),
        ("t10k-images-idx3-ubyte", idx::Idx::from_u8(vec![1, 2, 2], vec![1, 2, 3, 4])),
        ("t10k-labels-idx1-ubyte", idx::Idx::from_u8(vec![1], vec![3])),
    ] {
        idx::write(data.join(name), &idx.unwrap(), idx::Compression::None).unwrap();
    }
    let read = || DataSets::read_cached(data, 10, &cache).unwrap().1;
    assert!(matches!(read(), CacheUse::Kept));
    let path = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let bytes = fs::read(&path).unwrap();
    // Images, features, height, width, values of the first set, then of the second; six pieces have sums, and the
    // header's own is its last number.
    let numbers = |sets: [[u32; 5]; 2]| {
        sets.as_flattened().iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>()
    };
    let (own, sums) = (64..104, 128..132);
    assert_eq!(bytes[own.clone()], numbers([[4, 4, 2, 2, 4], [1, 4, 2, 2, 1]]), "the form");
    assert_eq!(bytes[sums.clone()], crc32fast::hash(&bytes[..128]).to_le_bytes(), "the form");
    for claimed in [
        [[u32::MAX, 4, 2, 2, 3], [1, 4, 2, 2, 1]],
        [[4, 4, 2, 2, u32::MAX], [1, 4, 2, 2, 1]],
        [[4, 4, 2, 2, 4], [u32::MAX, 4, 2, 2, u32::MAX]],
        [[9, 524_280, 1, 524_280, 9], [1, 524_280, 1, 524_280, 1]],
    ] {
        for n_bytes in [bytes.len() as u64, 1 << 29, 1 << 40] {
            let mut hostile = bytes.clone();
            hostile[own.clone()].copy_from_slice(&numbers(claimed));
            let sum = crc32fast::hash(&hostile[..128]).to_le_bytes();
            hostile[sums.clone()].copy_from_slice(&sum);
            fs::write(&path, &hostile).unwrap();
            OpenOptions::new().write(true).open(&path).unwrap().set_len(n_bytes).unwrap();
            let before = ALLOCATED.current_usage();
            ALLOCATED.reset_peak_usage();
            assert!(matches!(read(), CacheUse::Kept), "{claimed:?}");
            // The layout of the largest images, and the file that is made anew.
            let found = ALLOCATED.peak_usage() - before;
            assert!(found <= 4 * MIB, "{found} bytes for {claimed:?} in {n_bytes}");
        }
    }
}
