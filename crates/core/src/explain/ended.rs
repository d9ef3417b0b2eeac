//! Who is told of connections that have ended.

use super::lookalike::{Lookalike, Pattern};
use super::record::Record;

/// Takes connections that have ended. What takes records alone, as any closure does, gets a record of each.
pub trait Ended {
    /// Takes a record, and may exchange it for another whose room is used again.
    fn record(&mut self, record: &mut Record);

    /// Room for a connection that is told by a pattern; None where it wants to learn none. What was just written is not copied again:
    /// whoever reads it back at once waits for all that was written before.
    fn room(&mut self) -> Option<&mut Lookalike> {
        None
    }

    /// Learns how connections are told of that look like one. True if it can tell of them by this: from now on they are handed over as
    /// lookalikes.
    fn learn(&mut self, _: &Pattern) -> bool {
        false
    }

    /// Takes the connection that was put into its room, by a pattern that it has learned.
    fn lookalike(&mut self) {}

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
