//! Files that can't be predicted are refused in one clear line, and readers may leave.

use std::fs;
use std::process::Stdio;

use idx::{Compression, Idx};

use super::common::put;
use super::{FEATURES, drawn, sandbox, test_digit, trained, write_grey};

/// A file name, its content, the exit code, and what the one line says.
type Bad = (&'static str, Vec<u8>, i32, &'static str);

#[test]
fn bad_files_are_refused_in_one_line() {
    let sandbox = sandbox();
    let (digit, _) = test_digit(0);
    let good_path = sandbox.path("good.png");
    write_grey(&good_path, (280, 280), &drawn(&digit));
    let good = fs::read(&good_path).unwrap();
    let flipped = {
        let mut bytes = good.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        bytes
    };
    // Found by fuzzing: it made the decoder panic.
    let palette = include_bytes!("../../../../fuzz/corpus/png/palette-of-13-bytes").to_vec();
    let of_size = |height: usize, width: usize, grey: u8| {
        let path = sandbox.path("some.png");
        write_grey(&path, (height, width), &vec![grey; height * width]);
        fs::read(path).unwrap()
    };
    let idx = |dims: &[usize], file: Idx| {
        let path = sandbox.path("some-idx");
        assert_eq!(file.dims(), dims);
        idx::write(&path, &file, Compression::Gzip).unwrap();
        fs::read(path).unwrap()
    };
    let bytes = |dims: &[usize]| {
        let count = dims.iter().product();
        idx(dims, Idx::from_u8(dims.to_vec(), vec![7; count]).unwrap())
    };
    let wide = Idx::from_values(vec![1, 28, 28], &[1_i32; FEATURES]).unwrap();
    let nan = Idx::from_values(vec![1, 28, 28], &[f32::NAN; FEATURES]).unwrap();
    let huge = Idx::from_values(vec![1, 28, 28], &[f32::MAX; FEATURES]).unwrap();
    let claim = [&[0, 0, 8, 3], &[0xff; 12][..], &[0; 50]].concat();
    let table: Vec<Bad> = vec![
        ("empty.png", vec![], 3, "empty"),
        (
            "text.png",
            b"hello, I am no picture".to_vec(),
            3,
            "neither a PNG picture nor an IDX file",
        ),
        ("photo.png", b"\xff\xd8\xff\xe0 JFIF".to_vec(), 3, "JPEG"),
        ("signature.png", good[..8].to_vec(), 3, "cut short"),
        ("header.png", good[..20].to_vec(), 3, "cut short"),
        ("cut.png", good[..good.len() / 2].to_vec(), 3, "cut short"),
        ("no-end.png", good[..good.len() - 12].to_vec(), 3, "cut short"),
        ("half-end.png", good[..good.len() - 2].to_vec(), 3, "cut short"),
        ("flipped.png", flipped, 3, "damaged"),
        ("palette.png", palette, 3, "damaged: a palette of 13 bytes"),
        ("large.png", of_size(5000, 5000, 0), 3, "5000 x 5000 pixels are more than 4096 x 4096"),
        ("long.png", of_size(1, 4097, 0), 3, "4097 x 1"),
        ("blank.png", of_size(280, 280, 255), 3, "blank"),
        ("black.png", of_size(28, 28, 0), 3, "blank"),
        ("one.png", of_size(1, 1, 0), 3, "blank"),
        ("small.idx", bytes(&[2, 20, 20]), 3, "takes images of 28 x 28, and these are 2 x 20 x 20"),
        ("flat.idx", bytes(&[2, 784]), 3, "these are 2 x 784"),
        ("labels.idx", bytes(&[784]), 3, "are they labels?"),
        ("none.idx", bytes(&[0, 28, 28]), 3, "no images"),
        ("wide.idx", idx(&[1, 28, 28], wide), 3, "elements are i32"),
        ("nan.idx", idx(&[1, 28, 28], nan), 3, "not a number"),
        ("huge.idx", idx(&[1, 28, 28], huge), 3, "huge.idx[0]: the model's answer is infinite"),
        ("claim.idx", claim, 3, "claim.idx"),
        ("cut.idx", bytes(&[2, 28, 28])[..40].to_vec(), 3, "cut short"),
        ("model.idx", trained().2.clone(), 3, "is a model"),
    ];
    for (name, content, code, part) in table {
        fs::write(sandbox.path(name), content).unwrap();
        let words = format!("predict --model model.safetensors {name}");
        sandbox.refused(&words, code, &[name, part, "; "]);
    }
    fs::create_dir(sandbox.path("folder")).unwrap();
    sandbox.refused("predict --model model.safetensors folder", 4, &["folder", "is a folder"]);
    sandbox.refused("predict --model model.safetensors no.png", 4, &["no.png", "cannot be opened"]);
    sandbox.refused("predict --model no.safetensors good.png", 4, &["no.safetensors"]);
    sandbox.refused("predict --model good.png good.png", 3, &["good.png", "not a model file"]);
    sandbox.run("predict --model model.safetensors").usage("<IMAGE>");
    sandbox.run("predict --model model.safetensors --show --json good.png").usage("--json");
}

#[test]
fn one_bad_file_does_not_hide_the_others() {
    let sandbox = sandbox();
    write_grey(&sandbox.path("good.png"), (280, 280), &drawn(&test_digit(0).0));
    fs::write(sandbox.path("empty.png"), "").unwrap();
    let found = sandbox.run("predict --model model.safetensors empty.png good.png no.png good.png");
    assert_eq!(found.code, Some(4), "{found:?}");
    assert_eq!(found.stdout.lines().filter(|line| line.starts_with("good.png: ")).count(), 2);
    let errors: Vec<&str> = found.stderr.lines().collect();
    assert!(errors.len() == 2 && errors[0].contains("empty.png"), "{errors:?}");
    assert!(errors[1].starts_with("error: no.png"), "{errors:?}");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let sandbox = sandbox();
    put(&sandbox.path("many"), &[5000, 28, 28], vec![9; 5000 * FEATURES]);
    let words = ["predict", "--model", "model.safetensors", "many"];
    let mut child =
        sandbox.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let left = child.wait_with_output().unwrap();
    assert_eq!((left.status.code(), left.stderr), (Some(0), vec![]));
}
