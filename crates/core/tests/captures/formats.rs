//! Every variant of the two formats, against what was put into it and against pcap-parser.

use pcap_parser::pcapng::Block;
use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{LegacyPcapReader, PcapBlockOwned, PcapNGCapture};
use proptest::prelude::*;
use rst_storm_core::capture::{
    CaptureReader, Direction, Interface, KnownInterface, LinkType, OpenError, PcapWriter, PcapngWriter,
};

use crate::build::{Order, Pieces, Seen, drain, read_all};

const MICRO: u32 = 0xa1b2_c3d4;
const NANO: u32 = 0xa1b2_3c4d;
const MODIFIED: u32 = 0xa1b2_cd34;
const SECOND: u64 = 1_000_000_000;

prop_compose! {
    fn frames()(
        seconds in any::<u32>(),
        nanos in 0..SECOND,
        interface in 0..2_usize,
        direction in prop_oneof![Just(Direction::Inbound), Just(Direction::Outbound), Just(Direction::Unknown)],
        cut in 0..2000_u32,
        data in proptest::collection::vec(any::<u8>(), 0..300),
    ) -> Seen {
        let at = u64::from(seconds) * SECOND + nanos;
        let original_len = data.len() as u32 + cut;
        Seen { at, interface, direction, link: LinkType::Ethernet, original_len, data }
    }
}

proptest! {
    #[test]
    fn what_the_pcap_writer_writes_is_read(number in any::<u16>(), frames in proptest::collection::vec(frames(), 0..20)) {
        let link = LinkType::from_number(number);
        let mut writer = PcapWriter::new(Vec::new(), link).expect("memory");
        let as_read = |frame: Seen| Seen { interface: 0, direction: Direction::Unknown, link, ..frame };
        let frames: Vec<Seen> = frames.into_iter().map(as_read).collect();
        for frame in &frames {
            writer.write(&frame.frame()).expect("memory");
        }
        prop_assert_eq!(read_all(&writer.into_inner()[..]), (frames, None));
    }

    #[test]
    fn what_the_pcapng_writer_writes_is_read(frames in proptest::collection::vec(frames(), 0..20)) {
        let describe = |name| Interface { name, link: LinkType::Ethernet, description: Some("a port") };
        let mut writer = PcapngWriter::new(Vec::new(), &[describe("left"), describe("right")]).expect("memory");
        for (number, frame) in frames.iter().enumerate() {
            writer.write(&frame.frame(), (number % 2 == 0).then_some("a comment")).expect("memory");
        }
        let file = writer.into_inner();
        prop_assert_eq!(read_all(&file[..]), (frames.clone(), None));
        let mut reader = CaptureReader::open(&file[..]).expect("a capture");
        prop_assert_eq!(drain(&mut reader).len() as u64, reader.frames());
        let names: Vec<_> = reader.interfaces().iter().map(|interface| interface.name.as_deref()).collect();
        prop_assert_eq!(names, [Some("left"), Some("right")]);
    }
}

#[test]
fn pcap_of_both_byte_orders_and_resolutions() {
    for order in [Order::Little, Order::Big] {
        for (magic, unit) in [(MICRO, 1000), (NANO, 1)] {
            let mut file = order.pcap_header(magic, 96, 113);
            file.extend(order.pcap_record(1_700_000_000, 123_456, 1514, b"abc"));
            file.extend(order.pcap_record(u32::MAX, 999_999, 3, b"xyz"));
            let mut reader = CaptureReader::open(&file[..]).unwrap();
            let link = LinkType::LinuxCooked;
            let first = Seen { link, original_len: 1514, ..Seen::new(1_700_000_000 * SECOND + 123_456 * unit, b"abc") };
            let second = Seen { link, ..Seen::new(u64::from(u32::MAX) * SECOND + 999_999 * unit, b"xyz") };
            assert_eq!(drain(&mut reader), [first, second]);
            assert_eq!(reader.damage(), None);
            assert_eq!(reader.interfaces(), [KnownInterface { name: None, link, snap_length: 96 }]);
        }
    }
}

#[test]
fn modified_pcap_has_eight_octets_more() {
    for order in [Order::Little, Order::Big] {
        let mut file = order.pcap_header(MODIFIED, 65_535, 1);
        for _ in 0..2 {
            let mut record = order.pcap_record(9, 1, 3, b"abc");
            record.splice(16..16, [0, 0, 0, 7, 8, 0, 4, 0]);
            file.extend(record);
        }
        let seen = Seen::new(9 * SECOND + 1000, b"abc");
        assert_eq!(read_all(&file[..]), (vec![seen.clone(), seen], None));
    }
}

#[test]
fn the_upper_half_of_pcaps_link_type_is_something_else() {
    let file = Order::Little.pcap_header(MICRO, 65_535, 0x2400_0065);
    let mut reader = CaptureReader::open(&file[..]).unwrap();
    assert!(drain(&mut reader).is_empty());
    assert_eq!(reader.interfaces()[0].link, LinkType::Raw);
}

/// Two sections, each with two interfaces of their own resolution, offset, link type.
fn sections() -> Vec<u8> {
    let mut file = Vec::new();
    for order in [Order::Little, Order::Big] {
        let offset = match order {
            Order::Little => 1_700_000_000_i64.to_le_bytes(),
            Order::Big => 1_700_000_000_i64.to_be_bytes(),
        };
        file.extend(order.section());
        file.extend(order.interface(1, 65_535, &[(2, b"eth0"), (3, b"described")]));
        file.extend(order.enhanced(0, 1_700_000_000_000_001, b"micro", &[]));
        file.extend(order.interface(101, 0, &[(14, &offset), (9, &[0x80 | 10]), (2, b"tun0")]));
        file.extend(order.enhanced(1, (5 << 10) + 512, b"binary", &[(1, b"x"), (2, &order.u32(0x1e1))]));
        file.extend(order.obsolete(0, 1_700_000_000_000_002, b"old", &[(2, &order.u32(2))]));
        file.extend(order.block(0x8000_0bad, b"of a kind that nobody knows"));
        file.extend(order.simple(3, b"abc"));
    }
    file
}

#[test]
fn pcapng_of_many_sections_and_interfaces() {
    let file = sections();
    let mut reader = CaptureReader::open(&file[..]).unwrap();
    let second = 1_700_000_000 * SECOND;
    let mut expected = Vec::new();
    for first in [0, 2] {
        let ethernet = |at, data: &[u8]| Seen { interface: first, ..Seen::new(at, data) };
        expected.push(ethernet(second + 1000, b"micro"));
        expected.push(Seen {
            interface: first + 1,
            direction: Direction::Inbound,
            link: LinkType::Raw,
            ..Seen::new(second + 5_500_000_000, b"binary")
        });
        expected.push(Seen { direction: Direction::Outbound, ..ethernet(second + 2000, b"old") });
        expected.push(ethernet(second + 2000, b"abc"));
    }
    assert_eq!(drain(&mut reader), expected);
    assert_eq!(reader.damage(), None);
    assert_eq!((reader.frames(), reader.untimed(), reader.clamped_times()), (8, 2, 0));
    let eth0 = KnownInterface { name: Some("eth0".into()), link: LinkType::Ethernet, snap_length: 65_535 };
    let tun0 = KnownInterface { name: Some("tun0".into()), link: LinkType::Raw, snap_length: 0 };
    assert_eq!(reader.interfaces(), [eth0.clone(), tun0.clone(), eth0, tun0]);
}

#[test]
fn a_simple_packet_is_as_long_as_the_snap_length_leaves_it() {
    let order = Order::Little;
    for (snap_length, captured) in [(0, 9), (5, 5), (9, 9), (100, 9)] {
        let mut file = order.section();
        file.extend(order.interface(1, snap_length, &[]));
        file.extend(order.simple(9, &[7; 9][..captured]));
        let seen = Seen { original_len: 9, ..Seen::new(0, &[7; 9][..captured]) };
        assert_eq!(read_all(&file[..]), (vec![seen], None));
    }
}

#[test]
fn times_before_1970_are_clamped_and_counted() {
    let order = Order::Little;
    let mut file = order.section();
    file.extend(order.interface(1, 0, &[(9, &[9]), (14, &(-10_i64).to_le_bytes())]));
    file.extend(order.enhanced(0, 9 * SECOND, b"before", &[]));
    file.extend(order.enhanced(0, 11 * SECOND, b"after", &[]));
    let mut reader = CaptureReader::open(&file[..]).unwrap();
    assert_eq!(drain(&mut reader), [Seen::new(0, b"before"), Seen::new(SECOND, b"after")]);
    assert_eq!(reader.clamped_times(), 1);
}

#[test]
fn pcap_parser_reads_the_same_pcap() {
    for order in [Order::Little, Order::Big] {
        let file = Pieces::pcap(order, NANO).bytes;
        // Its reader of slices takes every record for little-endian.
        let mut reader = LegacyPcapReader::new(1 << 16, &file[..]).expect("a capture");
        let mut theirs = Vec::new();
        while let Ok((length, block)) = reader.next() {
            if let PcapBlockOwned::Legacy(block) = block {
                let at = u64::from(block.ts_sec) * SECOND + u64::from(block.ts_usec);
                theirs.push(Seen { original_len: block.origlen, ..Seen::new(at, block.data) });
            }
            reader.consume(length);
        }
        assert_eq!(read_all(&file[..]), (theirs, None));
    }
}

#[test]
fn pcap_parser_reads_the_same_pcapng() {
    let file = Pieces::pcapng().bytes;
    let theirs = PcapNGCapture::from_file(&file).expect("a capture");
    let is_packet = |block: &Block<'_>| match block {
        Block::EnhancedPacket(packet) => Some(packet.data[..packet.caplen as usize].to_vec()),
        // It doesn't look at the snap length, which is none here.
        Block::SimplePacket(packet) => Some(packet.data.to_vec()),
        // It doesn't know the obsolete packet, and leaves the type as it stands.
        Block::Unknown(block) if matches!(block.block_type, 2 | 0x0200_0000) => Some(block.data[20..61].to_vec()),
        _ => None,
    };
    let theirs: Vec<Vec<u8>> =
        theirs.sections.iter().flat_map(|section| &section.blocks).filter_map(is_packet).collect();
    let (seen, damage) = read_all(&file[..]);
    let ours: Vec<Vec<u8>> = seen.into_iter().map(|frame| frame.data).collect();
    assert_eq!((ours, damage), (theirs, None));
}

#[test]
fn what_is_no_capture_is_told_so() {
    let open = |octets: &[u8]| CaptureReader::open(octets).expect_err("no capture").to_string();
    assert!(matches!(CaptureReader::open(&[][..]), Err(OpenError::Empty)));
    assert!(matches!(CaptureReader::open(&[0x1f, 0x8b, 8, 0, 0][..]), Err(OpenError::Gzip)));
    assert_eq!(open(b"hello"), "is neither pcap nor pcapng (it begins with 68 65 6c 6c)");
    assert_eq!(open(&[0xd4, 0xc3]), "is neither pcap nor pcapng (it begins with d4 c3)");
}
