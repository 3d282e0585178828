//! Every fault's line, word for word, and its class.

use std::io;
use std::path::PathBuf;

use idx::{ElementType, Error, ErrorKind, FaultClass, GzipFault, Hint, PairError, Role, Side};

#[track_caller]
fn check(kind: ErrorKind, class: FaultClass, expected: &str) {
    assert_eq!(kind.class(), class);
    assert_eq!(kind.to_string(), expected);
    let error = Error::new("data/file", kind);
    assert_eq!(error.class(), class);
    assert_eq!(error.to_string(), format!("data/file: {expected}"));
    assert!(!expected.contains('\n'));
}

fn refused() -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, "permission denied")
}

#[test]
fn reach() {
    let check = |kind, expected| check(kind, FaultClass::Io, expected);
    check(ErrorKind::Open(refused()), "cannot be opened: permission denied");
    check(ErrorKind::Read(refused()), "cannot be read: permission denied");
    check(ErrorKind::Write(refused()), "cannot be written: permission denied");
    check(ErrorKind::NotARegularFile { found: "a folder" }, "is a folder, expected a regular file");
    check(
        ErrorKind::OutOfMemory { needed_bytes: 99 },
        "its payload of 99 bytes does not fit into memory",
    );
    check(
        ErrorKind::Missing { roles: vec![Role::TrainImages, Role::TestLabels], others: vec![] },
        "no training images (train-images-idx3-ubyte); no test labels (t10k-labels-idx1-ubyte); \
         each raw or .gz",
    );
    let others = ["a-idx3-ubyte", "b\u{202e}-idx1"].map(PathBuf::from).to_vec();
    check(
        ErrorKind::Missing { roles: vec![Role::TrainImages], others },
        "no training images (train-images-idx3-ubyte); each raw or .gz; under other names there are \
         a-idx3-ubyte, b\\u{202e}-idx1",
    );
}

#[test]
fn form() {
    let check = |kind, expected| check(kind, FaultClass::Content, expected);
    check(
        ErrorKind::TooShort { needed_bytes: 4, found_bytes: 0 },
        "empty file, ends within the header: 0 bytes, the header needs 4",
    );
    check(
        ErrorKind::TooShort { needed_bytes: 16, found_bytes: 9 },
        "ends within the header: 9 bytes, the header needs 16",
    );
    check(
        ErrorKind::BadMagic { found: [1, 2, 0xab, 0], hint: None },
        "not an IDX file: starts 01 02 ab 00, not 00 00",
    );
    check(
        ErrorKind::UnknownType { code: 10 },
        "unknown element type 0x0a, expected 0x08, 0x09 or 0x0b to 0x0e",
    );
    check(ErrorKind::BadRank { expected: 1..=255, found: 0 }, "0 dimensions, expected 1 to 255");
    check(
        ErrorKind::BadRank { expected: 2..=255, found: 1 },
        "1 dimensions, expected 2 to 255 for images; is it the label file?",
    );
    check(
        ErrorKind::BadRank { expected: 1..=2, found: 3 },
        "3 dimensions, expected 1 to 2 for labels; is it the image file?",
    );
    check(
        ErrorKind::DimOverflow { dims: vec![1 << 31, 1 << 31, 4] },
        "dimensions 2147483648 x 2147483648 x 4 are more than can be addressed",
    );
    check(
        ErrorKind::SizeMismatch { expected_bytes: 24, found_bytes: 23 },
        "the dimensions need 24 bytes of payload, found 23; was the file cut short?",
    );
    check(
        ErrorKind::SizeMismatch { expected_bytes: 24, found_bytes: 25 },
        "the dimensions need 24 bytes of payload, found 25",
    );
    check(
        ErrorKind::TrailingData { expected_bytes: 24, extra_bytes: 1 },
        "at least 1 byte follows the payload of 24 bytes",
    );
    check(
        ErrorKind::TrailingData { expected_bytes: 24, extra_bytes: 2 },
        "at least 2 bytes follow the payload of 24 bytes",
    );
    check(
        ErrorKind::ClaimTooLarge { declared_bytes: 9_000_000, file_bytes: 100 },
        "its header declares 9000000 bytes, more than 100 bytes of gzip can hold",
    );
}

#[test]
fn pairs() {
    let check = |kind, expected| check(kind, FaultClass::Content, expected);
    let expected = &[ElementType::U8, ElementType::F32];
    check(
        ErrorKind::WrongType { expected, found: ElementType::F64 },
        "elements are f64, expected u8 or f32",
    );
    check(ErrorKind::Swapped, "the image and label files are swapped");
    check(
        ErrorKind::CountMismatch { images: 60_000, labels: 59_999 },
        "60000 images but 59999 labels: they are not of one set",
    );
    check(ErrorKind::Empty, "holds no images or labels: its first dimension is 0");
    check(
        ErrorKind::ZeroDim { dims: vec![5, 0, 28] },
        "dimensions 5 x 0 x 28: a dimension after the first is 0",
    );
    check(
        ErrorKind::LabelOutOfRange { index: 7, label: -1, classes: 10, largest: -1 },
        "label -1 at index 7 is not one of 10 classes (0 to 9)",
    );
    check(
        ErrorKind::LabelOutOfRange { index: 7, label: 18, classes: 10, largest: 25 },
        "label 18 at index 7 is not one of 10 classes (0 to 9), and labels go up to 25",
    );
}

#[test]
fn gzip() {
    #[track_caller]
    fn fault(fault: GzipFault, class: FaultClass, expected: &str) {
        assert_eq!(fault.to_string(), expected);
        check(fault.into(), class, expected);
    }
    use FaultClass::{Checksum, Content};
    fault(GzipFault::Truncated, Content, "gzip: the stream is cut short; get the file again");
    fault(
        GzipFault::Method { found: 7 },
        Content,
        "gzip: compression method 7, expected 8 (deflate)",
    );
    fault(
        GzipFault::ReservedFlags { found: 0x20 },
        Content,
        "gzip: header flags 0x20, expected the upper three bits to be 0",
    );
    fault(
        GzipFault::HeaderTooLong,
        Content,
        "gzip: the name or comment in the header does not end within 65535 bytes",
    );
    fault(
        GzipFault::HeaderChecksum { expected: 1, found: 0xabcd },
        Checksum,
        "gzip: header checksum 0001 in the file, abcd computed",
    );
    fault(GzipFault::Corrupt, Content, "gzip: the compressed data is corrupt; get the file again");
    fault(
        GzipFault::Checksum { expected: 1, found: 0xabcd },
        Checksum,
        "gzip: checksum 00000001 in the file, 0000abcd computed; get the file again",
    );
    fault(
        GzipFault::Length { expected_bytes: 1, found_bytes: 2 },
        Checksum,
        "gzip: length 1 bytes in the file, 2 found; get the file again",
    );
    fault(GzipFault::TrailingData, Content, "gzip: data that is not gzip follows the stream");
}

#[test]
fn hints() {
    #[track_caller]
    fn hint(hint: Hint, expected: &str) {
        check(
            ErrorKind::BadMagic { found: [1; 4], hint: Some(hint) },
            FaultClass::Content,
            &format!("not an IDX file: starts 01 01 01 01, not 00 00 ({expected})"),
        );
    }
    hint(Hint::ByteSwapped, "its numbers are little-endian; write them big-endian");
    hint(Hint::WebPage, "a web page was saved instead of the file; download it again");
    hint(Hint::GitLfsPointer, "a Git LFS pointer stands in for the file; run `git lfs pull`");
    hint(Hint::Zip, "a zip archive; extract it first");
    hint(Hint::Xz, "xz-compressed; decompress it first");
    hint(Hint::Bzip2, "bzip2-compressed; decompress it first");
    hint(Hint::Zstd, "zstd-compressed; decompress it first");
    hint(Hint::Zlib, "a bare zlib stream; decompress it first");
    hint(Hint::Png, "a PNG picture");
    hint(Hint::Gzip, "gzip inside gzip; decompress it once");
}

#[test]
fn sides_and_paths() {
    let error = |side| PairError { side, kind: ErrorKind::Swapped };
    let words = "the image and label files are swapped";
    assert_eq!(error(Side::Images).to_string(), format!("images: {words}"));
    assert_eq!(error(Side::Labels).to_string(), format!("labels: {words}"));
    assert_eq!(error(Side::Both).to_string(), format!("images and labels: {words}"));
    assert_eq!(
        error(Side::Both).at("a\nb", "c\nd").to_string(),
        format!("a\\nb and c\\nd: {words}")
    );
}

#[test]
fn padded_names() {
    assert_eq!(format!("[{:>4}] [{:<4}]", ElementType::U8, ElementType::F32), "[  u8] [f32 ]");
    assert_eq!(format!("[{:<16}]", Role::TrainLabels), "[training labels ]");
    assert_eq!(Role::TestImages.to_string(), "test images");
}
