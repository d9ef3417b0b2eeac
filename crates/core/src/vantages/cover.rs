//! What a capture covers.

use crate::capture::Timestamp;

/// What a capture covers, by its own clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cover {
    /// The earliest time of all its frames, TCP or not.
    pub first: Option<Timestamp>,
    /// The latest.
    pub last: Option<Timestamp>,
    /// Whether it is damaged and ends before its end.
    pub is_damaged: bool,
    /// Frames that end within a header, so that a reset may hide in them.
    pub unreadable: u64,
}

impl Cover {
    /// Whether all times from `from` to `to`, in nanoseconds, lie within it.
    pub(super) fn holds(&self, from: i128, to: i128) -> bool {
        let (Some(first), Some(last)) = (self.first, self.last) else { return false };
        i128::from(first.0) <= from && to <= i128::from(last.0)
    }

    /// Whether `to` lies behind its end.
    pub(super) fn ends_before(&self, to: i128) -> bool {
        self.last.is_none_or(|last| i128::from(last.0) < to)
    }
}
