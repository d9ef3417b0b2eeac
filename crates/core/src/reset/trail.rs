//! What is remembered of a connection while it goes on, so that a reset in it can be judged.

use super::stack::Stack;
use super::trace::Trace;
use crate::capture::Timestamp;
use crate::tcp::{Endpoint, Segment, SeqNumber};

/// What one end of a connection has sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Its last segment, and the one before.
    pub last: Option<Trace>,
    /// The segment before its last.
    pub before_last: Option<Trace>,
    /// The number after the furthest octet that it sent: SND.NXT, as far as the wire shows it.
    pub next: Option<SeqNumber>,
    /// The furthest that it acknowledged: its RCV.NXT.
    pub acked: Option<SeqNumber>,
    /// Its first SYN or SYN-ACK.
    pub syn: Option<Trace>,
    /// Its SYNs or SYN-ACKs, retransmissions included.
    pub syns: u16,
    /// Its first FIN.
    pub fin: Option<Trace>,
    /// Its segments with payload.
    pub data_segments: u32,
    /// The last of them that brought something new.
    pub last_data: Option<Trace>,
    /// The segments in a row that brought nothing new though they carried payload.
    pub retransmissions: u16,
    /// Keepalive probes in a row that nothing answered.
    pub probes: Probes,
    /// What its segments show of its TCP.
    pub stack: Stack,
}

/// Keepalive probes in a row (RFC 9293 section 3.8.4): empty or one octet long, one number before what comes next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Probes {
    /// How many.
    pub count: u16,
    /// The frame of the first.
    pub first_frame: u64,
    /// When the last was sent.
    pub last: Timestamp,
    /// From the last but one to the last, in nanoseconds.
    pub interval: u64,
}

/// A connection's two ends, and its opening. The first end is the one that sent the first segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trail {
    first: Option<Endpoint>,
    ends: [End; 2],
    /// The first acknowledgment of the SYN-ACK.
    pub handshake: Option<Trace>,
    /// The responder's acknowledgments after the handshake that only open its window, before any data (a SYN proxy's).
    pub window_updates: u16,
}

/// `TCP_KEEPINTVL` counts in seconds.
const LEAST_INTERVAL: u64 = 1_000_000_000;

impl End {
    fn note(&mut self, segment: &Segment, trace: Trace, acked: Option<SeqNumber>) {
        let again = self.repeats_probe(&trace);
        if let Some(first) = again.filter(|_| self.probes.count == 0) {
            self.probes.note(&first);
            self.next = Some(first.seq + 1);
        }
        let probe = again.is_some() || self.is_probe(&trace, acked);
        if probe {
            self.probes.note(&trace);
        } else {
            self.probes = Probes::default();
        }
        if segment.flags.is_syn() {
            self.syns = self.syns.saturating_add(1);
            self.syn.get_or_insert(trace);
        }
        if segment.flags.is_fin() {
            self.fin.get_or_insert(trace);
        }
        let end = trace.end();
        let new = self.next.is_none_or(|next| end.distance_from(next) > 0);
        if trace.len > 0 && !probe {
            self.data_segments = self.data_segments.saturating_add(1);
            if new {
                self.last_data = Some(trace);
            }
            self.retransmissions = if new { 0 } else { self.retransmissions.saturating_add(1) };
        }
        if new {
            self.next = Some(end);
        }
        if segment.flags.is_ack() && self.acked.is_none_or(|acked| segment.ack.distance_from(acked) > 0) {
            self.acked = Some(segment.ack);
        }
        self.stack.note(segment);
        self.before_last = self.last.replace(trace);
    }

    /// `acked` is what its peer has acknowledged: an octet that still waits for that is sent again, and probes nothing.
    fn is_probe(&self, trace: &Trace, acked: Option<SeqNumber>) -> bool {
        let flags = trace.flags;
        let plain = flags.is_ack() && !flags.is_syn() && !flags.is_fin();
        let old = trace.len == 0 || acked.is_none_or(|acked| acked.distance_from(trace.end()) >= 0);
        plain && trace.len <= 1 && old && self.next.is_some_and(|next| trace.seq.distance_from(next) == -1)
    }

    /// Its last segment, if that was a probe and this is the next though nothing else of it was ever seen: a probe's number alone
    /// doesn't tell it from an acknowledgment. No acknowledgment is sent twice, so far apart, to a peer that says nothing.
    fn repeats_probe(&self, trace: &Trace) -> Option<Trace> {
        let only = self.syn.is_none() && self.data_segments == 0 && trace.is_bare_ack();
        let same = |last: &Trace| last.is_bare_ack() && (last.seq, last.ack) == (trace.seq, trace.ack);
        self.last.filter(|last| only && same(last) && trace.at.nanos_since(last.at) >= LEAST_INTERVAL)
    }

    /// How many of its octets (SYN and FIN counted) its peer, who has acknowledged all before `acked`, hasn't acknowledged.
    pub fn unacknowledged(&self, acked: Option<SeqNumber>) -> Option<u32> {
        let behind = self.next?.distance_from(acked?);
        Some(u32::try_from(behind).unwrap_or(0))
    }
}

impl Probes {
    fn note(&mut self, trace: &Trace) {
        if self.count == 0 {
            self.first_frame = trace.frame();
        } else {
            self.interval = trace.at.nanos_since(self.last);
        }
        self.count = self.count.saturating_add(1);
        self.last = trace.at;
    }
}

impl Trail {
    /// Takes the next segment, which is no reset.
    pub fn note(&mut self, segment: &Segment) {
        let trace = Trace::of(segment);
        let sender = self.place(segment.source);
        self.note_opening(&trace, sender);
        let acked = self.ends[1 - sender].acked;
        self.ends[sender].note(segment, trace, acked);
        // Whatever it sends answers the other's probes.
        self.ends[1 - sender].probes = Probes::default();
        self.ends[1 - sender].retransmissions = 0;
    }

    /// Gives a place to the sender of the first segment, where that was a reset.
    pub fn begin(&mut self, segment: &Segment) {
        self.first.get_or_insert(segment.source);
    }

    /// The end that sends from this endpoint.
    pub fn sender(&self, source: Endpoint) -> &End {
        &self.ends[self.index(source)]
    }

    /// The other one.
    pub fn receiver(&self, source: Endpoint) -> &End {
        &self.ends[1 - self.index(source)]
    }

    /// The end that sent a SYN which answers none, if one did.
    pub fn opener(&self) -> Option<&End> {
        self.ends.iter().find(|end| end.syn.is_some_and(|syn| !syn.flags.is_ack()))
    }

    /// The end that sent a SYN-ACK, if one did.
    pub fn answerer(&self) -> Option<&End> {
        self.ends.iter().find(|end| end.syn.is_some_and(|syn| syn.flags.is_ack()))
    }

    fn place(&mut self, source: Endpoint) -> usize {
        let first = *self.first.get_or_insert(source);
        usize::from(first != source)
    }

    fn index(&self, source: Endpoint) -> usize {
        usize::from(self.first.is_some_and(|first| first != source))
    }

    fn note_opening(&mut self, trace: &Trace, sender: usize) {
        let answered = self.ends[1 - sender].syn.filter(|syn| syn.flags.is_ack());
        if let Some(syn_ack) = answered
            && self.handshake.is_none()
            && trace.flags.is_ack()
            && trace.ack.distance_from(syn_ack.seq) >= 1
        {
            self.handshake = Some(*trace);
        }
        let own = self.ends[sender].syn.is_some_and(|syn| syn.flags.is_ack());
        if own && self.handshake.is_some() && trace.is_bare_ack() && self.ends[1 - sender].data_segments == 0 {
            self.window_updates = self.window_updates.saturating_add(1);
        }
    }
}
