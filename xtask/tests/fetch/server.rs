//! A server on 127.0.0.1 that answers a bounded number of requests, as badly as it is told to.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// More requests than any test needs; then the server is gone.
const MOST_REQUESTS: usize = 64;

/// One request as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub path: String,
    /// The first byte of `Range: bytes=N-`.
    pub from: Option<usize>,
    /// How many requests came before it.
    pub number: usize,
}

/// A server; it ends when dropped.
pub struct Server {
    address: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// A connection on which an answer is written.
pub struct Answer {
    stream: TcpStream,
    stop: Arc<AtomicBool>,
}

impl Server {
    /// Starts a server that lets `handler` answer.
    pub fn start(handler: impl Fn(&Seen, &mut Answer) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (their_seen, their_stop) = (Arc::clone(&seen), Arc::clone(&stop));
        let handler = Arc::new(handler);
        let thread = thread::spawn(move || {
            let mut workers = Vec::new();
            for stream in listener.incoming().take(MOST_REQUESTS) {
                if their_stop.load(Ordering::SeqCst) {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let (seen, stop) = (Arc::clone(&their_seen), Arc::clone(&their_stop));
                let handler = Arc::clone(&handler);
                workers.push(thread::spawn(move || serve(stream, &seen, stop, &*handler)));
            }
            drop(listener);
            for worker in workers {
                let _ = worker.join();
            }
        });
        Self { address, seen, stop, thread: Some(thread) }
    }

    /// Starts a server that serves one file whole, whatever the path.
    pub fn good(body: Vec<u8>) -> Self {
        Self::start(move |_, answer| answer.ok(&body))
    }

    /// The base address, with a slash at its end.
    pub fn base(&self) -> &str {
        &self.address
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn n_seen(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accept.
        let _ = TcpStream::connect(self.address.trim_start_matches("http://").trim_matches('/'));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn serve(
    stream: TcpStream,
    seen: &Mutex<Vec<Seen>>,
    stop: Arc<AtomicBool>,
    handler: &(dyn Fn(&Seen, &mut Answer) + Send + Sync),
) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
    let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    let path = first.split(' ').nth(1).unwrap_or("").to_owned();
    let mut from = None;
    for line in lines.take_while(|line| !line.is_empty()) {
        if let Some(range) = line.to_ascii_lowercase().strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().ok();
        }
    }
    let request = {
        let mut seen = seen.lock().unwrap();
        let request = Seen { path, from, number: seen.len() };
        seen.push(request.clone());
        request
    };
    handler(&request, &mut Answer { stream, stop });
}

impl Answer {
    /// Writes bytes as they are; an error means that the client has hung up.
    pub fn raw(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).and_then(|()| self.stream.flush()).is_ok()
    }

    /// Writes a status line and headers.
    pub fn head(&mut self, status: &str, headers: &[(&str, &str)]) -> bool {
        let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        self.raw(text.as_bytes())
    }

    /// A whole answer with a right `Content-Length`.
    pub fn full(&mut self, status: &str, headers: &[(&str, &str)], body: &[u8]) {
        let length = body.len().to_string();
        let mut all = vec![("Content-Length", length.as_str())];
        all.extend_from_slice(headers);
        self.head(status, &all);
        self.raw(body);
    }

    pub fn ok(&mut self, body: &[u8]) {
        self.full("200 OK", &[], body);
    }

    pub fn status(&mut self, status: &str) {
        self.full(status, &[], b"sorry");
    }

    pub fn redirect(&mut self, location: &str) {
        self.full("302 Found", &[("Location", location)], b"");
    }

    /// A right answer to a range request.
    pub fn partial(&mut self, body: &[u8], from: usize) {
        let range = format!("bytes {from}-{}/{}", body.len() - 1, body.len());
        self.full("206 Partial Content", &[("Content-Range", &range)], &body[from..]);
    }

    /// Announces all of `body` and sends only its first `n_bytes`.
    pub fn cut(&mut self, body: &[u8], n_bytes: usize) {
        let length = body.len().to_string();
        self.head("200 OK", &[("Content-Length", &length)]);
        self.raw(&body[..n_bytes]);
    }

    /// Says nothing more until the server ends, the client hangs up or `most` has passed.
    pub fn be_silent(&mut self, most: Duration) {
        let start = Instant::now();
        while start.elapsed() < most && !self.stop.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}
