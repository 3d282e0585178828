//! What an earlier run left: gone on with where that is right, thrown away where it is not.

use std::env;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use xtask::fetch::{self, Origin, Silent};

use crate::made::{IMAGES, Place, fault, hurried, images, labels};
use crate::server::{Answer, Seen, Server};

const PART: &str = "train-images-idx3-ubyte.gz.part";
const FROM: usize = 12_345;

/// Fetches with the first bytes of the file already there.
fn with_start(answer: impl Fn(&Seen, &mut Answer) + Send + Sync + 'static) -> (Server, Origin) {
    let place = Place::new(&[images()]);
    place.put(PART, &images().gz[..FROM]);
    let server = Server::start(answer);
    let mut done = place.fetch(&[server.base()]).unwrap();
    assert_eq!(server.seen()[0].from, Some(FROM));
    (server, done.remove(0).origin)
}

#[track_caller]
fn resumed_at(origin: &Origin) -> u64 {
    match origin {
        Origin::Download { resumed_at, .. } => *resumed_at,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_right_206() {
    let (server, origin) = with_start(|seen, answer| {
        answer.partial(&images().gz, seen.from.unwrap());
    });
    assert_eq!((server.n_seen(), resumed_at(&origin)), (1, FROM as u64));
}

#[test]
fn a_206_of_unknown_total() {
    let (server, origin) = with_start(|seen, answer| {
        let (gz, from) = (images().gz, seen.from.unwrap());
        let range = format!("bytes {from}-{}/*", gz.len() - 1);
        answer.full("206 Partial Content", &[("Content-Range", &range)], &gz[from..]);
    });
    assert_eq!((server.n_seen(), resumed_at(&origin)), (1, FROM as u64));
}

#[test]
fn a_206_with_a_wrong_range_is_not_used() {
    let last = images().gz.len() - 1;
    let total = images().gz.len();
    for range in [
        format!("bytes 0-{last}/{total}"),
        format!("bytes {}-{last}/{total}", FROM + 1),
        format!("bytes {FROM}-{last}/{}", total + 1),
        format!("bytes {FROM}-{}/{total}", last - 1),
        format!("bytes {last}-{FROM}/{total}"),
        format!("bytes {FROM}-18446744073709551615/{total}"),
        "bytes 0-18446744073709551615/*".to_owned(),
        format!("bytes */{total}"),
        "nonsense".to_owned(),
        String::new(),
    ] {
        let (server, origin) = with_start(move |seen, answer| match seen.from {
            Some(from) => {
                let headers = [("Content-Range", range.as_str())];
                answer.full("206 Partial Content", &headers, &images().gz[from..]);
            }
            None => answer.ok(&images().gz),
        });
        assert_eq!((server.n_seen(), resumed_at(&origin)), (2, 0));
    }
}

#[test]
fn a_206_of_another_stretch_is_not_used_though_it_is_consistent() {
    for (first, n_left_out) in [(0, 0), (FROM - 1, 0), (FROM + 1, 0), (FROM, 1)] {
        let (server, origin) = with_start(move |seen, answer| match seen.from {
            Some(_) => {
                let gz = images().gz;
                let end = gz.len() - n_left_out;
                let range = format!("bytes {first}-{}/{}", end - 1, gz.len());
                let headers = [("Content-Range", range.as_str())];
                answer.full("206 Partial Content", &headers, &gz[first..end]);
            }
            None => answer.ok(&images().gz),
        });
        // One more request, at once: the stretch was not even read.
        assert_eq!((server.n_seen(), resumed_at(&origin)), (2, 0), "{first}");
    }
}

#[test]
fn a_206_nobody_asked_for() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| answer.partial(&images().gz, 100));
    assert_eq!(fault(place.fetch(&[server.base()])).0, 5);
}

#[test]
fn a_200_begins_again() {
    let (server, origin) = with_start(|_, answer| answer.ok(&images().gz));
    assert_eq!((server.n_seen(), resumed_at(&origin)), (1, 0));
}

#[test]
fn a_416_begins_again() {
    let (server, origin) = with_start(|seen, answer| match seen.from {
        Some(_) => answer.status("416 Range Not Satisfiable"),
        None => answer.ok(&images().gz),
    });
    assert_eq!((server.n_seen(), resumed_at(&origin)), (2, 0));
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| answer.status("416 Range Not Satisfiable"));
    assert_eq!(fault(place.fetch(&[server.base()])).0, 5);
    assert_eq!(server.n_seen(), 1);
}

#[test]
fn an_error_on_resuming_still_gets_the_file() {
    let (server, _) = with_start(|seen, answer| match seen.number {
        0 => answer.status("503 Service Unavailable"),
        _ => answer.ok(&images().gz),
    });
    assert_eq!(server.n_seen(), 2);
    assert_eq!(server.seen()[1].from, Some(FROM), "what was there is kept");
}

#[test]
fn a_part_of_another_file_is_found_out() {
    for made in [images(), labels()] {
        let place = Place::new(std::slice::from_ref(&made));
        place.put(&format!("{}.part", made.spec.name), &[7; 1000]);
        let gz = made.gz.clone();
        let server = Server::start(move |seen, answer| match seen.from {
            Some(from) => answer.partial(&gz, from),
            None => answer.ok(&gz),
        });
        let done = place.fetch(&[server.base()]).unwrap();
        let froms: Vec<_> = server.seen().iter().map(|seen| seen.from).collect();
        assert_eq!(froms, [Some(1000), None]);
        assert_eq!(resumed_at(&done[0].origin), 0);
    }
}

#[test]
fn a_part_that_is_too_long_begins_again() {
    for made in [images(), labels()] {
        for extra in [0, 1, 5000, 1 << 20] {
            let place = Place::new(std::slice::from_ref(&made));
            place.put(&format!("{}.part", made.spec.name), &vec![7; made.gz.len() + extra]);
            let server = Server::good(made.gz.clone());
            place.fetch(&[server.base()]).unwrap();
            assert_eq!(server.seen()[0].from, None);
            assert_eq!(fs::read(place.path(&made.spec.name)).unwrap(), made.gz);
        }
    }
}

#[test]
fn a_whole_part_only_needs_its_name() {
    let place = Place::new(&[images()]);
    place.put(PART, &images().gz);
    let server = Server::good(images().gz);
    let done = place.fetch(&[server.base()]).unwrap();
    assert_eq!((server.n_seen(), &done[0].origin), (0, &Origin::EarlierRun));
}

#[test]
fn force_does_not_resume() {
    let place = Place::new(&[images()]);
    place.put(PART, &images().gz[..FROM]);
    let server = Server::good(images().gz);
    let mut job = place.job(&[server.base()]);
    job.force = true;
    place.run(&job).unwrap();
    assert_eq!(server.seen()[0].from, None);
}

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
        .args(["--exact", "resume::child_to_be_killed"])
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
