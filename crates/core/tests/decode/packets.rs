//! What packets are made of: every header that etherparse can build, and the segment that must be read from it.

use etherparse::{
    IpAuthHeader, IpFragOffset, IpHeaders, IpNumber, Ipv4Header, Ipv6Extensions, Ipv6FlowLabel, Ipv6FragmentHeader,
    Ipv6Header, Ipv6RawExtHeader, Ipv6RoutingExtensions, PacketBuilder, TcpHeader, TcpOptionElement, VlanId,
};
use proptest::prelude::*;
use rst_storm_core::capture::{Direction, Frame, LinkType, Timestamp};
use rst_storm_core::tcp::{Endpoint, Flags, IpFacts, Segment, SeqNumber};
use rst_storm_core::wire::{Skip, decode};

const AT: Timestamp = Timestamp(1_700_000_000_000_000_123);

pub(crate) fn frame(data: &[u8], original_len: usize) -> Frame<'_> {
    Frame {
        at: AT,
        interface: 0,
        direction: Direction::Inbound,
        link: LinkType::Ethernet,
        original_len: original_len as u32,
        data,
    }
}

pub(crate) fn decode_whole(data: &[u8]) -> Result<Segment, Skip> {
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
    pub(crate) fn tcp_headers()(
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
    pub(crate) fn ipv4_headers()(
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

pub(crate) fn ip_headers() -> impl Strategy<Value = IpHeaders> {
    prop_oneof![
        ipv4_headers().prop_map(|header| IpHeaders::Ipv4(header, Default::default())),
        ipv6_headers().prop_map(|(header, extensions)| IpHeaders::Ipv6(header, extensions)),
    ]
}

/// The packet with so many VLAN tags, and the segment that must be read from it.
pub(crate) fn build(tags: usize, ip: IpHeaders, tcp: &TcpHeader, payload: &[u8]) -> (Vec<u8>, Segment) {
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
        cut: false,
        ip: facts,
    };
    (bytes, segment)
}

pub(crate) fn plain_tcp() -> TcpHeader {
    TcpHeader::new(1, 2, 3, 4)
}

pub(crate) fn plain_ipv4() -> Ipv4Header {
    Ipv4Header::new(0, 64, IpNumber::TCP, [10, 0, 0, 1], [10, 0, 0, 2]).expect("short enough")
}

pub(crate) fn plain(payload: &[u8]) -> Vec<u8> {
    let ip = IpHeaders::Ipv4(plain_ipv4(), Default::default());
    build(0, ip, &plain_tcp(), payload).0
}

/// An IP packet of either version without a link header, and the segment in it.
pub(crate) fn ip_packets() -> impl Strategy<Value = (Vec<u8>, Segment)> {
    let payload = proptest::collection::vec(any::<u8>(), 0..60);
    (ip_headers(), tcp_headers(), payload).prop_map(|(ip, tcp, payload)| {
        let (frame, segment) = build(0, ip, &tcp, &payload);
        (frame[14..].to_vec(), segment)
    })
}

/// The EtherType of a packet by its version.
pub(crate) fn ether_type(packet: &[u8]) -> u16 {
    if packet[0] >> 4 == 4 { 0x0800 } else { 0x86dd }
}

/// The segment in octets of this link type, all of them captured.
pub(crate) fn decode_link(link: LinkType, data: &[u8]) -> Result<Segment, Skip> {
    decode(&Frame { link, ..frame(data, data.len()) }, 7)
}
