//! A reset as it was observed: the segment, what was measured, what followed, what stood around it.

use super::aftermath::Aftermath;
use super::facts::Facts;
use super::neighbours::Neighbours;
use super::payload::Carried;
use super::shape::Shape;
use super::trace::{REORDERING_NANOS, Trace};
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
    /// Whether no reset before it had ended its connection, of either end.
    pub first: bool,
    /// The last resets before it in its connection, of the same end and of the other. Most have none, and pay for none.
    pub resets_before: Option<Box<[Option<Trace>; 2]>>,
}

/// Below this, a round trip says more about the machine than about the way.
const LEAST_ROUND_TRIP: u64 = 2_000_000;

/// Two resets so close to each other are one act: one that sends both may be kept waiting by its machine in between.
const INSTANT_NANOS: u64 = 10_000_000;

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

    /// The last reset before it of the same end.
    pub fn previous(&self) -> Option<Trace> {
        self.resets_before.as_ref()?[0]
    }

    /// The last reset before it of the other end, sent to this one.
    pub fn others_reset(&self) -> Option<Trace> {
        self.resets_before.as_ref()?[1]
    }

    /// Takes a later segment of the connection.
    pub fn note(&mut self, later: &Segment) {
        let ahead = self.facts.ahead_of_sent;
        let next = ahead.map(|ahead| self.segment.seq + ahead.wrapping_neg() as u32);
        self.after.note(&self.segment, next, later);
    }

    /// The reset of the other end that came in the same instant, so that neither can have been caused by the other. Not where
    /// one of them answers what was sent after the other.
    pub fn crossing(&self) -> Option<Trace> {
        let at = self.segment.at;
        let near = |other: &Trace| other.at.nanos_since(at).max(at.nanos_since(other.at)) <= INSTANT_NANOS;
        let earlier = self.others_reset().filter(near).filter(|other| {
            let asked = self.facts.offending;
            asked.is_none_or(|asked| asked.frame() < other.frame())
        });
        let later = self.after.victim_reset.filter(near).filter(|other| {
            let spoke = self.after.sender_spoke;
            spoke.is_none_or(|spoke| spoke.frame() > other.frame())
        });
        earlier.or(later)
    }

    /// The victim's answer that RFC 5961 section 3.2 prescribes for a reset that is in its window and not exact: at once, and
    /// nothing but an acknowledgment of what had come before. What acknowledges more, or comes after more, answers that.
    pub fn challenge(&self) -> Option<Trace> {
        let (after, facts, seq) = (&self.after, &self.facts, self.segment.seq);
        let known = [facts.ahead_of_acked, facts.ahead_of_sent].into_iter().flatten();
        let mut known = known.map(|ahead| seq + ahead.wrapping_neg() as u32);
        after.victim_spoke.filter(|answer| {
            let first = after.sender_spoke.is_none_or(|other| other.frame() > answer.frame());
            let soon = answer.at.nanos_since(self.segment.at) <= self.patience();
            let old = known.any(|known| answer.ack.distance_from(known) <= 0);
            // One that acknowledges up to the reset's number would have taken it.
            answer.is_bare_ack() && answer.ack != seq && first && soon && old
        })
    }

    /// Whether the victim had sent what it answers so shortly before that it can be the answer: within four round trips, or a
    /// second.
    pub fn is_asked(&self) -> bool {
        self.facts.answered_in(self.segment.at).is_some_and(|took| took <= self.patience())
    }

    /// Whether it came as soon as a packet filter answers, which waits for no program: within four round trips, or a tenth of
    /// a second.
    pub fn is_asked_just_now(&self) -> bool {
        self.facts.answered_in(self.segment.at).is_some_and(|took| took <= self.four_round_trips().max(100_000_000))
    }

    /// How long an answer may take.
    fn patience(&self) -> u64 {
        self.four_round_trips().max(1_000_000_000)
    }

    fn four_round_trips(&self) -> u64 {
        self.facts.round_trip.map_or(0, |trip| trip.saturating_mul(4))
    }

    /// How soon it came after the segment that it answers, and the round trip to its sender, where that is too soon: less than
    /// half of it.
    pub fn haste(&self) -> Option<(u64, u64)> {
        // A SYN that is refused measures no round trip; others that the same port answered did.
        let others = self.neighbours.service.round_trip.filter(|_| self.facts.shape == Shape::Refusal);
        let trip = self.facts.round_trip.or(others)?;
        let took = self.facts.answered_in(self.segment.at).filter(|_| self.facts.asked_once)?;
        (trip >= LEAST_ROUND_TRIP && took < trip / 2).then_some((took, trip))
    }

    /// Whether the victim took it, as far as the wire shows: not if it answered with a challenge ACK, or if both ends went on.
    pub fn was_taken(&self) -> bool {
        let after = &self.after;
        let inexact = self.facts.ahead_of_acked.is_some_and(|ahead| ahead != 0);
        let challenged = inexact && self.challenge().is_some();
        let late = |trace: Trace| trace.at.nanos_since(self.segment.at) > REORDERING_NANOS;
        let both_go_on = after.victim_segments >= 2 && after.sender_spoke.is_some_and(late);
        after.victim_reset.is_some() || !(challenged || both_go_on)
    }
}
