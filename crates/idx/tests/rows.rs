//! Bad files by the rows of docs/reliability.md: each is one typed fault, told in one line that names the
//! file, within a second, and within memory that follows the file's size and not what its header says.
//!
//! One test alone in this binary, since its allocator counts what every thread allocates.

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::{file, framed, gzip, member, noise, put, small};
use idx::{ErrorKind, FaultClass, GzipFault, Hint};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;
const MAX: u32 = u32::MAX;

/// The row's name, what is special, the file, the fault, and what its line says.
type Row = (&'static str, String, Vec<u8>, fn(&ErrorKind) -> bool, &'static str);

fn row(
    name: &'static str,
    what: impl ToString,
    bytes: impl Into<Vec<u8>>,
    fault: fn(&ErrorKind) -> bool,
    part: &'static str,
) -> Row {
    (name, what.to_string(), bytes.into(), fault, part)
}

/// A file of one byte an element.
fn u8s(dims: &[u32], payload: &[u8]) -> Vec<u8> {
    file([0, 0, 8, dims.len() as u8], dims, payload)
}

fn headers() -> Vec<Row> {
    let too_short = |k: &ErrorKind| matches!(k, ErrorKind::TooShort { needed_bytes: 4, .. });
    let magic = |k: &ErrorKind| matches!(k, ErrorKind::BadMagic { hint: None, .. });
    let unknown = |k: &ErrorKind| matches!(k, ErrorKind::UnknownType { .. });
    let overflow = |k: &ErrorKind| matches!(k, ErrorKind::DimOverflow { .. });
    let size = |k: &ErrorKind| matches!(k, ErrorKind::SizeMismatch { .. });
    let mut rows = vec![row("I01", "empty", b"", too_short, "empty file")];
    for n in 1..4 {
        rows.push(row("I02", n, &small()[..n], too_short, "ends within the header"));
    }
    rows.extend([
        row("I03", "1", file([1, 0, 8, 1], &[1], &[0]), magic, "starts 01 00 08 01, not 00 00"),
        row("I03", "255", file([255, 0, 8, 1], &[1], &[0]), magic, "not an IDX file"),
        row("I04", "1", file([0, 1, 8, 1], &[1], &[0]), magic, "starts 00 01 08 01, not 00 00"),
        row(
            "I05",
            "little-endian",
            file([3, 8, 0, 0], &[1], &[0]),
            |k| matches!(k, ErrorKind::BadMagic { hint: Some(Hint::ByteSwapped), .. }),
            "little-endian",
        ),
    ]);
    for code in [0, 1, 7, 0x0a, 0x0f, 0x80, 0xff] {
        let bytes = file([0, 0, code, 1], &[1], &[0; 8]);
        rows.push(row("I06", code, bytes, unknown, "unknown element type"));
    }
    rows.extend([
        row(
            "I08",
            "no dimensions",
            file([0, 0, 8, 0], &[], &[0]),
            |k| matches!(k, ErrorKind::BadRank { found: 0, .. }),
            "0 dimensions, expected 1 to 255",
        ),
        row(
            "I10",
            "rank 255 in 9 bytes",
            file([0, 0, 8, 255], &[1], &[0]),
            |k| matches!(k, ErrorKind::TooShort { needed_bytes: 1024, found_bytes: 9 }),
            "the header needs 1024",
        ),
        row("I14", "2^32-1 images", u8s(&[MAX, 28, 28], &[0; 784]), size, "cut short"),
        row("I16", "1 more", [small(), vec![0]].concat(), trailing, "at least 1 byte follows"),
        row("I16", "1 MB more", [small(), vec![0; 1_000_000]].concat(), trailing, "1000000"),
        row("I17", "header only", &small()[..16], size, "need 24 bytes of payload, found 0"),
        row("I18", "2^64", u8s(&[1 << 31, 1 << 31, 4], &[]), overflow, "2147483648 x 2147483648"),
        row("I18", "2^63", u8s(&[1 << 31, 1 << 31, 2], &[]), overflow, "than can be addressed"),
        row("I19", "largest", u8s(&[MAX; 3], &[]), overflow, "4294967295 x 4294967295"),
        row("I19", "largest 255 times", u8s(&[MAX; 255], &[]), overflow, "more than can be"),
        row("I20", "10", u8s(&[21_398, 289_529, 2_977_518_503], &[7; 10]), overflow, "2977518503"),
        row("I20", "240", u8s(&[30_512, 310_613, 1_946_388_001], &[7; 240]), overflow, "more than"),
        row("I20", "a zero", u8s(&[0, MAX, MAX, MAX], &[]), overflow, "more than can be addressed"),
        row("I20", "f64", file([0, 0, 14, 2], &[1 << 31, 1 << 30], &[]), overflow, "more than"),
    ]);
    for n in 4..16 {
        let fault: fn(&ErrorKind) -> bool =
            |k| matches!(k, ErrorKind::TooShort { needed_bytes: 16, .. });
        rows.push(row("I11", n, &small()[..n], fault, "the header needs 16"));
    }
    for n in [16, 17, 39] {
        rows.push(row("I15", n, &small()[..n], size, "was the file cut short?"));
    }
    if cfg!(target_pointer_width = "64") {
        rows.push(row("I21", "2^32", u8s(&[65_536, 65_536, 1], &[]), size, "need 4294967296"));
    }
    rows
}

fn trailing(kind: &ErrorKind) -> bool {
    matches!(kind, ErrorKind::TrailingData { expected_bytes: 24, .. })
}

fn gzips() -> Vec<Row> {
    let truncated = |k: &ErrorKind| matches!(k, ErrorKind::Gzip(GzipFault::Truncated));
    let corrupt = |k: &ErrorKind| matches!(k, ErrorKind::Gzip(GzipFault::Corrupt));
    let checksum = |k: &ErrorKind| matches!(k, ErrorKind::Gzip(GzipFault::Checksum { .. }));
    let length = |k: &ErrorKind| matches!(k, ErrorKind::Gzip(GzipFault::Length { .. }));
    let garbage = |k: &ErrorKind| matches!(k, ErrorKind::Gzip(GzipFault::TrailingData));
    let too_long = |k: &ErrorKind| matches!(k, ErrorKind::Gzip(GzipFault::HeaderTooLong));
    let whole = gzip(&small());
    let end = whole.len();
    let with = |at: usize, byte: u8| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    };
    let flipped = |at: usize| with(at, whole[at] ^ 1);
    let mut rows = vec![
        row(
            "G01",
            "1 byte",
            [0x1f],
            |k| matches!(k, ErrorKind::TooShort { found_bytes: 1, .. }),
            "1 bytes",
        ),
        row("G01", "9 bytes", &whole[..9], truncated, "cut short"),
        row("G02", "1f 8c", with(1, 0x8c), |k| matches!(k, ErrorKind::BadMagic { .. }), "1f 8c"),
        row("G05", "extra", member(4, &[0xff, 0xff, 1], &small()), truncated, "cut short"),
        row("G06", "name", member(8, &vec![b'n'; MIB], &small()), too_long, "does not end within"),
        row("G06", "comment", member(16, &vec![b'n'; 65_536], &small()), too_long, "65535 bytes"),
        row(
            "G07",
            "header checksum",
            member(2, &[0, 0], &small()),
            |k| matches!(k, ErrorKind::Gzip(GzipFault::HeaderChecksum { expected: 0, .. })),
            "header checksum 0000 in the file",
        ),
        row("G09", "checksum", flipped(end - 8), checksum, "checksum"),
        row("G09", "checksum", flipped(end - 5), checksum, "get the file again"),
        row("G09", "length", flipped(end - 4), length, "length 41 bytes in the file, 40 found"),
        row("G09", "length", flipped(end - 1), length, "length"),
        row("G12", "twice", [&whole[..], &whole].concat(), trailing, "follows the payload"),
        row("G13", "47 MB of zeros", gzip(&[small(), vec![0; 47 * MIB]].concat()), trailing, "24"),
        row(
            "G13",
            "claims 1,033 times its size",
            gzip(&u8s(&[1 << 20], &[])),
            |k| matches!(k, ErrorKind::ClaimTooLarge { declared_bytes: 1_048_584, .. }),
            "declares 1048584 bytes, more than",
        ),
    ];
    for found in [0, 7, 9, 255] {
        let fault: fn(&ErrorKind) -> bool =
            |k| matches!(k, ErrorKind::Gzip(GzipFault::Method { .. }));
        rows.push(row("G03", found, with(2, found), fault, "expected 8 (deflate)"));
    }
    for found in [0x20, 0x40, 0x80, 0xe0] {
        let fault: fn(&ErrorKind) -> bool =
            |k| matches!(k, ErrorKind::Gzip(GzipFault::ReservedFlags { .. }));
        rows.push(row("G04", found, with(3, found), fault, "upper three bits"));
    }
    // A block of type 3, a wrong complement, a match before the first byte, four codes of one bit.
    for deflated in [&[7][..], &[1, 5, 0, 0, 0], &[3, 2], &[5, 0, 0x92, 4]] {
        let bytes = framed(0, &[], &[deflated, &[0; 16]].concat(), b"");
        rows.push(row("G10", format!("{deflated:x?}"), bytes, corrupt, "corrupt"));
    }
    for garbage_bytes in [&[0][..], &[0; 512], b"more"] {
        let bytes = [&whole[..], garbage_bytes].concat();
        rows.push(row("G11", garbage_bytes.len(), bytes, garbage, "not gzip follows"));
    }
    rows
}

fn other_formats() -> Vec<Row> {
    macro_rules! is {
        ($name:literal, $bytes:expr, $hint:ident, $part:literal) => {
            row(
                $name,
                stringify!($hint),
                &$bytes[..],
                |k| matches!(k, ErrorKind::BadMagic { hint: Some(Hint::$hint), .. }),
                $part,
            )
        };
    }
    vec![
        is!("G14", gzip(&gzip(&small())), Gzip, "gzip inside gzip; decompress it once"),
        is!("G15", [0x78, 0x9c, 0x63, 0x60, 0], Zlib, "a bare zlib stream"),
        is!("G15", b"PK\x03\x04\x14\0", Zip, "a zip archive; extract it first"),
        is!("G15", b"\xfd7zXZ\0", Xz, "xz-compressed"),
        is!("G15", b"BZh91AY", Bzip2, "bzip2-compressed"),
        is!("G15", b"\x28\xb5\x2f\xfd\0", Zstd, "zstd-compressed"),
        is!("G16", b"<!DOCTYPE html><title>503</title>", WebPage, "a web page was saved"),
        is!("G16", b"\n <html>", WebPage, "download it again"),
        is!("G16", gzip(b"<html>404</html>"), WebPage, "a web page was saved"),
        is!("G16", b"version https://git-lfs", GitLfsPointer, "git lfs pull"),
    ]
}

/// Reads a file; returns its fault, the most that was allocated meanwhile, and the time it took.
fn measured(path: &Path) -> (idx::Error, usize, Duration) {
    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    let start = Instant::now();
    let error = idx::read(path).expect_err("read");
    (error, ALLOCATED.peak_usage() - before, start.elapsed())
}

#[test]
fn every_row_is_one_typed_fault_in_bounded_memory_and_time() {
    let folder = tempfile::tempdir().unwrap();
    let rows: Vec<Row> = [headers(), gzips(), other_formats()].concat();
    let noisy = gzip(&u8s(&[1000 * MIB as u32], &noise(MIB)));
    let claims: fn(&ErrorKind) -> bool = |k| matches!(k, ErrorKind::SizeMismatch { .. });
    let noisy = row("G13", "1 MiB of noise that claims 1,000", noisy, claims, "cut short");
    let mut peak_of_all = 0;
    for (name, what, bytes, fault, part) in rows.iter().chain([&noisy]) {
        let path = put(folder.path(), "bad\n\u{1b}[31mname", bytes);
        let (error, peak, took) = measured(&path);
        let name = format!("{name}, {what}");
        assert!(fault(&error.kind), "{name}: {:?}", error.kind);
        let line = error.to_string();
        assert!(line.contains(r"bad\n\u{1b}[31mname: ") && line.contains(part), "{name}: {line}");
        assert!(!line.chars().any(char::is_control), "{name}: {line:?}");
        // What a gzip file is trusted with is eight times its size.
        let is_gzip = bytes.starts_with(&[0x1f, 0x8b]);
        let most = if is_gzip { 8 * bytes.len() } else { bytes.len() } + MIB;
        assert!(peak <= most, "{name}: {peak} bytes allocated for a file of {}", bytes.len());
        assert!(took < Duration::from_secs(1), "{name}: {took:?}");
        let is_checksum = name.starts_with("G09") || name.starts_with("G07");
        let class = if is_checksum { FaultClass::Checksum } else { FaultClass::Content };
        assert_eq!(error.class(), class, "{name}");
        peak_of_all = peak_of_all.max(peak);
    }
    let names: std::collections::BTreeSet<_> = rows.iter().map(|row| row.0).collect();
    println!("{} files of {} rows, at most {peak_of_all} bytes", rows.len() + 1, names.len());
    assert!(rows.len() >= 75 && names.len() >= 28, "{} of {names:?}", rows.len());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "a file left behind");
}
