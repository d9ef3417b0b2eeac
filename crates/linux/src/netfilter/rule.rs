//! Rules by what they mean: which packets, and what becomes of them.

use std::net::{IpAddr, SocketAddr};

use rst_storm_core::tcp::Flags;

/// Which packets a rule is for, whether they are counted, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// All must hold. They are asked in this order, which matters to [`Match::ConnectionsOver`] alone.
    pub matches: Vec<Match>,
    /// Whether the packets for which they hold are counted.
    pub counter: bool,
    /// What becomes of them.
    pub then: Statement,
}

/// One thing that is asked of a packet. Ports and flags hold for TCP only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Match {
    /// TCP from this port.
    SourcePort(u16),
    /// TCP to this port.
    DestinationPort(u16),
    /// From this address.
    SourceAddress(IpAddr),
    /// To this address.
    DestinationAddress(IpAddr),
    /// TCP of whose flags those in `mask` are just `value`.
    Flags {
        /// The flags that are looked at.
        mask: Flags,
        /// Those of them that are set.
        value: Flags,
    },
    /// TCP with this window field.
    Window(u16),
    /// The IP packet has so many octets, its headers included (a bare ACK: 40 or 52; with IPv6 60 or 72).
    TotalLength(u16),
    /// Connection tracking has it in one of these states.
    State(ConnectionStates),
    /// It goes this way through its connection.
    Direction(ConnectionDirection),
    /// It came in at the link of this name.
    InterfaceIn(String),
    /// It goes out at the link of this name.
    InterfaceOut(String),
    /// More than so many connections have come to this question and are still tracked.
    ConnectionsOver(u32),
}

/// States of connection tracking (NF_CT_STATE_BIT of linux/netfilter/nf_conntrack_common.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionStates(pub(super) u32);

impl ConnectionStates {
    /// It belongs to no connection, though it should.
    pub const INVALID: ConnectionStates = ConnectionStates(1);
    /// There were packets both ways.
    pub const ESTABLISHED: ConnectionStates = ConnectionStates(1 << 1);
    /// It begins a connection that another one has told of.
    pub const RELATED: ConnectionStates = ConnectionStates(1 << 2);
    /// It begins a connection, or was seen one way only.
    pub const NEW: ConnectionStates = ConnectionStates(1 << 3);
    /// It was exempted by [`Statement::NoTrack`].
    pub const UNTRACKED: ConnectionStates = ConnectionStates(1 << 6);

    /// Both sets together.
    pub const fn with(self, other: ConnectionStates) -> ConnectionStates {
        ConnectionStates(self.0 | other.0)
    }
}

/// A packet's way through its connection, as connection tracking counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionDirection {
    /// As its first packet went.
    Original,
    /// The other way.
    Reply,
}

/// What becomes of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Statement {
    /// The next rule is asked: this one only counts.
    Continue,
    /// It goes on its way.
    Accept,
    /// It ends here, without a word.
    Drop,
    /// It ends here, and its sender gets a RST (`nf_send_reset`). The family bridge hasn't got it on every kernel.
    RejectWithReset,
    /// Connection tracking doesn't look at it (of use at [`RAW`](super::priority::RAW)).
    NoTrack,
    /// Its connection goes to this address and port instead.
    Dnat(SocketAddr),
    /// Its handshake is done here, by SYN cookies, before the destination hears of it (hooks input and forward). At input
    /// the destination hears of it through `lo`, which must be up.
    SynProxy {
        /// The maximum segment size that is offered.
        mss: u16,
        /// The window scale that is offered.
        wscale: u8,
        /// Whether timestamps are offered; without them the cookie holds neither scale nor SACK.
        timestamps: bool,
        /// Whether selective acknowledgments are offered.
        sack: bool,
    },
}
