//! What holds of every capture, however it came to be.

use std::path::PathBuf;

use proptest::collection::vec;
use proptest::prelude::*;
use rst_storm::watch::Workers;
use rst_storm_core::capture::Timestamp;
use rst_storm_core::tcp::{Checksum, Endpoint, Flags, IpFacts, Segment, SeqNumber};
use rst_storm_core::testing::BEGINNING;
use serde_json::Value;

use crate::captures::{Captures, check_width};
use crate::encode::{Framed, framed, gzip, pcap, pcapng};
use crate::filters::apart_from_files;
use crate::told::{Told, USUAL, Way, tell};

/// Flags as they come in life, and a few that do not.
const FLAGS: [u8; 14] = [0x02, 0x02, 0x12, 0x12, 0x10, 0x10, 0x18, 0x18, 0x11, 0x04, 0x04, 0x14, 0x14, 0xff];

/// A segment of one of a few connections, which is what makes them meet; nanoseconds since the one before are beside it.
fn segments() -> impl Strategy<Value = (u64, Segment)> {
    let gap = prop_oneof![
        4 => 0_u64..2_000_000,
        2 => Just(0),
        2 => 0_u64..400_000_000,
        1 => 0_u64..90_000_000_000,
    ];
    let numbers = (0_u32..6, 0_u32..6, prop_oneof![Just(0_u32), 1_u32..30]);
    let header = (0..FLAGS.len(), any::<bool>(), 0_u16..4, prop_oneof![Just(None), any::<u8>().prop_map(Some)]);
    let ip = (60_u8..66, 0_u16..4, any::<bool>());
    (gap, 0_u16..5, numbers, header, ip).prop_map(|(gap, client, (seq, ack, len), header, (ttl, id, v6))| {
        let (flags, up, window, timestamp) = header;
        let address = |last: u8| {
            if v6 { [0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(last)].into() } else { [10, 0, 0, last].into() }
        };
        let ends = [Endpoint::new(address(1), 40_000 + client), Endpoint::new(address(2), 443)];
        let [source, destination] = if up { ends } else { [ends[1], ends[0]] };
        let segment = Segment {
            at: Timestamp(0),
            frame: 0,
            source,
            destination,
            seq: SeqNumber(seq * 10),
            ack: SeqNumber(ack * 10),
            flags: Flags(FLAGS[flags]),
            window: window * 1_000,
            timestamp_value: timestamp.map(u32::from),
            payload_len: len,
            cut: false,
            ip: IpFacts { ttl, tos: 0, id: Some(id), dont_fragment: true },
        };
        (gap, segment)
    })
}

/// Frames in the order of their times.
fn captures() -> impl Strategy<Value = Vec<Framed>> {
    vec((segments(), vec(any::<u8>(), 30), 0_u8..40), 0..120).prop_map(|steps| {
        let mut at = BEGINNING;
        let frames = steps.into_iter().map(|((gap, mut segment), payload, odd)| {
            at += gap;
            segment.at = Timestamp(at);
            let checksum = if odd == 0 { Checksum::Bad } else { Checksum::NotChecked };
            let mut made = framed(&segment, checksum, &payload[..segment.payload_len as usize]);
            if odd == 1 {
                made.data.truncate(made.data.len() - 1);
            }
            made
        });
        frames.collect()
    })
}

/// Octets that look ever less like a capture.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let whole = (captures(), 0_u8..3).prop_map(|(frames, kind)| match kind {
        0 => pcap(&frames),
        1 => pcapng("eth\x1b[0m0", frames.iter().map(|framed| (framed, Some("x")))),
        _ => gzip(&pcap(&frames)),
    });
    let touched =
        (whole, vec((any::<prop::sample::Index>(), any::<u8>()), 0..12), any::<prop::sample::Index>(), any::<bool>());
    prop_oneof![
        1 => vec(any::<u8>(), 0..400),
        1 => vec(any::<u8>(), 0..400).prop_map(|octets| [pcap(&[]), octets].concat()),
        1 => vec(any::<u8>(), 0..400).prop_map(|octets| [pcapng("eth0", []), octets].concat()),
        5 => touched.prop_map(|(mut octets, changes, end, is_cut)| {
            for (place, octet) in changes {
                let place = place.index(octets.len());
                octets[place] = octet;
            }
            if is_cut {
                octets.truncate(end.index(octets.len()));
            }
            octets
        }),
    ]
}

/// Explains captures put into files.
fn told(captures: &[Vec<u8>], way: Way) -> Option<Told> {
    let folder = Captures::new();
    let files: Vec<PathBuf> = (0..captures.len()).map(|file| folder.path(&file.to_string())).collect();
    for (file, octets) in captures.iter().enumerate() {
        folder.put(&file.to_string(), octets);
    }
    tell(&files, way).ok()
}

/// The records of all but the inputs, apart from files and frames.
fn records(told: &Told) -> Vec<Value> {
    let records = told.lines.iter().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    records.filter(|record| record["type"] != "input").map(apart_from_files).collect()
}

/// The sums of the summary fit the records that it sums up.
#[track_caller]
fn check_sums(told: &Told) {
    let records: Vec<Value> = told.lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let summary = records.last().expect("a summary");
    let connections: Vec<&Value> = records.iter().filter(|record| record["type"] == "connection").collect();
    let sum = |of: &dyn Fn(&Value) -> u64| connections.iter().map(|record| of(record)).sum::<u64>();
    let number = |value: &Value| value.as_u64().expect("a number");
    let listed = |record: &Value| record["resets"].as_array().expect("a list").len() as u64;
    assert_eq!(number(&summary["connections"]), connections.len() as u64);
    assert_eq!(number(&summary["resets"]), sum(&|record| listed(record) + number(&record["unlisted_resets"])));
    assert_eq!(
        number(&summary["segments"]),
        sum(&|record| number(&record["orig_pkts"]) + number(&record["resp_pkts"]))
    );
    let groups = records.iter().filter(|record| record["type"] == "group").map(|group| number(&group["count"]));
    assert_eq!(groups.sum::<u64>() + number(&summary["ungrouped_resets"]), sum(&listed));
    let causes = summary["by_cause"].as_object().expect("counts").values().map(number);
    assert_eq!(causes.sum::<u64>(), sum(&listed));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_are_explained_or_refused(octets in octets(), max_flows in 1_usize..8) {
        if let Some(told) = told(&[octets], Way { max_flows, ..USUAL }) {
            check_width(&told.text);
            prop_assert!(!told.text.contains('\x1b'));
            check_sums(&told);
        }
    }

    #[test]
    fn a_capture_split_anywhere_and_merged_is_the_same(frames in captures(), place in any::<prop::sample::Index>()) {
        let place = place.index(frames.len() + 1);
        let whole = told(&[pcap(&frames)], USUAL).expect("a capture");
        let split = told(&[pcap(&frames[..place]), pcap(&frames[place..])], USUAL).expect("two captures");
        prop_assert_eq!(records(&split), records(&whole));
        check_sums(&whole);
    }

    #[test]
    fn two_threads_tell_what_one_tells(frames in captures(), max_flows in 1_usize..8) {
        let octets = pcap(&frames);
        let by = |workers| told(std::slice::from_ref(&octets), Way { workers, max_flows, ..USUAL }).expect("a capture");
        let (one, two) = (by(Workers::One), by(Workers::Two));
        prop_assert_eq!(one.lines, two.lines);
        prop_assert_eq!(one.text, two.text);
    }

    #[test]
    fn what_is_explained_twice_is_told_alike(octets in octets()) {
        let once = || told(std::slice::from_ref(&octets), USUAL).map(|told| (told.lines, told.text));
        prop_assert_eq!(once(), once());
    }
}
