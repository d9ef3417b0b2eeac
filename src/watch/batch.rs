//! Segments on their way, several hundred at once.

use rst_storm_core::explain::Aside;
use rst_storm_core::tcp::Segment;

/// The most segments of a batch: enough that handing it over costs nothing, and few enough for the processor's cache.
pub const MOST_SEGMENTS: usize = 2048;

/// Segments in the order in which they are to be judged.
#[derive(Debug)]
pub struct Batch {
    /// At most 2,048. The frame of each is a [`FrameNumber`](rst_storm_core::explain::FrameNumber): its input, as an index into
    /// the plan's list, and its number there.
    pub segments: Vec<Segment>,
    /// What there is to say of single segments, each with its index in `segments`, in ascending order.
    pub asides: Vec<(usize, Aside)>,
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch { segments: Vec::with_capacity(MOST_SEGMENTS), asides: Vec::new() }
    }

    /// Empties it and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.asides.clear();
    }
}
