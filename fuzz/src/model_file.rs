//! Any bytes as a model file, beside a straightforward reader: JSON values, no types, no library.

use model::{Model, Parameters};
use serde_json::Value;

/// What a model file says: weights and biases to the bit, and its metadata.
type Content = (Vec<u32>, Vec<u32>, Value);

/// Reads what stands in a file that was taken; panics where it lacks something.
fn reference(bytes: &[u8]) -> Content {
    let (length, rest) = bytes.split_first_chunk().expect("taken without a length");
    let length = usize::try_from(u64::from_le_bytes(*length)).expect("a header that fits");
    let (header, data) = rest.split_at(length);
    let header: Value = serde_json::from_slice(header).expect("taken, and the header is no JSON");
    let keys: Vec<&String> = header.as_object().expect("an object").keys().collect();
    assert!(keys.iter().all(|key| ["__metadata__", "bias", "weights"].contains(&key.as_str())));
    let mut n_bytes = 0;
    let mut tensor = |name: &str| {
        let tensor = &header[name];
        assert_eq!(tensor["dtype"], "F32", "{name}");
        let at = |i: usize| tensor["data_offsets"][i].as_u64().expect("an offset") as usize;
        let numbers = data[at(0)..at(1)].chunks_exact(4);
        n_bytes += at(1) - at(0);
        let shape = tensor["shape"].as_array().expect("a shape").iter();
        let count: u64 = shape.map(|n| n.as_u64().expect("a length")).product();
        assert_eq!(4 * count as usize, at(1) - at(0), "{name}");
        numbers.map(|x| u32::from_le_bytes([x[0], x[1], x[2], x[3]])).collect()
    };
    let (weights, bias) = (tensor("weights"), tensor("bias"));
    assert_eq!(n_bytes, data.len(), "bytes that belong to no tensor, or to two");
    let text = header["__metadata__"]["mnist"].as_str().expect("metadata");
    (weights, bias, serde_json::from_str(text).expect("taken, and the metadata are no JSON"))
}

/// Reads the bytes; panics where what is taken is other than what stands there, or can't be a model.
/// Returns whether they are one.
pub fn check(bytes: &[u8]) -> bool {
    let model = match Model::from_bytes(bytes) {
        Ok(model) => model,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    let Parameters { weights, bias } = &model.parameters;
    let bits = |x: &[f32]| x.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let (expected_weights, expected_bias, expected) = reference(bytes);
    assert_eq!((bits(weights), bits(bias)), (expected_weights, expected_bias));
    let found = serde_json::to_value(&model.metadata).expect("as it is written");
    for (field, value) in found.as_object().expect("an object") {
        assert_eq!(*value, expected[field], "{field}");
    }
    assert!(weights.iter().chain(bias).all(|x| x.is_finite()), "infinite or not a number");
    assert_eq!(bias.len(), model.metadata.classes.len(), "biases");
    assert_eq!(weights.len(), model.parameters.features() * bias.len(), "weights");
    if let Some((height, width)) = model.metadata.image() {
        assert_eq!(model.parameters.features(), height * width, "pixels");
    }
    let again = model.to_bytes().expect("what was read can be written");
    assert_eq!(Model::from_bytes(&again).expect("and read again"), model);
    true
}
