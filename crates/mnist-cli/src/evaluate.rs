//! `mnist evaluate`: how good a saved model is.

use model::files::known_name;
use model::{Classifier, Confusion, Evaluation, Model, Split};
use serde_json::json;

use crate::args::{EvaluateArgs, SplitName};
use crate::data::Source;
use crate::failure::{Code, Failure};
use crate::output::{Output, notice};
use crate::screen::printable;
use crate::setup;

/// The most frequent mistakes that are listed.
const WORST: usize = 5;

pub(crate) fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let isa = setup::isa()?;
    setup::threads(&args.machine)?;
    let model = Model::read(&args.model)?;
    let names: Vec<String> = model.metadata.classes.iter().map(|name| printable(name)).collect();
    let names = &names[..];
    let source = Source::choose(args.data.as_deref(), args.dataset);
    source.notice().into_iter().for_each(notice);
    let sets = source.load(names.len())?;
    let (data, split) = match args.split {
        SplitName::Test => (&sets.test, "test"),
        SplitName::Train => (&sets.train, "training"),
        SplitName::Validation => (&sets.train, "validation"),
    };
    let set = format!("{}{split}", sets.info.adjective());
    let form = |features, image: Option<(usize, usize)>| match image {
        Some((height, width)) => format!("{features} features, {height} x {width} pixels"),
        None => format!("{features} features"),
    };
    let takes = form(model.parameters.features(), model.metadata.image());
    let found = form(data.features(), data.image_shape());
    if takes != found {
        let message = format!(
            "{}: the model takes {takes}, and these images have {found}",
            args.model.display()
        );
        return Err(Failure::new(Code::Content, message).remedy("give it data like its own"));
    }
    if model.metadata.dataset_sha256 != sets.info.sha256 {
        let own = known_name(&model.metadata.dataset_sha256).unwrap_or("other data");
        let here = sets.info.name.as_deref().unwrap_or("data without a name");
        notice(format_args!(
            "note: the model was trained on {own}, and these images are from {here}"
        ));
    }
    let rows = match args.split {
        SplitName::Test => 0..data.len(),
        SplitName::Train | SplitName::Validation => {
            let kept = model.metadata.config["validation"].as_u64().unwrap_or(0) as usize;
            let split = Split::new(data.len(), kept.min(data.len()));
            let part = match args.split {
                SplitName::Train => split.training,
                _ => split.validation,
            };
            part.start as usize..part.end as usize
        }
    };
    if rows.is_empty() {
        return Err(Failure::new(Code::Usage, format_args!("there are no {split} images")));
    }
    let evaluation = Classifier::new(isa, &model.parameters, data)
        .evaluate(data, rows.clone())
        .map_err(|error| Failure::new(Code::Content, format_args!("{error} is not finite")))?;
    let confusion = Confusion::new(names.len(), &data.labels()[rows], &evaluation.predicted);
    let mut output = Output::default();
    if args.json {
        output.line(as_json(&set, names, &evaluation, &confusion));
    } else {
        print(&mut output, &set, names, &evaluation, &confusion);
    }
    output.finish()
}

fn as_json(
    split: &str,
    names: &[String],
    evaluation: &Evaluation,
    confusion: &Confusion,
) -> serde_json::Value {
    let (low, high) = evaluation.interval();
    let classes = (0..names.len()).map(|class| {
        let score = confusion.score(class);
        json!({
            "class": names[class],
            "precision": score.precision,
            "recall": score.recall,
            "f1": score.f1,
            "support": score.support,
            "predicted": (0..names.len()).map(|other| confusion.at(class, other)).collect::<Vec<_>>(),
        })
    });
    json!({
        "split": split,
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
        "{} {split} images: loss {:.4}, accuracy {:.2}% (95% interval {:.2} to {:.2})\n",
        evaluation.count(),
        evaluation.loss,
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
