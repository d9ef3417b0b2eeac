//! From a plan to a sink: one input after the other, or all merged.

use rst_storm_linux::input::Woken;
use rst_storm_linux::signals::Stop;

use super::batch::{Batch, MOST_SEGMENTS};
use super::error::SourceError;
use super::idleness::Idleness;
use super::merge;
use super::plan::{Input, MOST_INPUTS, SourcePlan, Workers};
use super::sink::{Inline, Outlet, Sink};
use super::source::{Source, State, look_at_files};
use super::threads;

/// Reads what the plan names and hands its segments to `sink`, until all is read or the wish to stop is made.
///
/// Files are opened and their first octets looked at before anything is read. What is found damaged later is told by
/// the input's report and is no error. An input that isn't a file (a pipe, a fifo, a terminal) is opened when its turn
/// comes; its segments are handed over as soon as it has no more at hand.
pub fn run(plan: &SourcePlan, stop: &Stop, sink: &mut impl Sink) -> Result<(), SourceError> {
    if plan.inputs.len() > MOST_INPUTS {
        return Err(SourceError::TooMany(plan.inputs.len()));
    }
    if plan.inputs.iter().filter(|input| **input == Input::Stdin).count() > 1 {
        return Err(SourceError::StdinTwice);
    }
    look_at_files(plan, stop)?;
    match plan.workers {
        Workers::One => read(plan, stop, &mut Inline::new(sink)),
        Workers::Two => threads::apart(sink, |channel| read(plan, stop, channel)),
    }
}

fn read(plan: &SourcePlan, stop: &Stop, out: &mut impl Outlet) -> Result<(), SourceError> {
    if plan.merge { merge::read_merged(plan, stop, out) } else { read_in_turn(plan, stop, out) }
}

fn read_in_turn(plan: &SourcePlan, stop: &Stop, out: &mut impl Outlet) -> Result<(), SourceError> {
    let mut batch = Batch::new();
    for file in 0..plan.inputs.len() {
        let Some(mut source) = Source::open(plan, file, stop)? else { break };
        out.begin_file(file);
        read_one(&mut source, &mut batch, stop, out);
        out.end_file(source.into_report());
        if stop.is_requested() || out.is_closed() {
            break;
        }
    }
    Ok(())
}

fn read_one(source: &mut Source, batch: &mut Batch, stop: &Stop, out: &mut impl Outlet) {
    let mut idleness = Idleness::new();
    loop {
        let state = source.fill(batch, MOST_SEGMENTS);
        if !batch.segments.is_empty() {
            batch.look_through();
            out.hand_over(batch);
        }
        if state == State::Ended || stop.is_requested() || out.is_closed() {
            return;
        }
        if state == State::Waiting && idleness.wait(source, source.latest(), stop, out) == Woken::Stop {
            return;
        }
    }
}
