//! The ladder in the terminal.

use kernels::Isa;
use pictures::terminal::{Bar, Graphics, bars};

use super::{BATCH, CLASSES, FEATURES, Timed};
use crate::screen::{Screen, wrap};

/// From this width on there is room for every figure before the bar.
const WIDE: usize = 72;

pub(super) fn describe(
    peaks: &[(Isa, f64)],
    forward: &[Timed],
    steps: &[Timed],
    screen: &Screen,
) -> String {
    let (columns, graphics) = (screen.columns(), screen.graphics(1, usize::MAX / 2));
    let peak = peaks.iter().map(|&(_, peak)| peak).fold(0.0, f64::max);
    let tiers: Vec<String> =
        peaks.iter().map(|(isa, peak)| format!("{} {peak:.1}", isa.name())).collect();
    let peaks = format!("peak: fused multiply-adds of one thread, GFLOP/s: {}", tiers.join(", "));
    let sums = format!(
        "forward: sums of {BATCH} images of {FEATURES} pixels for {CLASSES} classes, \
         {:.2} MFLOP",
        2.0 * (BATCH * FEATURES * CLASSES) as f64 / 1e6
    );
    let whole = format!(
        "step: sums, softmax, gradient, Adam; counted as the two products, {:.2} MFLOP",
        4.0 * (BATCH * FEATURES * CLASSES) as f64 / 1e6
    );
    let skipping = "One thread; the shortest of many times. Rates count the plain loops' work. Skipping leaves out tiles of 8 pixels \
                    without ink, two of three, so it can be beyond the peak. Portable code calls a function for each fused \
                    multiply-add, because not every processor has one; plain loops round twice and need none.";
    [
        wrap(&peaks, columns),
        "\n".to_owned(),
        wrap(&sums, columns),
        rows(forward, peak, graphics, columns),
        "\n".to_owned(),
        wrap(&whole, columns),
        rows(steps, peak, graphics, columns),
        "\n".to_owned(),
        wrap(skipping, columns),
    ]
    .concat()
}

fn rows(rows: &[Timed], peak: f64, graphics: Graphics, columns: usize) -> String {
    let fastest = rows.iter().map(Timed::gflops).fold(0.0, f64::max);
    let wide = columns >= WIDE;
    let chart: Vec<Bar> = rows
        .iter()
        .map(|row| {
            let rate = format!("{:.2} GFLOP/s", row.gflops());
            let share = format!("{:.0}%", 100.0 * row.gflops() / peak);
            let time = micros(1e6 * row.seconds);
            let images = format!("{:.2} M/s", row.images_per_second() / 1e6);
            let note = if wide {
                format!("{time:>9} {images:>11} {:>7.2} {share:>5}", row.gflops())
            } else {
                format!("{rate} {share}")
            };
            Bar { label: row.name.clone(), note, value: row.gflops() }
        })
        .collect();
    let width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let head =
        format!("{:width$}  {:>9} {:>11} {:>7} {:>5}\n", "", "µs", "images", "GFLOP/s", "peak");
    let head = if graphics == Graphics::Ascii { head.replace('µ', "u") } else { head };
    let head = if wide { head } else { String::new() };
    head + &bars(&chart, fastest, graphics, columns)
}

fn micros(micros: f64) -> String {
    if micros >= 1000.0 { format!("{micros:.0}") } else { format!("{micros:.1}") }
}
