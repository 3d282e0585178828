//! Gets one file from the mirrors into its `.part`: tries, waits, resumes, and goes on to the next.

use std::thread;
use std::time::{Duration, Instant};

use super::Got;
use super::client::{Answer, Client, Patience};
use super::dataset::FileSpec;
use super::error::FetchError;
use super::fault::{Attempt, Fault};
use super::part::Part;
use super::report::{Origin, Report};
use super::sniff::{self, HEAD_BYTES};
use super::url;
use super::verify::{self, Match};

/// The mirrors of a run, best first: one that failed goes behind those that did not.
pub struct Mirrors {
    client: Client,
    patience: Patience,
    bases: Vec<String>,
}

/// What came of asking one mirror, several times if need be.
enum Asked {
    /// The right bytes; those before `resumed_at` are an earlier run's.
    Gave { matched: Match, resumed_at: u64 },
    /// Nothing of use.
    Failed { tries: u32, fault: Fault },
}

/// Why one try ended without the file.
enum Stop {
    /// This machine's fault: no use in asking anyone else.
    Here(FetchError),
    /// The source's fault.
    There(Fault),
    /// The bytes of an earlier run and those of this one do not make the file; the earlier ones
    /// are gone now, and the source deserves a try from the start.
    Patchwork,
}

impl From<FetchError> for Stop {
    fn from(e: FetchError) -> Self {
        Self::Here(e)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::There(fault)
    }
}

impl Mirrors {
    /// Sets out with these base addresses.
    pub fn new(client: Client, patience: Patience, bases: Vec<String>) -> Self {
        Self { client, patience, bases }
    }

    /// Fills `part` with the right bytes; `Err` in the inner result lists what every mirror did.
    pub fn get(
        &mut self,
        spec: &FileSpec,
        part: &mut Part,
        report: &mut dyn Report,
    ) -> Result<Result<Got, Vec<Attempt>>, FetchError> {
        if !part.is_empty() {
            let matched = verify::matches(part.path(), part.len(), &part.sha256(), spec)?;
            if let Some(matched) = matched {
                let (origin, failed) = (Origin::EarlierRun, Vec::new());
                return Ok(Ok(Got { matched, origin, failed }));
            }
            if part.len() >= spec.gz_bytes {
                part.restart()?;
            }
        }
        let mut failed = Vec::new();
        for base_idx in 0..self.bases.len() {
            let address = url::join(&self.bases[base_idx], &spec.name);
            match self.ask_one(&address, spec, part, report)? {
                Asked::Gave { matched, resumed_at } => {
                    self.bases.rotate_left(base_idx);
                    let origin = Origin::Download { url: address, resumed_at };
                    return Ok(Ok(Got { matched, origin, failed }));
                }
                Asked::Failed { tries, fault } => {
                    failed.push(Attempt { source: url::shown(&address), tries, fault });
                }
            }
        }
        Ok(Err(failed))
    }

    /// Asks one mirror as often as is sensible.
    fn ask_one(
        &mut self,
        address: &str,
        spec: &FileSpec,
        part: &mut Part,
        report: &mut dyn Report,
    ) -> Result<Asked, FetchError> {
        let mut tries = 0;
        let mut mended = false;
        loop {
            tries += 1;
            let result = self.try_once(address, spec, part, report);
            report.end();
            match result {
                Ok((matched, resumed_at)) => return Ok(Asked::Gave { matched, resumed_at }),
                Err(Stop::Here(e)) => return Err(e),
                Err(Stop::Patchwork) if !mended => mended = true,
                Err(Stop::Patchwork) => {
                    let what = "its parts do not make the file".into();
                    return Ok(Asked::Failed { tries, fault: Fault::Protocol { what } });
                }
                Err(Stop::There(fault)) if fault.is_passing() && tries < self.patience.tries => {
                    self.wait(address, tries, &fault, report);
                }
                Err(Stop::There(fault)) => return Ok(Asked::Failed { tries, fault }),
            }
        }
    }

    fn try_once(
        &mut self,
        address: &str,
        spec: &FileSpec,
        part: &mut Part,
        report: &mut dyn Report,
    ) -> Result<(Match, u64), Stop> {
        let mut answer = self.client.get(address, part.len())?;
        let goes_on = answer.status == 206 && goes_on(&answer, part.len(), spec);
        if !part.is_empty() && !goes_on && matches!(answer.status, 200 | 206 | 416) {
            // A 200 is the whole file; a 206 of something else and a 416 are of no use.
            part.restart()?;
            if answer.status != 200 {
                answer = self.client.get(address, 0)?;
            }
        }
        let start = part.len();
        match answer.status {
            200 => {}
            206 if start > 0 => {}
            206 => {
                return Err(Fault::Protocol { what: "sends a part nobody asked for".into() }.into());
            }
            code => return Err(Fault::Status { code, retry_after: answer.retry_after }.into()),
        }
        report.begin(&spec.name, start, spec.gz_bytes, Some(url::host(address)));
        self.take_body(&mut answer, spec, part, report)?;

        let sha256 = part.sha256();
        if let Some(matched) = verify::matches(part.path(), part.len(), &sha256, spec)? {
            return Ok((matched, start));
        }
        let looks = sniff::look(part.head(), Some(&sha256));
        let fault = Fault::Mismatch { got_bytes: part.len(), got_sha256: sha256, looks };
        part.restart()?;
        Err(if start > 0 { Stop::Patchwork } else { fault.into() })
    }

    /// Streams a body into the part, within its limit and above the slowest acceptable speed.
    fn take_body(
        &self,
        answer: &mut Answer,
        spec: &FileSpec,
        part: &mut Part,
        report: &mut dyn Report,
    ) -> Result<(), Stop> {
        let most_bytes = spec.most_bytes();
        let announced = answer.content_length.map(|n| n.saturating_add(part.len()));
        if let Some(n) = announced.filter(|n| *n > most_bytes) {
            let looks = if part.is_empty() { sniff::look(&head_of(answer), None) } else { None };
            part.restart()?;
            return Err(Fault::TooLong { most_bytes, announced: Some(n), looks }.into());
        }
        let mut buffer = vec![0; 64 * 1024];
        let (mut window_start, mut window_bytes) = (Instant::now(), 0);
        loop {
            let room = usize::try_from(most_bytes + 1 - part.len()).unwrap_or(usize::MAX);
            let room = room.min(buffer.len());
            let n = answer.read(&mut buffer[..room], part.len())?;
            if n == 0 {
                return Ok(());
            }
            part.push(&buffer[..n])?;
            if part.len() > most_bytes {
                let looks = sniff::look(part.head(), None);
                part.restart()?;
                return Err(Fault::TooLong { most_bytes, announced: None, looks }.into());
            }
            report.position(part.len());
            window_bytes += n as u64;
            let window = window_start.elapsed();
            if window >= self.patience.window {
                if window_bytes < self.patience.floor_bytes {
                    return Err(Fault::TooSlow { got_bytes: window_bytes, window }.into());
                }
                (window_start, window_bytes) = (Instant::now(), 0);
            }
        }
    }

    fn wait(&self, address: &str, tries: u32, fault: &Fault, report: &mut dyn Report) {
        let doubled = self.patience.backoff.saturating_mul(1 << (tries - 1).min(16));
        let asked = match fault {
            Fault::Status { retry_after: Some(seconds), .. } => Duration::from_secs(*seconds),
            _ => Duration::ZERO,
        };
        let wait = doubled.max(asked).min(self.patience.longest_backoff);
        if wait >= Duration::from_secs(2) {
            report.say(&format!("{}: {fault}; again in {wait:.0?}", url::host(address)));
        }
        thread::sleep(wait);
    }
}

/// Whether a 206 goes on exactly where `have` bytes end, towards a file of the pinned length.
fn goes_on(answer: &Answer, have: u64, spec: &FileSpec) -> bool {
    let Some((first, last, total)) = answer.content_range else {
        return false;
    };
    let Some(n_bytes) = last.checked_sub(first).and_then(|n| n.checked_add(1)) else {
        return false;
    };
    first == have
        && last.checked_add(1) == Some(spec.gz_bytes)
        && total.is_none_or(|total| total == spec.gz_bytes)
        && answer.content_length.is_none_or(|length| length == n_bytes)
}

/// The first bytes of a body that is not wanted, for the message.
fn head_of(answer: &mut Answer) -> Vec<u8> {
    let mut head = vec![0; HEAD_BYTES];
    let mut filled = 0;
    while filled < head.len() {
        match answer.read(&mut head[filled..], 0) {
            Ok(0) | Err(_) => break,
            Ok(n) => filled += n,
        }
    }
    head.truncate(filled);
    head
}
