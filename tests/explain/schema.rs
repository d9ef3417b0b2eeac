//! What is written as JSON, against its schema: one line at a time, and as one document.

use serde_json::{Value, json};

use crate::captures::{Captures, lines};
use crate::common::{check_schema, run, schema_faults, storm_line};
use crate::encode::{Framed, frames, frames_ending_in, gzip, pcap, pcapng};
use crate::turns::{CLOSED, REFUSED, RESET, UNANSWERED, mixed, storm};

/// Checks what is written of captures: each line, and the document, which must have the same records.
#[track_caller]
fn check(captures: &Captures, words: &str) -> Vec<Value> {
    let records = captures.records(words);
    for record in &records {
        check_schema("explain", record);
    }
    let document: Value =
        serde_json::from_str(&captures.text(&format!("{words} --format json"))).expect("one document");
    check_schema("explain", &document);
    assert_eq!(document["records"], json!(records));
    records
}

/// The types of records, each once, in their order.
fn types(records: &[Value]) -> Vec<&str> {
    let mut types: Vec<&str> = records.iter().map(|record| record["type"].as_str().expect("a type")).collect();
    types.dedup();
    types
}

const TYPES: [&str; 5] = ["connection", "input", "group", "service", "summary"];

#[test]
fn captures_of_all_kinds() {
    for conversation in [RESET, REFUSED, UNANSWERED, &mixed(), &storm(60)] {
        assert_eq!(types(&check(&Captures::of(conversation), "a.pcap")), TYPES);
    }
    let records = check(&Captures::of(CLOSED), "a.pcap");
    assert_eq!(types(&records), ["connection", "input", "service", "summary"]);
}

#[test]
fn a_storm_is_an_alarm() {
    let records = check(&Captures::of(&storm(60)), "a.pcap");
    let service = records.iter().find(|record| record["type"] == "service").expect("a service");
    assert_eq!(service["storm"]["resets"], 60, "{service:#}");
}

#[test]
fn nothing_at_all() {
    let captures = Captures::new();
    captures.put("a.pcap", &pcap(&[]));
    captures.put("b.pcapng", &pcapng("eth0", []));
    captures.put("c.pcapng", &pcapng("eth0", [])[..28]);
    for words in ["a.pcap", "b.pcapng", "c.pcapng", "--merge a.pcap b.pcapng"] {
        assert_eq!(types(&check(&captures, words)), ["input", "summary"], "{words}");
    }
}

#[test]
fn several_files_apart_and_merged() {
    let captures = Captures::of(&mixed());
    captures.put("b.pcap", &pcap(&frames(&mixed())[2..20]));
    let apart = check(&captures, "a.pcap b.pcap");
    assert_eq!(types(&apart), [TYPES, TYPES].concat());
    let even: Vec<Framed> = frames(&mixed()).into_iter().step_by(2).collect();
    let odd: Vec<Framed> = frames(&mixed()).into_iter().skip(1).step_by(2).collect();
    captures.put("even.pcap", &pcap(&even));
    captures.put("odd.pcap", &pcap(&odd));
    let merged = check(&captures, "--merge even.pcap odd.pcap");
    assert_eq!(types(&merged), TYPES);
    let refusal = merged.iter().find(|record| record["conn_state"] == "REJ").expect("the refusal");
    let ground = &refusal["resets"][0]["evidence"][0];
    let places = [("frame", "file"), ("with_frame", "with_file")].map(|(frame, file)| {
        (ground[frame].as_u64().expect("a frame"), ground[file].as_str().unwrap_or("even.pcap").to_owned())
    });
    assert!(
        places.contains(&(11, "even.pcap".to_owned())) && places.contains(&(11, "odd.pcap".to_owned())),
        "{ground:#}"
    );
}

#[test]
fn damaged_files() {
    let captures = Captures::of(&mixed());
    let whole = captures.octets("a.pcap");
    captures.put("cut.pcap", &whole[..whole.len() - 1]);
    captures.put("cut.pcap.gz", &gzip(&whole)[..200]);
    let mut length = whole.clone();
    length[24 + 8..24 + 12].copy_from_slice(&[0xff; 4]);
    captures.put("length.pcap", &length);
    for (name, after) in [("cut.pcap", 35), ("length.pcap", 0)] {
        let records = check(&captures, name);
        let input = records.iter().find(|record| record["type"] == "input").expect("the input");
        assert_eq!(input["damage"]["after_frame"], after, "{input:#}");
    }
    for record in check(&captures, "cut.pcap.gz").iter().filter(|record| record["type"] == "input") {
        assert!(record["damage"]["says"].is_string(), "{record:#}");
    }
}

#[test]
fn what_frames_do_not_tell() {
    let captures = Captures::new();
    let mut made = frames(&mixed());
    made[0].data[12] = 0;
    made[5].data.truncate(60);
    made[6].at.0 -= 1_000_000_000;
    captures.put("odd.pcap", &pcap(&made));
    let records = check(&captures, "--from +0.001 --to +4 odd.pcap");
    let input = records.iter().find(|record| record["type"] == "input").expect("the input");
    assert_eq!(input["backward_steps"], 1, "{input:#}");
    captures.put("bad.pcap", &pcap(&frames(&format!("{RESET} bad"))));
    let records = check(&captures, "bad.pcap");
    let input = records.iter().find(|record| record["type"] == "input").expect("the input");
    assert_eq!(input["bad_reset_checksums"], 1, "{input:#}");
}

#[test]
fn payloads_of_every_kind() {
    let diagnostic = [0x33, 0xaa, 0, 14, 0, 0, 0, 0];
    let cbor = [0x19, 0x30, 0x39, 0xa1, 1, 4];
    for (payload, kind) in [
        (&b"No listener"[..], "text"),
        (&[0, 1, 2, 255], "binary"),
        (b"BIG-IP: [0x2409a71:704] {peer} Flow expired (sweeper)", "big-ip"),
        (&diagnostic, "diagnostic"),
        (&cbor, "diagnostic"),
        (b"\xf3\x17gone", "diagnostic"),
    ] {
        let captures = Captures::new();
        let line = format!("{RESET} len {}", payload.len());
        captures.put("a.pcap", &pcap(&frames_ending_in(&line, payload)));
        let records = check(&captures, "a.pcap");
        assert_eq!(records[0]["resets"][0]["payload"][0]["kind"], kind, "{:#}", records[0]);
    }
}

#[test]
fn a_flood_has_resets_that_are_not_listed() {
    let conversation = format!("{RESET}\n{}", "< RA 301 ack 101\n".repeat(100));
    let records = check(&Captures::of(&conversation), "a.pcap");
    assert!(records[0]["unlisted_resets"].as_u64() > Some(0));
}

#[test]
fn the_catalogue() {
    let list: Value = run(storm_line("causes --format json")).exits(0).json();
    check_schema("causes", &list);
    let records = lines(&run(storm_line("causes --format ndjson")).exits(0).out);
    assert_eq!(list["records"], json!(records));
    assert!(records.len() >= 3);
    for record in &records {
        check_schema("causes", record);
        let one = run(storm_line(&format!("causes {} --format json", record["id"].as_str().expect("a name"))));
        assert_eq!(one.exits(0).json()["records"], json!([record]));
    }
}

/// The schema must find what is missing, of another type, or too much, in every record.
#[test]
fn a_record_that_was_tampered_with_is_found() {
    let records = check(&Captures::of(&storm(60)), "a.pcap");
    for kind in TYPES {
        let record = records.iter().find(|record| record["type"] == kind).expect("one of each");
        let members: Vec<String> = record.as_object().expect("an object").keys().cloned().collect();
        for member in members {
            let mut missing = record.clone();
            missing.as_object_mut().expect("an object").remove(&member);
            assert_ne!(schema_faults("explain", &missing), [""; 0], "{kind} without {member}");
            let mut wrong = record.clone();
            wrong[&member] = json!([[1]]);
            assert_ne!(schema_faults("explain", &wrong), [""; 0], "{kind} with a wrong {member}");
        }
        let mut more = record.clone();
        more["extra"] = json!(null);
        assert_ne!(schema_faults("explain", &more), [""; 0], "{kind} with more");
    }
    for (pointer, value) in [
        ("/resets/0/cause/confidence", json!("maybe")),
        ("/resets/0/shape", json!("A")),
        ("/resets/0/frame", json!(0)),
        ("/resets/0/harm/extra", json!(1)),
        ("/resets/0/evidence/0/stance", json!("beside")),
        ("/resets/0/sender/who", json!("both")),
        ("/schema", json!("rst-storm/explain/2")),
        ("/orig_p", json!(65_536)),
        ("/duration", json!(-0.1)),
        ("/uid", json!("C1")),
        ("/conn_state", json!("RST")),
    ] {
        let mut record = records[0].clone();
        let (parent, member) = pointer.rsplit_once('/').expect("a pointer");
        record.pointer_mut(parent).expect("a parent")[member] = value;
        assert_ne!(schema_faults("explain", &record), [""; 0], "{pointer}");
    }
}
