//! `mnist inspect`: what a file or folder holds.

mod checkpoint_file;
mod folder;
mod idx_file;
mod kept;
mod model_file;
mod run;
mod sets;
mod values;

use std::path::Path;

use model::{Checkpoint, Model};
use pictures::Picture;
use pictures::terminal::{Bar, Graphics, Titled, bars, grid, per_row};

use crate::args::InspectArgs;
use crate::checkpoints;
use crate::failure::Failure;
use crate::input::{Input, Kind};
use crate::output::Output;
use crate::resume;
use crate::run_file;
use crate::screen::Screen;

/// The most images that are drawn, in at most two rows.
const MOST_IMAGES: usize = 10;

/// What can be inspected, for whoever names something else.
const KNOWN: &str = "name an IDX file, a model, a checkpoint, a file that `--cache` keeps, or the folder of a data set or of a run";

/// What is known of a file or folder.
struct Report {
    /// One line: what it is.
    title: String,
    /// Names and values, a line each.
    facts: Vec<(&'static str, String)>,
    /// Histograms and images, each a paragraph of whole lines.
    drawings: Vec<String>,
    /// The same as one object.
    json: serde_json::Value,
}

pub(crate) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let screen = Screen::stdout(args.graphics);
    let path = &args.path;
    let report = if path.is_dir() {
        let of_run = [run_file::MODEL, checkpoints::NAME].map(|name| path.join(name));
        match (idx::presence(path)?, of_run.iter().find(|file| file.is_file())) {
            (idx::Presence::Absent, Some(file)) => {
                let mut report = of_safetensors(file, &screen)?;
                run::add(path, &mut report);
                report
            }
            (idx::Presence::Absent, None) if run_file::is_unfinished(path) => {
                return Err(run_file::unfinished(path));
            }
            _ => folder::inspect(path, &screen)?,
        }
    } else {
        let input = Input::open(path)?;
        let named_model = path.extension().is_some_and(|extension| extension == "safetensors");
        if input.kind == Kind::Model || named_model {
            of_safetensors(path, &screen)?
        } else if input.kind == Kind::Kept {
            kept::inspect(path, &screen)?
        } else {
            idx_file::inspect(path, &input, &screen)?
        }
    };
    let mut output = Output::default();
    if args.json {
        output.line(report.json);
    } else {
        output.line(report.title);
        let width = report.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in report.facts {
            output.line(format_args!("{name:width$}  {value}"));
        }
        for drawing in report.drawings {
            output.line(format_args!("\n{}", drawing.trim_end_matches('\n')));
        }
    }
    output.finish()
}

/// Reports of a model, or of a checkpoint.
fn of_safetensors(path: &Path, screen: &Screen) -> Result<Report, Failure> {
    if Checkpoint::is_claimed_by(path) {
        Ok(checkpoint_file::report(path, &resume::read_checkpoint(path)?))
    } else {
        Ok(model_file::report(path, Model::read(path)?, screen))
    }
}

/// Draws the first images of a shape (height, width): at most two rows. `image` makes the pixels and the
/// title of each.
fn draw(
    screen: &Screen,
    count: usize,
    (height, width): (usize, usize),
    image: impl Fn(usize) -> (Vec<u8>, String),
) -> Option<String> {
    if count == 0 || height == 0 || width == 0 {
        return None;
    }
    let graphics = screen.graphics(4, width);
    let first = image(0).0;
    let in_a_row = per_row(Picture::new(&first, (height, width)), graphics, screen.columns());
    let images: Vec<_> = (0..count.min(MOST_IMAGES).min(2 * in_a_row)).map(image).collect();
    let titled: Vec<_> = images
        .iter()
        .map(|(pixels, title)| Titled {
            title: title.clone(),
            picture: Picture::new(pixels, (height, width)),
        })
        .collect();
    Some(grid(&titled, graphics, screen.columns()))
}

/// Draws a histogram: how often there is what.
fn histogram(screen: &Screen, counts: impl IntoIterator<Item = (String, usize)>) -> String {
    let chart: Vec<Bar> = counts
        .into_iter()
        .map(|(label, count)| Bar { label, note: count.to_string(), value: count as f64 })
        .collect();
    let full = chart.iter().map(|bar| bar.value).fold(0.0, f64::max);
    bars(&chart, full, bar_graphics(screen), screen.columns())
}

/// What draws bars: they need no colours.
fn bar_graphics(screen: &Screen) -> Graphics {
    screen.graphics(usize::MAX, 1)
}

/// A count and its noun, as `1 image` and `2 images`.
fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
