//! Every tunnel: the segment inside must be the same as without it.

use etherparse::{IpNumber, Ipv4Header, Ipv6Header, PacketBuilder};
use proptest::prelude::*;
use rst_storm_core::capture::LinkType;
use rst_storm_core::tcp::Segment;
use rst_storm_core::wire::{Layer, Skip};

use crate::packets::{decode_link, ether_type, ip_packets, plain};

/// An outer packet of either version around this, built by etherparse.
fn wrap(v6: bool, protocol: u8, inside: &[u8]) -> Vec<u8> {
    let mut packet = if v6 {
        let header = Ipv6Header {
            payload_length: inside.len() as u16,
            next_header: IpNumber(protocol),
            hop_limit: 9,
            ..Ipv6Header::default()
        };
        header.to_bytes().to_vec()
    } else {
        let header = Ipv4Header::new(inside.len() as u16, 9, IpNumber(protocol), [9; 4], [8; 4]);
        header.expect("short enough").to_bytes().to_vec()
    };
    packet.extend(inside);
    packet
}

fn wrap_udp(v6: bool, port: u16, inside: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    if v6 {
        let builder = PacketBuilder::ipv6([9; 16], [8; 16], 9).udp(50_000, port);
        builder.write(&mut packet, inside).expect("memory");
    } else {
        let builder = PacketBuilder::ipv4([9; 4], [8; 4], 9).udp(50_000, port);
        builder.write(&mut packet, inside).expect("memory");
    }
    packet
}

fn ethernet(packet: &[u8]) -> Vec<u8> {
    [&[2; 12][..], &ether_type(packet).to_be_bytes(), packet].concat()
}

fn gre(flags: u16, protocol: u16, fields: &[u8], inside: &[u8]) -> Vec<u8> {
    [&flags.to_be_bytes()[..], &protocol.to_be_bytes(), fields, inside].concat()
}

/// User data of tunnel 1.
fn gtp(flags: u8, fields: &[u8], inside: &[u8]) -> Vec<u8> {
    let length = (fields.len() + inside.len()) as u16;
    [&[flags, 255][..], &length.to_be_bytes(), &[0, 0, 0, 1], fields, inside].concat()
}

/// The packet in every tunnel there is, without a link header.
pub(crate) fn tunnels(v6: bool, packet: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let (frame, ether_type) = (ethernet(packet), ether_type(packet));
    let own = if packet[0] >> 4 == 4 { 4 } else { 41 };
    let in_gre = |inside: Vec<u8>| wrap(v6, 47, &inside);
    let in_udp = |port, header: &[u8], inside: &[u8]| wrap_udp(v6, port, &[header, inside].concat());
    let vxlan = [8, 0, 0, 0, 0, 0, 7, 0];
    let [high, low] = ether_type.to_be_bytes();
    let extensions = [1, 9, 9, 0x85, 2, 0, 0, 0, 0, 0, 0, 0];
    let mpls = [&[0, 1, 1, 64][..], packet].concat();
    vec![
        ("IP in IP", wrap(v6, own, packet)),
        ("GRE", in_gre(gre(0, ether_type, &[], packet))),
        ("GRE, checksum", in_gre(gre(0x8000, ether_type, &[1; 4], packet))),
        ("GRE, key", in_gre(gre(0x2000, ether_type, &[1; 4], packet))),
        ("GRE, all fields", in_gre(gre(0xb000, ether_type, &[1; 12], packet))),
        ("GRE, Ethernet", in_gre(gre(0x2000, 0x6558, &[1; 4], &frame))),
        ("GRE, MPLS", in_gre(gre(0, 0x8847, &[], &mpls))),
        ("ERSPAN I", in_gre(gre(0, 0x88be, &[], &frame))),
        ("ERSPAN II", in_gre(gre(0x1000, 0x88be, &[0, 0, 0, 1, 0x10, 5, 0, 1, 0, 0, 0, 0], &frame))),
        ("ERSPAN III", in_gre(gre(0x1000, 0x22eb, &[&[0, 0, 0, 1, 0x20][..], &[0; 11]].concat(), &frame))),
        (
            "ERSPAN III, subheader",
            in_gre(gre(0x1000, 0x22eb, &[&[0, 0, 0, 1, 0x20][..], &[0; 10], &[1], &[0; 8]].concat(), &frame)),
        ),
        ("ERSPAN III, IP", in_gre(gre(0x1000, 0x22eb, &[&[0, 0, 0, 1, 0x20][..], &[0; 9], &[8, 0]].concat(), packet))),
        ("VXLAN", in_udp(4789, &vxlan, &frame)),
        ("VXLAN on Linux's port", in_udp(8472, &vxlan, &frame)),
        ("Geneve", in_udp(6081, &[0, 0, 0x65, 0x58, 0, 0, 7, 0], &frame)),
        ("Geneve, options", in_udp(6081, &[&[3, 0, high, low, 0, 0, 7, 0][..], &[1; 12]].concat(), packet)),
        ("GTP-U", in_udp(2152, &[], &gtp(0x30, &[], packet))),
        ("GTP-U, sequence number", in_udp(2152, &[], &gtp(0x32, &[0, 9, 0, 0], packet))),
        ("GTP-U, stale extension type", in_udp(2152, &[], &gtp(0x32, &[0, 9, 0, 0x85], packet))),
        ("GTP-U, extensions", in_udp(2152, &[], &gtp(0x34, &[&[0, 9, 0, 0xc0][..], &extensions].concat(), packet))),
    ]
}

fn decode_ip(packet: &[u8]) -> Result<Segment, Skip> {
    decode_link(LinkType::Raw, packet)
}

proptest! {
    #[test]
    fn every_tunnel_gives_the_same_segment((packet, segment) in ip_packets(), v6 in any::<bool>()) {
        for (name, outer) in tunnels(v6, &packet) {
            prop_assert_eq!(decode_ip(&outer), Ok(segment), "{}", name);
        }
    }

    #[test]
    fn a_tunnel_in_a_tunnel_gives_the_same_segment(
        (packet, segment) in ip_packets(),
        picks in proptest::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 1..=4),
        one_more in any::<bool>(),
    ) {
        let mut outer = packet;
        for (v6, pick) in &picks {
            let mut wrapped = tunnels(*v6, &outer);
            outer = wrapped.swap_remove(pick.index(wrapped.len())).1;
        }
        prop_assert_eq!(decode_ip(&outer), Ok(segment));
        if picks.len() == 4 {
            prop_assert_eq!(decode_ip(&wrap(one_more, if outer[0] >> 4 == 4 { 4 } else { 41 }, &outer)), Err(Skip::TooDeep));
        }
    }

    #[test]
    fn a_cut_tunnel_reads_the_same_or_not_at_all((packet, segment) in ip_packets(), v6 in any::<bool>()) {
        for (name, outer) in tunnels(v6, &packet) {
            for cut in 1..outer.len() {
                match decode_ip(&outer[..cut]) {
                    Ok(read) => {
                        let expected = Segment { timestamp_value: read.timestamp_value, cut: true, ..segment };
                        prop_assert_eq!(read, expected, "{} cut at {}", name, cut);
                    }
                    // Cut before its ports, a datagram may be anything.
                    Err(skip) => prop_assert!(
                        matches!(skip, Skip::Truncated(_) | Skip::OtherProtocol(17)), "{} cut at {}: {}", name, cut, skip
                    ),
                }
            }
        }
    }

    #[test]
    fn no_damage_to_a_tunnel_panics(
        (packet, _) in ip_packets(),
        v6 in any::<bool>(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        for (_, mut outer) in tunnels(v6, &packet) {
            for (place, octet) in &damage {
                let place = place.index(outer.len());
                outer[place] = *octet;
            }
            let _ = decode_ip(&outer);
        }
    }
}

#[test]
fn what_is_in_a_tunnel_and_no_segment_is_named() {
    let packet = plain(b"")[14..].to_vec();
    for v6 in [false, true] {
        let in_udp = |port, inside: &[u8]| decode_ip(&wrap_udp(v6, port, inside));
        assert_eq!(in_udp(53, &packet), Err(Skip::OtherProtocol(17)));
        assert_eq!(in_udp(4789, &[&[0; 8][..], &packet].concat()), Err(Skip::Malformed(Layer::Vxlan)));
        assert_eq!(in_udp(6081, &[0x40; 40]), Err(Skip::Malformed(Layer::Geneve)));
        assert_eq!(in_udp(2152, &[0x30, 1, 0, 0, 0, 0, 0, 0]), Err(Skip::GtpMessage(1)));
        assert_eq!(in_udp(2152, &[0x10; 40]), Err(Skip::Malformed(Layer::Gtp)));
        assert_eq!(in_udp(2152, &[0x30, 255, 0, 0, 0, 0, 0, 0, 0x11]), Err(Skip::Unrecognised(Layer::Gtp)));
        let empty_extension = [0x34, 255, 0, 0, 0, 0, 0, 1, 0, 9, 0, 0xc0, 0];
        assert_eq!(in_udp(2152, &empty_extension), Err(Skip::Malformed(Layer::Gtp)));
        let in_gre = |inside: &[u8]| decode_ip(&wrap(v6, 47, inside));
        assert_eq!(in_gre(&gre(1, 0x880b, &[], &packet)), Err(Skip::GreVersion(1)));
        assert_eq!(in_gre(&gre(0x4000, 0x0800, &[0; 8], &packet)), Err(Skip::Malformed(Layer::Gre)));
        assert_eq!(in_gre(&gre(0, 0x88cc, &[], &packet)), Err(Skip::OtherEtherType(0x88cc)));
    }
    let mut later = wrap(false, 47, &gre(0, 0x0800, &[], &packet));
    later[7] = 3;
    assert_eq!(decode_ip(&later), Err(Skip::Fragment));
    let mut later = wrap_udp(false, 4789, &[0; 100]);
    later[7] = 3;
    assert_eq!(decode_ip(&later), Err(Skip::OtherProtocol(17)));
}

#[test]
fn a_segment_quoted_in_an_icmp_error_is_none() {
    let quoted = plain(b"")[14..].to_vec();
    let unreachable = [&[3, 1, 0, 0, 0, 0, 0, 0][..], &quoted].concat();
    assert_eq!(decode_ip(&wrap(false, 1, &unreachable)), Err(Skip::OtherProtocol(1)));
    assert_eq!(decode_ip(&wrap(true, 58, &unreachable)), Err(Skip::OtherProtocol(58)));
    let tunnelled = wrap(false, 4, &wrap(false, 1, &unreachable));
    assert_eq!(decode_ip(&tunnelled), Err(Skip::OtherProtocol(1)));
}
