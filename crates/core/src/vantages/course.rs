//! One connection as one capture saw it, as far as it is needed to find it in the other.

use crate::capture::Timestamp;
use crate::tcp::{Endpoint, Segment, SeqNumber};

/// Numbers this near may be of the same connection, where its beginning wasn't seen.
const NEAR: u32 = 1 << 20;

/// A control segment: when it was first seen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) at: Timestamp,
    pub(super) id: Option<u16>,
}

/// What one end sent, resets aside.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sent {
    /// Its initial sequence number, by its SYN or by what its peer's SYN-ACK acknowledges.
    pub(super) isn: Option<SeqNumber>,
    /// The number after the furthest octet seen.
    pub(super) next: Option<SeqNumber>,
    /// The furthest that it acknowledged of its peer's.
    pub(super) acked: Option<SeqNumber>,
    pub(super) segments: u32,
    /// Octets that were skipped over and not seen since.
    pub(super) missing: u32,
    pub(super) syn: Option<Mark>,
    /// Whether it came again: then the first of one capture needn't be the first of the other.
    pub(super) syn_again: bool,
    /// Whether that was a SYN-ACK.
    answers: bool,
    pub(super) fin: Option<Mark>,
    ttl: Option<u8>,
    ttl_varies: bool,
}

/// One connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// Who opened it, if that was seen, and who was asked; else in the order of their first segments.
    pub(super) ends: [Endpoint; 2],
    pub(super) sent: [Sent; 2],
    pub(super) first_frame: u64,
    /// The originator's first acknowledgment of the SYN-ACK, if it carried nothing.
    pub(super) handshake: Option<Mark>,
    /// Resets of each end that are listed.
    pub(super) listed: [u16; 2],
    /// Resets of each end beyond these.
    pub(super) unlisted: [u32; 2],
}

impl Sent {
    /// The time to live, if it was the same in all.
    pub(super) fn ttl(&self) -> Option<u8> {
        self.ttl.filter(|_| !self.ttl_varies)
    }

    fn note(&mut self, segment: &Segment) {
        let mark = Mark { at: segment.at, id: segment.ip.id };
        if segment.flags.is_syn() {
            self.isn.get_or_insert(segment.seq);
            self.answers = if self.syn.is_some() { self.answers } else { segment.flags.is_ack() };
            self.syn_again |= self.syn.is_some();
            self.syn.get_or_insert(mark);
        }
        if segment.flags.is_fin() {
            self.fin.get_or_insert(mark);
        }
        let end = segment.seq + segment.sequence_len();
        if let Some(next) = self.next {
            let skipped = u32::try_from(segment.seq.distance_from(next)).unwrap_or(0);
            self.missing = match skipped {
                0 if end.distance_from(next) <= 0 => self.missing.saturating_sub(segment.payload_len),
                skipped => self.missing.saturating_add(skipped),
            };
        }
        if self.next.is_none_or(|next| end.distance_from(next) > 0) {
            self.next = Some(end);
        }
        if segment.flags.is_ack() && self.acked.is_none_or(|acked| segment.ack.distance_from(acked) > 0) {
            self.acked = Some(segment.ack);
        }
        match self.ttl {
            None => self.ttl = Some(segment.ip.ttl),
            Some(ttl) => self.ttl_varies |= ttl != segment.ip.ttl,
        }
        self.segments = self.segments.saturating_add(1);
    }
}

impl Course {
    pub(super) fn new(first: &Segment) -> Course {
        let (source, destination) = (first.source, first.destination);
        // The one that sends a SYN-ACK was asked, and so was the one that is sent the answer to a SYN.
        let answers = first.flags.is_syn() && first.flags.is_ack();
        Course {
            ends: if answers { [destination, source] } else { [source, destination] },
            sent: [Sent::default(); 2],
            first_frame: first.frame,
            handshake: None,
            listed: [0; 2],
            unlisted: [0; 2],
        }
    }

    /// Whether the first end is known to have opened it.
    pub(super) fn knows_roles(&self) -> bool {
        self.sent[0].syn.is_some() && !self.sent[0].answers
    }

    /// The place of the end that sends from this endpoint.
    pub(super) fn place(&self, source: Endpoint) -> usize {
        usize::from(self.ends[0] != source)
    }

    /// Whether this segment, between the same endpoints, opens another connection.
    pub(super) fn is_over(&self, segment: &Segment) -> bool {
        if !segment.flags.is_syn() || segment.flags.is_ack() {
            return false;
        }
        let (own, other) = (self.place(segment.source), 1 - self.place(segment.source));
        match (self.sent[own].isn, own) {
            (Some(isn), 0) => isn != segment.seq,
            // Both opened it at once, or the roles have changed.
            (_, _) => self.sent[own].segments > 0 || self.sent[other].segments > 1,
        }
    }

    /// Takes the next segment, which is no reset.
    pub(super) fn note(&mut self, segment: &Segment) {
        let own = self.place(segment.source);
        if segment.flags.is_syn() && segment.flags.is_ack() {
            self.sent[1 - own].isn.get_or_insert(segment.ack + u32::MAX);
        }
        let bare = segment.flags.is_ack() && segment.sequence_len() == 0;
        let opening = self.sent.map(|sent| sent.isn.map(|isn| isn + 1));
        if own == 0 && bare && opening == [Some(segment.seq), Some(segment.ack)] {
            self.handshake.get_or_insert(Mark { at: segment.at, id: segment.ip.id });
        }
        self.sent[own].note(segment);
    }

    /// Whether octets of this end aren't here that were sent: its peer acknowledged them; or, near the sender, where nothing is lost
    /// yet, later ones were seen.
    pub(super) fn misses(&self, end: usize, near_sender: bool) -> bool {
        let sent = &self.sent[end];
        let acked = self.sent[1 - end].acked.zip(sent.next);
        (near_sender && sent.missing > 0) || acked.is_some_and(|(acked, next)| acked.distance_from(next) > 0)
    }

    /// Whether this end's numbers are the same as those of an end elsewhere; `None` if they can't be compared.
    pub(super) fn agrees(&self, end: usize, other: &Sent) -> Option<bool> {
        let own = &self.sent[end];
        match (own.isn, other.isn) {
            (Some(isn), Some(others)) => Some(isn == others),
            _ => {
                let distance = own.next?.distance_from(other.next?).unsigned_abs();
                Some(distance <= NEAR)
            }
        }
    }

    /// Both initial sequence numbers.
    pub(super) fn isns(&self) -> [Option<SeqNumber>; 2] {
        self.sent.map(|sent| sent.isn)
    }
}
