//! Numbers as text: base64, runs of zeros, weights in 8 bits. data.js undoes it.

/// The alphabet of RFC 4648.
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as base64 with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let at = |i: usize| u32::from(three.get(i).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for i in 0..4 {
            let digit = BASE64[(bits >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= three.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// Bytes with every run of zeros as a 0 and its length, at most 255: most of an image is paper.
pub(super) fn pack_zeros(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(bytes.len() / 2);
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        packed.push(first);
        rest = after;
        if first == 0 {
            let more = rest.iter().take(254).take_while(|&&byte| byte == 0).count();
            packed.push(more as u8 + 1);
            rest = &rest[more..];
        }
    }
    packed
}

/// Numbers as little-endian bytes.
pub(super) fn le_bytes(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Numbers in steps of 1/127 of the largest magnitude, as signed bytes, and that magnitude.
pub(super) fn quantised(numbers: &[f32]) -> (Vec<u8>, f32) {
    let largest = numbers.iter().fold(0_f32, |most, x| most.max(x.abs()));
    let scale = if largest > 0.0 { 127.0 / f64::from(largest) } else { 0.0 };
    let byte = |x: &f32| ((f64::from(*x) * scale).round() as i8).to_le_bytes()[0];
    (numbers.iter().map(byte).collect(), largest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_of_the_rfc() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
        assert_eq!(base64(&[255, 239, 190]), "/+++");
    }

    #[test]
    fn zeros_come_back() {
        let unpack = |packed: &[u8]| {
            let (mut all, mut bytes) = (Vec::new(), packed.iter());
            while let Some(&byte) = bytes.next() {
                let n = if byte == 0 { bytes.next().map_or(0, |&n| usize::from(n)) } else { 1 };
                all.resize(all.len() + n, byte);
            }
            all
        };
        for n in [0, 1, 2, 254, 255, 256, 509, 510, 511, 784] {
            let mut bytes = vec![0; n];
            assert_eq!(unpack(&pack_zeros(&bytes)), bytes, "{n} zeros");
            bytes.push(7);
            bytes.push(0);
            assert_eq!(unpack(&pack_zeros(&bytes)), bytes, "{n} zeros and more");
        }
        assert_eq!(pack_zeros(&[1, 0, 0, 0, 2]), [1, 0, 3, 2]);
    }

    #[test]
    fn eight_bits_keep_the_sign() {
        let (bytes, largest) = quantised(&[0.5, -0.5, 0.0, 0.25]);
        assert_eq!((bytes, largest), (vec![127, 129, 0, 64], 0.5));
        assert_eq!(quantised(&[0.0]), (vec![0], 0.0));
    }
}
