//! What stands in the target folder before a run, and what a run may do to it.

use std::fs;

use xtask::fetch::{FileDone, Report, Silent};
use xtask::fetch::{LOCK_NAME, MANIFEST_NAME, Match, Origin, fetch};

use crate::made::{IMAGES, LABELS, Place, fault, images, labels, sha256};
use crate::server::Server;

#[test]
fn what_is_right_is_not_asked_for() {
    let place = Place::new(&[images(), labels()]);
    place.put(IMAGES, &images().gz);
    place.put(LABELS, &labels().gz);
    let server = Server::good(images().gz);
    // No lock either, or a folder somebody may only read would not do; it gets no manifest then.
    fs::create_dir(place.path(LOCK_NAME)).unwrap();
    let done = fetch(&place.job(&[server.base()]), &mut Silent).unwrap();
    place.nothing_wrong_stands(&[]);
    assert_eq!(server.n_seen(), 0);
    assert!(done.iter().all(|d| d.origin == Origin::AlreadyThere && d.matched == Match::Exact));
}

#[test]
fn only_what_is_missing_is_asked_for() {
    let place = Place::new(&[images(), labels()]);
    place.put(LABELS, &labels().gz);
    let server = Server::good(images().gz);
    let done = place.fetch(&[server.base()]).unwrap();
    assert_eq!(server.n_seen(), 1);
    assert_eq!(done[1].origin, Origin::AlreadyThere);
}

#[test]
fn force_asks_again() {
    let place = Place::new(&[images()]);
    let server = Server::good(images().gz);
    place.put(IMAGES, &images().gz);
    let mut job = place.job(&[server.base()]);
    job.force = true;
    let done = place.run(&job).unwrap();
    assert_eq!(server.n_seen(), 1);
    assert!(!done[0].replaced, "what stood there was right");
}

#[derive(Default)]
struct Lines(Vec<String>);

impl Report for Lines {
    fn say(&mut self, line: &str) {
        self.0.push(line.to_owned());
    }
    fn done(&mut self, file: &FileDone) {
        self.0.push(format!("done {}", file.name));
    }
}

#[test]
fn what_is_wrong_is_replaced_and_said() {
    let mut flipped = images().gz;
    flipped[20_000] ^= 1;
    for wrong in [b"<html>503</html>".to_vec(), Vec::new(), flipped, labels().gz] {
        let place = Place::new(&[images()]);
        place.put(IMAGES, &wrong);
        let server = Server::good(images().gz);
        let mut lines = Lines::default();
        let done = fetch(&place.job(&[server.base()]), &mut lines).unwrap();
        assert!(done[0].replaced);
        assert_eq!(fs::read(place.path(IMAGES)).unwrap(), images().gz);
        assert!(lines.0[0].contains("wrong") && lines.0[0].contains(&sha256(&wrong)));
        assert_eq!(lines.0[1], format!("done {IMAGES}"));
    }
}

#[test]
fn what_is_wrong_stays_until_the_right_one_is_there() {
    let place = Place::new(&[images()]);
    place.put(IMAGES, b"mine");
    let server = Server::start(|_, answer| answer.ok(b"not yours"));
    let (code, _) = fault(fetch(&place.job(&[server.base()]), &mut Silent));
    assert_eq!(code, 6);
    assert_eq!(fs::read(place.path(IMAGES)).unwrap(), b"mine");
    place.nothing_wrong_stands(&[IMAGES]);
}

#[test]
fn the_manifest_says_what_is_there() {
    let place = Place::new(&[images(), labels()]);
    let server = Server::start(|seen, answer| match seen.path.contains("images") {
        true => answer.ok(&images().gz),
        false => answer.ok(&labels().gz),
    });
    place.fetch(&[server.base()]).unwrap();
    let text = fs::read_to_string(place.path(MANIFEST_NAME)).unwrap();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["name"], "made");
    assert_eq!(json["classes"], serde_json::json!(["left", "right"]));
    assert_eq!(json["licence"], "none");
    assert_eq!(json["files"][0]["name"], IMAGES);
    assert_eq!(json["files"][0]["bytes"], images().gz.len());
    assert_eq!(json["files"][0]["sha256"], images().spec.gz_sha256);
    assert_eq!(json["files"][0]["raw_sha256"], sha256(&images().raw));
    assert_eq!(json["files"][1]["raw_sha256"], serde_json::Value::Null);

    // A damaged one is written anew; a right one is not touched.
    place.put(MANIFEST_NAME, b"{");
    place.fetch(&[server.base()]).unwrap();
    assert_eq!(fs::read_to_string(place.path(MANIFEST_NAME)).unwrap(), text);
    assert_eq!(server.n_seen(), 2);
}

/// Another run may be writing its own: who does not have the lock does not write.
#[test]
fn the_manifest_is_written_under_the_lock_alone() {
    let place = Place::new(&[images()]);
    place.put(IMAGES, &images().gz);
    let server = Server::good(images().gz);
    let lock = fs::File::create(place.path(LOCK_NAME)).unwrap();
    lock.lock().unwrap();
    let mut job = place.job(&[server.base()]);
    job.patience.lock = std::time::Duration::from_millis(50);
    let mut lines = Lines::default();
    let done = fetch(&job, &mut lines).unwrap();
    assert_eq!((done.len(), server.n_seen()), (1, 0));
    assert!(!place.path(MANIFEST_NAME).exists(), "written without the lock");
    assert!(lines.0.iter().any(|line| line.starts_with("note: another")), "{:?}", lines.0);
    drop(lock);
    fs::remove_file(place.path(LOCK_NAME)).unwrap();
    place.fetch(&[server.base()]).unwrap();
    assert!(place.path(MANIFEST_NAME).is_file());
    // Once it is there and right, nobody needs the lock.
    fs::create_dir(place.path(LOCK_NAME)).unwrap();
    let mut lines = Lines::default();
    fetch(&place.job(&[server.base()]), &mut lines).unwrap();
    assert_eq!(lines.0, [format!("done {IMAGES}")]);
}

#[test]
fn a_target_that_cannot_be_made() {
    let place = Place::new(&[images()]);
    fs::write(place.dir.path().join("file"), b"").unwrap();
    let server = Server::good(images().gz);
    let mut job = place.job(&[server.base()]);
    job.target = place.dir.path().join("file/data");
    let (code, text) = fault(place.run(&job));
    assert_eq!(code, 4, "{text}");
    assert!(text.contains("file/data"), "{text}");
    assert_eq!(server.n_seen(), 0);
}

#[test]
fn a_folder_where_a_file_should_be() {
    for name in [IMAGES, "train-images-idx3-ubyte.gz.part", LOCK_NAME] {
        let place = Place::new(&[images()]);
        fs::create_dir_all(place.path(name)).unwrap();
        let server = Server::good(images().gz);
        let (code, text) = fault(fetch(&place.job(&[server.base()]), &mut Silent));
        assert_eq!(code, 4, "{name}: {text}");
        assert!(text.contains(name), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_target() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new(&[images()]);
    place.put("probe.part", b"");
    fs::set_permissions(place.target(), fs::Permissions::from_mode(0o555)).unwrap();
    let may_write_all_the_same = fs::write(place.path("probe2.part"), b"").is_ok();
    let server = Server::good(images().gz);
    let result = fetch(&place.job(&[server.base()]), &mut Silent);
    fs::set_permissions(place.target(), fs::Permissions::from_mode(0o755)).unwrap();
    // The system's administrator may write everywhere; then there is nothing to see.
    if !may_write_all_the_same {
        let (code, text) = fault(result);
        assert_eq!(code, 4, "{text}");
        assert_eq!(server.n_seen(), 0);
    }
}
