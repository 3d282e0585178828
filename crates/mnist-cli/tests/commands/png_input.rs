//! Pictures of every kind, to `predict` and to `explain`: converted as documented, or refused in one line that
//! names the file and a remedy, in bounded memory.

use std::fs;

use png::{BitDepth, ColorType, Encoder};

use super::common::Sandbox;
use super::sandbox;

/// A stroke of ink from top to bottom in a picture of such a side.
fn is_ink(side: usize, y: usize, x: usize) -> bool {
    (side / 5..4 * side / 5).contains(&y) && (2 * side / 5..side / 2).contains(&x)
}

/// A square picture of the stroke, black on white.
fn picture(side: usize, colour: ColorType, depth: BitDepth) -> Vec<u8> {
    let samples = colour.samples();
    let mut bytes = Vec::new();
    for y in 0..side {
        let ink = |x| is_ink(side, y, x);
        match depth {
            BitDepth::One => {
                for first in (0..side).step_by(8) {
                    let bit = |bits: u8, x: usize| bits << 1 | u8::from(x < side && !ink(x));
                    bytes.push((first..first + 8).fold(0, bit));
                }
            }
            _ => {
                for x in 0..side {
                    let is_palette = colour == ColorType::Indexed;
                    let value = match (ink(x), is_palette) {
                        (true, _) => 0,
                        (false, true) => 1,
                        (false, false) => 255,
                    };
                    let has_alpha = matches!(colour, ColorType::GrayscaleAlpha | ColorType::Rgba);
                    for sample in 0..samples {
                        let is_alpha = has_alpha && sample + 1 == samples;
                        let count = if depth == BitDepth::Sixteen { 2 } else { 1 };
                        bytes.extend(vec![if is_alpha { 255 } else { value }; count]);
                    }
                }
            }
        }
    }
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, side as u32, side as u32);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == ColorType::Indexed {
        encoder.set_palette([0, 0, 0, 255, 255, 255].as_slice());
    }
    encoder.write_header().unwrap().write_image_data(&bytes).unwrap();
    file
}

/// A chunk with its length and checksum.
fn chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let body = [name, data].concat();
    let crc = body.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    });
    [&(data.len() as u32).to_be_bytes()[..], &body, &(!crc).to_be_bytes()].concat()
}

/// A grey PNG file by hand, of any size and interlacing; `rows` are filtered rows, stored without compression.
fn by_hand((height, width): (u32, u32), is_interlaced: bool, rows: &[u8]) -> Vec<u8> {
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in rows {
        a = (a + u32::from(byte)) % 65_521;
        b = (b + a) % 65_521;
    }
    let mut stream = vec![0x78, 0x01];
    let blocks: Vec<&[u8]> = rows.chunks(65_535).collect();
    for (i, block) in blocks.iter().enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(i + 1 == blocks.len()));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend(*block);
    }
    stream.extend((b << 16 | a).to_be_bytes());
    let sizes = [width.to_be_bytes(), height.to_be_bytes()].concat();
    let header = [&sizes[..], &[8, 0, 0, 0, u8::from(is_interlaced)]].concat();
    let signature = b"\x89PNG\r\n\x1a\n".to_vec();
    let chunks = [chunk(b"IHDR", &header), chunk(b"IDAT", &stream), chunk(b"IEND", &[])];
    [signature, chunks.concat()].concat()
}

/// The stroke in the seven passes of Adam7.
fn interlaced(side: usize) -> Vec<u8> {
    let passes = [
        (0, 0, 8, 8),
        (0, 4, 8, 8),
        (4, 0, 8, 4),
        (0, 2, 4, 4),
        (2, 0, 4, 2),
        (0, 1, 2, 2),
        (1, 0, 2, 1),
    ];
    let mut rows = Vec::new();
    for (top, left, down, right) in passes {
        for y in (top..side).step_by(down) {
            rows.push(0);
            let grey = |x| if is_ink(side, y, x) { 0 } else { 255 };
            rows.extend((left..side).step_by(right).map(grey));
        }
    }
    by_hand((side as u32, side as u32), true, &rows)
}

/// What `predict` says, with at most 512 MiB of memory where the system can be told so.
fn probabilities(sandbox: &Sandbox, name: &str) -> Vec<f64> {
    let words = format!("predict --json --model run/model.safetensors {name}");
    let mut command = sandbox.command(words.split(' '));
    if cfg!(target_os = "linux") {
        let limited = format!("ulimit -v 524288 && exec '{}' {words}", env!("CARGO_BIN_EXE_mnist"));
        command = std::process::Command::new("sh");
        command.args(["-c", &limited]).current_dir(sandbox.path("."));
    }
    let answer: serde_json::Value =
        serde_json::from_str(&super::common::run(&mut command).ok()).unwrap();
    serde_json::from_value(answer["probabilities"].clone()).unwrap()
}

#[test]
fn every_kind_of_png_is_read() {
    use BitDepth::{Eight, One, Sixteen};
    use ColorType::{Grayscale, GrayscaleAlpha, Indexed, Rgb, Rgba};
    let sandbox = sandbox();
    let table: [(&str, Vec<u8>); 10] = [
        ("grey", picture(280, Grayscale, Eight)),
        ("one-bit", picture(280, Grayscale, One)),
        ("sixteen-bit", picture(280, Grayscale, Sixteen)),
        ("alpha", picture(280, GrayscaleAlpha, Eight)),
        ("colour", picture(280, Rgb, Eight)),
        ("colour-alpha-16", picture(280, Rgba, Sixteen)),
        ("palette", picture(280, Indexed, Eight)),
        ("interlaced", interlaced(280)),
        ("large", picture(4000, Grayscale, Eight)),
        ("large-colour-alpha", picture(4000, Rgba, Eight)),
    ];
    let mut first: Option<Vec<f64>> = None;
    for (name, bytes) in table {
        let file = format!("{name}.png");
        fs::write(sandbox.path(&file), bytes).unwrap();
        let found = probabilities(&sandbox, &file);
        let expected = first.get_or_insert_with(|| found.clone());
        assert_eq!(&found, expected, "{name}: the same stroke, so the same answer");
        let words = format!("explain --model run/model.safetensors {file}");
        let text = sandbox.ok(&words);
        assert!(text.starts_with(&format!("{file}: taken for ")), "{text}");
        assert!(text.contains("scaled and centred"), "{text}");
    }
}

#[test]
fn what_is_no_picture_is_refused_by_both() {
    let sandbox = sandbox();
    let good = picture(280, ColorType::Grayscale, BitDepth::Eight);
    let table: [(&str, Vec<u8>, &str); 8] = [
        ("empty.png", vec![], "empty"),
        ("text.png", b"no picture at all".to_vec(), "neither a PNG picture"),
        ("page.png", b"<!DOCTYPE html>".to_vec(), "neither a PNG picture"),
        ("photo.png", b"\xff\xd8\xff\xe0\0\x10JFIF".to_vec(), "JPEG"),
        ("cut.png", good[..good.len() / 2].to_vec(), "cut short"),
        ("bomb.png", by_hand((60_000, 60_000), false, &[0; 100]), "60000 x 60000 pixels are more"),
        ("wide.png", by_hand((1, 4_097), false, &[0; 4098]), "4097 x 1 pixels are more"),
        ("short.png", by_hand((280, 280), false, &[0; 281]), "short.png"),
    ];
    for (name, bytes, part) in table {
        fs::write(sandbox.path(name), bytes).unwrap();
        for command in ["predict", "explain"] {
            let words = format!("{command} --model run/model.safetensors {name}");
            sandbox.refused(&words, 3, &[name, part, "; "]);
        }
    }
    for command in ["predict", "explain"] {
        let words = format!("{command} --model run/model.safetensors no.png");
        sandbox.refused(&words, 4, &["no.png", "cannot be opened"]);
    }
    let images = "data/t10k-images-idx3-ubyte";
    let of = |index| format!("predict --model run/model.safetensors --index {index} {images}");
    assert_eq!(sandbox.ok(&of(399)).lines().count(), 1);
    sandbox.refused(&of(400), 2, &["has 400 images", "index 400"]);
}
