//! Routes of a namespace.

use std::net::IpAddr;

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};

use super::{Links, family};
use crate::error::Result;

/// Where packets go that a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Wherever no other route leads.
    Default,
    /// Addresses whose first so many bits are these.
    Prefix(IpAddr, u8),
}

impl Links {
    /// Adds a route by way of a gateway, which must be on a link already.
    pub fn add_route(&mut self, destination: Destination, gateway: IpAddr) -> Result<()> {
        let mut message = RouteMessage::default();
        message.header.address_family = family(gateway);
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Static;
        message.header.scope = RouteScope::Universe;
        message.header.kind = RouteType::Unicast;
        message.attributes.push(RouteAttribute::Gateway(RouteAddress::from(gateway)));
        let object = match destination {
            Destination::Default => format!("default via {gateway}"),
            Destination::Prefix(address, length) => {
                message.header.destination_prefix_length = length;
                message.attributes.push(RouteAttribute::Destination(RouteAddress::from(address)));
                format!("{address}/{length} via {gateway}")
            }
        };
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        self.conversation.change("add route", &object, RouteNetlinkMessage::NewRoute(message), flags)
    }
}
