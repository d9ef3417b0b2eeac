//! The addresses of a play: drawn at random from the blocks that RFC 2544 and RFC 5180 set aside for benchmarks.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rst_storm_core::scenario::{Host, IpVersion, Peer, Topology};
use rst_storm_linux::link::LinkAddress;

/// How many plays can have addresses of their own at once: the /24s of 198.18.0.0/15.
const MOST_PLAYS: u16 = 512;

/// By so much SplitMix64 goes on from one number to the next (Steele, Lea and Flood, OOPSLA 2014).
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// The addresses of one play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Of which version they are.
    pub version: IpVersion,
    /// Of which topology.
    pub topology: Topology,
    /// What they are made of; a kernel event names no namespace, so that its addresses alone tell whose it is.
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
    /// Those that a seed gives to a play: its name and the version of IP decide, and not what else is played. Two plays may come by
    /// the same ones.
    pub fn draw(seed: u64, name: &str, version: IpVersion, topology: Topology) -> Addresses {
        let spoken = name.bytes().chain([version as u8]);
        let drawn = spoken.fold(mixed(seed), |state, octet| mixed(state ^ u64::from(octet)));
        Addresses { version, topology, number: (drawn % u64::from(MOST_PLAYS)) as u16 }
    }

    /// Whether both can't stand side by side: an event of the kernel would be of either.
    pub fn overlaps(&self, other: &Addresses) -> bool {
        (self.version, self.number) == (other.version, other.number)
    }

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

/// What SplitMix64 gives next after this.
const fn mixed(state: u64) -> u64 {
    let state = state.wrapping_add(GAMMA);
    let state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    state ^ (state >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_name_and_version_decide_and_all_addresses_are_drawn() {
        let draw = |seed: u64, name: &str, version| Addresses::draw(seed, name, version, Topology::Bridged).number;
        let first = draw(7, "a/play", IpVersion::V4);
        assert_eq!(first, draw(7, "a/play", IpVersion::V4));
        for other in
            [draw(8, "a/play", IpVersion::V4), draw(7, "a/plaz", IpVersion::V4), draw(7, "a/play", IpVersion::V6)]
        {
            assert_ne!(first, other);
        }
        let drawn: std::collections::HashSet<u16> =
            (0..16_384).map(|seed| draw(seed, "a/play", IpVersion::V6)).collect();
        assert_eq!(drawn.len(), usize::from(MOST_PLAYS));
    }

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
