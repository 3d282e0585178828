//! Any bytes as a raw IDX file, beside twenty lines that say what one is.

/// Element type, dimensions and payload of a raw IDX file by the letter of the format; `None` where the
/// bytes are none. Written without a look at the reader: one expression for each sentence of the format.
pub fn reference(bytes: &[u8]) -> Option<(u8, Vec<usize>, &[u8])> {
    let &[0, 0, code, rank, ref rest @ ..] = bytes else { return None };
    let size: u128 = match code {
        8 | 9 => 1,
        11 => 2,
        12 | 13 => 4,
        14 => 8,
        _ => return None,
    };
    let (dims, payload) = rest.split_at_checked(4 * rank as usize)?;
    if rank == 0 {
        return None;
    }
    let dims = dims.chunks(4).map(|d| d.iter().fold(0, |n, &byte| n << 8 | byte as usize));
    let dims: Vec<usize> = dims.collect();
    // The size of a row must be a number even where there are no rows.
    let mut nonzero = dims.iter().map(|&dim| dim.max(1) as u128);
    let row = nonzero.try_fold(size, u128::checked_mul);
    row.filter(|&bytes| bytes <= i64::MAX as u128)?;
    let count: u128 = dims.iter().map(|&dim| dim as u128).fold(1, u128::saturating_mul);
    (count.saturating_mul(size) == payload.len() as u128).then_some((code, dims, payload))
}

/// Parses the bytes; panics where the reader takes what the reference does not, refuses what it takes, or
/// reads other content. Returns whether they are a file.
pub fn check(bytes: &[u8]) -> bool {
    let parsed = idx::parse(bytes);
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return parsed.is_ok();
    }
    let found = parsed.as_ref().ok();
    let found = found.map(|idx| (idx.element_type().code(), idx.dims().to_vec(), idx.payload()));
    assert_eq!(found, reference(bytes));
    match parsed {
        Err(error) => {
            let line = error.to_string();
            assert!(!line.is_empty() && !line.chars().any(char::is_control), "{line:?}");
            false
        }
        Ok(idx) => {
            // What can be read can be looked at, and written back to the same bytes.
            let _ = (idx.to_f64(), idx.to_i64(), idx.to_f32());
            assert_eq!([idx.header_bytes(), idx.into_bytes()].concat(), bytes);
            true
        }
    }
}
