//! Which connections are told of: by address, port, cause, time, and from which files.

use serde_json::Value;

use crate::captures::Captures;
use crate::common::number;
use crate::encode::{frames, pcap};
use crate::turns::{REFUSED, RESET, mixed};

/// The originators' ports of the connections that `words` select; records, text and sums must agree on them.
#[track_caller]
fn selected(captures: &Captures, words: &str) -> Vec<u64> {
    let records = captures.records(&format!("{words} a.pcap"));
    let connections: Vec<&Value> = records.iter().filter(|record| record["type"] == "connection").collect();
    let summary = records.last().expect("a summary");
    let resets: usize = connections.iter().map(|record| record["resets"].as_array().expect("resets").len()).sum();
    assert_eq!(number(summary, "/connections"), connections.len() as u64);
    assert_eq!(number(summary, "/resets"), resets as u64);
    let services: u64 =
        records.iter().filter(|record| record["type"] == "service").map(|record| number(record, "/connections")).sum();
    assert_eq!(services, connections.len() as u64, "the services' connections");
    let text = captures.text(&format!("{words} a.pcap"));
    let sums = format!("\nConnections {}, reset ", connections.len());
    assert!(text.contains(&sums), "{sums} is missing: {text}");
    let mut ports: Vec<u64> = connections.iter().map(|record| number(record, "/orig_p")).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn connections_are_selected_by_any_of_their_properties() {
    let captures = Captures::of(&mixed());
    let storm = [40_000, 40_001, 40_002, 40_003, 40_004];
    let all = [&[40_000][..], &storm, &[50_001, 50_002]].concat();
    assert_eq!(selected(&captures, ""), all);
    assert_eq!(selected(&captures, "--only resets"), all[..7]);
    assert_eq!(selected(&captures, "--host 10.0.1.2"), storm);
    assert_eq!(selected(&captures, "--host 10.0.0.3"), [40_002]);
    assert_eq!(selected(&captures, "--host 2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff"), [40_000]);
    assert_eq!(selected(&captures, "--host 2001:DB8:AAAA:BBBB:CCCC:DDDD:EEEE:FFFF --host 10.0.7.7"), [40_000, 50_001]);
    assert_eq!(selected(&captures, "--port 9999"), storm);
    assert_eq!(selected(&captures, "--port 40000"), [40_000, 40_000]);
    assert_eq!(selected(&captures, "--port 81 --port 443"), [50_001, 50_002]);
    assert_eq!(selected(&captures, "--port 40000 --host 10.0.1.2"), [40_000]);
    assert_eq!(selected(&captures, "--cause no-listener"), [50_001]);
    assert_eq!(selected(&captures, "--cause no-listener --cause linger-zero --port 9999"), storm);
}

#[test]
fn a_cause_selects_the_connections_whose_resets_name_it() {
    let captures = Captures::of(&mixed());
    for cause in ["linger-zero", "no-listener"] {
        for record in captures.records_of("connection", &format!("--cause {cause} a.pcap")) {
            assert_eq!(record["resets"][0]["cause"]["id"], cause, "{record:#}");
        }
    }
}

#[test]
fn a_frame_selects_its_connection() {
    let captures = Captures::of(&mixed());
    for format in ["json", "ndjson"] {
        let text = captures.text(&format!("--frame 22 --format {format} a.pcap"));
        let connections: Vec<&str> = text.lines().filter(|line| line.contains("\"type\":\"connection\"")).collect();
        assert!(connections.len() == 1 && connections[0].contains("\"orig_p\":50001"), "{text}");
    }
}

/// The storm's five connections are over within 20 ms, the refusal comes a second later.
#[test]
fn times_are_typed_in_three_ways() {
    let captures = Captures::of(&mixed());
    let storm = [40_000, 40_001, 40_002, 40_003, 40_004];
    for to in ["+0.5", "1000000000.5", "2001-09-09T01:46:40.5Z"] {
        assert_eq!(selected(&captures, &format!("--to {to}")), storm, "{to}");
    }
    for from in ["+0.5", "1000000000.5", "2001-09-09T01:46:40.500Z"] {
        assert_eq!(selected(&captures, &format!("--from {from}")), [40_000, 50_001, 50_002], "{from}");
        assert_eq!(selected(&captures, &format!("--from {from} --to +1.5")), [50_001], "{from}");
    }
    let input = &captures.records_of("input", "--from +0.5 --to +1.5 a.pcap")[0];
    assert_eq!((number(input, "/segments"), number(input, "/outside_time")), (2, 34), "{input:#}");
}

#[test]
fn the_bounds_of_a_time_belong_to_it() {
    let captures = Captures::of(RESET);
    let input = &captures.records_of("input", "--from +0.001 --to +0.002 a.pcap")[0];
    assert_eq!((number(input, "/segments"), number(input, "/outside_time")), (2, 2), "{input:#}");
}

/// A record without what may differ when it is read from several files.
pub fn apart_from_files(mut record: Value) -> Value {
    match &mut record {
        Value::Object(members) => {
            for name in ["file", "files", "with_file", "frame", "with_frame", "first_frame", "last_frame"] {
                members.remove(name);
            }
            for member in members.values_mut() {
                *member = apart_from_files(member.take());
            }
        }
        Value::Array(items) => {
            for item in items {
                *item = apart_from_files(item.take());
            }
        }
        _ => {}
    }
    record
}

#[test]
fn merged_files_are_one_capture() {
    let captures = Captures::of(&mixed());
    let all = frames(&mixed());
    let turn = |one: usize| all.iter().skip(one).step_by(2).cloned().collect::<Vec<_>>();
    captures.put("even.pcap", &pcap(&turn(0)));
    captures.put("odd.pcap", &pcap(&turn(1)));
    let records = |words: &str| -> Vec<Value> {
        let records = captures.records(words).into_iter().filter(|record| record["type"] != "input");
        records.map(apart_from_files).collect()
    };
    assert_eq!(records("--merge even.pcap odd.pcap"), records("a.pcap"));
    assert_eq!(records("--merge odd.pcap even.pcap"), records("a.pcap"));
    let merged = captures.records_of("connection", "--merge even.pcap odd.pcap");
    let reset = &merged[0]["resets"][0];
    let place = (&merged[0]["file"], &reset["file"], &reset["frame"]);
    assert_eq!(place, (&"even.pcap".into(), &"odd.pcap".into(), &2.into()), "{:#}", merged[0]);
    let text = captures.text("--merge even.pcap odd.pcap");
    assert!(text.contains("frame odd.pcap#2: 10.0.1.2:9999 > 10.0.0.1:40000"), "{text}");
    assert_eq!(captures.records_of("summary", "--merge even.pcap odd.pcap").len(), 1);
}

#[test]
fn files_apart_know_nothing_of_each_other() {
    let captures = Captures::of(RESET);
    captures.put("b.pcap", &pcap(&frames(REFUSED)));
    let both = captures.records("a.pcap b.pcap");
    let alone = [captures.records("a.pcap"), captures.records("b.pcap")].concat();
    assert_eq!(both, alone);
}
