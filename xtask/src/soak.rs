//! Training that is killed and goes on, round after round, until the time is over.
//!
//! ```text
//! once:    a run that nobody stops; its model and evaluation are what every round must end with
//! a round: a run with checkpoints, SIGKILL after a random time; the same with --resume, up to five times;
//!          the last is let to its end. Model, evaluation and the names of the files are compared
//! beside:  one long run that saves all the time; its resident memory and open files are watched; in the
//!          end SIGTERM, which it must answer with exit code 143
//! ```

mod process;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::measure::{MeasureError, build_mnist, capture};
use process::Watch;

/// Kills of one round at most.
const MOST_KILLS: u64 = 5;
/// Epochs of a round's run.
const EPOCHS: &str = "3";
/// The names of a finished run.
const FILES: [&str; 4] =
    ["checkpoint.safetensors", "config.json", "metrics.jsonl", "model.safetensors"];

/// What to do.
#[derive(Clone, Debug)]
pub struct Job {
    /// The workspace.
    pub root: PathBuf,
    /// For how long.
    pub time: Duration,
    /// The folder of the data; synthetic digits without.
    pub data: Option<PathBuf>,
    /// The program; without, it is built.
    pub program: Option<PathBuf>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Figures {
    /// Rounds that ended as they must.
    pub rounds: u64,
    /// Runs that were killed.
    pub kills: u64,
    /// Of these, such as had no checkpoint yet.
    pub early: u64,
    /// Resident memory of the long run, in KiB: when it was warm, its most, and at its end.
    pub resident_kib: Option<[u64; 3]>,
    /// Open files of the long run: the least and the most.
    pub open_files: Option<(u64, u64)>,
}

/// Soaks; errors at the first round that ends otherwise than it must.
pub fn soak(job: &Job, say: &mut dyn FnMut(&str)) -> Result<Figures, MeasureError> {
    let program = match &job.program {
        Some(program) => fs::canonicalize(program).map_err(MeasureError::disk("find", program))?,
        None => build_mnist(&job.root)?,
    };
    let folder = job.root.join("target").join(format!("soak-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(MeasureError::disk("make", &folder))?;
    let data = job.data.as_ref().map(fs::canonicalize).transpose();
    let data = data.map_err(MeasureError::disk("find", job.data.clone().unwrap_or_default()))?;
    let bench = Bench { program, data, folder };
    let soaked = bench.soak(job.time, say);
    // What a failed round left is to be looked at.
    if soaked.is_ok() {
        fs::remove_dir_all(&bench.folder).map_err(MeasureError::disk("remove", &bench.folder))?;
    }
    soaked
}

struct Bench {
    program: PathBuf,
    data: Option<PathBuf>,
    folder: PathBuf,
}

impl Bench {
    fn soak(&self, time: Duration, say: &mut dyn FnMut(&str)) -> Result<Figures, MeasureError> {
        let started = Instant::now();
        let whole = Instant::now();
        capture(&mut self.train("reference", &[]))?;
        let length = whole.elapsed();
        let expected = self.result("reference")?;
        let long = ["--epochs", "1000000000", "--checkpoint-every", "200"];
        let mut watch = Watch::new(self.spawn(self.train("long", &long))?);
        // SplitMix64: which moment is hit is not to be the same for every soak.
        let mut random = u64::from(std::process::id());
        let mut draw = |below: u64| {
            random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (random ^ (random >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) % below.max(1)
        };
        let (mut rounds, mut kills, mut early) = (0, 0, 0);
        while started.elapsed() < time {
            let name = "round";
            let _ = fs::remove_dir_all(self.folder.join(name));
            for _ in 0..=draw(MOST_KILLS) {
                let mut child = self.spawn(self.begin_or_go_on(name))?;
                std::thread::sleep(Duration::from_micros(draw(length.as_micros() as u64)));
                let is_over = child.try_wait().map_err(MeasureError::disk("wait for", name))?;
                if is_over.is_none() {
                    child.kill().map_err(MeasureError::disk("kill", name))?;
                    kills += 1;
                    early += u64::from(!self.checkpoint(name).exists());
                }
                child.wait().map_err(MeasureError::disk("wait for", name))?;
                watch.look();
            }
            capture(&mut self.begin_or_go_on(name))?;
            let found = self.result(name)?;
            if found != expected {
                let what = format!("round {} ended with another model or evaluation", rounds + 1);
                return Err(MeasureError::content(self.folder.join(name), what));
            }
            rounds += 1;
            if rounds % 50 == 0 {
                let seconds = started.elapsed().as_secs();
                say(&format!("{rounds} rounds, {kills} kills in {seconds} s"));
            }
        }
        let (resident_kib, open_files) = watch.end(&self.folder.join("long"))?;
        self.names("long", &FILES[..3])?;
        Ok(Figures { rounds, kills, early, resident_kib, open_files })
    }

    fn checkpoint(&self, name: &str) -> PathBuf {
        self.folder.join(name).join(FILES[0])
    }

    /// A run in a folder of this name, from its start.
    fn train(&self, name: &str, more: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("train").current_dir(&self.folder).args([
            "--quiet",
            "--no-pictures",
            "--out",
            name,
        ]);
        match &self.data {
            Some(data) => command.arg("--data").arg(data),
            None => command.args(["--dataset", "synthetic"]),
        };
        let epochs: &[&str] = if more.is_empty() { &["--epochs", EPOCHS] } else { more };
        command.args(epochs).env_remove("MNIST_DATA").env_remove("MNIST_ISA");
        command
    }

    /// The round's run: from its checkpoint where it has one.
    fn begin_or_go_on(&self, name: &str) -> Command {
        let every = ["--epochs", EPOCHS, "--checkpoint-every", "40"];
        let mut command = self.train(name, &every);
        if self.checkpoint(name).exists() {
            command.arg("--resume").arg(self.checkpoint(name));
        }
        command
    }

    fn spawn(&self, mut command: Command) -> Result<Child, MeasureError> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map_err(|source| {
            let command = self.program.display().to_string();
            MeasureError::Start { command, source }
        })
    }

    /// The model of a run, and what it is worth on the test images.
    fn result(&self, name: &str) -> Result<(Vec<u8>, String), MeasureError> {
        let names = if name == "reference" { &FILES[1..] } else { &FILES[..] };
        self.names(name, names)?;
        let model = self.folder.join(name).join(FILES[3]);
        let mut command = Command::new(&self.program);
        command.arg("evaluate").arg("--json").arg("--model").arg(&model).env_remove("MNIST_DATA");
        match &self.data {
            Some(data) => command.arg("--data").arg(data),
            None => command.args(["--dataset", "synthetic"]),
        };
        // The path of the model and how long it took differ, the results may not.
        let text = capture(&mut command)?;
        let value: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| MeasureError::content(&model, format!("evaluation: {error}")))?;
        let result = format!("{} {}", value["loss"], value["accuracy"]);
        let bytes = fs::read(&model).map_err(MeasureError::disk("read", &model))?;
        Ok((bytes, result))
    }

    /// Errors where a folder has other files than these.
    fn names(&self, folder: &str, expected: &[&str]) -> Result<(), MeasureError> {
        let path = self.folder.join(folder);
        let mut names = names(&path).map_err(MeasureError::disk("list", &path))?;
        names.sort();
        if names != expected {
            let what = format!("expected {}, found {}", expected.join(", "), names.join(", "));
            return Err(MeasureError::content(path, what));
        }
        Ok(())
    }
}

fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    fs::read_dir(folder)?.map(|entry| entry.map(name)).collect()
}
