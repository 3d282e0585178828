//! Any bytes as a gzip file, beside flate2's own reader of gzip and the reference of raw IDX.

use std::io::Read;

use flate2::read::MultiGzDecoder;

#[allow(dead_code, reason = "the test that replays this target needs the reference alone")]
#[path = "idx.rs"]
mod raw;

/// More content than any input of a fuzzer or a test has.
const MOST_BYTES: u64 = 1 << 24;

/// Parses the bytes as they are, and as the content of a right gzip stream; panics where a file is taken
/// whose content is not an IDX file or other than what is read. Returns whether the bytes are a file.
pub fn check(bytes: &[u8]) -> bool {
    let is_file = as_it_is(bytes);
    let packed = stored(bytes);
    let content = raw::reference(bytes).filter(|_| !bytes.starts_with(&[0x1f, 0x8b]));
    let parsed = idx::parse(&packed).ok();
    let found = parsed.as_ref().map(|i| (i.element_type().code(), i.dims().to_vec(), i.payload()));
    assert_eq!(found, content, "stored in gzip");
    is_file
}

fn as_it_is(bytes: &[u8]) -> bool {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return false;
    }
    let Ok(idx) = idx::parse(bytes) else { return false };
    let mut content = Vec::new();
    let unpacked = MultiGzDecoder::new(bytes).take(MOST_BYTES).read_to_end(&mut content);
    assert!(unpacked.is_ok(), "taken, and flate2 says {unpacked:?}");
    let expected = raw::reference(&content).expect("taken, and the content is no IDX file");
    assert_eq!((idx.element_type().code(), idx.dims().to_vec(), idx.payload()), expected);
    true
}

/// A gzip file of stored blocks, made without a compressor.
fn stored(content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = content.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        bytes.extend([1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let length = block.len() as u16;
        bytes.push(u8::from(blocks.peek().is_none()));
        bytes.extend(length.to_le_bytes());
        bytes.extend((!length).to_le_bytes());
        bytes.extend(block);
    }
    let mut crc = flate2::Crc::new();
    crc.update(content);
    bytes.extend(crc.sum().to_le_bytes());
    bytes.extend((content.len() as u32).to_le_bytes());
    bytes
}
