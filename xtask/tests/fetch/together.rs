//! A run that is killed and one that comes after it; two runs at once.

use std::env;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use xtask::fetch::{self, Silent};

use crate::made::{IMAGES, Place, fault, hurried, images, labels};
use crate::resume::{FROM, PART, resumed_at};
use crate::server::Server;

const CHILD: &str = "XTASK_TEST_KILLED_CHILD";

/// Not a test of its own: the run that `killed_then_run_again` kills.
#[test]
fn child_to_be_killed() {
    let Ok(work) = env::var(CHILD) else { return };
    let (base, target) = work.split_once(' ').unwrap();
    let mut job = Place::new(&[images()]).job(&[base]);
    job.target = target.into();
    job.patience.read = Duration::from_secs(20);
    job.patience.window = Duration::from_secs(20);
    job.patience.overall = Duration::from_secs(20);
    let _ = fetch::fetch(&job, &mut Silent);
}

#[test]
fn killed_then_run_again() {
    let place = Place::new(&[images()]);
    let server = Server::start(|seen, answer| match (seen.number, seen.from) {
        (0, _) => {
            answer.cut(&images().gz, FROM);
            answer.be_silent(Duration::from_secs(20));
        }
        (_, Some(from)) => answer.partial(&images().gz, from),
        (_, None) => answer.ok(&images().gz),
    });
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "together::child_to_be_killed"])
        .env(CHILD, format!("{} {}", server.base(), place.target().display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(|| fs::metadata(place.path(PART)).is_ok_and(|m| m.len() == FROM as u64));
    child.kill().unwrap();
    child.wait().unwrap();
    place.nothing_wrong_stands(&[]);
    assert!(!place.path(IMAGES).exists());

    // The lock went with the process; the bytes did not.
    let done = place.fetch(&[server.base()]).unwrap();
    assert_eq!(resumed_at(&done[0].origin), FROM as u64);
    assert_eq!(server.seen()[1].from, Some(FROM));
}

#[track_caller]
pub fn wait_for(mut what: impl FnMut() -> bool) {
    let start = Instant::now();
    while !what() {
        assert!(start.elapsed() < Duration::from_secs(10), "it never came");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn two_at_once_ask_once() {
    let place = Place::new(&[images(), labels()]);
    let server = Server::start(|seen, answer| {
        answer.be_silent(Duration::from_millis(100));
        let made = if seen.path.contains("images") { images() } else { labels() };
        answer.ok(&made.gz);
    });
    let job = place.job(&[server.base()]);
    let (one, two) = thread::scope(|scope| {
        let one = scope.spawn(|| fetch::fetch(&job, &mut Silent));
        let two = scope.spawn(|| fetch::fetch(&job, &mut Silent));
        (one.join().unwrap(), two.join().unwrap())
    });
    assert_eq!((one.unwrap().len(), two.unwrap().len()), (2, 2));
    assert_eq!(server.n_seen(), 2);
    place.nothing_wrong_stands(&[]);
}

#[test]
fn the_one_that_waits_too_long_says_what_to_do() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| {
        answer.be_silent(Duration::from_secs(20));
    });
    let mut patient = place.job(&[server.base()]);
    patient.patience = hurried();
    patient.patience.read = Duration::from_millis(500);
    let mut hasty = patient.clone();
    hasty.patience.lock = Duration::from_millis(60);
    thread::scope(|scope| {
        let first = scope.spawn(|| fetch::fetch(&patient, &mut Silent));
        wait_for(|| server.n_seen() > 0);
        let (code, text) = fault(fetch::fetch(&hasty, &mut Silent));
        assert_eq!(code, 4);
        assert!(text.contains("another") && text.contains("run this again"), "{text}");
        assert_eq!(fault(first.join().unwrap()).0, 5);
    });
}
