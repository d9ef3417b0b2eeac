//! Two hosts on the ports of an observer's bridge, and how to tell a frame from another.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use rst_storm_linux::counters::Counters;
use rst_storm_linux::link::{BridgePortState, BridgeSettings, LinkAddress, Links};
use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::packet_socket::{PacketRing, RingConfig};
use rst_storm_linux::{Result, offload, sysctl};

pub const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 1));
pub const DESTINATION: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 99, 0, 2));
const SOURCE_LINK: LinkAddress = [2, 0, 0, 0, 0, 1];
const DESTINATION_LINK: LinkAddress = [2, 0, 0, 0, 0, 2];

/// How long to wait for a condition before giving the test up. Nothing is measured by it.
pub const PATIENCE: Duration = Duration::from_secs(10);

pub struct Lab {
    pub source: NetNamespace,
    pub observer: NetNamespace,
    pub destination: NetNamespace,
}

impl Lab {
    /// Bridge and ports first, the hosts' ends last: in the other order the first frame is lost.
    pub fn build() -> Result<Lab> {
        let lab = Lab {
            source: NetNamespace::create()?,
            observer: NetNamespace::create()?,
            destination: NetNamespace::create()?,
        };
        for namespace in [&lab.source, &lab.observer, &lab.destination] {
            namespace.run(quieten)??;
        }
        Links::add_veth("eth0", &lab.source, "port-source", &lab.observer)?;
        Links::add_veth("eth0", &lab.destination, "port-dest", &lab.observer)?;
        lab.observer.run(raise_bridge)??;
        lab.source.run(|| raise_host(SOURCE, SOURCE_LINK, DESTINATION, DESTINATION_LINK))??;
        lab.destination.run(|| raise_host(DESTINATION, DESTINATION_LINK, SOURCE, SOURCE_LINK))??;
        lab.await_ready();
        Ok(lab)
    }

    /// Carriers on both ends, both ports forwarding.
    fn await_ready(&self) {
        await_condition("ports forwarding, carriers up", || {
            let is_forwarding = |port: &str| {
                let state = Links::open().unwrap().state(port).unwrap();
                state.carrier && state.bridge_port == Some(BridgePortState::Forwarding)
            };
            let has_carrier = || Links::open().unwrap().state("eth0").unwrap().carrier;
            self.observer.run(|| is_forwarding("port-source") && is_forwarding("port-dest")).unwrap()
                && self.source.run(has_carrier).unwrap()
                && self.destination.run(has_carrier).unwrap()
        });
    }

    /// A ring over both ports; frames say 0 for the source's, 1 for the destination's.
    pub fn open_ring(&self, adjust: impl FnOnce(&mut RingConfig) + Send) -> Result<PacketRing> {
        self.observer.run(move || {
            let mut links = Links::open()?;
            let mut config = RingConfig::new(vec![links.index("port-source")?, links.index("port-dest")?]);
            adjust(&mut config);
            PacketRing::open(&config)
        })?
    }
}

/// What would speak without being asked: IPv6. And frames on a bridge are to stay with it.
fn quieten() -> Result<()> {
    let settings = [
        ("net/ipv6/conf/all/disable_ipv6", "1"),
        ("net/ipv6/conf/default/disable_ipv6", "1"),
        ("net/bridge/bridge-nf-call-iptables", "0"),
    ];
    settings.iter().filter(|(setting, _)| sysctl::exists(setting)).try_for_each(|(s, value)| sysctl::write(s, value))
}

fn raise_bridge() -> Result<()> {
    let mut links = Links::open()?;
    links.add_bridge("br0", &BridgeSettings::default())?;
    for port in ["port-source", "port-dest"] {
        offload::turn_off(port)?;
        links.enslave(port, "br0")?;
    }
    for link in ["br0", "port-source", "port-dest"] {
        links.set_up(link)?;
    }
    Ok(())
}

fn raise_host(own: IpAddr, own_link: LinkAddress, peer: IpAddr, peer_link: LinkAddress) -> Result<()> {
    let mut links = Links::open()?;
    offload::turn_off("eth0")?;
    links.set_link_address("eth0", own_link)?;
    links.add_address("eth0", own, 24)?;
    links.set_up("eth0")?;
    links.add_neighbour("eth0", peer, peer_link)
}

/// The counters of a namespace.
pub fn counters_in(namespace: &NetNamespace) -> Counters {
    namespace.run(Counters::read).unwrap().unwrap()
}

/// Asks again and again until it holds.
pub fn await_condition(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The ones' complement sum of an IPv4 packet's TCP segment with its pseudo-header; 0xffff if its checksum is right.
pub fn tcp_sum(packet: &[u8]) -> u16 {
    let header = usize::from(packet[0] & 0xf) * 4;
    let total = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let segment = &packet[header..total];
    let words = packet[12..20].chunks(2).chain(segment.chunks(2));
    let sum = words.map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0))).sum::<u32>();
    let mut sum = sum + u32::from(packet[9]) + segment.len() as u32;
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    sum as u16
}
