//! What is kept beside a connection while it goes on.

use super::radar::Inbound;
use super::service::ServiceId;
use crate::capture::Timestamp;
use crate::flow::zeek::Keep;
use crate::reset::{Observed, Trail};
use crate::tcp::{Endpoint, Segment};

/// Zeek's `tcp_storm_thresh`: more resets than this ...
const STORM_RESETS: u32 = 1_000;

/// ... with less than this between them (`tcp_storm_interarrival_thresh`) are a RST_storm.
const STORM_INTERVAL: u64 = 1_000_000_000;

/// All that is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    pub(super) trail: Trail,
    pub(super) inbound: Inbound,
    /// The resets seen so far, up to a bound.
    #[expect(clippy::vec_box, reason = "a kilobyte each, moved from vector to vector")]
    pub(super) resets: Vec<Box<Observed>>,
    /// Those beyond.
    pub(super) unlisted: u32,
    /// Whom it was opened to, once that answered.
    pub(super) service: Option<ServiceId>,
    /// It counts among the open connections of its service.
    pub(super) is_open: bool,
    pub(super) storms: [Storm; 2],
}

/// Resets of one side in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Storm {
    count: u32,
    last: Timestamp,
    pub(super) raged: bool,
}

impl Storm {
    pub(super) fn note(&mut self, at: Timestamp) {
        let near = at.nanos_since(self.last) < STORM_INTERVAL;
        self.count = if near { self.count.saturating_add(1) } else { 1 };
        self.last = at;
        self.raged |= self.count > STORM_RESETS;
    }
}

impl Keep for Kept {
    fn clear(&mut self) {
        // The resets' vector is the largest part; `close` has emptied it.
        self.resets.clear();
        let resets = core::mem::take(&mut self.resets);
        *self = Kept { resets, ..Kept::default() };
    }
}

impl Kept {
    /// Takes a segment that is no reset.
    pub(super) fn note(&mut self, segment: &Segment) {
        for seen in &mut self.resets {
            seen.note(segment);
        }
        self.trail.note(segment);
        self.inbound.note(segment);
    }

    /// Whether a FIN of both sides, or a reset, was seen.
    pub(super) fn has_ended(&self, source: Endpoint) -> bool {
        let both = self.trail.sender(source).fin.is_some() && self.trail.receiver(source).fin.is_some();
        both || !self.resets.is_empty() || self.unlisted > 0
    }
}
