//! Who is told of connections that have ended.

use super::lookalike::{Lookalike, Pattern};
use super::record::Record;

/// Takes connections that have ended. What takes records alone, as any closure does, gets a record of each.
pub trait Ended {
    /// Takes a record, and may exchange it for another whose room is used again.
    fn record(&mut self, record: &mut Record);

    /// Whether it wants to learn patterns.
    fn learns(&self) -> bool {
        false
    }

    /// Learns how connections are told of that look like one. True if it can tell of them by this: from now on they are handed over as
    /// lookalikes.
    fn learn(&mut self, _: &Pattern) -> bool {
        false
    }

    /// Takes a connection by a pattern that it has learned.
    fn lookalike(&mut self, _: &Lookalike) {}

    /// Looks whether a lookalike is told as its record is. It is asked where debug assertions are on, and must not agree to what
    /// differs.
    fn agrees(&self, _: &Lookalike, _: &Record) -> bool {
        true
    }
}

impl<F: FnMut(&mut Record)> Ended for F {
    fn record(&mut self, record: &mut Record) {
        self(record);
    }
}
