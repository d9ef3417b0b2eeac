//! One segment at several interfaces is one segment; the same one sent again is two.

use rst_storm_core::capture::{Frame, LinkType, PcapWriter};

use crate::build::{MS, START, Sent, frame, pcap, pcapng, plan, read};
use crate::common::Folder;

/// How many segments of a file are handed on, and how many were duplicates.
#[track_caller]
fn counts(octets: &[u8]) -> (u64, u64) {
    let folder = Folder::new();
    let path = folder.file("a.pcap");
    std::fs::write(&path, octets).unwrap();
    let recorder = read(&plan([path.as_path()]));
    let taken = recorder.calls.iter().filter(|call| call.starts_with("0: ")).count() as u64;
    assert_eq!(taken, recorder.reports[0].segments);
    (taken, recorder.reports[0].duplicates)
}

fn sent(at: u64) -> Sent<'static> {
    Sent { at: START + at, ..Sent::default() }
}

/// A Linux cooked capture of one packet, seen with these headers.
fn cooked<const N: usize>(link: LinkType, headers: &[[u8; N]]) -> Vec<u8> {
    let mut writer = PcapWriter::new(Vec::new(), link).unwrap();
    for (number, header) in headers.iter().enumerate() {
        let data = [&header[..], &sent(0).packet()].concat();
        writer.write(&Frame { link, ..frame(START + number as u64 * 1000, &data) }).unwrap();
    }
    writer.into_inner()
}

#[test]
fn a_segment_at_two_interfaces_is_one() {
    assert_eq!(counts(&pcapng(&["a", "b"], &[(0, sent(0)), (1, sent(10))])), (1, 1));
    assert_eq!(counts(&pcapng(&["a", "b"], &[(1, sent(0)), (0, sent(10)), (1, sent(20)), (0, sent(30))])), (2, 2));
}

#[test]
fn what_only_looks_like_it_is_two() {
    let late = sent(5 * MS + 1);
    let other = Sent { seq: 1001, ..sent(10) };
    assert_eq!(counts(&pcapng(&["a", "b"], &[(0, sent(0)), (1, late)])), (2, 0));
    assert_eq!(counts(&pcapng(&["a", "b"], &[(0, sent(0)), (1, other)])), (2, 0));
    assert_eq!(counts(&pcapng(&["a", "b"], &[(0, sent(0)), (0, sent(10))])), (2, 0));
    assert_eq!(counts(&pcapng(&["a"], &[(0, sent(0)), (0, sent(10))])), (2, 0));
    assert_eq!(counts(&pcap([sent(0), sent(10)])), (2, 0));
}

#[test]
fn a_cooked_header_tells_the_interface() {
    let header =
        |index: u8, packet_type: u8| [8, 0, 0, 0, 0, 0, 0, index, 0, 1, packet_type, 6, 2, 0, 0, 0, 0, 1, 0, 0];
    let two = |first, second| counts(&cooked(LinkType::LinuxCooked2, &[first, second]));
    assert_eq!(two(header(1, 0), header(2, 0)), (1, 1));
    assert_eq!(two(header(1, 0), header(1, 4)), (1, 1));
    assert_eq!(two(header(1, 0), header(1, 0)), (2, 0));

    let header = |packet_type: u8| [0, packet_type, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0];
    let two = |first, second| counts(&cooked(LinkType::LinuxCooked, &[first, second]));
    assert_eq!(two(header(0), header(4)), (1, 1));
    assert_eq!(two(header(4), header(4)), (2, 0));
}
