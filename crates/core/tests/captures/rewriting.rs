//! A capture that is read and written again with more comments: everything else stays.

use std::borrow::Cow;

use pcap_parser::pcapng::{Block, parse_block_le, parse_sectionheaderblock_le};
use proptest::prelude::*;
use rst_storm_core::capture::{
    CaptureReader, Direction, FrameSource, Interface, KnownInterface, LinkType, PcapngWriter,
};

use crate::build::{Order, Pieces, Seen, drain, read_all};

/// The capture as pcapng, with one more comment on every frame for which there is one.
fn rewrite(file: &[u8], comment_on: impl Fn(usize) -> Option<&'static str>) -> Vec<u8> {
    let mut reader = CaptureReader::open(file).expect("a capture");
    let mut writer = PcapngWriter::open(Vec::new()).expect("memory");
    let mut number = 0;
    while let Some(record) = reader.next_record().expect("no errors in memory") {
        for interface in &record.interfaces[writer.interfaces()..] {
            writer.add_interface(interface).expect("memory");
        }
        number += 1;
        let comments = record.comments().chain(comment_on(number).map(Cow::Borrowed));
        writer.write_commented(&record.frame, comments).expect("an interface that is described");
    }
    for interface in &reader.interfaces()[writer.interfaces()..] {
        writer.add_interface(interface).expect("memory");
    }
    assert_eq!(reader.damage(), None);
    writer.into_inner()
}

fn interfaces(file: &[u8]) -> Vec<KnownInterface> {
    let mut reader = CaptureReader::open(file).expect("a capture");
    drain(&mut reader);
    reader.interfaces().to_vec()
}

fn comments(file: &[u8]) -> Vec<Vec<String>> {
    let mut reader = CaptureReader::open(file).expect("a capture");
    let mut all = Vec::new();
    while let Some(record) = reader.next_record().expect("no errors in memory") {
        all.push(record.comments().map(|comment| comment.into_owned()).collect());
    }
    all
}

fn assert_the_same(file: &[u8], again: &[u8]) {
    assert_eq!(read_all(again), read_all(file));
    assert_eq!(interfaces(again), interfaces(file));
}

/// What a file is made of: an interface, or a frame of one of those before it.
#[derive(Clone, Debug)]
enum Piece {
    Interface { link: u16, snap_length: u32, name: Option<String>, nanos: bool },
    Frame { pick: prop::sample::Index, units: u64, data: Vec<u8>, flags: u32, comments: Vec<String> },
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let name = proptest::option::of("[a-z]{0,5}");
    let interface = (any::<u16>(), any::<u32>(), name, any::<bool>())
        .prop_map(|(link, snap_length, name, nanos)| Piece::Interface { link, snap_length, name, nanos });
    let data = proptest::collection::vec(any::<u8>(), 0..100);
    let comments = proptest::collection::vec(".{0,20}", 0..3);
    let frame = (any::<prop::sample::Index>(), any::<u64>(), data, any::<u32>(), comments)
        .prop_map(|(pick, units, data, flags, comments)| Piece::Frame { pick, units, data, flags, comments });
    proptest::collection::vec(prop_oneof![1 => interface, 3 => frame], 0..30)
}

/// The file, and the comments of its frames.
fn build(order: Order, pieces: &[Piece]) -> (Vec<u8>, Vec<Vec<String>>) {
    let (mut file, mut said, mut described) = (order.section(), Vec::new(), 0);
    for piece in pieces {
        match piece {
            Piece::Interface { link, snap_length, name, nanos } => {
                let mut options: Vec<(u16, &[u8])> = Vec::new();
                options.extend(name.as_ref().map(|name| (2, name.as_bytes())));
                options.extend(nanos.then_some((9, &[9][..])));
                file.extend(order.interface(*link, *snap_length, &options));
                described += 1;
            }
            Piece::Frame { .. } if described == 0 => {}
            Piece::Frame { pick, units, data, flags, comments } => {
                let flags = order.u32(*flags);
                let mut options: Vec<(u16, &[u8])> = vec![(2, &flags)];
                options.extend(comments.iter().map(|comment| (1, comment.as_bytes())));
                file.extend(order.enhanced(pick.index(described) as u32, *units, data, &options));
                said.push(comments.clone());
            }
        }
    }
    (file, said)
}

proptest! {
    #[test]
    fn a_rewritten_capture_reads_the_same(pieces in pieces(), big in any::<bool>()) {
        let (file, mut said) = build(if big { Order::Big } else { Order::Little }, &pieces);
        prop_assert_eq!(comments(&file), said.clone());
        let again = rewrite(&file, |number| (number % 3 == 0).then_some("more"));
        assert_the_same(&file, &again);
        for comments in said.iter_mut().skip(2).step_by(3) {
            comments.push("more".into());
        }
        prop_assert_eq!(comments(&again), said);
    }
}

#[test]
fn every_kind_of_packet_is_kept() {
    let file = Pieces::pcapng().bytes;
    let again = rewrite(&file, |_| None);
    assert_the_same(&file, &again);
    let on_the_second = [vec![], vec!["a comment".to_owned()], vec![], vec![]];
    assert_eq!(comments(&again), [&on_the_second[..], &on_the_second].concat());
}

#[test]
fn a_pcap_file_becomes_pcapng() {
    for order in [Order::Little, Order::Big] {
        let file = Pieces::pcap(order, 0xa1b2_c3d4).bytes;
        let again = rewrite(&file, |number| (number == 2).then_some("the second"));
        assert_the_same(&file, &again);
        assert_eq!(comments(&again), [vec![], vec!["the second".to_owned()], vec![], vec![]]);
    }
}

/// By the other reader.
fn kinds(file: &[u8]) -> Vec<String> {
    let (mut rest, _) = parse_sectionheaderblock_le(file).expect("a section");
    let mut kinds = Vec::new();
    while !rest.is_empty() {
        let (after, block) = parse_block_le(rest).expect("a block");
        kinds.push(match block {
            Block::InterfaceDescription(interface) => format!("interface of {}", interface.linktype.0),
            Block::EnhancedPacket(packet) => format!("packet of interface {}", packet.if_id),
            other => format!("{other:?}"),
        });
        rest = after;
    }
    kinds
}

#[test]
fn an_interface_may_come_between_packets() {
    let mut writer =
        PcapngWriter::new(Vec::new(), &[Interface { name: "eth0", link: LinkType::Ethernet, description: None }])
            .unwrap();
    let late = KnownInterface { name: Some("tun0".into()), link: LinkType::Raw, snap_length: 96 };
    let first = Seen::new(1, b"first");
    let second = Seen { interface: 1, link: LinkType::Raw, direction: Direction::Outbound, ..Seen::new(2, b"second") };
    writer.write(&first.frame(), None).unwrap();
    assert!(writer.write(&second.frame(), None).is_err(), "its interface isn't described yet");
    assert_eq!(writer.add_interface(&late).unwrap(), 1);
    writer.write_commented(&second.frame(), ["one", "two"]).unwrap();
    assert_eq!(writer.interfaces(), 2);
    let file = writer.into_inner();
    assert_eq!(kinds(&file), ["interface of 1", "packet of interface 0", "interface of 101", "packet of interface 1"]);
    assert_eq!(read_all(&file[..]), (vec![first, second], None));
    assert_eq!(interfaces(&file)[1], late);
    assert_eq!(comments(&file), [vec![], vec!["one".to_owned(), "two".to_owned()]]);
}

#[test]
fn a_copied_frame_is_neither_cut_nor_set_right() {
    let interface = KnownInterface { name: None, link: LinkType::Ethernet, snap_length: 64 };
    let long = Seen { original_len: 0, ..Seen::new(1, &vec![7; 300_000]) };
    let mut writer = PcapngWriter::open(Vec::new()).unwrap();
    writer.add_interface(&interface).unwrap();
    writer.write(&long.frame(), None).unwrap();
    assert_eq!(read_all(&writer.into_inner()[..]), (vec![long], None));
}

#[test]
fn octets_of_a_comment_that_are_no_text_are_replaced() {
    let order = Order::Little;
    let mut file = order.section();
    file.extend(order.interface(1, 0, &[]));
    file.extend(order.enhanced(0, 1, b"x", &[(1, b"a\xffb")]));
    assert_eq!(comments(&file), [["a\u{fffd}b"]]);
}

#[test]
fn a_record_holds_the_frame_that_is_given_alone() {
    let file = Pieces::pcapng().bytes;
    let (mut by_record, mut alone) = (CaptureReader::open(&file[..]).unwrap(), CaptureReader::open(&file[..]).unwrap());
    let mut count = 0;
    while let Some(record) = by_record.next_record().unwrap() {
        assert_eq!(Seen::from(record.frame), alone.next_frame().unwrap().unwrap().into());
        assert_eq!(record.interfaces[record.frame.interface].link, record.frame.link);
        count += 1;
    }
    assert!(alone.next_frame().unwrap().is_none());
    assert_eq!((count, by_record.frames()), (8, 8));
}
