//! One TCP segment as it was seen on the wire.

use super::{Endpoint, Flags, SeqNumber};
use crate::capture::Timestamp;

/// What the IP header around a segment said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpFacts {
    /// Time to live (IPv4) or hop limit (IPv6).
    pub ttl: u8,
    /// Type of service (IPv4) or traffic class (IPv6).
    pub tos: u8,
    /// The identification field; IPv6 has none outside fragments.
    pub id: Option<u16>,
    /// The IPv4 don't-fragment bit; always true for IPv6.
    pub dont_fragment: bool,
}

/// One segment: its header, its length, where and when it was seen. It holds no payload and is cheap to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When the frame was captured.
    pub at: Timestamp,
    /// The frame's number in its capture, from 1.
    pub frame: u64,
    /// Who sent it, by its own word.
    pub source: Endpoint,
    /// To whom.
    pub destination: Endpoint,
    /// Sequence number of the first octet (RFC 9293 section 3.1).
    pub seq: SeqNumber,
    /// Acknowledgment number; significant only with ACK.
    pub ack: SeqNumber,
    /// The control bits.
    pub flags: Flags,
    /// The window field as it stands, unscaled.
    pub window: u16,
    /// TSval of the timestamps option (RFC 7323), if there is one.
    pub timestamp_value: Option<u32>,
    /// Payload octets by the IP length, not by what was captured.
    pub payload_len: u32,
    /// Whether the capture cut it: octets of its options or payload are missing.
    pub cut: bool,
    /// What the IP header said.
    pub ip: IpFacts,
}

impl Segment {
    /// SEG.LEN: the octets of sequence space that this segment takes, SYN and FIN included.
    pub fn sequence_len(&self) -> u32 {
        self.payload_len + u32::from(self.flags.is_syn()) + u32::from(self.flags.is_fin())
    }
}
