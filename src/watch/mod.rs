//! The source of segments: capture files, pipes and standard input, read, decoded and handed on in batches.
//!
//! It says what was seen and judges nothing. Whoever wants the segments gives a [`Sink`] to [`run`].

mod again;
mod annotate;
mod around;
mod batch;
mod error;
mod file_report;
mod idleness;
mod kernel;
mod kernel_events;
mod kernel_plan;
mod kernel_record;
mod kernel_tally;
mod merge;
mod octets;
mod plan;
mod run;
mod sink;
mod source;
mod threads;
mod wakefulness;

pub use again::{first_frame, read_again};
pub use annotate::{AnnotateError, Annotated};
pub use around::{Around, Held, around, held};
pub use batch::Batch;
pub use error::SourceError;
pub use file_report::{FileReport, LARGEST_PAYLOAD};
pub use kernel::KernelWatch;
pub use kernel_events::{EventsError, KernelEvents, KernelEventsReader, MOST_EVENTS};
pub use kernel_plan::{KernelWatchPlan, NotWatched};
pub use kernel_record::{
    Clock, Filter, Line, MechanismCount, ResetRecord, SummaryRecord, TRACE_SCHEMA, TraceRecord, Watched,
};
pub use kernel_tally::KernelTally;
pub use plan::{Input, MOST_INPUTS, SourcePlan, Workers};
pub use run::run;
pub use sink::Sink;
