//! The states of the two endpoints, and the one word for both that Zeek's `conn_state` is.

use core::fmt;

use super::history::History;
use crate::flow::PerSide;

/// How far an endpoint has got, in Zeek's words (`TCP_ENDPOINT_*` in `TCP_Endpoint.h`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EndpointState {
    /// Nothing was seen from it.
    #[default]
    Inactive,
    /// It sent a SYN.
    SynSent,
    /// It is the originator and sent a SYN-ACK.
    SynAckSent,
    /// It sent something, and never a SYN.
    Partial,
    /// Its SYN was answered, or answers one.
    Established,
    /// It sent a FIN.
    Closed,
    /// It sent a RST.
    Reset,
}

impl EndpointState {
    /// Nothing that could end was seen from it: what `conn_state` calls inactive.
    pub const fn is_inactive(self) -> bool {
        matches!(self, EndpointState::Inactive | EndpointState::Partial)
    }

    /// Whether the handshake may still be going on.
    pub(super) const fn is_handshake(self) -> bool {
        matches!(self, EndpointState::Inactive | EndpointState::SynSent | EndpointState::SynAckSent)
    }
}

/// How a connection ended, or how far it got: Zeek's `conn_state`.
///
/// It tells what the endpoints' states were in the end. Where both sides sent a RST it says nothing of who was first:
/// see [`Connection::rst_first`](super::Connection::rst_first).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConnState {
    /// A SYN that nothing came back to.
    S0,
    /// Established, and not closed by anyone.
    S1,
    /// Both sides closed.
    SF,
    /// The attempt was rejected.
    Rej,
    /// The originator closed, and the responder hasn't.
    S2,
    /// The responder closed, and the originator hasn't.
    S3,
    /// The originator reset.
    Rsto,
    /// The responder reset.
    Rstr,
    /// The originator sent a SYN and then a RST, and the responder no SYN-ACK.
    Rstos0,
    /// The responder reset, and no SYN of the originator was seen.
    Rstrh,
    /// The originator sent a SYN and then a FIN, and the responder no SYN-ACK.
    Sh,
    /// The responder closed, and no SYN of the originator was seen.
    Shr,
    /// Everything else: seen in its middle, or against all rules.
    Oth,
}

impl ConnState {
    /// The word for these states; tested in Zeek's order (`conn_state` in `base/protocols/conn/main.zeek`).
    pub(super) fn decide(states: PerSide<EndpointState>, bytes: PerSide<u64>, history: &History) -> ConnState {
        use EndpointState::{Closed, Established, Inactive, Reset, SynAckSent, SynSent};
        let (orig, resp) = (states.originator, states.responder);
        match (orig, resp) {
            (SynSent | SynAckSent, Reset) => ConnState::Rej,
            (Reset, Reset) if bytes.originator == 0 && bytes.responder == 0 => ConnState::Rej,
            (_, Reset) if orig.is_inactive() => ConnState::Rstrh,
            (_, Reset) => ConnState::Rstr,
            (Reset, _) if !resp.is_inactive() => ConnState::Rsto,
            (Reset, _) if history.is_reset_attempt() => ConnState::Rstos0,
            (Reset, _) => ConnState::Oth,
            (Closed, Closed) => ConnState::SF,
            (Closed, _) if resp.is_inactive() => ConnState::Sh,
            (Closed, _) => ConnState::S2,
            (_, Closed) if orig.is_inactive() => ConnState::Shr,
            (_, Closed) => ConnState::S3,
            (SynSent, Inactive) => ConnState::S0,
            (Established, Established) => ConnState::S1,
            _ => ConnState::Oth,
        }
    }
}

impl fmt::Display for ConnState {
    /// As in `conn.log`: `RSTOS0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnState::S0 => "S0",
            ConnState::S1 => "S1",
            ConnState::SF => "SF",
            ConnState::Rej => "REJ",
            ConnState::S2 => "S2",
            ConnState::S3 => "S3",
            ConnState::Rsto => "RSTO",
            ConnState::Rstr => "RSTR",
            ConnState::Rstos0 => "RSTOS0",
            ConnState::Rstrh => "RSTRH",
            ConnState::Sh => "SH",
            ConnState::Shr => "SHR",
            ConnState::Oth => "OTH",
        })
    }
}
