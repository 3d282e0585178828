//! Checkpoints: back to the last bit, and every damage a typed error.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::fs;
use std::path::Path;

use model::{Checkpoint, CheckpointErrorKind, Metadata, Model, ModelErrorKind};
use model::{Optimizer, Parameters, State, TrainConfig};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

/// A run on images of 2 x 1 pixels in two classes, with the values that are easily lost.
fn checkpoint() -> Checkpoint {
    let part = |weights: [f32; 4], bias: [f32; 2]| Parameters {
        weights: weights.to_vec(),
        bias: bias.to_vec(),
    };
    let tiny = f32::from_bits(1);
    let state = State {
        step: 1_103,
        epoch: 3,
        iteration: 3,
        powers: [0.9_f64.powi(40), f64::from_bits(0.999_f64.to_bits() + 1)],
        parameters: part([1.0, -0.0, tiny, -f32::MAX], [0.1, -f32::MIN_POSITIVE / 3.0]),
        m: part([-0.0, -tiny, 0.25, 3e38], [-1e-30, 0.0]),
        v: part([0.0, tiny, 1e-20, 1.0], [-0.0, 2.0]),
    };
    Checkpoint {
        state,
        config: TrainConfig { learning_rate: 0.1 + 0.2, seed: u64::MAX, ..TrainConfig::default() },
        classes: vec!["zero".into(), r#"ei\"sha256\":\"ns"sha256":""#.into()],
        image: Some((2, 1)),
        dataset_sha256: "ab".repeat(32),
    }
}

#[test]
fn a_checkpoint_is_told_from_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let claimed = |bytes: &[u8]| {
        let path = folder.path().join("file");
        fs::write(&path, bytes).unwrap();
        Checkpoint::is_claimed_by(&path)
    };
    let kind = Model::from_bytes(&bytes()).unwrap_err();
    assert!(matches!(kind, ModelErrorKind::Checkpoint), "{kind:?}");
    assert!(claimed(&bytes()) && claimed(&bytes()[..bytes().len() - 1]));
    let Checkpoint { state, config, image, .. } = checkpoint();
    let classes = vec!["\"beta_powers\":{}".to_owned(), "one".to_owned()];
    let metadata = Metadata::new(&config, classes, image, String::new());
    let model = Model { parameters: state.parameters, metadata }.to_bytes().unwrap();
    assert!(!Checkpoint::is_claimed_by(folder.path()));
    assert!(!claimed(&model) && !claimed(b"") && !claimed(&[0xff; 9]) && !claimed(&[0; 9]));
}

fn bytes() -> Vec<u8> {
    checkpoint().to_bytes().unwrap()
}

/// The bits of all numbers, by which -0 is not 0.
fn bits(checkpoint: &Checkpoint) -> Vec<u64> {
    let State { parameters, m, v, powers, .. } = &checkpoint.state;
    let parts = [parameters, m, v];
    let numbers = parts.iter().flat_map(|part| part.weights.iter().chain(&part.bias));
    numbers.map(|x| x.to_bits().into()).chain(powers.iter().map(|x| x.to_bits())).collect()
}

/// The header and the data.
fn parts(bytes: &[u8]) -> (String, Vec<u8>) {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (String::from_utf8(header.to_vec()).unwrap(), data.to_vec())
}

/// A file of this header and data.
fn file(header: impl AsRef<[u8]>, data: &[u8]) -> Vec<u8> {
    let header = header.as_ref();
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}

/// Puts the right checksum into a file.
fn signed(mut bytes: Vec<u8>) -> Vec<u8> {
    let mark: &[u8] = br#"\"sha256\":\""#;
    let Some(at) = bytes.windows(mark.len()).rposition(|window| window == mark) else {
        return bytes;
    };
    let digits = at + mark.len()..at + mark.len() + 64;
    bytes[digits.clone()].fill(b'0');
    let sum: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    bytes[digits].copy_from_slice(sum.as_bytes());
    bytes
}

/// The checkpoint's file with a text in its header replaced, and the right checksum.
#[track_caller]
fn with(from: &str, to: &str) -> Vec<u8> {
    let (header, data) = parts(&bytes());
    assert!(header.contains(from), "no {from} in {header}");
    signed(file(header.replacen(from, to, 1), &data))
}

/// The file of a checkpoint with something changed.
fn changed(change: impl FnOnce(&mut Checkpoint)) -> Vec<u8> {
    let mut checkpoint = checkpoint();
    change(&mut checkpoint);
    checkpoint.to_bytes().unwrap()
}

/// Fails where a file loads, or gives another variant of [`CheckpointErrorKind`] than the one named.
#[track_caller]
fn refused(what: &str, bytes: &[u8], variant: &str) {
    let error = Checkpoint::from_bytes(bytes).expect_err(what);
    let debug = format!("{error:?}");
    assert!(debug.starts_with(variant), "{what}: {debug}");
    assert!(!error.to_string().contains('\n'), "{what}: {error}");
    // From a file the same, and with its name.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.safetensors");
    fs::write(&path, bytes).unwrap();
    let error = Checkpoint::read(&path).expect_err(what);
    assert!(format!("{:?}", error.kind).starts_with(variant), "{what}: {error:?}");
    assert!(error.to_string().contains("c.safetensors: "), "{what}: {error}");
}

#[test]
fn a_checkpoint_comes_back_to_the_last_bit() {
    let (checkpoint, bytes) = (checkpoint(), bytes());
    let again = Checkpoint::from_bytes(&bytes).unwrap();
    assert_eq!((bits(&again), &again), (bits(&checkpoint), &checkpoint));
    assert_eq!(again.to_bytes().unwrap(), bytes);
    assert_eq!(signed(bytes.clone()), bytes, "the checksum is over the file without itself");

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.safetensors");
    checkpoint.write(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(Checkpoint::read(&path).unwrap(), again);
}

#[test]
fn every_single_bit_is_looked_at() {
    let bytes = bytes();
    let wrong: Vec<_> = (0..8 * bytes.len())
        .into_par_iter()
        .filter_map(|bit| {
            let mut bytes = bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = Checkpoint::from_bytes(&bytes).err();
            let checksum = matches!(error, Some(CheckpointErrorKind::Checksum { .. }));
            // What hits the header's length or the checksum's mark is refused before it.
            let (header, _) = parts(&self::bytes());
            let mark = 8 + header.rfind(r#"\"sha256\":\""#).unwrap();
            let before = bit / 8 < 8 || (mark..mark + 13).contains(&(bit / 8));
            (error.is_none() || !(checksum || before)).then_some((bit, error))
        })
        .collect();
    println!("{} single-bit flips, all refused", 8 * bytes.len());
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn every_changed_byte_and_every_cut_is_refused() {
    let bytes = bytes();
    (0..bytes.len()).into_par_iter().for_each(|at| {
        for delta in (1..=255).step_by(8) {
            let mut bytes = bytes.clone();
            bytes[at] = bytes[at].wrapping_add(delta);
            assert!(Checkpoint::from_bytes(&bytes).is_err(), "byte {at} plus {delta}");
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    for length in 0..bytes.len() {
        assert!(Checkpoint::from_bytes(&bytes[..length]).is_err(), "{length} bytes");
        fs::write(&path, &bytes[..length]).unwrap();
        let error = Checkpoint::read(&path).expect_err("a cut file");
        let kind = &error.kind;
        let fits = matches!(kind, CheckpointErrorKind::Form(_) | CheckpointErrorKind::Size { .. });
        assert!(fits, "{length} bytes: {error:?}");
    }
    println!("{} changed bytes, {} cuts, all refused", 32 * bytes.len(), bytes.len());
}

#[test]
fn lengths_are_proven_before_memory_is_asked_for() {
    refused("an empty file", b"", "Form");
    refused("seven bytes", &[0; 7], "Form");
    refused("a header of nothing", &[0; 8], "Form");
    for length in [1 << 63, u64::MAX, u64::MAX - 7, (1 << 24) + 1] {
        refused("a header of 2^63 bytes", &length.to_le_bytes(), "Form");
    }
    refused("a header past the end", &[&[9, 0, 0, 0, 0, 0, 0, 0][..], b"{}"].concat(), "Size");
    let bytes = bytes();
    refused("more bytes", &signed([&bytes[..], b"PK"].concat()), "Size");

    // A sparse file of 1 TiB behind a good header: nothing of it is read.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sparse");
    fs::write(&path, &bytes).unwrap();
    if fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1 << 40).is_ok() {
        let error = Checkpoint::read(&path).unwrap_err();
        let expected = bytes.len() as u64;
        let CheckpointErrorKind::Size { expected_bytes, found_bytes } = error.kind else {
            panic!("{error:?}");
        };
        assert_eq!((expected_bytes, found_bytes), (expected, 1 << 40));
    }
}

#[test]
fn what_is_no_checkpoint_is_refused() {
    refused("not JSON", &file("{", b""), "Form");
    refused("not UTF-8", &file(b"{\"\xff\":1}", b""), "Form");
    refused("deep", &file("[".repeat(100_000), b""), "Form");
    refused("a pickle", b"\x80\x02}q\x00(X\x05\x00\x00\x00model", "Form");
    refused("a zip", b"PK\x03\x04\x14\x00\x00\x00\x08\x00aaaaaaaaaaaaaaaa", "Form");
    refused("GGUF", b"GGUF\x03\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "Form");
    refused("no metadata", &file("{}", b""), "Form");
    let (header, data) = parts(&bytes());
    let other = header.replace("\"mnist\"", "\"MNIST\"");
    refused("another key", &signed(file(other, &data)), "Form");
    let model = {
        let Checkpoint { state, config, classes, image, dataset_sha256 } = checkpoint();
        let metadata = Metadata::new(&config, classes, image, dataset_sha256);
        Model { parameters: state.parameters, metadata }.to_bytes().unwrap()
    };
    refused("a model", &model, "Metadata");
}

#[test]
fn descriptions_are_strict() {
    for (from, to, variant) in [
        (r#"\"format\":1"#, r#"\"format\":2"#, r#"Version { what: "format", known: 1, found: 2"#),
        (r#"\"numerics\":2"#, r#"\"numerics\":9"#, r#"Version { what: "numerics", known: 2"#),
        (r#"\"numerics\":2"#, r#"\"numerics\":1"#, r#"Version { what: "numerics", known: 2"#),
        (r#"\"step\":1103"#, r#"\"step\":-1"#, "Metadata"),
        (r#"\"step\":1103"#, r#"\"step\":1.5"#, "Metadata"),
        (r#"\"step\":1103"#, r#"\"step\":18446744073709551616"#, "Metadata"),
        (r#"\"step\":1103"#, r#"\"step\":\"1\""#, "Metadata"),
        (r#"\"step\":1103"#, r#"\"steps\":1103"#, "Metadata"),
        (r#"\"step\":1103"#, r#"\"step\":1,\"step\":1"#, "Metadata"),
        (r#"\"step\":1103"#, r#"\"step\":1103,\"rng\":0"#, "Metadata"),
        (r#"\"height\":2"#, r#"\"height\":null"#, "Metadata"),
        (r#"\"batch_size\":100"#, r#"\"batch_size\":\"x\""#, "Metadata"),
        (r#"\"batch_size\":100,"#, "", "Metadata"),
        (r#"\"epochs\":10"#, r#"\"epochs\":0"#, "Metadata"),
        (r#"\"height\":2"#, r#"\"height\":3"#, "Tensor"),
        (r#"\"height\":2"#, r#"\"height\":18446744073709551615"#, "Tensor"),
        (r#""weights_m""#, r#""weights_x""#, "Tensor"),
        (r#""bias_v""#, r#""../../x""#, "Tensor"),
        (r#""shape":[2,2]"#, r#""shape":[1,4]"#, "Tensor"),
        (r#""shape":[2,2]"#, r#""shape":[4]"#, "Tensor"),
        (r#""F64""#, r#""I64""#, "Tensor"),
        (r#""shape":[2,2]"#, r#""shape":[2,3]"#, "Form"),
        (r#""shape":[2,2]"#, r#""shape":[9223372036854775809,2]"#, "Form"),
        (r#""data_offsets":[0,16]"#, r#""data_offsets":[16,0]"#, "Form"),
        (r#""data_offsets":[0,16]"#, r#""data_offsets":[8,24]"#, "Form"),
    ] {
        refused(&format!("{from} as {to}"), &with(from, to), variant);
    }
    let one_class = changed(|c| {
        c.classes.truncate(1);
    });
    refused("one class", &one_class, "Classes");
    let three = changed(|c| c.classes.push("three".into()));
    refused("three classes", &three, "Tensor");
    let settings = changed(|c| c.config.optimizer = Optimizer::Momentum { mu: 1.5 });
    refused("a setting that no run has", &settings, "Metadata");
}

#[test]
fn numbers_that_no_run_has_are_refused() {
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let parameters = changed(|c| c.state.parameters.weights[2] = bad);
        refused("weight", &parameters, r#"NonFinite { name: "weights", index: 2"#);
        let moment = changed(|c| c.state.m.bias[1] = bad);
        refused("moment", &moment, r#"NonFinite { name: "bias_m", index: 1"#);
    }
    let negative = changed(|c| c.state.v.weights[3] = -f32::from_bits(1));
    refused("a negative second moment", &negative, r#"OutOfRange { name: "weights_v", index: 3"#);
    for bad in [-0.1, 1.1, f64::NAN] {
        let powers = changed(|c| c.state.powers[1] = bad);
        refused("a power", &powers, r#"OutOfRange { name: "beta_powers", index: 1"#);
    }
}

#[test]
fn paths_that_are_no_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let kind = |path: &Path| Checkpoint::read(path).unwrap_err().kind;
    assert!(matches!(kind(folder.path()), CheckpointErrorKind::Io(_)));
    assert!(matches!(kind(&missing), CheckpointErrorKind::Io(_)));
    if Path::new("/dev/zero").exists() {
        assert!(matches!(kind(Path::new("/dev/zero")), CheckpointErrorKind::Io(_)));
    }
    assert!(checkpoint().write(folder.path()).is_err());
    assert!(checkpoint().write(&missing.join("deeper")).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}
