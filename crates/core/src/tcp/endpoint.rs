//! Who talks to whom: an address with a port, the unordered pair of them, and the side one is on.

use core::fmt;
use core::hash::{Hash, Hasher};
use core::net::{IpAddr, SocketAddr};

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub addr: IpAddr,
    /// The TCP port.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint of this address and port.
    pub const fn new(addr: IpAddr, port: u16) -> Endpoint {
        Endpoint { addr, port }
    }
}

impl Hash for Endpoint {
    /// In one or two words, where the derived one goes octet by octet: every segment pays for this.
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.addr {
            IpAddr::V4(addr) => state.write_u64(u64::from(addr.to_bits()) << 16 | u64::from(self.port)),
            IpAddr::V6(addr) => {
                state.write_u128(addr.to_bits());
                state.write_u16(self.port);
            }
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(addr: SocketAddr) -> Endpoint {
        Endpoint::new(addr.ip(), addr.port())
    }
}

impl fmt::Display for Endpoint {
    /// `10.0.1.1:9999`, `[::1]:9999`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        SocketAddr::new(self.addr, self.port).fmt(f)
    }
}

/// The unordered pair of endpoints: segments of both directions have the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowKey {
    low: Endpoint,
    high: Endpoint,
}

impl FlowKey {
    /// The key of the connection between `a` and `b`, in whichever order they are given.
    pub fn new(a: Endpoint, b: Endpoint) -> FlowKey {
        // In words where it can be: every connection pays for this.
        let in_order = match (a.addr, b.addr) {
            (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits(), a.port) <= (other.to_bits(), b.port),
            _ => a <= b,
        };
        if in_order { FlowKey { low: a, high: b } } else { FlowKey { low: b, high: a } }
    }
}

/// The side of a connection, in Zeek's words: who sent the SYN, and who answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The side that opened the connection.
    Originator,
    /// The side that was asked.
    Responder,
}

impl Side {
    /// The opposite side.
    pub const fn other(self) -> Side {
        match self {
            Side::Originator => Side::Responder,
            Side::Responder => Side::Originator,
        }
    }
}
