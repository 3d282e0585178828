//! Any bytes as a checkpoint: as they are, which the checksum refuses, and with a right checksum put in,
//! so that what stands behind it is reached too.

use model::Checkpoint;
use sha2::{Digest, Sha256};

/// What stands before the checksum.
const MARK: &[u8] = br#"\"sha256\":\""#;

/// The bytes with the checksum that they should have, where they have a place for one.
pub fn signed(bytes: &[u8]) -> Option<Vec<u8>> {
    let length = u64::from_le_bytes(*bytes.first_chunk()?);
    let header = bytes.get(..usize::try_from(length).ok()?.checked_add(8)?)?;
    let at = header.windows(MARK.len()).rposition(|window| window == MARK)? + MARK.len();
    let mut signed = bytes.to_vec();
    signed.get_mut(at..at + 64).filter(|_| at + 64 <= header.len())?.fill(b'0');
    let sum: String = Sha256::digest(&signed).iter().map(|byte| format!("{byte:02x}")).collect();
    signed[at..at + 64].copy_from_slice(sum.as_bytes());
    Some(signed)
}

/// Reads the bytes, and reads them again with a right checksum; panics where what is taken can't be a
/// run. Returns whether the bytes as they are were taken.
pub fn check(bytes: &[u8]) -> bool {
    if let Some(signed) = signed(bytes) {
        one(&signed);
    }
    one(bytes)
}

fn one(bytes: &[u8]) -> bool {
    let checkpoint = match Checkpoint::from_bytes(bytes) {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            assert!(!error.to_string().is_empty());
            return false;
        }
    };
    let (state, classes) = (&checkpoint.state, checkpoint.classes.len());
    for part in [&state.parameters, &state.m, &state.v] {
        assert_eq!((part.bias.len(), part.weights.len() % classes), (classes, 0));
        assert_eq!(part.weights.len(), state.parameters.weights.len());
        assert!(part.weights.iter().chain(&part.bias).all(|x| x.is_finite()));
    }
    assert!(state.v.weights.iter().chain(&state.v.bias).all(|&v| v >= 0.0));
    assert!(state.powers.iter().all(|power| (0.0..=1.0).contains(power)));
    let again = checkpoint.to_bytes().expect("what was read can be written");
    assert_eq!(Checkpoint::from_bytes(&again).expect("and read again"), checkpoint);
    true
}
