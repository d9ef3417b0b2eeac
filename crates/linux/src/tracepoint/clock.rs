//! From the monotonic clock, which perf can stamp with, to the wall clock, which captures have.

use rustix::time::{ClockId, Timespec, clock_gettime};

/// How many readings the best is taken from.
const READINGS: usize = 8;

/// What to add to CLOCK_MONOTONIC for CLOCK_REALTIME, as it was just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockOffset {
    /// Nanoseconds to add.
    pub nanos: i64,
    /// How far that may be off: half of the time between the two monotonic readings around the other, in nanoseconds.
    pub error: u64,
}

impl ClockOffset {
    /// The wall-clock time of a monotonic one, in nanoseconds since 1970.
    pub fn wall(self, monotonic: u64) -> u64 {
        monotonic.saturating_add_signed(self.nanos)
    }
}

/// CLOCK_MONOTONIC, in nanoseconds.
pub fn monotonic() -> u64 {
    nanos(clock_gettime(ClockId::Monotonic))
}

/// Reads the wall clock between two readings of the monotonic one, some times, and takes the closest.
pub fn clock_offset() -> ClockOffset {
    let read = |_| {
        let before = monotonic();
        let wall = nanos(clock_gettime(ClockId::Realtime));
        let after = monotonic();
        let between = after.saturating_sub(before);
        let offset = i128::from(wall) - i128::from(before + between / 2);
        ClockOffset { nanos: i64::try_from(offset).unwrap_or_default(), error: between.div_ceil(2) }
    };
    let readings = (0..READINGS).map(read);
    readings.min_by_key(|offset| offset.error).unwrap_or(ClockOffset { nanos: 0, error: u64::MAX })
}

fn nanos(time: Timespec) -> u64 {
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    seconds * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::{SystemTime, UNIX_EPOCH};

    use super::{clock_offset, monotonic};

    #[test]
    fn a_wall_clock_time_lies_between_two_others() {
        let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_nanos();
        let offset = clock_offset();
        let before = now();
        let ours = u128::from(offset.wall(monotonic()));
        let after = now();
        let slack = u128::from(offset.error) + 1_000_000;
        assert!(before <= ours + slack && ours <= after + slack, "{before} {ours} {after} {offset:?}");
    }
}
