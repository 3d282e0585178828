//! gzip files: every way in which the frame or its content can be wrong.

mod common;

use common::{check, check_ok, file, framed, gzip, member, noise, small};
use flate2::Crc;
use idx::{ErrorKind, FaultClass, GzipFault, Hint};

const FTEXT: u8 = 1;
const FHCRC: u8 = 2;
const FEXTRA: u8 = 4;
const FNAME: u8 = 8;
const FCOMMENT: u8 = 16;

#[track_caller]
fn check_fault(bytes: &[u8], expected: GzipFault) {
    check(bytes, ErrorKind::Gzip(expected));
}

/// About 300 bytes compressed.
fn medium() -> Vec<u8> {
    file([0, 0, 8, 2], &[26, 10], &noise(260))
}

#[test]
fn whole_files() {
    check_ok(&gzip(&small()), &small());
    check_ok(&gzip(&medium()), &medium());
    let large = file([0, 0, 8, 1], &[3_000_000], &noise(3_000_000));
    check_ok(&gzip(&large), &large);
    let empty = file([0, 0, 8, 1], &[0], &[]);
    check_ok(&gzip(&empty), &empty);
}

/// More than the first allocation, and a read for nearly every doubling.
#[test]
fn payload_that_shrinks_a_thousandfold() {
    let zeros = file([0, 0, 8, 1], &[20_000_000], &vec![0; 20_000_000]);
    let bytes = gzip(&zeros);
    assert!(zeros.len() > 1000 * bytes.len());
    check_ok(&bytes, &zeros);
}

#[test]
fn all_header_fields() {
    let content = small();
    check_ok(&member(FTEXT, &[], &content), &content);
    check_ok(&member(FNAME, b"train\0", &content), &content);
    check_ok(&member(FCOMMENT, b"\0", &content), &content);
    check_ok(&member(FNAME | FCOMMENT, b"name\0comment\0", &content), &content);
    check_ok(&member(FEXTRA, &[3, 0, 1, 2, 3], &content), &content);
    check_ok(&member(FEXTRA | FNAME, &[0, 0, b'n', 0], &content), &content);
    let mut extra = vec![0xff; 2 + 65_535];
    extra.push(0);
    check_ok(&member(FEXTRA | FNAME, &extra, &content), &content);
}

#[test]
fn header_checksum() {
    let mut crc = Crc::new();
    crc.update(&member(FHCRC | FNAME, b"name\0", &small())[..15]);
    let [a, b, ..] = crc.sum().to_le_bytes();
    let fields = [b"name\0", &[a, b][..]].concat();
    check_ok(&member(FHCRC | FNAME, &fields, &small()), &small());

    let right = u16::from_le_bytes([a, b]);
    let fields = [b"name\0", &[a ^ 1, b][..]].concat();
    let expected = GzipFault::HeaderChecksum { expected: right ^ 1, found: right };
    check_fault(&member(FHCRC | FNAME, &fields, &small()), expected);

    // The second stream's header has a checksum of its own.
    let whole = member(FHCRC | FNAME, &[b"name\0", &[a, b][..]].concat(), &small()[..20]);
    let rest = member(FHCRC | FNAME, &[b"name\0", &[a, b][..]].concat(), &small()[20..]);
    check_ok(&[whole, rest].concat(), &small());
}

#[test]
fn header_faults() {
    let changed = |position: usize, byte: u8| {
        let mut bytes = gzip(&small());
        bytes[position] = byte;
        bytes
    };
    check_fault(&changed(2, 7), GzipFault::Method { found: 7 });
    for found in [0x20, 0x40, 0x80, 0xe1] {
        check_fault(&changed(3, found), GzipFault::ReservedFlags { found });
    }
    check_fault(&member(FEXTRA, &[0xff, 0xff, 0], &small()), GzipFault::Truncated);
}

#[test]
fn longest_name() {
    let name = |count: usize| [vec![b'n'; count], vec![0]].concat();
    check_ok(&member(FNAME, &name(65_535), &small()), &small());
    check_fault(&member(FNAME, &name(65_536), &small()), GzipFault::HeaderTooLong);
    check_fault(&member(FCOMMENT, &name(1 << 20), &small()), GzipFault::HeaderTooLong);
}

#[test]
fn every_cut() {
    for content in [small(), medium()] {
        let bytes = gzip(&content);
        for count in 0..2 {
            let found_bytes = count as u64;
            let expected = ErrorKind::TooShort { needed_bytes: 4, found_bytes };
            check(&bytes[..count], expected);
        }
        for count in 2..bytes.len() {
            check_fault(&bytes[..count], GzipFault::Truncated);
        }
    }
}

#[test]
fn every_flipped_bit() {
    let content = medium();
    let bytes = gzip(&content);
    let mut harmless = 0;
    for bit in 0..8 * bytes.len() {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        // The text flag; time, level and system, bytes 4 to 9.
        let is_free = bit == 24 || (32..80).contains(&bit);
        match idx::parse(&flipped) {
            Ok(idx) => {
                assert_eq!([idx.header_bytes(), idx.into_bytes()].concat(), content, "bit {bit}");
                harmless += 1;
            }
            Err(error) => assert!(!is_free, "bit {bit}: {error}"),
        }
    }
    // Besides the free ones, at most those that fill up the last byte of deflate.
    assert!((49..49 + 8).contains(&harmless), "{harmless}");
}

#[test]
fn checksum_and_length() {
    let bytes = gzip(&small());
    let end = bytes.len();
    let number =
        |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let mut wrong = bytes.clone();
    wrong[end - 8] ^= 1;
    let (expected, found) = (number(end - 8) ^ 1, number(end - 8));
    check_fault(&wrong, GzipFault::Checksum { expected, found });
    assert_eq!(idx::parse(&wrong).unwrap_err().class(), FaultClass::Checksum);

    let mut wrong = bytes.clone();
    wrong[end - 4] ^= 1;
    check_fault(&wrong, GzipFault::Length { expected_bytes: 41, found_bytes: 40 });
    assert_eq!(idx::parse(&wrong).unwrap_err().class(), FaultClass::Checksum);
}

/// Damage that makes matches longer, say: the end is near, and its checksum tells. What goes on for long is another file.
#[test]
fn a_damaged_stream_of_some_bytes_too_many() {
    for (extra, is_told) in [(1, true), (4_096, true), (4_097, false)] {
        let mut bytes = gzip(&[small(), vec![7; extra]].concat());
        let at = bytes.len() - 8;
        bytes[at] ^= 1;
        let error = idx::parse(&bytes).unwrap_err();
        let is_checksum = matches!(error, ErrorKind::Gzip(GzipFault::Checksum { .. }));
        assert_eq!(is_checksum, is_told, "{extra}: {error}");
        assert!(is_told || matches!(error, ErrorKind::TrailingData { extra_bytes: 1, .. }));
    }
}

#[test]
fn corrupt_deflate() {
    #[track_caller]
    fn corrupt(deflated: &[u8]) {
        check_fault(&framed(0, &[], &[deflated, &[0; 16]].concat(), b""), GzipFault::Corrupt);
    }
    // A block of type 3; a stored block whose length and its complement disagree.
    corrupt(&[0x07]);
    corrupt(&[0x01, 5, 0, 0, 0]);
    // A match before the first byte; four codes of one bit.
    corrupt(&[0x03, 0x02]);
    corrupt(&[0x05, 0x00, 0x92, 0x04]);
}

#[test]
fn garbage_after_the_stream() {
    let bytes = gzip(&small());
    for garbage in [&[0; 8][..], b"x", &[0x1f, 0x8c, 8, 0]] {
        check_fault(&[&bytes, garbage].concat(), GzipFault::TrailingData);
    }
    check_fault(&[&bytes, &[0x1f, 0x8b][..]].concat(), GzipFault::Truncated);
    check_fault(&[&bytes, &[0x1f][..]].concat(), GzipFault::Truncated);
}

#[test]
fn several_streams() {
    let content = small();
    for cut in 0..=content.len() {
        let (first, second) = content.split_at(cut);
        check_ok(&[gzip(first), gzip(second), gzip(b"")].concat(), &content);
    }
    let singles: Vec<u8> = content.iter().flat_map(|byte| gzip(&[*byte])).collect();
    check_ok(&singles, &content);

    let twice = [gzip(&content), gzip(&content)].concat();
    check(&twice, ErrorKind::TrailingData { expected_bytes: 24, extra_bytes: 1 });

    let mut broken = gzip(&content[20..]);
    let end = broken.len();
    broken[end - 1] ^= 1;
    let fault = GzipFault::Length { expected_bytes: 20 ^ 1 << 24, found_bytes: 20 };
    check_fault(&[gzip(&content[..20]), broken].concat(), fault);
}

#[test]
fn content_faults() {
    check(&gzip(b""), ErrorKind::TooShort { needed_bytes: 4, found_bytes: 0 });
    check(&gzip(&small()[..15]), ErrorKind::TooShort { needed_bytes: 16, found_bytes: 15 });
    let expected = ErrorKind::SizeMismatch { expected_bytes: 24, found_bytes: 23 };
    check(&gzip(&small()[..39]), expected);
    let expected = ErrorKind::TrailingData { expected_bytes: 24, extra_bytes: 1 };
    check(&gzip(&[small(), vec![0; 1000]].concat()), expected);
    let expected = ErrorKind::TrailingData { expected_bytes: 0, extra_bytes: 1 };
    check(&gzip(&file([0, 0, 8, 1], &[0], &[0])), expected);

    let found = [0x1f, 0x8b, 8, 0];
    check(&gzip(&gzip(&small())), ErrorKind::BadMagic { found, hint: Some(Hint::Gzip) });
    let expected = ErrorKind::BadMagic { found: *b"<htm", hint: Some(Hint::WebPage) };
    check(&gzip(b"<html>503</html>"), expected);
}

#[test]
fn declares_more_than_deflate_can_hold() {
    let content = |count: u32| file([0, 0, 8, 1], &[count], b"");
    let file_bytes = gzip(&content(0)).len() as u64;
    // The compressed size must be the same for every count.
    let framed = |count| framed(0, &[], &stored(&content(count)), &content(count));
    let file_bytes_framed = framed(0).len() as u64;
    assert!(file_bytes_framed >= file_bytes);
    let most = (1032 * file_bytes_framed - 8) as u32;
    let expected_bytes = u64::from(most);
    check(&framed(most), ErrorKind::SizeMismatch { expected_bytes, found_bytes: 0 });
    let declared_bytes = u64::from(most) + 1 + 8;
    let file_bytes = file_bytes_framed;
    check(&framed(most + 1), ErrorKind::ClaimTooLarge { declared_bytes, file_bytes });
}

/// One stored block of deflate.
fn stored(content: &[u8]) -> Vec<u8> {
    let length = content.len() as u16;
    [&[1][..], &length.to_le_bytes(), &(!length).to_le_bytes(), content].concat()
}
