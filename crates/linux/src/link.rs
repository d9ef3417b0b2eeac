//! Links over rtnetlink: bridges, veth pairs, their addresses, neighbours, routes and state.

mod route;

use std::net::IpAddr;
use std::os::fd::AsRawFd;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{
    BridgeStpState, InfoBridge, InfoBridgePort, InfoData, InfoKind, InfoPortData, InfoVeth, LinkAttribute, LinkFlags,
    LinkInfo, LinkMessage,
};
use netlink_packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

pub use netlink_packet_route::link::{BridgePortState, State as OperState};
pub use route::Destination;

use crate::error::{Cause, Error, Result};
use crate::netlink::{Conversation, Family};
use crate::netns::NetNamespace;

/// An Ethernet address.
pub type LinkAddress = [u8; 6];

/// How a bridge is to behave. The default is the quiet one: it forwards from the first frame on and says nothing itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BridgeSettings {
    /// How long a new port listens and learns, in hundredths of a second (IFLA_BR_FORWARD_DELAY).
    pub forward_delay: u32,
    /// The kernel's own spanning tree protocol.
    pub spanning_tree: bool,
    /// IGMP and MLD snooping, which makes the bridge speak.
    pub multicast_snooping: bool,
    /// Bridged frames enter the IP hooks of netfilter. The sysctl net/bridge/bridge-nf-call-iptables does it too.
    pub netfilter: bool,
}

/// What the kernel says of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkState {
    /// Its number in its namespace.
    pub index: u32,
    /// Set up by its owner (IFF_UP).
    pub admin_up: bool,
    /// The link below is there: for a veth, the other end is up (IFF_LOWER_UP).
    pub carrier: bool,
    /// RFC 2863's word.
    pub operational: OperState,
    /// What the bridge does with its frames, where it is a port of one.
    pub bridge_port: Option<BridgePortState>,
    /// Its Ethernet address, where it has one.
    pub link_address: Option<LinkAddress>,
    /// The text that its maker left (IFLA_IFALIAS).
    pub alias: Option<String>,
    /// Its IP addresses.
    pub addresses: Vec<IpAddr>,
}

/// The links of one namespace: that of the thread that opened it, wherever it is used later.
#[derive(Debug)]
pub struct Links {
    conversation: Conversation,
}

impl Links {
    /// The links of the calling thread's namespace.
    pub fn open() -> Result<Links> {
        Ok(Links { conversation: Conversation::open(Family::Route)? })
    }

    /// Makes a bridge without ports, down.
    pub fn add_bridge(&mut self, name: &str, settings: &BridgeSettings) -> Result<()> {
        let spanning_tree = if settings.spanning_tree { BridgeStpState::KernelStp } else { BridgeStpState::Disabled };
        let data = vec![
            InfoBridge::ForwardDelay(settings.forward_delay),
            InfoBridge::StpState(spanning_tree),
            InfoBridge::MulticastSnooping(settings.multicast_snooping),
            // A kernel without br_netfilter passes over these two.
            InfoBridge::NfCallIpTables(settings.netfilter),
            InfoBridge::NfCallIp6Tables(settings.netfilter),
        ];
        let mut message = LinkMessage::default();
        message.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge), LinkInfo::Data(InfoData::Bridge(data))]),
        ];
        self.create("create bridge", name, message)
    }

    /// Makes a veth pair, down: one end in each namespace, where they may have the same name.
    ///
    /// It is asked for from inside the first namespace: the kernel looks for a link of that name where the question
    /// comes from, so that an unrelated link of the caller's would else be in the way.
    pub fn add_veth(name: &str, inside: &NetNamespace, peer_name: &str, peer_inside: &NetNamespace) -> Result<()> {
        let mut peer = LinkMessage::default();
        peer.attributes =
            vec![LinkAttribute::IfName(peer_name.to_owned()), LinkAttribute::NetNsFd(peer_inside.fd().as_raw_fd())];
        let mut message = LinkMessage::default();
        message.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::NetNsFd(inside.fd().as_raw_fd()),
            LinkAttribute::LinkInfo(vec![
                LinkInfo::Kind(InfoKind::Veth),
                LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
            ]),
        ];
        inside.run(|| Links::open()?.create("create veth", name, message))?
    }

    /// Sets a link up (IFF_UP). Carriers come with the other end, a port's state with its bridge: see [`Links::state`].
    pub fn set_up(&mut self, name: &str) -> Result<()> {
        let mut message = self.message_for("set up", name)?;
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.set("set up", name, message)
    }

    /// Sets a link down.
    pub fn set_down(&mut self, name: &str) -> Result<()> {
        let mut message = self.message_for("set down", name)?;
        message.header.change_mask = LinkFlags::Up;
        self.set("set down", name, message)
    }

    /// Makes a link a port of a bridge.
    pub fn enslave(&mut self, name: &str, bridge: &str) -> Result<()> {
        let bridge = self.index(bridge)?;
        let mut message = self.message_for("enslave", name)?;
        message.attributes.push(LinkAttribute::Controller(bridge));
        self.set("enslave", name, message)
    }

    /// Gives a link its Ethernet address.
    pub fn set_link_address(&mut self, name: &str, address: LinkAddress) -> Result<()> {
        let mut message = self.message_for("set the link address of", name)?;
        message.attributes.push(LinkAttribute::Address(address.to_vec()));
        self.set("set the link address of", name, message)
    }

    /// Leaves a text on a link, of at most 255 bytes (IFLA_IFALIAS).
    pub fn set_alias(&mut self, name: &str, alias: &str) -> Result<()> {
        let mut message = self.message_for("set the alias of", name)?;
        message.attributes.push(LinkAttribute::IfAlias(alias.to_owned()));
        self.set("set the alias of", name, message)
    }

    /// Removes a link; of a veth pair, both ends go.
    pub fn delete(&mut self, name: &str) -> Result<()> {
        let message = self.message_for("delete", name)?;
        self.conversation.change("delete", name, RouteNetlinkMessage::DelLink(message), 0)
    }

    /// Gives a link an IP address, at once valid: no duplicate address detection holds an IPv6 one back.
    pub fn add_address(&mut self, name: &str, address: IpAddr, prefix: u8) -> Result<()> {
        let mut message = AddressMessage::default();
        message.header.family = family(address);
        message.header.prefix_len = prefix;
        message.header.index = self.index(name)?;
        message.attributes = vec![AddressAttribute::Local(address), AddressAttribute::Address(address)];
        if address.is_ipv6() {
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        self.conversation.change("add an address to", name, RouteNetlinkMessage::NewAddress(message), flags)
    }

    /// Tells a link where a neighbour is, for good: no ARP or neighbour solicitation goes before the first packet.
    pub fn add_neighbour(&mut self, name: &str, address: IpAddr, link_address: LinkAddress) -> Result<()> {
        let mut message = NeighbourMessage::default();
        message.header.family = family(address);
        message.header.ifindex = self.index(name)?;
        message.header.state = NeighbourState::Permanent;
        message.attributes = vec![
            NeighbourAttribute::Destination(NeighbourAddress::from(address)),
            NeighbourAttribute::LinkLayerAddress(link_address.to_vec()),
        ];
        let flags = NLM_F_CREATE | NLM_F_REPLACE;
        self.conversation.change("add a neighbour to", name, RouteNetlinkMessage::NewNeighbour(message), flags)
    }

    /// A link's number in this namespace.
    pub fn index(&mut self, name: &str) -> Result<u32> {
        Ok(self.link(name)?.header.index)
    }

    /// What the kernel says of a link just now.
    pub fn state(&mut self, name: &str) -> Result<LinkState> {
        let link = self.link(name)?;
        let index = link.header.index;
        let mut state = LinkState {
            index,
            admin_up: link.header.flags.contains(LinkFlags::Up),
            carrier: link.header.flags.contains(LinkFlags::LowerUp),
            operational: OperState::Unknown,
            bridge_port: None,
            link_address: None,
            alias: None,
            addresses: self.addresses_of(name, index)?,
        };
        for attribute in link.attributes {
            match attribute {
                LinkAttribute::OperState(operational) => state.operational = operational,
                LinkAttribute::Address(address) => state.link_address = address.try_into().ok(),
                LinkAttribute::IfAlias(alias) => state.alias = Some(alias),
                LinkAttribute::LinkInfo(infos) => state.bridge_port = infos.iter().find_map(bridge_port_state),
                _ => {}
            }
        }
        Ok(state)
    }

    /// A link's IP addresses. Anyone may ask.
    pub fn addresses(&mut self, name: &str) -> Result<Vec<IpAddr>> {
        let index = self.index(name)?;
        self.addresses_of(name, index)
    }

    fn addresses_of(&mut self, name: &str, index: u32) -> Result<Vec<IpAddr>> {
        let all = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let answers = self.conversation.dump("list the addresses of", name, &all)?;
        let of_link = answers.into_iter().filter_map(|answer| match answer {
            RouteNetlinkMessage::NewAddress(message) if message.header.index == index => own_address(&message),
            _ => None,
        });
        Ok(of_link.collect())
    }

    fn link(&mut self, name: &str) -> Result<LinkMessage> {
        const OPERATION: &str = "find link";
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(name.to_owned()));
        let answers = self.conversation.ask(OPERATION, name, RouteNetlinkMessage::GetLink(message))?;
        answers
            .into_iter()
            .find_map(|answer| match answer {
                RouteNetlinkMessage::NewLink(link) => Some(link),
                _ => None,
            })
            .ok_or_else(|| Error::from_cause(OPERATION, name, Cause::Malformed("no link in the answer".to_owned())))
    }

    fn message_for(&mut self, operation: &'static str, name: &str) -> Result<LinkMessage> {
        let link = self.link(name).map_err(|error| error.in_the_course_of(operation))?;
        let mut message = LinkMessage::default();
        message.header.index = link.header.index;
        Ok(message)
    }

    fn create(&mut self, operation: &'static str, name: &str, message: LinkMessage) -> Result<()> {
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        self.conversation.change(operation, name, RouteNetlinkMessage::NewLink(message), flags)
    }

    fn set(&mut self, operation: &'static str, name: &str, message: LinkMessage) -> Result<()> {
        self.conversation.change(operation, name, RouteNetlinkMessage::SetLink(message), 0)
    }
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// IFA_LOCAL is the link's own address; on a point-to-point link IFA_ADDRESS is the peer's. IPv6 gives only the latter.
fn own_address(message: &AddressMessage) -> Option<IpAddr> {
    let local = message.attributes.iter().find_map(|attribute| match attribute {
        AddressAttribute::Local(address) => Some(*address),
        _ => None,
    });
    local.or_else(|| {
        message.attributes.iter().find_map(|attribute| match attribute {
            AddressAttribute::Address(address) => Some(*address),
            _ => None,
        })
    })
}

fn bridge_port_state(info: &LinkInfo) -> Option<BridgePortState> {
    let LinkInfo::PortData(InfoPortData::BridgePort(port)) = info else { return None };
    port.iter().find_map(|attribute| match attribute {
        InfoBridgePort::State(state) => Some(*state),
        _ => None,
    })
}
