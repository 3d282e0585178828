//! Model files: the same bytes for the same model, back to the last bit, and every damage a typed error.
#![allow(clippy::unwrap_used, reason = "a test ends with a panic")]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use model::{Metadata, Model, ModelErrorKind, Parameters, TrainConfig};
use safetensors::{Dtype, SafeTensors};

/// Two classes of images of 2 x 1 pixels, with the values that are easily lost.
fn model() -> Model {
    let weights = vec![1.0, -0.0, f32::from_bits(1), -f32::MAX];
    let parameters = Parameters { weights, bias: vec![0.1, -f32::MIN_POSITIVE / 3.0] };
    let classes = vec!["zero".to_owned(), "ein\"s".to_owned()];
    let metadata = Metadata::new(&TrainConfig::default(), classes, Some((2, 1)), "ab".repeat(32));
    Model { parameters, metadata }
}

fn bytes() -> Vec<u8> {
    model().to_bytes().unwrap()
}

/// A file of this header and data, right or wrong.
fn file(header: impl AsRef<[u8]>, data: &[u8]) -> Vec<u8> {
    let header = header.as_ref();
    [&(header.len() as u64).to_le_bytes(), header, data].concat()
}

/// The model's file with a text in its header replaced.
#[track_caller]
fn with(from: &str, to: &str) -> Vec<u8> {
    let bytes = bytes();
    let (header, data) = parts(&bytes);
    assert!(header.contains(from), "no {from} in {header}");
    file(header.replacen(from, to, 1), data)
}

/// The header and the data.
fn parts(bytes: &[u8]) -> (&str, &[u8]) {
    let (length, rest) = bytes.split_first_chunk().unwrap();
    let (header, data) = rest.split_at(u64::from_le_bytes(*length) as usize);
    (std::str::from_utf8(header).unwrap(), data)
}

/// Fails where a file loads, or gives another variant of [`ModelErrorKind`] than the one named.
#[track_caller]
fn refused(what: &str, bytes: &[u8], variant: &str) -> ModelErrorKind {
    let error = Model::from_bytes(bytes).expect_err(what);
    let debug = format!("{error:?}");
    assert!(debug.starts_with(variant), "{what}: {debug}");
    assert!(!error.to_string().contains('\n'), "{what}: {error}");
    error
}

#[test]
fn a_model_comes_back_to_the_last_bit() {
    let (model, bytes) = (model(), bytes());
    let again = Model::from_bytes(&bytes).unwrap();
    let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&again.parameters.weights), bits(&model.parameters.weights));
    assert_eq!(bits(&again.parameters.bias), bits(&model.parameters.bias));
    assert_eq!(again.metadata, model.metadata);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    model.write(&path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(Model::read(&path).unwrap(), again);
}

#[test]
fn the_bytes_are_a_function_of_the_model() {
    for _ in 0..20 {
        assert_eq!(bytes(), bytes());
    }
    let also_logged = TrainConfig { log_every: 7, ..TrainConfig::default() };
    let Metadata { classes, dataset_sha256, .. } = model().metadata;
    let metadata = Metadata::new(&also_logged, classes, Some((2, 1)), dataset_sha256);
    assert_eq!(Model { metadata, ..model() }.to_bytes().unwrap(), bytes());
}

#[test]
fn other_programs_find_what_is_promised() {
    let bytes = bytes();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let mut names = tensors.names();
    names.sort_unstable();
    assert_eq!(names, ["bias", "weights"]);
    for (name, shape) in [("weights", &[2, 2][..]), ("bias", &[2])] {
        let tensor = tensors.tensor(name).unwrap();
        assert_eq!((tensor.dtype(), tensor.shape()), (Dtype::F32, shape), "{name}");
    }
    assert_eq!(tensors.tensor("weights").unwrap().data()[..4], 1f32.to_le_bytes());

    let (_, header) = SafeTensors::read_metadata(&bytes).unwrap();
    let metadata: &HashMap<String, String> = header.metadata().as_ref().unwrap();
    assert_eq!(metadata.keys().collect::<Vec<_>>(), ["mnist"]);
    let config = r#"{"batch_size":100,"epochs":10,"init":{"name":"truncated-normal","std":0.01},"#
        .to_owned()
        + r#""l2":0.0,"learning_rate":0.001,"optimizer":{"beta1":0.9,"beta2":0.999,"#
        + r#""epsilon":1e-8,"name":"adam"},"seed":0,"shuffle":true,"validation":5000}"#;
    let expected = format!(
        r#"{{"classes":["zero","ein\"s"],"config":{config},"dataset_sha256":"{}","format":1,"#,
        "ab".repeat(32)
    ) + r#""height":2,"numerics":2,"width":1}"#;
    assert_eq!(metadata["mnist"], expected, "every key sorted, at every depth");
}

#[test]
fn every_cut_is_an_error() {
    let bytes = bytes();
    for length in 0..bytes.len() {
        let kind = Model::from_bytes(&bytes[..length]).expect_err("a cut file");
        assert!(matches!(kind, ModelErrorKind::Form(_)), "{length}: {kind:?}");
    }
}

#[test]
fn files_that_are_no_safetensors() {
    let bytes = bytes();
    let (header, data) = parts(&bytes);
    let lengths = [0, 1, bytes.len() as u64, 100_000_001, 1 << 63, u64::MAX];
    for length in lengths {
        let changed = [&length.to_le_bytes(), &bytes[8..]].concat();
        refused(&format!("a header of {length} bytes"), &changed, "Form");
    }
    let big_key = format!(r#"{{"{}":{{}}}}"#, "k".repeat(1 << 20));
    for (what, bytes) in [
        ("an empty file", vec![]),
        ("7 bytes", vec![0; 7]),
        ("a header that is not UTF-8", file(b"{\"\xff\":1}", data)),
        ("a header that is not JSON", file("{weights}", data)),
        ("a cut header", file(&header[..header.trim_end().len() - 1], data)),
        ("deep nesting", file("[".repeat(100_000), data)),
        ("deep nesting of tensors", file(r#"{"weights":"#.repeat(50_000), data)),
        ("a long key", file(big_key, data)),
        ("trailing bytes", [&bytes[..], &[0]].concat()),
        ("a zip archive behind it", [&bytes[..], b"PK\x03\x04"].concat()),
        ("a hole", with("[8,24]", "[12,24]")),
        ("an overlap", with("[8,24]", "[4,24]")),
        ("an end before its begin", with("[8,24]", "[24,8]")),
        ("an end past the file", with("[8,24]", "[8,28]")),
        ("a shape that wraps", with("[2,2]", "[4611686018427387905,4]")),
        ("a negative offset", with("[0,8]", "[-8,0]")),
        ("an unknown type", with("F32", "F31")),
        ("another type of the same size as two", with(r#""F32""#, r#""F64""#)),
    ] {
        refused(what, &bytes, "Form");
    }
}

#[test]
fn files_of_other_kinds_are_named() {
    for (what, bytes, part) in [
        ("Pickle", &b"\x80\x02}q\x00(X\x07\x00\x00\x00weightsq\x01K\x01u."[..], "a Python pickle"),
        ("Pickle", b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00}", ".pkl"),
        ("Zip", b"PK\x03\x04\x14\x00\x00\x00\x08\x00archive/data.pkl", ".pt, .npz and .keras"),
        ("Hdf5", b"\x89HDF\r\n\x1a\n\x00\x00\x00\x00\x00\x08\x08\x00", "HDF5"),
        ("Gguf", b"GGUF\x03\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00", "GGUF"),
        ("Onnx", b"\x08\x07\x12\x07pytorch\x1a\x052.1.0:\x8f\x03", "ONNX"),
        ("Npy", b"\x93NUMPY\x01\x00v\x00{'descr': '<f4'", ".npy"),
        ("TfLite", b"\x1c\x00\x00\x00TFL3\x14\x00\x20\x00", "TensorFlow Lite"),
        ("Idx", b"\x00\x00\x08\x01\x00\x00\x00\x02\x07\x03", "IDX"),
        ("Gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", "gzip"),
        ("Png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "PNG"),
        ("WebPage", b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        ("GitLfsPointer", b"version https://git-lfs.github.com/spec/v1\noid", "git lfs pull"),
        ("Json", b"{\n  \"epochs\": 10\n}", "JSON"),
    ] {
        let error = refused(what, bytes, &format!("Foreign({what})"));
        assert!(error.to_string().contains(part), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.pt");
        fs::write(&path, bytes).unwrap();
        // Also where it is larger than any model; sparse, so that it takes no room.
        for n_bytes in [bytes.len() as u64, (1 << 30) + 1] {
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(n_bytes).unwrap();
            let error = Model::read(&path).expect_err(what);
            assert!(matches!(error.kind, ModelErrorKind::Foreign(_)), "{error}");
            let line = error.to_string();
            assert!(
                line.contains("model.pt: not a model file but ") && line.contains(part),
                "{line}"
            );
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge");
    fs::File::create(&path).unwrap().set_len((1 << 30) + 1).unwrap();
    let error = Model::read(&path).unwrap_err();
    assert!(matches!(error.kind, ModelErrorKind::TooLarge { found_bytes: 1_073_741_825 }));
}

/// A reader takes the first of two values or the last, each as it likes, and so reads another model.
#[test]
fn keys_that_stand_twice() {
    let bias = r#""bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#;
    for (what, bytes, variant) in [
        ("a tensor", with(bias, &bias.repeat(2)), "Form"),
        (
            "an escaped name",
            with(bias, &format!(r#"{bias}{}"#, bias.replace("bias", "\\u0062ias"))),
            "Form",
        ),
        ("a type", with(r#""dtype":"F32","#, r#""dtype":"F32","dtype":"F32","#), "Form"),
        ("metadata", with(r#""mnist":"#, r#""mnist":"{}","mnist":"#), "Form"),
        ("a field", with(r#"\"format\":1,"#, r#"\"format\":1,\"format\":1,"#), "Metadata"),
        ("a setting", with(r#"\"seed\":0,"#, r#"\"seed\":0,\"seed\":0,"#), "Metadata"),
    ] {
        let error = refused(what, &bytes, variant);
        let text = error.to_string();
        assert!(text.contains("twice") || text.contains("duplicate"), "{what}: {text}");
    }
}

#[test]
fn tensors_that_are_no_model() {
    let bytes = bytes();
    let (header, data) = parts(&bytes);
    let no_weights = header.split_once(r#","weights""#).unwrap().0;
    let zero = r#","zero":{"dtype":"F32","shape":[0],"data_offsets":[24,24]}"#;
    let extra = header.trim_end().strip_suffix('}').unwrap();
    let size = r#"\"height\":2,\"numerics\":2,\"width\":1"#;
    let wraps = r#"\"height\":9223372036854775809,\"numerics\":2,\"width\":2"#;
    for (what, bytes) in [
        ("no weights", file(format!("{no_weights}}}"), &data[..8])),
        ("an empty tensor where another ends", file(format!("{extra}{zero}}}"), data)),
        ("__proto__", with(r#""bias""#, r#""__proto__""#)),
        ("a path for a name", with(r#""bias""#, r#""../../x""#)),
        ("integers", with(r#""F32""#, r#""I32""#)),
        ("one dimension", with("[2,2]", "[4]")),
        ("three dimensions", with("[2,2]", "[2,1,2]")),
        ("transposed", with("[2,2]", "[1,4]")),
        ("an image of another size", with(r#"\"height\":2"#, r#"\"height\":3"#)),
        ("an image whose size wraps to its own", with(size, wraps)),
        ("three classes", with(r#"\"zero\""#, r#"\"zero\",\"half\""#)),
    ] {
        refused(what, &bytes, "Tensor");
    }
}

#[test]
fn classes_that_no_model_has() {
    let names = |n: usize| format!("[{}]", vec![r#"\"\""#; n].join(","));
    for n in [0, 65_537, 300_000] {
        let bytes = with(r#"[\"zero\",\"ein\\\"s\"]"#, &names(n));
        let error = refused(&format!("{n} classes"), &bytes, "Classes");
        assert!(
            error.to_string().contains(&format!("{n} classes, expected 1 to 65536")),
            "{error}"
        );
    }
    // As many as are allowed are held against the tensors.
    let bytes = with(r#"[\"zero\",\"ein\\\"s\"]"#, &names(65_536));
    refused("65,536 classes", &bytes, "Tensor");
}

#[test]
fn metadata_that_are_not_ours() {
    let bytes = bytes();
    let (header, data) = parts(&bytes);
    let tensors = &header[header.find(r#""bias""#).unwrap()..];
    for (what, bytes) in [
        ("no metadata", file(format!("{{{tensors}"), data)),
        ("another key", with(r#""mnist""#, r#""mnisd""#)),
        ("no JSON", with(r#""{\"classes\""#, r#""{classes\""#)),
        ("a field is missing", with(r#"\"format\":1,"#, "")),
        ("a negative version", with(r#"\"format\":1"#, r#"\"format\":-1"#)),
        ("a fraction", with(r#"\"format\":1"#, r#"\"format\":1.5"#)),
        ("2^64", with(r#"\"numerics\":2"#, r#"\"numerics\":18446744073709551616"#)),
        ("a text", with(r#"\"height\":2"#, r#"\"height\":\"2\""#)),
        ("the same field twice", with(r#"\"format\":1,"#, r#"\"format\":1,\"format\":1,"#)),
    ] {
        refused(what, &bytes, "Metadata");
    }
    for (what, known) in [("format", 1), ("numerics", 2)] {
        let version = |version: u32| {
            with(&format!(r#"\"{what}\":{known}"#), &format!(r#"\"{what}\":{version}"#))
        };
        let error = refused("a newer version", &version(known + 1), "Version");
        assert!(
            error.to_string().contains(&format!("its {what} version is {}", known + 1)),
            "{error}"
        );
        // Older ones are read.
        assert!((1..known).all(|older| Model::from_bytes(&version(older)).is_ok()), "{what}");
        refused("version 0", &version(0), "Version");
    }
}

#[test]
fn numbers_that_are_not_finite() {
    let bytes = bytes();
    let data = bytes.len() - 24;
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (position, name, index) in [(2, "weights", 0), (5, "weights", 3), (1, "bias", 1)] {
            let mut changed = bytes.clone();
            changed[data + 4 * position..][..4].copy_from_slice(&bad.to_le_bytes());
            let error = refused("not finite", &changed, "NonFinite");
            let ModelErrorKind::NonFinite { name: n, index: i } = error else { unreachable!() };
            assert_eq!((n, i), (name, index), "{bad}");
        }
    }
}

#[test]
fn paths_that_are_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let [missing, link, read_only, long] =
        ["missing", "link", "read-only", &"m".repeat(300)].map(|name| folder.path().join(name));
    #[track_caller]
    fn check(done: Result<impl std::fmt::Debug, model::ModelError>, path: &Path) {
        let error = done.expect_err("no file");
        assert!(matches!(error.kind, ModelErrorKind::Io(_)), "{error:?}");
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
    }
    check(Model::read(&missing), &missing);
    check(Model::read(folder.path()), folder.path());
    check(Model::read(Path::new("")), Path::new(""));
    check(model().write(folder.path()), folder.path());
    check(model().write(&long), &long);
    check(model().write(&missing.join("model")), &missing.join("model"));

    // A symbolic link is replaced by the file, and what it leads to stays.
    fs::write(&read_only, "precious").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&read_only, &link).unwrap();
    model().write(&link).unwrap();
    assert_eq!(fs::read_to_string(&read_only).unwrap(), "precious");
    assert_eq!(Model::read(&link).unwrap(), model());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
}
