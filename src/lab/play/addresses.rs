//! The addresses of a play: drawn at random from the blocks that RFC 2544 and RFC 5180 set aside for benchmarks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rst_storm_core::scenario::{Host, IpVersion, Peer, Topology};
use rst_storm_linux::link::LinkAddress;

/// How many plays can have addresses of their own at once: the /24s of 198.18.0.0/15.
pub const MOST_PLAYS: u16 = 512;

/// The addresses of one play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Of which version they are.
    pub version: IpVersion,
    /// Of which topology.
    pub topology: Topology,
    /// The play's own number; a kernel event names no namespace, so that its addresses alone tell whose it is.
    pub number: u16,
}

/// The last part of an address.
const CLIENT: u8 = 1;
const SERVER: u8 = 2;
const MIDDLE: u8 = 14;
const NOBODY: u8 = 9;
/// Where the server's network begins in a routed topology.
const BEYOND: u8 = 16;
/// The address that the middle translates.
const VIRTUAL: u8 = 200;

impl Addresses {
    /// The address of a host; a middle that routes has one in each network, and this is the client's side.
    pub fn of(&self, host: Host) -> IpAddr {
        match (host, self.topology) {
            (Host::Client, _) => self.at(CLIENT),
            (Host::Middle, _) => self.at(MIDDLE),
            (Host::Server, Topology::Bridged) => self.at(SERVER),
            (Host::Server, Topology::Routed) => self.at(BEYOND + SERVER),
        }
    }

    /// The middle's address in the server's network.
    pub fn middle_at_server(&self) -> IpAddr {
        self.at(BEYOND + MIDDLE)
    }

    /// An address in the client's network that nobody has.
    pub fn nobody(&self) -> IpAddr {
        self.at(NOBODY)
    }

    /// The address that nobody has and the middle translates; it lies behind the middle.
    pub fn virtual_one(&self) -> IpAddr {
        self.at(VIRTUAL)
    }

    /// How long the prefix of each network is.
    pub fn prefix(&self) -> u8 {
        match self.version {
            IpVersion::V4 => 28,
            IpVersion::V6 => 124,
        }
    }

    /// Whom a play means.
    pub fn peer(&self, peer: Peer) -> SocketAddr {
        match peer {
            Peer::At(host, port) => SocketAddr::new(self.of(host), port),
            Peer::Virtual(port) => SocketAddr::new(self.virtual_one(), port),
        }
    }

    /// Whose address it is; a translated one is the server's.
    pub fn host_of(&self, address: IpAddr) -> Option<Host> {
        match address {
            address if address == self.middle_at_server() => Some(Host::Middle),
            address if address == self.virtual_one() => Some(Host::Server),
            address => Host::ALL.into_iter().find(|host| self.of(*host) == address),
        }
    }

    /// The Ethernet address of nobody, locally administered.
    pub const NOBODYS_LINK: LinkAddress = [0x02, 0, 0, 0, 0, NOBODY];

    fn at(&self, last: u8) -> IpAddr {
        match self.version {
            IpVersion::V4 => {
                let [high, low] = self.number.to_be_bytes();
                Ipv4Addr::new(198, 18 + (high & 1), low, last).into()
            }
            IpVersion::V6 => Ipv6Addr::new(0x2001, 2, 0, self.number, 0, 0, 0, last.into()).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_play_has_addresses_of_its_own_in_the_blocks_for_benchmarks() {
        let mut seen = std::collections::HashSet::new();
        for number in 0..MOST_PLAYS {
            for version in [IpVersion::V4, IpVersion::V6] {
                let addresses = Addresses { version, topology: Topology::Routed, number };
                assert!(seen.insert(addresses.of(Host::Client)), "{number}");
                assert!(seen.insert(addresses.of(Host::Server)), "{number}");
                match addresses.virtual_one() {
                    IpAddr::V4(address) => assert!(matches!(address.octets(), [198, 18 | 19, ..]), "{address}"),
                    IpAddr::V6(address) => assert_eq!(address.segments()[..3], [0x2001, 2, 0], "{address}"),
                }
            }
        }
    }

    #[test]
    fn a_host_is_known_by_its_addresses() {
        let addresses = Addresses { version: IpVersion::V4, topology: Topology::Routed, number: 300 };
        for host in Host::ALL {
            assert_eq!(addresses.host_of(addresses.of(host)), Some(host));
        }
        assert_eq!(addresses.host_of(addresses.middle_at_server()), Some(Host::Middle));
        assert_eq!(addresses.host_of(addresses.nobody()), None);
    }
}
