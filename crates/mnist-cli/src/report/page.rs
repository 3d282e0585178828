//! What a report says, put together from a run, its model and its data.

use kernels::Isa;
use model::files::known_name;
use model::metrics::wilson_interval;
use model::trainer::TUTORIAL_SUBSET;
use model::{Classifier, Confusion, DataSets, Dataset, Evaluation, Model, TrainConfig};
use pictures::report::{
    Curves, EpochPoint, Facts, Figure, Images, Model as Drawn, Report, Snapshot, StepPoint, Tests,
    shown,
};
use pictures::thousands;

use crate::failure::{Code, Failure};
use crate::history::History;
use crate::screen::printable;

/// A run, as far as it is not in its model.
#[derive(Clone, Copy)]
pub(crate) struct Run<'a> {
    /// Its settings.
    pub(crate) config: &'a TrainConfig,
    /// The instructions that it used.
    pub(crate) isa: &'a str,
    /// Its threads.
    pub(crate) threads: usize,
    /// What it reported.
    pub(crate) history: &'a History,
}

/// What a report is about.
pub(crate) struct Subject<'a> {
    pub(crate) isa: Isa,
    pub(crate) model: &'a Model,
    pub(crate) sets: &'a DataSets,
    pub(crate) run: Option<&'a Run<'a>>,
    pub(crate) snapshots: &'a [Snapshot],
    pub(crate) left_out: Vec<String>,
}

/// Features of the images that are shown.
enum Shown {
    Pixels(Vec<u8>),
    Numbers(Vec<f32>),
}

impl Subject<'_> {
    /// The page.
    pub(crate) fn page(&self) -> Result<String, Failure> {
        let (test, parameters) = (&self.sets.test, &self.model.parameters);
        if test.is_empty() {
            let message = "a report is about test images, and there are none";
            return Err(Failure::new(Code::Content, message));
        }
        let classifier = Classifier::new(self.isa, parameters, test);
        let not_finite =
            |e| Failure::new(Code::Content, format_args!("testing: {e} is not finite"));
        let evaluation = classifier.evaluate(test, 0..test.len()).map_err(not_finite)?;
        let predictions = classifier.predict(test, 0..test.len()).map_err(not_finite)?;
        let predicted = &evaluation.predicted;
        let confidence: Vec<f32> =
            predictions.iter().map(|p| p.probabilities[p.class as usize]).collect();
        let classes: Vec<String> =
            self.model.metadata.classes.iter().map(|name| printable(name)).collect();
        let images = features(test, &shown(classes.len(), test.labels(), predicted));
        let (title, lead) = (self.title(), self.lead());
        let report = Report {
            title: &title,
            lead: &lead,
            headline: self.headline(&classes, &evaluation),
            facts: self.facts(),
            model: Drawn {
                classes: &classes,
                image: self.model.metadata.image(),
                weights: &parameters.weights,
                bias: &parameters.bias,
                scale: test.images().scale(),
            },
            tests: Tests {
                labels: test.labels(),
                predicted,
                confidence: &confidence,
                images: match &images {
                    Shown::Pixels(pixels) => Images::U8(pixels),
                    Shown::Numbers(numbers) => Images::F32(numbers),
                },
            },
            curves: self.run.map(|run| {
                // The data at hand may be others, and not as many.
                let of_data = self.trained_on(run).div_ceil(run.config.batch_size.max(1)) as u64;
                curves(run.history, run.history.iterations().unwrap_or(of_data))
            }),
            snapshots: self.snapshots,
            left_out: self.left_out.clone(),
        };
        report.render().map_err(|e| Failure::new(Code::Io, format_args!("the report: {e}")))
    }

    /// The images of the training file that are not kept for validation.
    fn trained_on(&self, run: &Run<'_>) -> usize {
        self.sets.train.len().saturating_sub(run.config.validation)
    }

    fn data_name(&self) -> String {
        printable(self.sets.info.name.as_deref().unwrap_or("unnamed data"))
    }

    /// What the model was trained on, where it is tested on something else.
    fn trained_elsewhere(&self) -> Option<&'static str> {
        let own = &self.model.metadata.dataset_sha256;
        (*own != self.sets.info.sha256).then(|| known_name(own).map_or("other data", in_words))
    }

    fn title(&self) -> String {
        let name = self.data_name();
        let tested = in_words(&name);
        let (trained, tested) = match self.trained_elsewhere() {
            Some(own) => (own, format!(", tested on {tested}")),
            None => (tested, String::new()),
        };
        let seed = self.model.metadata.config["seed"].as_u64();
        let seed = seed.map_or(String::new(), |seed| format!(", seed {seed}"));
        if seed.is_empty() && tested.is_empty() {
            return trained.to_owned();
        }
        format!("A linear classifier of {trained}{seed}{tested}")
    }

    fn lead(&self) -> String {
        let (features, classes) =
            (self.model.parameters.features(), self.model.parameters.classes());
        let (images, feature) = match self.model.metadata.image() {
            Some((height, width)) => {
                (format!("images of {height}\u{a0}\u{d7}\u{a0}{width} pixels"), "pixel")
            }
            None => (format!("examples of {features} features"), "feature"),
        };
        format!(
            "Softmax regression on {images} in {classes} classes: one weight for each {feature} and class, \
             one bias for each class, {} numbers in all. Tested on {} images that it never saw.",
            thousands((features + 1) * classes),
            thousands(self.sets.test.len()),
        )
    }

    fn headline(&self, classes: &[String], evaluation: &Evaluation) -> Vec<Figure> {
        let (labels, predicted) = (self.sets.test.labels(), &evaluation.predicted);
        let right = |n: usize| (0..n).filter(|&i| labels[i] == predicted[i]).count();
        let count = labels.len();
        let correct = evaluation.correct;
        let mut figures =
            vec![accuracy(&format!("Test, all {} images", thousands(count)), correct, count, "")];
        if count > TUTORIAL_SUBSET {
            let is_mnist = self.sets.info.name.as_deref() == Some("mnist");
            let note = if is_mnist { "; the tutorial has 91.7\u{a0}%" } else { "" };
            let name = format!("Test, first {}", thousands(TUTORIAL_SUBSET));
            figures.push(accuracy(&name, right(TUTORIAL_SUBSET), TUTORIAL_SUBSET, note));
        }
        let last = self.run.and_then(|run| run.history.epochs.last());
        if let Some(set) = last.and_then(|epoch| epoch.validation_all) {
            let correct = (set.accuracy * set.count as f64).round() as usize;
            let own = self.trained_elsewhere().map_or(String::new(), |own| format!(" of {own}"));
            let name = format!("Validation, {} images{own}", thousands(set.count));
            figures.push(accuracy(&name, correct, set.count, ""));
        }
        figures.push(Figure {
            name: "Test loss".into(),
            value: format!("{:.3}", evaluation.loss),
            small: "mean cross-entropy, in nats".into(),
            interval: None,
        });
        let confusion = Confusion::new(classes.len(), labels, predicted);
        let small = confusion.worst().first().map_or("none at all".into(), |&(label, p, n)| {
            format!("most often {} taken for {}: {n}", classes[label], classes[p])
        });
        let value = thousands(count - correct);
        figures.push(Figure { name: "Mistakes".into(), value, small, interval: None });
        figures
    }

    fn facts(&self) -> Vec<Facts> {
        let row = |name: &str, value: String| (name.to_owned(), value);
        let sets = self.sets;
        let images = |set: &Dataset| format!("{} images", thousands(set.len()));
        let mut data = vec![
            row("name", self.data_name()),
            row("test file", images(&sets.test)),
            row("SHA-256", sets.info.sha256.clone()),
        ];
        match self.trained_elsewhere() {
            Some(own) => data.extend([
                row("trained on", own.to_owned()),
                row("SHA-256 of those", printable(&self.model.metadata.dataset_sha256)),
            ]),
            None => {
                let trained_on =
                    |run| row("trained on", format!("{} of them", thousands(self.trained_on(run))));
                let training = [row("training file", images(&sets.train))];
                data.splice(1..1, training.into_iter().chain(self.run.map(trained_on)));
            }
        }
        let config = &self.model.metadata.config;
        let settings = config.as_object().into_iter().flatten();
        let mut settings: Vec<_> =
            settings.map(|(name, value)| row(&name.replace('_', " "), words(value))).collect();
        settings.push(row("weights SHA-256", self.model.parameters.sha256()));
        let mut machine = vec![row("version", env!("CARGO_PKG_VERSION").to_owned())];
        if let Some(run) = self.run {
            let seconds: f64 = run.history.epochs.iter().map(|epoch| epoch.seconds).sum();
            machine.extend([
                row("instructions", printable(run.isa)),
                row("threads", run.threads.to_string()),
                row("training alone", format!("{seconds:.3} s")),
            ]);
        }
        [("Settings", settings), ("Data", data), ("Program and machine", machine)]
            .map(|(name, rows)| Facts { name: name.into(), rows })
            .into()
    }
}

/// The name of a data set as people write it.
fn in_words(name: &str) -> &str {
    match name {
        "mnist" => "MNIST",
        "synthetic" => "synthetic digits",
        other => other,
    }
}

fn accuracy(name: &str, correct: usize, count: usize, note: &str) -> Figure {
    let (low, high) = wilson_interval(correct, count);
    let value = correct as f64 / count as f64;
    let percent = |fraction: f64| 100.0 * fraction;
    let digits = if count > TUTORIAL_SUBSET { 2 } else { 1 };
    Figure {
        name: name.to_owned(),
        value: format!("{:.digits$}\u{a0}%", percent(value)),
        small: format!("95\u{a0}%: {:.2} to {:.2}{note}", percent(low), percent(high)),
        interval: Some((low, value, high)),
    }
}

/// A setting: `adam (beta1 0.9, ...)` for one that has settings of its own.
fn words(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Object(fields) => {
            let name = fields.get("name").and_then(|name| name.as_str()).unwrap_or_default();
            let rest = fields.iter().filter(|(key, _)| *key != "name");
            let rest: Vec<_> = rest.map(|(key, value)| format!("{key} {value}")).collect();
            if rest.is_empty() { name.to_owned() } else { format!("{name} ({})", rest.join(", ")) }
        }
        other => other.to_string(),
    }
}

/// The curves of a run whose epochs have so many iterations.
fn curves(history: &History, iterations: u64) -> Curves {
    let steps = history.steps.iter().map(|step| StepPoint {
        step: step.step,
        loss: step.loss_after,
        accuracy: step.accuracy_after,
    });
    let epochs = history.epochs.iter().filter_map(|epoch| {
        epoch.validation_all.map(|set| EpochPoint {
            epoch: epoch.epoch,
            step: epoch.epoch.saturating_mul(iterations),
            loss: set.loss,
            accuracy: set.accuracy,
            seconds: epoch.seconds,
        })
    });
    Curves { steps: steps.collect(), epochs: epochs.collect() }
}

/// The features of some images, as they are in the file.
fn features(data: &Dataset, rows: &[usize]) -> Shown {
    let mut numbers = vec![0.0; data.features() * rows.len()];
    for (image, &row) in numbers.chunks_exact_mut(data.features()).zip(rows) {
        data.images().unpack(row, image);
    }
    // Only the features of u8 images have a scale; then they are whole numbers, 0 to 255.
    if data.images().scale() == 1.0 {
        Shown::Numbers(numbers)
    } else {
        Shown::Pixels(numbers.into_iter().map(|x| x as u8).collect())
    }
}
