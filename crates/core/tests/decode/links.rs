//! Every link type, and what may stand between it and the packet: the segment must be the same as over Ethernet.

use proptest::prelude::*;
use rst_storm_core::capture::LinkType;
use rst_storm_core::wire::{Layer, Skip};

use crate::packets::{decode_link, decode_whole, ether_type, ip_packets, plain};

/// The headers as octets, then the packet.
fn join(headers: &[&[u8]], packet: &[u8]) -> Vec<u8> {
    let mut bytes = headers.concat();
    bytes.extend(packet);
    bytes
}

/// A packet over Ethernet with this EtherType and these headers below it.
fn over_ethernet(ether_type: u16, headers: &[&[u8]], packet: &[u8]) -> Vec<u8> {
    let below = join(headers, packet);
    join(&[&[2; 12], &ether_type.to_be_bytes()], &below)
}

/// The family number of the packet's version, as Linux and Darwin write it.
fn family(packet: &[u8], v6: u32) -> u32 {
    if packet[0] >> 4 == 4 { 2 } else { v6 }
}

fn ppp_protocol(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 4 { 0x0021 } else { 0x0057 }
}

proptest! {
    #[test]
    fn every_link_type_gives_the_same_segment((packet, segment) in ip_packets()) {
        let ether_type = ether_type(&packet).to_be_bytes();
        let own_version = if packet[0] >> 4 == 4 { LinkType::Ipv4 } else { LinkType::Ipv6 };
        for link in [LinkType::Raw, own_version] {
            prop_assert_eq!(decode_link(link, &packet), Ok(segment));
        }
        for v6 in [10, 24, 28, 30] {
            let family = family(&packet, v6);
            for link in [LinkType::Null, LinkType::Loop] {
                prop_assert_eq!(decode_link(link, &join(&[&family.to_le_bytes()], &packet)), Ok(segment));
                prop_assert_eq!(decode_link(link, &join(&[&family.to_be_bytes()], &packet)), Ok(segment));
            }
        }
        let cooked = join(&[&[0, 4, 0, 1, 0, 6, 2, 2, 2, 2, 2, 2, 0, 0], &ether_type], &packet);
        prop_assert_eq!(decode_link(LinkType::LinuxCooked, &cooked), Ok(segment));
        let cooked = join(&[&ether_type, &[0, 0, 0, 0, 0, 3, 0, 1, 4, 6, 2, 2, 2, 2, 2, 2, 0, 0]], &packet);
        prop_assert_eq!(decode_link(LinkType::LinuxCooked2, &cooked), Ok(segment));
        let cisco = join(&[&[0x0f, 0], &ether_type], &packet);
        for link in [LinkType::CiscoHdlc, LinkType::PppHdlc] {
            prop_assert_eq!(decode_link(link, &cisco), Ok(segment));
        }
    }

    #[test]
    fn ppp_gives_the_same_segment((packet, segment) in ip_packets()) {
        let protocol = ppp_protocol(&packet);
        let whole = protocol.to_be_bytes();
        for link in [LinkType::Ppp, LinkType::PppHdlc] {
            for framing in [&[][..], &[0xff, 0x03]] {
                prop_assert_eq!(decode_link(link, &join(&[framing, &whole], &packet)), Ok(segment));
                prop_assert_eq!(decode_link(link, &join(&[framing, &whole[1..]], &packet)), Ok(segment));
            }
        }
        let length = (packet.len() as u16 + 2).to_be_bytes();
        let session = over_ethernet(0x8864, &[&[0x11, 0, 0, 7], &length, &whole], &packet);
        prop_assert_eq!(decode_whole(&session), Ok(segment));
        let tagged = over_ethernet(0x8100, &[&[0, 5, 0x88, 0x64, 0x11, 0, 0, 7], &length, &whole], &packet);
        prop_assert_eq!(decode_whole(&tagged), Ok(segment));
    }

    #[test]
    fn labels_give_the_same_segment((packet, segment) in ip_packets(), labels in 0..16_usize) {
        let mut stack = [0, 1, 0x20, 64].repeat(labels);
        stack.extend([0, 2, 0x21, 64]);
        for ether_type in [0x8847, 0x8848] {
            prop_assert_eq!(decode_whole(&over_ethernet(ether_type, &[&stack], &packet)), Ok(segment));
        }
        let inner = over_ethernet(ether_type(&packet), &[], &packet);
        let pseudowire = over_ethernet(0x8847, &[&stack, &[0; 4]], &inner);
        prop_assert_eq!(decode_whole(&pseudowire), Ok(segment));
        let ppp = join(&[&[0x02, 0x81], &stack], &packet);
        prop_assert_eq!(decode_link(LinkType::Ppp, &ppp), Ok(segment));
    }

    #[test]
    fn no_bytes_of_any_link_type_panic(number in 0..300_u16, data in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _ = decode_link(LinkType::from_number(number), &data);
    }

    #[test]
    fn a_cut_header_is_called_cut(cut in 0..40_usize, number in 0..300_u16) {
        let packet = &plain(b"")[14..];
        let data = &packet[..cut];
        match LinkType::from_number(number) {
            LinkType::Raw | LinkType::Ipv4 => {
                let skip = decode_link(LinkType::from_number(number), data).expect_err("no whole header");
                prop_assert!(matches!(skip, Skip::Truncated(_)), "{}", skip);
            }
            link => prop_assert!(decode_link(link, data).is_err()),
        }
    }
}

#[test]
fn what_is_not_decoded_is_named() {
    let packet = plain(b"")[14..].to_vec();
    assert_eq!(decode_link(LinkType::Other(147), &packet), Err(Skip::OtherLinkType(147)));
    assert_eq!(decode_link(LinkType::Null, &[7, 0, 0, 0]), Err(Skip::OtherFamily(7)));
    assert_eq!(decode_link(LinkType::Ppp, &[0xc0, 0x21]), Err(Skip::OtherPppProtocol(0xc021)));
    assert_eq!(decode_link(LinkType::Raw, &[0x50; 40]), Err(Skip::Unrecognised(Layer::RawIp)));
    let discovery = over_ethernet(0x8863, &[&[0x11, 9, 0, 0, 0, 0]], &[]);
    assert_eq!(decode_whole(&discovery), Err(Skip::OtherEtherType(0x8863)));
    let terminated = over_ethernet(0x8864, &[&[0x11, 0xa7, 0, 7, 0, 0]], &[]);
    assert_eq!(decode_whole(&terminated), Err(Skip::Malformed(Layer::Pppoe)));
    let label = over_ethernet(0x8847, &[&[0, 1, 1, 64]], &[0x12; 40]);
    assert_eq!(decode_whole(&label), Err(Skip::Unrecognised(Layer::Mpls)));
}

#[test]
fn headers_without_end_end_somewhere() {
    let labels = over_ethernet(0x8847, &[], &[0, 1, 0, 64].repeat(100));
    assert_eq!(decode_whole(&labels), Err(Skip::Malformed(Layer::Mpls)));
    let pseudowire = over_ethernet(0x8847, &[&[0, 1, 1, 64]], &[0; 4]);
    assert_eq!(decode_whole(&pseudowire.repeat(2000)), Err(Skip::TooDeep));
}
