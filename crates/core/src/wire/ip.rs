//! The network layer: IPv4 with options, IPv6 with extension headers, and fragments of both.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::layers::Octets;
use super::link::Packet;
use super::tunnel::Cargo;
use super::{Layer, Skip};
use crate::tcp::IpFacts;

// Protocol and extension header numbers (IANA).
const HOP_BY_HOP: u8 = 0;
const TCP: u8 = 6;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const AUTHENTICATION: u8 = 51;
const DESTINATION_OPTIONS: u8 = 60;

/// RFC 8200 section 4.1 has each header at most once and destination options twice; hosts must cope with any order.
const MOST_EXTENSIONS: usize = 16;

/// A datagram that carries TCP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Datagram<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) facts: IpFacts,
    /// What was captured of the TCP segment, and nothing after it.
    pub(super) captured: &'a [u8],
    /// The TCP segment's octets by the IP length, header included.
    pub(super) tcp_len: u32,
    /// The packet doesn't tell all that the segment's checksum covers: it is the first of fragments, or the address in it is
    /// not yet that of the destination (a routing header with segments left).
    pub(super) unsummable: bool,
}

impl Datagram<'_> {
    /// Whether octets of the segment were not captured.
    #[inline(always)]
    pub(super) fn is_cut(&self) -> bool {
        self.captured.len() < self.tcp_len as usize
    }
}

/// Why there is no TCP in an IP packet.
#[derive(Clone, Copy, Debug)]
pub(super) enum NoTcp<'a> {
    /// It can't be read, or isn't the datagram's beginning.
    Skip(Skip),
    /// It carries something else, which may be a tunnel.
    Cargo(Cargo<'a>),
}

impl From<Skip> for NoTcp<'_> {
    fn from(skip: Skip) -> Self {
        NoTcp::Skip(skip)
    }
}

/// The datagram in an IPv4 packet, if TCP is in it.
#[inline(always)]
pub(super) fn open_v4(packet: Packet<'_>) -> Result<Datagram<'_>, NoTcp<'_>> {
    let truncated = Skip::Truncated(Layer::Ipv4);
    let header = packet.captured.first_chunk::<20>().ok_or(truncated)?;
    let header_len = u32::from(header[0] & 0x0f) * 4;
    let total_len = match u16::from_be_bytes([header[2], header[3]]) {
        // The network card was to cut this into segments (TSO) and to fill in their lengths.
        0 => packet.wire_len,
        length => u32::from(length),
    };
    if header[0] >> 4 != 4 || header_len < 20 || total_len < header_len {
        return Err(Skip::Malformed(Layer::Ipv4).into());
    }
    let fragment = u16::from_be_bytes([header[6], header[7]]);
    if header[9] != TCP {
        let octets = rest(packet.captured, header_len, total_len);
        return Err(NoTcp::Cargo(Cargo { protocol: header[9], later_fragment: fragment & 0x1fff != 0, octets }));
    }
    if fragment & 0x1fff != 0 {
        return Err(Skip::Fragment.into());
    }
    let (captured, tcp_len) = cut(packet.captured, header_len, total_len).ok_or(truncated)?;
    let [.., a, b, c, d, e, f, g, h] = *header;
    Ok(Datagram {
        source: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        destination: IpAddr::V4(Ipv4Addr::new(e, f, g, h)),
        facts: IpFacts {
            ttl: header[8],
            tos: header[1],
            id: Some(u16::from_be_bytes([header[4], header[5]])),
            dont_fragment: fragment & 0x4000 != 0,
        },
        captured,
        tcp_len,
        unsummable: fragment & 0x2000 != 0,
    })
}

/// The datagram in an IPv6 packet, if TCP is in it.
#[inline(always)]
pub(super) fn open_v6(packet: Packet<'_>) -> Result<Datagram<'_>, NoTcp<'_>> {
    let truncated = Skip::Truncated(Layer::Ipv6);
    let header = packet.captured.first_chunk::<40>().ok_or(truncated)?;
    let total_len = match u16::from_be_bytes([header[4], header[5]]) {
        // A jumbogram (RFC 2675), which is also how Linux shows a super-segment of over 64 kB.
        0 => packet.wire_len,
        length => 40 + u32::from(length),
    };
    if header[0] >> 4 != 6 || total_len < 40 {
        return Err(Skip::Malformed(Layer::Ipv6).into());
    }
    let Walked { protocol, at, unsummable } = walk_extensions(packet.captured, header[6], total_len)?;
    if protocol != TCP {
        let octets = rest(packet.captured, at, total_len);
        return Err(NoTcp::Cargo(Cargo { protocol, later_fragment: false, octets }));
    }
    let (captured, tcp_len) = cut(packet.captured, at, total_len).ok_or(truncated)?;
    let (source, destination) = addresses_v6(header);
    Ok(Datagram {
        source: IpAddr::V6(source),
        destination: IpAddr::V6(destination),
        facts: IpFacts { ttl: header[7], tos: (header[0] << 4) | (header[1] >> 4), id: None, dont_fragment: true },
        captured,
        tcp_len,
        unsummable,
    })
}

fn addresses_v6(header: &[u8; 40]) -> (Ipv6Addr, Ipv6Addr) {
    let mut source = [0; 16];
    let mut destination = [0; 16];
    source.copy_from_slice(&header[8..24]);
    destination.copy_from_slice(&header[24..40]);
    (Ipv6Addr::from(source), Ipv6Addr::from(destination))
}

/// The first header that is no extension that is understood.
struct Walked {
    protocol: u8,
    /// Where it starts.
    at: u32,
    /// As in [`Datagram`].
    unsummable: bool,
}

fn walk_extensions(captured: &[u8], mut next: u8, total_len: u32) -> Result<Walked, Skip> {
    let mut at = 40;
    let mut unsummable = false;
    for _ in 0..=MOST_EXTENSIONS {
        if !matches!(next, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION_OPTIONS) {
            return Ok(Walked { protocol: next, at, unsummable });
        }
        // All of them begin with the next header and, but for the fragment header, their length. None is under 8 octets.
        let start = captured
            .get(at as usize..)
            .and_then(|rest| rest.first_chunk::<8>())
            .ok_or(Skip::Truncated(Layer::Ipv6Extension))?;
        let length = match next {
            FRAGMENT => 8,
            AUTHENTICATION => (u32::from(start[1]) + 2) * 4,
            _ => (u32::from(start[1]) + 1) * 8,
        };
        if next == FRAGMENT && u16::from_be_bytes([start[2], start[3]]) & 0xfff8 != 0 {
            return Err(Skip::Fragment);
        }
        // More fragments follow; segments are left.
        unsummable |= (next == FRAGMENT && start[3] & 1 != 0) || (next == ROUTING && start[3] != 0);
        at += length;
        if at > total_len {
            return Err(Skip::Malformed(Layer::Ipv6Extension));
        }
        next = start[0];
    }
    Err(Skip::Malformed(Layer::Ipv6Extension))
}

/// What was captured of a packet's octets `from..to`, and how many they were on the wire; `None` if the capture ended
/// before `from`.
#[inline(always)]
fn cut(captured: &[u8], from: u32, to: u32) -> Option<(&[u8], u32)> {
    let end = captured.len().min(to as usize);
    let bytes = captured.get(from as usize..end)?;
    Some((bytes, to - from))
}

/// What a packet carries from `from` on; nothing if the capture ended before it, which whoever reads it will say.
#[cold]
fn rest(captured: &[u8], from: u32, to: u32) -> Octets<'_> {
    let (captured, wire_len) = cut(captured, from, to).unwrap_or((&[], to - from));
    Octets { captured, wire_len }
}
