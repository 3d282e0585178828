//! `fetch-data`: puts a data set's files, verified, into a folder.
//!
//! What holds at any moment, whatever fails, is killed or runs beside it:
//! - under a final name stands a file whose SHA-256 was checked, or what stood there before;
//! - bytes on their way stand in `<name>.part`, which no reader of the data looks at;
//! - a file that is already right is neither fetched nor touched.
//!
//! `dataset` is the table; `remote` and `folder` fill a `part`; `verify` judges it.

pub mod client;
pub mod dataset;
pub mod error;
pub mod fault;
mod folder;
mod lock;
mod manifest;
mod part;
mod proxy;
mod remote;
mod report;
mod sniff;
mod url;
mod verify;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

pub use client::Patience;
pub use dataset::{Dataset, FileSpec, RawPin};
pub use error::{FetchError, Unobtainable};
pub use fault::{Attempt, Fault};
pub use lock::LOCK_NAME;
pub use manifest::MANIFEST_NAME;
pub use proxy::ProxyChoice;
pub use report::{FileDone, Origin, Report, Silent};
pub use sniff::Finding;
pub use url::{host, shown};
pub use verify::Match;

use client::Client;
use part::Part;
use remote::Mirrors;
use verify::Standing;

/// Where the files come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The data set's own mirrors.
    Mirrors,
    /// This base address and no other.
    Address(String),
    /// A folder of this machine.
    Folder(PathBuf),
}

impl Source {
    /// Reads the value of `--from`.
    pub fn parse(given: &str) -> Result<Self, FetchError> {
        if url::is_http(given) {
            Ok(Self::Address(given.into()))
        } else if given.is_empty() || given.contains("://") {
            Err(FetchError::BadSource { given: given.into() })
        } else {
            Ok(Self::Folder(given.into()))
        }
    }
}

/// One job.
#[derive(Clone, Debug)]
pub struct Job {
    /// What to fetch.
    pub dataset: Dataset,
    /// From where.
    pub source: Source,
    /// Into which folder.
    pub target: PathBuf,
    /// Whether to fetch files again that are there and right.
    pub force: bool,
    /// How long to wait for what.
    pub patience: Patience,
    /// Through which proxy.
    pub proxy: ProxyChoice,
    /// The arguments that name this job again, such as ` --dataset kmnist`, for error messages.
    pub again: String,
}

/// Does the job; the files in the order of the data set.
///
/// Errors: see [`FetchError`]; files before the one that failed stand verified.
pub fn fetch(job: &Job, report: &mut dyn Report) -> Result<Vec<FileDone>, FetchError> {
    if !job.force
        && let Some(done) = all_there(job)?
    {
        if let Err(e) = name_them(job, &done, report) {
            // The folder may be one to read only; its files are right all the same.
            report.say(&format!("note: {e}"));
        }
        for file in &done {
            report.done(file);
        }
        return Ok(done);
    }
    let _lock = lock::take(&job.target, job.patience.lock, report)?;
    let mut supply = match &job.source {
        Source::Folder(path) => Supply::Folder(path),
        Source::Mirrors => Supply::remote(job, job.dataset.mirrors.clone())?,
        Source::Address(base) => Supply::remote(job, vec![base.clone()])?,
    };
    let mut all = Vec::new();
    for spec in &job.dataset.files {
        let done = fetch_one(job, spec, &mut supply, report)?;
        report.done(&done);
        all.push(done);
    }
    manifest::write(&job.target, &job.dataset, &all)?;
    Ok(all)
}

/// Writes the manifest of files that are there, where it is missing or differs, and only under the lock:
/// another run may be writing its own.
fn name_them(job: &Job, done: &[FileDone], report: &mut dyn Report) -> Result<(), FetchError> {
    if manifest::stands(&job.target, &job.dataset, done) {
        return Ok(());
    }
    let _lock = lock::take(&job.target, job.patience.lock, report)?;
    // What was right before the wait need not be now.
    match all_there(job)? {
        Some(done) => manifest::write(&job.target, &job.dataset, &done),
        None => Ok(()),
    }
}

/// The files of a job that are all there and right; found out without network, lock or need to write.
fn all_there(job: &Job) -> Result<Option<Vec<FileDone>>, FetchError> {
    let mut all = Vec::new();
    for spec in &job.dataset.files {
        let start = Instant::now();
        match verify::standing(&job.target.join(&spec.name), spec)? {
            Standing::Right(matched, sha256) => {
                all.push(already_there(job, spec, matched, sha256, start)?);
            }
            Standing::Absent | Standing::Wrong(..) => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// What came of asking a source, or several, for one file.
struct Got {
    /// How the bytes match.
    matched: Match,
    /// Where they came from.
    origin: Origin,
    /// Sources that failed first.
    failed: Vec<Attempt>,
}

/// Where a job's bytes come from.
enum Supply<'a> {
    Folder(&'a Path),
    Remote(Box<Mirrors>),
}

impl Supply<'_> {
    fn remote(job: &Job, bases: Vec<String>) -> Result<Self, FetchError> {
        let client = Client::new(job.patience.clone(), job.proxy)?;
        Ok(Self::Remote(Box::new(Mirrors::new(client, job.patience.clone(), bases))))
    }

    /// Fills `part` with the right bytes, or lists what every source did instead.
    fn get(
        &mut self,
        spec: &FileSpec,
        part: &mut Part,
        report: &mut dyn Report,
    ) -> Result<Result<Got, Vec<Attempt>>, FetchError> {
        match self {
            Self::Folder(folder) => folder::get(folder, spec, part, report),
            Self::Remote(mirrors) => mirrors.get(spec, part, report),
        }
    }
}

fn fetch_one(
    job: &Job,
    spec: &FileSpec,
    supply: &mut Supply<'_>,
    report: &mut dyn Report,
) -> Result<FileDone, FetchError> {
    let start = Instant::now();
    let path = job.target.join(&spec.name);
    let standing = verify::standing(&path, spec)?;
    let replaced = match standing {
        Standing::Right(matched, sha256) if !job.force => {
            return already_there(job, spec, matched, sha256, start);
        }
        Standing::Wrong(n_bytes, sha256) => {
            report.say(&format!(
                "{}: the file there is wrong ({n_bytes} bytes, SHA-256 {sha256}); \
                 it stays until a right one can take its place",
                spec.name
            ));
            true
        }
        _ => false,
    };
    let mut part = Part::open(&job.target, &spec.name, spec.most_bytes())?;
    if job.force {
        part.restart()?;
    }
    let unobtainable = |attempts| {
        FetchError::Unobtainable(Box::new(Unobtainable {
            dataset: job.dataset.name.clone(),
            again: job.again.clone(),
            file: spec.name.clone(),
            expected_bytes: spec.gz_bytes,
            expected_sha256: spec.gz_sha256.clone(),
            attempts,
        }))
    };
    let got = supply.get(spec, &mut part, report);
    match got.and_then(|got| got.map_err(unobtainable)) {
        Ok(Got { matched, origin, failed }) => {
            let (n_bytes, sha256) = (part.len(), part.sha256());
            part.finish()?;
            let (name, took) = (spec.name.clone(), start.elapsed());
            Ok(FileDone { name, n_bytes, sha256, matched, origin, replaced, failed, took })
        }
        Err(e) => {
            if part.is_empty() {
                // An empty file left behind harms nobody, and the news matters more.
                let _ = part.remove();
            }
            Err(e)
        }
    }
}

fn already_there(
    job: &Job,
    spec: &FileSpec,
    matched: Match,
    sha256: String,
    start: Instant,
) -> Result<FileDone, FetchError> {
    let path = job.target.join(&spec.name);
    let n_bytes = fs::metadata(&path).map_err(FetchError::disk("read", &path))?.len();
    Ok(FileDone {
        name: spec.name.clone(),
        n_bytes,
        sha256,
        matched,
        origin: Origin::AlreadyThere,
        replaced: false,
        failed: Vec::new(),
        took: start.elapsed(),
    })
}
