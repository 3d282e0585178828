//! Ctrl-C and SIGTERM: the first asks the run to stop, a second one ends the program at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::failure::{Code, Failure};

/// The signals of this process, from the moment they are watched.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// The next one ends the program at once.
    at_once: Arc<AtomicBool>,
    /// The exit code that the first one asks for; 0 before it.
    asked: Arc<AtomicUsize>,
}

impl Signals {
    /// Watches. Until [`Signals::wait_for_steps`], a signal ends the program at once, as it would without.
    pub(crate) fn watch() -> Result<Self, Failure> {
        let signals =
            Self { at_once: Arc::new(AtomicBool::new(true)), asked: Arc::new(AtomicUsize::new(0)) };
        signals.register().map_err(|error| {
            Failure::new(Code::Io, format_args!("signals cannot be watched: {error}"))
        })?;
        Ok(signals)
    }

    fn register(&self) -> io::Result<()> {
        for (signal, code) in [(SIGINT, Code::Interrupted), (SIGTERM, Code::Terminated)] {
            // In this order: the first signal must not find what it sets itself.
            let at_once = || Arc::clone(&self.at_once);
            flag::register_conditional_shutdown(signal, i32::from(code as u8), at_once())?;
            flag::register_usize(signal, Arc::clone(&self.asked), usize::from(code as u8))?;
            flag::register(signal, at_once())?;
        }
        // A file that grows past the limit of its size is an error to be told, not a silent end.
        #[cfg(unix)]
        flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
        Ok(())
    }

    /// From here on the first signal only asks: [`Signals::asked`] tells of it.
    pub(crate) fn wait_for_steps(&self) {
        self.at_once.store(false, Ordering::SeqCst);
    }

    /// From here on a signal ends the program at once again.
    pub(crate) fn end_at_once(&self) {
        self.at_once.store(true, Ordering::SeqCst);
    }

    /// What to exit with, once a signal has asked for it.
    pub(crate) fn asked(&self) -> Option<Code> {
        match self.asked.load(Ordering::Relaxed) {
            0 => None,
            code if code == Code::Interrupted as usize => Some(Code::Interrupted),
            _ => Some(Code::Terminated),
        }
    }
}
