//! What a host's segments show of its TCP: time to live, IP ids, timestamps. From these it is told whether the rules of
//! Linux may be applied to its resets.

use crate::tcp::Segment;

/// An IP id may step by one for each segment of a frame that the network card cut up; this is the least that a segment
/// carries when one is cut.
const LEAST_SEGMENT: u32 = 500;

/// What was seen of one host's segments, its resets aside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stack {
    segments: u32,
    ttl: Option<u8>,
    ttl_varies: bool,
    fragmentable: bool,
    syn_ack_id: Option<u16>,
    /// A SYN had the IP id 0.
    zero_syn: bool,
    last_id: Option<u16>,
    last_len: u32,
    /// The last segment was a SYN-ACK, whose id says nothing of the next.
    fresh: bool,
    steps: u16,
    leaps: u16,
    zero_ids: u16,
    timestamps: u16,
    without_timestamps: u16,
    last_timestamp: Option<u32>,
}

/// Whether what a host sent agrees with what Linux sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinuxFit {
    /// It does, by several segments.
    Fits,
    /// It doesn't.
    Differs,
    /// Too little was seen.
    Unknown,
}

/// How a reset's IP id stands to those of the host's other segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdStep {
    /// It is the next one.
    Next,
    /// It isn't.
    Leap {
        /// What would have been next.
        expected: u16,
    },
    /// It is zero.
    Zero,
    /// It can't be compared: IPv6, or nothing to compare it with.
    Unknown,
}

impl Stack {
    /// Takes the next segment, which is no reset.
    pub fn note(&mut self, segment: &Segment) {
        self.segments = self.segments.saturating_add(1);
        match self.ttl {
            None => self.ttl = Some(segment.ip.ttl),
            Some(ttl) => self.ttl_varies |= ttl != segment.ip.ttl,
        }
        self.fragmentable |= !segment.ip.dont_fragment;
        let syn_ack = segment.flags.is_syn() && segment.flags.is_ack();
        self.zero_syn |= segment.flags.is_syn() && !syn_ack && segment.ip.id == Some(0);
        if let Some(id) = segment.ip.id {
            match self.step(id) {
                _ if syn_ack => self.syn_ack_id = Some(id),
                IdStep::Zero => self.zero_ids = self.zero_ids.saturating_add(1),
                IdStep::Next => self.steps = self.steps.saturating_add(1),
                IdStep::Leap { .. } => self.leaps = self.leaps.saturating_add(1),
                IdStep::Unknown => {}
            }
            self.last_id = Some(id);
        }
        self.fresh = syn_ack;
        self.last_len = segment.payload_len;
        match segment.timestamp_value {
            Some(value) => {
                self.timestamps = self.timestamps.saturating_add(1);
                self.last_timestamp = Some(value);
            }
            None => self.without_timestamps = self.without_timestamps.saturating_add(1),
        }
    }

    /// How this id stands to the last one.
    pub fn step(&self, id: u16) -> IdStep {
        let Some(last) = self.last_id.filter(|_| !self.fresh) else {
            return IdStep::Unknown;
        };
        let most = (self.last_len / LEAST_SEGMENT).min(64) as u16 + 1;
        match id.wrapping_sub(last) {
            step if (1..=most).contains(&step) => IdStep::Next,
            _ if id == 0 => IdStep::Zero,
            _ => IdStep::Leap { expected: last.wrapping_add(1) },
        }
    }

    /// Whether the host's segments are such as Linux sends them: don't-fragment always set, a time to live of at most 64, a
    /// SYN-ACK with the IP id 0 and a SYN with another, and else ids that count by one (`__ip_select_ident`, `ip_build_and_send_pkt`).
    pub fn linux_fit(&self) -> LinuxFit {
        let other = self.ttl.is_some_and(|ttl| ttl > 64)
            || self.fragmentable
            || self.syn_ack_id.is_some_and(|id| id != 0)
            || self.zero_syn
            || (self.zero_ids > 1 && self.steps == 0)
            || self.leaps > self.steps.saturating_add(2);
        if other {
            LinuxFit::Differs
        } else if self.steps >= 2 && self.leaps <= self.steps / 4 {
            LinuxFit::Fits
        } else {
            LinuxFit::Unknown
        }
    }

    /// The time to live of its segments, if it was the same in all.
    pub fn ttl(&self) -> Option<u8> {
        self.ttl.filter(|_| !self.ttl_varies)
    }

    /// Whether all of its segments carried timestamps.
    pub fn has_timestamps(&self) -> bool {
        self.timestamps > 0 && self.without_timestamps == 0
    }

    /// The last timestamp that it sent.
    pub fn last_timestamp(&self) -> Option<u32> {
        self.last_timestamp
    }

    /// Its segments, resets aside.
    pub fn segments(&self) -> u32 {
        self.segments
    }
}
