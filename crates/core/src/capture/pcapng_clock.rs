//! The clock of a pcapng interface: what its timestamps count, and from when.

use super::Timestamp;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// From an interface's units to nanoseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// Units of so many whole nanoseconds, counted from 1970. Nearly all are.
    Whole(u64),
    /// Any other.
    Other {
        /// The value of if_tsresol.
        resolution: u8,
        /// The value of if_tsoffset, in seconds.
        offset: i64,
    },
}

impl Clock {
    /// The if_tsresol of interfaces that give none.
    pub(super) const MICROSECONDS: u8 = 6;

    /// The clock of these values of if_tsresol and if_tsoffset.
    pub(super) fn new(resolution: u8, offset: i64) -> Clock {
        match (resolution, offset) {
            (0..=9, 0) => Clock::Whole(10_u64.pow(9 - u32::from(resolution))),
            _ => Clock::Other { resolution, offset },
        }
    }

    /// The time of so many units, and whether it had to be clamped to what a timestamp holds.
    #[inline(always)]
    pub(super) fn read(self, units: u64) -> (Timestamp, bool) {
        match self {
            Clock::Whole(nanos) => match units.checked_mul(nanos) {
                Some(at) => (Timestamp(at), false),
                None => (Timestamp(u64::MAX), true),
            },
            Clock::Other { resolution, offset } => read_other(units, resolution, offset),
        }
    }
}

/// The highest bit of if_tsresol says whether the rest is an exponent of 2 or of 10 (draft-ietf-opsawg-pcapng section 4.2).
fn read_other(units: u64, resolution: u8, offset: i64) -> (Timestamp, bool) {
    let exponent = u32::from(resolution & 0x7f);
    // At most 94 bits, so that nothing here overflows.
    let nanos = i128::from(units) * NANOS_PER_SECOND;
    let since_offset = if resolution & 0x80 == 0 {
        // Where the divisor doesn't fit, every quotient is 0.
        10_i128.checked_pow(exponent).map_or(0, |per_second| nanos / per_second)
    } else {
        nanos >> exponent
    };
    let at = since_offset + i128::from(offset) * NANOS_PER_SECOND;
    match u64::try_from(at) {
        Ok(at) => (Timestamp(at), false),
        Err(_) if at < 0 => (Timestamp(0), true),
        Err(_) => (Timestamp(u64::MAX), true),
    }
}

#[cfg(test)]
mod tests {
    use super::Clock;
    use crate::capture::Timestamp;

    fn read(resolution: u8, offset: i64, units: u64) -> (u64, bool) {
        let (Timestamp(at), clamped) = Clock::new(resolution, offset).read(units);
        (at, clamped)
    }

    #[test]
    fn decimal_and_binary_units() {
        assert_eq!(read(9, 0, 1_700_000_000_123_456_789), (1_700_000_000_123_456_789, false));
        assert_eq!(read(6, 0, 1_700_000_000_123_456), (1_700_000_000_123_456_000, false));
        assert_eq!(read(0, 0, 1_700_000_000), (1_700_000_000_000_000_000, false));
        assert_eq!(read(12, 0, 1_999), (1, false));
        assert_eq!(read(127, 0, u64::MAX), (0, false));
        assert_eq!(read(0x80, 0, 5), (5_000_000_000, false));
        assert_eq!(read(0x80 | 32, 0, (7 << 32) + (1 << 31)), (7_500_000_000, false));
        assert_eq!(read(0xff, 0, u64::MAX), (0, false));
    }

    #[test]
    fn an_offset_moves_the_beginning() {
        assert_eq!(read(6, 1_700_000_000, 5), (1_700_000_000_000_005_000, false));
        assert_eq!(read(9, -3, 5_000_000_000), (2_000_000_000, false));
    }

    #[test]
    fn times_out_of_range_are_clamped() {
        assert_eq!(read(9, -6, 5_000_000_000), (0, true));
        assert_eq!(read(6, 0, u64::MAX), (u64::MAX, true));
        assert_eq!(read(0, i64::MAX, u64::MAX), (u64::MAX, true));
        assert_eq!(read(0xff, i64::MIN, 0), (0, true));
    }
}
