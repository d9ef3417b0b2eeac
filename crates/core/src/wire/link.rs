//! The link layer: Ethernet II with any stack of VLAN tags here, every other link type by way of its layers.

use super::layers::{ARP, IPV4, IPV6, LOWEST_ETHER_TYPE, MOST_TAGS, Next, Octets, descend, is_vlan};
use super::{Layer, Skip};
use crate::capture::{Frame, LinkType};

/// A packet of the network layer, and how long it was before anything was cut off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) version: Version,
    /// What was captured of it, link padding included.
    pub(super) captured: &'a [u8],
    /// Its octets on the wire, link padding included.
    pub(super) wire_len: u32,
}

/// The version that the layer above claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
}

/// The IP packet in a frame.
#[inline(always)]
pub(super) fn open<'a>(frame: &Frame<'a>) -> Result<Packet<'a>, Skip> {
    match frame.link {
        LinkType::Ethernet => open_ethernet(frame),
        _ => open_other(frame),
    }
}

#[inline(always)]
fn open_ethernet<'a>(frame: &Frame<'a>) -> Result<Packet<'a>, Skip> {
    let truncated = Skip::Truncated(Layer::Ethernet);
    let (header, mut rest) = frame.data.split_first_chunk::<14>().ok_or(truncated)?;
    let mut ether_type = u16::from_be_bytes([header[12], header[13]]);
    let mut tags = 0;
    while is_vlan(ether_type) {
        if tags == MOST_TAGS {
            return Err(Skip::Malformed(Layer::Vlan));
        }
        let truncated = Skip::Truncated(Layer::Vlan);
        let (tag, after) = rest.split_first_chunk::<4>().ok_or(truncated)?;
        ether_type = u16::from_be_bytes([tag[2], tag[3]]);
        rest = after;
        tags += 1;
    }
    let headers = 14 + 4 * tags as u32;
    let wire_len = frame_len(frame).saturating_sub(headers);
    let version = match ether_type {
        IPV4 => Version::V4,
        IPV6 => Version::V6,
        ARP => return Err(Skip::Arp),
        length if length < LOWEST_ETHER_TYPE => return Err(Skip::Llc),
        other => return open_ether_type(other, Octets { captured: rest, wire_len }),
    };
    Ok(Packet { version, captured: rest, wire_len })
}

/// Out of the way of Ethernet with IP right in it.
#[cold]
#[inline(never)]
fn open_ether_type(ether_type: u16, octets: Octets<'_>) -> Result<Packet<'_>, Skip> {
    descend(Next::EtherType(ether_type), octets)
}

#[inline(never)]
fn open_other<'a>(frame: &Frame<'a>) -> Result<Packet<'a>, Skip> {
    let octets = Octets { captured: frame.data, wire_len: frame_len(frame) };
    let first = match frame.link {
        LinkType::Ethernet => Next::Ethernet,
        LinkType::Null | LinkType::Loop => Next::Loopback,
        LinkType::Raw => Next::Ip(Layer::RawIp),
        LinkType::Ipv4 => Next::Packet(Version::V4),
        LinkType::Ipv6 => Next::Packet(Version::V6),
        LinkType::LinuxCooked => Next::LinuxCooked,
        LinkType::LinuxCooked2 => Next::LinuxCooked2,
        LinkType::Ppp | LinkType::PppHdlc => Next::FramedPpp,
        LinkType::CiscoHdlc => Next::CiscoHdlc,
        LinkType::Other(number) => return Err(Skip::OtherLinkType(number)),
    };
    descend(first, octets)
}

/// Some writers set the original length to zero, so what was captured counts at least.
#[inline(always)]
fn frame_len(frame: &Frame<'_>) -> u32 {
    let captured_len = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
    frame.original_len.max(captured_len)
}
