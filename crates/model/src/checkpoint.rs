//! Checkpoints: `checkpoint.safetensors`, from which a run goes on and ends with the same bytes.
//!
//! Seven tensors: `weights`, `weights_m`, `weights_v` F32 `[features, classes]` in the image's own pixel
//! order, `bias`, `bias_m`, `bias_v` F32 `[classes]`, and `beta_powers` F64 `[2]`. The rest stands in one
//! metadata key, `mnist`, as JSON with sorted keys; the `sha256` in it is that of the whole file with its own
//! 64 characters taken as zeros. The same step of the same run gives the same bytes: no time, host, path or
//! number of threads inside.
//!
//! ```text
//! reading:  the header's length against the file's, then the header
//!           the data's length, by the header's shapes, against the file's, then the data
//!           SHA-256; versions; names, types and shapes of the tensors; every number
//! ```

mod error;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use kernels::spec::NUMERICS_VERSION;
use safetensors::tensor::{Metadata as Header, TensorView};
use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use error::{CheckpointError, CheckpointErrorKind};

use crate::atomic;
use crate::config::{CLASSES, TrainConfig};
use crate::hash::hex;
use crate::parameters::Parameters;
use crate::safetensor_file::{self, KEY, check_versions, f32_bytes, image, numbers, raw};
use crate::state::State;
use crate::unique_keys;

/// The version of the files that this library writes and reads.
pub const FORMAT_VERSION: u32 = 1;
/// The tensor of the powers of Adam's decays, which only checkpoints have.
pub(crate) const BETA_POWERS: &str = "beta_powers";
/// What stands before the checksum in the header: JSON within JSON.
const MARK: &[u8] = br#"\"sha256\":\""#;
/// Characters of a SHA-256.
const DIGITS: usize = 64;
/// What stands for the checksum while it is computed.
const ZEROS: [u8; DIGITS] = [b'0'; DIGITS];
/// Bytes of a header's length.
const LENGTH_BYTES: u64 = 8;
/// The longest header that is read; ten classes have some 1,400 bytes.
const MAX_HEADER_BYTES: u64 = 1 << 24;
/// The largest file that is read; MNIST's has 96 KB.
const MAX_BYTES: u64 = 1 << 32;

/// A run that can go on: where it is, how it was set, and on what data.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// Where it is.
    pub state: State,
    /// The settings.
    pub config: TrainConfig,
    /// The names of the classes.
    pub classes: Vec<String>,
    /// Height and width of an image; `None` for features without a shape.
    pub image: Option<(usize, usize)>,
    /// SHA-256 of the uncompressed files of the data set.
    pub dataset_sha256: String,
}

/// What the metadata key holds; fields in alphabetical order, as they are written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Description {
    classes: Vec<String>,
    config: serde_json::Value,
    dataset_sha256: String,
    epoch: u64,
    format: u32,
    height: Option<usize>,
    iteration: usize,
    numerics: u32,
    sha256: String,
    step: u64,
    width: Option<usize>,
}

/// The versions alone, which are looked at first: other versions may have other fields.
#[derive(Deserialize)]
struct Versions {
    format: u32,
    numerics: u32,
}

impl Checkpoint {
    /// Writes the checkpoint, whole or not at all; one that is there stays until the new one is safe.
    pub fn write(&self, path: &Path) -> Result<(), CheckpointError> {
        let bytes = self.to_bytes().map_err(io::Error::other);
        let written = bytes.and_then(|bytes| atomic::write(path, &bytes));
        let io = CheckpointErrorKind::Io;
        written.map_err(|error| CheckpointError { path: path.into(), kind: io(error) })
    }

    /// The bytes of the checkpoint's file.
    ///
    /// Errors only where the library that lays them out does.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
        let State { parameters, m, v, powers, .. } = &self.state;
        let parts = [("", parameters), ("_m", m), ("_v", v)];
        let arrays = parts.map(|(suffix, part)| {
            let shape = vec![part.features(), part.classes()];
            let weights = (format!("weights{suffix}"), shape, f32_bytes(&part.weights));
            [weights, (format!("bias{suffix}"), vec![part.classes()], f32_bytes(&part.bias))]
        });
        let powers: Vec<u8> = powers.iter().flat_map(|x| x.to_le_bytes()).collect();
        let view = TensorView::new(Dtype::F64, vec![2], &powers)?;
        let mut tensors = vec![(BETA_POWERS, view)];
        for (name, shape, bytes) in arrays.iter().flatten() {
            tensors.push((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?));
        }
        let description = serde_json::to_string(&self.description())?;
        let metadata = HashMap::from([(KEY.to_owned(), description)]);
        let mut bytes = safetensors::serialize(tensors, Some(metadata))?;
        let at = checksum_at(&bytes).ok_or("no place for the checksum")?;
        let sum = checksum(&bytes, at);
        bytes[at..at + DIGITS].copy_from_slice(sum.as_bytes());
        Ok(bytes)
    }

    fn description(&self) -> Description {
        Description {
            classes: self.classes.clone(),
            config: serde_json::json!(self.config),
            dataset_sha256: self.dataset_sha256.clone(),
            epoch: self.state.epoch,
            format: FORMAT_VERSION,
            height: self.image.map(|image| image.0),
            iteration: self.state.iteration,
            numerics: NUMERICS_VERSION,
            sha256: String::from_utf8_lossy(&ZEROS).into_owned(),
            step: self.state.step,
            width: self.image.map(|image| image.1),
        }
    }

    /// Reads a checkpoint. No memory is asked for that the file's own size does not prove.
    ///
    /// Errors name the file, what was expected and what was found.
    pub fn read(path: &Path) -> Result<Self, CheckpointError> {
        let read = || Self::from_bytes(&read_proven(path)?);
        read().map_err(|kind| CheckpointError { path: path.into(), kind })
    }

    /// Whether the file says that it is a checkpoint, sound or not: its header names what no model has. What can't be read says
    /// nothing.
    pub fn is_claimed_by(path: &Path) -> bool {
        let header = || -> io::Result<Vec<u8>> {
            let (mut length, mut header) = ([0; 8], Vec::new());
            // Opening a pipe would wait for its writer.
            if !fs::metadata(path)?.is_file() {
                return Ok(header);
            }
            let mut file = File::open(path)?;
            file.read_exact(&mut length)?;
            let most = u64::from_le_bytes(length).min(MAX_HEADER_BYTES);
            file.take(most).read_to_end(&mut header)?;
            Ok(header)
        };
        // Within the description, which is JSON in JSON, its quotes would have backslashes.
        let name = format!("{BETA_POWERS:?}:");
        header().is_ok_and(|header| header.windows(name.len()).any(|at| at == name.as_bytes()))
    }

    /// Reads the bytes of a checkpoint's file.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CheckpointErrorKind> {
        let length = header_bytes(bytes, bytes.len() as u64)?;
        // Before anything else is believed. What has lost its mark is told of by what is wrong with it.
        if let Some(at) = checksum_at(bytes) {
            let (expected, found) =
                (String::from_utf8_lossy(&bytes[at..at + DIGITS]), checksum(bytes, at));
            if expected != found {
                let expected = expected.escape_default().to_string();
                return Err(CheckpointErrorKind::Checksum { expected, found });
            }
        }
        let (header, data_bytes) = parse_header(&bytes[8..8 + length])?;
        proven_size(length, data_bytes, bytes.len() as u64)?;
        let description = description(&header)?;
        if checksum_at(bytes).is_none() {
            return Err(CheckpointErrorKind::Metadata("it has no checksum".into()));
        }
        let form = |error: safetensors::SafeTensorError| form(&error);
        let tensors = SafeTensors::deserialize(bytes).map_err(form)?;
        description.with(&tensors)
    }
}

impl Description {
    /// The checkpoint with the numbers of these tensors.
    fn with(self, tensors: &SafeTensors<'_>) -> Result<Checkpoint, CheckpointErrorKind> {
        let wrong = |cause: &str| CheckpointErrorKind::Metadata(cause.to_owned());
        let config: TrainConfig = serde_json::from_value(self.config)
            .map_err(|error| wrong(&format!("its settings: {error}")))?;
        config.check_numbers().map_err(|error| wrong(&format!("its settings: {error}")))?;
        if !(1..=config.epochs).contains(&self.epoch) {
            return Err(wrong(&format!("epoch {} of {}", self.epoch, config.epochs)));
        }
        let image = image(self.height, self.width).map_err(|cause| wrong(&cause))?;
        let classes = self.classes.len();
        if !CLASSES.contains(&classes) {
            return Err(CheckpointErrorKind::Classes { found: classes });
        }
        if tensors.len() != 7 {
            let known = |name: &&str| {
                let base = name.trim_end_matches("_m").trim_end_matches("_v");
                !["weights", "bias", BETA_POWERS].contains(&base)
            };
            let name = tensors.names().into_iter().find(known).unwrap_or("any").to_owned();
            return Err(CheckpointErrorKind::Tensor {
                name,
                expected: "seven tensors in all".into(),
                found: tensors.len().to_string(),
            });
        }
        let pixels = image.map(|(height, width)| height.saturating_mul(width));
        let features = match tensors.tensor("weights").map(|t| t.shape().to_vec()).as_deref() {
            Ok(&[features, _]) => pixels.unwrap_or(features).max(1),
            _ => pixels.unwrap_or(1).max(1),
        };
        let part = |weights, bias| -> Result<Parameters, CheckpointErrorKind> {
            let numbers = |name, shape: &[usize]| numbers(tensors, name, |s| s == shape, shape);
            let weights = numbers(weights, &[features, classes])?;
            Ok(Parameters { weights, bias: numbers(bias, &[classes])? })
        };
        let v = part("weights_v", "bias_v")?;
        for (name, numbers) in [("weights_v", &v.weights), ("bias_v", &v.bias)] {
            if let Some(index) = numbers.iter().position(|&v| v < 0.0) {
                return Err(CheckpointErrorKind::OutOfRange { name, index });
            }
        }
        let state = State {
            step: self.step,
            epoch: self.epoch,
            iteration: self.iteration,
            powers: powers(tensors)?,
            parameters: part("weights", "bias")?,
            m: part("weights_m", "bias_m")?,
            v,
        };
        let Self { classes, dataset_sha256, .. } = self;
        Ok(Checkpoint { state, config, classes, image, dataset_sha256 })
    }
}

/// Reads the file's bytes after its header has proven how many there are.
fn read_proven(path: &Path) -> Result<Vec<u8>, CheckpointErrorKind> {
    // Before opening, because opening a pipe waits for its writer.
    let metadata = fs::metadata(path).map_err(CheckpointErrorKind::Io)?;
    if !metadata.is_file() {
        return Err(CheckpointErrorKind::Io(io::Error::other("not a regular file")));
    }
    let mut file = File::open(path).map_err(CheckpointErrorKind::Io)?;
    let size = file.metadata().map_err(CheckpointErrorKind::Io)?.len();
    let mut read = |n: u64, bytes: &mut Vec<u8>| -> Result<(), CheckpointErrorKind> {
        let got = file.by_ref().take(n).read_to_end(bytes).map_err(CheckpointErrorKind::Io)?;
        if got as u64 == n {
            return Ok(());
        }
        Err(CheckpointErrorKind::Size { expected_bytes: size, found_bytes: bytes.len() as u64 })
    };
    let mut bytes = Vec::new();
    read(LENGTH_BYTES.min(size), &mut bytes)?;
    let length = header_bytes(&bytes, size)?;
    read(length as u64, &mut bytes)?;
    let (_, data_bytes) = parse_header(&bytes[8..])?;
    proven_size(length, data_bytes, size)?;
    read(data_bytes, &mut bytes)?;
    Ok(bytes)
}

/// The length of the header, which `size` bytes of file have room for.
fn header_bytes(bytes: &[u8], size: u64) -> Result<usize, CheckpointErrorKind> {
    let Some(length) = bytes.first_chunk() else {
        return Err(CheckpointErrorKind::Form("shorter than the length of a header".into()));
    };
    let length = u64::from_le_bytes(*length);
    if length > MAX_HEADER_BYTES {
        return Err(CheckpointErrorKind::Form(format!("a header of {length} bytes")));
    }
    if length > size - LENGTH_BYTES {
        let expected_bytes = LENGTH_BYTES + length;
        return Err(CheckpointErrorKind::Size { expected_bytes, found_bytes: size });
    }
    Ok(length as usize)
}

/// Reads the header's text; returns it with the bytes of data that its shapes ask for.
fn parse_header(text: &[u8]) -> Result<(Header, u64), CheckpointErrorKind> {
    // The library keeps all that the header says before it looks at what that is.
    unique_keys::check(text).map_err(CheckpointErrorKind::Form)?;
    let header: Header = serde_json::from_slice(text).map_err(|error| form(&error))?;
    let data_bytes = header.data_len() as u64;
    Ok((header, data_bytes))
}

/// Holds the size that the header asks for against the file's and the limit.
fn proven_size(header: usize, data: u64, found_bytes: u64) -> Result<(), CheckpointErrorKind> {
    let asked = data.saturating_add(LENGTH_BYTES + header as u64);
    let expected_bytes = asked.min(MAX_BYTES);
    if asked != found_bytes || found_bytes > MAX_BYTES {
        return Err(CheckpointErrorKind::Size { expected_bytes, found_bytes });
    }
    Ok(())
}

/// The description of the run, if it is one of these versions.
fn description(header: &Header) -> Result<Description, CheckpointErrorKind> {
    let text = safetensor_file::description(header).map_err(CheckpointErrorKind::Form)?;
    let wrong = |error: serde_json::Error| CheckpointErrorKind::Metadata(error.to_string());
    let versions: Versions = serde_json::from_str(text).map_err(wrong)?;
    let (format, numerics) = (versions.format, versions.numerics);
    // A run goes on where it began: others may have other numbers.
    let is_known = |known, found| known == found;
    check_versions((FORMAT_VERSION, format), (NUMERICS_VERSION, numerics), is_known)?;
    serde_json::from_str(text).map_err(wrong)
}

fn form(error: &dyn std::fmt::Display) -> CheckpointErrorKind {
    CheckpointErrorKind::Form(error.to_string())
}

/// Where the 64 characters of the checksum stand, if there are any.
fn checksum_at(bytes: &[u8]) -> Option<usize> {
    let length = header_bytes(bytes, bytes.len() as u64).ok()?;
    let header = &bytes[..8 + length];
    let at = header.windows(MARK.len()).rposition(|window| window == MARK)? + MARK.len();
    (at + DIGITS <= header.len()).then_some(at)
}

/// SHA-256 of a file whose own, 64 characters from `at`, is taken as zeros.
fn checksum(bytes: &[u8], at: usize) -> String {
    let mut hash = Sha256::new();
    hash.update(&bytes[..at]);
    hash.update(ZEROS);
    hash.update(&bytes[at + DIGITS..]);
    hex(&hash.finalize())
}

/// The powers of Adam's decays.
fn powers(tensors: &SafeTensors<'_>) -> Result<[f64; 2], CheckpointErrorKind> {
    let name = BETA_POWERS;
    let (numbers, _) = raw(tensors, name, Dtype::F64, |shape| shape == [2], &[2])?.as_chunks::<8>();
    let powers = [numbers[0], numbers[1]].map(f64::from_le_bytes);
    match powers.iter().position(|power| !(0.0..=1.0).contains(power)) {
        Some(index) => Err(CheckpointErrorKind::OutOfRange { name, index }),
        None => Ok(powers),
    }
}
