//! Who takes the segments, and the calls by which they are handed over.

use std::ops::ControlFlow;

use rst_storm_core::capture::Timestamp;

use super::batch::Batch;
use super::file_report::FileReport;

/// Who takes the segments. The calls come in the same order whoever does the reading.
///
/// One input after the other: `begin_file`, any number of `take` and `idle`, `end_file`, for each. Merged: all are begun,
/// then come the segments of all, then all are ended. `Break` ends the reading; inputs that were begun are still ended.
pub trait Sink {
    /// Input `file`, as an index into the plan's list, is open and will be read.
    fn begin_file(&mut self, file: usize);
    /// Takes segments.
    fn take(&mut self, batch: &Batch) -> ControlFlow<()>;
    /// Nothing more comes from this input, and this is what it was.
    fn end_file(&mut self, report: FileReport);
    /// No segments came from a live input for a while. `now` is the time of the last frame, moved on by what has passed
    /// since it came.
    fn idle(&mut self, now: Timestamp) -> ControlFlow<()>;
}

/// The reader's end of the way to a [`Sink`].
pub(super) trait Outlet {
    fn begin_file(&mut self, file: usize);
    /// Hands over a batch and leaves an empty one of the same kind in its place.
    fn hand_over(&mut self, batch: &mut Batch);
    fn end_file(&mut self, report: FileReport);
    fn idle(&mut self, now: Timestamp);
    /// Whether no more segments are wanted.
    fn is_closed(&self) -> bool;
}

/// A sink in the reader's own thread.
#[derive(Debug)]
pub(super) struct Inline<'a, S> {
    sink: &'a mut S,
    is_closed: bool,
}

impl<'a, S: Sink> Inline<'a, S> {
    pub(super) fn new(sink: &'a mut S) -> Inline<'a, S> {
        Inline { sink, is_closed: false }
    }
}

impl<S: Sink> Outlet for Inline<'_, S> {
    fn begin_file(&mut self, file: usize) {
        self.sink.begin_file(file);
    }

    fn hand_over(&mut self, batch: &mut Batch) {
        self.is_closed |= self.sink.take(batch).is_break();
        batch.clear();
    }

    fn end_file(&mut self, report: FileReport) {
        self.sink.end_file(report);
    }

    fn idle(&mut self, now: Timestamp) {
        self.is_closed |= self.sink.idle(now).is_break();
    }

    fn is_closed(&self) -> bool {
        self.is_closed
    }
}
