//! One HTTP exchange: timeouts, proxies, certificates, redirects, and answers of known shape.

use std::io::Read;
use std::time::{Duration, Instant};

use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Proxy, http};

use super::error::FetchError;
use super::fault::Fault;
use super::proxy::{self, ProxyChoice};
use super::url;

/// How long to wait and how often to ask. Tests make these short.
#[derive(Clone, Debug)]
pub struct Patience {
    /// Until a connection stands, names and TLS included.
    pub connect: Duration,
    /// Until the answer's headers are there, and between any two pieces of its body.
    pub read: Duration,
    /// For one try at one file, redirects and body included.
    pub overall: Duration,
    /// The window in which `floor_bytes` must arrive, or the source is given up as too slow.
    pub window: Duration,
    /// The fewest bytes in a window.
    pub floor_bytes: u64,
    /// Tries at one mirror, where the fault may pass.
    pub tries: u32,
    /// Wait before the second try; it doubles from then on.
    pub backoff: Duration,
    /// The longest wait, whatever `Retry-After` asks for.
    pub longest_backoff: Duration,
    /// Redirects that are followed.
    pub redirects: u32,
    /// How long to wait for another run on the same folder.
    pub lock: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(15),
            overall: Duration::from_secs(20 * 60),
            window: Duration::from_secs(20),
            floor_bytes: 40 * 1024,
            tries: 3,
            backoff: Duration::from_millis(500),
            longest_backoff: Duration::from_secs(10),
            redirects: 5,
            lock: Duration::from_secs(30 * 60),
        }
    }
}

/// An HTTP client with this program's manners.
pub struct Client {
    agent: Agent,
    patience: Patience,
    proxy: Option<Proxy>,
    bundled_roots: bool,
}

/// An answer whose body has not been read.
pub struct Answer {
    /// Its status code.
    pub status: u16,
    /// The announced length of this body.
    pub content_length: Option<u64>,
    /// First, last and total of a `Content-Range` header; the total is `None` for `*`.
    pub content_range: Option<(u64, u64, Option<u64>)>,
    /// `Retry-After` in seconds; a date there is left out.
    pub retry_after: Option<u64>,
    body: ureq::BodyReader<'static>,
}

impl Client {
    /// Makes a client; fails where the environment names a proxy that is no address.
    pub fn new(patience: Patience, proxy: ProxyChoice) -> Result<Self, FetchError> {
        let proxy = match proxy {
            ProxyChoice::Environment => proxy::from_environment(|name| std::env::var(name).ok())?,
            ProxyChoice::Direct => None,
        };
        let agent = make_agent(&patience, proxy.clone(), RootCerts::PlatformVerifier);
        Ok(Self { agent, patience, proxy, bundled_roots: false })
    }

    /// Asks for `address`, from byte `from` on where that is not zero, and follows redirects.
    pub fn get(&mut self, address: &str, from: u64) -> Result<Answer, Fault> {
        let deadline = Instant::now() + self.patience.overall;
        let mut address = address.to_owned();
        for _ in 0..=self.patience.redirects {
            let response = self.ask(&address, from, deadline)?;
            let code = response.status().as_u16();
            let location = response.headers().get("location");
            match (code, location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => {
                    let location = String::from_utf8_lossy(location.as_bytes());
                    address = url::follow(&address, &location)
                        .map_err(|what| Fault::Redirect { what })?;
                }
                _ => return Ok(Answer::new(response)),
            }
        }
        let what = format!("redirects more than {} times", self.patience.redirects);
        Err(Fault::Redirect { what })
    }

    fn ask(
        &mut self,
        address: &str,
        from: u64,
        deadline: Instant,
    ) -> Result<http::Response<ureq::Body>, Fault> {
        let left = deadline.saturating_duration_since(Instant::now());
        let call = |agent: &Agent| {
            let mut request = agent.get(address).config().timeout_global(Some(left)).build();
            if from > 0 {
                request = request.header("range", format!("bytes={from}-"));
            }
            request.call()
        };
        let result = match call(&self.agent) {
            // A slim container has no certificates of its own: use the ones that ureq brings.
            Err(ureq::Error::Rustls(e))
                if !self.bundled_roots && e.to_string().contains("No CA certificates") =>
            {
                self.bundled_roots = true;
                self.agent = make_agent(&self.patience, self.proxy.clone(), RootCerts::WebPki);
                call(&self.agent)
            }
            other => other,
        };
        result.map_err(|e| match (to_fault(e), &self.proxy) {
            (Fault::Connection { what, passing }, Some(proxy)) => {
                let what = format!("{what} (proxy {}:{})", proxy.host(), proxy.port());
                Fault::Connection { what, passing }
            }
            (fault, _) => fault,
        })
    }
}

impl Answer {
    fn new(response: http::Response<ureq::Body>) -> Self {
        let number = |name: &str| {
            response.headers().get(name).and_then(|v| v.to_str().ok()?.trim().parse().ok())
        };
        let range = response.headers().get("content-range").and_then(|v| v.to_str().ok());
        Self {
            status: response.status().as_u16(),
            content_length: number("content-length"),
            content_range: range.and_then(parse_range),
            retry_after: number("retry-after"),
            body: response.into_body().into_reader(),
        }
    }

    /// Reads on in the body, of which `got_bytes` are there; 0 at its end.
    pub fn read(&mut self, buffer: &mut [u8], got_bytes: u64) -> Result<usize, Fault> {
        self.body.read(buffer).map_err(|e| match e.kind() {
            std::io::ErrorKind::UnexpectedEof => Fault::Cut { got_bytes },
            _ => to_fault(e.into()),
        })
    }
}

fn make_agent(patience: &Patience, proxy: Option<Proxy>, roots: RootCerts) -> Agent {
    Agent::config_builder()
        .proxy(proxy)
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_send_request(Some(patience.read))
        .timeout_recv_response(Some(patience.read))
        .timeout_per_read(Some(patience.read))
        .timeout_global(Some(patience.overall))
        .http_status_as_error(false)
        // Redirects are followed in `get`.
        .max_redirects(0)
        .max_redirects_will_error(false)
        // The sums are those of the .gz: nobody may unpack it on the way.
        .accept_encoding("identity")
        .user_agent(concat!("mnist-xtask/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent()
}

/// Parses `bytes 5-9/10` or `bytes 5-9/*`.
fn parse_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let total = match total.trim() {
        "*" => None,
        number => Some(number.parse().ok()?),
    };
    Some((first.trim().parse().ok()?, last.trim().parse().ok()?, total))
}

/// Sorts the library's errors: may the fault pass, was the body cut, or is the server at fault?
fn to_fault(error: ureq::Error) -> Fault {
    use std::io::ErrorKind::{ConnectionRefused, InvalidData, NotFound, UnexpectedEof};
    match error {
        ureq::Error::Timeout(which) => {
            let what = match which {
                ureq::Timeout::Resolve | ureq::Timeout::Connect => "no connection in time",
                ureq::Timeout::Global => "not done within the overall time",
                _ => "silent for too long",
            };
            Fault::Connection { what: what.into(), passing: true }
        }
        ureq::Error::HostNotFound => {
            Fault::Connection { what: "host not found".into(), passing: false }
        }
        ureq::Error::Io(e) if e.kind() == UnexpectedEof => {
            Fault::Connection { what: "hung up too early".into(), passing: true }
        }
        ureq::Error::Io(e) => Fault::Connection {
            what: e.to_string(),
            // Invalid data is TLS's word for a peer that does not speak it or is not trusted.
            passing: !matches!(e.kind(), ConnectionRefused | InvalidData | NotFound),
        },
        ureq::Error::Protocol(e) => Fault::Protocol { what: format!("bad HTTP: {e}") },
        ureq::Error::LargeResponseHeader(..) => {
            Fault::Protocol { what: "bad HTTP: headers without end".into() }
        }
        other => Fault::Connection { what: other.to_string(), passing: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(parse_range("bytes 5-9/10"), Some((5, 9, Some(10))));
        assert_eq!(parse_range("bytes 5-9/*"), Some((5, 9, None)));
        for bad in ["", "bytes */10", "items 5-9/10", "bytes 5-9", "bytes -9/10", "bytes a-9/10"] {
            assert_eq!(parse_range(bad), None, "{bad}");
        }
    }
}
