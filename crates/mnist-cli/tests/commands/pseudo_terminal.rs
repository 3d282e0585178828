//! `mnist watch` in a pseudo-terminal: keys work, the run is the same bits, and the terminal is given back
//! whatever happens.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use super::common::Sandbox;
use super::sandbox;

/// Longer than any of this takes on a busy machine; nothing waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program in a terminal of its own.
struct Session {
    controller: OwnedFd,
    user: OwnedFd,
    child: Child,
    seen: Arc<Mutex<String>>,
}

impl Session {
    fn start(sandbox: &Sandbox, words: &[&str]) -> Self {
        let session = Self::unread(sandbox, words);
        let mut screen = File::from(session.controller.try_clone().unwrap());
        let into = Arc::clone(&session.seen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut bytes) {
                into.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        session
    }

    /// Starts it in a terminal that shows nothing of what is drawn.
    fn unread(sandbox: &Sandbox, words: &[&str]) -> Self {
        let controller = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&controller).unwrap();
        unlockpt(&controller).unwrap();
        let name = ptsname(&controller, Vec::new()).unwrap();
        let user = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&user, size).unwrap();
        let end = || Stdio::from(user.try_clone().unwrap());
        let child = sandbox
            .command(words)
            .env("TERM", "xterm-256color")
            .env("COLORTERM", "truecolor")
            .env("LC_ALL", "C.UTF-8")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        Self { controller, user, child, seen: Arc::default() }
    }

    fn seen(&self) -> String {
        self.seen.lock().unwrap().clone()
    }

    /// Waits until something new shows on the screen.
    #[track_caller]
    fn wait_for(&self, what: &str) {
        let from = self.seen().len();
        self.wait_from(from, what);
    }

    #[track_caller]
    fn wait_from(&self, from: usize, what: &str) {
        let started = Instant::now();
        while !self.seen().get(from..).is_some_and(|seen| seen.contains(what)) {
            assert!(started.elapsed() < PATIENCE, "no {what:?} in\n{:?}", self.seen());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Presses keys, and waits until `what` shows.
    #[track_caller]
    fn press(&self, keys: &str, what: &str) {
        let from = self.seen().len();
        rustix::io::write(&self.controller, keys.as_bytes()).unwrap();
        self.wait_from(from, what);
    }

    /// Whether the terminal takes keys one by one and unseen.
    fn is_raw(&self) -> bool {
        let modes = tcgetattr(self.user.as_fd()).unwrap().local_modes;
        !modes.contains(LocalModes::ICANON) && !modes.contains(LocalModes::ECHO)
    }

    /// Waits for the end; the terminal must be as it was. Returns the exit code and what was printed after.
    #[track_caller]
    fn end(mut self) -> (Option<i32>, String) {
        let started = Instant::now();
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            if started.elapsed() >= PATIENCE {
                let _ = self.child.kill();
                panic!("still running:\n{:?}", self.seen());
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(!self.is_raw(), "the terminal is still raw");
        let left = "\x1b[?1049l";
        self.wait_from(0, left);
        // What comes after is written before the end.
        std::thread::sleep(Duration::from_millis(50));
        let seen = self.seen();
        assert_eq!(seen.matches("\x1b[?1049h").count(), 1, "{seen:?}");
        let (_, after) = seen.rsplit_once(left).unwrap();
        assert!(after.contains("\x1b[?25h"), "the cursor is shown again: {after:?}");
        (code, after.replace("\x1b[?25h", ""))
    }
}

#[test]
fn keys_work_and_the_whole_run_is_the_same_bits() {
    let sandbox = sandbox();
    let session = Session::start(&sandbox, &["watch", "run", "--speed", "1"]);
    session.wait_for("space pause/go on");
    assert!(session.is_raw());
    session.press(" ", "paused (1 step/s)");
    session.press("s", "step 1/30");
    session.press("s", "step 2/30");
    session.press("\x1b[C", "paused (2 steps/s)");
    session.press("\x1b[D", "paused (1 step/s)");
    // Faster and faster, to full speed.
    session.press(&"\x1b[C".repeat(10), "paused (full speed)");
    session.press(" ", "the run is over");
    assert!(session.seen().contains("step 30/30"));
    rustix::io::write(&session.controller, b"q").unwrap();
    let (code, after) = session.end();
    assert_eq!(code, Some(0), "{after}");
    assert!(after.contains("equal to the run's model, bit for bit"), "{after}");
}

#[test]
fn leaving_early_restores_the_terminal() {
    let sandbox = sandbox();
    // Control-C is a key while the terminal is raw.
    for key in ["q", "\x03", "Q"] {
        let session = Session::start(&sandbox, &["watch", "run", "--speed", "1"]);
        session.wait_for("space pause/go on");
        rustix::io::write(&session.controller, key.as_bytes()).unwrap();
        let (code, after) = session.end();
        assert_eq!(code, Some(0), "{after}");
        assert!(after.contains("left after step") && after.contains("of 30"), "{after}");
    }
}

#[test]
fn signals_restore_the_terminal() {
    let sandbox = sandbox();
    for (signal, expected) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let session = Session::start(&sandbox, &["watch", "run", "--speed", "1"]);
        session.wait_for("space pause/go on");
        kill_process(Pid::from_child(&session.child), signal).unwrap();
        let (code, after) = session.end();
        assert_eq!(code, Some(expected), "{after}");
        assert!(after.contains("ended by signal"), "{after}");
    }
}

/// As after Ctrl-S: what it draws is not taken, and it waits for that.
#[test]
fn a_signal_ends_a_program_that_waits_for_its_terminal() {
    let sandbox = sandbox();
    let mut session = Session::unread(&sandbox, &["watch", "run", "--speed", "1000"]);
    let drawn = || rustix::io::ioctl_fionread(&session.controller).unwrap();
    let started = Instant::now();
    loop {
        assert!(started.elapsed() < PATIENCE, "it never waits");
        let before = drawn();
        std::thread::sleep(Duration::from_millis(300));
        if before > 0 && drawn() == before {
            break;
        }
    }
    assert!(session.is_raw());
    kill_process(Pid::from_child(&session.child), Signal::TERM).unwrap();
    let started = Instant::now();
    let code = loop {
        match session.child.try_wait().unwrap() {
            Some(status) => break status.code(),
            None if started.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
            None => {
                let _ = session.child.kill();
                panic!("still running");
            }
        }
    };
    assert_eq!(code, Some(143));
    assert!(!session.is_raw(), "the terminal is still raw");
}

#[test]
fn a_run_that_is_another_is_told_of_after_the_terminal_is_back() {
    let sandbox = sandbox();
    sandbox.ok("train --quiet --data data --validation 500 --epochs 1 --seed 1 --out other");
    std::fs::copy(sandbox.path("other/model.safetensors"), sandbox.path("run/model.safetensors"))
        .unwrap();
    let session = Session::start(&sandbox, &["watch", "run", "--speed", "1000"]);
    session.wait_for("the run is over");
    rustix::io::write(&session.controller, b"q").unwrap();
    let (code, after) = session.end();
    assert_eq!(code, Some(6), "{after}");
    assert!(after.contains("another SHA-256"), "{after}");
}
