//! Damaged and forged checkpoints: every bit flipped, every byte changed, every length cut, and by hand
//! what a right checksum hides. Each is a typed error.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use model::state::State;
use model::{Checkpoint, CheckpointErrorKind, Parameters, TrainConfig};

#[path = "../../../fuzz/src/checkpoint.rs"]
mod checkpoint;

use checkpoint::{check, signed};

/// Two classes of images of 2 x 1 pixels, three steps into a run.
fn small() -> Vec<u8> {
    let part = |x: f32| Parameters { weights: vec![x, -0.0, 1e-45, -x], bias: vec![x, -x] };
    let v = Parameters { weights: vec![1e-3; 4], bias: vec![0.5; 2] };
    let state = State {
        step: 3,
        epoch: 1,
        iteration: 3,
        powers: [0.729, 0.997],
        parameters: part(1.5),
        m: part(-0.25),
        v,
    };
    let (config, image) = (TrainConfig::default(), Some((2, 1)));
    let classes = vec!["zero".to_owned(), "one".to_owned()];
    let dataset_sha256 = "ab".repeat(32);
    Checkpoint { state, config, classes, image, dataset_sha256 }.to_bytes().unwrap()
}

/// The header and the data.
fn parts(bytes: &[u8]) -> (&str, &[u8]) {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (std::str::from_utf8(header).unwrap(), data)
}

/// A file of this header and data, right or wrong.
fn file(header: impl AsRef<[u8]>, data: &[u8]) -> Vec<u8> {
    let header = header.as_ref();
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}

/// With a text in the header replaced and, where there is a place for it, a right checksum.
#[track_caller]
fn forged(from: &str, to: &str) -> Vec<u8> {
    let bytes = small();
    let (header, data) = parts(&bytes);
    assert!(header.contains(from), "no {from} in {header}");
    let bytes = file(header.replacen(from, to, 1), data);
    signed(&bytes).unwrap_or(bytes)
}

/// With some of the data replaced and a right checksum.
fn with_data(at: usize, number: &[u8]) -> Vec<u8> {
    let mut bytes = small();
    let start = bytes.len() - parts(&bytes).1.len() + at;
    bytes[start..start + number.len()].copy_from_slice(number);
    signed(&bytes).unwrap()
}

#[test]
fn every_change_of_every_byte_is_refused() {
    let valid = small();
    assert!(check(&valid), "the file as it was written");
    let mut inputs = 0;
    let mut refused = |bytes: &[u8], what: &dyn Fn() -> String| {
        inputs += 1;
        assert!(!check(bytes), "{}", what());
    };
    for at in 0..valid.len() {
        let mut changed = valid.clone();
        let bits = (0..8).map(|bit| valid[at] ^ 1 << bit);
        for byte in bits.chain([0, 0xff, b'0', b'"']).filter(|&byte| byte != valid[at]) {
            changed[at] = byte;
            refused(&changed, &|| format!("byte {at} is {byte:#04x}"));
        }
        refused(&valid[..at], &|| format!("{at} bytes"));
        refused(&[&valid[..at], &valid[at + 1..]].concat(), &|| format!("without byte {at}"));
        refused(&[&valid[..=at], &valid[at..]].concat(), &|| format!("byte {at} twice"));
    }
    println!("checkpoint of {} bytes: {inputs} inputs, none taken", valid.len());
    assert!(inputs >= 15 * valid.len() - valid.len() && inputs >= 15_000, "{inputs}");
}

/// The row of docs/reliability.md, what is special, the file, and the variant of its error.
type Row = (&'static str, &'static str, Vec<u8>, &'static [&'static str]);

fn rows() -> Vec<Row> {
    let bytes = small();
    let (header, data) = parts(&bytes);
    let length = |n: u64| [&n.to_le_bytes()[..], &bytes[8..]].concat();
    let nan = |x: f32| with_data(16, &x.to_le_bytes());
    // What the tensors are, in the order of the file: find a second moment by its offset.
    let offset = |name: &str| -> usize {
        let json: serde_json::Value = serde_json::from_str(header).unwrap();
        json[name]["data_offsets"][0].as_u64().unwrap() as usize
    };
    vec![
        ("C01", "empty", vec![], &["Form"]),
        ("C01", "7 bytes", vec![0; 7], &["Form"]),
        ("C01", "a header of 0", length(0), &["Form"]),
        ("C01", "a header of 2^63", length(1 << 63), &["Form"]),
        ("C01", "a header of 2^64-1", length(u64::MAX), &["Form"]),
        ("C01", "a header longer than the file", length(bytes.len() as u64), &["Size"]),
        ("C01", "a header over the cap", length((1 << 24) + 1), &["Form"]),
        ("C02", "not UTF-8", file(b"{\"\xff\":1}", data), &["Form"]),
        ("C02", "not JSON", file("{weights}", data), &["Form"]),
        (
            "C02",
            "cut JSON",
            file(&header[..header.trim_end().len() - 1], data),
            &["Form", "Checksum"],
        ),
        ("C02", "100,000 brackets", file("[".repeat(100_000), data), &["Form"]),
        ("C02", "50,000 objects", file(r#"{"a":"#.repeat(50_000), data), &["Form"]),
        (
            "C03",
            "a key of 1 MB",
            file(format!(r#"{{"{}":{{}}}}"#, "k".repeat(1 << 20)), data),
            &["Form"],
        ),
        ("C03", "__proto__", forged(r#""bias""#, r#""__proto__""#), &["Tensor", "Form"]),
        ("C03", "a path", forged(r#""bias""#, r#""../../x""#), &["Tensor", "Form"]),
        ("C04", "another name", forged(r#""weights_m""#, r#""weights_n""#), &["Tensor"]),
        ("C05", "integers", forged(r#""F32""#, r#""I32""#), &["Tensor"]),
        ("C05", "one dimension", forged("[2,2]", "[4]"), &["Tensor", "Size"]),
        ("C05", "transposed", forged("[2,2]", "[1,4]"), &["Tensor", "Size"]),
        ("C06", "past the end", forged(",16]", ",20]"), &["Form", "Size"]),
        ("C06", "wraps", forged("[2,2]", "[4611686018427387905,4]"), &["Form", "Size", "Tensor"]),
        ("C06", "negative", forged("[0,16]", "[-16,0]"), &["Form"]),
        ("C07", "a byte behind", [&bytes[..], &[0]].concat(), &["Size", "Checksum"]),
        ("C07", "a zip behind", [&bytes[..], b"PK\x03\x04"].concat(), &["Size", "Checksum"]),
        ("C08", "NaN", nan(f32::NAN), &["NonFinite"]),
        ("C08", "infinity", nan(f32::INFINITY), &["NonFinite"]),
        ("C08", "minus infinity", nan(f32::NEG_INFINITY), &["NonFinite"]),
        (
            "C08",
            "a moment",
            with_data(offset("weights_m"), &f32::NAN.to_le_bytes()),
            &["NonFinite"],
        ),
        (
            "C08",
            "negative v",
            with_data(offset("weights_v"), &(-1f32).to_le_bytes()),
            &["OutOfRange"],
        ),
        (
            "C08",
            "a power of 2",
            with_data(offset("beta_powers"), &2f64.to_le_bytes()),
            &["OutOfRange"],
        ),
        (
            "C08",
            "a power of NaN",
            with_data(offset("beta_powers"), &f64::NAN.to_le_bytes()),
            &["OutOfRange"],
        ),
        ("C10", "step -3", forged(r#"\"step\":3"#, r#"\"step\":-3"#), &["Metadata"]),
        (
            "C10",
            "step 2^64",
            forged(r#"\"step\":3"#, r#"\"step\":18446744073709551616"#),
            &["Metadata"],
        ),
        ("C10", "step 1.5", forged(r#"\"step\":3"#, r#"\"step\":1.5"#), &["Metadata"]),
        ("C10", "a text", forged(r#"\"step\":3"#, r#"\"step\":\"3\""#), &["Metadata"]),
        ("C10", "an unknown field", forged(r#"\"step\":3"#, r#"\"steps\":3"#), &["Metadata"]),
        ("C12", "newer format", forged(r#"\"format\":1"#, r#"\"format\":2"#), &["Version"]),
        ("C12", "newer numerics", forged(r#"\"numerics\":2"#, r#"\"numerics\":3"#), &["Version"]),
        ("C12", "numerics 0", forged(r#"\"numerics\":2"#, r#"\"numerics\":0"#), &["Version"]),
        ("C13", "one class", forged(r#"[\"zero\",\"one\"]"#, r#"[\"zero\"]"#), &["Classes"]),
        (
            "C13",
            "65,537 classes",
            forged(r#"[\"zero\",\"one\"]"#, &format!("[{}]", vec![r#"\"\""#; 65_537].join(","))),
            &["Classes"],
        ),
        ("C13", "three classes", forged(r#"\"one\"]"#, r#"\"one\",\"two\"]"#), &["Tensor"]),
        ("C13", "another size", forged(r#"\"height\":2"#, r#"\"height\":3"#), &["Tensor"]),
        ("C13", "half a size", forged(r#"\"height\":2"#, r#"\"height\":null"#), &["Metadata"]),
        (
            "C13",
            "a rate of 0",
            forged(r#"\"learning_rate\":0.001"#, r#"\"learning_rate\":0.0"#),
            &["Metadata"],
        ),
        ("C18", "pickle", b"\x80\x02}q\x00(X\x07\x00\x00\x00".to_vec(), &["Form", "Size"]),
        ("C18", "zip", b"PK\x03\x04\x14\x00\x00\x00\x08\x00".to_vec(), &["Form", "Size"]),
        ("C18", "GGUF", b"GGUF\x03\x00\x00\x00\x02\x00\x00\x00".to_vec(), &["Form", "Size"]),
        ("C10", "epoch 0", forged(r#"\"epoch\":1"#, r#"\"epoch\":0"#), &["Metadata"]),
        ("C10", "epoch 11 of 10", forged(r#"\"epoch\":1"#, r#"\"epoch\":11"#), &["Metadata"]),
        (
            "C10",
            "epoch 2^64-1",
            forged(r#"\"epoch\":1"#, r#"\"epoch\":18446744073709551615"#),
            &["Metadata"],
        ),
        (
            "C10",
            "2^64-1 epochs",
            forged(r#"\"epochs\":10"#, r#"\"epochs\":18446744073709551615"#),
            &["Metadata"],
        ),
    ]
}

#[test]
fn every_row_is_a_typed_error_in_bounded_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint");
    let rows = rows();
    for (name, what, bytes, variants) in &rows {
        fs::write(&path, bytes).unwrap();
        let start = Instant::now();
        let error = Checkpoint::read(&path).expect_err(what);
        assert!(start.elapsed() < Duration::from_secs(1), "{name}, {what}");
        let debug = format!("{:?}", error.kind);
        let is_one = variants.iter().any(|variant| debug.starts_with(variant));
        assert!(is_one, "{name}, {what}: {debug}, not one of {variants:?}");
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
    }
    println!("{} forged checkpoints", rows.len());
    assert!(rows.len() >= 45);
    // C17: what is no file.
    for path in [folder.path(), &folder.path().join("missing"), Path::new("")] {
        let error = Checkpoint::read(path).unwrap_err();
        assert!(matches!(error.kind, CheckpointErrorKind::Io(_)), "{error}");
    }
}

/// C09: what is easily lost, through a file and back.
#[test]
fn subnormals_and_minus_zero_stay() {
    let bytes = small();
    let again = Checkpoint::from_bytes(&bytes).unwrap();
    assert_eq!(again.to_bytes().unwrap(), bytes);
    let bits: Vec<u32> = again.state.parameters.weights.iter().map(|w| w.to_bits()).collect();
    assert_eq!(bits[1..3], [0x8000_0000, 1]);
}

#[test]
fn corpus_of_checkpoint() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/checkpoint");
    if std::env::var_os("MNIST_WRITE_CORPUS").is_some() {
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("checkpoint"), small()).unwrap();
        for (i, (name, _, bytes, _)) in rows().iter().enumerate().filter(|(_, r)| r.2.len() < 3000)
        {
            if i % 3 == 0 {
                fs::write(folder.join(format!("{name}-{i}")), bytes).unwrap();
            }
        }
    }
    let files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let taken = files.iter().filter(|path| check(&fs::read(path).unwrap())).count();
    println!("checkpoint: {} files, {taken} of them right", files.len());
    assert!(files.len() >= 10 && taken >= 1);
}
