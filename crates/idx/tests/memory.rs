//! What a hostile header can make the reader allocate.
//!
//! Counted by the allocator, so that what is allocated and never touched counts too; alone in this file,
//! since a neighbour's allocations would count as well.

mod common;

use std::path::Path;

use common::{file, gzip, noise, put};
use idx::{ErrorKind, read};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MIB: u64 = 1 << 20;

/// Reads a file; returns the result and the most bytes that were allocated meanwhile.
fn measured(path: &Path) -> (Result<idx::Idx, ErrorKind>, u64) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let result = read(path).map_err(|error| error.kind);
    (result, (ALLOCATED.peak_usage() - before) as u64)
}

/// Reads a file that is refused within so many bytes.
#[track_caller]
fn refused(path: &Path, most_bytes: u64) -> ErrorKind {
    let (result, peak) = measured(path);
    assert!(peak <= most_bytes, "{peak} bytes, {most_bytes} allowed");
    result.expect_err("read")
}

#[test]
fn allocations_follow_the_bytes_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, bytes: &[u8]| put(folder.path(), name, bytes);

    // A kilobyte of one megabyte of zeros, ten thousand times: 10 GiB behind a small header.
    let mut bomb = gzip(&file([0, 0, 8, 3], &[1, 28, 28], &[0; 700]));
    let zeros = gzip(&vec![0; MIB as usize]);
    (0..10_240).for_each(|_| bomb.extend(&zeros));
    let bomb = path("bomb", &bomb);

    let claim = path("claim", &file([0, 0, 8, 3], &[u32::MAX, 28, 28], &[0; 784]));
    let sparse = path("sparse", &file([0, 0, 8, 1], &[24], &[0; 24]));
    std::fs::OpenOptions::new().write(true).open(&sparse).unwrap().set_len(8 << 30).unwrap();

    // As much as a file of this size could hold if it were all zeros, but it is not.
    let noisy = gzip(&file([0, 0, 8, 1], &[1_000 * MIB as u32], &noise(MIB as usize)));
    assert!(noisy.len() as u64 >= MIB);
    let noisy = path("noisy", &noisy);

    let error = refused(&bomb, MIB);
    assert!(matches!(error, ErrorKind::TrailingData { expected_bytes: 784, extra_bytes: 1 }));
    assert!(matches!(refused(&claim, MIB), ErrorKind::SizeMismatch { .. }));
    assert!(matches!(refused(&sparse, MIB), ErrorKind::TrailingData { .. }));
    // Eight times the file's size is all that its header is trusted with.
    assert!(matches!(refused(&noisy, 9 * MIB), ErrorKind::SizeMismatch { .. }));

    // 26 bytes whose dimensions multiply to 1.8e19, which is 10 modulo 2^64.
    let dims = [21_398, 289_529, 2_977_518_503];
    let tiny = path("tiny", &file([0, 0, 8, 3], &dims, &[7; 10]));
    assert_eq!(std::fs::metadata(&tiny).unwrap().len(), 26);
    assert!(matches!(refused(&tiny, MIB / 2), ErrorKind::DimOverflow { .. }));

    // The header of MNIST's training images, and one stream that goes on for 10 GiB behind it. The honest
    // file needs its payload.
    let (needed, header) = (47_040_000, file([0, 0, 8, 3], &[60_000, 28, 28], &[]));
    let endless = path("endless", &endless(&header));
    let (error, peak) = measured(&endless);
    let expected = ErrorKind::TrailingData { expected_bytes: needed, extra_bytes: 1 };
    assert_eq!(format!("{:?}", error.unwrap_err()), format!("{expected:?}"));
    println!("10 GiB behind a header of {needed} bytes: {peak} bytes");
    assert!(peak < needed + 16 * MIB, "{peak} bytes, {needed} needed");
}

/// One gzip stream of this content and 10 GiB of zeros: a fully flushed mebibyte of zeros depends on
/// nothing before it, so its thousand bytes can stand there ten thousand times.
fn endless(header: &[u8]) -> Vec<u8> {
    use flate2::{Compress, Compression, FlushCompress};
    let mut deflate = Compress::new(Compression::fast(), false);
    let mut packed = |content: &[u8]| {
        let mut out = Vec::with_capacity(content.len() + 1024);
        deflate.compress_vec(content, &mut out, FlushCompress::Full).expect("compresses");
        out
    };
    let (start, _) = (packed(header), packed(&vec![0; MIB as usize]));
    let zeros = packed(&vec![0; MIB as usize]);
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    bytes.extend(start);
    (0..10_240).for_each(|_| bytes.extend(&zeros));
    bytes
}
