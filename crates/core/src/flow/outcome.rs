//! How a connection ended, or how far it got.

use core::fmt;

use crate::tcp::Side;

/// How a connection ended, judged by what was seen of it. A reset outweighs FINs: it is what the application notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseKind {
    /// The responder answered the SYN with a RST that acknowledges it: connection refused (RFC 9293 section 3.10.7.1).
    Refused,
    /// A RST, from whom first.
    Reset {
        /// The side that sent the first RST.
        first: Side,
    },
    /// Both sides sent a FIN, and none a RST.
    Fin,
    /// One side sent a FIN, the other hasn't yet.
    HalfClosed {
        /// The side that sent its FIN.
        by: Side,
    },
    /// Answered, or first seen in its middle, and not closed by anyone.
    Open,
    /// A SYN that nothing came back to.
    Unanswered,
}

impl fmt::Display for CloseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            CloseKind::Refused => "refused",
            CloseKind::Reset { first: Side::Originator } => "reset by originator",
            CloseKind::Reset { first: Side::Responder } => "reset by responder",
            CloseKind::Fin => "closed by FIN",
            CloseKind::HalfClosed { by: Side::Originator } => "half-closed by originator",
            CloseKind::HalfClosed { by: Side::Responder } => "half-closed by responder",
            CloseKind::Open => "open",
            CloseKind::Unanswered => "unanswered",
        };
        f.write_str(word)
    }
}
