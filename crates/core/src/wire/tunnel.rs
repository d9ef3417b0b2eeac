//! Tunnels: an IP packet, or a frame with one, inside another IP packet.

use super::layers::{Next, Octets, descend};
use super::link::{Packet, Version};
use super::{Layer, Skip};

// Protocol numbers (IANA).
const IPV4: u8 = 4;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const GRE: u8 = 47;

// UDP ports of tunnels, as destination (IANA; 8472 is Linux's VXLAN from before there was a number).
const VXLAN: [u16; 2] = [4789, 8472];
const GENEVE: u16 = 6081;
const GTP_USER: u16 = 2152;

// What GRE names beside EtherTypes.
const ERSPAN_1_AND_2: u16 = 0x88be;
const ERSPAN_3: u16 = 0x22eb;

/// Extension headers of one GTP packet. Each is defined once.
const MOST_GTP_EXTENSIONS: usize = 8;

/// What an IP packet carries that isn't TCP.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cargo<'a> {
    pub(super) protocol: u8,
    /// A fragment that isn't the first: what there is begins somewhere in the middle.
    pub(super) later_fragment: bool,
    pub(super) octets: Octets<'a>,
}

/// The packet inside.
pub(super) fn open(cargo: Cargo<'_>) -> Result<Packet<'_>, Skip> {
    let mut octets = cargo.octets;
    let next = match cargo.protocol {
        IPV4 | IPV6 | GRE if cargo.later_fragment => return Err(Skip::Fragment),
        IPV4 => Next::Packet(Version::V4),
        IPV6 => Next::Packet(Version::V6),
        GRE => open_gre(&mut octets)?,
        UDP if !cargo.later_fragment => open_udp(&mut octets)?,
        other => return Err(Skip::OtherProtocol(other)),
    };
    descend(next, octets)
}

/// RFC 2784 and RFC 2890; version 1 is PPTP's (RFC 2637).
fn open_gre(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    let header = octets.take::<4>(Layer::Gre)?;
    let (has, version) = (|bit: u8| header[0] & bit != 0, header[1] & 7);
    let (checksum, routing, key, sequence) = (has(0x80), has(0x40), has(0x20), has(0x10));
    if version != 0 {
        return Err(Skip::GreVersion(version));
    }
    if routing {
        // RFC 1701's source routes, which RFC 2784 has receivers discard.
        return Err(Skip::Malformed(Layer::Gre));
    }
    octets.skip(4 * (u32::from(checksum) + u32::from(key) + u32::from(sequence)), Layer::Gre)?;
    match u16::from_be_bytes([header[2], header[3]]) {
        // Type I has no header of its own, nor a sequence number (draft-foschiano-erspan).
        ERSPAN_1_AND_2 if !sequence => Ok(Next::Ethernet),
        ERSPAN_1_AND_2 => {
            octets.take::<8>(Layer::Erspan)?;
            Ok(Next::Ethernet)
        }
        ERSPAN_3 => open_erspan_3(octets),
        ether_type => Ok(Next::EtherType(ether_type)),
    }
}

fn open_erspan_3(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    let header = octets.take::<12>(Layer::Erspan)?;
    // The lowest bit says that a subheader of the platform follows.
    if header[11] & 1 != 0 {
        octets.take::<8>(Layer::Erspan)?;
    }
    // The frame type.
    match header[10] >> 2 & 0x1f {
        0 => Ok(Next::Ethernet),
        2 => Ok(Next::Ip(Layer::Erspan)),
        _ => Err(Skip::Unrecognised(Layer::Erspan)),
    }
}

fn open_udp(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    let other = Skip::OtherProtocol(UDP);
    // A datagram that is cut before its ports is as little TCP as any.
    let (header, rest) = octets.captured.split_first_chunk::<8>().ok_or(other)?;
    *octets = Octets { captured: rest, wire_len: octets.wire_len.saturating_sub(8) };
    match u16::from_be_bytes([header[2], header[3]]) {
        GENEVE => open_geneve(octets),
        GTP_USER => open_gtp(octets),
        port if VXLAN.contains(&port) => open_vxlan(octets),
        _ => Err(other),
    }
}

/// RFC 7348.
fn open_vxlan(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    let header = octets.take::<8>(Layer::Vxlan)?;
    // The bit that says that there is a network identifier, as there must be.
    if header[0] & 0x08 == 0 {
        return Err(Skip::Malformed(Layer::Vxlan));
    }
    Ok(Next::Ethernet)
}

/// RFC 8926.
fn open_geneve(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    let header = octets.take::<8>(Layer::Geneve)?;
    if header[0] >> 6 != 0 {
        return Err(Skip::Malformed(Layer::Geneve));
    }
    octets.skip(u32::from(header[0] & 0x3f) * 4, Layer::Geneve)?;
    Ok(Next::EtherType(u16::from_be_bytes([header[2], header[3]])))
}

/// 3GPP TS 29.281 section 5.
fn open_gtp(octets: &mut Octets<'_>) -> Result<Next, Skip> {
    let header = octets.take::<8>(Layer::Gtp)?;
    let (flags, message) = (header[0], header[1]);
    // Version 1 and the protocol type bit that tells GTP from GTP'.
    if flags & 0xf0 != 0x30 {
        return Err(Skip::Malformed(Layer::Gtp));
    }
    if message != 255 {
        return Err(Skip::GtpMessage(message));
    }
    if flags & 0x07 == 0 {
        return Ok(Next::Ip(Layer::Gtp));
    }
    // All three optional fields are there if any of their bits is set; each is significant only with its own.
    let mut next_extension = octets.take::<4>(Layer::Gtp)?[3];
    if flags & 0x04 == 0 {
        next_extension = 0;
    }
    for _ in 0..=MOST_GTP_EXTENSIONS {
        if next_extension == 0 {
            return Ok(Next::Ip(Layer::Gtp));
        }
        // Its length in fours, itself and the type of the next one at its end included.
        let length = match octets.captured.first().ok_or(Skip::Truncated(Layer::Gtp))? {
            0 => return Err(Skip::Malformed(Layer::Gtp)),
            fours => u32::from(*fours) * 4,
        };
        let extension = octets.captured;
        octets.skip(length, Layer::Gtp)?;
        next_extension = extension.get(length as usize - 1).copied().ok_or(Skip::Truncated(Layer::Gtp))?;
    }
    Err(Skip::Malformed(Layer::Gtp))
}
