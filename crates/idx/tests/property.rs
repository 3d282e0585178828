//! Random arrays survive every way out and back; random bytes never panic.

mod common;

use common::gzip;
use idx::{Compression, Element, ElementType, Idx, parse};
use proptest::collection::vec;
use proptest::prelude::*;

/// Dimensions of at most 3,125 elements, one of them possibly 0, up to rank 255.
fn dims() -> impl Strategy<Value = Vec<usize>> {
    prop_oneof![
        vec(1..=5usize, 1..=5),
        vec(0..=3usize, 1..=6),
        (1..=255usize, 0..=9usize)
            .prop_map(|(rank, last)| [vec![1; rank - 1], vec![last]].concat()),
    ]
}

fn arrays() -> impl Strategy<Value = Idx> {
    (prop::sample::select(&ElementType::ALL[..]), dims()).prop_flat_map(|(element_type, dims)| {
        let bytes = element_type.size_bytes() * dims.iter().product::<usize>();
        vec(any::<u8>(), bytes)
            .prop_map(move |payload| Idx::new(element_type, dims.clone(), payload).expect("fits"))
    })
}

fn check_values<T: Element + PartialEq + std::fmt::Debug + Into<f64>>(values: &[T]) {
    let idx = Idx::from_values(vec![values.len()], values).expect("fits");
    assert_eq!((idx.element_type(), idx.element_count()), (T::TYPE, values.len()));
    assert_eq!(idx.to_vec::<T>().expect("of this type"), values);
    let wide: Vec<f64> = values.iter().map(|&v| v.into()).collect();
    assert_eq!(idx.to_f64(), wide);
    let is_narrow = !matches!(T::TYPE, ElementType::I32 | ElementType::F64);
    let narrow = idx.to_f32().map(|v| v.into_iter().map(f64::from).collect::<Vec<_>>());
    assert_eq!(narrow, is_narrow.then_some(wide.clone()));
    let is_integer = !matches!(T::TYPE, ElementType::F32 | ElementType::F64);
    let integers = idx.to_i64().map(|v| v.into_iter().map(|v| v as f64).collect::<Vec<_>>());
    assert_eq!(integers, is_integer.then_some(wide));
    assert_eq!(idx.as_u8().is_some(), T::TYPE == ElementType::U8);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn round_trip(idx in arrays(), cut in 0.0..1.0f64) {
        let bytes = [idx.header_bytes(), idx.payload().to_vec()].concat();
        prop_assert_eq!(bytes.len(), 4 + 4 * idx.dims().len() + idx.payload().len());
        prop_assert_eq!(&parse(&bytes).unwrap(), &idx);
        prop_assert_eq!(&parse(&gzip(&bytes)).unwrap(), &idx);
        let (first, second) = bytes.split_at((bytes.len() as f64 * cut) as usize);
        prop_assert!(parse(first).is_err());
        prop_assert_eq!(&parse(&[gzip(first), gzip(second)].concat()).unwrap(), &idx);

        prop_assert_eq!(idx.clone().into_bytes(), idx.payload());
    }

    #[test]
    fn values(a in vec(any::<u8>(), 0..9), b in vec(any::<i8>(), 0..9), c in vec(any::<i16>(), 0..9),
              d in vec(any::<i32>(), 0..9), e in vec(any::<f32>(), 0..9), f in vec(any::<f64>(), 0..9)) {
        check_values(&a);
        check_values(&b);
        check_values(&c);
        check_values(&d);
        check_values(&e);
        check_values(&f);
    }

    #[test]
    fn any_bytes(start in 0..4usize, rest in vec(any::<u8>(), 0..300)) {
        let starts = [&[][..], &[0, 0, 8, 1, 0, 0], &[0, 0, 0x0d, 2, 0, 0, 0], &[0x1f, 0x8b, 8]];
        let bytes = [starts[start], &rest].concat();
        if let Ok(idx) = parse(&bytes) {
            prop_assert_eq!(&[idx.header_bytes(), idx.into_bytes()].concat(), &bytes);
        }
        let _ = parse(&gzip(&bytes));
    }
}

proptest! {
    // Every case waits for the disk twice.
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn round_trip_through_files(idx in arrays()) {
        let folder = tempfile::tempdir().unwrap();
        for compression in [Compression::None, Compression::Gzip] {
            let path = folder.path().join(format!("{compression:?}"));
            idx::write(&path, &idx, compression).unwrap();
            prop_assert_eq!(&idx::read(&path).unwrap(), &idx);
        }
    }
}

#[test]
fn known_bytes() {
    let payload = |idx: Result<Idx, _>| idx.unwrap().into_bytes();
    assert_eq!(payload(Idx::from_values(vec![2], &[1i16, -2])), [0, 1, 0xff, 0xfe]);
    assert_eq!(payload(Idx::from_values(vec![1], &[0x0102_0304])), [1, 2, 3, 4]);
    assert_eq!(payload(Idx::from_values(vec![1], &[-1i8])), [0xff]);
    assert_eq!(payload(Idx::from_values(vec![1], &[1.0f32])), [0x3f, 0x80, 0, 0]);
    assert_eq!(payload(Idx::from_values(vec![1], &[-2.0])), [0xc0, 0, 0, 0, 0, 0, 0, 0]);
    let idx = Idx::from_values(vec![1, 2], &[1.0f32, f32::NAN]).unwrap();
    assert_eq!(idx.header_bytes(), [0, 0, 0x0d, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
    assert!(idx.to_f64()[1].is_nan());
    assert_eq!(format!("{idx:?}"), "Idx(f32 [1, 2])");
}

#[test]
fn arrays_that_do_not_fit() {
    use idx::ErrorKind;
    #[track_caller]
    fn check(dims: Vec<usize>, payload: usize, expected: ErrorKind) {
        let error = Idx::from_u8(dims, vec![0; payload]).expect_err("made");
        common::assert_same(&error, &expected);
    }
    check(vec![], 1, ErrorKind::BadRank { expected: 1..=255, found: 0 });
    check(vec![1; 256], 1, ErrorKind::BadRank { expected: 1..=255, found: 256 });
    check(vec![3], 2, ErrorKind::SizeMismatch { expected_bytes: 3, found_bytes: 2 });
    check(vec![3], 4, ErrorKind::SizeMismatch { expected_bytes: 3, found_bytes: 4 });
    #[cfg(target_pointer_width = "64")]
    check(vec![1 << 32], 0, ErrorKind::DimOverflow { dims: vec![1 << 32] });
}
