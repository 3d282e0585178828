//! Statuses, redirects, silence and slowness, and going on to the next mirror.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use xtask::fetch::Origin;

use crate::made::{Place, fault, images, labels};
use crate::server::Server;

#[test]
fn a_good_server() {
    let place = Place::new(&[images()]);
    let server = Server::good(images().gz);
    let done = place.fetch(&[server.base()]).unwrap();
    assert_eq!(done.len(), 1);
    assert_eq!(server.seen()[0].path, "/train-images-idx3-ubyte.gz");
    assert_eq!((server.n_seen(), server.seen()[0].from), (1, None));
}

#[test]
fn a_refusal_is_not_asked_twice() {
    for status in ["404 Not Found", "403 Forbidden", "410 Gone", "204 No Content"] {
        let place = Place::new(&[images()]);
        let server = Server::start(move |_, answer| answer.full(status, &[], b""));
        let (code, text) = fault(place.fetch(&[server.base()]));
        assert_eq!(code, 5, "{text}");
        assert!(text.contains(&status[..3]) && text.contains(server.base()), "{text}");
        assert!(text.contains("cargo xtask fetch-data --dataset made\n"), "{text}");
        assert_eq!(server.n_seen(), 1, "{status}");
        assert!(!place.target().exists(), "nothing came of it, so nothing stays");
    }
}

#[test]
fn a_server_that_recovers() {
    for status in ["500 Internal Server Error", "503 Service Unavailable", "429 Too Many"] {
        let place = Place::new(&[images()]);
        let server = Server::start(move |seen, answer| match seen.number {
            0 => answer.status(status),
            _ => answer.ok(&images().gz),
        });
        place.fetch(&[server.base()]).unwrap();
        assert_eq!(server.n_seen(), 2);
    }
}

#[test]
fn a_server_that_does_not_recover_is_asked_three_times() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| answer.status("500 Internal Server Error"));
    let (code, text) = fault(place.fetch(&[server.base()]));
    assert_eq!((code, server.n_seen()), (5, 3));
    assert!(text.contains("500 Internal Server Error (3 tries)"), "{text}");
}

#[test]
fn nobody_waits_for_ever_because_a_server_says_so() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| {
        answer.full("503 Service Unavailable", &[("Retry-After", "99999999")], b"");
    });
    let start = Instant::now();
    let (code, _) = fault(place.fetch(&[server.base()]));
    assert_eq!((code, server.n_seen()), (5, 3));
    assert!(start.elapsed() < Duration::from_secs(3));
}

#[test]
fn redirects_within_and_to_another_host() {
    let other = Server::good(images().gz);
    let elsewhere = format!("{}moved.gz", other.base());
    for location in [elsewhere.as_str(), "/moved.gz", "moved.gz", "?moved"] {
        let place = Place::new(&[images()]);
        let location = location.to_owned();
        let server = Server::start(move |seen, answer| match seen.number {
            0 => answer.redirect(&location),
            _ => answer.ok(&images().gz),
        });
        place.fetch(&[server.base()]).unwrap();
    }
    assert_eq!(other.seen()[0].path, "/moved.gz");
    assert_eq!(other.n_seen(), 1);
}

#[test]
fn five_redirects_are_followed_and_no_more() {
    for (n_redirects, good) in [(5, true), (6, false), (11, false), (usize::MAX, false)] {
        let place = Place::new(&[images()]);
        let server = Server::start(move |seen, answer| match seen.number {
            n if n < n_redirects => answer.redirect("/again"),
            _ => answer.ok(&images().gz),
        });
        let result = place.fetch(&[server.base()]);
        assert_eq!(server.n_seen(), 6);
        if good {
            result.unwrap();
        } else {
            let (code, text) = fault(result);
            assert_eq!(code, 5);
            assert!(text.contains("redirects more than 5 times"), "{text}");
        }
    }
}

#[test]
fn redirects_to_other_schemes_are_refused() {
    for location in ["file:///etc/hosts", "ftp://127.0.0.1/x", "gopher:x", ""] {
        let place = Place::new(&[images()]);
        let server = Server::start(move |_, answer| answer.redirect(location));
        let (code, text) = fault(place.fetch(&[server.base()]));
        assert_eq!((code, server.n_seen()), (5, 1), "{text}");
        assert!(text.contains("redirects to"), "{text}");
    }
}

#[test]
fn a_refused_connection() {
    let place = Place::new(&[images()]);
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let base = format!("http://{free}/");
    let (code, text) = fault(place.fetch(&[&base]));
    assert_eq!(code, 5);
    assert!(text.contains(&base) && text.contains("refused"), "{text}");
}

#[test]
fn a_server_that_says_nothing_costs_a_bounded_time() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| answer.be_silent(Duration::from_secs(20)));
    let start = Instant::now();
    let (code, text) = fault(place.fetch(&[server.base()]));
    assert_eq!((code, server.n_seen()), (5, 3));
    assert!(text.contains("silent"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_body_that_stalls_costs_a_bounded_time() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| {
        answer.cut(&images().gz, 5000);
        answer.be_silent(Duration::from_secs(20));
    });
    let start = Instant::now();
    let (code, text) = fault(place.fetch(&[server.base()]));
    assert_eq!(code, 5, "{text}");
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

#[test]
fn a_trickle_is_given_up() {
    let place = Place::new(&[images()]);
    let mut job = place.job(&[]);
    let server = Server::start(|_, answer| {
        answer.cut(&images().gz, 0);
        for byte in &images().gz[..400] {
            if !answer.raw(&[*byte]) {
                return;
            }
            answer.be_silent(Duration::from_millis(20));
        }
    });
    job.dataset.mirrors = vec![server.base().into()];
    job.patience.tries = 1;
    let start = Instant::now();
    let (code, text) = fault(place.run(&job));
    assert_eq!(code, 5);
    assert!(text.contains("too slow"), "{text}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());

    // The same trickle, fast enough for the floor, runs into the overall limit instead.
    job.patience.floor_bytes = 0;
    job.patience.overall = Duration::from_millis(600);
    let (code, text) = fault(place.run(&job));
    assert_eq!(code, 5);
    assert!(text.contains("overall"), "{text}");
}

#[test]
fn headers_that_trickle_cost_a_bounded_time() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| {
        answer.raw(b"HTTP/1.1 200 OK\r\n");
        while answer.raw(b"X-More: to come\r\n") {
            answer.be_silent(Duration::from_millis(50));
        }
    });
    let start = Instant::now();
    let (code, text) = fault(place.fetch(&[server.base()]));
    assert_eq!((code, server.n_seen()), (5, 3), "{text}");
    assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
}

#[test]
fn headers_without_end() {
    for header in ["X-Filler: 0123456789\r\n".repeat(50_000), format!("X: {}", "y".repeat(1 << 20))]
    {
        let place = Place::new(&[images()]);
        let server = Server::start(move |_, answer| {
            answer.raw(b"HTTP/1.1 200 OK\r\n");
            answer.raw(header.as_bytes());
        });
        let (code, text) = fault(place.fetch(&[server.base()]));
        assert_eq!(code, 5, "{text}");
    }
}

#[test]
fn something_that_is_not_http() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| {
        answer.raw(b"220 ftp ready\r\n\r\n");
    });
    assert_eq!(fault(place.fetch(&[server.base()])).0, 5);
}

#[test]
fn the_second_mirror_serves_and_is_asked_first_from_then_on() {
    let place = Place::new(&[images(), labels()]);
    let bad = Server::start(|_, answer| answer.status("404 Not Found"));
    let good = Server::start(|seen, answer| match seen.path.contains("images") {
        true => answer.ok(&images().gz),
        false => answer.ok(&labels().gz),
    });
    let done = place.fetch(&[bad.base(), good.base()]).unwrap();
    assert_eq!((bad.n_seen(), good.n_seen()), (1, 2));
    assert_eq!(done[0].failed.len(), 1);
    assert!(matches!(&done[0].origin, Origin::Download { url, .. } if url.contains(good.base())));
    assert!(done[1].failed.is_empty());
}

#[test]
fn all_mirrors_are_named_when_all_fail() {
    let place = Place::new(&[images()]);
    let gone = Server::start(|_, answer| answer.status("410 Gone"));
    let wrong = Server::good(b"<html><title>Sign in</title></html>".to_vec());
    let (code, text) = fault(place.fetch(&[gone.base(), wrong.base()]));
    assert_eq!(code, 6, "wrong bytes weigh more than none: {text}");
    for part in [
        gone.base(),
        wrong.base(),
        "410 Gone",
        "HTML page: <html><title>Sign in",
        "made --force",
        "--from",
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert!(text.contains(&images().spec.gz_sha256), "{text}");
}
