//! Who takes part: three hosts, how they are joined, where a capture is taken.

use core::fmt;

/// One of the three hosts of a play.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Host {
    /// Opens connections.
    Client,
    /// Stands between: a bridge, a router, a translator of addresses, a proxy.
    Middle,
    /// Takes connections.
    Server,
}

impl Host {
    /// All three, from the client on.
    pub const ALL: [Host; 3] = [Host::Client, Host::Middle, Host::Server];
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Host::Client => "client",
            Host::Middle => "middle",
            Host::Server => "server",
        })
    }
}

/// How the hosts are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// Client and server are in one network; the middle bridges and has no address.
    Bridged,
    /// Client and server are in two networks; the middle routes, and has an address in each.
    Routed,
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Topology::Bridged => "bridged",
            Topology::Routed => "routed",
        })
    }
}

/// Where a capture is taken: on both ends of both cables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tap {
    /// The client's own link.
    Client,
    /// The middle's link to the client.
    ClientPort,
    /// The middle's link to the server.
    ServerPort,
    /// The server's own link.
    Server,
}

impl Tap {
    /// All four, from the client on.
    pub const ALL: [Tap; 4] = [Tap::Client, Tap::ClientPort, Tap::ServerPort, Tap::Server];
}

impl fmt::Display for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Tap::Client => "client",
            Tap::ClientPort => "client-port",
            Tap::ServerPort => "server-port",
            Tap::Server => "server",
        })
    }
}
