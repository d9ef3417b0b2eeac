//! Zeek's rules as conversations: each case is a sentence, the segments, and the rows that Zeek would write for them.
//!
//! The cases under "golden" are Zeek's own (`scripts/base/protocols/conn/conn_state-RST-behavior.zeek`); the others are derived
//! from the rules in its sources.

use rst_storm_core::flow::zeek::{Connection, ConnectionTable};
use rst_storm_core::testing::sightings;

/// The connections of a conversation, in the order in which they ended.
fn follow(conversation: &str) -> Vec<Connection> {
    let mut table = ConnectionTable::default();
    let mut ended = Vec::new();
    for (segment, checksum) in sightings(conversation) {
        table.push(&segment, checksum, &mut |connection| ended.push(connection));
    }
    table.finish(&mut |connection| ended.push(connection));
    ended
}

/// `history conn_state` of each row.
fn rows(conversation: &str) -> Vec<String> {
    follow(conversation).iter().map(|row| format!("{} {}", row.history, row.conn_state())).collect()
}

fn check(cases: &[(&str, &str, &[&str])]) {
    let mut wrong = Vec::new();
    for (sentence, conversation, expected) in cases {
        let rows = rows(conversation);
        if rows != *expected {
            wrong.push(format!("{sentence}: {rows:?} instead of {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn golden() {
    check(&[
        ("single-rst", "> R 100", &["R OTH"]),
        ("syn-then-rst", "> S 100\n> R 101", &["SR RSTOS0"]),
        ("syn-then-ack-then-rst", "> S 100\n< A 300 ack 101\n> R 101", &["SaR RSTOS0"]),
        ("syn-then-stuff-then-rst", "> S 100\n< A 300 ack 101\n> F 101\n> R 102", &["SaFR OTH"]),
    ]);
}
