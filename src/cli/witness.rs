//! `explain --kernel EVENTS`: a trace of one machine beside the captures.

use std::fs::File;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{KernelWitness, Watched, estimate_offset};
use rst_storm_core::tcp::Endpoint;
use rst_storm_linux::signals::Stop;

use super::exit::Failure;
use crate::watch::{self, Batch, FileReport, Input, KernelEvents, Sink, SourcePlan};

/// The most resets that the clocks' offset is estimated from.
const MOST_RESETS: usize = 100_000;

/// Reads the trace, and the captures once for their resets, so that the clocks can be made even. A capture that can be read only
/// once (a pipe) is taken to have the trace's clock.
pub fn open(path: &Path, plan: &SourcePlan, stop: &Stop) -> Result<KernelWitness, Failure> {
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
    };
    let is_file = |input: &Input| match input {
        Input::File(path) => path.is_file(),
        Input::Stdin => false,
    };
    let clock = if plan.inputs.iter().all(is_file) {
        let mut resets = Resets::default();
        watch::run(plan, stop, &mut resets).map_err(Failure::usage)?;
        estimate_offset(resets.0, &events.resets)
    } else {
        None
    };
    Ok(KernelWitness::new(watched, events.resets, clock))
}

/// The resets of a capture: who, to whom, when.
#[derive(Debug, Default)]
struct Resets(Vec<(Endpoint, Endpoint, Timestamp)>);

impl Sink for Resets {
    fn begin_file(&mut self, _: usize) {}

    fn take(&mut self, batch: &Batch) -> ControlFlow<()> {
        let resets = batch.segments.iter().filter(|segment| segment.flags.is_rst());
        self.0.extend(resets.map(|reset| (reset.source, reset.destination, reset.at)));
        if self.0.len() < MOST_RESETS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn end_file(&mut self, _: FileReport) {}

    fn idle(&mut self, _: Timestamp) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}
