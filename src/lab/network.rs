//! The wires of the lab: from three bare namespaces to a bridge that forwards its first frame.

use std::net::{IpAddr, Ipv4Addr};
use std::thread;
use std::time::Duration;

use rst_storm_core::tcp::IpVersion;
use rst_storm_linux::link::{BridgePortState, BridgeSettings, Links};
use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::{Cause, Error, Result, offload, sysctl};

use super::topology::{BRIDGE, DESTINATION, DESTINATION_LINK, PREFIX, SOURCE, SOURCE_LINK};

/// The three namespaces, bare or joined.
#[derive(Debug)]
pub struct Hosts {
    /// Where the client runs.
    pub source: NetNamespace,
    /// Where the bridge is, and who watches it.
    pub observer: NetNamespace,
    /// Where the server runs.
    pub destination: NetNamespace,
}

/// The readiness of a lab is looked at this often before it counts as failed, a millisecond apart.
const LOOKS: usize = 2000;

impl Hosts {
    /// Three namespaces that nobody else has.
    pub fn create() -> Result<Hosts> {
        Ok(Hosts {
            source: NetNamespace::create()?,
            observer: NetNamespace::create()?,
            destination: NetNamespace::create()?,
        })
    }

    /// Joins bare namespaces and returns when the first frame would arrive.
    ///
    /// The bridge and its ports come up before the ends do. In any other order the port may not forward yet when the
    /// first SYN comes; it is lost, and its retransmission comes a second later.
    pub fn join(&self) -> Result<()> {
        for namespace in [&self.source, &self.observer, &self.destination] {
            namespace.run(|| quieten(IpVersion::V4))??;
        }
        Links::add_veth(SOURCE_LINK, &self.source, SOURCE_LINK, &self.observer)?;
        Links::add_veth(DESTINATION_LINK, &self.destination, DESTINATION_LINK, &self.observer)?;
        self.observer.run(|| -> Result<()> {
            let mut links = Links::open()?;
            links.add_bridge(BRIDGE, &BridgeSettings::default())?;
            links.set_up(BRIDGE)?;
            for port in [SOURCE_LINK, DESTINATION_LINK] {
                offload::turn_off(port)?;
                links.enslave(port, BRIDGE)?;
                links.set_up(port)?;
            }
            Ok(())
        })??;
        self.source.run(|| raise_end(SOURCE_LINK, SOURCE))??;
        self.destination.run(|| raise_end(DESTINATION_LINK, DESTINATION))??;
        self.await_forwarding()
    }

    fn await_forwarding(&self) -> Result<()> {
        for _ in 0..LOOKS {
            match self.find_fault()? {
                None => return Ok(()),
                Some(_) => thread::sleep(Duration::from_millis(1)),
            }
        }
        let fault = self.find_fault()?.unwrap_or_default();
        Err(Error::from_cause("bring up", "the lab", Cause::Malformed(fault)))
    }

    /// What keeps the lab from forwarding; `None` when it stands.
    pub fn find_fault(&self) -> Result<Option<String>> {
        let at_ports = self.observer.run(|| -> Result<Option<String>> {
            let mut links = Links::open()?;
            for port in [SOURCE_LINK, DESTINATION_LINK] {
                let Some(state) = existing(links.state(port))? else {
                    return Ok(Some(format!("the observer has no link {port}")));
                };
                if !state.carrier || state.bridge_port != Some(BridgePortState::Forwarding) {
                    return Ok(Some(format!("the observer's port {port} does not forward")));
                }
            }
            Ok(None)
        })??;
        if at_ports.is_some() {
            return Ok(at_ports);
        }
        for (namespace, link, address) in
            [(&self.source, SOURCE_LINK, SOURCE), (&self.destination, DESTINATION_LINK, DESTINATION)]
        {
            let state = namespace.run(|| existing(Links::open()?.state(link)))??;
            match state {
                Some(state) if state.carrier && state.addresses.contains(&IpAddr::V4(address)) => {}
                Some(_) => return Ok(Some(format!("{link} is not up with {address}"))),
                None => return Ok(Some(format!("there is no link {link} with {address}"))),
            }
        }
        Ok(None)
    }
}

fn existing<T>(result: Result<T>) -> Result<Option<T>> {
    const ENODEV: i32 = 19;
    match result {
        Err(error) if error.errno() == Some(ENODEV) => Ok(None),
        result => result.map(Some),
    }
}

/// Keeps the calling thread's namespace from speaking for itself, and bridged frames from the IP hooks of netfilter. IPv6 is off
/// where version 4 is meant.
///
/// Where /proc/sys is read-only, as in many containers, IPv6 stays on: its few frames are no TCP and are counted apart.
pub fn quieten(version: IpVersion) -> Result<()> {
    const EROFS: i32 = 30;
    let without_v6 = if version == IpVersion::V4 { "1" } else { "0" };
    for (setting, value) in [
        ("net/ipv6/conf/all/disable_ipv6", without_v6),
        ("net/ipv6/conf/default/disable_ipv6", without_v6),
        ("net/ipv6/conf/default/addr_gen_mode", "1"),
        ("net/ipv6/conf/default/accept_ra", "0"),
        ("net/bridge/bridge-nf-call-iptables", "0"),
        ("net/bridge/bridge-nf-call-ip6tables", "0"),
        ("net/bridge/bridge-nf-call-arptables", "0"),
    ] {
        if sysctl::exists(setting) {
            match sysctl::write(setting, value) {
                Err(error) if error.errno() == Some(EROFS) => {}
                result => result?,
            }
        }
    }
    Links::open()?.set_up("lo")
}

fn raise_end(link: &str, address: Ipv4Addr) -> Result<()> {
    offload::turn_off(link)?;
    let mut links = Links::open()?;
    links.add_address(link, IpAddr::V4(address), PREFIX)?;
    links.set_up(link)
}
