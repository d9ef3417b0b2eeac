//! Segments on their way, several hundred at once.

use rst_storm_core::explain::{Aside, Briefs};
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
    /// The connections that begin and are reset in it.
    pub briefs: Briefs,
}

impl Batch {
    pub(super) fn new() -> Batch {
        Batch { segments: Vec::with_capacity(MOST_SEGMENTS), asides: Vec::new(), briefs: Briefs::default() }
    }

    /// Empties it and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.asides.clear();
        self.briefs.clear();
    }

    /// Puts together what can be without knowing of other batches.
    pub(super) fn look_through(&mut self) {
        self.briefs.find(&self.segments, &self.asides);
    }
}
