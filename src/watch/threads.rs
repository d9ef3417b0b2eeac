//! Reading in a thread of its own: batches go to the calling thread and come back empty.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use rst_storm_core::capture::Timestamp;

use super::batch::Batch;
use super::error::SourceError;
use super::file_report::FileReport;
use super::sink::{Inline, Outlet, Sink};

/// Calls on their way. More would only take more of the processor's cache.
const DEPTH: usize = 4;

/// A call of the sink's, on its way to the calling thread.
#[derive(Debug)]
enum Call {
    BeginFile(usize),
    Take(Box<Batch>),
    EndFile(Box<FileReport>),
    Idle(Timestamp),
}

/// The reader's end of the way to the calling thread.
#[derive(Debug)]
pub(super) struct Channel<'a> {
    calls: SyncSender<Call>,
    spare: Receiver<Box<Batch>>,
    is_closed: &'a AtomicBool,
}

impl Channel<'_> {
    fn send(&self, call: Call) {
        // It fails only where the calling thread panics, and then the reader is to end.
        if self.calls.send(call).is_err() {
            self.is_closed.store(true, Ordering::Relaxed);
        }
    }
}

impl Outlet for Channel<'_> {
    fn begin_file(&mut self, file: usize) {
        self.send(Call::BeginFile(file));
    }

    fn hand_over(&mut self, batch: &mut Batch) {
        let mut full = self.spare.try_recv().unwrap_or_else(|_| Box::new(Batch::new()));
        std::mem::swap(batch, &mut full);
        self.send(Call::Take(full));
    }

    fn end_file(&mut self, report: FileReport) {
        self.send(Call::EndFile(Box::new(report)));
    }

    fn idle(&mut self, now: Timestamp) {
        self.send(Call::Idle(now));
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }
}

/// Lets `read` run in a thread of its own, and `sink` take in this one.
pub(super) fn apart(
    sink: &mut impl Sink,
    read: impl FnOnce(&mut Channel<'_>) -> Result<(), SourceError> + Send,
) -> Result<(), SourceError> {
    let (calls, come) = sync_channel(DEPTH);
    // One with each end and those on their way: there is always room for one that comes back.
    let (give_back, spare) = sync_channel(DEPTH + 2);
    let is_closed = AtomicBool::new(false);
    thread::scope(|scope| {
        let mut channel = Channel { calls, spare, is_closed: &is_closed };
        let reader = thread::Builder::new()
            .name("reader".to_owned())
            .spawn_scoped(scope, move || read(&mut channel))
            .map_err(SourceError::Thread)?;
        let mut sink = Inline::new(sink);
        for call in come {
            match call {
                Call::BeginFile(file) => sink.begin_file(file),
                Call::EndFile(report) => sink.end_file(*report),
                Call::Take(_) | Call::Idle(_) if sink.is_closed() => {}
                Call::Idle(now) => sink.idle(now),
                Call::Take(mut batch) => {
                    sink.hand_over(&mut batch);
                    let _ = give_back.try_send(batch);
                }
            }
            is_closed.fetch_or(sink.is_closed(), Ordering::Relaxed);
        }
        reader.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}
