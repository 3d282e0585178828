//! Images and labels: what fits, what does not, and which file is named.

mod common;

use common::assert_same;
use idx::{ElementType, ErrorKind, Idx, Side, pair, read_pair};

const LABEL_TYPES: &[ElementType] =
    &[ElementType::U8, ElementType::I8, ElementType::I16, ElementType::I32];

fn u8s(dims: &[usize]) -> Idx {
    Idx::from_u8(dims.to_vec(), vec![0; dims.iter().product()]).expect("fits")
}

fn labels(values: &[u8]) -> Idx {
    Idx::from_u8(vec![values.len()], values.to_vec()).expect("fits")
}

#[track_caller]
fn check(images: &Idx, labels: &Idx, side: Side, expected: ErrorKind) {
    let error = pair(images, labels, 10).expect_err("a pair");
    assert_same(&error.kind, &expected);
    assert_eq!(error.side, side);
    let error = error.at("I", "L");
    let (path, partner) = match side {
        Side::Images => ("I", None),
        Side::Labels => ("L", None),
        Side::Both => ("I", Some("L")),
    };
    assert_eq!((error.path, error.partner), (path.into(), partner.map(Into::into)));
    assert_same(&error.kind, &expected);
}

#[test]
fn pairs() {
    let three = labels(&[9, 0, 5]);
    for dims in [&[3, 28, 28][..], &[3, 1], &[3, 4, 4, 3]] {
        assert_eq!(pair(&u8s(dims), &three, 10).unwrap(), [9, 0, 5]);
    }
    let floats = Idx::from_values(vec![3, 2], &[0.5f32; 6]).unwrap();
    assert_eq!(pair(&floats, &three, 10).unwrap(), [9, 0, 5]);

    let images = u8s(&[2, 5]);
    for labels in [
        Idx::from_values(vec![2], &[1u8, 8]),
        Idx::from_values(vec![2], &[1i8, 8]),
        Idx::from_values(vec![2], &[1i16, 8]),
        Idx::from_values(vec![2], &[1i32, 8]),
        Idx::from_values(vec![2, 3], &[1i32, -1, 70_000, 8, -1, 70_000]),
        Idx::from_values(vec![2, 1], &[1u8, 8]),
    ] {
        assert_eq!(pair(&images, &labels.unwrap(), 9).unwrap(), [1, 8]);
    }
    let many = Idx::from_values(vec![2], &[0, i32::MAX]).unwrap();
    assert_eq!(pair(&images, &many, usize::MAX).unwrap(), [0, i32::MAX as u32]);
}

#[test]
fn ranks() {
    let (good_images, good_labels) = (u8s(&[3, 2, 2]), labels(&[1, 2, 3]));
    check(&good_labels, &good_images, Side::Both, ErrorKind::Swapped);
    let qmnist = Idx::from_values(vec![3, 8], &[1i32; 24]).unwrap();
    check(&qmnist, &good_images, Side::Both, ErrorKind::Swapped);
    let expected = ErrorKind::BadRank { expected: 2..=255, found: 1 };
    check(&good_labels, &good_labels, Side::Images, expected);
    let expected = ErrorKind::BadRank { expected: 1..=2, found: 3 };
    check(&good_images, &good_images, Side::Labels, expected);
}

#[test]
fn types() {
    const IMAGE_TYPES: &[ElementType] = &[ElementType::U8, ElementType::F32];
    for found in ElementType::ALL {
        let idx = Idx::new(found, vec![1, 1], vec![0; found.size_bytes()]).unwrap();
        if !IMAGE_TYPES.contains(&found) {
            let expected = ErrorKind::WrongType { expected: IMAGE_TYPES, found };
            check(&idx, &labels(&[0]), Side::Images, expected);
        }
        if !LABEL_TYPES.contains(&found) {
            let expected = ErrorKind::WrongType { expected: LABEL_TYPES, found };
            check(&u8s(&[1, 1]), &idx, Side::Labels, expected);
        }
    }
}

#[test]
fn counts() {
    let images = u8s(&[3, 2, 2]);
    check(&u8s(&[0, 2, 2]), &labels(&[]), Side::Images, ErrorKind::Empty);
    check(&images, &labels(&[]), Side::Labels, ErrorKind::Empty);
    for dims in [vec![3, 0, 2], vec![3, 2, 0]] {
        check(&u8s(&dims), &labels(&[0; 3]), Side::Images, ErrorKind::ZeroDim { dims });
    }
    let expected = ErrorKind::ZeroDim { dims: vec![3, 0] };
    check(&images, &u8s(&[3, 0]), Side::Labels, expected);
    for count in [2, 4] {
        let expected = ErrorKind::CountMismatch { images: 3, labels: count };
        check(&images, &labels(&vec![0; count]), Side::Both, expected);
    }
}

#[test]
fn label_range() {
    let images = u8s(&[3, 2, 2]);
    for (index, label) in [(0, 10), (2, 10), (1, 255)] {
        let mut values = [9; 3];
        values[index] = label;
        let label = i64::from(label);
        let expected = ErrorKind::LabelOutOfRange { index, label, classes: 10, largest: label };
        check(&images, &labels(&values), Side::Labels, expected);
    }
    let negative = Idx::from_values(vec![3, 2], &[0i16, -5, 1, -5, -1, 0]).unwrap();
    let expected = ErrorKind::LabelOutOfRange { index: 2, label: -1, classes: 10, largest: 1 };
    check(&images, &negative, Side::Labels, expected);
    let expected = ErrorKind::LabelOutOfRange { index: 1, label: 18, classes: 10, largest: 25 };
    check(&images, &labels(&[9, 18, 25]), Side::Labels, expected);
    assert!(pair(&images, &labels(&[0; 3]), 0).is_err());
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name, idx: &Idx| {
        let path = folder.path().join(name);
        idx::write(&path, idx, idx::Compression::Gzip).unwrap();
        path
    };
    let (images, good) = (put("images", &u8s(&[2, 3, 3])), put("labels", &labels(&[1, 2])));
    let pair = read_pair(&images, &good, 3).unwrap();
    assert_eq!((pair.images.dims(), pair.labels.dims()), (&[2, 3, 3][..], &[2][..]));
    assert_eq!(pair.classes, [1, 2]);

    let error = read_pair(&images, &good, 2).unwrap_err();
    assert_eq!((error.path, error.partner), (good.clone(), None));
    let error = read_pair(&good, &images, 3).unwrap_err();
    assert_eq!((&error.path, &error.partner), (&good, &Some(images.clone())));
    assert!(matches!(error.kind, ErrorKind::Swapped));

    let missing = folder.path().join("missing");
    assert_eq!(read_pair(&missing, &good, 3).unwrap_err().path, missing);
    assert_eq!(read_pair(&images, &missing, 3).unwrap_err().path, missing);
}
