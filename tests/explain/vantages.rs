//! `--two-vantage`: real captures of both ends, what is told of them, and what is refused.

use std::path::Path;

use serde_json::{Value, json};

use crate::captures::Captures;
use crate::common::{check_schema, schema_faults};
use crate::encode::{frames, pcap};
use crate::turns::RESET;

/// The plays, with what became of the resets: arrived, lost, never sent, changed, not comparable.
const PLAYS: [(&str, [u64; 5]); 5] = [
    ("linger-zero", [4, 0, 0, 0, 0]),
    ("forged", [2, 0, 1, 0, 0]),
    ("forged-both", [0, 0, 2, 0, 0]),
    ("lost", [3, 4, 0, 0, 1]),
    ("ttl", [4, 0, 0, 1, 0]),
];

const FATES: [&str; 5] = ["arrived", "lost", "never_sent", "changed", "not_comparable"];

/// A folder with both captures of a play.
fn play(name: &str) -> Captures {
    let captures = Captures::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/two_vantage");
    for end in ["client", "server"] {
        let octets = std::fs::read(folder.join(format!("{name}--{end}.pcap"))).expect("a capture of the play");
        captures.put(&format!("{end}.pcap"), &octets);
    }
    captures
}

/// Checks what is written against its schema, line by line and as one document.
#[track_caller]
fn check(captures: &Captures, words: &str) -> Vec<Value> {
    let records = captures.records(&format!("--two-vantage {words}"));
    records.iter().for_each(|record| check_schema("two-vantage", record));
    let document = captures.text(&format!("--two-vantage {words} --format json"));
    let document: Value = serde_json::from_str(&document).expect("one document");
    check_schema("two-vantage", &document);
    assert_eq!(document["records"], json!(records));
    records
}

fn of_type<'a>(records: &'a [Value], kind: &'a str) -> impl Iterator<Item = &'a Value> {
    records.iter().filter(move |record| record["type"] == kind)
}

#[test]
fn real_plays_come_out_as_they_were_played() {
    for (name, wanted) in PLAYS {
        let captures = play(name);
        for (order, places) in [
            ("client.pcap server.pcap", ["originator", "responder"]),
            ("server.pcap client.pcap", ["responder", "originator"]),
        ] {
            let records = check(&captures, order);
            let summary = of_type(&records, "summary").next().expect("a summary");
            assert_eq!(FATES.map(|fate| summary[fate].as_u64().expect("a count")), wanted, "{name} {order}");
            let clock = &summary["clock"];
            assert_eq!((&clock["both_ways"], &clock["steady"]), (&json!(true), &json!(true)), "{name}");
            let bound = clock["offset_nanos"].as_i64().expect("a number").unsigned_abs();
            assert!(bound <= 100_000, "one machine has one clock: {clock}");
            for (capture, place) in of_type(&records, "capture").zip(places) {
                assert!(capture["places"][place].as_u64() >= Some(4), "{name}: {capture}");
            }
        }
    }
}

/// Plays of the atlas, each with what became of the first reset that the client's end or the server's shows.
const ATLAS: [(&str, &str); 7] = [
    ("firewall-reject--routed-to-the-server", "never-sent"),
    ("forged-both-ends--copied", "never-sent"),
    ("forged-exact--copied", "never-sent"),
    ("forged-exact--wrong-ttl", "never-sent"),
    ("linger-zero--after-accept", "arrived"),
    ("nat-without-mapping--state-flushed", "arrived"),
    ("stray-segment--forgotten", "arrived"),
];

#[test]
fn plays_of_the_atlas_come_out_at_both_ends() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/atlas_ends");
    for (play, wanted) in ATLAS {
        let captures = Captures::new();
        let [client, server] = ["client", "server"].map(|end| {
            let octets = std::fs::read(folder.join(format!("{play}--{end}.pcapng"))).expect("a capture of the play");
            let name = format!("{end}.pcapng");
            captures.put(&name, &octets);
            name
        });
        let records = captures.records(&format!("--two-vantage {client} {server}"));
        let first = of_type(&records, "reset").next().unwrap_or_else(|| panic!("{play} has no reset"));
        assert_eq!(first["fate"], wanted, "{play}: {first:#}");
    }
}

#[test]
fn what_the_forger_sent_is_a_third_partys() {
    for (name, id) in [("forged", "forged-exact"), ("forged-both", "forged-both-ends")] {
        let records = check(&play(name), "client.pcap server.pcap");
        let forged: Vec<&Value> = of_type(&records, "reset").filter(|reset| reset["fate"] == "never-sent").collect();
        assert!(!forged.is_empty());
        for reset in forged {
            assert_eq!(reset["together"]["who"], "third-party", "{reset:#}");
            assert_eq!(reset["together"]["cause"]["id"], id, "{reset:#}");
            let frames = reset["together"]["evidence"][0]["frames"].as_array().expect("frames");
            let files: Vec<&Value> = frames.iter().map(|frame| &frame["file"]).collect();
            assert!(files.contains(&&json!("client.pcap")) && files.contains(&&json!("server.pcap")), "{reset:#}");
        }
    }
}

#[test]
fn the_text_of_each_play() {
    for (name, _) in PLAYS {
        let captures = play(name);
        insta::assert_snapshot!(format!("vantages_{name}"), captures.text("--two-vantage client.pcap server.pcap"));
        captures.text("--two-vantage --all -v server.pcap client.pcap");
    }
}

/// Two captures that have nothing in common: of each reset it is told what its own capture says.
#[test]
fn what_one_capture_says_is_not_told_of_the_others_resets() {
    let captures = Captures::new();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/atlas");
    for (name, play) in [("first.pcapng", "linger-zero--after-accept"), ("second.pcapng", "half-open--fin")] {
        let octets = std::fs::read(golden.join(format!("{play}.pcapng"))).expect("a capture of the play");
        captures.put(name, &octets);
    }
    let text = captures.text("--two-vantage first.pcapng second.pcapng");
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| line.contains("  alone: ")).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("first") && lines[0].contains("linger-zero"), "{text}");
    assert!(lines[1].starts_with("second") && lines[1].contains("stray-segment"), "{text}");
}

#[test]
fn filters_and_exit_codes() {
    let captures = play("forged");
    let both = "--two-vantage client.pcap server.pcap";
    let resets = |words: &str| {
        let records = captures.records(&format!("{both} {words}"));
        of_type(&records, "reset").count()
    };
    assert_eq!(resets(""), 3);
    assert_eq!(resets("--port 40000"), 2);
    assert_eq!(resets("--host 10.0.1.2"), 3);
    assert_eq!(resets("--cause forged-exact"), 1);
    captures.explain(&format!("{both} --port 81"), 1);
    captures.explain(&format!("{both} --fail-on any"), 1);
    captures.explain(&format!("{both} --fail-on any --quiet"), 1);
    captures.explain(&format!("{both} --fail-on unexplained"), 0);
    captures.explain(&format!("{both} --fail-on harmful --port 40000"), 0);
    captures.explain(&format!("{both} --fail-on harmful"), 1);
}

#[test]
fn a_damaged_capture_is_compared_up_to_there() {
    let captures = play("forged");
    let whole = captures.octets("server.pcap");
    captures.put("server.pcap", &whole[..700]);
    let records = check(&captures, "client.pcap server.pcap");
    let damage = of_type(&records, "capture").last().expect("two captures");
    assert!(damage["damage"].is_string(), "{damage:#}");
    let because: Vec<&Value> = of_type(&records, "reset").map(|reset| &reset["because"]).collect();
    assert!(because.contains(&&json!("damaged")), "{because:?}");
    captures.explain("--two-vantage --strict client.pcap server.pcap", 2);
}

#[test]
fn nothing_at_all() {
    let captures = Captures::new();
    captures.put("a.pcap", &pcap(&[]));
    captures.put("b.pcap", &pcap(&frames(RESET)));
    assert_eq!(check(&captures, "a.pcap a.pcap").len(), 3);
    let records = check(&captures, "a.pcap b.pcap");
    assert_eq!(records[0]["because"], "unknown-connection");
    captures.text("--two-vantage a.pcap b.pcap");
}

#[test]
fn what_does_not_go_together_is_refused_in_one_line() {
    let captures = play("linger-zero");
    for words in [
        "client.pcap",
        "client.pcap server.pcap client.pcap",
        "client.pcap -",
        "client.pcap server.pcap --merge",
        "client.pcap server.pcap --annotate out.pcapng",
        "client.pcap server.pcap --frame 4",
        "client.pcap server.pcap --from +1",
        "client.pcap missing.pcap",
    ] {
        let done = captures.explain(&format!("--two-vantage {words}"), 2);
        assert_eq!((done.out.as_str(), done.err.lines().count()), ("", 1), "{words}: {done}");
    }
}

/// The schema must find what is missing, of another type, or too much, in every record.
#[test]
fn a_record_that_was_tampered_with_is_found() {
    let records = check(&play("forged"), "client.pcap server.pcap");
    for kind in ["reset", "capture", "summary"] {
        let record = of_type(&records, kind).next().expect("one of each");
        for member in record.as_object().expect("an object").keys() {
            let mut missing = record.clone();
            missing.as_object_mut().expect("an object").remove(member);
            assert_ne!(schema_faults("two-vantage", &missing), [""; 0], "{kind} without {member}");
            let mut wrong = record.clone();
            wrong[member] = json!([[1]]);
            assert_ne!(schema_faults("two-vantage", &wrong), [""; 0], "{kind} with a wrong {member}");
        }
        let mut more = record.clone();
        more["extra"] = json!(null);
        assert_ne!(schema_faults("two-vantage", &more), [""; 0], "{kind} with more");
    }
}
