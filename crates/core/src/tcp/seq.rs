//! A sequence number: 32 bits that wrap (RFC 9293 section 3.4).

use core::fmt;
use core::ops::Add;

/// A TCP sequence or acknowledgment number. Arithmetic is modulo 2^32 and never panics.
///
/// There is deliberately no `Ord`: on a circle "less than" holds only within half of it. Use [`SeqNumber::distance_from`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// How far this number lies ahead of `earlier`, in octets; negative when it lies behind.
    pub const fn distance_from(self, earlier: SeqNumber) -> i32 {
        self.0.wrapping_sub(earlier.0) as i32
    }
}

impl Add<u32> for SeqNumber {
    type Output = SeqNumber;

    fn add(self, octets: u32) -> SeqNumber {
        SeqNumber(self.0.wrapping_add(octets))
    }
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::SeqNumber;

    #[test]
    fn distance_is_signed_and_wraps() {
        assert_eq!(SeqNumber(5).distance_from(SeqNumber(u32::MAX)), 6);
        assert_eq!(SeqNumber(u32::MAX).distance_from(SeqNumber(5)), -6);
        assert_eq!(SeqNumber(u32::MAX) + 1, SeqNumber(0));
    }

    #[test]
    fn the_far_side_of_the_circle_is_behind() {
        assert_eq!(SeqNumber(1 << 31).distance_from(SeqNumber(0)), i32::MIN);
    }
}
