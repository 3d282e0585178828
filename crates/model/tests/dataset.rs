//! Data sets from memory and from files: every form that is taken, every fault told with its file.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::fs;
use std::path::Path;

use idx::{Compression, ElementType, ErrorKind, Idx};
use model::{DataSets, Dataset, DatasetError, LoadError};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const NAMES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

fn bytes(dims: &[usize], bytes: Vec<u8>) -> Idx {
    Idx::from_u8(dims.to_vec(), bytes).unwrap()
}

/// What u8 pixels are scaled by.
const UNIT: f32 = 1.0 / 255.0;

/// Three training and two test images of 2 x 2 pixels.
fn small() -> [Idx; 4] {
    [
        bytes(&[3, 2, 2], (0..12).collect()),
        bytes(&[3], vec![2, 0, 9]),
        bytes(&[2, 2, 2], (100..108).collect()),
        bytes(&[2], vec![1, 1]),
    ]
}

/// A folder of these files, each under its name, and gzip where that ends so.
fn folder<'a>(files: impl IntoIterator<Item = (&'a str, Idx)>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, idx) in files {
        let gzip = if name.ends_with(".gz") { Compression::Gzip } else { Compression::None };
        idx::write(folder.path().join(name), &idx, gzip).unwrap();
    }
    folder
}

fn read<'a>(files: impl IntoIterator<Item = (&'a str, Idx)>) -> Result<DataSets, LoadError> {
    DataSets::read(folder(files).path(), 10)
}

fn usual(files: [Idx; 4]) -> Result<DataSets, LoadError> {
    read(NAMES.into_iter().zip(files))
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn images(data: &Dataset) -> Vec<Vec<f32>> {
    (0..data.len()).map(|i| data.image(i)).collect()
}

#[test]
fn numbers_in_memory() {
    let counts = DatasetError::Counts { images: 2, labels: 3 };
    assert_eq!(Dataset::from_u8(&[1; 8], (4, None), vec![0; 3]).unwrap_err(), counts);
    assert_eq!(Dataset::from_f32(&[1.0; 8], (4, None), vec![0; 3]).unwrap_err(), counts);
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let values = [0.0, 1.0, 2.0, 3.0, bad, f32::NAN];
        let error = Dataset::from_f32(&values, (3, None), vec![0; 2]).unwrap_err();
        assert_eq!(error, DatasetError::NonFinite { image: 1, feature: 1 }, "{bad}");
    }
    // 2^16 - 1 blocks of 8 features are the most, and 4 x 2 pixels a block.
    for (features, image) in [(8 * 65_535, None), (8 * 65_535, Some((510, 1_028)))] {
        assert!(Dataset::from_u8(&[], (features, image), vec![]).is_ok());
    }
    for (features, image) in [(8 * 65_535 + 1, None), (65_537, Some((65_537, 1)))] {
        let too_large = DatasetError::TooLarge { images: 0, features };
        let found = Dataset::from_u8(&[], (features, image), vec![]).map(|data| data.len());
        let few = features < 8 * 65_535;
        assert_eq!(found, if few { Ok(0) } else { Err(too_large) }, "{features}");
    }
    let data = Dataset::from_u8(&[0, 51, 255, 102], (2, Some((1, 2))), vec![4, 7]).unwrap();
    assert_eq!((data.len(), data.is_empty(), data.features()), (2, false, 2));
    assert_eq!((data.image_shape(), data.labels()), (Some((1, 2)), &[4, 7][..]));
    assert_eq!(images(&data), [[0.0, 51.0 * UNIT], [255.0 * UNIT, 102.0 * UNIT]]);
    let data = Dataset::from_f32(&[-3.5, -0.0], (1, None), vec![0, 0]).unwrap();
    assert_eq!(images(&data), [[-3.5], [0.0]]);
}

#[test]
#[should_panic(expected = "images without features")]
fn images_without_features() {
    let _ = Dataset::from_u8(&[], (0, None), vec![]);
}

#[test]
fn every_spelling_is_the_same_set() {
    let raw: Vec<u8> =
        small().iter().flat_map(|idx| [&idx.header_bytes()[..], idx.payload()].concat()).collect();
    let expected = hex(Sha256::digest(raw));
    let spellings = [
        NAMES,
        ["train-images-idx3-ubyte.gz", NAMES[1], NAMES[2], "t10k-labels-idx1-ubyte.gz"],
        ["train-images.idx3-ubyte", NAMES[1], "t10k-images.idx3-ubyte.gz", NAMES[3]],
        [NAMES[0], "train-labels.idx1-ubyte.gz", NAMES[2], "T10K-LABELS.IDX1-UBYTE"],
    ];
    for names in spellings {
        let sets = read(names.into_iter().zip(small())).unwrap();
        assert_eq!(sets.info.sha256, expected, "{names:?}");
        assert_eq!((sets.info.name, sets.info.classes.len()), (None, 10));
        assert_eq!((sets.train.labels(), sets.test.labels()), (&[2, 0, 9][..], &[1, 1][..]));
        assert_eq!(sets.train.image_shape(), Some((2, 2)));
        assert_eq!(images(&sets.test)[1][3], 107.0 * UNIT);
    }
}

/// More of the test set than is read ahead of the training set.
#[test]
fn a_long_test_set() {
    let n = 90 * 128 * 1024 / 784;
    let pixels = (0..n * 784).map(|i| if i % 9_973 == 0 { (i % 251) as u8 } else { 0 }).collect();
    let [train, labels, ..] = small();
    let train = bytes(&[3, 28, 28], [train.payload(), &[7; 3 * 784 - 12]].concat());
    let files = [train, labels, bytes(&[n, 28, 28], pixels), bytes(&[n], vec![4; n])];
    let raw = usual(files.clone()).unwrap();
    let names = ["train-images-idx3-ubyte.gz", NAMES[1], "t10k-images-idx3-ubyte.gz", NAMES[3]];
    let sets = read(names.into_iter().zip(files)).unwrap();
    assert_eq!(sets.info, raw.info);
    assert!(sets.test.images() == raw.test.images());
}

/// Of several pieces, in both forms on either side: the same sets, and of what is damaged the first is told.
#[test]
fn pieces_raw_and_compressed() {
    let set = |n: usize, seed: usize| {
        let pixel = |i: usize| ((i * i + seed) % 509).saturating_sub(254) as u8;
        let images = bytes(&[n, 28, 28], (0..n * 784).map(pixel).collect());
        [images, bytes(&[n], (0..n).map(|i| (i % 10) as u8).collect())]
    };
    let ([a, b], [c, d]) = (set(700, 1), set(400, 2));
    let files = [a, b, c, d];
    let raw = usual(files.clone()).unwrap();
    let mut hash = Sha256::new();
    files.iter().for_each(|file| hash.update([&file.header_bytes(), file.payload()].concat()));
    assert_eq!(raw.info.sha256, hex(hash.finalize()), "of the files, one after the other");
    for (train_end, test_end) in [("", ".gz"), (".gz", ""), (".gz", ".gz")] {
        let name = |i: usize| NAMES[i].to_owned() + [train_end, "", test_end, ""][i];
        let names = [0, 1, 2, 3].map(name);
        let folder = folder(names.iter().map(|name| &**name).zip(files.clone()));
        let sets = DataSets::read(folder.path(), 10).unwrap();
        assert_eq!(sets.info, raw.info, "{names:?}");
        assert!(sets.train.images() == raw.train.images(), "{names:?}");
        assert!(sets.test.images() == raw.test.images(), "{names:?}");
        // The last images first: an earlier file that is damaged too is told of instead.
        for name in [&names[2], &names[0]].into_iter().filter(|name| name.ends_with("gz")) {
            let path = folder.path().join(name);
            let whole = fs::read(&path).unwrap();
            let mut wrong = whole.clone();
            wrong[whole.len() - 6] ^= 1;
            for damaged in [&whole[..whole.len() / 2], &whole[..whole.len() - 1], &wrong] {
                fs::write(&path, damaged).unwrap();
                let error = DataSets::read(folder.path(), 10).unwrap_err();
                let LoadError::Idx(error) = error else { panic!("{error}") };
                assert_eq!(error.path, path, "{error}");
                assert!(matches!(error.kind, ErrorKind::Gzip(_)), "{error}");
            }
        }
    }
}

#[test]
fn the_hash_is_of_every_byte() {
    let hash = |files| usual(files).unwrap().info.sha256;
    let original = hash(small());
    let [a, b, c, d] = small();
    let others = [
        [bytes(&[3, 2, 2], (1..13).collect()), b.clone(), c.clone(), d.clone()],
        [a.clone(), bytes(&[3], vec![2, 0, 8]), c.clone(), d.clone()],
        [a.clone(), b.clone(), c.clone(), bytes(&[2], vec![1, 2])],
        [bytes(&[3, 4], (0..12).collect()), b, bytes(&[2, 4], (100..108).collect()), d],
    ];
    let mut hashes: Vec<_> = others.into_iter().map(hash).chain([original]).collect();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), 5);
}

#[test]
fn labels_of_eight_columns_have_the_class_first() {
    let labels = |classes: &[i32]| {
        let rows = classes.iter().flat_map(|&class| [class, 4, 2_437, 118, 49, 4_060, 0, 0]);
        let rows: Vec<i32> = rows.collect();
        Idx::from_values(vec![classes.len(), 8], &rows).unwrap()
    };
    let [train, _, test, _] = small();
    let names = [
        "qmnist-train-images-idx3-ubyte.gz",
        "qmnist-train-labels-idx2-int.gz",
        "qmnist-test-images-idx3-ubyte.gz",
        "qmnist-test-labels-idx2-int",
    ];
    let files = [train, labels(&[5, 0, 9]), test, labels(&[3, 3])];
    let sets = read(names.into_iter().zip(files)).unwrap();
    assert_eq!((sets.train.labels(), sets.test.labels()), (&[5, 0, 9][..], &[3, 3][..]));
}

#[test]
fn features_of_other_types_and_shapes() {
    let floats = |dims: &[usize]| {
        let values: Vec<f32> = (0..dims.iter().product()).map(|i| i as f32 - 2.5).collect();
        Idx::from_values(dims.to_vec(), &values).unwrap()
    };
    let [_, train, _, test] = small();
    let sets =
        usual([floats(&[3, 2, 3]), train.clone(), floats(&[2, 2, 3]), test.clone()]).unwrap();
    assert_eq!(sets.train.image_shape(), Some((2, 3)));
    assert_eq!(images(&sets.train)[1], [3.5, 4.5, 5.5, 6.5, 7.5, 8.5], "not scaled");
    for (shape, features) in [(vec![5], 5), (vec![2, 2, 3], 12)] {
        let with = |n: usize| bytes(&[&[n], &shape[..]].concat(), vec![7; n * features]);
        let sets = usual([with(3), train.clone(), with(2), test.clone()]).unwrap();
        assert_eq!(
            (sets.train.features(), sets.train.image_shape()),
            (features, None),
            "{shape:?}"
        );
    }
    let mut values = vec![0.5f32; 12];
    values[7] = f32::NAN;
    let bad = Idx::from_values(vec![3, 2, 2], &values).unwrap();
    match usual([bad, train, floats(&[2, 2, 2]), test]).unwrap_err() {
        LoadError::Dataset { path, cause } => {
            assert!(path.ends_with(NAMES[0]), "{path:?}");
            assert_eq!(cause, DatasetError::NonFinite { image: 1, feature: 3 });
        }
        other => panic!("{other}"),
    }
}

#[test]
fn training_and_test_images_must_be_alike() {
    let [train, labels, test, test_labels] = small();
    let floats = Idx::from_values(vec![2, 2, 2], &[0.5f32; 8]).unwrap();
    for other in [bytes(&[2, 2, 3], vec![0; 12]), bytes(&[2, 4], vec![0; 8]), floats] {
        let dims =
            other.dims()[1..].iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
        let is_u8 = other.element_type() == ElementType::U8;
        let files = [train.clone(), labels.clone(), other, test_labels.clone()];
        let error = usual(files).unwrap_err();
        let LoadError::Unlike { train_form, test_form, .. } = &error else { panic!("{error}") };
        assert_eq!(train_form, "u8 2 x 2");
        assert_eq!(*test_form, format!("{} {dims}", if is_u8 { "u8" } else { "f32" }));
        let line = error.to_string();
        assert!(NAMES[0..3].iter().step_by(2).all(|name| line.contains(name)), "{line}");
    }
    // Alike but for their number.
    assert!(usual([train, labels, test, test_labels]).is_ok());
}

/// Fails where the files load, or where another file than `name` is at fault.
#[track_caller]
fn refused(files: [Idx; 4], name: &str, is: impl Fn(&ErrorKind) -> bool) {
    match usual(files).unwrap_err() {
        LoadError::Idx(error) => {
            assert!(error.path.ends_with(name), "{error}");
            assert!(is(&error.kind), "{error}");
        }
        other => panic!("{other}"),
    }
}

#[test]
fn files_that_are_no_pair() {
    let [train, labels, test, test_labels] = small();
    let with = |label: Idx| [train.clone(), label, test.clone(), test_labels.clone()];
    let out_of_range = |index, label| move |kind: &ErrorKind| matches!(kind, ErrorKind::LabelOutOfRange { index: i, label: l, classes: 10, .. } if (*i, *l) == (index, label));
    refused(with(bytes(&[3], vec![10, 0, 255])), NAMES[1], out_of_range(0, 10));
    refused(with(bytes(&[3], vec![0, 9, 255])), NAMES[1], out_of_range(2, 255));
    let negative = Idx::from_values(vec![3], &[0i32, -1, 0]).unwrap();
    refused(with(negative), NAMES[1], out_of_range(1, -1));
    let count =
        |kind: &ErrorKind| matches!(kind, ErrorKind::CountMismatch { images: 3, labels: 2 });
    refused(with(bytes(&[2], vec![0; 2])), NAMES[0], count);
    let swapped = |kind: &ErrorKind| matches!(kind, ErrorKind::Swapped);
    let files = [labels.clone(), train.clone(), test.clone(), test_labels.clone()];
    refused(files, NAMES[0], swapped);
    let files = [train.clone(), labels, bytes(&[0, 2, 2], vec![]), bytes(&[0], vec![])];
    refused(files, NAMES[2], |kind| matches!(kind, ErrorKind::Empty));
}

#[test]
fn folders_that_are_not_whole() {
    let partial = folder(NAMES.into_iter().zip(small()).skip(1));
    for path in [partial.path(), &partial.path().join("none"), &partial.path().join(NAMES[1])] {
        let error = DataSets::read(path, 10).unwrap_err();
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
        assert!(matches!(error, LoadError::Idx(_)), "{error}");
    }
    // What is missing is told before anything is read.
    fs::write(Path::new(partial.path()).join(NAMES[1]), "cut").unwrap();
    let error = DataSets::read(partial.path(), 10).unwrap_err();
    assert!(error.to_string().contains("no training images"), "{error}");
}

#[test]
fn names_of_classes_stand_beside_the_files() {
    let folder = folder(NAMES.into_iter().zip(small()));
    let path = folder.path().join("dataset.json");
    let read = |classes| DataSets::read(folder.path(), classes).map(|sets| sets.info);
    let numbers: Vec<_> = (0..10).map(|class| class.to_string()).collect();
    let unnamed = read(10).unwrap();
    assert_eq!((unnamed.name, &unnamed.classes), (None, &numbers));

    let letters: Vec<_> = ('a'..='j').map(String::from).collect();
    let json = serde_json::json!({ "name": "letters", "classes": letters, "licence": "none" });
    fs::write(&path, json.to_string()).unwrap();
    let named = read(10).unwrap();
    assert_eq!((named.name.as_deref(), named.classes), (Some("letters"), letters));
    assert_eq!(read(12).unwrap().classes.last().unwrap(), "11", "more classes than have names");

    fs::write(&path, "{").unwrap();
    assert!(matches!(read(10), Err(LoadError::Names { .. })));
}

#[test]
fn the_synthetic_digits_are_known_by_their_hash() {
    let info = DataSets::synthetic().unwrap().info;
    assert_eq!((info.name.as_deref(), info.adjective()), (Some("synthetic"), "synthetic "));
}

#[test]
fn errors_name_what_they_count() {
    let counts = Dataset::from_u8(&[0; 8], (4, None), vec![0]).unwrap_err();
    assert_eq!(counts.to_string(), "2 images but 1 labels");
    let values = [0.0, f32::NAN, 0.0, 0.0];
    let infinite = Dataset::from_f32(&values, (2, None), vec![0, 1]).unwrap_err();
    assert_eq!(infinite.to_string(), "feature 1 of image 0 is infinite or not a number");
    let large = Dataset::from_u8(&[0; 600_000], (600_000, None), vec![0]).unwrap_err();
    let expected = "1 images of 600000 features are more than the kernels count";
    assert_eq!(large.to_string(), expected);
}
