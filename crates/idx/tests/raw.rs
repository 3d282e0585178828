//! Raw files: one hand-made broken input a fault.

mod common;

use common::{check, check_ok, file, small};
use idx::{ErrorKind, Hint};

const MAX: u32 = u32::MAX;

#[test]
fn whole_files() {
    check_ok(&small(), &small());
    for (code, size) in [(8, 1), (9, 1), (0x0b, 2), (0x0c, 4), (0x0d, 4), (0x0e, 8)] {
        let bytes = file([0, 0, code, 1], &[3], &vec![7; 3 * size]);
        check_ok(&bytes, &bytes);
    }
    let widest = file([0, 0, 8, 255], &[1; 255], &[9]);
    check_ok(&widest, &widest);
    let empty = file([0, 0, 8, 3], &[0, 28, 28], &[]);
    check_ok(&empty, &empty);
}

/// Also where the payload is many times the reader's buffer.
#[test]
fn large_files() {
    let bytes = file([0, 0, 8, 1], &[3_000_001], &common::noise(3_000_001));
    check_ok(&bytes, &bytes);
}

#[test]
fn shorter_than_the_magic_number() {
    for count in 0..4 {
        let found_bytes = count as u64;
        check(&[0, 0, 8, 1][..count], ErrorKind::TooShort { needed_bytes: 4, found_bytes });
    }
}

#[test]
fn cut_in_the_dimensions() {
    for count in 4..16 {
        let expected = ErrorKind::TooShort { needed_bytes: 16, found_bytes: count as u64 };
        check(&small()[..count], expected);
    }
    let expected = ErrorKind::TooShort { needed_bytes: 1024, found_bytes: 9 };
    check(&file([0, 0, 8, 255], &[1], &[0]), expected);
}

#[test]
fn cut_in_the_payload() {
    for count in 16..40 {
        let found_bytes = count as u64 - 16;
        let expected = ErrorKind::SizeMismatch { expected_bytes: 24, found_bytes };
        check(&small()[..count], expected);
    }
}

#[test]
fn trailing_bytes() {
    for extra in [1, 1_000_000] {
        let bytes = [small(), vec![0; extra]].concat();
        let extra_bytes = extra as u64;
        check(&bytes, ErrorKind::TrailingData { expected_bytes: 24, extra_bytes });
    }
    let bytes = file([0, 0, 8, 2], &[0, 5], &[1]);
    check(&bytes, ErrorKind::TrailingData { expected_bytes: 0, extra_bytes: 1 });
}

#[test]
fn other_formats() {
    #[track_caller]
    fn magic(found: [u8; 4], hint: Option<Hint>) {
        check(&file(found, &[1], &[0]), ErrorKind::BadMagic { found, hint });
        check(&found, ErrorKind::BadMagic { found, hint });
    }
    magic([1, 0, 8, 1], None);
    magic([0, 1, 8, 1], None);
    magic([0x1f, 0x8c, 8, 0], None);
    magic([3, 8, 0, 0], Some(Hint::ByteSwapped));
    magic(*b"<!DO", Some(Hint::WebPage));
    magic(*b"PK\x03\x04", Some(Hint::Zip));
    magic([0x78, 0x9c, 0x63, 0x60], Some(Hint::Zlib));
    magic(*b"\xfd7zX", Some(Hint::Xz));
    magic(*b"BZh9", Some(Hint::Bzip2));
    magic(*b"\x28\xb5\x2f\xfd", Some(Hint::Zstd));
    magic(*b"\x89PNG", Some(Hint::Png));
}

#[test]
fn unknown_types() {
    for code in (0..=255).filter(|code| ![8, 9, 0x0b, 0x0c, 0x0d, 0x0e].contains(code)) {
        check(&file([0, 0, code, 1], &[1], &[0; 8]), ErrorKind::UnknownType { code });
    }
}

#[test]
fn no_dimensions() {
    check(&file([0, 0, 8, 0], &[], &[0]), ErrorKind::BadRank { expected: 1..=255, found: 0 });
}

#[test]
fn more_declared_than_there_is() {
    let expected_bytes = u64::from(MAX) * 784;
    let bytes = file([0, 0, 8, 3], &[MAX, 28, 28], &[0; 784]);
    check(&bytes, ErrorKind::SizeMismatch { expected_bytes, found_bytes: 784 });
}

#[cfg(target_pointer_width = "64")]
#[test]
fn products_that_wrap_on_32_bits_only() {
    let expected = ErrorKind::SizeMismatch { expected_bytes: 1 << 32, found_bytes: 0 };
    check(&file([0, 0, 8, 3], &[65_536, 65_536, 1], &[]), expected);
}

/// Each of these wraps to a payload that is there, modulo 2^64 or where a zero hides the rest.
#[test]
fn products_that_wrap() {
    #[track_caller]
    fn wraps(code: u8, dims: &[u32], payload_bytes: usize) {
        let bytes = file([0, 0, code, dims.len() as u8], dims, &vec![0; payload_bytes]);
        let dims = dims.iter().map(|&dim| dim as usize).collect();
        check(&bytes, ErrorKind::DimOverflow { dims });
    }
    wraps(8, &[1 << 31, 1 << 31, 4], 0);
    wraps(8, &[1 << 31, 1 << 31, 2], 0);
    wraps(0x0e, &[1 << 31, 1 << 30], 0);
    wraps(8, &[MAX, MAX, MAX], 0);
    wraps(8, &[21_398, 289_529, 2_977_518_503], 10);
    wraps(8, &[30_512, 310_613, 1_946_388_001], 240);
    wraps(8, &[0, MAX, MAX, MAX], 0);
    wraps(8, &[MAX, MAX, MAX, 0], 0);
    wraps(8, &[MAX; 255], 0);
}

#[test]
fn every_cut_is_an_error() {
    for count in 0..small().len() {
        assert!(idx::parse(&small()[..count]).is_err(), "{count} bytes");
    }
}
