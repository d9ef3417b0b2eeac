//! What two captures say together, for people: the counts first, then what became of the resets, what is alike in one piece.

use std::collections::BTreeMap;
use std::fmt::Write;

use rst_storm_core::reset::{Span, Who};
use rst_storm_core::tcp::Flags;
use rst_storm_core::vantages::{Change, Clock, Comparison, Fate, Field, Pairing, Place, Sighted, Tally, Tap, Why};

use super::block;
use super::layout::{Ink, Page, thousands};
use super::moment;
use super::names::Names;
use super::text;
use crate::watch::FileReport;

/// Groups that are told of, and resets of each, unless all are wanted.
const MOST_GROUPS: usize = 20;
const MOST_OF_ONE: usize = 4;

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Detail {
    /// Whether each reset is listed.
    pub each: bool,
    /// Whether the inputs' interfaces are.
    pub interfaces: bool,
}

/// All that is told.
pub fn text(
    comparison: &Comparison,
    taps: &[&Tap; 2],
    reports: &[FileReport],
    detail: Detail,
    names: &Names,
    page: &Page,
) -> String {
    let of_inputs = if detail.interfaces { text::Detail::Interfaces } else { text::Detail::Sums };
    let mut told = String::new();
    for (report, tap) in reports.iter().zip(taps) {
        told.push_str(&text::input(report, of_inputs, page));
        let mut note = |count: u64, what: &str| {
            if count > 0 {
                told.push_str(&page.paragraph(&format!("{} {what}", thousands(count))));
            }
        };
        note(tap.unlisted(), "resets beyond those that are remembered");
        note(tap.untracked(), "segments of connections beyond those that are remembered");
    }
    told.push_str(&summary(comparison, page));
    told.push_str(&groups(&comparison.pairings, detail, names, page));
    told
}

fn summary(comparison: &Comparison, page: &Page) -> String {
    let tally = Tally::of(&comparison.pairings);
    let mut told = format!("\nResets {}\n", thousands(tally.resets()));
    for (count, what) in [
        (tally.arrived, "arrived: in both captures, unchanged"),
        (tally.lost, "lost: near the sender only"),
        (tally.never_sent, "never sent: near the victim only, not where they claim to be from"),
        (tally.changed, "changed on the way"),
        (tally.not_comparable, "not comparable"),
    ] {
        if count > 0 {
            let _ = writeln!(told, "  {:>8}  {what}", thousands(count));
        }
    }
    let mut connections = format!("{} in both captures", thousands(comparison.connections));
    if comparison.translated > 0 {
        let _ = write!(connections, ", {} under other addresses or ports", thousands(comparison.translated));
    }
    if comparison.renumbered > 0 {
        let _ = write!(connections, ", {} with other sequence numbers", thousands(comparison.renumbered));
    }
    told.push_str(&page.item("conns", &connections));
    for (label, places) in ["first", "second"].into_iter().zip(&comparison.places) {
        let places: Vec<String> =
            places.iter().map(|(place, count)| format!("{} ({})", self::place(*place), thousands(*count))).collect();
        let places =
            if places.is_empty() { "no connection to tell its place by".to_owned() } else { places.join(", ") };
        told.push_str(&page.item(label, &places));
    }
    told.push_str(&page.item("clocks", &clock(comparison.clock)));
    told
}

fn place(place: Place) -> &'static str {
    match place {
        Place::Originator => "at or beside the originator",
        Place::Responder => "at or beside the responder",
        Place::Between => "between the ends",
        Place::Unclear => "place unclear",
    }
}

fn clock(clock: Option<Clock>) -> String {
    let Some(clock) = clock else { return "no segment is in both captures".to_owned() };
    let offset = clock.offset();
    let which = if offset < 0 { "behind" } else { "ahead of" };
    let known = match (clock.both_ways, clock.is_steady) {
        (false, _) => "which way the segments went is unclear, so the way's own time is in it",
        (true, true) => "by segments of both ways",
        (true, false) => "no one offset fits all segments: the clocks ran apart or were set",
    };
    format!(
        "the second is {} {which} the first, give or take {} ({} segments; {known})",
        Span(offset.unsigned_abs()),
        Span(clock.uncertainty()),
        thousands(clock.segments),
    )
}

/// What two resets that are told together have in common.
type Alike = (u8, Vec<Field>, Option<Why>, [Place; 2], String, [Option<String>; 2]);

fn alike(pairing: &Pairing) -> Alike {
    let (rank, fields, why) = match &pairing.fate {
        Fate::NeverSent => (0, Vec::new(), None),
        Fate::Changed(changes) => (1, changes.iter().map(|change| change.field).collect(), None),
        Fate::Lost => (2, Vec::new(), None),
        Fate::Arrived => (3, Vec::new(), None),
        Fate::NotComparable(why) => (4, Vec::new(), Some(*why)),
    };
    let sides: String = pairing.owns().map(|own| format!("{:?}", own.by)).take(1).collect();
    let found = match &pairing.conclusion {
        Some(conclusion) => {
            format!(
                "{sides}{:?}{:?}{:?}{}",
                conclusion.who,
                conclusion.finding,
                conclusion.cause,
                conclusion.grounds.iter().count()
            )
        }
        None => sides,
    };
    // What each capture says alone is told once for all of them.
    let alone = pairing.seen.each_ref().map(|sighted| sighted.as_ref().map(alone));
    (rank, fields, why, pairing.places, found, alone)
}

fn groups(pairings: &[Pairing], detail: Detail, names: &Names, page: &Page) -> String {
    let mut groups: BTreeMap<(u8, usize), Vec<&Pairing>> = BTreeMap::new();
    let mut known: Vec<Alike> = Vec::new();
    for pairing in pairings {
        let alike = alike(pairing);
        let place = known.iter().position(|other| *other == alike).unwrap_or_else(|| {
            known.push(alike.clone());
            known.len() - 1
        });
        groups.entry((alike.0, place)).or_default().push(pairing);
    }
    let most = if detail.each { usize::MAX } else { MOST_GROUPS };
    let mut told = String::new();
    for group in groups.values().take(most) {
        told.push('\n');
        told.push_str(&self::group(group, detail, names, page));
    }
    let left: usize = groups.values().skip(most).map(Vec::len).sum();
    if left > 0 {
        let _ = writeln!(told, "\n{} further resets: see --all, or --format ndjson", thousands(left as u64));
    }
    told
}

fn group(group: &[&Pairing], detail: Detail, names: &Names, page: &Page) -> String {
    let Some(example) = group.first() else { return String::new() };
    let resets = if group.len() == 1 { "reset" } else { "resets" };
    let heading = format!("{} {resets}: {}", thousands(group.len() as u64), fate(example));
    let mut told = page.heading(&page.ink(Ink::Strong, &heading));
    told.push_str(&body(example, names, page));
    let most = if detail.each { usize::MAX } else { MOST_OF_ONE };
    for (number, pairing) in group.iter().take(most).enumerate() {
        told.push_str(&page.item(if number == 0 { "seen" } else { "" }, &seen(pairing, names)));
    }
    if group.len() > most {
        told.push_str(&page.item("", &format!("and {} more", thousands((group.len() - most) as u64))));
    }
    told
}

/// What became of it, as a sentence.
fn fate(pairing: &Pairing) -> String {
    let sender_is_there =
        pairing.near_sender.is_some_and(|near| !matches!(pairing.places[near], Place::Between | Place::Unclear));
    match &pairing.fate {
        Fate::Arrived if sender_is_there => "sent, and arrived".to_owned(),
        Fate::Arrived => "in both captures".to_owned(),
        Fate::Lost if sender_is_there => "sent, and lost on the way".to_owned(),
        Fate::Lost => "lost between the captures".to_owned(),
        Fate::NeverSent if sender_is_there => "arrived, but never sent".to_owned(),
        Fate::NeverSent => "came in between the captures, or around one".to_owned(),
        Fate::Changed(changes) => {
            let fields: Vec<&str> = changes.iter().map(|change| field(change.field)).collect();
            format!("changed on the way: {}", fields.join(", "))
        }
        Fate::NotComparable(why) => format!("not comparable: {}", why.sentence()),
    }
}

fn field(field: Field) -> &'static str {
    match field {
        Field::Ttl => "time to live",
        Field::IpId => "IP id",
        Field::Flags => "flags",
        Field::Seq => "sequence number",
        Field::Ack => "acknowledgment number",
        Field::Window => "window",
        Field::Timestamp => "timestamps option",
        Field::Payload => "payload length",
        Field::Content => "what it carries",
    }
}

fn body(pairing: &Pairing, names: &Names, page: &Page) -> String {
    let mut told = String::new();
    if let Fate::Changed(changes) = &pairing.fate {
        let changes: Vec<String> = changes.iter().map(change).collect();
        told.push_str(&page.item("e.g.", &changes.join(", ")));
    }
    if let Some(conclusion) = &pairing.conclusion {
        let who = match conclusion.who {
            Who::Originator | Who::Responder => {
                format!("the {} ({})", block::sender(conclusion.who), conclusion.finding)
            }
            Who::ThirdParty => format!("a third party ({}), under another's address", conclusion.finding),
            Who::Unknown => "unknown: the end whose address it bears, or a third party beside it".to_owned(),
        };
        told.push_str(&page.item("who", &page.ink(Ink::Finding, &who)));
        for evidence in conclusion.grounds.iter() {
            told.push_str(&page.point(&format!("{evidence}{}", names.frames(evidence.frames()))));
        }
        let why = match conclusion.cause {
            Some((id, finding)) => format!("{id} ({finding})"),
            None => "unexplained: no cause that one capture suggests is left".to_owned(),
        };
        told.push_str(&page.item("why", &page.ink(Ink::Finding, &why)));
        if !conclusion.others.is_empty() {
            let others: Vec<String> =
                conclusion.others.iter().map(|(id, finding)| format!("{id} ({finding})")).collect();
            told.push_str(&page.item("or", &others.join(", ")));
        }
        if !conclusion.refuted.is_empty() {
            let refuted: Vec<&str> = conclusion.refuted.iter().map(|id| id.0).collect();
            told.push_str(&page.item("not", &refuted.join(", ")));
        }
    }
    for (label, sighted) in ["first", "second"].into_iter().zip(&pairing.seen) {
        if let Some(sighted) = sighted {
            told.push_str(&page.item(label, &alone(sighted)));
        }
    }
    told
}

fn change(change: &Change) -> String {
    let [first, second] = change.values;
    let name = field(change.field);
    match change.field {
        Field::Flags => format!("{name} {} and {}", Flags(first as u8), Flags(second as u8)),
        Field::Content => format!("{name} differs"),
        _ => format!("{name} {first} and {second}"),
    }
}

/// What a capture says of it alone.
fn alone(sighted: &Sighted) -> String {
    let Some(own) = &sighted.own else { return "alone: not judged, its connection has too many".to_owned() };
    let why = match own.verdict.cause().zip(own.verdict.finding()) {
        Some((id, finding)) => format!("{id} ({finding})"),
        None => "unexplained".to_owned(),
    };
    format!("alone: by {} ({}): {why}, harm {}", block::sender(own.who), own.finding, own.harm.word())
}

fn seen(pairing: &Pairing, names: &Names) -> String {
    let mut places = pairing.seen.iter().flatten().map(|sighted| {
        let segment = &sighted.segment;
        let ends = format!("{} > {}", segment.source, segment.destination);
        (
            names.frame(segment.frame),
            ends,
            format!("{} seq {} {}", segment.flags, segment.seq, moment::time_of_day(segment.at)),
        )
    });
    match (places.next(), places.next()) {
        (Some((frame, ends, what)), None) => format!("{frame} {ends} {what}"),
        (Some((frame, ends, what)), Some((other, others, _))) if ends == others => {
            format!("{frame} and {other} {ends} {what}")
        }
        (Some((frame, ends, what)), Some((other, others, _))) => {
            format!("{frame} {ends} {what}, there {other} {others}")
        }
        (None, _) => String::new(),
    }
}
