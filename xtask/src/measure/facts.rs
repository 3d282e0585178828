//! What a figure was measured on: date, processor, memory, system, compiler, commit.

use std::env;
use std::fs;
use std::path::Path;
use std::thread;

use serde::Serialize;

use super::shell::first_line;

/// The facts that stand beside every figure; none names the machine or its owner.
#[derive(Clone, Debug, Serialize)]
pub struct Facts {
    /// In UTC, as 2018-01-31.
    pub date: String,
    /// The processor's name, and on x86 its family and model: the name of a virtual one says little.
    pub cpu: String,
    /// Processors that the chore may use.
    pub cpus: usize,
    /// Those of `avx2`, `fma`, `avx512f` that the processor has.
    pub features: String,
    /// Memory in MiB, where the system tells.
    pub memory_mib: Option<u64>,
    /// Load average of the last minute, where the system tells: how many others were there.
    pub load: Option<f64>,
    /// The operating system and its architecture.
    pub system: String,
    /// The compiler, as it names itself.
    pub rustc: String,
    /// The commit, with a `+` if files differ from it.
    pub commit: String,
}

impl Facts {
    /// Asks the machine and the tree.
    pub fn gather(root: &Path) -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let loadavg = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        // What follows the number is a name that its builder gave it.
        let release = release.trim().split('-').next().unwrap_or_default();
        let system = format!("{} {release} {}", env::consts::OS, env::consts::ARCH);
        Self {
            date: today(),
            cpu: cpu(&cpuinfo).unwrap_or_else(|| format!("unknown {}", env::consts::ARCH)),
            cpus: thread::available_parallelism().map_or(1, usize::from),
            features: features(&cpuinfo),
            memory_mib: field(&meminfo, "MemTotal").and_then(kib).map(|kib| kib / 1024),
            load: loadavg.split(' ').next().and_then(|load| load.parse().ok()),
            system: system.split_whitespace().collect::<Vec<_>>().join(" "),
            rustc: first_line("rustc", &["--version"], root).unwrap_or_default(),
            commit: commit(root),
        }
    }

    /// The processor's name as part of a file's name: small letters, digits and dashes.
    pub fn cpu_slug(&self) -> String {
        let cpu = self.cpu.to_lowercase();
        let words = cpu.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| {
            // They say nothing that another processor's name does not say too.
            !["", "r", "tm", "cpu", "processor", "family", "model"].contains(word)
        });
        words.collect::<Vec<_>>().join("-")
    }

    /// Each fact with its name, in the order of the fields.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let memory = self.memory_mib.map(|mib| format!(", {:.0} GiB", mib as f64 / 1024.0));
        let memory = memory.unwrap_or_default();
        let features = match self.features.as_str() {
            "" => String::new(),
            some => format!(", {some}"),
        };
        let mut lines = vec![
            ("date", self.date.clone()),
            ("processor", format!("{}, {} of them{features}{memory}", self.cpu, self.cpus)),
            ("system", self.system.clone()),
            ("compiler", self.rustc.clone()),
            ("commit", self.commit.clone()),
        ];
        lines.extend(self.load.map(|load| ("load average at its start", format!("{load:.1}"))));
        lines
    }
}

/// Today's date in UTC, as 2018-01-31.
fn today() -> String {
    jiff::Timestamp::now().strftime("%F").to_string()
}

/// The value of the first `name : value` line.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

/// The number of a value like `1024 kB`.
pub fn kib(value: &str) -> Option<u64> {
    value.strip_suffix("kB")?.trim().parse().ok()
}

fn cpu(cpuinfo: &str) -> Option<String> {
    let name = field(cpuinfo, "model name")?;
    Some(match (field(cpuinfo, "cpu family"), field(cpuinfo, "model")) {
        (Some(family), Some(model)) => format!("{name} (family {family}, model {model})"),
        _ => name.to_owned(),
    })
}

fn features(cpuinfo: &str) -> String {
    let flags: Vec<_> = field(cpuinfo, "flags").unwrap_or_default().split(' ').collect();
    let known = ["avx2", "fma", "avx512f"].into_iter().filter(|name| flags.contains(name));
    known.collect::<Vec<_>>().join(" ")
}

fn commit(root: &Path) -> String {
    let Some(hash) = first_line("git", &["rev-parse", "--short=10", "HEAD"], root) else {
        return "unknown".to_owned();
    };
    let changed = first_line("git", &["status", "--porcelain", "--untracked-files=no"], root);
    format!("{hash}{}", if changed.is_some() { "+" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CPUINFO: &str = "processor\t: 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name\t: AMD EPYC\n\
                           flags\t\t: fpu sse2 avx2 fma\n\nprocessor\t: 1\nmodel name\t: other\n";

    #[test]
    fn a_processor() {
        assert_eq!(cpu(CPUINFO).unwrap(), "AMD EPYC (family 25, model 17)");
        assert_eq!(cpu("model name: X\n").unwrap(), "X");
        assert_eq!(cpu(""), None);
        assert_eq!(features(CPUINFO), "avx2 fma");
        assert_eq!(field("MemTotal:   2048 kB\n", "MemTotal").and_then(kib), Some(2048));
    }

    #[test]
    fn a_processor_in_a_file_name() {
        let mut facts = Facts::gather(Path::new(env!("CARGO_MANIFEST_DIR")));
        facts.cpu = cpu(CPUINFO).unwrap();
        assert_eq!(facts.cpu_slug(), "amd-epyc-25-17");
        facts.cpu = "Intel(R) Core(TM) i7-9800X CPU @ 3.80GHz".to_owned();
        assert_eq!(facts.cpu_slug(), "intel-core-i7-9800x-3-80ghz");
    }

    #[test]
    fn the_facts_of_this_machine() {
        let facts = Facts::gather(Path::new(env!("CARGO_MANIFEST_DIR")));
        assert_eq!(facts.date.len(), "2018-01-31".len());
        assert!(facts.cpus > 0 && !facts.cpu.is_empty() && facts.rustc.starts_with("rustc"));
    }
}
