//! Captures that were made to do harm: floods, too many connections, names that a terminal would obey.

use std::fmt::Write;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::testing::BEGINNING;

use crate::captures::Captures;
use crate::common::number;
use crate::encode::{Framed, frames, frames_ending_in, pcap, pcapng};
use crate::turns::{RESET, mixed};

/// Resets that are listed of one connection.
const LISTED: u64 = 32;

#[test]
fn a_flood_in_one_connection_is_listed_up_to_a_bound_and_counted() {
    let mut conversation = "linux\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n".to_owned();
    conversation.push_str(&"< RA 301 ack 101\n".repeat(5_000));
    let captures = Captures::new();
    let mut made = frames(&conversation);
    // Five seconds of resets would be more than one connection.
    for (number, framed) in (0..).zip(&mut made) {
        framed.at = after(number * 100_000);
    }
    captures.put("a.pcap", &pcap(&made));
    let records = captures.records("a.pcap");
    let connection = &records[0];
    assert_eq!(number(connection, "/rst_count"), 5_000);
    assert_eq!(number(connection, "/unlisted_resets"), 5_000 - LISTED);
    assert_eq!(connection["resets"].as_array().map(Vec::len), Some(LISTED as usize));
    assert_eq!(connection["rst_storm"], true);
    let summary = records.last().expect("a summary");
    assert_eq!(number(summary, "/connections"), 1);
    assert_eq!(number(summary, "/resets"), 5_000);
    assert_eq!(number(summary, "/unlisted_resets"), 5_000 - LISTED);
    for shares in ["by_cause", "by_sender", "by_progress", "by_harm"] {
        let counts = summary[shares].as_object().expect("counts").values().map(|count| count.as_u64().expect("one"));
        assert_eq!(counts.sum::<u64>(), LISTED, "{shares}");
    }
    let groups = records.iter().filter(|record| record["type"] == "group");
    assert_eq!(groups.map(|group| number(group, "/count")).sum::<u64>(), LISTED);
    let text = captures.text("a.pcap");
    let unlisted = "4,968 further resets are counted and not judged";
    assert!(text.contains("resets 5,000\n") && text.contains(unlisted), "{text}");
    let listed = captures.text("--all a.pcap");
    assert_eq!(listed.matches(" 10.0.1.2:9999 > 10.0.0.1:40000 frame ").count() as u64, LISTED);
    captures.text("--annotate out.pcapng a.pcap");
}

/// SYNs of as many originators, which no answer ever comes to.
fn syns(count: u32) -> Vec<Framed> {
    let mut conversation = String::new();
    for number in 0..count {
        // Any odd factor scatters them over all addresses.
        let [a, b, c, d] = number.wrapping_mul(2_654_435_761).to_be_bytes();
        let _ = writeln!(conversation, "client {}.{b}.{c}.{d}:{}", a % 223 + 1, 1024 + number % 60_000);
        conversation.push_str("> S 7\n");
    }
    frames(&conversation)
}

#[test]
fn of_too_many_connections_the_oldest_are_let_go_and_counted() {
    let captures = Captures::new();
    let mut made = syns(20_000);
    // All at once: no timer lets one of them go.
    for framed in &mut made {
        framed.at = after(0);
    }
    captures.put("a.pcap", &pcap(&made));
    let summary = &captures.records_of("summary", "--max-flows 1000 a.pcap")[0];
    assert_eq!(number(summary, "/connections"), 20_000);
    assert_eq!(number(summary, "/evicted_connections"), 19_000);
    assert_eq!(number(summary, "/segments"), 20_000);
    let text = captures.text("--max-flows 1000 a.pcap");
    assert!(text.contains("19,000 connections were let go early"), "{text}");
    assert!(!captures.text("a.pcap").contains("let go early"), "the default is more");
}

/// So many nanoseconds after the beginning.
fn after(nanos: u64) -> Timestamp {
    Timestamp(BEGINNING + nanos)
}

/// More services and groups than are told apart.
#[test]
fn of_too_many_services_and_groups_the_rest_is_counted() {
    let mut conversation = "linux\n".to_owned();
    for number in 0..9_000 {
        let _ = writeln!(conversation, "server 10.{}.{}.7:443", 1 + number / 250, number % 250);
        conversation.push_str("> S 100\n< RA 0 ack 101\n");
    }
    let captures = Captures::of(&conversation);
    let records = captures.records("a.pcap");
    let summary = records.last().expect("a summary");
    let count = |kind: &str| records.iter().filter(|record| record["type"] == kind).count() as u64;
    assert_eq!((number(summary, "/connections"), number(summary, "/resets")), (9_000, 9_000));
    assert_eq!(count("connection"), 9_000);
    assert!(count("group") < 9_000 && count("service") < 9_000);
    assert_eq!(number(summary, "/ungrouped_resets"), 9_000 - count("group"));
}

/// What a terminal takes as an order: to clear itself, to change its title, to turn a line around.
const ORDERS: &str = "eth0\x1b[2J\x1b]0;owned\x07\u{202e}\r\n";

#[track_caller]
fn is_harmless(text: &str) {
    // JSON escapes by its own rules, which leave the marks of direction.
    let turns = !text.starts_with('{') && text.contains('\u{202e}');
    assert!(!turns, "{text:?}");
    let harmful = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(harmful, None, "{text:?}");
}

#[test]
fn names_of_interfaces_and_comments_give_no_orders() {
    let captures = Captures::new();
    let made = frames(&mixed());
    captures.put("a.pcapng", &pcapng(ORDERS, made.iter().map(|framed| (framed, Some(ORDERS)))));
    for words in ["", "--all", "-v", "--frame 4", "--format ndjson", "--annotate out.pcapng"] {
        is_harmless(&captures.text(&format!("{words} a.pcapng")));
    }
    let input = &captures.records_of("input", "a.pcapng")[0];
    assert_eq!(input["interfaces"][0]["name"], ORDERS, "a record has it as it is");
}

#[test]
fn payloads_give_no_orders() {
    let captures = Captures::new();
    // With a bell it would be no text.
    let text = ORDERS.replace('\x07', "");
    for payload in [ORDERS.to_owned(), text.repeat(30), format!("BIG-IP: [0x2409a71:704] {text}"), text] {
        let line = format!("{RESET} len {}", payload.len());
        captures.put("a.pcap", &pcap(&frames_ending_in(&line, payload.as_bytes())));
        for words in ["", "--all", "--frame 4", "--format ndjson", "--format json"] {
            let text = captures.text(&format!("{words} a.pcap"));
            is_harmless(&text);
            let is_shown = text.contains("eth0") || payload.contains('\x07') && text.contains("65 74 68 30");
            assert!(is_shown, "{words}: {text}");
        }
        captures.text("--annotate out.pcapng a.pcap");
    }
}

/// A file's name is chosen by whoever sends it.
#[test]
fn names_of_files_give_no_orders() {
    let captures = Captures::of(RESET);
    let name = "a\x1b[2J\u{9b}31m.pcap";
    captures.put(name, &captures.octets("a.pcap"));
    captures.put("b\x1b]0;owned\x07", b"");
    for words in ["", "--all", "--merge a.pcap", "--frame 4", "--frame 3", "--frame 99"] {
        let done = captures.explain(&format!("{words} {name}"), i32::from(words.ends_with(['3', '9'])));
        is_harmless(&done.out);
        is_harmless(&done.err);
    }
    is_harmless(&captures.explain("b\x1b]0;owned\x07", 2).err);
    is_harmless(&captures.explain("c\x1b]0;owned\x07", 2).err);
}
