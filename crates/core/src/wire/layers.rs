//! The layers that may stand between the start of a frame, or the end of a tunnel's header, and the IP packet.

use super::link::{Packet, Version};
use super::{Layer, Skip};

// EtherTypes (IEEE 802), which several other headers use too.
pub(super) const IPV4: u16 = 0x0800;
pub(super) const ARP: u16 = 0x0806;
pub(super) const IPV6: u16 = 0x86dd;
/// 802.1Q, 802.1ad, and the number that was used for stacked tags before there was a standard.
#[inline(always)]
pub(super) fn is_vlan(ether_type: u16) -> bool {
    matches!(ether_type, 0x8100 | 0x88a8 | 0x9100)
}
const TRANSPARENT_BRIDGING: u16 = 0x6558;
const MPLS: [u16; 2] = [0x8847, 0x8848];
const PPPOE_SESSION: u16 = 0x8864;
/// Below this the field is an 802.3 length.
pub(super) const LOWEST_ETHER_TYPE: u16 = 0x0600;

/// Two tags are usual, more are somebody's mistake, and a frame full of them is an attack.
pub(super) const MOST_TAGS: usize = 8;
/// Labels of one MPLS stack. Networks use up to five or so.
const MOST_LABELS: usize = 16;
/// Headers of all kinds between the frame's start and the IP packet.
const MOST_LAYERS: usize = 16;

/// What the octets that come next are said to be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Next {
    /// An Ethernet frame.
    Ethernet,
    /// What this EtherType stands for.
    EtherType(u16),
    /// An address family, then a packet (NULL and LOOP).
    Loopback,
    /// A Linux cooked header, version 1.
    LinuxCooked,
    /// A Linux cooked header, version 2.
    LinuxCooked2,
    /// PPP that may begin with its HDLC address and control octets, or Cisco's.
    FramedPpp,
    /// PPP that begins with its protocol number.
    Ppp,
    /// Cisco HDLC.
    CiscoHdlc,
    /// A packet whose first four bits tell its version; the layer is the one that doesn't.
    Ip(Layer),
    /// A packet of this version.
    Packet(Version),
}

/// The octets that are left: what was captured of them, and how many they were on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Octets<'a> {
    pub(super) captured: &'a [u8],
    pub(super) wire_len: u32,
}

impl<'a> Octets<'a> {
    /// Takes a header of fixed size off the front.
    pub(super) fn take<const N: usize>(&mut self, layer: Layer) -> Result<&'a [u8; N], Skip> {
        let (header, rest) = self.captured.split_first_chunk::<N>().ok_or(Skip::Truncated(layer))?;
        self.captured = rest;
        self.wire_len = self.wire_len.saturating_sub(N as u32);
        Ok(header)
    }

    /// Takes so many octets off the front, unread.
    pub(super) fn skip(&mut self, count: u32, layer: Layer) -> Result<(), Skip> {
        self.captured = self.captured.get(count as usize..).ok_or(Skip::Truncated(layer))?;
        self.wire_len = self.wire_len.saturating_sub(count);
        Ok(())
    }
}

/// Goes from layer to layer until an IP packet is reached.
pub(super) fn descend(mut next: Next, mut octets: Octets<'_>) -> Result<Packet<'_>, Skip> {
    for _ in 0..MOST_LAYERS {
        next = match next {
            Next::Packet(version) => {
                return Ok(Packet { version, captured: octets.captured, wire_len: octets.wire_len });
            }
            Next::Ip(layer) => ip_version(octets, layer)?,
            Next::Ethernet => {
                let header = octets.take::<14>(Layer::Ethernet)?;
                Next::EtherType(u16::from_be_bytes([header[12], header[13]]))
            }
            Next::EtherType(ether_type) => open_ether_type(ether_type, &mut octets)?,
            Next::Loopback => open_loopback(&mut octets)?,
            Next::LinuxCooked => {
                let header = octets.take::<16>(Layer::LinuxCooked)?;
                Next::EtherType(u16::from_be_bytes([header[14], header[15]]))
            }
            Next::LinuxCooked2 => {
                let header = octets.take::<20>(Layer::LinuxCooked)?;
                Next::EtherType(u16::from_be_bytes([header[0], header[1]]))
            }
            Next::FramedPpp => match octets.captured {
                [0xff, 0x03, ..] => {
                    octets.skip(2, Layer::Ppp)?;
                    Next::Ppp
                }
                // RFC 1547's and Cisco's addresses: unicast and multicast, never the first octet of a PPP protocol number.
                [0x0f | 0x8f, 0x00, ..] => Next::CiscoHdlc,
                _ => Next::Ppp,
            },
            Next::Ppp => open_ppp(&mut octets)?,
            Next::CiscoHdlc => {
                let header = octets.take::<4>(Layer::CiscoHdlc)?;
                Next::EtherType(u16::from_be_bytes([header[2], header[3]]))
            }
        };
    }
    Err(Skip::TooDeep)
}

/// The version by the packet's first four bits.
fn ip_version(octets: Octets<'_>, layer: Layer) -> Result<Next, Skip> {
    match octets.captured.first().ok_or(Skip::Truncated(layer))? >> 4 {
        4 => Ok(Next::Packet(Version::V4)),
        6 => Ok(Next::Packet(Version::V6)),
        _ => Err(Skip::Unrecognised(layer)),
    }
}

fn open_ether_type(ether_type: u16, octets: &mut Octets<'_>) -> Result<Next, Skip> {
    match ether_type {
        IPV4 => Ok(Next::Packet(Version::V4)),
        IPV6 => Ok(Next::Packet(Version::V6)),
        ARP => Err(Skip::Arp),
        TRANSPARENT_BRIDGING => Ok(Next::Ethernet),
        PPPOE_SESSION => {
            let header = octets.take::<6>(Layer::Pppoe)?;
            // Version and type are 1, and code 0 is a session's data (RFC 2516 section 4).
            if header[..2] != [0x11, 0] {
                return Err(Skip::Malformed(Layer::Pppoe));
            }
            Ok(Next::Ppp)
        }
        tag if is_vlan(tag) => open_tags(octets),
        mpls if MPLS.contains(&mpls) => open_labels(octets),
        length if length < LOWEST_ETHER_TYPE => Err(Skip::Llc),
        other => Err(Skip::OtherEtherType(other)),
    }
}

fn open_tags(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    for _ in 0..MOST_TAGS {
        let tag = octets.take::<4>(Layer::Vlan)?;
        let ether_type = u16::from_be_bytes([tag[2], tag[3]]);
        if !is_vlan(ether_type) {
            return Ok(Next::EtherType(ether_type));
        }
    }
    Err(Skip::Malformed(Layer::Vlan))
}

/// Past an MPLS stack (RFC 3032). Nothing says what is below it; the first four bits do (RFC 4928 section 3).
fn open_labels(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    for _ in 0..MOST_LABELS {
        let label = octets.take::<4>(Layer::Mpls)?;
        if label[2] & 1 == 0 {
            continue;
        }
        return match octets.captured.first().ok_or(Skip::Truncated(Layer::Mpls))? >> 4 {
            // A pseudowire's control word (RFC 4385). Ethernet is what pseudowires carry.
            0 => {
                octets.skip(4, Layer::Mpls)?;
                Ok(Next::Ethernet)
            }
            _ => Ok(Next::Ip(Layer::Mpls)),
        };
    }
    Err(Skip::Malformed(Layer::Mpls))
}

/// The address families that systems number differently, IPv6 above all; the field is in either byte order.
fn open_loopback(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    let header = octets.take::<4>(Layer::Loopback)?;
    // Families are small numbers, so the smaller reading is the right one.
    let family = u32::from_be_bytes(*header).min(u32::from_le_bytes(*header));
    match family {
        2 => Ok(Next::Packet(Version::V4)),
        // Linux; NetBSD and OpenBSD; FreeBSD; Darwin.
        10 | 24 | 28 | 30 => Ok(Next::Packet(Version::V6)),
        other => Err(Skip::OtherFamily(other)),
    }
}

/// A protocol number of two octets, or of one where it was compressed: only the last octet is odd (RFC 1661 section 2).
fn open_ppp(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    let first = octets.take::<1>(Layer::Ppp)?[0];
    let protocol = match first & 1 {
        1 => u16::from(first),
        _ => u16::from_be_bytes([first, octets.take::<1>(Layer::Ppp)?[0]]),
    };
    match protocol {
        0x0021 => Ok(Next::Packet(Version::V4)),
        0x0057 => Ok(Next::Packet(Version::V6)),
        0x0281 | 0x0283 => open_labels(octets),
        other => Err(Skip::OtherPppProtocol(other)),
    }
}
