//! A segment under somebody else's name, or one that no connection sent.

use super::cast::Host;
use super::step::Name;
use crate::tcp::Flags;

/// One forged segment, or many alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forgery {
    /// Who sends it: the middle out of the port toward its victim, or an end's own raw socket.
    pub by: Host,
    /// To whom.
    pub to: Host,
    /// Under whose name.
    pub disguise: Disguise,
    /// Its control bits.
    pub flags: Flags,
    /// Its sequence number.
    pub seq: Number,
    /// Its acknowledgment number.
    pub ack: Ack,
    /// Octets of payload.
    pub payload: u16,
    /// Its time to live; that of the impersonated end's segments where None.
    pub ttl: Option<u8>,
    /// Its window.
    pub window: u16,
    /// How many.
    pub count: u32,
    /// By how much the sequence number grows from one to the next.
    pub stride: u32,
}

/// The names on a forged segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disguise {
    /// As if from the other end of this socket's connection, to the socket.
    PeerOf(Name),
    /// Under the name of this socket, to its peer.
    As(Name),
    /// From nobody's address, a port of its own for each, to this port.
    Nobody(u16),
    /// From the sender's own address and this port, to that port.
    Own(u16, u16),
}

/// A sequence number, told by what passed on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// What the victim expects next, and so much more or less.
    Next(i64),
    /// As it stands.
    Plain(u32),
}

/// An acknowledgment number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ack {
    /// All that the victim has sent, and so much more or less.
    Sent(i64),
    /// As it stands, whatever the flags say of it.
    Plain(u32),
}

/// What answers a probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replies {
    /// SYN-ACK.
    SynAck,
    /// A reset.
    Reset,
    /// An acknowledgment of numbers as they were.
    ChallengeAck,
    /// Nothing.
    Silence,
}
