//! The Internet checksum (RFC 1071).

/// The sum of 16-bit words, the last octet of an odd number padded with zero (RFC 1071). No frame is long enough to overflow it.
#[inline(always)]
pub(super) fn sum(octets: &[u8]) -> u64 {
    // Four words at once, in two halves: what carries beyond 16 bits is folded in with the rest.
    let (fours, rest) = octets.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let add = |sum: u64, four: &[u8; 8]| {
        let words = u64::from_be_bytes(*four);
        sum + (words >> 32) + (words & 0xffff_ffff)
    };
    add(fours.iter().fold(0, add), &last)
}

/// The ones' complement sum of a sum's words: carries come back in at the other end.
pub(super) fn fold(mut sum: u64) -> u16 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}

#[cfg(test)]
mod tests {
    use super::{fold, sum};

    /// RFC 1071 section 3.
    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(fold(sum(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7])), 0xddf2);
    }

    #[test]
    fn an_odd_octet_is_padded() {
        assert_eq!(fold(sum(&[0x12, 0x34, 0x56])), 0x1234 + 0x5600);
        assert_eq!(sum(&[]), 0);
    }
}
