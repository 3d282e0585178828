//! The numbers of an IDX file: their range, mean and share that is not zero.

use idx::Idx;

/// Elements that are decoded at a time.
const CHUNK: usize = 1 << 16;

/// A summary of numbers, those left out that are infinite or not a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Summary {
    pub(super) min: f64,
    pub(super) max: f64,
    pub(super) mean: f64,
    /// Of all numbers, 0 to 1.
    pub(super) non_zero: f64,
    /// How many are infinite or not a number.
    pub(super) not_finite: usize,
}

/// Summarises all elements; none if no element is finite.
pub(super) fn summarise(file: &Idx) -> Option<Summary> {
    let (mut min, mut max, mut sum) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    let (mut zeros, mut finite) = (0, 0);
    each(file, |value, count| {
        if value.is_finite() {
            (min, max) = (min.min(value), max.max(value));
            sum += value * count as f64;
            finite += count;
            zeros += if value == 0.0 { count } else { 0 };
        }
    });
    let all = file.element_count();
    (finite > 0).then(|| Summary {
        min,
        max,
        mean: sum / finite as f64,
        non_zero: (all - zeros) as f64 / all as f64,
        not_finite: all - finite,
    })
}

/// Calls `take` with every value and how often it is there, bytes counted first.
fn each(file: &Idx, mut take: impl FnMut(f64, usize)) {
    if let Some(bytes) = file.as_u8() {
        let mut counts = [0; 256];
        bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
        for (value, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
            take(value as f64, count);
        }
        return;
    }
    let size_bytes = file.element_type().size_bytes();
    for chunk in file.payload().chunks(CHUNK * size_bytes) {
        decode(file, chunk).into_iter().for_each(|value| take(value, 1));
    }
}

/// Decodes a part of a file's payload.
pub(super) fn decode(file: &Idx, bytes: &[u8]) -> Vec<f64> {
    let count = bytes.len() / file.element_type().size_bytes();
    let part = Idx::new(file.element_type(), vec![count], bytes.to_vec());
    part.map(|part| part.to_f64()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_floats_are_summarised_alike() {
        let bytes = Idx::from_u8(vec![2, 2], vec![0, 0, 10, 30]).unwrap();
        let floats = Idx::from_values(vec![4], &[0.0f32, 0.0, 10.0, 30.0]).unwrap();
        let summary = Summary { min: 0.0, max: 30.0, mean: 10.0, non_zero: 0.5, not_finite: 0 };
        assert_eq!(summarise(&bytes), Some(summary));
        assert_eq!(summarise(&floats), Some(summary));
    }

    #[test]
    fn what_is_not_finite_is_counted_apart() {
        let floats = Idx::from_values(vec![4], &[f64::NAN, -1.0, f64::INFINITY, 0.0]).unwrap();
        let summary = Summary { min: -1.0, max: 0.0, mean: -0.5, non_zero: 0.75, not_finite: 2 };
        assert_eq!(summarise(&floats), Some(summary));
        assert_eq!(summarise(&Idx::from_values(vec![1], &[f32::NAN]).unwrap()), None);
        assert_eq!(summarise(&Idx::from_u8(vec![0, 3], vec![]).unwrap()), None);
    }

    #[test]
    fn chunks_join() {
        let values: Vec<i32> = (0..CHUNK as i32 + 3).map(|i| i % 5 - 2).collect();
        let found = summarise(&Idx::from_values(vec![values.len()], &values).unwrap()).unwrap();
        assert_eq!((found.min, found.max), (-2.0, 2.0));
        let non_zero = values.iter().filter(|&&v| v != 0).count() as f64 / values.len() as f64;
        assert_eq!(found.non_zero, non_zero);
    }
}
