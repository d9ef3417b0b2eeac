//! Several files: one after the other, or merged into one timeline.

use std::path::PathBuf;

use rst_storm::watch::{SourcePlan, Workers};

use crate::build::{MS, Recorder, START, Sent, pcap, plan, read, row, try_read};
use crate::common::Folder;

fn write(folder: &Folder, name: &str, octets: &[u8]) -> PathBuf {
    let path = folder.file(name);
    std::fs::write(&path, octets).unwrap();
    path
}

fn at(times: &[u64]) -> Vec<u8> {
    pcap(times.iter().map(|time| Sent { at: START + time, ..Sent::default() }))
}

#[test]
fn files_are_timelines_of_their_own() {
    let folder = Folder::new();
    let (a, b) = (write(&folder, "a", &at(&[5, 6])), write(&folder, "b", &at(&[1])));
    assert_eq!(
        read(&plan([a.as_path(), &b])).calls,
        [
            "begin 0",
            "0: 1 seq 1000",
            "0: 2 seq 1000",
            "end 0 of 2 frames",
            "begin 1",
            "1: 1 seq 1000",
            "end 1 of 1 frames"
        ]
    );
}

#[test]
fn merged_segments_come_by_time_and_ties_by_the_order_of_the_files() {
    let folder = Folder::new();
    let files = [
        write(&folder, "a", &at(&[2, 4, 4, 9])),
        write(&folder, "b", &at(&[])),
        write(&folder, "c", &at(&[1, 4, 9])),
        write(&folder, "d", &at(&[4, 3, 9])),
    ];
    let merged = SourcePlan { merge: true, ..plan(files.iter().map(PathBuf::as_path)) };
    let calls = read(&merged).calls;
    let order: Vec<&str> =
        calls.iter().filter(|call| call.contains(": ")).map(|call| call.split(" seq").next().unwrap()).collect();
    assert_eq!(order, ["2: 1", "0: 1", "0: 2", "0: 3", "2: 2", "3: 1", "3: 2", "0: 4", "2: 3", "3: 3"]);
    assert_eq!(calls[..4], ["begin 0", "begin 1", "begin 2", "begin 3"]);
    assert_eq!(calls[14..], ["end 0 of 4 frames", "end 1 of 0 frames", "end 2 of 3 frames", "end 3 of 3 frames"]);
}

#[test]
fn long_files_merge_to_the_last_segment() {
    let folder = Folder::new();
    let files = [
        write(&folder, "a", &pcap(row(START, 3000))),
        write(&folder, "b", &pcap(row(START + MS / 2, 2000))),
        write(&folder, "c", &pcap(row(START + 1500 * MS + 1, 10))),
    ];
    let merged = SourcePlan { merge: true, ..plan(files.iter().map(PathBuf::as_path)) };
    let recorder = read(&merged);
    let taken = |file: usize| recorder.calls.iter().filter(|call| call.starts_with(&format!("{file}: "))).count();
    assert_eq!([taken(0), taken(1), taken(2)], [3000, 2000, 10]);
    assert_eq!(recorder.batches, 5010_usize.div_ceil(2048));
    let place = |call: &str| recorder.calls.iter().position(|known| known == call).unwrap();
    assert_eq!(place("0: 1501 seq 1500") + 1, place("2: 1 seq 0"));
    assert_eq!(place("2: 1 seq 0") + 1, place("1: 1501 seq 1500"));
}

#[test]
fn asides_stay_with_their_segments() {
    let folder = Folder::new();
    let reset = |at, payload| Sent { at: START + at, flags: 4, payload, ..Sent::default() };
    let files = [
        write(&folder, "a", &pcap([reset(1, b"a"), reset(2, b""), reset(5, b"a"), reset(6, b"a")])),
        write(&folder, "b", &pcap([reset(0, b""), reset(3, b""), reset(4, b"b")])),
    ];
    let merged = SourcePlan { merge: true, ..plan(files.iter().map(PathBuf::as_path)) };
    let calls = read(&merged).calls;
    let asides: Vec<&String> = calls.iter().filter(|call| call.starts_with("aside")).collect();
    let frames: Vec<&str> = asides.iter().map(|aside| aside.split(' ').nth(1).unwrap()).collect();
    assert_eq!(frames, ["1", "3", "3", "4"], "{calls:#?}");
}

#[test]
fn a_sink_that_wants_no_more_gets_no_more_and_the_reports() {
    let folder = Folder::new();
    let (a, b) = (write(&folder, "a", &pcap(row(START, 40_000))), write(&folder, "b", &pcap(row(START, 40_000))));
    for (merge, workers, ends) in
        [(false, Workers::One, 1), (false, Workers::Two, 1), (true, Workers::One, 2), (true, Workers::Two, 2)]
    {
        let mut recorder = Recorder { most_batches: Some(2), ..Recorder::default() };
        let plan = SourcePlan { merge, workers, ..plan([a.as_path(), &b]) };
        try_read(&plan, &mut recorder).unwrap();
        assert_eq!(recorder.batches, 2);
        assert_eq!(recorder.calls.iter().filter(|call| call.contains(": ")).count(), 4096);
        assert_eq!(recorder.reports.len(), ends);
        assert!(recorder.reports[0].frames < 40_000, "{}", recorder.reports[0].frames);
    }
}
