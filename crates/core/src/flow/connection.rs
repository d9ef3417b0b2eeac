//! One connection as its segments tell it, and what each further segment adds.

use super::{CloseKind, PerSide};
use crate::capture::Timestamp;
use crate::tcp::{Endpoint, Segment, SeqNumber, Side};

/// How it is known who opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sides {
    /// From a SYN, or from a SYN-ACK whose SYN was missed.
    FromSyn,
    /// The connection was first seen in its middle: the sender of the first segment is taken for the originator.
    Guessed,
}

/// Where in the capture, and when, something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// The frame's number in its capture, from 1.
    pub frame: u64,
    /// When it was captured.
    pub at: Timestamp,
}

impl Sighting {
    fn of(segment: &Segment) -> Sighting {
        Sighting { frame: segment.frame, at: segment.at }
    }
}

/// The resets that one side sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resets {
    /// Segments with RST.
    pub count: u32,
    /// The first of them.
    pub first: Option<Sighting>,
}

/// The responder's half of the handshake: its SYN-ACK, or its own SYN in a simultaneous open (RFC 9293 section 3.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SynAck {
    /// The responder's initial sequence number.
    pub initial_seq: SeqNumber,
    /// The first time it was seen.
    pub seen: Sighting,
}

/// One connection: an unordered pair of endpoints and the initial sequence number of the SYN that opened it.
///
/// Ports come round again, so the pair alone names no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Who opened the connection.
    pub originator: Endpoint,
    /// Who was asked.
    pub responder: Endpoint,
    /// How that is known.
    pub sides: Sides,
    /// The sequence number of the originator's SYN; with [`Sides::Guessed`], of the first segment seen.
    pub initial_seq: SeqNumber,
    /// The number of the frame that the connection was first seen in, from 1.
    pub first_frame: u64,
    /// When that was.
    pub started: Timestamp,
    /// The latest time of any of its segments.
    pub last_seen: Timestamp,
    /// The originator's SYNs, retransmissions included.
    pub syn_count: u32,
    /// The first SYN-ACK that acknowledges the SYN.
    pub syn_ack: Option<SynAck>,
    /// When the originator first acknowledged the SYN-ACK (RFC 9293 section 3.5): the three-way handshake was done.
    pub handshake: Option<Timestamp>,
    /// The first RST of the responder that acknowledges the SYN while no SYN-ACK had been seen (RFC 9293 section 3.10.7.1).
    pub refused: Option<Sighting>,
    /// The resets each side sent.
    pub resets: PerSide<Resets>,
    /// The FINs each side sent, retransmissions included. A FIN beside a RST isn't counted: nobody processes it.
    pub fins: PerSide<u32>,
    /// The segments each side sent.
    pub segments: PerSide<u64>,
    /// The payload octets each side sent, retransmissions included.
    pub payload_octets: PerSide<u64>,
}

/// What a segment did to its flow. Where it did several things, the name is that of the gravest: RST, SYN, FIN, ACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A SYN opened a flow (the earlier flow of the same endpoints, if there was one, has ended by this).
    Opened,
    /// A segment other than a SYN belonged to no flow and opened one, perhaps with a RST or FIN of its own.
    Midstream,
    /// The originator's SYN came again.
    SynRetransmitted,
    /// The first SYN-ACK.
    SynAck,
    /// The originator acknowledged the SYN-ACK.
    HandshakeDone,
    /// The flow's first RST.
    FirstReset {
        /// Who sent it.
        by: Side,
        /// Nanoseconds since the flow's first SYN; `None` where the SYN wasn't seen.
        after_syn_nanos: Option<u64>,
    },
    /// A RST after the first, of either side.
    LaterReset {
        /// Who sent it.
        by: Side,
    },
    /// The flow's first FIN.
    FirstFin {
        /// Who sent it.
        by: Side,
    },
    /// The first FIN of the side that hadn't sent one: both sides have closed.
    SecondFin {
        /// Who sent it.
        by: Side,
    },
    /// Nothing that is told apart: data, acknowledgments, retransmissions.
    Other,
}

impl Flow {
    /// The flow that begins with this segment, which is already counted in it.
    pub(super) fn begin(segment: &Segment) -> Flow {
        let syn_ack = segment.flags.is_syn() && segment.flags.is_ack() && !segment.flags.is_rst();
        let sides = if is_opening(segment) || syn_ack { Sides::FromSyn } else { Sides::Guessed };
        let (originator, responder, initial_seq) = if syn_ack {
            // The SYN was missed, but its answer names its sender and, less one, its sequence number.
            let initial_seq = segment.ack + u32::MAX;
            (segment.destination, segment.source, initial_seq)
        } else {
            (segment.source, segment.destination, segment.seq)
        };
        let mut flow = Flow {
            originator,
            responder,
            sides,
            initial_seq,
            first_frame: segment.frame,
            started: segment.at,
            last_seen: segment.at,
            syn_count: 0,
            syn_ack: None,
            handshake: None,
            refused: None,
            resets: PerSide::default(),
            fins: PerSide::default(),
            segments: PerSide::default(),
            payload_octets: PerSide::default(),
        };
        flow.count(segment);
        flow
    }

    /// How the connection ended, or how far it has got.
    pub fn close_kind(&self) -> CloseKind {
        if let Some((by, first)) = self.first_reset() {
            return match self.refused {
                Some(refused) if refused.frame == first.frame => CloseKind::Refused,
                _ => CloseKind::Reset { first: by },
            };
        }
        match (self.fins.originator > 0, self.fins.responder > 0) {
            (true, true) => CloseKind::Fin,
            (true, false) => CloseKind::HalfClosed { by: Side::Originator },
            (false, true) => CloseKind::HalfClosed { by: Side::Responder },
            (false, false) if self.sides == Sides::FromSyn && self.segments.responder == 0 => CloseKind::Unanswered,
            (false, false) => CloseKind::Open,
        }
    }

    /// The first RST of either side, and whose it was.
    pub fn first_reset(&self) -> Option<(Side, Sighting)> {
        let originator = self.resets.originator.first;
        let responder = self.resets.responder.first;
        match (originator, responder) {
            (Some(one), Some(other)) if other.frame < one.frame => Some((Side::Responder, other)),
            (Some(one), _) => Some((Side::Originator, one)),
            (None, Some(other)) => Some((Side::Responder, other)),
            (None, None) => None,
        }
    }

    /// Nanoseconds from the SYN to the first RST of either side; `None` where one of them wasn't seen.
    pub fn reset_delay_nanos(&self) -> Option<u64> {
        let (_, reset) = self.first_reset()?;
        (self.syn_count > 0).then(|| reset.at.nanos_since(self.started))
    }

    /// Whether the connection is over for at least one of its hosts: a RST was seen, or a FIN from both sides.
    pub fn is_over(&self) -> bool {
        self.first_reset().is_some() || (self.fins.originator > 0 && self.fins.responder > 0)
    }

    /// The side that sent this segment, which must be the flow's.
    pub(super) fn side_of(&self, segment: &Segment) -> Side {
        // Both endpoints can be the same one (a host that connects to itself): then all of it is the originator's.
        if segment.source == self.originator { Side::Originator } else { Side::Responder }
    }

    /// Whether the segment is a SYN of another connection between the same endpoints.
    pub(super) fn ends_with(&self, segment: &Segment) -> bool {
        if !is_opening(segment) {
            return false;
        }
        match self.side_of(segment) {
            Side::Originator => self.sides == Sides::Guessed || segment.seq != self.initial_seq,
            Side::Responder => match self.syn_ack {
                Some(syn_ack) => segment.seq != syn_ack.initial_seq,
                // Two SYNs that cross are one connection (a simultaneous open), as long as nothing else has happened.
                None => self.syn_count == 0 || self.is_over(),
            },
        }
    }

    /// Counts a segment of this flow and says what it did.
    pub(super) fn count(&mut self, segment: &Segment) -> Event {
        let side = self.side_of(segment);
        self.last_seen = self.last_seen.max(segment.at);
        self.segments[side] += 1;
        self.payload_octets[side] += u64::from(segment.payload_len);
        if segment.flags.is_rst() {
            return self.absorb_reset(segment, side);
        }
        let handshake_done = self.notice_handshake(segment, side);
        let fin = self.absorb_fin(segment, side);
        if segment.flags.is_syn() {
            return self.absorb_syn(segment, side);
        }
        match fin {
            Some(event) => event,
            None if handshake_done => Event::HandshakeDone,
            None => Event::Other,
        }
    }

    fn absorb_reset(&mut self, segment: &Segment, by: Side) -> Event {
        let seen = Sighting::of(segment);
        let first_of_flow = self.first_reset().is_none();
        let resets = &mut self.resets[by];
        resets.count = resets.count.saturating_add(1);
        resets.first.get_or_insert(seen);
        if by == Side::Responder && self.syn_ack.is_none() && self.acknowledges_syn(segment) {
            self.refused.get_or_insert(seen);
        }
        if !first_of_flow {
            return Event::LaterReset { by };
        }
        Event::FirstReset { by, after_syn_nanos: self.reset_delay_nanos() }
    }

    fn absorb_syn(&mut self, segment: &Segment, side: Side) -> Event {
        match side {
            Side::Originator if segment.flags.is_ack() => Event::Other,
            Side::Originator => {
                self.syn_count = self.syn_count.saturating_add(1);
                match self.syn_count {
                    1 => Event::Other,
                    _ => Event::SynRetransmitted,
                }
            }
            Side::Responder if self.syn_ack.is_some() => Event::Other,
            Side::Responder if segment.flags.is_ack() && !self.acknowledges_syn(segment) => Event::Other,
            Side::Responder => {
                self.syn_ack = Some(SynAck { initial_seq: segment.seq, seen: Sighting::of(segment) });
                Event::SynAck
            }
        }
    }

    /// A retransmitted FIN is no event.
    fn absorb_fin(&mut self, segment: &Segment, by: Side) -> Option<Event> {
        if !segment.flags.is_fin() {
            return None;
        }
        self.fins[by] = self.fins[by].saturating_add(1);
        match (self.fins[by], self.fins[by.other()]) {
            (1, 0) => Some(Event::FirstFin { by }),
            (1, _) => Some(Event::SecondFin { by }),
            _ => None,
        }
    }

    /// The originator's first acknowledgment of the SYN-ACK, or of what came after it if that one was missed.
    fn notice_handshake(&mut self, segment: &Segment, side: Side) -> bool {
        let Some(syn_ack) = self.syn_ack else {
            return false;
        };
        let acknowledges =
            segment.flags.is_ack() && !segment.flags.is_syn() && segment.ack.distance_from(syn_ack.initial_seq) >= 1;
        if side == Side::Responder || self.handshake.is_some() || !acknowledges {
            return false;
        }
        self.handshake = Some(segment.at);
        true
    }

    /// Whether the segment acknowledges the SYN, and at most the data sent with it (TCP Fast Open, RFC 7413).
    fn acknowledges_syn(&self, segment: &Segment) -> bool {
        let acknowledged = i64::from(segment.ack.distance_from(self.initial_seq));
        let sent = i64::try_from(self.payload_octets.originator).unwrap_or(i64::MAX - 1);
        self.sides == Sides::FromSyn && segment.flags.is_ack() && (1..=sent + 1).contains(&acknowledged)
    }
}

/// Whether the segment asks for a connection: a SYN that answers none.
pub(super) fn is_opening(segment: &Segment) -> bool {
    segment.flags.is_syn() && !segment.flags.is_ack() && !segment.flags.is_rst()
}
