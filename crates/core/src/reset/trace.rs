//! One segment, as far as a later judgement needs it.

use core::num::NonZeroU64;

use crate::capture::Timestamp;
use crate::tcp::{Flags, Segment, SeqNumber};

/// Two segments so close may have changed places on their way through the capturing machine.
pub const REORDERING_NANOS: u64 = 200_000;

/// What is remembered of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trace {
    // Never zero, which makes an `Option` of a trace as small as a trace: connections hold a dozen of them.
    frame: NonZeroU64,
    /// When it was captured.
    pub at: Timestamp,
    /// Sequence number of its first octet.
    pub seq: SeqNumber,
    /// Acknowledgment number; significant only with ACK.
    pub ack: SeqNumber,
    /// Payload octets.
    pub len: u32,
    /// The control bits.
    pub flags: Flags,
    /// The window field, unscaled.
    pub window: u16,
}

impl Trace {
    /// The trace of a segment.
    pub fn of(segment: &Segment) -> Trace {
        Trace {
            frame: NonZeroU64::new(segment.frame).unwrap_or(NonZeroU64::MIN),
            at: segment.at,
            seq: segment.seq,
            ack: segment.ack,
            len: segment.payload_len,
            flags: segment.flags,
            window: segment.window,
        }
    }

    /// The frame's number in its capture, from 1.
    pub fn frame(&self) -> u64 {
        self.frame.get()
    }

    /// The number after its last octet, SYN and FIN counted.
    pub fn end(&self) -> SeqNumber {
        self.seq + self.len + u32::from(self.flags.is_syn()) + u32::from(self.flags.is_fin())
    }

    /// Whether it is an acknowledgment and nothing else.
    pub fn is_bare_ack(&self) -> bool {
        self.len == 0 && self.flags.is_ack() && !self.flags.is_syn() && !self.flags.is_fin() && !self.flags.is_rst()
    }
}
