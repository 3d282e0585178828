//! Images taken apart and put together, and all that is not what packing gives.

use super::*;
use crate::layout::tests::SHAPES;

/// Bits and values of three images, one of them empty, and of no image.
fn packed(layout: &Layout, n: usize) -> (Images, Vec<u64>, Vec<[u8; LANES]>) {
    let features = layout.features();
    let lit = |i: usize| i / features != 1 && i % 23 < 5;
    let pixels: Vec<u8> = (0..n * features).map(|i| u8::from(lit(i)) * 9).collect();
    let images = Images::from_u8(layout.clone(), &pixels).unwrap();
    let (having, values) = images.packed_u8().unwrap();
    let (having, values) = (having.collect(), values.to_vec());
    (images, having, values)
}

/// Puts `n` images together from bits and values, three values at a time.
fn put_together(
    layout: &Layout,
    n: usize,
    having: &[u64],
    values: &[[u8; LANES]],
) -> Result<Images, PackedError> {
    let having = having.iter().copied();
    let packed = PackedU8 { layout: layout.clone(), images: n, having, values: values.len() };
    packed.read(3, |first, room| {
        room.copy_from_slice(&values[first..][..room.len()]);
        true
    })
}

#[test]
fn what_was_taken_apart_comes_back() {
    for (features, image) in SHAPES.into_iter().filter(|&(features, _)| features > 0) {
        let layout = Layout::new(features, image).unwrap();
        for n in [0, 3] {
            let (images, having, values) = packed(&layout, n);
            let again = put_together(&layout, n, &having, &values);
            assert_eq!(again, Ok(images), "{features} {image:?}");
        }
    }
    let none = Layout::new(0, Some((0, 3))).unwrap();
    assert_eq!(put_together(&none, 7, &[], &[]).unwrap().len(), 7);
    let floats = Images::from_f32(Layout::new(1, None).unwrap(), &[1.0]).unwrap();
    assert!(floats.packed_u8().is_none());
}

#[test]
fn the_first_zero_and_the_first_value_unread_are_told_of() {
    // Without an edge, and with one.
    for (features, image) in [(784, Some((28, 28))), (35, Some((5, 7)))] {
        let layout = Layout::new(features, image).unwrap();
        let (_, having, values) = packed(&layout, 3);
        for at in 0..values.len() {
            let mut changed = values.clone();
            changed[at..].fill([0; LANES]);
            let found = put_together(&layout, 3, &having, &changed);
            assert_eq!(found, Err(PackedError::Block { entry: at }));
            let having = having.iter().copied();
            let count = values.len();
            let packed = PackedU8 { layout: layout.clone(), images: 3, having, values: count };
            let found = packed.read(8, |first, room| {
                room.copy_from_slice(&values[first..][..room.len()]);
                first + room.len() <= at
            });
            assert_eq!(found, Err(PackedError::Unread { entry: at / 8 * 8 }));
        }
    }
}

/// What is only said takes neither memory nor time: bits without end, and of a number that is wrong.
#[test]
fn claims_are_refused() {
    let layout = Layout::new(784, Some((28, 28))).unwrap();
    let claim = |having: &mut (dyn Iterator<Item = u64> + Send), values: usize| {
        let packed = PackedU8 { layout: layout.clone(), images: 3, having, values };
        packed.read(1 << 20, |_, room| {
            room.fill([1; LANES]);
            true
        })
    };
    let words = |found| Err(PackedError::Words { expected: 6, found });
    for values in [0, 6, usize::MAX] {
        assert_eq!(claim(&mut std::iter::repeat(0), values), words(7));
        assert_eq!(claim(&mut std::iter::repeat(0).filter(|_| true).take(7), values), words(7));
        assert_eq!(claim(&mut std::iter::repeat_n(0, 5), values), words(5));
    }
    let found = claim(&mut std::iter::repeat_n(1, 6), usize::MAX);
    assert_eq!(found, Err(PackedError::Values { expected: 6, found: usize::MAX }));
    assert_eq!(claim(&mut std::iter::repeat_n(1, 6), 6).map(|images| images.len()), Ok(3));
}

#[test]
#[should_panic(expected = "pieces of no values")]
fn pieces_have_values() {
    let layout = Layout::new(1, None).unwrap();
    let packed = PackedU8 { layout, images: 0, having: std::iter::empty(), values: 0 };
    drop(packed.read(0, |_, _| true));
}

#[test]
fn lengths_that_do_not_fit_are_refused() {
    let layout = Layout::new(784, Some((28, 28))).unwrap();
    let (_, having, values) = packed(&layout, 3);
    let again = |n, having: &[u64], values: &[[u8; LANES]]| {
        put_together(&layout, n, having, values).unwrap_err()
    };
    let count = values.len();
    assert_eq!(again(2, &having, &values), PackedError::Words { expected: 4, found: 5 });
    assert_eq!(again(4, &having, &values), PackedError::Words { expected: 8, found: 6 });
    let expected = count as u64;
    let one_less = PackedError::Values { expected, found: count - 1 };
    assert_eq!(again(3, &having, &values[1..]), one_less);
    let one_more = PackedError::Values { expected, found: count + 1 };
    assert_eq!(again(3, &having, &[&values[..], &[[1; LANES]]].concat()), one_more);
    for n in [usize::MAX, usize::MAX / 98, (1 << 30) / 128 + 1] {
        assert_eq!(again(n, &having, &values), PackedError::TooManyBlocks);
    }
}

/// Every bit of the words and every byte of the values, in a layout with an edge and one without.
#[test]
fn whatever_is_changed_is_refused_or_is_another_image() {
    for (features, image) in [(15, Some((5, 3))), (784, Some((28, 28))), (17, None)] {
        let layout = Layout::new(features, image).unwrap();
        let (_, having, values) = packed(&layout, 3);
        let again =
            |having: &[u64], values: &[[u8; LANES]]| put_together(&layout, 3, having, values);
        for bit in 0..64 * having.len() {
            let mut changed = having.clone();
            changed[bit / 64] ^= 1 << (bit % 64);
            let words = layout.words();
            let found = again(&changed, &values);
            // Each half of the blocks begins a word.
            let of_word = layout.head_words().blocks(bit / 64 % words);
            if bit % 64 >= of_word.len() {
                assert_eq!(found, Err(PackedError::Bit { image: bit / (64 * words) }));
            } else {
                assert!(matches!(found, Err(PackedError::Values { .. })), "bit {bit}");
            }
        }
        let mut refused = 0;
        for entry in 0..values.len() {
            let mut changed = values.clone();
            changed[entry] = [0; LANES];
            assert_eq!(again(&having, &changed), Err(PackedError::Block { entry }));
            for lane in 0..LANES {
                let mut changed = values.clone();
                changed[entry][lane] ^= 0x80;
                match again(&having, &changed) {
                    Ok(images) => {
                        // What is taken is what its own pixels are packed to.
                        let mut pixels = Vec::new();
                        for i in 0..3 {
                            let mut x = vec![0.0; features];
                            images.unpack(i, &mut x);
                            pixels.extend(x.iter().map(|&x| x as u8));
                        }
                        assert_eq!(Images::from_u8(layout.clone(), &pixels), Ok(images));
                    }
                    found => {
                        assert_eq!(found, Err(PackedError::Block { entry }));
                        refused += 1;
                    }
                }
            }
        }
        assert_eq!(refused > 0, features % LANES != 0, "lanes past the edge");
    }
}
