//! What followed a reset: only that shows whether its sender meant it and whether its victim took it.

use super::trace::{REORDERING_NANOS, Trace};
use crate::tcp::{Segment, SeqNumber};

/// What was seen after a reset, in the same connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// The sender's first segment that is no reset; rather one that reordering doesn't explain.
    pub sender_spoke: Option<Trace>,
    /// The sender's first with payload, or a FIN, beyond the reset's number or beyond all that it had sent before; likewise.
    pub sender_sent_new: Option<Trace>,
    /// The victim's first segment that is no reset.
    pub victim_spoke: Option<Trace>,
    /// The victim's first payload.
    pub victim_data: Option<Trace>,
    /// The victim's segments that are no resets.
    pub victim_segments: u32,
    /// The victim's first reset.
    pub victim_reset: Option<Trace>,
    /// The sender's next reset; rather one with other numbers.
    pub next_reset: Option<Trace>,
    /// Resets of the sender after it.
    pub further_resets: u32,
    /// Of these, those with another number.
    pub other_numbers: u32,
}

impl Aftermath {
    /// Takes a later segment of the connection. `next` is what the sender would have sent next when the reset came.
    pub fn note(&mut self, reset: &Segment, next: Option<SeqNumber>, later: &Segment) {
        let trace = Trace::of(later);
        let by_sender = later.source == reset.source;
        if later.flags.is_rst() {
            self.note_reset(reset, trace, by_sender);
        } else if by_sender {
            keep(&mut self.sender_spoke, reset, trace);
            let beyond = |number: SeqNumber| trace.end().distance_from(number) > 0;
            // A refusal's number is 0 and none of its sender's.
            let new = next.is_some_and(beyond) || (reset.seq.0 != 0 && beyond(reset.seq));
            if new && (trace.len > 0 || trace.flags.is_fin()) {
                keep(&mut self.sender_sent_new, reset, trace);
            }
        } else {
            self.victim_spoke.get_or_insert(trace);
            self.victim_segments = self.victim_segments.saturating_add(1);
            if trace.len > 0 {
                self.victim_data.get_or_insert(trace);
            }
        }
    }

    fn note_reset(&mut self, reset: &Segment, trace: Trace, by_sender: bool) {
        if !by_sender {
            self.victim_reset.get_or_insert(trace);
            return;
        }
        let same = |one: &Trace| one.seq == reset.seq && one.ack == reset.ack;
        if self.next_reset.is_none_or(|next| same(&next)) {
            self.next_reset = Some(trace);
        }
        self.further_resets = self.further_resets.saturating_add(1);
        self.other_numbers = self.other_numbers.saturating_add(u32::from(trace.seq != reset.seq));
    }
}

/// Keeps the first that came later than reordering explains, or else the first.
fn keep(kept: &mut Option<Trace>, reset: &Segment, trace: Trace) {
    let late = |trace: &Trace| trace.at.nanos_since(reset.at) > REORDERING_NANOS;
    if kept.is_none_or(|kept| !late(&kept) && late(&trace)) {
        *kept = Some(trace);
    }
}
