//! RST against FIN for real: each aspect came as theory says, and its figures are what they must be.

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::common::{Running, check_schema, number, run, schema_faults};
use crate::findings::array;
use crate::players::storm_by;
use crate::trials::{Each, Outcome, Player};

pub const EACH: &[Each] = &[
    ("a comparison comes out as theory says", a_comparison_comes_as_theory_says),
    ("Ctrl-C ends a comparison with what was measured", ctrl_c_ends_a_comparison),
];

/// The aspects, in the order in which they are measured.
const ASPECTS: [&str; 8] = ["handshake", "delivery", "errors", "time-wait", "reuse", "release", "cost", "ports"];

fn a_comparison_comes_as_theory_says(player: Player) -> Outcome {
    let done = run(storm_by(player, "compare --count 500 --rounds 1 --format json")).exits(0);
    let document = done.json();
    check_schema("compare", &document);
    let records = array(&document, "/records");
    let types: Vec<&str> = records.iter().filter_map(|record| record["type"].as_str()).collect();
    assert_eq!(types, [&ASPECTS[..], &["verdict"]].concat());
    check_that_the_schema_is_strict(records);
    check_wire_and_delivery(&records[0], &records[1]);
    check_leftovers(&records[3], &records[5]);
    assert_eq!(number(&records[6], "/storms/fin/ended_so"), 1000, "two storms of 500");
    assert_eq!(number(&records[6], "/storms/rst/ended_so"), 1000, "two storms of 500");
    if records[7]["runs"].is_null() {
        return Err("the settings of namespaces are read-only here".to_owned());
    }
    assert_eq!(number(&records[7], "/runs/fin/connections"), number(&records[7], "/ports"));
    assert_eq!(number(&records[7], "/runs/rst/connections"), number(&records[7], "/enough"));
    assert_eq!(array(&records[8], "/checks").len(), 7, "{:#}", records[8]);
    assert_eq!(records[8]["passed"], true);
    Ok(())
}

/// A record that lacks a member, or has one of another type, is found.
fn check_that_the_schema_is_strict(records: &[Value]) {
    for record in records {
        assert_eq!(schema_faults("compare", record), [""; 0]);
        for member in record.as_object().expect("an object").keys() {
            let mut missing = record.clone();
            missing.as_object_mut().expect("an object").remove(member);
            assert_ne!(schema_faults("compare", &missing), [""; 0], "{} without {member}", record["type"]);
            let mut wrong = record.clone();
            wrong[member] = json!([[1]]);
            assert_ne!(schema_faults("compare", &wrong), [""; 0], "{} with a wrong {member}", record["type"]);
        }
    }
}

fn check_wire_and_delivery(handshake: &Value, delivery: &Value) {
    assert_eq!(number(handshake, "/fin/acknowledged/segments/median"), 4);
    assert_eq!(number(handshake, "/rst/acknowledged/segments/median"), 1);
    let fins = number(handshake, "/fin/at_once/fins");
    assert_eq!(fins, 2 * number(handshake, "/fin/at_once/connections"));
    assert_eq!(number(delivery, "/fin/delivered/least"), 1 << 20);
    let (delivered, carried) = (number(delivery, "/rst/delivered/most"), number(delivery, "/rst/carried/most"));
    assert_eq!(delivered, carried);
    assert!(delivered < 1 << 20, "the reader's queue holds less: {delivered}");
}

fn check_leftovers(time_wait: &Value, release: &Value) {
    let connections = number(time_wait, "/fin/connections");
    assert_eq!(number(time_wait, "/fin/server_closed/server"), connections);
    assert_eq!(number(time_wait, "/fin/client_closed/client"), connections);
    assert_eq!(number(time_wait, "/rst/server_closed/server"), 0);
    assert_eq!(number(release, "/fin/time_waits"), number(release, "/fin/connections"));
    assert_eq!(number(release, "/rst/time_waits"), 0);
}

fn ctrl_c_ends_a_comparison(player: Player) -> Outcome {
    let mut running = Running::start(storm_by(player, "compare --count 1000000 --rounds 100 --format ndjson"));
    running.await_line("\"handshake\"");
    running.signal(Signal::INT);
    let done = running.finish().exits(1);
    let records: Vec<Value> =
        done.out.lines().map(|line| serde_json::from_str(line).expect("a record in a line")).collect();
    for record in &records {
        check_schema("compare", record);
    }
    let (verdict, findings) = records.split_last().expect("a verdict at least");
    assert!((1..ASPECTS.len()).contains(&findings.len()), "{done}");
    assert_eq!((&verdict["complete"], &verdict["passed"]), (&Value::Bool(false), &Value::Bool(false)));
    Ok(())
}
