//! `explain --kernel EVENTS`: a trace of one machine beside the captures.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{ClockOffset, KernelWitness, Watched, estimate_offset};
use rst_storm_core::kernel::KernelReset;
use rst_storm_core::tcp::Endpoint;
use rst_storm_linux::signals::Stop;

use super::exit::Failure;
use crate::watch::{self, Batch, FileReport, Input, KernelEvents, Sink, SourcePlan};

/// The most resets of a capture that its clock's offset is estimated from.
const MOST_RESETS: usize = 100_000;

/// A trace, and how the clock of each capture stands to its own; of a merged plan there is one.
#[derive(Debug)]
pub struct Witness {
    /// The trace.
    pub trace: KernelWitness,
    /// In the order of the captures; none where a capture can be read only once.
    pub clocks: Vec<Option<ClockOffset>>,
}

/// Reads the trace, and the captures once for their resets, so that the clocks can be made even. Captures of which one can be read
/// only once (a pipe) are taken to have the trace's clock.
pub fn open(path: &Path, plan: &SourcePlan, stop: &Stop) -> Result<Witness, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::usage(format!("{} {error}", path.display()));
    let file = File::open(path).map_err(|error| Failure::usage(format!("cannot read {}: {error}", path.display())))?;
    let events = KernelEvents::read(BufReader::new(file)).map_err(|error| wrong(&error))?;
    let partial = events.trace.watched.reasons.is_empty();
    let watched = Watched {
        since: events.trace.since,
        until: events.summary.as_ref().map(|summary| summary.until),
        lost: events.summary.as_ref().map_or(0, |summary| summary.lost),
        filtered: events.trace.filter.is_some(),
        partial: partial.then(|| "the traced kernel gives no reasons, and doesn't tell of every reset".to_owned()),
        beyond: events.beyond,
    };
    let is_file = |input: &Input| match input {
        Input::File(path) => path.is_file(),
        Input::Stdin => false,
    };
    let mut clocks = Vec::new();
    if plan.inputs.iter().all(is_file) {
        let last = if plan.merge { 0 } else { plan.inputs.len().saturating_sub(1) };
        let mut estimates = Estimates { events: &events.resets, last, resets: Vec::new(), clocks };
        watch::run(plan, stop, &mut estimates).map_err(Failure::usage)?;
        clocks = estimates.clocks;
    }
    Ok(Witness { trace: KernelWitness::new(watched, events.resets, None), clocks })
}

/// Estimates the clock of each capture by its resets: who, to whom, when.
#[derive(Debug)]
struct Estimates<'a> {
    events: &'a [KernelReset],
    /// The place of the last capture, where those of a merged plan are one.
    last: usize,
    resets: Vec<(Endpoint, Endpoint, Timestamp)>,
    clocks: Vec<Option<ClockOffset>>,
}

impl Sink for Estimates<'_> {
    fn begin_file(&mut self, _: usize) {}

    fn take(&mut self, batch: &Batch) -> ControlFlow<()> {
        let resets = batch.segments.iter().filter(|segment| segment.flags.is_rst());
        let left = MOST_RESETS.saturating_sub(self.resets.len());
        self.resets.extend(resets.map(|reset| (reset.source, reset.destination, reset.at)).take(left));
        let is_enough = self.resets.len() == MOST_RESETS && self.clocks.len() == self.last;
        if is_enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn end_file(&mut self, _: FileReport) {
        if self.clocks.len() <= self.last {
            self.clocks.push(estimate_offset(self.resets.drain(..), self.events));
        }
    }

    fn idle(&mut self, _: Timestamp) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
