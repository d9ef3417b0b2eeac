//! What followed a reset: only that shows whether its sender meant it and whether its victim took it.

use super::trace::Trace;
use crate::tcp::Segment;

/// What was seen after a reset, in the same connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aftermath {
    /// The sender's first segment that is no reset.
    pub sender_spoke: Option<Trace>,
    /// The sender's first with payload, or a FIN, beyond the reset's number.
    pub sender_sent_new: Option<Trace>,
    /// The victim's first segment that is no reset.
    pub victim_spoke: Option<Trace>,
    /// The victim's first payload.
    pub victim_data: Option<Trace>,
    /// The victim's segments that are no resets.
    pub victim_segments: u32,
    /// The victim's first reset.
    pub victim_reset: Option<Trace>,
    /// The sender's next reset.
    pub next_reset: Option<Trace>,
    /// Resets of the sender after it.
    pub further_resets: u32,
    /// Of these, those with another number.
    pub other_numbers: u32,
}

impl Aftermath {
    /// Takes a later segment of the connection.
    pub fn note(&mut self, reset: &Segment, later: &Segment) {
        let trace = Trace::of(later);
        let by_sender = later.source == reset.source;
        if later.flags.is_rst() {
            self.note_reset(reset, trace, by_sender);
        } else if by_sender {
            self.sender_spoke.get_or_insert(trace);
            let sends = trace.len > 0 || trace.flags.is_fin();
            if sends && trace.end().distance_from(reset.seq) > 0 {
                self.sender_sent_new.get_or_insert(trace);
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
        self.next_reset.get_or_insert(trace);
        self.further_resets = self.further_resets.saturating_add(1);
        self.other_numbers = self.other_numbers.saturating_add(u32::from(trace.seq != reset.seq));
    }

    /// The victim's answer that RFC 5961 section 3.2 prescribes for a reset that is in its window and not exact: an
    /// acknowledgment, nothing else, and no silence after it.
    pub fn challenge(&self) -> Option<Trace> {
        self.victim_spoke.filter(Trace::is_bare_ack)
    }
}
