//! How good a classifier is: loss, accuracy with its interval, confusion matrix, precision and recall.

use std::collections::BTreeMap;

/// What a classifier made of each image of a set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// The cross-entropy of each image in nats.
    pub losses: Vec<f32>,
    /// The predicted class of each image.
    pub predicted: Vec<u32>,
    /// Whether it is the right one.
    pub right: Vec<bool>,
}

impl Scores {
    /// Evaluates the first `count` images.
    ///
    /// Panics if `count` is 0 or there are fewer.
    pub fn first(&self, count: usize) -> Evaluation {
        assert!(count > 0, "an evaluation of no images");
        let sum = self.losses[..count].iter().fold(0.0, |sum, &loss| sum + f64::from(loss));
        Evaluation {
            loss: sum / count as f64,
            predicted: self.predicted[..count].to_vec(),
            correct: self.right[..count].iter().filter(|&&right| right).count(),
        }
    }

    /// Evaluates all images.
    ///
    /// Panics if there are none.
    pub fn all(&self) -> Evaluation {
        self.first(self.losses.len())
    }
}

/// What a classifier made of a set of images.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluation {
    /// The mean cross-entropy in nats.
    pub loss: f64,
    /// The predicted class of each image.
    pub predicted: Vec<u32>,
    /// How many predictions are right.
    pub correct: usize,
}

impl Evaluation {
    /// The number of images.
    pub fn count(&self) -> usize {
        self.predicted.len()
    }

    /// The fraction of images whose class was predicted, 0 to 1.
    pub fn accuracy(&self) -> f64 {
        self.correct as f64 / self.count() as f64
    }

    /// The 95 % interval of the accuracy (see [`wilson_interval`]).
    pub fn interval(&self) -> (f64, f64) {
        wilson_interval(self.correct, self.count())
    }
}

/// The 95 % confidence interval of a fraction of which `correct` of `count` were seen, by Wilson's score
/// ("Probable Inference", 1927): unlike the textbook's, it stays inside 0..=1 and is right near its ends.
///
/// Panics if `count` is 0.
///
/// ```
/// let (low, high) = model::metrics::wilson_interval(917, 1000);
/// assert!((low - 0.8982).abs() < 1e-4 && (high - 0.9325).abs() < 1e-4);
/// ```
pub fn wilson_interval(correct: usize, count: usize) -> (f64, f64) {
    assert_ne!(count, 0, "an interval of nothing");
    /// The 97.5th percentile of the normal distribution.
    const Z: f64 = 1.959_963_984_540_054;
    let (n, p) = (count as f64, correct as f64 / count as f64);
    let middle = p + Z * Z / (2.0 * n);
    let spread = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    let scale = 1.0 + Z * Z / n;
    ((middle - spread) / scale, (middle + spread) / scale)
}

/// How often each class was taken for each.
///
/// Of pairs, only those that occur are kept: 65,536 classes have 4.3 billion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confusion {
    /// Counts of pairs of class and predicted class.
    counts: BTreeMap<(usize, usize), usize>,
    /// Images of each class.
    support: Vec<usize>,
    /// Images predicted to be of each class.
    guessed: Vec<usize>,
}

/// How well one class is told from the others; NaN where there is nothing to divide by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClassScore {
    /// Of the images predicted to be of this class, the fraction that is.
    pub precision: f64,
    /// Of the images of this class, the fraction that was predicted so.
    pub recall: f64,
    /// The harmonic mean of both.
    pub f1: f64,
    /// Images of this class.
    pub support: usize,
}

impl Confusion {
    /// Counts pairs of label and prediction.
    ///
    /// Panics if one is not below `classes` or the lengths differ.
    ///
    /// ```
    /// let confusion = model::metrics::Confusion::new(2, &[0, 0, 1], &[0, 1, 1]);
    /// assert_eq!(confusion.at(0, 1), 1);
    /// assert_eq!(confusion.score(1).precision, 0.5);
    /// ```
    pub fn new(classes: usize, labels: &[u32], predicted: &[u32]) -> Self {
        assert_eq!(labels.len(), predicted.len(), "labels and predictions");
        let mut counts = BTreeMap::new();
        let (mut support, mut guessed) = (vec![0; classes], vec![0; classes]);
        for (&label, &predicted) in labels.iter().zip(predicted) {
            let (label, predicted) = (label as usize, predicted as usize);
            assert!(label < classes && predicted < classes, "{label}, {predicted} of {classes}");
            *counts.entry((label, predicted)).or_default() += 1;
            support[label] += 1;
            guessed[predicted] += 1;
        }
        Self { counts, support, guessed }
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.support.len()
    }

    /// How many images of class `label` were predicted to be `predicted`.
    ///
    /// Panics if there is no such class.
    pub fn at(&self, label: usize, predicted: usize) -> usize {
        let classes = self.classes();
        assert!(label < classes && predicted < classes, "{label}, {predicted} of {classes}");
        self.counts.get(&(label, predicted)).copied().unwrap_or(0)
    }

    /// What the images of a class were predicted to be, as (predicted, count), by class; only what
    /// occurs.
    pub fn row(&self, label: usize) -> impl Iterator<Item = (usize, usize)> {
        let row = self.counts.range((label, 0)..=(label, usize::MAX));
        row.map(|(&(_, predicted), &count)| (predicted, count))
    }

    /// Precision, recall and F1 of a class.
    ///
    /// Panics if there is no such class.
    pub fn score(&self, class: usize) -> ClassScore {
        let right = self.at(class, class) as f64;
        let (support, guessed) = (self.support[class], self.guessed[class]);
        let (precision, recall) = (right / guessed as f64, right / support as f64);
        let f1 = 2.0 * right / (guessed + support) as f64;
        ClassScore { precision, recall, f1, support }
    }

    /// The mistakes as (label, predicted, count), the most frequent first, then by class.
    pub fn worst(&self) -> Vec<(usize, usize, usize)> {
        let wrong = self.counts.iter().filter(|((label, predicted), _)| label != predicted);
        let mut worst: Vec<_> =
            wrong.map(|(&(label, predicted), &count)| (label, predicted, count)).collect();
        worst.sort_by_key(|&(_, _, count)| std::cmp::Reverse(count));
        worst
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_stay_inside() {
        assert!(wilson_interval(0, 10).0.abs() < 1e-15);
        assert!((wilson_interval(10, 10).1 - 1.0).abs() < 1e-15);
        let (low, high) = wilson_interval(5, 10);
        assert!((low - 0.236_593).abs() < 1e-6 && (high - 0.763_407).abs() < 1e-6);
    }

    #[test]
    fn scores_are_those_of_the_textbook() {
        // 3 of class 0 (2 right), 2 of class 1 (1 right), none of class 2.
        let confusion = Confusion::new(3, &[0, 0, 0, 1, 1], &[0, 0, 1, 1, 2]);
        let score = confusion.score(0);
        assert_eq!((score.precision, score.recall, score.f1), (1.0, 2.0 / 3.0, 0.8));
        assert_eq!(confusion.score(1).precision, 0.5);
        assert_eq!(confusion.score(2).precision, 0.0);
        assert!(confusion.score(2).recall.is_nan());
        assert_eq!(confusion.worst(), [(0, 1, 1), (1, 2, 1)]);
    }

    /// What a matrix of 65,536 by 65,536 would take is 34 GB.
    #[test]
    fn as_many_classes_as_a_model_can_have() {
        let classes = *crate::CLASSES.end();
        let last = classes as u32 - 1;
        let confusion = Confusion::new(classes, &[last, last, 7, 0], &[last, 3, 3, 0]);
        assert_eq!((confusion.classes(), confusion.at(classes - 1, 3)), (classes, 1));
        assert_eq!(confusion.row(classes - 1).collect::<Vec<_>>(), [(3, 1), (classes - 1, 1)]);
        let score = confusion.score(classes - 1);
        assert_eq!((score.precision, score.recall, score.support), (1.0, 0.5, 2));
        assert_eq!((confusion.at(5, 6), confusion.row(5).count()), (0, 0));
        assert_eq!(confusion.worst(), [(7, 3, 1), (classes - 1, 3, 1)]);
    }
}
