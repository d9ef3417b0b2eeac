//! Ethernet, its tags, IP and TCP.

use etherparse::{
    EtherType, Ethernet2Header, IpFragOffset, IpHeaders, IpNumber, Ipv6Extensions, Ipv6FragmentHeader, Ipv6Header,
    SingleVlanHeader, VlanId,
};
use proptest::prelude::*;
use rst_storm_core::tcp::Segment;
use rst_storm_core::wire::{Layer, Skip, decode};

use crate::packets::{build, decode_whole, frame, ip_headers, ipv4_headers, plain, plain_ipv4, plain_tcp, tcp_headers};

proptest! {
    #[test]
    fn a_built_packet_reads_back(
        tags in 0..3_usize,
        ip in ip_headers(),
        tcp in tcp_headers(),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        padding in 0..50_usize,
    ) {
        let (mut bytes, expected) = build(tags, ip, &tcp, &payload);
        prop_assert_eq!(decode_whole(&bytes), Ok(expected));
        // What the link adds to a short frame is no payload.
        bytes.resize(bytes.len() + padding, 0xee);
        prop_assert_eq!(decode_whole(&bytes), Ok(expected));
    }

    #[test]
    fn a_cut_packet_reads_the_same_or_not_at_all(
        tags in 0..3_usize,
        ip in ip_headers(),
        tcp in tcp_headers(),
        payload in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let (bytes, expected) = build(tags, ip, &tcp, &payload);
        let options_end = bytes.len() - payload.len();
        let options_start = options_end - tcp.options.len();
        for cut in 0..bytes.len() {
            match decode(&frame(&bytes[..cut], bytes.len()), 7) {
                Ok(read) => {
                    prop_assert!(cut >= options_start);
                    let timestamp = read.timestamp_value;
                    prop_assert!(timestamp == expected.timestamp_value || timestamp.is_none());
                    let rest_of_it = Segment { timestamp_value: expected.timestamp_value, ..read };
                    prop_assert_eq!(rest_of_it, Segment { cut: true, ..expected });
                    prop_assert!(cut < options_end || timestamp == expected.timestamp_value);
                }
                Err(skip) => {
                    prop_assert!(cut < options_start);
                    prop_assert!(matches!(skip, Skip::Truncated(_)), "{}", skip);
                }
            }
        }
    }

    #[test]
    fn no_bytes_panic(
        data in proptest::collection::vec(any::<u8>(), 0..200),
        original_len in any::<u32>(),
    ) {
        let _ = decode(&frame(&data, original_len as usize), 1);
    }

    /// Bytes at random hardly get past the EtherType; a damaged packet gets everywhere.
    #[test]
    fn no_damage_panics(
        tags in 0..3_usize,
        ip in ip_headers(),
        tcp in tcp_headers(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        original_len in any::<u32>(),
    ) {
        let (mut bytes, _) = build(tags, ip, &tcp, b"payload");
        for (place, octet) in damage {
            let place = place.index(bytes.len());
            bytes[place] = octet;
        }
        let _ = decode(&frame(&bytes, original_len as usize), 1);
    }

    #[test]
    fn a_later_fragment_is_skipped(header in ipv4_headers(), offset in 1..0x2000_u16) {
        let mut header = header;
        header.fragment_offset = offset.try_into().expect("thirteen bits");
        let (bytes, _) = build(0, IpHeaders::Ipv4(header, Default::default()), &plain_tcp(), b"");
        prop_assert_eq!(decode_whole(&bytes), Err(Skip::Fragment));
    }
}

#[test]
fn a_super_segment_without_a_length_takes_the_frames() {
    let mut bytes = plain(&[0; 1000]);
    bytes[16..18].fill(0);
    // Of 70,000 octets on the wire, 1,054 were captured.
    let segment = decode(&frame(&bytes, 70_000), 1).unwrap();
    assert_eq!((segment.payload_len, segment.cut), (70_000 - 54, true));
}

#[test]
fn a_later_ipv6_fragment_is_skipped() {
    let extensions = Ipv6Extensions {
        fragment: Some(Ipv6FragmentHeader::new(IpNumber::TCP, IpFragOffset::try_new(185).unwrap(), false, 9)),
        ..Ipv6Extensions::default()
    };
    let ip = IpHeaders::Ipv6(Ipv6Header::default(), extensions);
    let (bytes, _) = build(0, ip, &plain_tcp(), b"abc");
    assert_eq!(decode_whole(&bytes), Err(Skip::Fragment));
}

#[test]
fn a_chain_of_extension_headers_ends_somewhere() {
    let mut bytes =
        Ethernet2Header { source: [0; 6], destination: [0; 6], ether_type: EtherType::IPV6 }.to_bytes().to_vec();
    let header = Ipv6Header {
        payload_length: 8 * 100,
        next_header: IpNumber::IPV6_DESTINATION_OPTIONS,
        ..Ipv6Header::default()
    };
    bytes.extend(header.to_bytes());
    for _ in 0..100 {
        bytes.extend([60, 0, 1, 4, 0, 0, 0, 0]);
    }
    let expected = Err(Skip::Malformed(Layer::Ipv6Extension));
    assert_eq!(decode_whole(&bytes), expected);
}

#[test]
fn a_pile_of_tags_ends_somewhere() {
    let mut bytes = vec![0; 12];
    for _ in 0..20 {
        bytes.extend(EtherType::VLAN_TAGGED_FRAME.0.to_be_bytes());
        bytes.extend([0, 1]);
    }
    assert_eq!(decode_whole(&bytes), Err(Skip::Malformed(Layer::Vlan)));
}

#[test]
fn other_traffic_is_named() {
    let with_ether_type = |number: u16| {
        let mut bytes = plain(b"");
        bytes[12..14].copy_from_slice(&number.to_be_bytes());
        decode_whole(&bytes)
    };
    assert_eq!(with_ether_type(0x0806), Err(Skip::Arp));
    assert_eq!(with_ether_type(0x0026), Err(Skip::Llc));
    assert_eq!(with_ether_type(0x88cc), Err(Skip::OtherEtherType(0x88cc)));
    let mut udp = plain(b"");
    udp[23] = 17;
    assert_eq!(decode_whole(&udp), Err(Skip::OtherProtocol(17)));
}

#[test]
fn lengths_that_contradict_each_other_are_malformed() {
    let with = |place: usize, octet: u8| {
        let mut bytes = plain(b"");
        bytes[place] = octet;
        decode_whole(&bytes)
    };
    let (ip, tcp) = (Layer::Ipv4, Layer::Tcp);
    assert_eq!(with(14, 0x44), Err(Skip::Malformed(ip)), "header under 20");
    assert_eq!(with(14, 0x65), Err(Skip::Malformed(ip)), "version 6");
    assert_eq!(with(17, 19), Err(Skip::Malformed(ip)), "total under header");
    assert_eq!(with(17, 39), Err(Skip::Malformed(tcp)), "no room for TCP");
    assert_eq!(with(46, 0x40), Err(Skip::Malformed(tcp)), "offset under 5");
    assert_eq!(with(46, 0x60), Err(Skip::Malformed(tcp)), "offset past it");
}

#[test]
fn options_after_a_malformed_one_are_not_read() {
    let mut header = plain_tcp();
    header.set_options_raw(&[3, 0, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
    let ip = IpHeaders::Ipv4(plain_ipv4(), Default::default());
    let (bytes, _) = build(0, ip, &header, b"abc");
    let segment = decode_whole(&bytes).unwrap();
    assert_eq!((segment.timestamp_value, segment.payload_len), (None, 3));
}

#[test]
fn a_tag_of_service_providers_is_a_tag_too() {
    let tag = SingleVlanHeader {
        vlan_id: VlanId::try_new(3).unwrap(),
        ether_type: EtherType::IPV4,
        ..SingleVlanHeader::default()
    };
    let mut bytes = plain(b"ab");
    bytes.splice(12..14, [0x88, 0xa8].into_iter().chain(tag.to_bytes()));
    assert_eq!(decode_whole(&bytes).unwrap().payload_len, 2);
}
