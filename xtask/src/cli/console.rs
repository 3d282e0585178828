//! Shows a fetch on stderr: a bar on a terminal, plain lines elsewhere.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressStyle};

use crate::fetch::{Dataset, FileDone, Match, Origin, Report, host};

/// The view of one fetch.
pub struct Console {
    name_width: usize,
    is_terminal: bool,
    bar: Option<ProgressBar>,
}

impl Console {
    /// Makes a view wide enough for the data set's names.
    pub fn new(dataset: &Dataset) -> Self {
        let name_width = dataset.files.iter().map(|f| f.name.len()).max().unwrap_or(0);
        Self { name_width, is_terminal: stderr().is_terminal(), bar: None }
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| eprintln!("{text}")),
            None => eprintln!("{text}"),
        }
    }
}

impl Report for Console {
    fn begin(&mut self, file: &str, done: u64, total: u64, from: Option<&str>) {
        if !self.is_terminal {
            // A folder is read in the blink of an eye: the line that says so at the end is enough.
            let Some(from) = from else { return };
            let from_byte = match done {
                0 => String::new(),
                n => format!(", from byte {n} on"),
            };
            eprintln!("  {file}: {} from {from}{from_byte}", HumanBytes(total));
            return;
        }
        let template = "  {prefix} {wide_bar} {bytes} of {total_bytes}  {bytes_per_sec}";
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = ProgressBar::new(total)
            .with_style(style)
            .with_prefix(format!("{file:width$}", width = self.name_width));
        // What an earlier run fetched is not this run's speed.
        bar.set_position(done);
        bar.reset_eta();
        self.bar = Some(bar);
    }

    fn position(&mut self, bytes: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(bytes);
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn done(&mut self, file: &FileDone) {
        let size = HumanBytes(file.n_bytes).to_string();
        let text = story(file);
        self.line(&format!("  {:width$} {size:>10}  {text}", file.name, width = self.name_width));
        for attempt in &file.failed {
            self.line(&format!("    not from {}: {}", host(&attempt.source), attempt.fault));
        }
    }

    fn say(&mut self, line: &str) {
        self.line(&format!("  {line}"));
    }
}

/// One file's story in one line.
fn story(file: &FileDone) -> String {
    let mut text = match &file.origin {
        Origin::AlreadyThere => "already there, verified".to_owned(),
        Origin::EarlierRun => "fetched by an earlier run, verified".to_owned(),
        Origin::Copy { path } => match path.file_name() {
            Some(name) if name != file.name.as_str() => {
                format!("copied from {}, verified", name.display())
            }
            _ => "copied, verified".to_owned(),
        },
        Origin::Download { url, resumed_at } => {
            let speed = match file.took {
                took if took > Duration::from_millis(50) => {
                    let per_second = (file.n_bytes - resumed_at) as f64 / took.as_secs_f64();
                    format!(" at {}/s", HumanBytes(per_second as u64))
                }
                _ => String::new(),
            };
            let resumed = if *resumed_at > 0 { ", resumed" } else { "" };
            format!("from {}{speed}{resumed}, verified", host(url))
        }
    };
    if file.matched == Match::Repacked {
        text.push_str(" (packed anew, the same data)");
    }
    if file.replaced {
        text.push_str("; the wrong file there is replaced");
    }
    text
}
