//! What is drafted must be read back by `decode`, and by etherparse, with checksums that fit.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{NetHeaders, PacketHeaders, TcpOptionElement, TransportHeader};
use proptest::prelude::*;
use rst_storm_core::tcp::{Checksum, Endpoint, Flags, SeqNumber};
use rst_storm_core::wire::{Draft, EncodeError, Fault, TcpOption, inspect};

use crate::packets::{decode_whole, frame};

fn options() -> impl Strategy<Value = Vec<TcpOption>> {
    let option = prop_oneof![
        any::<u16>().prop_map(TcpOption::MaximumSegmentSize),
        (0..15_u8).prop_map(TcpOption::WindowScale),
        Just(TcpOption::SackPermitted),
        any::<(u32, u32)>().prop_map(|(value, echo)| TcpOption::Timestamps { value, echo }),
        // An option of the experimental kind.
        any::<[u8; 3]>().prop_map(|[a, b, c]| TcpOption::Raw(vec![253, 5, a, b, c])),
    ];
    proptest::collection::vec(option, 0..4)
}

fn address_pairs() -> impl Strategy<Value = (IpAddr, IpAddr)> {
    prop_oneof![
        any::<(Ipv4Addr, Ipv4Addr)>().prop_map(|(a, b)| (a.into(), b.into())),
        any::<(Ipv6Addr, Ipv6Addr)>().prop_map(|(a, b)| (a.into(), b.into())),
    ]
}

prop_compose! {
    fn drafts()(
        (source, destination) in address_pairs(),
        links in any::<([u8; 6], [u8; 6])>(),
        ports in any::<(u16, u16)>(),
        numbers in any::<(u32, Option<u32>)>(),
        (flags, window, ttl, tos, id, dont_fragment) in any::<(u8, u16, u8, u8, u16, bool)>(),
        options in options(),
        payload in proptest::collection::vec(any::<u8>(), 0..100),
    ) -> Draft {
        let (source, destination) = (Endpoint::new(source, ports.0), Endpoint::new(destination, ports.1));
        Draft {
            source_link: Some(links.0),
            destination_link: Some(links.1),
            ack: numbers.1.map(SeqNumber),
            window,
            options,
            payload,
            ttl,
            tos,
            id,
            dont_fragment,
            ..Draft::new(source, destination, Flags(flags), SeqNumber(numbers.0))
        }
    }
}

fn plain() -> Draft {
    let end = |last, port| Endpoint::new(Ipv4Addr::new(10, 0, 0, last).into(), port);
    Draft::new(end(1, 1000), end(2, 80), Flags::RST, SeqNumber(7))
}

proptest! {
    #[test]
    fn a_draft_reads_back(draft in drafts()) {
        let bytes = draft.to_frame().unwrap();
        let segment = decode_whole(&bytes).unwrap();
        prop_assert_eq!((segment.source, segment.destination), (draft.source, draft.destination));
        prop_assert_eq!((segment.seq, segment.ack), (draft.seq, draft.ack.unwrap_or_default()));
        prop_assert_eq!((segment.flags, segment.window), (draft.flags, draft.window));
        prop_assert_eq!(segment.payload_len as usize, draft.payload.len());
        let is_v4 = draft.source.addr.is_ipv4();
        prop_assert_eq!((segment.ip.ttl, segment.ip.tos), (draft.ttl, draft.tos));
        prop_assert_eq!(segment.ip.id, is_v4.then_some(draft.id));
        prop_assert_eq!(segment.ip.dont_fragment, draft.dont_fragment || !is_v4);
        let first_timestamp = draft.options.iter().find_map(|option| match option {
            TcpOption::Timestamps { value, .. } => Some(*value),
            _ => None,
        });
        prop_assert_eq!(segment.timestamp_value, first_timestamp);

        let contents = inspect(&frame(&bytes, bytes.len())).unwrap();
        prop_assert_eq!(contents.payload, &draft.payload[..]);
        prop_assert_eq!(contents.checksum, Checksum::Good);
        prop_assert_eq!(&bytes[14..], &draft.to_packet().unwrap()[..]);
    }

    #[test]
    fn etherparse_reads_the_same(draft in drafts()) {
        let bytes = draft.to_frame().unwrap();
        let headers = PacketHeaders::from_ethernet_slice(&bytes).unwrap();
        let Some(TransportHeader::Tcp(tcp)) = headers.transport else { panic!("no TCP header") };
        prop_assert_eq!((tcp.source_port, tcp.destination_port), (draft.source.port, draft.destination.port));
        prop_assert_eq!(tcp.sequence_number, draft.seq.0);
        prop_assert_eq!(tcp.urgent_pointer, 0);
        let checksum = match headers.net.unwrap() {
            NetHeaders::Ipv4(ip, _) => {
                prop_assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                prop_assert_eq!(ip.source, draft_octets(draft.source.addr));
                tcp.calc_checksum_ipv4(&ip, &draft.payload).unwrap()
            }
            NetHeaders::Ipv6(ip, _) => {
                prop_assert_eq!(IpAddr::from(ip.source), draft.source.addr);
                prop_assert_eq!(ip.flow_label.value(), 0);
                tcp.calc_checksum_ipv6(&ip, &draft.payload).unwrap()
            }
            NetHeaders::Arp(_) => panic!("no IP header"),
        };
        prop_assert_eq!(tcp.checksum, checksum);
        let count = tcp.options_iterator().filter(|option| {
            // The experimental one is unknown to it, and ends its list.
            option.as_ref().is_ok_and(|option| *option != TcpOptionElement::Noop)
        }).count();
        let known = draft.options.iter().take_while(|option| !matches!(option, TcpOption::Raw(_))).count();
        prop_assert_eq!(count, known);
    }
}

fn draft_octets(address: IpAddr) -> [u8; 4] {
    let IpAddr::V4(address) = address else { panic!("no IPv4 address") };
    address.octets()
}

#[test]
fn a_wrong_checksum_is_wrong_and_nothing_else_is() {
    for payload in [vec![], b"odd".to_vec()] {
        let good = Draft { payload, ..plain() };
        let bad = Draft { fault: Some(Fault::TcpChecksum), ..good.clone() };
        let (good, bad) = (good.to_frame().unwrap(), bad.to_frame().unwrap());
        assert_eq!(inspect(&frame(&bad, bad.len())).unwrap().checksum, Checksum::Bad);
        assert_eq!(good.iter().zip(&bad).filter(|(a, b)| a != b).count(), 1);
        assert_eq!(decode_whole(&good), decode_whole(&bad));
    }
    let bad = Draft { fault: Some(Fault::IpChecksum), ..plain() }.to_frame().unwrap();
    assert!(PacketHeaders::from_ethernet_slice(&bad).is_ok_and(|headers| match headers.net.unwrap() {
        NetHeaders::Ipv4(ip, _) => ip.header_checksum != ip.calc_header_checksum(),
        _ => false,
    }));
}

#[test]
fn what_has_no_room_is_refused() {
    let many = |count| Draft { options: vec![TcpOption::Raw(vec![1; count])], ..plain() };
    assert_eq!(many(40).to_packet().unwrap().len(), 80);
    assert_eq!(many(41).to_packet(), Err(EncodeError::Options(44)));
    let long = |count| Draft { payload: vec![0; count], ..plain() };
    assert_eq!(long(65_495).to_packet().unwrap().len(), 65_535);
    assert_eq!(long(65_496).to_packet(), Err(EncodeError::Length(65_536)));
    let mixed = Draft { source: Endpoint::new(Ipv6Addr::LOCALHOST.into(), 1), ..plain() };
    assert_eq!(mixed.to_frame(), Err(EncodeError::MixedVersions));
}
