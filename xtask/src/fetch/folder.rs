//! Gets one file from a folder into its `.part`: any of the usual spellings, packed or not.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use idx::Role;

use super::Got;
use super::dataset::FileSpec;
use super::error::FetchError;
use super::fault::{Attempt, Fault};
use super::part::Part;
use super::report::{Origin, Report};
use super::sniff::{self, HEAD_BYTES};
use super::verify::{self, Match};

/// Fills `part` from the first file of `folder` that has a right name and the right bytes.
pub fn get(
    folder: &Path,
    spec: &FileSpec,
    part: &mut Part,
    report: &mut dyn Report,
) -> Result<Result<Got, Vec<Attempt>>, FetchError> {
    let candidates = candidates(folder, spec)?;
    if candidates.is_empty() {
        let folder = folder.to_owned();
        return Err(FetchError::NotInFolder { folder, looked_for: spellings(spec) });
    }
    let mut failed = Vec::new();
    for path in candidates {
        part.restart()?;
        match copy(&path, spec, part, report)? {
            Ok(matched) => {
                return Ok(Ok(Got { matched, origin: Origin::Copy { path }, failed }));
            }
            Err(fault) => {
                let source = path.display().to_string();
                failed.push(Attempt { source, tries: 1, fault });
            }
        }
    }
    part.restart()?;
    Ok(Err(failed))
}

/// Every name under which people keep the file, packed or not: those of `idx` but QMNIST's, which
/// are other files.
fn spellings(spec: &FileSpec) -> Vec<String> {
    let stem = spec.stem();
    let is_same = |name: &&&str| name.replacen(".idx", "-idx", 1) == stem;
    let known = Role::ALL.iter().flat_map(|role| role.names()).filter(is_same);
    let raw: Vec<String> = known.map(|&name| name.to_owned()).collect();
    raw.iter().map(|name| format!("{name}.gz")).chain(raw.iter().cloned()).collect()
}

fn candidates(folder: &Path, spec: &FileSpec) -> Result<Vec<PathBuf>, FetchError> {
    let wanted = spellings(spec);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(FetchError::disk("open", folder))? {
        let entry = entry.map_err(FetchError::disk("read", folder))?;
        let name = entry.file_name().to_string_lossy().to_ascii_lowercase();
        let rank = wanted.iter().position(|w| w.to_ascii_lowercase() == name);
        if let Some(rank) = rank.filter(|_| entry.path().is_file()) {
            found.push((rank, entry.path()));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

/// Copies one file, packing it where it is not packed; its content, not its name, says which.
fn copy(
    path: &Path,
    spec: &FileSpec,
    part: &mut Part,
    report: &mut dyn Report,
) -> Result<Result<Match, Fault>, FetchError> {
    let file = File::open(path).map_err(FetchError::disk("open", path))?;
    let n_bytes = file.metadata().map_err(FetchError::disk("read", path))?.len();
    let mut file = BufReader::new(file);
    let mut head = Vec::new();
    file.by_ref()
        .take(HEAD_BYTES as u64)
        .read_to_end(&mut head)
        .map_err(FetchError::disk("read", path))?;
    let mut file = io::Cursor::new(head.clone()).chain(file);

    if sniff::is_raw_idx(&head) {
        let Some(pin) = &spec.raw else {
            let wanted = spec.name.clone();
            return Err(FetchError::RawUnpinned { path: path.to_owned(), wanted });
        };
        if n_bytes > pin.bytes {
            return Ok(Err(too_long(pin.bytes, n_bytes, &head)));
        }
        report.begin(&spec.name, 0, n_bytes, None);
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        let sum = pack(&mut file, &mut packer, path, part, report);
        report.end();
        let (got_bytes, got_sha256) = sum?;
        let packed = verify::matches(part.path(), part.len(), &part.sha256(), spec)?;
        if let Some(matched) = packed {
            return Ok(Ok(matched));
        }
        let looks = sniff::look(&head, Some(&got_sha256));
        return Ok(Err(Fault::Mismatch { got_bytes, got_sha256, looks }));
    }

    let most_bytes = spec.most_bytes();
    if n_bytes > most_bytes {
        return Ok(Err(too_long(most_bytes, n_bytes, &head)));
    }
    report.begin(&spec.name, 0, n_bytes, None);
    // A file that grows while it is read stops one byte past the limit, and does not match.
    let copied = read_all(&mut file.take(most_bytes + 1), path, |bytes| {
        part.push(bytes)?;
        report.position(part.len());
        Ok(())
    });
    report.end();
    copied?;
    let sha256 = part.sha256();
    Ok(match verify::matches(part.path(), part.len(), &sha256, spec)? {
        Some(matched) => Ok(matched),
        None => {
            let looks = sniff::look(&head, Some(&sha256));
            Err(Fault::Mismatch { got_bytes: part.len(), got_sha256: sha256, looks })
        }
    })
}

/// Packs everything that `from` gives into `part`; the length and SHA-256 of what was packed.
fn pack(
    from: &mut impl Read,
    packer: &mut GzEncoder<Vec<u8>>,
    path: &Path,
    part: &mut Part,
    report: &mut dyn Report,
) -> Result<(u64, String), FetchError> {
    use sha2::{Digest, Sha256};
    let mut hasher = Sha256::new();
    let mut n_bytes = 0;
    read_all(from, path, |bytes| {
        hasher.update(bytes);
        n_bytes += bytes.len() as u64;
        // Packing into memory cannot fail.
        packer.write_all(bytes).map_err(FetchError::disk("pack", path))?;
        part.push(packer.get_ref())?;
        packer.get_mut().clear();
        report.position(n_bytes);
        Ok(())
    })?;
    packer.try_finish().map_err(FetchError::disk("pack", path))?;
    part.push(packer.get_ref())?;
    Ok((n_bytes, verify::hex(&hasher.finalize())))
}

fn read_all(
    from: &mut impl Read,
    path: &Path,
    mut each: impl FnMut(&[u8]) -> Result<(), FetchError>,
) -> Result<(), FetchError> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(n) => each(&buffer[..n])?,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(FetchError::disk("read", path)(e)),
        }
    }
}

fn too_long(most_bytes: u64, n_bytes: u64, head: &[u8]) -> Fault {
    let looks = sniff::look(head, None);
    Fault::TooLong { most_bytes, announced: Some(n_bytes), looks }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fetch::dataset;

    #[test]
    fn every_file_has_four_spellings() {
        for spec in dataset::all().iter().flat_map(|set| &set.files) {
            let (dash, dot) = (spec.stem(), spec.stem().replace("-idx", ".idx"));
            let expected = [format!("{dash}.gz"), format!("{dot}.gz"), dash.to_owned(), dot];
            assert_eq!(spellings(spec), expected);
        }
    }
}
