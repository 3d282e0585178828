//! The keys, and when the next step is due: a state machine without a terminal or a clock.

use std::time::Duration;

/// Steps a second that the arrows go through; 0 is as fast as the screen is drawn.
const SPEEDS: [u32; 10] = [1, 2, 5, 10, 20, 50, 100, 250, 1000, 0];

/// The time between two drawings, at least.
pub(super) const FRAME: Duration = Duration::from_millis(40);

/// What a person presses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    /// Space: pause, or go on.
    Pause,
    /// Right: the next speed.
    Faster,
    /// Left: the speed before.
    Slower,
    /// s: one step, then pause.
    Step,
    /// q, Escape, Ctrl-C: leave.
    Quit,
}

/// Whether training goes on, and how fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Control {
    speed: usize,
    paused: bool,
    single: bool,
    quit: bool,
}

impl Control {
    /// Runs at the listed speed nearest above `steps_per_second`.
    pub(super) fn new(steps_per_second: u32) -> Self {
        let listed = SPEEDS.iter().position(|&speed| speed >= steps_per_second);
        let speed = listed.unwrap_or(SPEEDS.len() - 1);
        Self { speed, paused: false, single: false, quit: false }
    }

    /// Takes a key.
    pub(super) fn press(&mut self, key: Key) {
        match key {
            Key::Pause => self.paused = !self.paused,
            Key::Faster => self.speed = (self.speed + 1).min(SPEEDS.len() - 1),
            Key::Slower => self.speed = self.speed.saturating_sub(1),
            Key::Step => (self.paused, self.single) = (true, true),
            Key::Quit => self.quit = true,
        }
    }

    /// Whether the next step is due, `waited` after the last; taking it ends a single step.
    pub(super) fn is_due(&mut self, waited: Duration) -> bool {
        if std::mem::take(&mut self.single) {
            return true;
        }
        !self.paused && waited >= self.interval()
    }

    /// The time between steps.
    pub(super) fn interval(&self) -> Duration {
        let speed = SPEEDS[self.speed];
        if speed == 0 { Duration::ZERO } else { Duration::from_secs(1) / speed }
    }

    /// Whether to leave.
    pub(super) fn has_quit(&self) -> bool {
        self.quit
    }

    /// What is going on, in words.
    pub(super) fn state(&self) -> String {
        let speed = match SPEEDS[self.speed] {
            0 => "full speed".to_owned(),
            1 => "1 step/s".to_owned(),
            speed => format!("{speed} steps/s"),
        };
        if self.paused { format!("paused ({speed})") } else { speed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn steps_are_due_by_the_speed() {
        let mut control = Control::new(10);
        assert!(!control.is_due(Duration::from_millis(99)));
        assert!(control.is_due(Duration::from_millis(100)));
        control.press(Key::Faster);
        assert_eq!((control.interval(), control.state()), (LONG / 1200, "20 steps/s".into()));
        (0..20).for_each(|_| control.press(Key::Faster));
        assert!(control.is_due(Duration::ZERO) && control.state() == "full speed");
        (0..20).for_each(|_| control.press(Key::Slower));
        assert_eq!(control.state(), "1 step/s");
        assert_eq!(Control::new(3).state(), "5 steps/s");
        assert_eq!(Control::new(5000).state(), "full speed");
    }

    #[test]
    fn a_pause_holds_until_space_and_lets_single_steps_through() {
        let mut control = Control::new(10);
        control.press(Key::Pause);
        assert!(!control.is_due(LONG) && control.state().starts_with("paused"));
        control.press(Key::Step);
        assert!(control.is_due(Duration::ZERO));
        assert!(!control.is_due(LONG));
        control.press(Key::Pause);
        assert!(control.is_due(LONG));
        // A single step pauses a run that goes.
        control.press(Key::Step);
        assert!(control.is_due(Duration::ZERO) && !control.is_due(LONG));
        assert!(!control.has_quit());
        control.press(Key::Quit);
        assert!(control.has_quit());
    }
}
