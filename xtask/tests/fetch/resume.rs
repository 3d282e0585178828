//! What an earlier run left: gone on with where that is right, thrown away where it is not.

use std::fs;

use xtask::fetch::{self, Origin, Report};

use crate::made::{Place, fault, images, labels};
use crate::server::{Answer, Seen, Server};

pub const PART: &str = "train-images-idx3-ubyte.gz.part";
pub const FROM: usize = 12_345;

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
pub fn resumed_at(origin: &Origin) -> u64 {
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

/// Where bodies began to be read.
struct Begins(Vec<u64>);

impl Report for Begins {
    fn begin(&mut self, _file: &str, done: u64, _total: u64, _from: Option<&str>) {
        self.0.push(done);
    }
}

#[test]
fn a_206_of_another_stretch_is_not_used_though_it_is_consistent() {
    for (first, n_left_out) in [(0, 0), (FROM - 1, 0), (FROM + 1, 0), (FROM, 1)] {
        let place = Place::new(&[images()]);
        place.put(PART, &images().gz[..FROM]);
        let server = Server::start(move |seen, answer| match seen.from {
            Some(_) => {
                let gz = images().gz;
                let end = gz.len() - n_left_out;
                let range = format!("bytes {first}-{}/{}", end - 1, gz.len());
                let headers = [("Content-Range", range.as_str())];
                answer.full("206 Partial Content", &headers, &gz[first..end]);
            }
            None => answer.ok(&images().gz),
        });
        let mut begins = Begins(Vec::new());
        fetch::fetch(&place.job(&[server.base()]), &mut begins).unwrap();
        // One more request, and at once: the stretch was not even read.
        assert_eq!((server.n_seen(), begins.0), (2, vec![0]), "{first}");
        place.nothing_wrong_stands(&[]);
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
