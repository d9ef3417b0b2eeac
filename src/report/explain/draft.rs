//! The text of a value, of which it is known where its moving parts stand.

use std::ops::Range;

use super::compact::Paper;

/// A value's text, and where its moving parts stand in it.
#[derive(Debug, Default)]
pub(super) struct Draft {
    octets: Vec<u8>,
    moving: Vec<Part>,
}

/// A moving part.
#[derive(Clone, Debug)]
pub(super) struct Part {
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// What looks the same has as many.
    pub(super) is_count: bool,
}

impl Draft {
    /// The text.
    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    /// Its moving parts, in their order.
    pub(super) fn moving(&self) -> &[Part] {
        &self.moving
    }

    /// Forgets all, and keeps the room.
    pub(super) fn clear(&mut self) {
        self.octets.clear();
        self.moving.clear();
    }

    /// The text alone.
    pub(super) fn into_octets(self) -> Vec<u8> {
        self.octets
    }
}

impl Paper for Draft {
    fn octets(&mut self) -> &mut Vec<u8> {
        &mut self.octets
    }

    fn note_moving(&mut self, from: usize, is_count: bool) {
        self.moving.push(Part { range: from..self.octets.len(), is_count });
    }
}
