//! Several inputs as one timeline: always the earliest segment next, and the input named first where times are equal.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use rst_storm_core::capture::Timestamp;
use rst_storm_linux::input::Woken;
use rst_storm_linux::privilege::raise_descriptor_limit;
use rst_storm_linux::signals::Stop;

use super::batch::{Batch, MOST_SEGMENTS};
use super::error::SourceError;
use super::idleness::Idleness;
use super::plan::SourcePlan;
use super::sink::Outlet;
use super::source::{Source, State};

/// Frames that are read at once of each input: fewer than for one alone, since all are held at the same time.
const FRAMES_AHEAD: usize = 128;

/// An input with the segments that were read of it and not yet taken.
#[derive(Debug)]
struct Lane {
    source: Source,
    state: State,
    ahead: Batch,
    /// The segments of these that were taken.
    taken: usize,
}

/// What is under way to the sink.
struct Merging<'a, O> {
    stop: &'a Stop,
    out: &'a mut O,
    batch: Batch,
    latest: Option<Timestamp>,
    idleness: Idleness,
}

/// Reads all inputs of the plan merged. A time that steps back within one input is left as it is.
pub(super) fn read_merged<O: Outlet>(plan: &SourcePlan, stop: &Stop, out: &mut O) -> Result<(), SourceError> {
    // All are open at once. Where the limit is too low still, opening tells.
    let _ = raise_descriptor_limit();
    let mut lanes = Vec::with_capacity(plan.inputs.len());
    for file in 0..plan.inputs.len() {
        let Some(source) = Source::open(plan, file, stop)? else { return Ok(()) };
        lanes.push(Lane { source, state: State::More, ahead: Batch::new(), taken: 0 });
    }
    for file in 0..lanes.len() {
        out.begin_file(file);
    }
    let mut merging = Merging { stop, out, batch: Batch::new(), latest: None, idleness: Idleness::new() };
    merging.merge(&mut lanes);
    merging.hand_over();
    for lane in lanes {
        out.end_file(lane.source.into_report());
    }
    Ok(())
}

impl<O: Outlet> Merging<'_, O> {
    fn merge(&mut self, lanes: &mut [Lane]) {
        let mut order = BinaryHeap::with_capacity(lanes.len());
        for (index, lane) in lanes.iter_mut().enumerate() {
            order.extend(self.next_time(lane).map(|at| Reverse((at, index))));
        }
        while let Some(mut earliest) = order.peek_mut() {
            if self.is_over() {
                return;
            }
            let Reverse((_, index)) = *earliest;
            self.take_from(&mut lanes[index]);
            match self.next_time(&mut lanes[index]) {
                Some(at) => *earliest = Reverse((at, index)),
                None => drop(std::collections::binary_heap::PeekMut::pop(earliest)),
            }
        }
    }

    fn is_over(&self) -> bool {
        self.batch.segments.is_empty() && (self.stop.is_requested() || self.out.is_closed())
    }

    /// Moves the lane's next segment, with what there is to say of it, into the batch.
    fn take_from(&mut self, lane: &mut Lane) {
        let segment = lane.ahead.segments[lane.taken];
        if let Some((_, aside)) = lane.ahead.asides.pop_if(|(index, _)| *index == lane.taken) {
            self.batch.asides.push((self.batch.segments.len(), aside));
        }
        lane.taken += 1;
        self.latest = self.latest.max(Some(segment.at));
        self.batch.segments.push(segment);
        if self.batch.segments.len() == MOST_SEGMENTS {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if !self.batch.segments.is_empty() {
            self.batch.look_through();
            self.out.hand_over(&mut self.batch);
        }
    }

    /// The time of the lane's next segment, which is read if need be, and waited for where the input is live; `None` at
    /// its end, or when reading is over.
    fn next_time(&mut self, lane: &mut Lane) -> Option<Timestamp> {
        while lane.taken == lane.ahead.segments.len() {
            if lane.state == State::Waiting {
                self.hand_over();
                if self.idleness.wait(&lane.source, self.latest, self.stop, self.out) == Woken::Stop {
                    return None;
                }
            }
            if lane.state == State::Ended || self.stop.is_requested() || self.out.is_closed() {
                return None;
            }
            lane.ahead.clear();
            lane.taken = 0;
            lane.state = lane.source.fill(&mut lane.ahead, FRAMES_AHEAD);
            // The first to be taken is the last, so that it can be popped.
            lane.ahead.asides.reverse();
        }
        Some(lane.ahead.segments[lane.taken].at)
    }
}
