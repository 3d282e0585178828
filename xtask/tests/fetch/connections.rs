//! Connections that fail below HTTP, and TLS that must not be trusted.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use crate::made::{Place, fault, images};
use crate::server::Server;

#[test]
fn a_name_that_is_no_host() {
    let place = Place::new(&[images()]);
    let (code, text) = fault(place.fetch(&["http://no..such..host/"]));
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("no..such..host"), "{text}");
}

/// A listener whose queue is full takes no connection: its system drops what asks for one.
#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_is_never_taken_costs_a_bounded_time() {
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = full.local_addr().unwrap();
    let mut waiting = Vec::new();
    while waiting.len() < 900 {
        match TcpStream::connect_timeout(&address, Duration::from_millis(100)) {
            Ok(stream) => waiting.push(stream),
            Err(_) => break,
        }
    }
    if waiting.len() == 900 {
        eprintln!("skipped: the system's queue of connections is too long to fill");
        return;
    }
    let place = Place::new(&[images()]);
    let mut job = place.job(&[&format!("http://{address}/")]);
    job.patience.connect = Duration::from_millis(200);
    let start = Instant::now();
    let (code, text) = fault(place.run(&job));
    assert_eq!(code, 5, "{text}");
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

/// Closing a connection on which a request was never read resets it.
#[test]
fn a_reset_after_the_headers() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let server = thread::spawn(move || {
        for stream in listener.incoming().take(3) {
            let mut stream = stream.unwrap();
            let length = images().gz.len();
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").unwrap();
            let mut one = [0];
            stream.peek(&mut one).unwrap();
        }
    });
    let place = Place::new(&[images()]);
    let (code, text) = fault(place.fetch(&[&address]));
    assert_eq!(code, 5, "{text}");
    assert!(text.contains("3 tries"), "{text}");
    server.join().unwrap();
}

/// An authority of this test's own, and what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// How a certificate is wrong, if it is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Certificate {
    Right,
    Expired,
    OtherHost,
    /// Signed by nobody else.
    Own,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    fn config(&self, certificate: Certificate) -> Arc<ServerConfig> {
        let host =
            if certificate == Certificate::OtherHost { "other.example" } else { "localhost" };
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        if certificate == Certificate::Expired {
            (params.not_before, params.not_after) =
                (date_time_ymd(2000, 1, 1), date_time_ymd(2001, 1, 1));
        }
        let key = KeyPair::generate().unwrap();
        let signed = match certificate {
            Certificate::Own => params.self_signed(&key),
            _ => params.signed_by(&key, &self.issuer),
        };
        let chain = vec![signed.unwrap().der().clone()];
        let key = PrivatePkcs8KeyDer::from(key.serialize_der()).into();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key);
        Arc::new(config.unwrap())
    }
}

/// Serves one answer over TLS on every connection until the listener's port is asked no more; its base
/// address. The thread ends with the test's process.
fn serve_tls(config: Arc<ServerConfig>, answer: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            // A client that does not trust us hangs up.
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(answer.as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    address
}

/// Runs the program on this address, trusting the certificates in `trusted` alone; its code and words.
fn fetch(from: &str, trusted: &Path) -> (Option<i32>, String) {
    let to = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    let output =
        command.args(["fetch-data", "--from", from, "--to"]).arg(to.path()).output().unwrap();
    let left = std::fs::read_dir(to.path()).unwrap().count();
    assert_eq!(left, 0, "files left behind");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[cfg(target_os = "linux")]
#[test]
fn tls_that_must_not_be_trusted() {
    let authority = Authority::new();
    let folder = TempDir::new().unwrap();
    let trusted = folder.path().join("authority.pem");
    std::fs::write(&trusted, authority.issuer.pem()).unwrap();
    let page = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>".to_owned();

    // With a right certificate it is the content that is wrong: the others fail by theirs.
    let right = serve_tls(authority.config(Certificate::Right), page.clone());
    let (code, text) = fetch(&right, &trusted);
    assert_eq!(code, Some(6), "{text}");
    for wrong in [Certificate::Expired, Certificate::OtherHost, Certificate::Own] {
        let address = serve_tls(authority.config(wrong), page.clone());
        let (code, text) = fetch(&address, &trusted);
        assert_eq!(code, Some(5), "{wrong:?}: {text}");
        assert!(text.contains("certificate"), "{wrong:?}: {text}");
    }

    // From https to http nobody is followed, whatever certificate says so.
    let plain = Server::good(Vec::new());
    let answer = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}x.gz\r\nContent-Length: 0\r\n\r\n",
        plain.base()
    );
    let down = serve_tls(authority.config(Certificate::Right), answer);
    let (code, text) = fetch(&down, &trusted);
    assert_eq!((code, plain.n_seen()), (Some(5), 0), "{text}");
    assert!(text.contains("redirects"), "{text}");
}

/// TLS 1.0, by the first bytes of its answer.
#[cfg(target_os = "linux")]
#[test]
fn an_old_version_of_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            // A ServerHello of version 3.1 with AES-128-CBC.
            let body = [&[3, 1][..], &[7; 32], &[0, 0, 0x2f, 0]].concat();
            let hello = [&[2, 0, 0, body.len() as u8][..], &body].concat();
            let record = [&[0x16, 3, 1, 0, hello.len() as u8][..], &hello].concat();
            let _ = stream.write_all(&record);
        }
    });
    let folder = TempDir::new().unwrap();
    let trusted = folder.path().join("authority.pem");
    std::fs::write(&trusted, Authority::new().issuer.pem()).unwrap();
    let (code, text) = fetch(&address, &trusted);
    assert_eq!(code, Some(5), "{text}");
}
