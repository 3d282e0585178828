//! `--from` a folder: spellings, packed or not, and the same checks.

use std::fs;
use std::path::PathBuf;

use xtask::fetch::{FetchError, FileDone, Match, Origin, Source};

use crate::made::{IMAGES, LABELS, Made, Place, fault, images, labels};

/// Fetches from a folder that holds these files.
fn from(made: Made, files: &[(&str, &[u8])]) -> (Place, Result<Vec<FileDone>, FetchError>) {
    let place = Place::new(&[made]);
    let folder = place.dir.path().join("from");
    fs::create_dir(&folder).unwrap();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let mut job = place.job(&[]);
    job.source = Source::Folder(folder);
    let result = place.run(&job);
    (place, result)
}

#[test]
fn spellings_of_packed_files() {
    for name in [
        "train-images-idx3-ubyte.gz",
        "train-images.idx3-ubyte.gz",
        "TRAIN-IMAGES-IDX3-UBYTE.GZ",
        // Some unpack and keep the name, some the other way round: the content decides.
        "train-images-idx3-ubyte",
        "train-images.idx3-ubyte",
    ] {
        let (place, result) = from(images(), &[(name, &images().gz)]);
        let done = result.unwrap();
        assert_eq!(done[0].matched, Match::Exact, "{name}");
        assert!(matches!(&done[0].origin, Origin::Copy { path } if path.ends_with(name)));
        assert_eq!(fs::read(place.path(IMAGES)).unwrap(), images().gz);
    }
}

#[test]
fn unpacked_files_are_packed() {
    for name in ["train-images-idx3-ubyte", "train-images.idx3-ubyte", IMAGES] {
        let (place, result) = from(images(), &[(name, &images().raw)]);
        result.unwrap();
        // And known the next time.
        place.fetch(&[]).unwrap();
    }
}

#[test]
fn unpacked_files_without_a_pin_cannot_be_checked() {
    let (place, result) = from(labels(), &[("t10k-labels-idx1-ubyte", &labels().raw)]);
    let (code, text) = fault(result);
    assert_eq!(code, 3, "{text}");
    assert!(text.contains(LABELS), "{text}");
    assert!(!place.path(&format!("{LABELS}.part")).exists());
}

#[test]
fn wrong_files() {
    let mut flipped_raw = images().raw;
    flipped_raw[500] ^= 1;
    let longer_raw = [&images().raw[..], b"!"].concat();
    let cut_gz = &images().gz[..images().gz.len() - 1];
    let page = b"<!DOCTYPE html><title>404</title>";
    for (bytes, part) in [
        (&flipped_raw[..], "SHA-256"),
        (&longer_raw[..], "more than"),
        (&images().raw[..1000], "got 1000 bytes"),
        (cut_gz, "SHA-256"),
        (&page[..], "HTML page: <!DOCTYPE"),
        (&labels().gz[..], "SHA-256"),
        (b"", "it is empty"),
    ] {
        let (place, result) = from(images(), &[(IMAGES, bytes)]);
        let (code, text) = fault(result);
        assert_eq!(code, 6, "{text}");
        assert!(text.contains(part), "{part} is not in {text}");
        assert!(!place.path(IMAGES).exists());
        assert!(!place.path(&format!("{IMAGES}.part")).exists());
    }
}

#[test]
fn a_wrong_file_beside_a_right_one() {
    let (_, result) =
        from(images(), &[(IMAGES, b"wrong"), ("train-images.idx3-ubyte", &images().raw)]);
    let done = result.unwrap();
    assert_eq!(done[0].failed.len(), 1);
}

#[test]
fn a_folder_without_the_file() {
    let (_, result) = from(images(), &[("other.gz", b"")]);
    let (code, text) = fault(result);
    assert_eq!(code, 4);
    for name in [IMAGES, "train-images.idx3-ubyte.gz", "train-images-idx3-ubyte,"] {
        assert!(text.contains(name), "{name} is not in {text}");
    }
}

#[test]
fn a_folder_that_is_not_there() {
    let place = Place::new(&[images()]);
    let mut job = place.job(&[]);
    job.source = Source::Folder(PathBuf::from("no/such/folder"));
    let (code, text) = fault(place.run(&job));
    assert_eq!(code, 4);
    assert!(text.contains("no/such/folder"), "{text}");
}

#[test]
fn what_from_may_be() {
    assert_eq!(Source::parse("x/y").unwrap(), Source::Folder("x/y".into()));
    let address = "https://mirror.example/mnist".to_owned();
    assert_eq!(Source::parse(&address).unwrap(), Source::Address(address));
    for bad in ["", "ftp://mirror.example/", "https://", "file:///x"] {
        assert_eq!(Source::parse(bad).unwrap_err().exit_code(), 2, "{bad}");
    }
}
