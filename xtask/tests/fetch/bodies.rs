//! Bodies that are cut, too long, broken, or not what they should be.

use xtask::fetch::Match;

use crate::made::{IMAGES, Made, Place, fault, images, labels, pack, sha256};
use crate::server::{Answer, Server};

fn chunk(answer: &mut Answer, bytes: &[u8]) -> bool {
    answer.raw(format!("{:x}\r\n", bytes.len()).as_bytes())
        && answer.raw(bytes)
        && answer.raw(b"\r\n")
}

fn chunked(answer: &mut Answer) {
    answer.head("200 OK", &[("Transfer-Encoding", "chunked")]);
}

/// Fetches one file from a server with this answer to every request, and expects a fault.
#[track_caller]
fn refused(made: Made, answer: impl Fn(&mut Answer) + Send + Sync + 'static) -> (u8, String) {
    let place = Place::new(&[made]);
    let server = Server::start(move |_, a| answer(a));
    fault(place.fetch(&[server.base()]))
}

#[test]
fn cut_once_then_resumed() {
    let place = Place::new(&[images()]);
    let server = Server::start(|seen, answer| match seen.from {
        None => answer.cut(&images().gz, 20_000),
        Some(from) => answer.partial(&images().gz, from),
    });
    place.fetch(&[server.base()]).unwrap();
    assert_eq!(server.n_seen(), 2);
    assert_eq!(server.seen()[1].from, Some(20_000));
}

#[test]
fn cut_at_one_mirror_and_resumed_at_the_next() {
    let place = Place::new(&[images()]);
    let first = Server::start(|seen, answer| match seen.number {
        0 => answer.cut(&images().gz, 20_000),
        _ => answer.status("404 Not Found"),
    });
    let second = Server::start(|seen, answer| answer.partial(&images().gz, seen.from.unwrap()));
    place.fetch(&[first.base(), second.base()]).unwrap();
    assert_eq!(second.seen()[0].from, Some(20_000));
}

#[test]
fn cut_always() {
    let (code, text) = refused(images(), |answer| answer.cut(&images().gz, 20_000));
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("cut short after 20000 bytes (3 tries)"), "{text}");
    let (code, text) = refused(images(), |answer| answer.cut(&images().gz, 0));
    assert_eq!(code, 5, "{text}");
}

#[test]
fn announced_longer() {
    let longer = || [labels().gz, b"!".to_vec()].concat();
    let (code, text) = refused(labels(), move |answer| answer.ok(&longer()));
    assert_eq!(code, 6);
    assert!(text.contains(&format!("{} bytes long", labels().gz.len() + 1)), "{text}");
    let huge = |answer: &mut Answer| {
        answer.head("200 OK", &[("Content-Length", "18446744073709551615")]);
        answer.raw(b"<!doctype html><title>x</title>");
    };
    for made in [labels(), images()] {
        let (code, text) = refused(made, huge);
        assert_eq!(code, 6);
        assert!(text.contains("HTML"), "{text}");
    }
}

#[test]
fn longer_than_announced_is_not_read() {
    // What follows the announced end belongs to no answer.
    let place = Place::new(&[labels()]);
    let server = Server::start(|_, answer| {
        answer.ok(&labels().gz);
        answer.raw(b"more");
    });
    place.fetch(&[server.base()]).unwrap();
}

#[test]
fn chunks() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| {
        chunked(answer);
        for part in images().gz.chunks(7777) {
            chunk(answer, part);
        }
        answer.raw(b"0\r\n\r\n");
    });
    place.fetch(&[server.base()]).unwrap();
}

#[test]
fn endless_chunks_stop_one_byte_past_the_limit() {
    for made in [labels(), images()] {
        let most = made.spec.most_bytes();
        let (code, text) = refused(made, |answer| {
            chunked(answer);
            while chunk(answer, &[7; 4096]) {}
        });
        assert_eq!(code, 6);
        assert!(text.contains(&format!("goes on past {most} bytes")), "{text}");
    }
}

#[test]
fn broken_chunks() {
    let bad_size = |answer: &mut Answer| {
        chunked(answer);
        answer.raw(b"zz\r\nabc\r\n");
    };
    let cut = |answer: &mut Answer| {
        chunked(answer);
        answer.raw(b"1000\r\nabc");
    };
    let giant = |answer: &mut Answer| {
        chunked(answer);
        answer.raw(b"40000000\r\nabc");
    };
    let overflow = |answer: &mut Answer| {
        chunked(answer);
        answer.raw(b"ffffffffffffffffffff\r\nabc");
    };
    for (code, text) in [
        refused(images(), bad_size),
        refused(images(), cut),
        refused(images(), giant),
        refused(images(), overflow),
    ] {
        assert_eq!(code, 5, "{text}");
    }
}

#[test]
fn no_announced_length_at_all() {
    let place = Place::new(&[images()]);
    let server = Server::start(|_, answer| {
        answer.head("200 OK", &[]);
        answer.raw(&images().gz);
    });
    place.fetch(&[server.base()]).unwrap();
    let (code, _) = refused(images(), |answer| {
        answer.head("200 OK", &[]);
        answer.raw(&images().gz[..1000]);
    });
    assert_eq!(code, 6);
}

#[test]
fn nobody_unpacks_on_the_way() {
    let place = Place::new(&[labels()]);
    let server = Server::start(|_, answer| {
        answer.full("200 OK", &[("Content-Encoding", "gzip")], &labels().gz);
    });
    place.fetch(&[server.base()]).unwrap();
    // Packed twice, it is something else.
    let twice = pack(&labels().gz, 6);
    let (code, _) = refused(labels(), move |answer| {
        answer.full("200 OK", &[("Content-Encoding", "gzip")], &twice);
    });
    assert_eq!(code, 6);
}

#[test]
fn a_web_page_with_200() {
    let page = b"\n<!DOCTYPE html><html><body>Log in to the hotel's network</body></html>";
    let (code, text) = refused(images(), |answer| answer.ok(page));
    assert_eq!(code, 6);
    let sum = sha256(page);
    let length = format!("got {} bytes", page.len());
    for part in [IMAGES, "HTML page: <!DOCTYPE html><html><body>Log in", &sum, &length] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn one_bit_flipped() {
    // In the data, in the checksum at the end, and in the time stamp that no reader looks at.
    for (made, byte) in [(images(), 30_000), (images(), images().gz.len() - 6), (labels(), 5)] {
        let mut wrong = made.gz.clone();
        wrong[byte] ^= 1;
        let (code, text) = refused(made, move |answer| answer.ok(&wrong));
        assert_eq!(code, 6, "byte {byte}: {text}");
        assert!(text.contains("SHA-256"), "{text}");
    }
}

#[test]
fn the_wrong_length() {
    let (code, text) = refused(labels(), |answer| answer.ok(&labels().gz[..5000]));
    assert_eq!(code, 6);
    assert!(text.contains("got 5000 bytes"), "{text}");
    let (code, text) = refused(labels(), |answer| answer.ok(b""));
    assert_eq!(code, 6);
    assert!(text.contains("it is empty"), "{text}");
}

#[test]
fn the_right_bytes_packed_anew() {
    for level in [0, 1, 9] {
        let place = Place::new(&[images()]);
        let other = pack(&images().raw, level);
        assert_ne!(other, images().gz);
        let server = Server::good(other);
        let done = place.fetch(&[server.base()]).unwrap();
        assert_eq!(done[0].matched, Match::Repacked);
        // It is right from then on, too.
        place.fetch(&[server.base()]).unwrap();
        assert_eq!(server.n_seen(), 1);
    }
    // Where the raw bytes are not pinned, nothing proves it.
    let other = pack(&labels().raw, 1);
    assert_eq!(refused(labels(), move |answer| answer.ok(&other)).0, 6);
    // A correct gzip of almost the right bytes, and of the right bytes and one more.
    let mut raw = images().raw;
    raw[5000] ^= 1;
    let other = pack(&raw, 6);
    assert_eq!(refused(images(), move |answer| answer.ok(&other)).0, 6);
    let other = pack(&[&images().raw[..], b"!"].concat(), 6);
    assert_eq!(refused(images(), move |answer| answer.ok(&other)).0, 6);
}
