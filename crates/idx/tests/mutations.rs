//! Every byte changed, every length cut, bytes put in, taken out and doubled: each result is a typed error
//! or exactly what the twenty lines of `fuzz/src/idx.rs` say the bytes mean. Changed pixels are a legal
//! file; a changed header that is taken must mean what it says; what gzip takes, flate2 takes too.
//!
//! The corpus of the fuzz targets is replayed here as well.

mod common;

use common::{file, gzip, member, noise, small};

#[allow(dead_code, reason = "its reference is used by a copy of its own")]
#[path = "../../../fuzz/src/gzip_idx.rs"]
mod gzip_idx;
#[allow(clippy::duplicate_mod, reason = "every target is a file of its own")]
#[path = "../../../fuzz/src/idx.rs"]
mod raw_idx;

/// How many inputs there were, and how many of them were files.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    inputs: usize,
    taken: usize,
}

/// Changes every byte to each of `values`, cuts every length, and puts in, takes out and doubles bytes.
fn mutate(
    valid: &[u8],
    values: impl Fn(u8) -> Vec<u8>,
    check: impl Fn(&[u8]) -> bool,
    count: &mut Count,
) {
    let mut one = |bytes: &[u8]| {
        count.inputs += 1;
        count.taken += usize::from(check(bytes));
    };
    for (at, &byte) in valid.iter().enumerate() {
        let mut changed = valid.to_vec();
        for value in values(byte) {
            changed[at] = value;
            one(&changed);
        }
        one(&valid[..at]);
        one(&[&valid[..at], &valid[at + 1..]].concat());
        one(&[&valid[..=at], &valid[at..]].concat());
        one(&[&valid[..at], &valid[at..].iter().rev().copied().collect::<Vec<_>>()].concat());
    }
    for at in 0..=valid.len() {
        for value in values(0) {
            one(&[&valid[..at], &[value], &valid[at..]].concat());
        }
    }
}

fn all(_: u8) -> Vec<u8> {
    (0..=255).collect()
}

/// Every bit flipped, and the edges of what a byte can say.
fn several(byte: u8) -> Vec<u8> {
    let bits = (0..8).map(|bit| byte ^ 1 << bit);
    bits.chain([0, 1, 0x7f, 0x80, 0xfe, 0xff, byte.wrapping_add(1), byte.wrapping_sub(1)]).collect()
}

#[test]
fn raw_files() {
    let mut count = Count::default();
    for valid in [
        file([0, 0, 8, 2], &[4, 7], &[5; 28]),
        file([0, 0, 11, 2], &[2, 7], &[5; 28]),
        file([0, 0, 14, 3], &[3, 1, 1], &[5; 24]),
    ] {
        assert!(raw_idx::check(&valid));
        let before = count.taken;
        mutate(&valid, all, raw_idx::check, &mut count);
        // Every payload byte, the header as it is, and types of the same size.
        let payload = valid.len() - 4 - 4 * usize::from(valid[3]);
        assert!(count.taken - before >= 256 * payload, "{count:?}");
    }
    println!("raw IDX: {count:?}");
    assert!(count.inputs >= 60_000, "{count:?}");
}

#[test]
fn gzip_files() {
    let mut count = Count::default();
    let medium = file([0, 0, 8, 2], &[26, 10], &noise(260));
    let [first, second] = [&small()[..20], &small()[20..]];
    for valid in [
        gzip(&small()),
        gzip(&medium),
        member(0b11100, b"\x02\0xy name\0comment\0", &small()),
        [gzip(first), gzip(second)].concat(),
    ] {
        assert!(gzip_idx::check(&valid));
        mutate(&valid, several, gzip_idx::check, &mut count);
    }
    println!("gzip: {count:?}");
    // Only time, level, system and name are free.
    assert!(count.inputs >= 15_000 && count.taken < count.inputs / 10, "{count:?}");
}

/// Two bytes at once: one of the header's with any other.
#[test]
fn pairs_of_bytes() {
    let valid = file([0, 0, 8, 2], &[2, 3], &[5; 6]);
    let mut count = Count::default();
    for (i, j) in (0..12).flat_map(|i| (i + 1..valid.len()).map(move |j| (i, j))) {
        let mut bytes = valid.clone();
        for a in several(valid[i]) {
            bytes[i] = a;
            for b in several(valid[j]) {
                bytes[j] = b;
                count.inputs += 1;
                count.taken += usize::from(raw_idx::check(&bytes));
            }
        }
    }
    println!("pairs of bytes: {count:?}");
    assert!(count.inputs >= 30_000, "{count:?}");
}

/// Runs a target over the files that are committed for it.
fn replay(target: &str, check: fn(&[u8]) -> bool, least: usize) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
    let entries = std::fs::read_dir(folder.join(target)).expect("a corpus");
    let files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    let taken = files.iter().filter(|path| check(&std::fs::read(path).expect("a file"))).count();
    println!("{target}: {} files, {taken} of them right", files.len());
    assert!(files.len() >= 10 && taken >= least, "{} files, {taken} right", files.len());
}

#[test]
fn corpus_of_idx() {
    replay("idx", raw_idx::check, 8);
}

#[test]
fn corpus_of_gzip_idx() {
    replay("gzip_idx", gzip_idx::check, 6);
}
