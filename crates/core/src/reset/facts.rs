//! What can be measured of a reset when it is seen, against what its connection had shown before.

use super::shape::Shape;
use super::stack::{IdStep, LinuxFit};
use super::trace::Trace;
use super::trail::{End, Probes, Trail};
use crate::capture::Timestamp;
use crate::tcp::{Segment, SeqNumber};

/// How far a connection had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Progress {
    /// Its beginning isn't in the capture.
    Midstream,
    /// A SYN was sent and not answered.
    Opening,
    /// The SYN was answered, and the answer not acknowledged.
    Answered,
    /// The handshake is done and no data was sent.
    Established,
    /// Data was sent, and no side has closed.
    Data,
    /// One side has sent its FIN.
    HalfClosed,
    /// Both have.
    Closed,
}

impl Progress {
    /// The word for it in records.
    pub const fn word(self) -> &'static str {
        match self {
            Progress::Midstream => "midstream",
            Progress::Opening => "opening",
            Progress::Answered => "answered",
            Progress::Established => "established",
            Progress::Data => "data",
            Progress::HalfClosed => "half-closed",
            Progress::Closed => "closed",
        }
    }
}

/// What one end had sent before the reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// Its last segment.
    pub last: Option<Trace>,
    /// Its segments with payload.
    pub data_segments: u32,
    /// The last of them that brought something new.
    pub last_data: Option<Trace>,
    /// Its first SYN or SYN-ACK.
    pub syn: Option<Trace>,
    /// Its SYNs or SYN-ACKs, retransmissions included.
    pub syns: u16,
    /// Its first FIN.
    pub fin: Option<Trace>,
    /// Whether its peer had acknowledged the FIN.
    pub fin_acked: bool,
    /// Retransmissions in a row, just before.
    pub retransmissions: u16,
    /// Keepalive probes in a row that nothing had answered, just before.
    pub probes: Probes,
    /// Octets that it had sent and its peer hadn't acknowledged, a FIN counted; `None` where one direction isn't in the capture.
    pub unacknowledged: Option<u32>,
    /// The time to live of its segments, if it was the same in all.
    pub ttl: Option<u8>,
    /// Its segments, resets aside.
    pub segments: u32,
    /// Whether they are such as Linux sends.
    pub linux: LinuxFit,
}

/// Whether a reset carries the timestamps option (RFC 7323 section 3.2) where its sender's other segments do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timestamps {
    /// It does, and the value is not older than the last.
    Kept,
    /// It does, and the value is older than the last.
    Older,
    /// It doesn't.
    Missing,
    /// The sender's other segments carry none, or there are none.
    NotUsed,
}

/// What is measured of a reset. "The sender" is whoever its addresses name, "the victim" the end it is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it looks like.
    pub shape: Shape,
    /// How far the connection had come.
    pub progress: Progress,
    /// What the sender had sent.
    pub sender: Before,
    /// What the victim had sent.
    pub victim: Before,
    /// The victim's segment that it can be the answer to: one that acknowledges the reset's own sequence number (reply), or that
    /// ends where the reset acknowledges (refusal).
    pub offending: Option<Trace>,
    /// Whether the victim's segment before that one would not fit as well: then it is known which one was answered.
    pub asked_once: bool,
    /// Its number less the sender's SND.NXT as the wire showed it.
    pub ahead_of_sent: Option<i32>,
    /// Its number less what the victim had last acknowledged: 0 is what RFC 5961 section 3.2 wants.
    pub ahead_of_acked: Option<i32>,
    /// Its acknowledgment less the victim's SND.NXT; above 0 it acknowledges what wasn't seen. None without ACK.
    pub ack_ahead: Option<i32>,
    /// Nanoseconds since the connection's last segment of either end; None if it is the first.
    pub silence: Option<u64>,
    /// Nanoseconds from the capture point to the sender and back, by the handshake.
    pub round_trip: Option<u64>,
    /// The frame of the first acknowledgment of the SYN-ACK.
    pub handshake: Option<Trace>,
    /// Empty acknowledgments of the responder after the handshake, before any data.
    pub window_updates: u16,
    /// How its IP id follows on the sender's others.
    pub id_step: IdStep,
    /// Whether it carries timestamps where the sender's others do.
    pub timestamps: Timestamps,
}

impl Before {
    /// `acked` is what its peer has acknowledged.
    fn of(end: &End, acked: Option<SeqNumber>) -> Before {
        let fin_acked = end.fin.zip(acked).is_some_and(|(fin, acked)| acked.distance_from(fin.end()) >= 0);
        Before {
            last: end.last,
            data_segments: end.data_segments,
            last_data: end.last_data,
            syn: end.syn,
            syns: end.syns,
            fin: end.fin,
            fin_acked,
            retransmissions: end.retransmissions,
            probes: end.probes,
            unacknowledged: end.unacknowledged(acked),
            ttl: end.stack.ttl(),
            segments: end.stack.segments(),
            linux: end.stack.linux_fit(),
        }
    }

    /// Whether its last segment was data that its peer, which is given, sent no data after.
    pub fn waits_for_answer_of(&self, peer: &Before) -> bool {
        match (self.last_data, peer.last_data) {
            (Some(own), Some(others)) => others.frame() < own.frame(),
            (Some(_), None) => true,
            (None, _) => false,
        }
    }
}

impl Facts {
    /// Measures a reset against what came before it.
    pub fn measure(reset: &Segment, trail: &Trail) -> Facts {
        let (sender, victim) = (trail.sender(reset.source), trail.receiver(reset.source));
        let shape = Shape::of(reset, trail);
        let answers = |trace: &Trace| answers(reset, shape, trace);
        let offending = victim.last.filter(answers).or(victim.before_last.filter(answers));
        let fits_too = victim.before_last.is_some_and(|before| answers(&before));
        let since = |end: &End| end.last.map(|last| reset.at.nanos_since(last.at));
        let ahead = |number: SeqNumber, of: Option<SeqNumber>| of.map(|of| number.distance_from(of));
        Facts {
            shape,
            progress: progress(trail, sender, victim),
            sender: Before::of(sender, victim.acked),
            victim: Before::of(victim, acked_by(reset, shape, sender, victim)),
            offending,
            asked_once: offending.is_some() && !fits_too,
            ahead_of_sent: ahead(reset.seq, sender.next),
            ahead_of_acked: ahead(reset.seq, victim.acked),
            ack_ahead: if reset.flags.is_ack() { ahead(reset.ack, victim.next) } else { None },
            silence: since(sender).into_iter().chain(since(victim)).min(),
            round_trip: round_trip(trail, reset),
            handshake: trail.handshake,
            window_updates: trail.window_updates,
            id_step: reset.ip.id.map_or(IdStep::Unknown, |id| sender.stack.step(id)),
            timestamps: timestamps(reset, sender),
        }
    }

    /// Whether segments of both directions, resets aside, were seen.
    pub fn both_ways(&self) -> bool {
        self.sender.segments > 0 && self.victim.segments > 0
    }

    /// Whether one direction is missing though the connection must have had both: the other side was acknowledged or answered.
    pub fn is_one_sided(&self) -> bool {
        let answers = |end: &Before| end.last.is_some_and(|last| last.flags.is_ack());
        !self.both_ways() && (answers(&self.sender) || answers(&self.victim))
    }

    /// How long nothing had been sent, in nanoseconds: before the reset, or, where it answers a segment, before that one.
    pub fn idle(&self) -> Option<u64> {
        match self.offending {
            Some(asked) => self.sender.last.map(|last| asked.at.nanos_since(last.at)),
            None => self.silence,
        }
    }

    /// When the reply's cause was seen, and how long the answer took.
    pub fn answered_in(&self, at: Timestamp) -> Option<u64> {
        self.offending.map(|offending| at.nanos_since(offending.at))
    }
}

fn progress(trail: &Trail, sender: &End, victim: &End) -> Progress {
    match (sender.fin.is_some(), victim.fin.is_some()) {
        (true, true) => return Progress::Closed,
        (false, false) => {}
        _ => return Progress::HalfClosed,
    }
    if sender.data_segments + victim.data_segments > 0 && trail.handshake.is_some() {
        return Progress::Data;
    }
    match (trail.opener(), trail.answerer(), trail.handshake) {
        (_, Some(_), Some(_)) => Progress::Established,
        (_, Some(_), None) => Progress::Answered,
        (Some(_), None, _) => Progress::Opening,
        (None, None, _) => Progress::Midstream,
    }
}

/// What the reset's sender has acknowledged, by the reset itself too, if a socket may have sent it.
fn acked_by(reset: &Segment, shape: Shape, sender: &End, victim: &End) -> Option<SeqNumber> {
    let (acked, sent) = sender.acked.zip(victim.next)?;
    let own = shape == Shape::Active && reset.flags.is_ack() && reset.ack.distance_from(sent) <= 0;
    let further = own && reset.ack.distance_from(acked) > 0;
    Some(if further { reset.ack } else { acked })
}

/// Whether a reply or a refusal can be the answer to this segment of the victim.
fn answers(reset: &Segment, shape: Shape, trace: &Trace) -> bool {
    match shape {
        Shape::Reply => trace.flags.is_ack() && trace.ack == reset.seq,
        Shape::Refusal => !trace.flags.is_ack() && trace.end() == reset.ack,
        _ => false,
    }
}

/// From the capture point to the reset's sender and back: what the handshake took on its side.
fn round_trip(trail: &Trail, reset: &Segment) -> Option<u64> {
    let (syn, syn_ack) = (trail.opener()?.syn?, trail.answerer()?);
    let answer = syn_ack.syn?;
    let sender = trail.sender(reset.source);
    if sender.syn == Some(answer) {
        // A retransmitted SYN-ACK or SYN leaves open which answers which.
        let once = syn_ack.syns == 1 && trail.opener()?.syns == 1;
        return once.then(|| answer.at.nanos_since(syn.at));
    }
    let once = syn_ack.syns == 1;
    trail.handshake.filter(|_| once).map(|ack| ack.at.nanos_since(answer.at))
}

fn timestamps(reset: &Segment, sender: &End) -> Timestamps {
    if !sender.stack.has_timestamps() {
        return Timestamps::NotUsed;
    }
    match (reset.timestamp_value, sender.stack.last_timestamp()) {
        (None, _) => Timestamps::Missing,
        (Some(value), Some(last)) if (value.wrapping_sub(last) as i32) < 0 => Timestamps::Older,
        _ => Timestamps::Kept,
    }
}
