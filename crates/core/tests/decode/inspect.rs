//! Options, payload and checksum of a segment, whatever it is wrapped in.

use etherparse::{IpHeaders, IpNumber, Ipv6Extensions, Ipv6Header, Ipv6RawExtHeader, Ipv6RoutingExtensions};
use proptest::prelude::*;
use rst_storm_core::capture::{Frame, LinkType};
use rst_storm_core::tcp::Checksum;
use rst_storm_core::wire::{Contents, inspect};

use crate::packets::{build, decode_whole, frame, ip_headers, ip_packets, plain, plain_ipv4, plain_tcp, tcp_headers};
use crate::tunnels::tunnels;

fn inspect_whole(data: &[u8]) -> Option<Contents<'_>> {
    inspect(&frame(data, data.len()))
}

fn checksum(data: &[u8]) -> Checksum {
    inspect_whole(data).expect("a segment").checksum
}

/// `Good`, as etherparse summed it, unless the packet doesn't tell all that the sum covers.
fn expected_checksum(ip: &IpHeaders) -> Checksum {
    let told = match ip {
        IpHeaders::Ipv4(header, _) => !header.more_fragments,
        IpHeaders::Ipv6(_, extensions) => {
            let more_fragments = extensions.fragment.as_ref().is_some_and(|fragment| fragment.more_fragments);
            let segments_left = extensions.routing.as_ref().map_or(0, |routing| routing.routing.payload()[1]);
            !more_fragments && segments_left == 0
        }
    };
    if told { Checksum::Good } else { Checksum::NotChecked }
}

/// Where the TCP header of a packet without tags, IP options and extension headers begins.
const TCP: usize = 34;

fn with_checksum(mut packet: Vec<u8>, checksum: u16) -> Vec<u8> {
    packet[TCP + 16..TCP + 18].copy_from_slice(&checksum.to_be_bytes());
    packet
}

proptest! {
    #[test]
    fn what_was_built_is_found(
        tags in 0..3_usize,
        ip in ip_headers(),
        tcp in tcp_headers(),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
        padding in 0..50_usize,
    ) {
        let checksum = expected_checksum(&ip);
        let (mut bytes, _) = build(tags, ip, &tcp, &payload);
        bytes.resize(bytes.len() + padding, 0xee);
        let expected =
            Contents { options: tcp.options.as_slice(), payload: &payload, payload_len: payload.len() as u32, checksum };
        prop_assert_eq!(inspect_whole(&bytes), Some(expected));
    }

    #[test]
    fn a_cut_segment_shows_what_there_is(
        ip in ip_headers(),
        tcp in tcp_headers(),
        payload in proptest::collection::vec(any::<u8>(), 0..20),
    ) {
        let (bytes, segment) = build(0, ip, &tcp, &payload);
        let options_end = bytes.len() - payload.len();
        for cut in options_end - tcp.options.len()..bytes.len() {
            let contents = inspect(&frame(&bytes[..cut], bytes.len())).expect("the fixed header is there");
            let options_there = tcp.options.len() - options_end.saturating_sub(cut);
            prop_assert_eq!(contents.options, &tcp.options.as_slice()[..options_there]);
            prop_assert_eq!(contents.payload, &payload[..cut.saturating_sub(options_end)]);
            prop_assert_eq!(contents.payload_len, segment.payload_len);
            prop_assert_eq!(contents.checksum, Checksum::NotChecked);
        }
    }

    #[test]
    fn every_tunnel_shows_the_same((packet, _) in ip_packets(), v6 in any::<bool>()) {
        let inspect_ip = |data: &[u8]| {
            let contents = inspect(&Frame { link: LinkType::Raw, ..frame(data, data.len()) });
            contents.map(|contents| (contents.options.to_vec(), contents.payload.to_vec(), contents.checksum))
        };
        let expected = inspect_ip(&packet);
        prop_assert!(expected.is_some());
        for (name, outer) in tunnels(v6, &packet) {
            prop_assert_eq!(inspect_ip(&outer), expected.clone(), "{}", name);
        }
    }

    #[test]
    fn there_are_contents_where_there_is_a_segment(
        tags in 0..3_usize,
        ip in ip_headers(),
        tcp in tcp_headers(),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let (mut bytes, _) = build(tags, ip, &tcp, b"payload");
        for (place, octet) in damage {
            let place = place.index(bytes.len());
            bytes[place] = octet;
        }
        prop_assert_eq!(inspect_whole(&bytes).is_some(), decode_whole(&bytes).is_ok());
    }
}

#[test]
fn a_changed_octet_makes_a_bad_checksum() {
    let whole = plain(b"abc");
    assert_eq!(checksum(&whole), Checksum::Good);
    for place in [26, TCP + 1, TCP + 13, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[place] ^= 0x40;
        assert_eq!(checksum(&changed), Checksum::Bad, "octet {place}");
    }
    // It covers nothing of the IP header but the addresses.
    let mut changed = whole;
    changed[22] ^= 0x40;
    assert_eq!(checksum(&changed), Checksum::Good);
}

#[test]
fn a_sum_that_is_left_to_the_network_card_is_not_checked() {
    // 10.0.0.1, 10.0.0.2, protocol 6, 20 octets.
    let unfinished = 0x0a00 + 1 + 0x0a00 + 2 + 6 + 20;
    assert_eq!(checksum(&with_checksum(plain(b""), unfinished)), Checksum::NotChecked);
    assert_eq!(checksum(&with_checksum(plain(b""), unfinished + 1)), Checksum::Bad);
    assert_eq!(checksum(&with_checksum(plain(b""), !unfinished)), Checksum::Bad);
    assert_eq!(checksum(&with_checksum(plain(b""), 0)), Checksum::NotChecked);
}

#[test]
fn a_checksum_that_happens_to_be_zero_is_good() {
    let zero = plain(&[0, 0]);
    // The words of all but the checksum sum to 0xffff once this is the payload.
    let missing = u16::from_be_bytes([zero[TCP + 16], zero[TCP + 17]]);
    let packet = with_checksum(plain(&missing.to_be_bytes()), 0);
    assert_eq!(checksum(&packet), Checksum::Good);
}

#[test]
fn an_address_on_the_way_is_not_the_one_that_was_summed() {
    let routed = |segments_left: u8| {
        let routing = Ipv6RawExtHeader::new_raw(IpNumber::TCP, &[4, segments_left, 0, 0, 0, 0]).expect("six octets");
        let routing = Some(Ipv6RoutingExtensions { routing, final_destination_options: None });
        let ip = IpHeaders::Ipv6(Ipv6Header::default(), Ipv6Extensions { routing, ..Ipv6Extensions::default() });
        checksum(&build(0, ip, &plain_tcp(), b"abc").0)
    };
    assert_eq!(routed(0), Checksum::Good);
    assert_eq!(routed(1), Checksum::NotChecked);
}

#[test]
fn the_first_of_fragments_is_not_checked() {
    let mut header = plain_ipv4();
    header.more_fragments = true;
    let ip = IpHeaders::Ipv4(header, Default::default());
    let (bytes, _) = build(0, ip, &plain_tcp(), b"abc");
    assert_eq!(checksum(&with_checksum(bytes, 0x1234)), Checksum::NotChecked);
}
