//! One endpoint of a connection: its state, and its half of the sequence space.

use super::history::Scaled;
use super::state::EndpointState;
use super::stream::{Acknowledged, Stream};
use crate::tcp::{Flags, Segment, SeqNumber};

/// A SYN or RST whose number is further away than this doesn't move the sequence space.
const TOO_FAR: u32 = 1 << 20;

/// An endpoint. Its numbers run as if it had sent a SYN, whether or not one was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Half {
    pub(super) state: EndpointState,
    pub(super) previous: EndpointState,
    /// Its FIN or RST has been processed, and what it sent before it delivered.
    pub(super) closed: bool,
    /// It has closed and all that it sent has been delivered.
    pub(super) at_end: bool,
    /// The number of its SYN.
    pub(super) start: SeqNumber,
    /// The number after the furthest octet that it sent.
    last: SeqNumber,
    /// The furthest of its numbers that its peer has acknowledged.
    acked: SeqNumber,
    /// How often these two have wrapped.
    last_wraps: u32,
    acked_wraps: u32,
    /// The relative number after its FIN.
    fin_end: u64,
    pub(super) fins: u32,
    pub(super) resets: u32,
    /// The relative numbers of its last SYN, FIN and RST, for the history.
    pub(super) last_syn: u32,
    pub(super) last_fin: u32,
    pub(super) last_rst: u32,
    pub(super) packets: u64,
    pub(super) bad_checksums: Scaled,
    pub(super) gaps: Scaled,
    pub(super) retransmissions: Scaled,
    pub(super) zero_windows: Scaled,
    pub(super) stream: Stream,
}

/// A number relative to the start of its sender's sequence space, and whether it lies before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Relative {
    pub(super) seq: u64,
    pub(super) underflow: bool,
}

/// The sequence space that Zeek gives a segment: payload beside a RST isn't counted, it is no part of the stream.
pub(super) fn sequence_len(segment: &Segment) -> u32 {
    let flags = segment.flags;
    let payload = if flags.is_rst() { 0 } else { segment.payload_len };
    payload.wrapping_add(u32::from(flags.is_syn())).wrapping_add(u32::from(flags.is_fin()))
}

impl Half {
    /// Places the sequence space, where this segment of its own tells where it is.
    pub(super) fn place(&mut self, segment: &Segment) {
        let end = segment.seq + sequence_len(segment);
        match self.state {
            EndpointState::Inactive if segment.flags.is_syn() => self.start_at(segment.seq, end),
            // As though there had been a SYN before it.
            EndpointState::Inactive => self.start_at(segment.seq + u32::MAX, segment.seq),
            EndpointState::SynSent | EndpointState::SynAckSent
                if segment.flags.is_syn() && segment.seq != self.start =>
            {
                self.start_at(segment.seq, end);
            }
            // Perhaps the connection was never established and this SYN is the one that does it.
            EndpointState::Established | EndpointState::Partial if segment.flags.is_syn() => {
                self.start_at(segment.seq, end);
            }
            // Perhaps the RST was a forged one.
            EndpointState::Reset if segment.flags.is_syn() && self.previous == EndpointState::Inactive => {
                self.start_at(segment.seq, end);
            }
            _ => {}
        }
    }

    /// Places the sequence space of an endpoint that nothing was seen from, by what its peer acknowledges.
    pub(super) fn place_by_ack(&mut self, ack: SeqNumber) {
        let start = ack + u32::MAX;
        self.start_at(start, start);
    }

    fn start_at(&mut self, start: SeqNumber, last: SeqNumber) {
        self.start = start;
        self.acked = start;
        self.last = last;
    }

    /// A sequence number of its own, relative.
    pub(super) fn relative_seq(&self, seq: SeqNumber) -> Relative {
        self.relative(seq, self.last, self.last_wraps)
    }

    /// An acknowledgment number of its peer, relative.
    pub(super) fn relative_ack(&self, ack: SeqNumber) -> Relative {
        self.relative(ack, self.acked, self.acked_wraps)
    }

    fn relative(&self, number: SeqNumber, near: SeqNumber, mut wraps: u32) -> Relative {
        let distance = number.distance_from(near);
        if distance < 0 && number.0 > near.0 {
            wraps = wraps.saturating_sub(1);
        } else if distance > 0 && number.0 < near.0 {
            wraps = wraps.saturating_add(1);
        }
        if wraps > 0 {
            return Relative { seq: full(number, wraps).wrapping_sub(u64::from(self.start.0)), underflow: false };
        }
        let distance = number.distance_from(self.start);
        Relative { seq: i64::from(distance) as u64, underflow: distance < 0 }
    }

    /// Its peer acknowledges. A zero far away is rather a broken acknowledgment than a long stream.
    pub(super) fn advance_acked(&mut self, ack: SeqNumber) {
        let distance = ack.distance_from(self.acked);
        let broken = ack.0 == 0 && distance > TOO_FAR as i32;
        if distance > 0 && !broken {
            self.acked_wraps = self.acked_wraps.saturating_add(u32::from(ack.0 < self.acked.0));
            self.acked = ack;
        }
    }

    /// It sent a segment. True if it was a retransmission: payload that brings nothing new.
    pub(super) fn advance_last(&mut self, segment: &Segment) -> bool {
        let end = segment.seq + sequence_len(segment);
        let distance = end.distance_from(self.last);
        let leaps = segment.flags.is_syn() || segment.flags.is_rst();
        if leaps && distance.unsigned_abs() > TOO_FAR {
            return false;
        }
        // A stream of more than 2 GiB of which only the SYN and the FIN were seen.
        let far_fin = segment.flags.is_fin() && self.last == self.start + 1;
        if !far_fin && self.state == EndpointState::Reset {
            return false;
        }
        if far_fin || distance > 0 {
            self.last_wraps = self.last_wraps.saturating_add(u32::from(end.0 < self.last.0));
            self.last = end;
            return false;
        }
        segment.payload_len > 0
    }

    /// Counts what its control bits say.
    pub(super) fn count_flags(&mut self, flags: Flags, end: u64) {
        if flags.is_fin() {
            self.fins = self.fins.saturating_add(1);
            self.fin_end = end;
        }
        if flags.is_rst() {
            self.resets = self.resets.saturating_add(1);
        }
    }

    /// Its peer's acknowledgment reaches its stream. Says how many holes that shows.
    pub(super) fn acknowledge(&mut self, ack: u64, partial: bool) -> usize {
        let beyond_fin = self.fins > 0 && ack >= self.fin_end;
        let ack = if beyond_fin { self.fin_end.saturating_sub(1) } else { ack };
        self.stream.acknowledge(ack, partial)
    }

    /// It sent payload that lies in its sequence space.
    pub(super) fn send(&mut self, seq: u64, len: u32, peer: EndpointState) {
        let acked = full(self.acked, self.acked_wraps).wrapping_sub(u64::from(self.start.0));
        let acknowledged = Acknowledged { up_to: acked, nothing: self.nothing_acked() };
        let size = self.size(peer);
        self.stream.send(seq, len, acknowledged, size);
    }

    /// Whether something that it sent is still missing, or, unless it has reset, something of its peer's isn't acknowledged.
    pub(super) fn is_pending(&self, peer: &Half) -> bool {
        let delivered = u64::from(self.start.0).wrapping_add(self.stream.delivered());
        let last = full(self.last, self.last_wraps);
        if self.stream.given_up || last < delivered {
            return false;
        }
        // A FIN takes a number and is never delivered; a RST doesn't.
        last - delivered > 1 || (self.state != EndpointState::Reset && peer.stream.is_outstanding())
    }

    /// Whether it has closed, and all that it sent has been delivered.
    pub(super) fn has_ended(&self, peer: &Half) -> bool {
        let closing = self.fins > 0 || matches!(self.state, EndpointState::Closed | EndpointState::Reset);
        closing && !self.is_pending(peer)
    }

    /// Whether it is established, or was until its FIN: only then a hole is believed.
    pub(super) fn is_clean(&self) -> bool {
        match self.state {
            EndpointState::Established => true,
            EndpointState::Closed => self.previous == EndpointState::Established,
            _ => false,
        }
    }

    /// The octets of payload that it sent, by sequence numbers (`TCP_Endpoint::Size`): what was sent or acknowledged, without SYN
    /// and FIN.
    pub(super) fn size(&self, peer: EndpointState) -> u64 {
        let aborted = self.previous == EndpointState::SynSent && self.state == EndpointState::Reset;
        if aborted && peer == EndpointState::Inactive && !self.nothing_acked() {
            // It discovered a half-open connection: the numbers are another connection's.
            return 0;
        }
        let furthest = full(self.last, self.last_wraps).max(full(self.acked, self.acked_wraps));
        // Zeek's difference can wrap below zero, to a number near 2^64; that is nobody's size.
        let size = furthest.saturating_sub(u64::from(self.start.0)).saturating_sub(1);
        size.saturating_sub(u64::from(self.fins > 0))
    }

    fn nothing_acked(&self) -> bool {
        let start = u64::from(self.start.0);
        let acked = full(self.acked, self.acked_wraps);
        acked == start || acked == start + 1
    }
}

fn full(number: SeqNumber, wraps: u32) -> u64 {
    u64::from(wraps) << 32 | u64::from(number.0)
}
