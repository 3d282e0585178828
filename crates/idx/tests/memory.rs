//! What a hostile header can make the reader allocate.
//!
//! Measured as the process's peak of address space, which counts what is allocated and never
//! touched; alone in this file, since a neighbour's allocations would count as well.
#![cfg(target_os = "linux")]

mod common;

use common::{file, gzip, noise, put};
use idx::{ErrorKind, read};

const MIB: u64 = 1 << 20;

/// The highest size of the address space so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("Linux has it");
    kib.parse::<u64>().expect("a number") * 1024
}

#[test]
fn allocations_follow_the_bytes_that_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name, bytes: &[u8]| put(folder.path(), name, bytes);

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

    // The first read pays for buffers that stay.
    assert!(read(path("small", &gzip(&common::small()))).is_ok());

    let before = peak();
    let error = read(bomb).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TrailingData { expected_bytes: 784, extra_bytes: 1 }));
    assert!(matches!(read(claim).unwrap_err().kind, ErrorKind::SizeMismatch { .. }));
    assert!(matches!(read(sparse).unwrap_err().kind, ErrorKind::TrailingData { .. }));
    assert!(peak() - before < 2 * MIB, "{} bytes more", peak() - before);

    let before = peak();
    assert!(matches!(read(noisy).unwrap_err().kind, ErrorKind::SizeMismatch { .. }));
    assert!(peak() - before < 10 * MIB, "{} bytes more", peak() - before);
}
