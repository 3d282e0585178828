//! A long run that is watched from outside.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::measure::{MeasureError, capture};

/// After so long, a run has all the memory it needs.
const WARM: Duration = Duration::from_secs(20);
/// How long a run may take to answer SIGTERM.
const PATIENCE: Duration = Duration::from_secs(60);

/// A run, and what was seen of it; killed where nobody ends it.
pub struct Watch {
    child: Child,
    started: Instant,
    /// In KiB: the first when warm, the most, the last.
    resident: Option<[u64; 3]>,
    open: Option<(u64, u64)>,
}

/// What was seen of a run: resident memory and open files, as in [`super::Figures`].
pub type Seen = (Option<[u64; 3]>, Option<(u64, u64)>);

impl Watch {
    /// Watches a run.
    pub fn new(child: Child) -> Self {
        Self { child, started: Instant::now(), resident: None, open: None }
    }

    /// Looks at the run, where the system shows it.
    pub fn look(&mut self) {
        if self.started.elapsed() < WARM {
            return;
        }
        let folder = Path::new("/proc").join(self.child.id().to_string());
        let status = fs::read_to_string(folder.join("status")).unwrap_or_default();
        if let Some(kib) = resident_kib(&status) {
            let [first, most, _] = self.resident.unwrap_or([kib; 3]);
            self.resident = Some([first, most.max(kib), kib]);
        }
        if let Ok(open) = fs::read_dir(folder.join("fd")) {
            let open = open.count() as u64;
            let (least, most) = self.open.unwrap_or((open, open));
            self.open = Some((least.min(open), most.max(open)));
        }
    }

    /// Ends the run by SIGTERM, which it must answer with exit code 143.
    pub fn end(mut self, folder: &Path) -> Result<Seen, MeasureError> {
        self.look();
        let mut kill = Command::new("kill");
        kill.arg("-TERM").arg(self.child.id().to_string());
        capture(&mut kill)?;
        let asked = Instant::now();
        let status = loop {
            let ended = self.child.try_wait().map_err(MeasureError::disk("wait for", folder))?;
            match ended {
                Some(status) => break status,
                None if asked.elapsed() > PATIENCE => {
                    return Err(MeasureError::content(folder, "SIGTERM was not answered"));
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        if status.code() != Some(143) {
            return Err(MeasureError::content(folder, format!("SIGTERM: {status}, not 143")));
        }
        Ok((self.resident, self.open))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line `VmRSS:  1234 kB`.
fn resident_kib(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn resident_memory_is_read() {
        let status = "Name:\tmnist\nVmHWM:\t  9 kB\nVmRSS:\t    5128 kB\n";
        assert_eq!(super::resident_kib(status), Some(5_128));
        assert_eq!(super::resident_kib(""), None);
    }
}
