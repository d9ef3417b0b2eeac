//! Captures that are cut, damaged or hostile.

use std::io::{self, ErrorKind, Read};

use proptest::prelude::*;
use rst_storm_core::capture::{CaptureReader, Damage, Flaw, FrameSource};

use crate::build::{Order, Pieces, read_all};

const MICRO: u32 = 0xa1b2_c3d4;

#[test]
fn a_cut_file_is_read_up_to_the_cut() {
    for Pieces { bytes, boundaries } in [Pieces::pcap(Order::Little, MICRO), Pieces::pcapng()] {
        let (all, none) = read_all(&bytes[..]);
        assert_eq!(none, None);
        assert_eq!(all.len(), boundaries.last().unwrap().1);
        for cut in 4..=bytes.len() {
            let (seen, damage) = read_all(&bytes[..cut]);
            // The last boundary before the cut; before the first there is nothing but the beginning.
            let whole = boundaries.iter().rev().find(|(end, _)| *end <= cut);
            let (at, frames) = whole.copied().unwrap_or_default();
            assert_eq!(seen, all[..frames], "cut at {cut}");
            let octets = (cut - at) as u64;
            let expected = Damage { at: at as u64, frame: frames as u64, what: Flaw::Cut { octets } };
            assert_eq!(damage, (octets > 0).then_some(expected), "cut at {cut}");
        }
    }
}

/// The damage that is found in a file, and how many frames came before.
fn damage_in(file: &[u8]) -> (u64, Flaw) {
    let (seen, damage) = read_all(file);
    let damage = damage.expect("damage");
    assert_eq!(damage.frame, seen.len() as u64);
    (damage.at, damage.what)
}

#[test]
fn a_record_longer_than_any_is_damage() {
    let order = Order::Big;
    let header = order.pcap_header(MICRO, 0, 1);
    let mut file = [header, order.pcap_record(1, 2, 3, b"abc")].concat();
    let at = file.len() as u64;
    let mut record = order.pcap_record(1, 2, 3, b"abc");
    record[8..12].copy_from_slice(&order.u32(262_145));
    file.extend(record);
    file.resize(500_000, 0);
    assert_eq!(damage_in(&file), (at, Flaw::Length(262_145)));
}

#[test]
fn a_block_that_contradicts_itself_is_damage() {
    let order = Order::Big;
    let whole = [order.section(), order.interface(1, 0, &[]), order.enhanced(0, 5, b"abcde", &[])].concat();
    let at = whole.len() as u64;
    let with = |block: Vec<u8>| damage_in(&[&whole[..], &block].concat());
    let length = |kind, length: u32| {
        let mut block = order.block(kind, &[0; 40]);
        block[4..8].copy_from_slice(&order.u32(length));
        block
    };
    for kind in [1, 6, 0x0bad] {
        assert_eq!(with(length(kind, 8)), (at, Flaw::Length(8)));
        assert_eq!(with(length(kind, 50)), (at, Flaw::Length(50)));
        assert_eq!(with(length(kind, 48)), (at, Flaw::Lengths { first: 48, last: 0 }));
    }
    assert_eq!(with(length(6, 0x0fff_fffc)), (at, Flaw::Length(0x0fff_fffc)));
    assert_eq!(with(length(0x0bad, 0xffff_fffc)), (at, Flaw::Cut { octets: 52 }));
    for (kind, short) in [(1, 4), (2, 16), (3, 0), (6, 16), (0x0a0d_0d0a, 4)] {
        let mut body = vec![0; short];
        body.splice(..short.min(4), order.u32(0x1a2b_3c4d).into_iter().take(short));
        let block = order.block(kind, &body);
        let expected = Flaw::Length(block.len() as u32);
        // Too short a section has no byte order, but what follows it.
        let what = with(block).1;
        assert!(what == expected, "block {kind}: {what}");
    }
    let mut longer = order.enhanced(0, 5, b"abcde", &[]);
    longer[20..24].copy_from_slice(&order.u32(9));
    assert_eq!(with(longer), (at, Flaw::Length(9)));
    assert_eq!(with(order.enhanced(1, 5, b"abcde", &[])), (at, Flaw::UnknownInterface(1)));
    assert_eq!(with([order.section(), order.simple(1, b"a")].concat()).1, Flaw::UnknownInterface(0));
    let mut section = order.section();
    section[8] = 9;
    assert_eq!(with(section), (at, Flaw::ByteOrder(0x092b_3c4d)));
    let mut section = order.section();
    section[13] = 2;
    assert_eq!(with(section), (at, Flaw::Version(2)));
}

#[test]
fn interfaces_without_end_are_damage() {
    let order = Order::Little;
    let mut file = order.section();
    let long_name = [b'x'; 4000];
    for _ in 0..20_000 {
        file.extend(order.interface(1, 0, &[(2, &long_name)]));
    }
    let mut reader = CaptureReader::open(&file[..]).unwrap();
    assert!(reader.next_frame().unwrap().is_none());
    assert_eq!(reader.damage().unwrap().what, Flaw::TooManyInterfaces);
    assert_eq!(reader.interfaces().len(), 1 << 14);
    assert!(reader.interfaces().iter().all(|interface| interface.name.as_ref().unwrap().len() == 256));
}

/// An input that fails after its octets, in the way of one that is unpacked or of a disk.
struct Failing<'a>(&'a [u8], ErrorKind);

impl Read for Failing<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        match self.0.read(room)? {
            0 => Err(io::Error::new(self.1, "the packing is torn")),
            read => Ok(read),
        }
    }
}

#[test]
fn an_input_that_is_damaged_itself_is_damage() {
    let Pieces { bytes, boundaries } = Pieces::pcap(Order::Little, MICRO);
    let (end, frames) = boundaries[2];
    for kind in [ErrorKind::UnexpectedEof, ErrorKind::InvalidData, ErrorKind::InvalidInput] {
        for extra in [0, 5] {
            let (seen, damage) = read_all(Failing(&bytes[..end + extra], kind));
            let what = Flaw::Unreadable("the packing is torn".to_owned());
            assert_eq!(seen.len(), frames);
            assert_eq!(damage, Some(Damage { at: end as u64, frame: frames as u64, what }));
        }
    }
    let mut reader = CaptureReader::open(Failing(&bytes[..24], ErrorKind::BrokenPipe)).unwrap();
    assert_eq!(reader.next_frame().unwrap_err().kind(), ErrorKind::BrokenPipe);
}

/// Reads everything; the frames can't hold more than the file.
fn read_whatever(file: &[u8]) {
    if let Ok(mut reader) = CaptureReader::open(file) {
        let mut octets = 0;
        while let Some(frame) = reader.next_frame().expect("no errors in memory") {
            octets += frame.data.len();
        }
        assert!(octets <= file.len());
        if let Some(damage) = reader.damage() {
            assert!(damage.at <= file.len() as u64);
            assert_eq!(damage.frame, reader.frames());
        }
    }
}

proptest! {
    #[test]
    fn no_octets_panic(
        magic in prop::sample::select(vec![
            [0xd4, 0xc3, 0xb2, 0xa1], [0xa1, 0xb2, 0x3c, 0x4d], [0x34, 0xcd, 0xb2, 0xa1], [0x0a, 0x0d, 0x0d, 0x0a],
        ]),
        octets in proptest::collection::vec(prop_oneof![Just(0), any::<u8>()], 0..300),
    ) {
        read_whatever(&[&magic[..], &octets].concat());
        read_whatever(&octets);
    }

    #[test]
    fn no_damage_panics(
        which in 0..3_usize,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut file = match which {
            0 => Pieces::pcap(Order::Little, MICRO).bytes,
            1 => Pieces::pcap(Order::Big, 0xa1b2_cd34).bytes,
            _ => Pieces::pcapng().bytes,
        };
        for (place, octet) in damage {
            let place = place.index(file.len());
            file[place] = octet;
        }
        read_whatever(&file);
    }
}
