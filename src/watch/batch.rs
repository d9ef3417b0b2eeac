//! Segments on their way, several hundred at once.

use rst_storm_core::explain::Aside;
use rst_storm_core::tcp::Segment;

/// The most segments of a batch: enough that handing it over costs nothing, and few enough for the processor's cache.
pub const MOST_SEGMENTS: usize = 512;

/// Segments in the order in which they are to be judged.
#[derive(Debug)]
pub struct Batch {
    /// Which inputs they come from.
    pub files: Files,
    /// At most 512. The number of each is its frame's number in its own file.
    pub segments: Vec<Segment>,
    /// What there is to say of single segments, each with its index in `segments`, in ascending order.
    pub asides: Vec<(usize, Aside)>,
}

/// Which inputs the segments of a batch come from, as indices into the plan's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Files {
    /// All from this one.
    One(usize),
    /// One for each segment.
    Each(Vec<u16>),
}

impl Batch {
    pub(super) fn new(files: Files) -> Batch {
        Batch { files, segments: Vec::with_capacity(MOST_SEGMENTS), asides: Vec::new() }
    }

    /// The input that the segment at this index comes from.
    pub fn file(&self, index: usize) -> usize {
        match &self.files {
            Files::One(file) => *file,
            Files::Each(files) => usize::from(files[index]),
        }
    }

    /// An empty one that holds segments of the same kind of files.
    pub(super) fn another(&self) -> Batch {
        Batch::new(match &self.files {
            Files::One(file) => Files::One(*file),
            Files::Each(_) => Files::Each(Vec::with_capacity(MOST_SEGMENTS)),
        })
    }

    /// Empties it and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.segments.clear();
        self.asides.clear();
        if let Files::Each(files) = &mut self.files {
            files.clear();
        }
    }
}
