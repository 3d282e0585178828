//! The header: element type and dimensions, proven to multiply to an addressable size.

use std::ops::RangeInclusive;

use byteorder::{BigEndian, ByteOrder};

use crate::element::ElementType;
use crate::error::ErrorKind;
use crate::hint::Hint;
use crate::read::Source;

/// The ranks the format can express, less 0: a lone number has no use and no writer makes one.
pub(crate) const RANKS: RangeInclusive<usize> = 1..=255;

/// Dimensions are u32 in the file and `usize` in memory.
const _: () = assert!(usize::BITS >= u32::BITS);

/// A header that passed every check which needs no payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    element_type: ElementType,
    dims: Vec<usize>,
    payload_bytes: usize,
}

impl Header {
    pub fn new(element_type: ElementType, dims: Vec<usize>) -> Result<Self, ErrorKind> {
        if !RANKS.contains(&dims.len()) {
            return Err(ErrorKind::BadRank { expected: RANKS, found: dims.len() });
        }
        match payload_bytes(element_type, &dims) {
            Some(payload_bytes) => Ok(Self { element_type, dims, payload_bytes }),
            None => Err(ErrorKind::DimOverflow { dims }),
        }
    }

    /// Reads the 8 to 1,024 bytes of a header, no byte more.
    pub fn read(source: &mut impl Source) -> Result<Self, ErrorKind> {
        let mut bytes = [0; 4 + 4 * *RANKS.end()];
        let found_bytes = source.read(&mut bytes[..4])?;
        if found_bytes < 4 {
            return Err(ErrorKind::TooShort { needed_bytes: 4, found_bytes: found_bytes as u64 });
        }
        let found = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if found[..2] != [0, 0] {
            return Err(ErrorKind::BadMagic { found, hint: Hint::of(found) });
        }
        let [_, _, code, rank] = found;
        let element_type = ElementType::from_code(code).ok_or(ErrorKind::UnknownType { code })?;

        let rank = usize::from(rank);
        let needed_bytes = 4 + 4 * rank;
        let found_bytes = 4 + source.read(&mut bytes[4..needed_bytes])?;
        if found_bytes < needed_bytes {
            return Err(ErrorKind::TooShort {
                needed_bytes: needed_bytes as u64,
                found_bytes: found_bytes as u64,
            });
        }
        let dims = bytes[4..needed_bytes].chunks_exact(4);
        Self::new(element_type, dims.map(|dim| BigEndian::read_u32(dim) as usize).collect())
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; 4 + 4 * self.dims.len()];
        bytes[2] = self.element_type.code();
        // `new` proved that the rank fits a byte and every dimension 32 bits.
        bytes[3] = self.dims.len() as u8;
        for (field, &dim) in bytes[4..].chunks_exact_mut(4).zip(&self.dims) {
            BigEndian::write_u32(field, dim as u32);
        }
        bytes
    }

    pub fn element_type(&self) -> ElementType {
        self.element_type
    }

    pub fn dims(&self) -> &[usize] {
        &self.dims
    }

    pub fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    /// The size of the header itself.
    pub fn size_bytes(&self) -> usize {
        4 + 4 * self.dims.len()
    }
}

/// Multiplies the dimensions; `None` where a dimension or the product is too large.
///
/// Zeros are left out of the check, though they make the payload empty: the size of one row must be
/// a number too, even where there are no rows.
fn payload_bytes(element_type: ElementType, dims: &[usize]) -> Option<usize> {
    let mut product = element_type.size_bytes();
    for &dim in dims {
        u32::try_from(dim).ok()?;
        product = product.checked_mul(dim.max(1))?;
    }
    // No allocation may be larger than this.
    isize::try_from(product).ok()?;
    Some(if dims.contains(&0) { 0 } else { product })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(element_type: ElementType, dims: &[usize], expected: Option<usize>) {
        assert_eq!(payload_bytes(element_type, dims), expected, "{dims:?}");
    }

    #[test]
    fn sizes() {
        check(ElementType::U8, &[60_000, 28, 28], Some(47_040_000));
        check(ElementType::F64, &[3, 5], Some(120));
        check(ElementType::U8, &[0, 28, 28], Some(0));
    }

    #[cfg(target_pointer_width = "64")]
    #[test]
    fn products_that_do_not_fit() {
        const MAX: usize = u32::MAX as usize;
        check(ElementType::U8, &[MAX, 1 << 31], Some(MAX << 31));
        check(ElementType::U8, &[1 << 31, 1 << 31], Some(1 << 62));
        check(ElementType::I16, &[1 << 31, 1 << 31], None);
        check(ElementType::U8, &[1 << 31, 1 << 31, 4], None);
        check(ElementType::U8, &[MAX, MAX, MAX], None);
        check(ElementType::U8, &[0, MAX, MAX, MAX], None);
        check(ElementType::U8, &[21_398, 289_529, 2_977_518_503], None);
        check(ElementType::U8, &[30_512, 310_613, 1_946_388_001], None);
        check(ElementType::U8, &[65_536, 65_536, 1], Some(1 << 32));
        check(ElementType::U8, &[MAX], Some(MAX));
        check(ElementType::U8, &[MAX + 1], None);
    }
}
