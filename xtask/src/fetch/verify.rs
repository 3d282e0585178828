//! Says whether a file on disk is the right one.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::dataset::{FileSpec, RawPin};
use super::error::FetchError;

/// How a file matches its pins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// Byte for byte the pinned `.gz`.
    Exact,
    /// Another `.gz` around the pinned bytes.
    Repacked,
}

/// What stands under a final name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing.
    Absent,
    /// The right file; carries its SHA-256.
    Right(Match, String),
    /// Something else; carries its length and SHA-256.
    Wrong(u64, String),
}

/// Looks at the file under `path` without changing anything.
pub fn standing(path: &Path, spec: &FileSpec) -> Result<Standing, FetchError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Standing::Absent),
        Err(e) => return Err(FetchError::disk("open", path)(e)),
    };
    let (n_bytes, sha256) = hash(&mut file).map_err(FetchError::disk("read", path))?;
    Ok(match matches(path, n_bytes, &sha256, spec)? {
        Some(how) => Standing::Right(how, sha256),
        None => Standing::Wrong(n_bytes, sha256),
    })
}

/// Compares a file of known length and SHA-256 with its pins; unpacks it only where it must.
pub fn matches(
    path: &Path,
    n_bytes: u64,
    sha256: &str,
    spec: &FileSpec,
) -> Result<Option<Match>, FetchError> {
    if sha256 == spec.gz_sha256 {
        return Ok(Some(Match::Exact));
    }
    let Some(raw) = spec.raw.as_ref().filter(|_| n_bytes <= spec.most_bytes()) else {
        return Ok(None);
    };
    let file = File::open(path).map_err(FetchError::disk("open", path))?;
    Ok(unpacks_to(io::BufReader::new(file), raw).then_some(Match::Repacked))
}

/// Whether gzip data unpacks to exactly the pinned bytes; stops one byte past their number.
fn unpacks_to(gz: impl io::BufRead, pin: &RawPin) -> bool {
    let unpacked = MultiGzDecoder::new(gz);
    match hash(&mut unpacked.take(pin.bytes + 1)) {
        Ok((n_bytes, sha256)) => n_bytes == pin.bytes && sha256 == pin.sha256,
        // Not gzip, or damaged: no match.
        Err(_) => false,
    }
}

/// The length and SHA-256 of everything a reader gives.
pub fn hash(reader: &mut impl Read) -> io::Result<(u64, String)> {
    let mut hasher = Sha256::new();
    let mut n_bytes = 0;
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut buffer) {
            Ok(0) => return Ok((n_bytes, hex(&hasher.finalize()))),
            Ok(n) => {
                hasher.update(&buffer[..n]);
                n_bytes += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
}

/// Bytes as lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_as_the_standard_does() {
        let (n, sum) = hash(&mut &b"abc"[..]).unwrap();
        assert_eq!(n, 3);
        assert_eq!(sum, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_bomb_is_not_unpacked_past_the_pinned_length() {
        use std::io::Write;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gz.write_all(&vec![0; 1 << 24]).unwrap();
        let bomb = gz.finish().unwrap();
        let pin = RawPin { bytes: 100, sha256: hash(&mut &[0; 100][..]).unwrap().1 };
        assert!(!unpacks_to(&bomb[..], &pin));
    }
}
