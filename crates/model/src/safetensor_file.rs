//! What model files and checkpoints have in common: JSON under one metadata key, and tensors whose
//! type, shape and numbers are proven.

use safetensors::tensor::Metadata as Header;
use safetensors::{Dtype, SafeTensors};

/// The metadata key.
pub(crate) const KEY: &str = "mnist";

/// What is wrong with a part; each kind of file has such variants in its own error.
#[derive(Debug)]
pub(crate) enum Fault {
    Version { what: &'static str, known: u32, found: u32 },
    Tensor { name: String, expected: String, found: String },
    NonFinite { name: &'static str, index: usize },
}

/// The JSON under the key.
///
/// Errors say that it is not there.
pub(crate) fn description(header: &Header) -> Result<&str, String> {
    let text = header.metadata().as_ref().and_then(|metadata| metadata.get(KEY));
    text.map(String::as_str).ok_or_else(|| format!("the key {KEY:?} is missing from its metadata"))
}

/// Proves that the versions of a file, known and found, are ones that `is_known`.
pub(crate) fn check_versions(
    format: (u32, u32),
    numerics: (u32, u32),
    is_known: impl Fn(u32, u32) -> bool,
) -> Result<(), Fault> {
    for (what, (known, found)) in [("format", format), ("numerics", numerics)] {
        if !is_known(known, found) {
            return Err(Fault::Version { what, known, found });
        }
    }
    Ok(())
}

/// Height and width of an image; both or neither.
pub(crate) fn image(
    height: Option<usize>,
    width: Option<usize>,
) -> Result<Option<(usize, usize)>, String> {
    if height.is_some() != width.is_some() {
        return Err("one of height and width without the other".into());
    }
    Ok(height.zip(width))
}

/// The numbers as they stand in a file.
pub(crate) fn f32_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The bytes of a tensor of this type whose shape `fits`; `expected` is named where it does not,
/// 0 standing for any.
pub(crate) fn raw<'a>(
    tensors: &SafeTensors<'a>,
    name: &str,
    dtype: Dtype,
    fits: impl Fn(&[usize]) -> bool,
    expected: &[usize],
) -> Result<&'a [u8], Fault> {
    let wrong = |found: String| {
        let expected = format!("{dtype:?} {expected:?}").replace("[0,", "[any,");
        Fault::Tensor { name: name.to_owned(), expected, found }
    };
    let tensor = tensors.tensor(name).map_err(|_| wrong("no such tensor".into()))?;
    if tensor.dtype() != dtype || !fits(tensor.shape()) {
        return Err(wrong(format!("{:?} {:?}", tensor.dtype(), tensor.shape())));
    }
    Ok(tensor.data())
}

/// The numbers of a tensor of f32, all finite.
pub(crate) fn numbers(
    tensors: &SafeTensors<'_>,
    name: &'static str,
    fits: impl Fn(&[usize]) -> bool,
    expected: &[usize],
) -> Result<Vec<f32>, Fault> {
    let (numbers, _) = raw(tensors, name, Dtype::F32, fits, expected)?.as_chunks::<4>();
    let numbers: Vec<f32> = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect();
    match numbers.iter().position(|x| !x.is_finite()) {
        Some(index) => Err(Fault::NonFinite { name, index }),
        None => Ok(numbers),
    }
}
