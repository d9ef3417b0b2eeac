//! One file: plain, packed, cut, damaged; what is counted of it.

use rst_storm::watch::{FileReport, SourcePlan};
use rst_storm_core::capture::{Flaw, Frame, LinkType, PcapWriter, Timestamp};

use crate::build::{ACK, MS, RST, Recorder, START, Sent, frame, gzip, pcap, pcapng, plan, read, row};
use crate::common::Folder;

/// Reads a file of these octets.
#[track_caller]
fn read_octets(octets: &[u8]) -> Recorder {
    let folder = Folder::new();
    let path = folder.file("a.pcap");
    std::fs::write(&path, octets).unwrap();
    read(&plan([path.as_path()]))
}

#[track_caller]
fn only_report(mut recorder: Recorder) -> FileReport {
    assert_eq!(recorder.reports.len(), 1);
    recorder.reports.pop().unwrap()
}

#[test]
fn segments_come_in_order_between_begin_and_end() {
    let recorder = read_octets(&pcap(row(START, 3)));
    assert_eq!(recorder.calls, ["begin 0", "0: 1 seq 0", "0: 2 seq 1", "0: 3 seq 2", "end 0 of 3 frames"]);
    let report = only_report(recorder);
    assert!(report.name.ends_with("a.pcap"), "{}", report.name);
    assert_eq!(report.interfaces.len(), 1);
    assert_eq!((report.first, report.last), (Some(Timestamp(START)), Some(Timestamp(START + 2 * MS))));
    assert_eq!(report.damage, None);
}

#[test]
fn many_segments_come_in_batches() {
    let recorder = read_octets(&pcap(row(START, 5000)));
    assert_eq!(recorder.batches, 3);
    assert_eq!(recorder.calls.len(), 5002);
    assert_eq!(only_report(recorder).segments, 5000);
}

#[test]
fn packed_files_are_unpacked_whatever_their_name() {
    let plain = pcap(row(START, 3000));
    let expected = read_octets(&plain).calls;
    assert_eq!(read_octets(&gzip(&plain)).calls, expected);
    for at in [1, 4, 24, plain.len() / 2] {
        let (first, second) = plain.split_at(at);
        assert_eq!(read_octets(&[gzip(first), gzip(second)].concat()).calls, expected, "members parted at {at}");
    }
}

#[test]
fn a_packed_file_that_is_cut_is_damaged_there() {
    let packed = gzip(&pcap(row(START, 3000)));
    let report = only_report(read_octets(&packed[..packed.len() / 2]));
    assert!(report.segments > 0 && report.segments < 3000, "{}", report.segments);
    let damage = report.damage.expect("it is cut");
    assert!(matches!(damage.what, Flaw::Unreadable(_)), "{damage}");
    assert_eq!(damage.frame, report.frames);
    let report = only_report(read_octets(&[&packed[..], b"what doesn't belong there"].concat()));
    assert_eq!(report.segments, 3000);
    assert!(report.damage.is_some());
}

#[test]
fn a_file_that_is_cut_is_damaged_there() {
    let plain = pcap(row(START, 3));
    let report = only_report(read_octets(&plain[..plain.len() - 1]));
    assert_eq!(report.segments, 2);
    assert!(matches!(report.damage.unwrap().what, Flaw::Cut { .. }));
}

#[test]
fn frames_outside_of_the_time_wanted_are_counted_only() {
    let folder = Folder::new();
    let path = folder.file("a.pcap");
    std::fs::write(&path, pcap(row(START, 10))).unwrap();
    let all = plan([path.as_path()]);
    let (from, to) = (Some(Timestamp(START + 3 * MS)), Some(Timestamp(START + 6 * MS)));
    for (from, to, frames) in [(from, to, 4..=7), (from, None, 4..=10), (None, to, 1..=7), (None, None, 1..=10)] {
        let recorder = read(&SourcePlan { from, to, ..all.clone() });
        let seen: Vec<&String> = recorder.calls.iter().filter(|call| call.starts_with("0: ")).collect();
        let expected: Vec<String> = frames.map(|frame| format!("0: {frame} seq {}", frame - 1)).collect();
        assert_eq!(seen, expected.iter().collect::<Vec<_>>());
        let report = only_report(recorder);
        assert_eq!(report.outside_time, 10 - report.segments);
        assert_eq!((report.first, report.last), (Some(Timestamp(START)), Some(Timestamp(START + 9 * MS))));
    }
}

#[test]
fn what_is_odd_is_counted() {
    let mut writer = PcapWriter::new(Vec::new(), LinkType::Ethernet).unwrap();
    let large = vec![0; 1561];
    let [small, large] = [&large[..1560], &large[..]].map(|payload| Sent { payload, ..Sent::default() }.ethernet());
    let mut write = |at, data: &[u8], original_len| {
        let frame = Frame { original_len, ..frame(START + at, data) };
        writer.write(&frame).unwrap();
    };
    write(5, &small, small.len() as u32);
    write(3, &large, large.len() as u32);
    write(3, &small[..60], small.len() as u32);
    write(9, &[0; 60], 60);
    write(2, &small[..40], small.len() as u32);
    let report = only_report(read_octets(&writer.into_inner()));
    assert_eq!((report.frames, report.segments, report.skips.total()), (5, 3, 2));
    assert_eq!((report.super_segments, report.cut_segments, report.backward_steps), (1, 1, 2));
    assert_eq!((report.first, report.last), (Some(Timestamp(START + 2)), Some(Timestamp(START + 9))));
}

#[test]
fn of_resets_is_told_what_they_carried_and_what_is_wrong_with_them() {
    let sent = |flags, payload, checksum| Sent { flags, payload, checksum, ..Sent::default() };
    let mut recorder = read_octets(&pcap([
        sent(RST, b"", None),
        sent(RST, b"go away", None),
        sent(ACK, b"stay", Some(0xbad0)),
        sent(RST | ACK, b"", Some(0xbad0)),
        sent(RST, b"and never come back", None),
    ]));
    recorder.calls.retain(|call| call.starts_with("aside"));
    let [carried, bad, last] = &recorder.calls[..] else { panic!("three of them: {:#?}", recorder.calls) };
    assert!(carried.starts_with("aside 2 ") && carried.ends_with("true"), "{carried}");
    assert_eq!(bad, "aside 4 Bad false");
    assert!(last.starts_with("aside 5 ") && last.ends_with("true"), "{last}");
    assert_eq!(only_report(recorder).bad_reset_checksums, 1);
}

#[test]
fn interfaces_are_told_by_name() {
    let recorder = read_octets(&pcapng(&["eth0", "veth1"], &[(1, Sent::default())]));
    let names: Vec<_> = recorder.reports[0].interfaces.iter().map(|interface| interface.name.as_deref()).collect();
    assert_eq!(names, [Some("eth0"), Some("veth1")]);
}

#[test]
fn a_capture_without_frames_is_one_still() {
    assert_eq!(read_octets(&pcap([])).calls, ["begin 0", "end 0 of 0 frames"]);
}
