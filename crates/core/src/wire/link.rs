//! The link layer: Ethernet II with any stack of VLAN tags.

use super::{Layer, Skip};
use crate::capture::{Frame, LinkType};

const IPV4: u16 = 0x0800;
const ARP: u16 = 0x0806;
const IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and the number that was used for stacked tags before there was a standard.
const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Below this the field is an 802.3 length.
const LOWEST_ETHER_TYPE: u16 = 0x0600;
/// Two tags are usual, more are somebody's mistake, and a frame full of them is an attack.
const MOST_TAGS: usize = 8;

/// A packet of the network layer, and how long it was before anything was cut off.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub(super) version: Version,
    /// What was captured of it, link padding included.
    pub(super) captured: &'a [u8],
    /// Its octets on the wire, link padding included.
    pub(super) wire_len: u32,
}

/// The version that the EtherType claims.
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
    }
}

#[inline(always)]
fn open_ethernet<'a>(frame: &Frame<'a>) -> Result<Packet<'a>, Skip> {
    let truncated = Skip::Truncated(Layer::Ethernet);
    let (header, mut rest) = frame.data.split_first_chunk::<14>().ok_or(truncated)?;
    let mut ether_type = u16::from_be_bytes([header[12], header[13]]);
    let mut tags = 0;
    while VLAN.contains(&ether_type) {
        if tags == MOST_TAGS {
            return Err(Skip::Malformed(Layer::Vlan));
        }
        let truncated = Skip::Truncated(Layer::Vlan);
        let (tag, after) = rest.split_first_chunk::<4>().ok_or(truncated)?;
        ether_type = u16::from_be_bytes([tag[2], tag[3]]);
        rest = after;
        tags += 1;
    }
    let version = match ether_type {
        IPV4 => Version::V4,
        IPV6 => Version::V6,
        ARP => return Err(Skip::Arp),
        length if length < LOWEST_ETHER_TYPE => return Err(Skip::Llc),
        other => return Err(Skip::OtherEtherType(other)),
    };
    let captured_len = u32::try_from(frame.data.len()).unwrap_or(u32::MAX);
    // Some writers set the original length to zero, so what was captured counts at least.
    let frame_len = frame.original_len.max(captured_len);
    let headers = 14 + 4 * tags as u32;
    Ok(Packet { version, captured: rest, wire_len: frame_len.saturating_sub(headers) })
}
