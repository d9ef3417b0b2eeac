//! Decoding against an independent oracle: what etherparse builds, `decode` must read; and nothing may make it panic.

use etherparse::{
    EtherType, Ethernet2Header, IpAuthHeader, IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6Extensions,
    Ipv6FlowLabel, Ipv6FragmentHeader, Ipv6Header, Ipv6RawExtHeader, Ipv6RoutingExtensions, PacketBuilder,
    SingleVlanHeader, TcpHeader, TcpOptionElement, VlanId,
};
use proptest::prelude::*;
use rst_storm_core::capture::{Direction, Frame, LinkType, Timestamp};
use rst_storm_core::tcp::{Endpoint, Flags, IpFacts, Segment, SeqNumber};
use rst_storm_core::wire::{Layer, Skip, decode};

const AT: Timestamp = Timestamp(1_700_000_000_000_000_123);

fn frame(data: &[u8], original_len: usize) -> Frame<'_> {
    Frame {
        at: AT,
        interface: 0,
        direction: Direction::Inbound,
        link: LinkType::Ethernet,
        original_len: original_len as u32,
        data,
    }
}

fn decode_whole(data: &[u8]) -> Result<Segment, Skip> {
    decode(&frame(data, data.len()), 7)
}

// What a packet is made of.

fn flags_of(header: &TcpHeader) -> Flags {
    let bits = [header.fin, header.syn, header.rst, header.psh, header.ack, header.urg, header.ece, header.cwr];
    let octet = bits.iter().enumerate().map(|(place, bit)| u8::from(*bit) << place).sum();
    Flags(octet)
}

fn timestamp_of(header: &TcpHeader) -> Option<u32> {
    header.options_iterator().find_map(|option| match option.ok()? {
        TcpOptionElement::Timestamp(value, _) => Some(value),
        _ => None,
    })
}

prop_compose! {
    fn tcp_headers()(
        ports in any::<(u16, u16)>(),
        numbers in any::<(u32, u32)>(),
        bits in any::<u8>(),
        window in any::<u16>(),
        urgent in any::<u16>(),
        options in tcp_options(),
    ) -> TcpHeader {
        let mut header = TcpHeader::new(ports.0, ports.1, numbers.0, window);
        header.acknowledgment_number = numbers.1;
        header.urgent_pointer = urgent;
        header.fin = bits & 1 != 0;
        header.syn = bits & 2 != 0;
        header.rst = bits & 4 != 0;
        header.psh = bits & 8 != 0;
        header.ack = bits & 16 != 0;
        header.urg = bits & 32 != 0;
        header.ece = bits & 64 != 0;
        header.cwr = bits & 128 != 0;
        header.set_options(&options).expect("at most 40 octets of options");
        header
    }
}

/// At most one timestamps option, before, between or after others.
fn tcp_options() -> impl Strategy<Value = Vec<TcpOptionElement>> {
    let other = prop_oneof![
        Just(TcpOptionElement::Noop),
        any::<u16>().prop_map(TcpOptionElement::MaximumSegmentSize),
        any::<u8>().prop_map(TcpOptionElement::WindowScale),
        Just(TcpOptionElement::SelectiveAcknowledgementPermitted),
        any::<(u32, u32)>().prop_map(|block| TcpOptionElement::SelectiveAcknowledgement(block, [None; 3])),
    ];
    let timestamps = proptest::option::of(any::<(u32, u32)>());
    (proptest::collection::vec(other, 0..3), timestamps).prop_map(|(mut options, timestamps)| {
        if let Some((value, echo)) = timestamps {
            let middle = options.len() / 2;
            options.insert(middle, TcpOptionElement::Timestamp(value, echo));
        }
        options
    })
}

prop_compose! {
    fn ipv4_headers()(
        addresses in any::<([u8; 4], [u8; 4])>(),
        (ttl, tos, id, dont_fragment, more_fragments) in any::<(u8, u8, u16, bool, bool)>(),
        option_words in proptest::collection::vec(any::<[u8; 4]>(), 0..=10),
    ) -> Ipv4Header {
        let mut header = Ipv4Header::new(0, ttl, IpNumber::TCP, addresses.0, addresses.1)
            .expect("no payload is not too long");
        header.dscp = (tos >> 2).try_into().expect("six bits");
        header.ecn = (tos & 3).try_into().expect("two bits");
        header.identification = id;
        header.dont_fragment = dont_fragment;
        header.more_fragments = more_fragments;
        header.options = option_words.concat()[..].try_into().expect("whole words");
        header
    }
}

/// An extension header's content: six octets, and eight more for each step.
fn extension() -> impl Strategy<Value = Ipv6RawExtHeader> {
    proptest::collection::vec(any::<u8>(), 0..40).prop_map(|mut content| {
        let whole = content.len().saturating_sub(6).next_multiple_of(8) + 6;
        content.resize(whole, 0);
        Ipv6RawExtHeader::new_raw(IpNumber::TCP, &content).expect("six octets and whole eights")
    })
}

prop_compose! {
    fn ipv6_headers()(
        addresses in any::<([u8; 16], [u8; 16])>(),
        (hop_limit, traffic_class, identification, more) in any::<(u8, u8, u32, bool)>(),
        hop_by_hop_options in proptest::option::of(extension()),
        destination_options in proptest::option::of(extension()),
        routing in proptest::option::of((extension(), proptest::option::of(extension()))),
        fragmented in any::<bool>(),
        authenticated in proptest::option::of(proptest::collection::vec(any::<[u8; 4]>(), 0..5)),
    ) -> (Ipv6Header, Ipv6Extensions) {
        let header = Ipv6Header {
            traffic_class,
            flow_label: Ipv6FlowLabel::try_new(0xabcde).expect("twenty bits"),
            payload_length: 0,
            next_header: IpNumber::TCP,
            hop_limit,
            source: addresses.0,
            destination: addresses.1,
        };
        let fragment = fragmented.then(|| {
            Ipv6FragmentHeader::new(IpNumber::TCP, IpFragOffset::ZERO, more, identification)
        });
        let auth = authenticated.map(|icv| {
            IpAuthHeader::new(IpNumber::TCP, 1, 2, &icv.concat()).expect("whole words")
        });
        let extensions = Ipv6Extensions {
            hop_by_hop_options,
            destination_options,
            routing: routing.map(|(routing, final_destination_options)| Ipv6RoutingExtensions {
                routing,
                final_destination_options,
            }),
            fragment,
            auth,
        };
        (header, extensions)
    }
}

fn ip_headers() -> impl Strategy<Value = IpHeaders> {
    prop_oneof![
        ipv4_headers().prop_map(|header| IpHeaders::Ipv4(header, Default::default())),
        ipv6_headers().prop_map(|(header, extensions)| IpHeaders::Ipv6(header, extensions)),
    ]
}

/// The packet with so many VLAN tags, and the segment that must be read from it.
fn build(tags: usize, ip: IpHeaders, tcp: &TcpHeader, payload: &[u8]) -> (Vec<u8>, Segment) {
    let vlan = |id| VlanId::try_new(id).expect("twelve bits");
    let link = PacketBuilder::ethernet2([2; 6], [4; 6]);
    let step = match tags {
        0 => link.ip(ip.clone()),
        1 => link.single_vlan(vlan(5)).ip(ip.clone()),
        _ => link.double_vlan(vlan(6), vlan(7)).ip(ip.clone()),
    };
    let mut bytes = Vec::new();
    step.tcp_header(tcp.clone()).write(&mut bytes, payload).expect("a vector takes everything");
    let (source, destination, facts) = match ip {
        IpHeaders::Ipv4(header, _) => (
            header.source.into(),
            header.destination.into(),
            IpFacts {
                ttl: header.time_to_live,
                tos: header.dscp.value() << 2 | header.ecn.value(),
                id: Some(header.identification),
                dont_fragment: header.dont_fragment,
            },
        ),
        IpHeaders::Ipv6(header, _) => (
            header.source.into(),
            header.destination.into(),
            IpFacts { ttl: header.hop_limit, tos: header.traffic_class, id: None, dont_fragment: true },
        ),
    };
    let segment = Segment {
        at: AT,
        frame: 7,
        source: Endpoint::new(source, tcp.source_port),
        destination: Endpoint::new(destination, tcp.destination_port),
        seq: SeqNumber(tcp.sequence_number),
        ack: SeqNumber(tcp.acknowledgment_number),
        flags: flags_of(tcp),
        window: tcp.window_size,
        timestamp_value: timestamp_of(tcp),
        payload_len: payload.len() as u32,
        ip: facts,
    };
    (bytes, segment)
}

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
                    prop_assert_eq!(rest_of_it, expected);
                    prop_assert!(cut < options_end || read == expected);
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

fn plain_tcp() -> TcpHeader {
    TcpHeader::new(1, 2, 3, 4)
}

fn plain_ipv4() -> Ipv4Header {
    Ipv4Header::new(0, 64, IpNumber::TCP, [10, 0, 0, 1], [10, 0, 0, 2]).expect("short enough")
}

fn plain(payload: &[u8]) -> Vec<u8> {
    let ip = IpHeaders::Ipv4(plain_ipv4(), Default::default());
    build(0, ip, &plain_tcp(), payload).0
}

#[test]
fn a_super_segment_without_a_length_takes_the_frames() {
    let mut bytes = plain(&[0; 1000]);
    bytes[16..18].fill(0);
    // Of 70,000 octets on the wire, 1,054 were captured.
    let segment = decode(&frame(&bytes, 70_000), 1).unwrap();
    assert_eq!(segment.payload_len, 70_000 - 54);
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
