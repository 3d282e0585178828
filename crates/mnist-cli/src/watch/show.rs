//! The observer that shows a run: draws after every step, and holds training up until the next is due.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use model::trainer::Score;
use model::{Event, Observer, Parameters};

use super::control::{Control, FRAME};
use super::frame::Scene;
use super::terminal::{Heard, Terminal};
use crate::args::GraphicsName;
use crate::failure::{Code, Failure};
use crate::screen::Screen;

/// What is said below the picture.
const KEYS: &str = "space pause/go on  arrows speed  s step  q quit";
const OVER: &str = "the run is over  q quit";

/// Why watching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The person left after this step, or the run was over.
    Quit(u64),
    /// A signal of this number.
    Signal(i32),
}

/// A run that is shown.
pub(super) struct Show<'a> {
    scene: Scene<'a>,
    way: Way,
}

enum Way {
    /// One picture, after this step.
    Still(u64),
    Live(Box<Live>),
}

struct Live {
    control: Control,
    terminal: Terminal,
    graphics: GraphicsName,
    /// When the last step was shown, and when the last picture was drawn.
    stepped: Instant,
    drawn: Option<Instant>,
    signal: Option<i32>,
    failed: Option<std::io::Error>,
}

impl<'a> Show<'a> {
    /// Trains up to a step and keeps what is to be seen.
    pub(super) fn still(scene: Scene<'a>, at: u64) -> Self {
        Self { scene, way: Way::Still(at) }
    }

    /// Draws in the terminal as the keys say.
    pub(super) fn live(
        scene: Scene<'a>,
        control: Control,
        terminal: Terminal,
        graphics: GraphicsName,
    ) -> Self {
        let (stepped, drawn) = (Instant::now(), None);
        let live = Live { control, terminal, graphics, stepped, drawn, signal: None, failed: None };
        Self { scene, way: Way::Live(Box::new(live)) }
    }

    /// What is to be seen.
    pub(super) fn scene(&self) -> &Scene<'a> {
        &self.scene
    }

    /// Shows the last picture until the person leaves, where the run `is_whole`; gives the terminal back.
    pub(super) fn end(self, is_whole: bool) -> Result<End, Failure> {
        let Way::Live(mut live) = self.way else { return Ok(End::Quit(self.scene.step)) };
        while is_whole && !live.is_over() {
            live.draw(&self.scene, OVER);
            live.listen(FRAME);
        }
        // Dropping the terminal restores it, before anything is said.
        let Live { terminal, signal, failed, .. } = *live;
        drop(terminal);
        match (signal, failed) {
            (Some(signal), _) => Ok(End::Signal(signal)),
            (None, Some(error)) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Code::Io, format_args!("the terminal: {error}")))
            }
            _ => Ok(End::Quit(self.scene.step)),
        }
    }

    /// Whether this is after all that is to be seen.
    fn is_past(&self, event: &Event<'_>) -> bool {
        match (&self.way, event) {
            (Way::Live(live), _) => live.is_over(),
            (Way::Still(at), Event::Step { step, .. }) => step > at,
            (Way::Still(at), Event::EpochStarted { epoch }) => *epoch > 1 && self.scene.step >= *at,
            _ => false,
        }
    }
}

impl Live {
    /// Whether nobody watches any more.
    fn is_over(&self) -> bool {
        self.control.has_quit() || self.signal.is_some() || self.failed.is_some()
    }

    fn draw(&mut self, scene: &Scene<'_>, foot: &str) {
        let (columns, rows) = self.terminal.size();
        let screen = Screen::stdout(self.graphics);
        let foot = format!("{}  {foot}", self.control.state());
        let foot: String = foot.chars().take(columns.saturating_sub(1)).collect();
        let text = scene.draw(&screen, Some(rows.saturating_sub(2)));
        self.failed = self.terminal.show(&text, &foot, rows).err();
        self.drawn = Some(Instant::now());
    }

    /// Waits for keys and signals, at most so long.
    fn listen(&mut self, most: Duration) {
        match self.terminal.listen(most) {
            Ok(Heard::Key(key)) => self.control.press(key),
            Ok(Heard::Signal(signal)) => self.signal = Some(signal),
            Ok(Heard::Resized) => self.drawn = None,
            Ok(Heard::Nothing) => {}
            Err(error) => self.failed = Some(error),
        }
    }

    /// Shows a step until the next is due.
    fn hold(&mut self, scene: &Scene<'_>) {
        loop {
            let state = self.control.state();
            if self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
                self.draw(scene, KEYS);
            }
            let waited = self.stepped.elapsed();
            if self.is_over() || self.control.is_due(waited) {
                self.stepped = Instant::now();
                return;
            }
            let rest = self.control.interval().saturating_sub(waited);
            self.listen(rest.clamp(Duration::from_millis(1), FRAME));
            if self.control.state() != state {
                self.drawn = None;
            }
        }
    }
}

impl Observer for Show<'_> {
    fn on(&mut self, event: Event<'_>) -> ControlFlow<()> {
        if self.is_past(&event) {
            return ControlFlow::Break(());
        }
        match event {
            Event::EpochStarted { epoch } => self.scene.begin(epoch),
            Event::Step { iteration, step, before, .. } => {
                self.scene.stepped(iteration, step, before);
            }
            Event::Epoch { validation_all: Some(all), .. } => {
                self.scene.validated(Score { loss: all.loss, accuracy: all.accuracy() });
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn wants_parameters(&self, steps: u64) -> bool {
        match self.way {
            Way::Still(at) => steps == at,
            Way::Live(_) => true,
        }
    }

    fn on_parameters(&mut self, _: u64, parameters: Parameters) {
        self.scene.learned(parameters);
        if let Way::Live(live) = &mut self.way
            && !self.scene.is_over()
        {
            live.hold(&self.scene);
        }
    }
}
