//! `mnist gradcheck`: is the gradient that training follows the slope of the loss?
//!
//! Three gradients are held against the slopes: the formula in f64, the definition in f32 (`kernels::spec`),
//! and what a step of training subtracts on each tier, recovered from the weights before and after it.

mod gradients;
mod slopes;

use kernels::{Isa, reference, spec};
use model::{Dataset, Init, Parameters};
use serde_json::json;

use crate::args::{Forget, GradcheckArgs, GraphicsName};
use crate::data::Source;
use crate::failure::{Code, Failure};
use crate::output::{Output, notice};
use crate::screen::{Screen, wrap};
use slopes::H;

/// How a gradient compares with the slopes.
struct Verdict {
    /// Where it comes from.
    name: String,
    /// The largest difference.
    largest: f64,
    /// The largest relative error.
    relative: f64,
    /// The parameter that has it: weights, then biases.
    worst: usize,
    /// The gradient there.
    found: f64,
}

pub(crate) fn run(args: &GradcheckArgs) -> Result<(), Failure> {
    if args.tolerance.is_nan() || args.tolerance < 0.0 {
        let message = format!("--tolerance must be at least 0, and is {}", args.tolerance);
        return Err(Failure::new(Code::Usage, message));
    }
    let source = Source::choose(args.data.data.as_deref(), args.data.dataset);
    source.notice().into_iter().for_each(notice);
    let sets = source.load(args.data.classes)?;
    let classes = sets.info.classes.len();
    let (data, values) = gradients::batch(&sets.train, args.batch_size)?;
    let init = Init::TruncatedNormal { std: args.init_std };
    let config = gradients::one_step(data.len(), init, args.seed);
    config.check(data.len())?;
    let Parameters { weights, bias } = Parameters::new(data.features(), classes, init, args.seed);
    let model = spec::Model { weights, bias, image: data.image_shape() };
    let wide = reference::Model::from(&model);
    let batch =
        spec::Batch { features: &values, scale: data.images().scale(), labels: data.labels() };

    let slopes = slopes::central_differences(&wide, &batch);
    let mut verdicts = Vec::new();
    let formula = gradients::formula(&wide, &batch, args.forget);
    verdicts.push(Verdict::new("the formula, f64", &formula, &slopes));
    if args.forget.is_none() {
        let defined = gradients::by_definition(&model, &batch);
        verdicts.push(Verdict::new("the definition, f32", &defined, &slopes));
        for isa in Isa::all() {
            let step = gradients::of_a_step(&config, &data, &model, isa)?;
            verdicts.push(Verdict::new(&format!("a step, {}", isa.name()), &step, &slopes));
        }
    }
    let worst = verdicts.iter().map(|verdict| verdict.relative).fold(0.0, f64::max);
    let mut output = Output::default();
    if args.json {
        output.line(as_json(args, &data, classes, &slopes, &verdicts));
    } else {
        let name = sets.info.name.as_deref().unwrap_or("unnamed data");
        let text = describe(args, (name, &data), classes, &slopes, &verdicts);
        output.line(text.trim_end_matches('\n'));
    }
    output.finish()?;
    if worst <= args.tolerance {
        return Ok(());
    }
    let message = format!(
        "the gradient is not the slope of the loss: relative error {worst:.1e}, tolerance {:.0e}",
        args.tolerance
    );
    let remedy = match args.forget {
        Some(_) => "that is what --forget is for; leave it out",
        None if worst <= GradcheckArgs::TOLERANCE => {
            "that may be rounding, of the f32 and of the slopes; the default of --tolerance allows for it"
        }
        None => "please report it with your processor's name and this command",
    };
    Err(Failure::new(Code::Diverged, message).remedy(remedy))
}

impl Verdict {
    /// Compares a gradient with the slopes.
    ///
    /// The relative error is `|g - slope| / max(|g|, |slope|)`, where the divisor is at least a thousandth of
    /// the largest slope: what is nothing beside the others may be rounding alone.
    fn new(name: &str, gradient: &[f64], slopes: &[f64]) -> Self {
        let least = slopes.iter().fold(0.0, |most: f64, slope| most.max(slope.abs())) / 1e3;
        let mut verdict =
            Self { name: name.to_owned(), largest: 0.0, relative: 0.0, worst: 0, found: 0.0 };
        for (i, (&g, &slope)) in gradient.iter().zip(slopes).enumerate() {
            let difference = (g - slope).abs();
            let size = g.abs().max(slope.abs()).max(least);
            let relative = if difference == 0.0 { 0.0 } else { difference / size };
            verdict.largest = verdict.largest.max(difference);
            if i == 0 || relative > verdict.relative || relative.is_nan() {
                (verdict.relative, verdict.worst, verdict.found) = (relative, i, g);
            }
        }
        verdict
    }
}

/// A parameter by its indices.
fn coordinate(
    parameter: usize,
    classes: usize,
    (features, image): (usize, Option<(usize, usize)>),
) -> String {
    let (feature, class) = (parameter / classes, parameter % classes);
    match image {
        _ if feature >= features => format!("b[{class}]"),
        Some((_, width)) => format!("W[({}, {}), {class}]", feature / width, feature % width),
        None => format!("W[{feature}, {class}]"),
    }
}

fn describe(
    args: &GradcheckArgs,
    (name, data): (&str, &Dataset),
    classes: usize,
    slopes: &[f64],
    verdicts: &[Verdict],
) -> String {
    let columns = Screen::stdout(GraphicsName::Auto).columns();
    let (count, form) = (data.len(), (data.features(), data.image_shape()));
    let s = if count == 1 { "" } else { "s" };
    let mut lines = wrap(
        &format!(
            "loss L: the mean cross-entropy of {count} image{s} ({name}), {} {}, \
             {classes} classes, weights of seed {}",
            form.0,
            if form.1.is_some() { "pixels" } else { "features" },
            args.seed
        ),
        columns,
    );
    lines += &wrap(
        &format!(
            "slope: (L(w + h) - L(w - h)) / 2h in f64, h = {H:.1e}, for each of the {} \
             parameters, all others held",
            slopes.len()
        ),
        columns,
    );
    let formula = match args.forget {
        None => "gradient: x^T (p - y) / B, the formula that training uses".to_owned(),
        Some(forget) => format!("gradient: x^T (p - y) / B, without {}", without(forget)),
    };
    lines += &wrap(&formula, columns);
    for verdict in verdicts {
        lines.push('\n');
        let at = coordinate(verdict.worst, classes, form);
        let verdict_word = if verdict.relative <= args.tolerance { "right" } else { "WRONG" };
        lines += &wrap(&format!("{}: {verdict_word}", verdict.name), columns);
        lines += &wrap(&format!("  largest difference {:.1e}", verdict.largest), columns);
        lines +=
            &wrap(&format!("  largest relative error {:.1e}, at {at}:", verdict.relative), columns);
        lines += &wrap(&format!("  gradient {:+.9e}", verdict.found), columns);
        lines += &wrap(&format!("  slope    {:+.9e}", slopes[verdict.worst]), columns);
    }
    lines
}

fn without(forget: Forget) -> &'static str {
    match forget {
        Forget::Mean => "the division by the number of images",
        Forget::Label => "taking 1 from the true class's probability",
        Forget::Scale => "the factor 1/255 of the pixels",
    }
}

fn as_json(
    args: &GradcheckArgs,
    data: &Dataset,
    classes: usize,
    slopes: &[f64],
    verdicts: &[Verdict],
) -> serde_json::Value {
    let form = (data.features(), data.image_shape());
    let gradients = verdicts.iter().map(|verdict| {
        json!({
            "name": verdict.name,
            "max_difference": verdict.largest,
            "max_relative_error": verdict.relative,
            "worst": coordinate(verdict.worst, classes, form),
            "gradient": verdict.found,
            "slope": slopes[verdict.worst],
            "right": verdict.relative <= args.tolerance,
        })
    });
    json!({
        "images": data.len(),
        "parameters": slopes.len(),
        "h": H,
        "tolerance": args.tolerance,
        "gradients": gradients.collect::<Vec<_>>(),
    })
}
