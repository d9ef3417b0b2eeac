//! What other connections of these hosts, and earlier ones of the same endpoints, say about a reset.

use crate::capture::Timestamp;
use crate::tcp::{Endpoint, SeqNumber, Side};

/// How an earlier connection of the same endpoints had ended when it was let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EarlierEnd {
    /// It had only fallen silent.
    Silent,
    /// Both sides had sent their FINs.
    Closed,
    /// A reset had ended it.
    Reset,
}

/// An earlier connection of the same endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// How it had ended.
    pub end: EarlierEnd,
    /// The frame it was first seen in.
    pub first_frame: u64,
    /// When its last segment came.
    pub last_seen: Timestamp,
    /// The side of the reset's sender in it.
    pub sender: Side,
    /// Whether both of its ends were seen to send.
    pub both_ways: bool,
    /// What the reset's sender would have sent next in it.
    pub sender_next: Option<SeqNumber>,
}

/// A connection of the reset's sender from the same port, with the same numbers, and another peer: the same connection under
/// another address, as address translation makes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translated {
    /// Whom the sender knows as its peer.
    pub peer: Endpoint,
    /// The frame that connection was first seen in.
    pub first_frame: u64,
}

/// What is known of the service, the responder's address and port, when a reset comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// The frame of the last SYN-ACK that it sent in another connection, and its time to live.
    pub answered: Option<(u64, u8)>,
    /// When that was.
    pub answered_at: Timestamp,
    /// The least time from a SYN to its SYN-ACK, in nanoseconds.
    pub round_trip: Option<u64>,
    /// Its other connections that were established and not yet closed.
    pub open: u32,
}

/// All of it, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// An earlier connection of the same endpoints.
    pub earlier: Option<Earlier>,
    /// The same connection under another address.
    pub translated: Option<Translated>,
    /// The service.
    pub service: Service,
}
