//! The line that tells of an epoch on stderr: a sparkline of the loss, and the validation.

use pictures::terminal::sparkline;

use crate::console::nats;
use crate::history::History;
use crate::screen::Screen;

/// Bars of a sparkline.
const BARS: usize = 12;

/// The line of the last epoch of `history`, as wide as the screen or less; nothing before its end.
///
/// All epochs are on one scale, whose top is the first loss of the run.
pub(crate) fn epoch_line(history: &History, screen: &Screen) -> Option<String> {
    let epoch = history.epochs.last()?;
    let full = history.steps.first().map_or(1.0, |step| step.loss);
    let steps = history.steps.iter().filter(|step| step.epoch == epoch.epoch);
    let losses: Vec<f64> = steps.map(|step| step.loss).collect();
    // Bars need no colours.
    let graphics = screen.graphics(usize::MAX, 1);
    let mut parts = vec![format!("epoch {:2}", epoch.epoch)];
    let bars = sparkline(&losses, full, graphics, BARS);
    if !bars.is_empty() {
        parts.push(bars);
    }
    match epoch.validation_all {
        Some(set) => {
            parts.push(format!("valid loss {}", nats(set.loss, 3)));
            parts.push(format!("accuracy {:.1}%", 100.0 * set.accuracy));
        }
        None => parts.extend(losses.last().map(|&loss| format!("loss {}", nats(loss, 3)))),
    }
    parts.push(format!("{:.2} s", epoch.seconds));
    let mut line = String::new();
    for part in parts {
        let longer = if line.is_empty() { part } else { format!("{line}  {part}") };
        if longer.chars().count() > screen.columns() {
            break;
        }
        line = longer;
    }
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Epoch, Set, Step};
    use crate::screen::tests::screen;

    #[test]
    fn as_much_as_fits() {
        let step = |step, epoch, loss| Step {
            epoch,
            iteration: 0,
            step,
            loss,
            accuracy: 0.5,
            loss_after: loss,
            accuracy_after: 0.5,
        };
        let mut history = History::default();
        assert_eq!(epoch_line(&history, &screen(80, true, true)), None);
        history.steps = vec![step(1, 1, 2.0), step(2, 1, 1.0), step(3, 2, 0.5), step(4, 2, 0.3)];
        let set = Some(Set { count: 9, loss: 0.4, accuracy: 0.888 });
        history.epochs =
            vec![Epoch { epoch: 2, validation: set, validation_all: set, seconds: 0.05 }];
        for (columns, unicode, expected) in [
            (80, true, Some("epoch  2  ▃▂  valid loss 0.400  accuracy 88.8%  0.05 s")),
            (44, true, Some("epoch  2  ▃▂  valid loss 0.400")),
            (20, true, Some("epoch  2  ▃▂")),
            (20, false, Some("epoch  2  -:")),
            (9, false, Some("epoch  2")),
            (3, true, None),
        ] {
            let line = epoch_line(&history, &screen(columns, unicode, true));
            assert_eq!(line.as_deref(), expected, "{columns}");
        }
    }
}
