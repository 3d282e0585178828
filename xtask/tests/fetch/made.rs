//! Small made data sets, and a folder to fetch them into.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use xtask::fetch::{
    self, Dataset, FetchError, FileDone, FileSpec, Job, LOCK_NAME, MANIFEST_NAME, Patience,
    ProxyChoice, RawPin, Silent, Source,
};

/// One file: its bytes, packed and not, and its pins.
#[derive(Clone)]
pub struct Made {
    pub raw: Vec<u8>,
    pub gz: Vec<u8>,
    pub spec: FileSpec,
}

pub const IMAGES: &str = "train-images-idx3-ubyte.gz";
pub const LABELS: &str = "t10k-labels-idx1-ubyte.gz";

/// An IDX file of images whose raw bytes are pinned too.
pub fn images() -> Made {
    made(IMAGES, &[0, 0, 8, 3, 0, 0, 0, 100, 0, 0, 0, 28, 0, 0, 0, 28], 100 * 784, true)
}

/// An IDX file of labels of which only the .gz is pinned.
pub fn labels() -> Made {
    made(LABELS, &[0, 0, 8, 1, 0, 0, 0x27, 0x10], 10_000, false)
}

fn made(name: &str, header: &[u8], n_bytes: usize, raw_pinned: bool) -> Made {
    let mut state = n_bytes as u32;
    let mut raw = header.to_vec();
    raw.extend((0..n_bytes).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    }));
    let gz = pack(&raw, 6);
    let pin = RawPin { bytes: raw.len() as u64, sha256: sha256(&raw) };
    let spec = FileSpec {
        name: name.into(),
        gz_bytes: gz.len() as u64,
        gz_sha256: sha256(&gz),
        raw: raw_pinned.then_some(pin),
    };
    Made { raw, gz, spec }
}

pub fn pack(raw: &[u8], level: u32) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::new(level));
    packer.write_all(raw).unwrap();
    packer.finish().unwrap()
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Times that let a whole run of failures pass within a second or two.
pub fn hurried() -> Patience {
    Patience {
        connect: Duration::from_secs(2),
        read: Duration::from_millis(300),
        overall: Duration::from_secs(5),
        window: Duration::from_millis(250),
        floor_bytes: 1000,
        tries: 3,
        backoff: Duration::from_millis(2),
        longest_backoff: Duration::from_millis(20),
        redirects: 5,
        lock: Duration::from_secs(10),
    }
}

/// A target folder of its own and the files that belong in it.
pub struct Place {
    pub dir: TempDir,
    pub files: Vec<Made>,
}

impl Place {
    pub fn new(files: &[Made]) -> Self {
        Self { dir: TempDir::new().unwrap(), files: files.to_vec() }
    }

    pub fn target(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.target().join(name)
    }

    /// Puts bytes into the target folder before a run.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.target()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    pub fn job(&self, mirrors: &[&str]) -> Job {
        Job {
            dataset: Dataset {
                name: "made".into(),
                title: "A made set".into(),
                attribution: "nobody".into(),
                licence: "none".into(),
                classes: vec!["left".into(), "right".into()],
                mirrors: mirrors.iter().map(|m| m.to_string()).collect(),
                files: self.files.iter().map(|m| m.spec.clone()).collect(),
            },
            source: Source::Mirrors,
            target: self.target(),
            force: false,
            patience: hurried(),
            proxy: ProxyChoice::Direct,
            again: " --dataset made".into(),
        }
    }

    pub fn fetch(&self, mirrors: &[&str]) -> Result<Vec<FileDone>, FetchError> {
        self.run(&self.job(mirrors))
    }

    /// Runs a job and looks at the folder afterwards.
    pub fn run(&self, job: &Job) -> Result<Vec<FileDone>, FetchError> {
        let result = fetch::fetch(job, &mut Silent);
        self.nothing_wrong_stands(&[]);
        assert!(!self.path(LOCK_NAME).is_file());
        if result.is_ok() {
            for file in &self.files {
                assert!(self.path(&file.spec.name).is_file(), "{} is not there", file.spec.name);
                assert!(!self.path(&format!("{}.part", file.spec.name)).exists());
            }
            assert!(self.path(MANIFEST_NAME).is_file());
        }
        result
    }

    /// Every file under a final name is right, but for those that stood there wrong before.
    #[track_caller]
    pub fn nothing_wrong_stands(&self, wrong_before: &[&str]) {
        let Ok(entries) = fs::read_dir(self.target()) else { return };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            let ours = [LOCK_NAME, MANIFEST_NAME].contains(&name) || name.ends_with(".part");
            if ours || wrong_before.contains(&name) {
                continue;
            }
            let file = self.files.iter().find(|f| f.spec.name == name);
            let file = file.unwrap_or_else(|| panic!("a stray file {name}"));
            assert!(is_right(&path, file), "{name} has the wrong bytes");
        }
    }
}

fn is_right(path: &Path, file: &Made) -> bool {
    use std::io::Read;
    let bytes = fs::read(path).unwrap();
    let mut raw = Vec::new();
    let unpacked = flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut raw).is_ok();
    unpacked && raw == file.raw && (bytes == file.gz || file.spec.raw.is_some())
}

/// The exit code and the text of a fault, for one assertion.
#[track_caller]
pub fn fault(result: Result<Vec<FileDone>, FetchError>) -> (u8, String) {
    match result {
        Ok(done) => panic!("it went well: {done:?}"),
        Err(e) => (e.exit_code(), e.to_string()),
    }
}
