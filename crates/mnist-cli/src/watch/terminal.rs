//! The terminal while a run is watched: taken over, drawn in, and given back whatever happens.
//!
//! It is given back when [`Terminal`] is dropped: on return, on an error and on a panic, whose message is
//! printed after that. SIGINT, SIGTERM and SIGHUP raise a flag that the loop reads. Where it does not come to that, because
//! nobody takes what it draws, the program ends after a while: keys are seen again, but the screen can't be put back.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};
use crossterm::{cursor, execute, terminal};

use super::control::Key;
use crate::failure::Failure;

/// How often it is looked whether a signal has come.
const LOOK: Duration = Duration::from_millis(100);
/// How long the loop has time to hear of it.
const PATIENCE: Duration = Duration::from_secs(1);

/// What came from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Key(Key),
    /// A signal's number.
    Signal(i32),
    Resized,
    Nothing,
}

/// The terminal, taken over.
pub(super) struct Terminal {
    signals: Vec<(i32, Arc<AtomicBool>)>,
}

impl Terminal {
    /// Takes it over: keys come one by one and unseen, and the screen is another one.
    pub(super) fn enter() -> io::Result<Self> {
        let terminal = Self { signals: signals()? };
        end_if_unheard(terminal.signals.clone());
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            earlier(panic);
        }));
        terminal::enable_raw_mode()?;
        // From here on dropping restores, whatever fails.
        execute!(io::stdout(), terminal::EnterAlternateScreen, cursor::Hide)?;
        Ok(terminal)
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        let (columns, rows) = terminal::size().unwrap_or((80, 24));
        (usize::from(columns).max(1), usize::from(rows).max(1))
    }

    /// Shows a text, cut at the bottom, with a line at the foot.
    pub(super) fn show(&mut self, text: &str, foot: &str, rows: usize) -> io::Result<()> {
        let mut frame = String::from("\x1b[H");
        for line in text.lines().take(rows.saturating_sub(1)) {
            frame.push_str(line);
            // Clears what stood there before; raw mode wants the return.
            frame.push_str("\x1b[K\r\n");
        }
        frame.push_str("\x1b[J");
        frame.push_str(&format!("\x1b[{rows};1H{foot}\x1b[K"));
        let mut stdout = io::stdout().lock();
        stdout.write_all(frame.as_bytes())?;
        stdout.flush()
    }

    /// Waits for something, at most so long.
    pub(super) fn listen(&mut self, most: Duration) -> io::Result<Heard> {
        let raised = |(signal, flag): &(i32, Arc<AtomicBool>)| {
            flag.load(Ordering::Relaxed).then_some(*signal)
        };
        let heard = match event::poll(most) {
            Ok(true) => heard(&event::read()?),
            Ok(false) => Heard::Nothing,
            // A signal may cut the waiting short; its flag is up.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Heard::Nothing,
            Err(error) => return Err(error),
        };
        Ok(self.signals.iter().find_map(raised).map_or(heard, Heard::Signal))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back. Nothing can be done where it fails.
fn restore() {
    let _ = execute!(io::stdout(), terminal::LeaveAlternateScreen, cursor::Show);
    let _ = terminal::disable_raw_mode();
}

/// Ends the program where it has not ended so long after a signal: its thread waits for the terminal.
fn end_if_unheard(signals: Vec<(i32, Arc<AtomicBool>)>) {
    let watch = move || loop {
        std::thread::sleep(LOOK);
        let raised = signals.iter().find(|(_, flag)| flag.load(Ordering::Relaxed));
        if let Some((signal, _)) = raised {
            std::thread::sleep(PATIENCE);
            let _ = terminal::disable_raw_mode();
            std::process::exit(Failure::signal(*signal).code().into());
        }
    };
    // Without it, all else works.
    let _ = std::thread::Builder::new().spawn(watch);
}

#[cfg(unix)]
fn signals() -> io::Result<Vec<(i32, Arc<AtomicBool>)>> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let register = |signal| {
        let flag = Arc::new(AtomicBool::new(false));
        signal_hook::flag::register(signal, Arc::clone(&flag))?;
        Ok((signal, flag))
    };
    [SIGINT, SIGTERM, SIGHUP].into_iter().map(register).collect()
}

#[cfg(not(unix))]
fn signals() -> io::Result<Vec<(i32, Arc<AtomicBool>)>> {
    Ok(Vec::new())
}

/// What an event of the terminal means here.
fn heard(event: &Event) -> Heard {
    let key = match event {
        Event::Resize(..) => return Heard::Resized,
        Event::Key(key) if key.kind != KeyEventKind::Release => key,
        _ => return Heard::Nothing,
    };
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    Heard::Key(match key.code {
        KeyCode::Char('c') if is_control => Key::Quit,
        KeyCode::Char(' ') => Key::Pause,
        KeyCode::Right => Key::Faster,
        KeyCode::Left => Key::Slower,
        KeyCode::Char('s' | 'S') => Key::Step,
        KeyCode::Char('q' | 'Q') | KeyCode::Esc => Key::Quit,
        _ => return Heard::Nothing,
    })
}
