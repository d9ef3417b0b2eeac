//! One reset as a story: the segments around it, what is found, and what the cause is about.

use std::fmt::Write;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{Judged, Record};
use rst_storm_core::reset::Span;
use rst_storm_core::tcp::{Segment, SeqNumber};

use super::block;
use super::kernel::Heard;
use super::layout::{Ink, Page, thousands};
use super::names::Names;
use crate::watch::Around;

/// The story of a reset.
pub fn story(
    judged: &Judged,
    heard: Option<&Heard>,
    record: &Record,
    around: &Around,
    names: &Names,
    page: &Page,
) -> String {
    let connection = &record.connection;
    let ends = format!("{} > {}", connection.originator, connection.responder);
    let mut text = page.heading(&page.ink(Ink::Strong, &ends));
    text.push_str(&page.paragraph(&format!(
        "{} {}, captured {}",
        connection.conn_state(),
        connection.history,
        record.vantage.words()
    )));
    text.push('\n');
    text.push_str(&segments(judged, record, around, page));
    text.push('\n');
    text.push_str(&block::full(judged, record, names, page));
    if let Some(heard) = heard {
        text.push_str(&page.item("kernel", &page.ink(Ink::Finding, &heard.sentence())));
    }
    if let Some(card) = judged.verdict.card() {
        text.push('\n');
        text.push_str(&page.item("story", card.story));
        text.push_str(&page.item("traces", card.on_the_wire));
        text.push_str(&page.item("read", &card.references.join("; ")));
    }
    text
}

/// The table of segments: numbers relative to the first seen of each side.
fn segments(judged: &Judged, record: &Record, around: &Around, page: &Page) -> String {
    let reset = &judged.reset.segment;
    let mut base = [None::<SeqNumber>; 2];
    let mut last = record.connection.started;
    let mut text = format!(
        "  {:>9} {:>9}  {:4} {:3} {:>11} {:>11} {:>7} {:>6} {:>4}\n",
        "frame", "after", "from", "", "seq", "ack", "len", "win", "ttl"
    );
    for segment in &around.segments {
        let row = row(segment, record, &mut base, last);
        last = segment.at;
        if segment.frame == reset.frame {
            let _ = writeln!(text, "{}", page.ink(Ink::Finding, &format!("> {row}")));
        } else {
            let _ = writeln!(text, "  {row}");
        }
        if around.gap_after == Some(segment.frame) {
            let _ = writeln!(text, "  {:>9} {} segments left out", "...", thousands(around.left_out));
        }
    }
    if around.later > 0 {
        let _ = writeln!(text, "  {:>9} {} later segments left out", "...", thousands(around.later));
    }
    text
}

fn row(segment: &Segment, record: &Record, base: &mut [Option<SeqNumber>; 2], last: Timestamp) -> String {
    let by_originator = segment.source == record.connection.originator;
    let (own, other) = if by_originator { (0, 1) } else { (1, 0) };
    // A reset's numbers may be anybody's: they are shown against the connection's.
    if !segment.flags.is_rst() {
        base[own].get_or_insert(segment.seq);
        if segment.flags.is_ack() {
            base[other].get_or_insert(segment.ack + u32::MAX);
        }
    }
    let relative = |number: SeqNumber, base: Option<SeqNumber>| match base {
        Some(base) => number.distance_from(base).to_string(),
        None => number.to_string(),
    };
    let ack = if segment.flags.is_ack() { relative(segment.ack, base[other]) } else { "-".to_owned() };
    let after = Span(segment.at.nanos_since(last)).to_string();
    let from = if by_originator { "orig" } else { "resp" };
    let mut row = format!("{:>9} {after:>9}  {from} {}", segment.frame, segment.flags);
    let numbers = [
        (41, relative(segment.seq, base[own])),
        (53, ack),
        (61, segment.payload_len.to_string()),
        (68, segment.window.to_string()),
        (73, segment.ip.ttl.to_string()),
    ];
    // What is wider than its column takes the room that the next ones don't need.
    for (end, number) in numbers {
        let room = end.max(row.len() + 1 + number.len()) - row.len();
        let _ = write!(row, "{number:>room$}");
    }
    row
}
