//! `mnist evaluate`: how good a saved model is.

use model::{Classifier, Confusion, DataInfo, Evaluation, Model};
use serde_json::json;

use crate::args::{EvaluateArgs, SplitName};
use crate::cache;
use crate::console::nats;
use crate::data::Source;
use crate::failure::{Code, Failure};
use crate::fit;
use crate::output::{Output, notice};
use crate::rows;
use crate::run_file;
use crate::screen::printable;
use crate::setup;

/// Of more classes than this, JSON has not a count for each pair, but (class, count) where there is one:
/// 65,536 classes have 4.3 billion pairs.
const MOST_COLUMNS: usize = 1_000;

/// The most frequent mistakes that are listed.
const WORST: usize = 5;

pub(crate) fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let isa = setup::isa()?;
    setup::threads(&args.machine)?;
    let model = Model::read(&args.model)?;
    let names: Vec<String> = model.metadata.classes.iter().map(|name| printable(name)).collect();
    let names = &names[..];
    let named = (args.data.as_deref(), args.dataset);
    let source = run_file::data_for(&args.model, &model, named)?;
    source.notice().into_iter().for_each(notice);
    let sets = match &source {
        Source::Folder(data) if args.cache.cache => {
            cache::read(data, names.len(), cache::folder(None), true)?
        }
        _ => source.load(names.len())?,
    };
    let (data, split) = match args.split {
        SplitName::Test => (&sets.test, "test"),
        SplitName::Train => (&sets.train, "training"),
        SplitName::Validation => (&sets.train, "validation"),
    };
    let set = format!("{}{split}", sets.info.adjective());
    fit::check(&args.model, &model, &sets)?;
    let rows = rows::of_split(&model, args.split, data.len())?;
    let evaluation = Classifier::new(isa, &model.parameters, data)
        .evaluate(data, rows.clone())
        .map_err(|error| Failure::new(Code::Content, format_args!("{error} is not finite")))?;
    let confusion = Confusion::new(names.len(), &data.labels()[rows], &evaluation.predicted);
    let mut output = Output::default();
    if args.json {
        output.line(as_json((&set, &sets.info), names, &evaluation, &confusion));
    } else {
        print(&mut output, &set, names, &evaluation, &confusion);
    }
    output.finish()
}

fn as_json(
    (split, info): (&str, &DataInfo),
    names: &[String],
    evaluation: &Evaluation,
    confusion: &Confusion,
) -> serde_json::Value {
    let (low, high) = evaluation.interval();
    let classes = (0..names.len()).map(|class| {
        let score = confusion.score(class);
        let mut row = json!({
            "class": names[class],
            "precision": score.precision,
            "recall": score.recall,
            "f1": score.f1,
            "support": score.support,
        });
        if names.len() <= MOST_COLUMNS {
            let counts = (0..names.len()).map(|other| confusion.at(class, other));
            row["predicted"] = counts.collect();
        } else {
            row["predicted_pairs"] = confusion.row(class).map(|(p, n)| json!([p, n])).collect();
        }
        row
    });
    json!({
        "split": split,
        "data": { "name": info.name, "sha256": info.sha256 },
        "count": evaluation.count(),
        "loss": evaluation.loss,
        "accuracy": evaluation.accuracy(),
        "interval95": [low, high],
        "classes": classes.collect::<Vec<_>>(),
    })
}

fn print(
    output: &mut Output,
    split: &str,
    names: &[String],
    evaluation: &Evaluation,
    confusion: &Confusion,
) {
    let (low, high) = evaluation.interval();
    output.line(format_args!(
        "{} {split} images: loss {}, accuracy {:.2}% (95% interval {:.2} to {:.2})\n",
        evaluation.count(),
        nats(evaluation.loss, 4),
        100.0 * evaluation.accuracy(),
        100.0 * low,
        100.0 * high
    ));
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max("class".len());
    output.line(format_args!("{:width$}  precision  recall     f1  images", "class"));
    for (class, name) in names.iter().enumerate() {
        let score = confusion.score(class);
        output.line(format_args!(
            "{name:width$}  {:>9}  {:>6}  {:>5}  {:>6}",
            rate(score.precision),
            rate(score.recall),
            rate(score.f1),
            score.support
        ));
    }
    if let Some(worst) = most_often(confusion, names) {
        output.line(format_args!("\n{worst}"));
    }
}

/// The most frequent mistakes in words, as `most often 4 taken for 9: 33, 5 taken for 3: 30`.
pub(crate) fn most_often(confusion: &Confusion, names: &[String]) -> Option<String> {
    let worst = confusion.worst().into_iter().take(WORST).map(|(label, predicted, count)| {
        format!("{} taken for {}: {count}", names[label], names[predicted])
    });
    let worst = worst.collect::<Vec<_>>().join(", ");
    (!worst.is_empty()).then(|| format!("most often {worst}"))
}

/// A fraction as a percentage; nothing where there is none.
fn rate(fraction: f64) -> String {
    if fraction.is_nan() { "-".to_owned() } else { format!("{:.1}%", 100.0 * fraction) }
}
