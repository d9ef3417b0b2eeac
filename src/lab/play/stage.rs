//! The stage: three namespaces joined as a play's topology says, with the play's addresses.

use std::net::IpAddr;
use std::thread;
use std::time::Duration;

use rst_storm_core::scenario::{Host, IpVersion, Tap, Topology};
use rst_storm_linux::link::{BridgePortState, BridgeSettings, Destination, LinkAddress, Links};
use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::offload::{self, Offload};
use rst_storm_linux::{Cause, Error, Result, sysctl};

use super::addresses::Addresses;
use crate::lab::network::{Hosts, quieten};
use crate::lab::topology::{BRIDGE, DESTINATION_LINK, SOURCE_LINK};

/// Readiness is looked at this often, a millisecond apart.
const LOOKS: usize = 2000;

/// A stage that stands.
#[derive(Debug)]
pub struct Stage {
    hosts: Hosts,
    /// Who is where.
    pub addresses: Addresses,
    /// The Ethernet address at each tap.
    links: [LinkAddress; 4],
}

impl Stage {
    /// Joins three bare namespaces. The calling thread ends up in one of them.
    pub fn raise(hosts: Hosts, addresses: Addresses) -> Result<Stage> {
        let mut stage = Stage { hosts, addresses, links: [[0; 6]; 4] };
        for host in Host::ALL {
            stage.enter(host)?;
            quieten(addresses.version)?;
        }
        let Hosts { source, observer, destination } = &stage.hosts;
        Links::add_veth(SOURCE_LINK, source, SOURCE_LINK, observer)?;
        Links::add_veth(DESTINATION_LINK, destination, DESTINATION_LINK, observer)?;
        stage.raise_middle()?;
        stage.raise_end(Host::Client)?;
        stage.raise_end(Host::Server)?;
        stage.await_carriers()?;
        for tap in Tap::ALL {
            stage.enter(host_at(tap))?;
            let state = Links::open()?.state(link_at(tap))?;
            stage.links[tap as usize] = state.link_address.unwrap_or_default();
        }
        stage.introduce()?;
        Ok(stage)
    }

    /// Moves the calling thread to a host.
    pub fn enter(&self, host: Host) -> Result<()> {
        self.namespace(host).enter()
    }

    /// The Ethernet address of the link at a tap.
    pub fn link_address(&self, tap: Tap) -> LinkAddress {
        self.links[tap as usize]
    }

    fn namespace(&self, host: Host) -> &NetNamespace {
        match host {
            Host::Client => &self.hosts.source,
            Host::Middle => &self.hosts.observer,
            Host::Server => &self.hosts.destination,
        }
    }

    /// The ports come up before the ends: in any other order the first frame may be lost.
    fn raise_middle(&self) -> Result<()> {
        self.enter(Host::Middle)?;
        let mut links = Links::open()?;
        if self.addresses.topology == Topology::Bridged {
            links.add_bridge(BRIDGE, &BridgeSettings::default())?;
            links.set_up(BRIDGE)?;
        }
        for port in [SOURCE_LINK, DESTINATION_LINK] {
            offload::turn_off(port)?;
            if self.addresses.topology == Topology::Bridged {
                links.enslave(port, BRIDGE)?;
            }
            links.set_up(port)?;
        }
        if self.addresses.topology == Topology::Routed {
            links.add_address(SOURCE_LINK, self.addresses.of(Host::Middle), self.addresses.prefix())?;
            links.add_address(DESTINATION_LINK, self.addresses.middle_at_server(), self.addresses.prefix())?;
            let forward = match self.addresses.version {
                IpVersion::V4 => "net/ipv4/ip_forward",
                IpVersion::V6 => "net/ipv6/conf/all/forwarding",
            };
            sysctl::write(forward, "1")?;
        }
        Ok(())
    }

    fn raise_end(&self, host: Host) -> Result<()> {
        self.enter(host)?;
        let link = if host == Host::Client { SOURCE_LINK } else { DESTINATION_LINK };
        offload::turn_off(link)?;
        let mut links = Links::open()?;
        links.add_address(link, self.addresses.of(host), self.addresses.prefix())?;
        links.set_up(link)?;
        if self.addresses.topology == Topology::Routed {
            let gateway = self.gateway(host);
            links.add_route(Destination::Default, gateway)?;
        }
        Ok(())
    }

    /// Gives the middle's bridge an address, and by it a route to both ends.
    pub fn address_bridge(&self) -> Result<()> {
        self.enter(Host::Middle)?;
        Links::open()?.add_address(BRIDGE, self.addresses.of(Host::Middle), self.addresses.prefix())
    }

    /// Leaves the checksums of what goes out at a tap to its link, unfinished.
    pub fn leave_checksums(&self, tap: Tap) -> Result<()> {
        self.enter(host_at(tap))?;
        offload::set(link_at(tap), Offload::TransmitChecksum, true)
    }

    fn gateway(&self, host: Host) -> IpAddr {
        if host == Host::Client { self.addresses.of(Host::Middle) } else { self.addresses.middle_at_server() }
    }

    fn await_carriers(&self) -> Result<()> {
        for _ in 0..LOOKS {
            if self.stands()? {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(1));
        }
        let fault = "its links don't come up".to_owned();
        Err(Error::from_cause("raise", "the stage of a play", Cause::Malformed(fault)))
    }

    fn stands(&self) -> Result<bool> {
        for tap in Tap::ALL {
            self.enter(host_at(tap))?;
            let state = Links::open()?.state(link_at(tap))?;
            let is_port = host_at(tap) == Host::Middle && self.addresses.topology == Topology::Bridged;
            let forwards = !is_port || state.bridge_port == Some(BridgePortState::Forwarding);
            if !state.carrier || !forwards {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Everybody knows where everybody is, so that no question for an address is among the first frames.
    fn introduce(&self) -> Result<()> {
        let Addresses { topology, .. } = self.addresses;
        let (client, server) = (self.addresses.of(Host::Client), self.addresses.of(Host::Server));
        let mut known = match topology {
            Topology::Bridged => vec![
                (Tap::Client, server, self.link_address(Tap::Server)),
                (Tap::Server, client, self.link_address(Tap::Client)),
            ],
            Topology::Routed => vec![
                (Tap::Client, self.gateway(Host::Client), self.link_address(Tap::ClientPort)),
                (Tap::ClientPort, client, self.link_address(Tap::Client)),
                (Tap::ServerPort, server, self.link_address(Tap::Server)),
                (Tap::Server, self.gateway(Host::Server), self.link_address(Tap::ServerPort)),
            ],
        };
        let (beside, link) = (self.addresses.nobody(), Addresses::NOBODYS_LINK);
        known.push((if topology == Topology::Bridged { Tap::Server } else { Tap::ClientPort }, beside, link));
        for (tap, address, link) in known {
            self.enter(host_at(tap))?;
            Links::open()?.add_neighbour(link_at(tap), address, link)?;
        }
        Ok(())
    }
}

/// The host that has a tap's link.
pub const fn host_at(tap: Tap) -> Host {
    match tap {
        Tap::Client => Host::Client,
        Tap::ClientPort | Tap::ServerPort => Host::Middle,
        Tap::Server => Host::Server,
    }
}

/// The name of a tap's link.
pub const fn link_at(tap: Tap) -> &'static str {
    match tap {
        Tap::Client | Tap::ClientPort => SOURCE_LINK,
        Tap::ServerPort | Tap::Server => DESTINATION_LINK,
    }
}
