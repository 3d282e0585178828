//! What the end of a training run draws in the terminal: digits it got right, and digits it did not.

use model::{Dataset, Evaluation};
use pictures::Picture;
use pictures::samples::first;
use pictures::terminal::{Titled, grid, per_row};

use crate::gallery::greys;
use crate::screen::Screen;

/// The most images of a row.
const MOST: usize = 5;
/// Blanks between images.
const GAP: usize = 2;

/// A row of test images that were recognised and a row of some that were not, as wide as the screen;
/// nothing where images have no height and width.
pub(crate) fn digits(
    test: &Dataset,
    evaluation: &Evaluation,
    names: &[String],
    screen: &Screen,
) -> Option<String> {
    let (height, width) = test.image_shape()?;
    let predicted = &evaluation.predicted;
    let graphics = screen.graphics(3, width);
    let row = |right: bool| {
        let images = first(test.labels(), predicted, right, MOST);
        let pixels: Vec<Vec<u8>> = images.iter().map(|&i| greys(test, i)).collect();
        let name = |class: u32| &names[class as usize];
        let titled: Vec<Titled<'_>> = images
            .iter()
            .zip(&pixels)
            .map(|(&i, pixels)| Titled {
                title: format!("True: {}, Pred: {}", name(test.labels()[i]), name(predicted[i])),
                picture: Picture::new(pixels, (height, width)),
            })
            .collect();
        let longest = titled.iter().map(|image| image.title.chars().count()).max()?;
        let columns = screen.columns();
        let fitting = per_row(titled[0].picture, graphics, columns);
        let fitting = fitting.min((columns + GAP) / (longest + GAP)).max(1);
        Some(grid(&titled[..fitting.min(titled.len())], graphics, columns))
    };
    let rows: Vec<String> = [true, false].into_iter().filter_map(row).collect();
    Some(rows.join("\n").trim_end_matches('\n').to_owned()).filter(|rows| !rows.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::screen::tests::screen;

    /// A text without colour codes.
    fn plain(text: &str) -> String {
        let mut parts = text.split("\x1b[");
        let first = parts.next().unwrap_or("").to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').unwrap().1)
    }

    #[test]
    fn every_screen_gets_what_it_can_show() {
        let digits_of = model::synthetic::digits(0..40);
        let labels: Vec<u32> = digits_of.labels.iter().map(|&label| label.into()).collect();
        let data = Dataset::from_u8(&digits_of.images, (784, Some((28, 28))), labels).unwrap();
        let mut predicted = data.labels().to_vec();
        (predicted[3], predicted[9]) = ((predicted[3] + 1) % 10, (predicted[9] + 1) % 10);
        let evaluation = Evaluation { loss: 0.1, predicted, correct: 38 };
        let names: Vec<String> = (0..10).map(|i| i.to_string()).collect();
        for columns in [1, 5, 20, 40, 80, 200] {
            for (unicode, colours) in [(false, false), (true, false), (true, true)] {
                let screen = screen(columns, unicode, colours);
                let text = digits(&data, &evaluation, &names, &screen).unwrap();
                let shown = plain(&text);
                assert!(shown.lines().all(|line| line.chars().count() <= columns), "{columns}");
                assert!(unicode || shown.is_ascii());
                assert!(colours || shown == text, "colour codes at {columns}");
                if columns >= 20 {
                    // One row is right, the other wrong.
                    let titles: Vec<_> = shown.lines().filter(|l| l.contains("True")).collect();
                    let [right, wrong] = titles[..] else { panic!("{shown}") };
                    let pair = |title: &str| -> Vec<bool> {
                        let titles = title.split("True: ").skip(1);
                        titles.map(|t| t[..1] == t.split("Pred: ").nth(1).unwrap()[..1]).collect()
                    };
                    assert!(pair(right).iter().all(|&is| is), "{right}");
                    assert!(pair(wrong).iter().all(|&is| !is), "{wrong}");
                }
            }
        }
    }
}
