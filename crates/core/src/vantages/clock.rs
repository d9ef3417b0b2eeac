//! How far the clocks of two captures stand apart, by segments that both have.
//!
//! A segment takes some time from one capture to the other, never less than none. One way bounds the offset from above, the other from
//! below: what NTP does with one exchange (RFC 5905 section 8), done with all.

use crate::capture::Timestamp;

/// How far the second capture's clock stands ahead of the first's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The least that it can be, in nanoseconds.
    pub low: i64,
    /// The most.
    pub high: i64,
    /// Whether one offset fits all segments. If not, the clocks ran apart or were set, and the bounds hold them all.
    pub is_steady: bool,
    /// Whether both ways bound it. If not, all that is known is what the segments took at face value.
    pub both_ways: bool,
    /// The segments that it was estimated from.
    pub segments: u64,
}

impl Clock {
    /// The middle of the bounds, in nanoseconds.
    pub fn offset(&self) -> i64 {
        ((i128::from(self.low) + i128::from(self.high)) / 2) as i64
    }

    /// How far it can be from that, in nanoseconds.
    pub fn uncertainty(&self) -> u64 {
        self.high.abs_diff(self.low).div_ceil(2)
    }

    /// What the other capture's clock can have shown, in nanoseconds, when that of capture `tap` (0 or 1) showed this.
    pub(super) fn elsewhere(&self, tap: usize, at: Timestamp) -> (i128, i128) {
        let (at, low, high) = (i128::from(at.0), i128::from(self.low), i128::from(self.high));
        if tap == 0 { (at + low, at + high) } else { (at - high, at - low) }
    }
}

/// Which way a segment went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    ToSecond,
    ToFirst,
    Unclear,
}

/// The bounds while they are gathered.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bounds {
    /// The least that a segment to the second took, by the two clocks.
    upper: Option<i64>,
    /// The most that one to the first took less than nothing.
    lower: Option<i64>,
    all: Option<(i64, i64)>,
    segments: u64,
}

/// The time in the second capture less that in the first.
pub(super) fn difference(first: Timestamp, second: Timestamp) -> i64 {
    let difference = i128::from(second.0) - i128::from(first.0);
    difference.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

impl Bounds {
    pub(super) fn note(&mut self, course: Course, difference: i64) {
        match course {
            Course::ToSecond => self.upper = Some(self.upper.map_or(difference, |upper| upper.min(difference))),
            Course::ToFirst => self.lower = Some(self.lower.map_or(difference, |lower| lower.max(difference))),
            Course::Unclear => {}
        }
        let (least, most) = self.all.unwrap_or((difference, difference));
        self.all = Some((least.min(difference), most.max(difference)));
        self.segments += 1;
    }

    pub(super) fn clock(&self) -> Option<Clock> {
        let (least, most) = self.all?;
        let steady = self.lower.zip(self.upper).filter(|(lower, upper)| lower <= upper);
        let (low, high) = steady.unwrap_or((least, most));
        let both_ways = self.lower.is_some() && self.upper.is_some();
        Some(Clock { low, high, is_steady: steady.is_some() || !both_ways, both_ways, segments: self.segments })
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Course};

    #[test]
    fn both_ways_bound_the_offset() {
        let mut bounds = Bounds::default();
        for (course, difference) in
            [(Course::ToSecond, 130), (Course::ToFirst, 80), (Course::ToSecond, 110), (Course::ToFirst, 92)]
        {
            bounds.note(course, difference);
        }
        let clock = bounds.clock().expect("four segments");
        assert_eq!((clock.low, clock.high, clock.offset(), clock.uncertainty()), (92, 110, 101, 9));
        assert!(clock.is_steady && clock.both_ways);
    }

    #[test]
    fn clocks_that_run_apart_are_told() {
        let mut bounds = Bounds::default();
        bounds.note(Course::ToSecond, 10);
        bounds.note(Course::ToFirst, 500);
        let clock = bounds.clock().expect("two segments");
        assert_eq!((clock.low, clock.high, clock.is_steady), (10, 500, false));
    }

    #[test]
    fn one_way_alone_is_no_bound() {
        let mut bounds = Bounds::default();
        bounds.note(Course::ToSecond, 10);
        bounds.note(Course::ToSecond, 30);
        let clock = bounds.clock().expect("two segments");
        assert_eq!((clock.low, clock.high, clock.both_ways), (10, 30, false));
    }
}
