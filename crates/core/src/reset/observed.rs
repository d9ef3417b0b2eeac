//! A reset as it was observed: the segment, what was measured, what followed, what stood around it.

use super::aftermath::Aftermath;
use super::facts::Facts;
use super::neighbours::Neighbours;
use super::payload::Carried;
use super::sender::REORDERING_NANOS;
use super::trace::Trace;
use crate::tcp::{Segment, Side};

/// One reset, before anything is concluded from it.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The reset itself.
    pub segment: Segment,
    /// What was measured when it came.
    pub facts: Facts,
    /// What followed it.
    pub after: Aftermath,
    /// What other connections say.
    pub neighbours: Neighbours,
    /// What it carried.
    pub carried: Option<Box<Carried>>,
    /// Whether it is the first reset of its connection, of either end.
    pub first: bool,
    /// Whether an earlier reset of its connection came from the other end, and to this one.
    pub answers_reset: bool,
}

impl Observed {
    /// The segment of its own end that it overtook on the way through the capturing machine: one that comes just after and ends
    /// where the reset begins. It had taken the IP id before the reset's.
    pub fn overtook(&self) -> Option<Trace> {
        let late = self.after.sender_spoke?;
        let near = late.at.nanos_since(self.segment.at) <= REORDERING_NANOS;
        (near && late.end() == self.segment.seq).then_some(late)
    }

    /// Whether the end that was asked for the connection sent it; `by` is the side that its addresses name.
    pub fn is_by_server(&self, by: Side) -> bool {
        // A capture that begins with a SYN-ACK takes its sender for the originator, as Zeek does.
        match (self.facts.sender.syn, self.facts.victim.syn) {
            (Some(own), _) => own.flags.is_ack(),
            (None, Some(victims)) => !victims.flags.is_ack(),
            (None, None) => by == Side::Responder,
        }
    }

    /// Whether the victim took it, as far as the wire shows: not if it answered with a challenge ACK, or if both ends went on.
    pub fn was_taken(&self) -> bool {
        let after = &self.after;
        let inexact = self.facts.ahead_of_acked.is_some_and(|ahead| ahead != 0);
        let challenged = inexact && after.challenge().is_some();
        let late = |trace: Trace| trace.at.nanos_since(self.segment.at) > REORDERING_NANOS;
        let both_go_on = after.victim_segments >= 2 && after.sender_spoke.is_some_and(late);
        after.victim_reset.is_some() || !(challenged || both_go_on)
    }
}
