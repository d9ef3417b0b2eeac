//! One connection, and what each further segment does to it.
//!
//! The order of the steps is Zeek's (`TCPSessionAdapter::Process`), because the letters and the gaps depend on it.

use super::completeness::Completeness;
use super::half::{Half, Relative, sequence_len};
use super::history::{History, Kind};
use super::roles;
use super::state::{ConnState, EndpointState};
use super::timers::Timers;
use crate::capture::Timestamp;
use crate::flow::{PerSide, Sighting};
use crate::tcp::{Checksum, Endpoint, Segment, SeqNumber, Side};

/// One row of a `conn.log`, and what we say beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Who opened the connection, by Zeek's rules. It may change while the connection goes on.
    pub originator: Endpoint,
    /// Who was asked.
    pub responder: Endpoint,
    /// The number of the frame that it was first seen in, from 1.
    pub first_frame: u64,
    /// When that was.
    pub started: Timestamp,
    /// When its last segment came. This stops once both sides have closed.
    pub last_seen: Timestamp,
    /// Segments came after that: both sides had closed.
    pub(crate) is_outlived: bool,
    /// Zeek's letters.
    pub history: History,
    /// The first RST of either side, and whose it was: Zeek's state hides it where both sent one.
    pub rst_first: Option<(Side, Sighting)>,
    /// Whose FIN was the first.
    pub fin_first: Option<Side>,
    /// Which kinds of segment were seen.
    pub tshark_completeness: Completeness,
    /// The sequence number of its first segment.
    pub(super) first_seq: SeqNumber,
    pub(super) halves: PerSide<Half>,
    pub(super) timers: Timers,
    /// Whether the sides' first packets have been seen.
    started_sides: PerSide<bool>,
    /// Its beginning was missed.
    partial: bool,
    /// A close waits for data that is still missing.
    close_deferred: bool,
}

impl Connection {
    /// The connection that begins with this segment, which is already counted in it.
    pub(super) fn begin(segment: &Segment, checksum: Checksum) -> Connection {
        let mut connection = Connection {
            originator: segment.source,
            responder: segment.destination,
            first_frame: segment.frame,
            started: segment.at,
            last_seen: segment.at,
            is_outlived: false,
            history: History::default(),
            rst_first: None,
            fin_first: None,
            tshark_completeness: Completeness::default(),
            first_seq: segment.seq,
            halves: PerSide::default(),
            timers: Timers::default(),
            started_sides: PerSide::default(),
            partial: false,
            close_deferred: false,
        };
        if roles::begins_flipped(segment) {
            connection.flip();
            connection.history.add_flip();
        }
        connection.count(segment, checksum);
        connection
    }

    /// How it ended, or how far it got.
    pub fn conn_state(&self) -> ConnState {
        ConnState::decide(self.states(), self.bytes(), &self.history)
    }

    /// The states of its endpoints.
    pub fn states(&self) -> PerSide<EndpointState> {
        self.per_side(|half, _| half.state)
    }

    /// The segments that each side sent, without those of [`Connection::bad_checksums`]: `orig_pkts` and `resp_pkts`.
    pub fn packets(&self) -> PerSide<u64> {
        self.per_side(|half, _| half.packets)
    }

    /// The segments of each side that no host will take, because their checksums are wrong. They count nowhere else.
    pub fn bad_checksums(&self) -> PerSide<u32> {
        self.per_side(|half, _| half.bad_checksums.total())
    }

    /// The octets of payload that each side sent, by sequence numbers: `orig_bytes` and `resp_bytes`.
    ///
    /// It is what was sent or acknowledged, retransmissions once, missed segments included. Zeek leaves its fields empty where
    /// [`Connection::duration_nanos`] is 0, and gives numbers near 2^64 where its difference falls below zero: this gives 0.
    pub fn bytes(&self) -> PerSide<u64> {
        self.per_side(|half, peer| half.size(peer.state))
    }

    /// From its first segment to its last that counts for [`Connection::last_seen`].
    pub fn duration_nanos(&self) -> u64 {
        self.last_seen.nanos_since(self.started)
    }

    /// The segments with RST that each side sent.
    pub fn rst_count(&self) -> PerSide<u32> {
        self.per_side(|half, _| half.resets)
    }

    /// The segments with FIN that each side sent, retransmissions included.
    pub fn fin_count(&self) -> PerSide<u32> {
        self.per_side(|half, _| half.fins)
    }

    /// Whether a SYN that answers none was seen.
    pub fn syn(&self) -> bool {
        self.tshark_completeness.0 & Completeness::SYN != 0
    }

    /// Whether a SYN-ACK was seen.
    pub fn syn_ack(&self) -> bool {
        self.tshark_completeness.0 & Completeness::SYN_ACK != 0
    }

    /// Whether one of its sides has closed, so that the next SYN opens another.
    pub fn has_closed(&self) -> bool {
        self.halves.originator.closed || self.halves.responder.closed
    }

    fn per_side<T>(&self, value: impl Fn(&Half, &Half) -> T) -> PerSide<T> {
        let PerSide { originator, responder } = &self.halves;
        PerSide { originator: value(originator, responder), responder: value(responder, originator) }
    }

    fn side_of(&self, segment: &Segment) -> Side {
        if segment.source == self.originator { Side::Originator } else { Side::Responder }
    }

    /// Whether the segment, of the same endpoints, begins another connection (`TCPSessionAdapter::IsReuse`).
    pub(super) fn is_reused_by(&self, segment: &Segment) -> bool {
        let (orig, resp) = (&self.halves.originator, &self.halves.responder);
        let syn_ack = segment.flags.is_ack();
        if !segment.flags.is_syn() || (syn_ack && orig.state != EndpointState::Inactive) {
            return false;
        }
        if orig.closed || resp.closed {
            return true;
        }
        // The SYN-ACK came before its SYN.
        let reordered = !syn_ack
            && orig.state == EndpointState::SynAckSent
            && resp.state == EndpointState::Inactive
            && segment.seq == resp.start;
        let opener = if syn_ack { resp } else { orig };
        segment.seq != opener.start && !reordered
    }

    /// Counts a segment.
    pub(super) fn count(&mut self, segment: &Segment, checksum: Checksum) {
        let sender = self.side_of(segment);
        if checksum == Checksum::Bad {
            if self.halves[sender].bad_checksums.count() {
                self.history.add(sender, b'C');
            }
            return;
        }
        self.notice(segment, sender);
        let half = &mut self.halves[sender];
        half.place(segment);
        let Relative { seq, underflow } = half.relative_seq(segment.seq);
        let side = self.write_flags(segment, sender, seq);
        self.write_zero_window(segment, side);
        if !self.halves.originator.closed || !self.halves.responder.closed {
            self.last_seen = segment.at;
        } else {
            self.is_outlived = true;
        }
        let end = seq.wrapping_add(u64::from(sequence_len(segment)));
        self.halves[side].count_flags(segment.flags, end);
        let acknowledged = if segment.flags.is_ack() { self.note_ack(segment, side) } else { 0 };
        if self.halves[side].advance_last(segment) && self.halves[side].retransmissions.count() {
            self.history.add(side, b'T');
        }
        let (side, closes) = self.update_states(segment, side);
        if segment.flags.is_ack() {
            self.acknowledge(side.other(), acknowledged);
        }
        self.started_sides[sender] = true;
        // Of a segment that was cut nothing is delivered, not even what is there.
        if segment.payload_len > 0 && !segment.cut && !segment.flags.is_rst() && !underflow {
            let seq = seq.wrapping_add(u64::from(segment.flags.is_syn()));
            let peer = self.halves[side.other()].state;
            self.halves[side].send(seq, segment.payload_len, peer);
        }
        self.check_end(side);
        if closes {
            self.close(side);
        }
    }

    /// What we say beside Zeek, and what it decides by a side's first packet.
    fn notice(&mut self, segment: &Segment, side: Side) {
        let (flags, seen) = (segment.flags, Sighting { frame: segment.frame, at: segment.at });
        self.halves[side].packets += 1;
        self.tshark_completeness.add(segment);
        if flags.is_rst() {
            self.rst_first.get_or_insert((side, seen));
        }
        if flags.is_fin() {
            self.fin_first.get_or_insert(side);
        }
        if !self.started_sides[side] {
            match side {
                Side::Originator => self.partial = !flags.is_syn() || flags.is_ack(),
                Side::Responder => self.partial |= !flags.is_syn(),
            }
        }
    }

    /// Adds the letter of the segment's class. Says which side the sender is on, which an acknowledgment after a lone SYN-ACK changes.
    fn write_flags(&mut self, segment: &Segment, side: Side, seq: u64) -> Side {
        let flags = segment.flags;
        // Comparing 32 bits is comparing the numbers as they stand in the header.
        let seq = seq as u32;
        match (flags.is_syn(), flags.is_fin(), flags.is_rst()) {
            (_, true, true) => _ = self.history.add_once(side, Kind::FinRst, b'I'),
            (true, true, _) | (true, _, true) => _ = self.history.add_once(side, Kind::MultiFlag, b'Q'),
            (true, false, false) => {
                let letter = if flags.is_ack() { b'H' } else { b'S' };
                let last = core::mem::replace(&mut self.halves[side].last_syn, seq);
                self.write_again(side, Kind::Syn, letter, last != seq);
            }
            (false, true, false) => {
                let end = seq.wrapping_add(segment.payload_len);
                let last = core::mem::replace(&mut self.halves[side].last_fin, end);
                self.write_again(side, Kind::Fin, b'F', last != end);
            }
            (false, false, true) => {
                let last = core::mem::replace(&mut self.halves[side].last_rst, seq);
                self.write_again(side, Kind::Rst, b'R', last != seq);
            }
            (false, false, false) if segment.payload_len > 0 => return self.write_exchange(side, Kind::Data, b'D'),
            (false, false, false) if flags.is_ack() => return self.write_exchange(side, Kind::Ack, b'A'),
            (false, false, false) => {}
        }
        side
    }

    fn write_again(&mut self, side: Side, kind: Kind, letter: u8, differs: bool) {
        if !self.history.add_once(side, kind, letter) && differs {
            self.history.add(side, letter);
        }
    }

    /// Data or an acknowledgment shows that a connection that began with a SYN-ACK is no scan: its sender is the responder.
    fn write_exchange(&mut self, side: Side, kind: Kind, letter: u8) -> Side {
        let flips = self.history.is_lone_syn_ack();
        if flips {
            self.flip();
            self.history.flip_lone_syn_ack();
            self.started_sides.originator = true;
        }
        let side = if flips { side.other() } else { side };
        self.history.add_once(side, kind, letter);
        side
    }

    fn write_zero_window(&mut self, segment: &Segment, side: Side) {
        let boring = segment.flags.is_rst()
            || self.halves[side.other()].state == EndpointState::Closed
            || self.halves[side].state == EndpointState::Reset;
        if segment.window == 0 && !boring && self.halves[side].zero_windows.count() {
            self.history.add(side, b'W');
        }
    }

    /// Takes an acknowledgment into the peer's sequence space and gives it relative to that.
    fn note_ack(&mut self, segment: &Segment, side: Side) -> u64 {
        let peer = &mut self.halves[side.other()];
        if peer.state == EndpointState::Inactive {
            peer.place_by_ack(segment.ack);
            return 1;
        }
        let relative = peer.relative_ack(segment.ack);
        if relative.underflow {
            return 0;
        }
        if !segment.flags.is_rst() {
            peer.advance_acked(segment.ack);
        }
        relative.seq
    }

    /// An acknowledgment reaches the stream of this side, and may show that the capture missed some of it.
    fn acknowledge(&mut self, side: Side, ack: u64) {
        let holes = self.halves[side].acknowledge(ack, self.partial);
        if self.halves.originator.is_clean() && self.halves.responder.is_clean() {
            for _ in 0..holes {
                if self.halves[side].gaps.count() {
                    self.history.add(side, b'G');
                }
            }
        }
        self.check_end(side);
    }

    /// Moves the states. Says which side the sender is on, and whether its close is to be processed.
    fn update_states(&mut self, segment: &Segment, side: Side) -> (Side, bool) {
        let flags = segment.flags;
        let peer = self.halves[side.other()].state;
        match self.halves[side].state {
            EndpointState::Inactive => self.update_inactive(segment, side),
            EndpointState::SynSent | EndpointState::SynAckSent => {
                if flags.is_fin() {
                    self.set(side, EndpointState::Closed);
                }
                if flags.is_rst() {
                    self.set(side, EndpointState::Reset);
                    self.timers.deactivate();
                }
                (side, flags.is_fin() || flags.is_rst())
            }
            EndpointState::Established | EndpointState::Partial => (side, self.update_established(segment, side)),
            // A RST after both FINs changes nothing: the connection was over.
            EndpointState::Closed if flags.is_rst() && peer != EndpointState::Closed => {
                self.set(side, EndpointState::Reset);
                (side, !self.halves[side].closed)
            }
            EndpointState::Closed | EndpointState::Reset => (side, false),
        }
    }

    /// The first of an endpoint.
    fn update_inactive(&mut self, segment: &Segment, sender: Side) -> (Side, bool) {
        let flags = segment.flags;
        let mut side = sender;
        if flags.is_syn() && sender == Side::Originator {
            let state = if flags.is_ack() { EndpointState::SynAckSent } else { EndpointState::SynSent };
            self.set(side, state);
            self.timers.attempt(segment.at);
        } else if flags.is_syn() {
            side = self.answer_syn(segment);
        }
        if flags.is_fin() {
            self.set(side, EndpointState::Closed);
        }
        if flags.is_rst() {
            self.set(side, EndpointState::Reset);
        }
        if self.halves[side].state == EndpointState::Inactive {
            let peer = self.halves[side.other()].state;
            let early_ack = sender == Side::Responder
                && segment.payload_len == 0
                && self.halves.originator.state == EndpointState::SynSent;
            if flags.is_ack() && peer == EndpointState::Established {
                // The SYN was missed.
                self.set(side, EndpointState::Established);
                self.partial = false;
                self.started_sides[sender] = true;
            } else if !early_ack {
                self.set(side, EndpointState::Partial);
            }
        }
        (side, flags.is_fin() || flags.is_rst())
    }

    /// The responder's first SYN or SYN-ACK. Says which side it is on, which a SYN that comes after its SYN-ACK changes.
    fn answer_syn(&mut self, segment: &Segment) -> Side {
        let mut side = Side::Responder;
        if !segment.flags.is_ack() && self.halves.originator.state == EndpointState::SynAckSent {
            self.flip();
            self.history.add_flip();
            side = Side::Originator;
            self.set(Side::Responder, EndpointState::Established);
            self.started_sides.originator = true;
        }
        if self.halves[side.other()].state == EndpointState::SynSent {
            self.set(side.other(), EndpointState::Established);
        }
        self.set(side, EndpointState::Established);
        if self.halves[side.other()].state != EndpointState::Partial {
            self.timers.establish(self.service_port());
        }
        side
    }

    /// The port whose patience an established connection gets.
    fn service_port(&self) -> u16 {
        let (orig, resp) = (self.originator.port, self.responder.port);
        let half_seen = self.halves.originator.state == EndpointState::Inactive;
        let reversed = half_seen && !roles::is_likely_server_port(resp) && roles::is_likely_server_port(orig);
        if reversed { orig } else { resp }
    }

    fn update_established(&mut self, segment: &Segment, side: Side) -> bool {
        let flags = segment.flags;
        let state = self.halves[side].state;
        let (peer, before) = (self.halves[side.other()].state, self.halves[side.other()].previous);
        let unanswered = state == EndpointState::Partial && peer == EndpointState::Inactive;
        if flags.is_syn() && !flags.is_ack() && unanswered {
            self.set(side, EndpointState::SynSent);
        }
        if flags.is_rst() {
            self.set(side, EndpointState::Reset);
            if peer != EndpointState::Reset || before != EndpointState::Established {
                self.timers.deactivate();
            }
        } else if flags.is_fin() {
            self.set(side, EndpointState::Closed);
            if peer == EndpointState::Reset && before == EndpointState::Closed {
                // The peer's RST came after its FIN: this is a normal end after all.
                self.set(side.other(), EndpointState::Closed);
            }
        }
        flags.is_rst() || flags.is_fin()
    }

    fn set(&mut self, side: Side, state: EndpointState) {
        let peer = self.halves[side.other()].state;
        let half = &mut self.halves[side];
        if half.state == state {
            return;
        }
        if !state.is_handshake() && half.state.is_handshake() && peer.is_handshake() {
            self.timers.leave_handshake();
        }
        half.previous = half.state;
        half.state = state;
    }

    /// Exchanges the roles.
    fn flip(&mut self) {
        core::mem::swap(&mut self.originator, &mut self.responder);
        core::mem::swap(&mut self.halves.originator, &mut self.halves.responder);
        core::mem::swap(&mut self.started_sides.originator, &mut self.started_sides.responder);
        self.partial = false;
        self.rst_first = self.rst_first.map(|(side, seen)| (side.other(), seen));
        self.fin_first = self.fin_first.map(Side::other);
    }

    /// Processes a close that waited for this side's data, once all of it is there.
    fn check_end(&mut self, side: Side) {
        let (half, peer) = (&self.halves[side], &self.halves[side.other()]);
        if half.at_end || !half.has_ended(peer) {
            return;
        }
        self.halves[side].at_end = true;
        if self.close_deferred {
            self.close(side);
            self.close_deferred = false;
        }
    }

    /// This side has closed (`TCPSessionAdapter::ConnectionClosed`).
    fn close(&mut self, side: Side) {
        let (half, peer) = (&self.halves[side], &self.halves[side.other()]);
        self.close_deferred = half.is_pending(peer);
        if self.close_deferred || half.closed {
            return;
        }
        let complete = half.state == EndpointState::Reset || peer.closed || peer.state == EndpointState::Inactive;
        let first_of_side = half.previous == EndpointState::Inactive;
        self.halves[side].closed = true;
        if complete {
            self.timers.close(self.last_seen);
        } else if !first_of_side {
            self.timers.half_close(self.last_seen);
        }
    }
}
