//! How a connection is opened and closed, as its service counts it: from its segments alone.

use crate::capture::Timestamp;
use crate::tcp::{Segment, SeqNumber};

/// The bits of what is known of each end; the second end's are those next to the first's.
const OPENED: u8 = 0b01;
const ANSWERED: u8 = 0b01 << 2;
const CLOSED: u8 = 0b01 << 4;
/// Those of both ends.
const BOTH_CLOSED: u8 = 0b11 << 4;
/// The handshake is done.
const DONE: u8 = 1 << 6;

/// What is known of a connection's opening and closing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Opening {
    /// When the last SYN that answers none came, and how many there were.
    asked_at: Timestamp,
    asked: u16,
    bits: u8,
    /// The number of the first SYN of each end.
    seqs: [SeqNumber; 2],
}

/// What a segment did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Effect(u8);

impl Effect {
    /// It did nothing.
    pub(super) const NONE: Effect = Effect(0);

    /// It asks for a connection.
    pub(super) fn asks(self) -> bool {
        self.0 & 1 != 0
    }

    /// It answers a SYN.
    pub(super) fn answers(self) -> bool {
        self.0 & 2 != 0
    }

    /// The connection is established with it.
    pub(super) fn establishes(self) -> bool {
        self.0 & 4 != 0
    }

    /// Both ends have closed.
    pub(super) fn closes(self) -> bool {
        self.0 & 8 != 0
    }
}

impl Opening {
    /// Takes a segment of this end, 0 or 1, that is no reset.
    #[inline(always)]
    pub(super) fn take(&mut self, end: usize, segment: &Segment) -> Effect {
        let (flags, mut effect) = (segment.flags, 0);
        if flags.is_syn() {
            if self.bits & OPENED << end == 0 {
                self.seqs[end] = segment.seq;
                self.bits |= OPENED << end | if flags.is_ack() { ANSWERED << end } else { 0 };
            }
            if flags.is_ack() {
                effect = 2;
            } else {
                effect = 1;
                self.asked = self.asked.saturating_add(1);
                self.asked_at = segment.at;
            }
        }
        if flags.is_fin() {
            self.bits |= CLOSED << end;
        }
        let other = 1 - end;
        let waits = self.bits & (DONE | ANSWERED << other) == ANSWERED << other;
        if waits && flags.is_ack() && segment.ack.distance_from(self.seqs[other]) >= 1 {
            self.bits |= DONE;
            effect |= 4;
        } else if self.bits & BOTH_CLOSED == BOTH_CLOSED {
            effect |= 8;
        }
        Effect(effect)
    }

    /// How long an answer took that came at this time; None where it isn't known which SYN it answers.
    pub(super) fn round_trip(&self, answered_at: Timestamp) -> Option<u64> {
        (self.asked == 1).then(|| answered_at.nanos_since(self.asked_at))
    }

    /// Whether both halves of the opening were seen.
    pub(super) fn is_whole(&self) -> bool {
        let opened = |end: usize| self.bits & OPENED << end != 0;
        let answered = |end: usize| self.bits & ANSWERED << end != 0;
        (answered(0) || answered(1)) && [0, 1].into_iter().any(|end| opened(end) && !answered(end))
    }

    /// Whether a FIN of both sides was seen.
    pub(super) fn has_closed(&self) -> bool {
        self.bits & BOTH_CLOSED == BOTH_CLOSED
    }
}
