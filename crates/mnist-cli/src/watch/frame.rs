//! What is seen of a run after a step: the weights as maps, the loss, the minibatch. Text, and nothing else.

use model::trainer::Score;
use model::{Dataset, Parameters, Split, TrainConfig};
use pictures::Picture;
use pictures::terminal::{Graphics, Panel, SignedMap, panels, sparkline};

use crate::console::nats;
use crate::screen::{Screen, wrap};

/// Images of the minibatch that are drawn.
const DRAWN: usize = 10;

/// Classes whose weights are drawn.
const MOST_MAPS: usize = 20;

/// The narrowest map in which a template can be seen.
const NARROWEST: usize = 7;

/// A run at some step.
pub(super) struct Scene<'a> {
    data: &'a Dataset,
    names: Vec<String>,
    split: Split,
    config: TrainConfig,
    total: u64,
    /// The order of the epoch at hand.
    order: Vec<u32>,
    epoch: u64,
    iteration: usize,
    /// Steps taken.
    pub(super) step: u64,
    parameters: Option<Parameters>,
    losses: Vec<f64>,
    accuracy: f64,
    validation: Option<Score>,
}

impl<'a> Scene<'a> {
    pub(super) fn new(
        config: &TrainConfig,
        data: &'a Dataset,
        names: Vec<String>,
        split: Split,
        total: u64,
    ) -> Self {
        Self {
            data,
            names,
            split,
            config: config.clone(),
            total,
            order: Vec::new(),
            epoch: 1,
            iteration: 0,
            step: 0,
            parameters: None,
            losses: Vec::new(),
            accuracy: f64::NAN,
            validation: None,
        }
    }

    /// An epoch begins.
    pub(super) fn begin(&mut self, epoch: u64) {
        self.epoch = epoch;
        self.order = self.split.epoch_order(self.config.seed, epoch, self.config.shuffle);
    }

    /// A step was taken.
    pub(super) fn stepped(&mut self, iteration: usize, step: u64, before: Score) {
        (self.iteration, self.step, self.accuracy) = (iteration, step, before.accuracy);
        self.losses.push(before.loss);
    }

    /// The weights after it.
    pub(super) fn learned(&mut self, parameters: Parameters) {
        self.parameters = Some(parameters);
    }

    /// The validation set was evaluated.
    pub(super) fn validated(&mut self, score: Score) {
        self.validation = Some(score);
    }

    /// Whether this is the last step.
    pub(super) fn is_over(&self) -> bool {
        self.step == self.total
    }

    /// Draws it all, at most as wide as the screen; as high where `rows` is given.
    pub(super) fn draw(&self, screen: &Screen, rows: Option<usize>) -> String {
        let columns = screen.columns();
        let graphics = screen.graphics(1, 1);
        let mut text = wrap(&self.headline(), columns);
        if !self.losses.is_empty() {
            let label = "loss ";
            let full = self.losses.iter().copied().fold(0.0, f64::max);
            let room = columns.saturating_sub(label.len());
            text += &format!("{label}{}\n", sparkline(&self.losses, full, graphics, room));
        }
        text.push('\n');
        let used = text.lines().count();
        text += &self.weights(graphics, columns, rows.map(|rows| rows.saturating_sub(used)));
        let used = text.lines().count() + 1;
        let batch = self.minibatch(graphics, columns);
        if rows.is_none_or(|rows| used + batch.lines().count() <= rows) {
            text.push('\n');
            text += &batch;
        }
        text
    }

    fn headline(&self) -> String {
        let mut line = format!(
            "epoch {}/{}, step {}/{}",
            self.epoch, self.config.epochs, self.step, self.total
        );
        if let Some(loss) = self.losses.last() {
            line +=
                &format!(", batch loss {}, accuracy {:.0}%", nats(*loss, 3), 100.0 * self.accuracy);
        }
        if let Some(validation) = self.validation {
            let (of_all, count) = (100.0 * validation.accuracy, self.split.validation.len());
            line += &format!(", validation accuracy {of_all:.1}% (all {count})");
        }
        line
    }

    /// A map for each class: red where ink speaks for it, blue where ink speaks against it.
    fn weights(&self, graphics: Graphics, columns: usize, rows: Option<usize>) -> String {
        let Some(Parameters { weights, .. }) = &self.parameters else { return String::new() };
        let (height, width) = self.data.image_shape().unwrap_or((1, self.data.features()));
        let classes = self.names.len();
        let limit = weights.iter().fold(0.0, |most: f32, w| most.max(w.abs()));
        let of = |class: usize| -> Vec<f32> {
            weights.iter().skip(class).step_by(classes).copied().collect()
        };
        let maps: Vec<Vec<f32>> = (0..classes.min(MOST_MAPS)).map(of).collect();
        let titled: Vec<(String, Panel<'_>)> = maps
            .iter()
            .zip(&self.names)
            .map(|(map, name)| {
                (name.clone(), Panel::Signed(SignedMap::new(map, (height, width), limit)))
            })
            .collect();
        // Five beside each other where that leaves them large enough; then the largest that fit in height.
        let fifth = ((columns + 2) / 5).saturating_sub(2).clamp(NARROWEST.min(width), width);
        let mut text = String::new();
        for widest in (NARROWEST.min(width)..=fifth).rev() {
            text = panels(&titled, graphics, columns, widest);
            if rows.is_none_or(|rows| text.lines().count() <= rows) {
                break;
            }
        }
        text
    }

    /// The first images of the minibatch that was learned from.
    fn minibatch(&self, graphics: Graphics, columns: usize) -> String {
        let Some(batch) = self.order.chunks(self.config.batch_size).nth(self.iteration) else {
            return String::new();
        };
        if self.step == 0 {
            return String::new();
        }
        let (height, width) = self.data.image_shape().unwrap_or((1, self.data.features()));
        let pixels = |&row: &u32| -> Vec<u8> {
            let x = self.data.image(row as usize);
            x.iter().map(|x| (255.0 * x.clamp(0.0, 1.0)).round() as u8).collect()
        };
        let fitting = ((columns + 2) / (width.min(14) + 2)).clamp(1, DRAWN);
        let drawn: Vec<(u32, Vec<u8>)> =
            batch.iter().take(fitting).map(|row| (*row, pixels(row))).collect();
        let titled: Vec<(String, Panel<'_>)> = drawn
            .iter()
            .map(|(row, pixels)| {
                let label = self.data.labels()[*row as usize] as usize;
                let title = self.names.get(label).cloned().unwrap_or_default();
                (title, Panel::Ink(Picture::new(pixels, (height, width))))
            })
            .collect();
        let head = format!("the minibatch's first {} of {} images\n", drawn.len(), batch.len());
        wrap(head.trim_end(), columns) + &panels(&titled, graphics, columns, 14)
    }
}
