//! What is done with a model when its training is over: test, model file, pictures, report.

use std::time::Instant;

use kernels::Isa;
use model::trainer::TUTORIAL_SUBSET;
use model::{Classifier, Confusion, DataSets, Evaluation, Metadata, Model, TrainConfig, Trainer};
use pictures::report::Snapshot;

use crate::args::GraphicsName;
use crate::console::Console;
use crate::ending;
use crate::evaluate::most_often;
use crate::failure::{Code, Failure};
use crate::gallery::{self, Gallery};
use crate::metrics::Record;
use crate::output::notice;
use crate::report;
use crate::run_file;
use crate::run_folder::RunFolder;
use crate::screen::{Screen, printable};

/// The report's file.
pub(super) const REPORT: &str = "report.html";

/// A model that was just trained, and its run.
pub(super) struct Trained<'a, 't> {
    pub(super) config: &'a TrainConfig,
    /// The tier, and the number of threads.
    pub(super) machine: (Isa, usize),
    pub(super) sets: &'a DataSets,
    pub(super) trainer: &'a mut Trainer<'t>,
    /// The weights at earlier moments.
    pub(super) snapshots: &'a [Snapshot],
}

impl Trained<'_, '_> {
    /// Tests the model, writes it into `folder`, and with it, if they are wanted, pictures and report.
    pub(super) fn test_and_save(
        self,
        console: &mut Console,
        folder: &RunFolder,
        with_pictures: bool,
    ) -> Result<(), Failure> {
        let Self { config, machine: (isa, threads), sets, trainer, .. } = self;
        let started = Instant::now();
        let scores = trainer.score(&sets.test).map_err(|error| {
            Failure::new(Code::Diverged, format_args!("testing: {error} is not finite"))
        })?;
        let (first, all) = (scores.first(sets.test.len().min(TUTORIAL_SUBSET)), scores.all());
        console.test(&first, &all, started.elapsed());
        let guessing = (sets.info.classes.len() as f64).ln();
        // An untrained model is a little above it.
        if console.is_talking() && all.loss > 1.1 * guessing {
            notice(format_args!(
                "note: the test loss is above {guessing:.2}, that of guessing: the steps were too large; a smaller --learning-rate may help"
            ));
        }
        describe(console, sets, &all);

        let parameters = trainer.parameters();
        let weights_sha256 = parameters.sha256();
        let (classes, image) = (sets.info.classes.clone(), sets.train.image_shape());
        let metadata = Metadata::new(config, classes, image, sets.info.sha256.clone());
        let (model, path) = (Model { parameters, metadata }, folder.path(run_file::MODEL));
        model.write(&path)?;
        let data = printable(sets.info.name.as_deref().unwrap_or("unnamed data"));
        let (name, weights_sha256) = (path.to_string_lossy(), &weights_sha256);
        console.record(&Record::Saved { model: &name, weights_sha256 });
        console.say(format_args!("weights sha256 {weights_sha256}"));
        console.say(format_args!("model {} ({data}, seed {})", path.display(), config.seed));
        if !with_pictures {
            return Ok(());
        }
        let classifier = Classifier::new(isa, &model.parameters, &sets.test);
        let gallery = Gallery {
            sets,
            parameters: &model.parameters,
            classifier: &classifier,
            test: &all,
            history: console.history(),
            steps_per_epoch: trainer.iterations(),
        };
        let drawn = gallery.write(folder)?;
        console.say(format_args!("pictures {}", drawn.join(" ")));
        let (path, history) = (folder.path(REPORT), console.history());
        let run = report::Run { config, isa: isa.name(), threads, history };
        if report::write(&path, isa, &model, sets, &run, self.snapshots)? {
            console.say(format_args!("report {}", path.display()));
        }
        Ok(())
    }
}

/// Tells of the most frequent mistakes and, to a person, draws digits.
fn describe(console: &mut Console, sets: &DataSets, test: &Evaluation) {
    if !console.is_talking() {
        return;
    }
    let names: Vec<String> = sets.info.classes.iter().map(|name| printable(name)).collect();
    let screen = Screen::stdout(GraphicsName::Auto);
    if screen.is_terminal()
        && let Some(digits) = ending::digits(&sets.test, test, &names, &screen)
    {
        console.say(format_args!("{digits}\n"));
    }
    if names.len() <= gallery::MOST_CLASSES {
        let confusion = Confusion::new(names.len(), sets.test.labels(), &test.predicted);
        most_often(&confusion, &names).into_iter().for_each(|line| console.say(line));
    }
}
