//! The five shapes that a reset can have on the wire.

use core::fmt;

use super::trail::Trail;
use crate::tcp::Segment;

/// What a reset looks like. Linux makes no others; a firewall's are byte for byte replies or refusals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Shape {
    /// RST and ACK with the numbers of a live socket and its window: a local decision (`tcp_send_active_reset`).
    Active,
    /// RST without ACK: the answer to a segment with an ACK that fits no connection, whose acknowledgment number it repeats
    /// (RFC 9293 section 3.10.7.1; `tcp_v4_send_reset`).
    Reply,
    /// RST and ACK with sequence number 0: the answer to a segment without ACK, mostly a SYN (same section).
    Refusal,
    /// RST and ACK with the responder's first number and no window, after the handshake: a proxy that had answered the SYN
    /// itself translates its server's refusal.
    Proxied,
    /// None of these.
    Other,
}

impl Shape {
    /// The shape of a reset that comes after this trail.
    pub fn of(reset: &Segment, trail: &Trail) -> Shape {
        let bare = reset.window == 0 && reset.timestamp_value.is_none();
        if !reset.flags.is_ack() {
            // The acknowledgment number means nothing here; Linux sends 0, Windows something else (nmap-os-db, test T4).
            return if bare { Shape::Reply } else { Shape::Other };
        }
        if Shape::is_refusal(reset) {
            return Shape::Refusal;
        }
        if !bare {
            return Shape::Active;
        }
        let sender = trail.sender(reset.source);
        let after_handshake = sender.syn.is_some_and(|syn| syn.flags.is_ack() && reset.seq == syn.seq + 1);
        let early = trail.handshake.is_some() && sender.data_segments == 0 && sender.fin.is_none();
        if after_handshake && early { Shape::Proxied } else { Shape::Other }
    }

    /// Whether it is a refusal: that is told by the reset alone.
    pub fn is_refusal(reset: &Segment) -> bool {
        reset.flags.is_ack() && reset.seq.0 == 0 && reset.window == 0 && reset.timestamp_value.is_none()
    }

    /// The word for it in records.
    pub const fn word(self) -> &'static str {
        match self {
            Shape::Active => "active",
            Shape::Reply => "reply",
            Shape::Refusal => "refusal",
            Shape::Proxied => "proxied",
            Shape::Other => "other",
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}
