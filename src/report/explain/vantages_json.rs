//! What two captures say together, as JSON. The schema is schema/two-vantage.schema.json.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rst_storm_core::explain::FrameNumber;
use rst_storm_core::reset::{Evidence, Finding, Stance};
use rst_storm_core::tcp::{Flags, Side};
use rst_storm_core::vantages::{Comparison, Fate, Own, Pairing, Sighted, Tally, Tap};
use serde::Serialize;

use super::moment;
use super::names::Names;
use super::shown::Shown;
use crate::watch::FileReport;

/// The name of this format.
pub const SCHEMA: &str = "rst-storm/two-vantage/1";

/// How records are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One document.
    Document,
    /// A line for each.
    Lines,
}

#[derive(Debug, Serialize)]
struct Reset<'a> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    fate: &'static str,
    because: Option<&'static str>,
    changes: Vec<Change>,
    first: Option<Sighting<'a>>,
    second: Option<Sighting<'a>>,
    near_sender: Option<&'static str>,
    first_place: &'static str,
    second_place: &'static str,
    translated: bool,
    renumbered: bool,
    together: Option<Together<'a>>,
    harmful: bool,
    unexplained: bool,
}

#[derive(Debug, Serialize)]
struct Change {
    field: &'static str,
    first: u32,
    second: u32,
}

#[derive(Debug, Serialize)]
struct Sighting<'a> {
    file: &'a str,
    frame: u64,
    ts: f64,
    source_h: IpAddr,
    source_p: u16,
    destination_h: IpAddr,
    destination_p: u16,
    flags: Shown<Flags>,
    seq: u32,
    ack: u32,
    ip_id: Option<u16>,
    ttl: u8,
    window: u16,
    payload_octets: u32,
    alone: Option<Alone>,
}

#[derive(Debug, Serialize)]
struct Alone {
    from: &'static str,
    who: &'static str,
    confidence: Shown<Finding>,
    cause: Option<Cause>,
    harm: &'static str,
}

#[derive(Debug, Serialize)]
struct Cause {
    id: &'static str,
    confidence: Shown<Finding>,
}

#[derive(Debug, Serialize)]
struct Together<'a> {
    who: &'static str,
    confidence: Shown<Finding>,
    evidence: Vec<Ground<'a>>,
    cause: Option<Cause>,
    others: Vec<Cause>,
    refuted: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct Ground<'a> {
    stance: &'static str,
    says: Shown<Evidence>,
    frames: Vec<FrameOf<'a>>,
}

#[derive(Debug, Serialize)]
struct FrameOf<'a> {
    file: &'a str,
    frame: u64,
}

#[derive(Debug, Serialize)]
struct Capture<'a> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    file: &'a str,
    order: &'static str,
    frames: u64,
    segments: u64,
    connections: u64,
    places: BTreeMap<&'static str, u64>,
    unreadable_frames: u64,
    unlisted_resets: u64,
    untracked_segments: u64,
    first_ts: Option<f64>,
    last_ts: Option<f64>,
    damage: Option<String>,
}

#[derive(Debug, Serialize)]
struct Summary {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    connections: u64,
    translated: u64,
    renumbered: u64,
    resets: u64,
    arrived: u64,
    lost: u64,
    never_sent: u64,
    changed: u64,
    not_comparable: u64,
    clock: Option<ClockRecord>,
}

/// How far the second clock stands ahead of the first.
#[derive(Debug, Serialize)]
struct ClockRecord {
    offset_nanos: i64,
    uncertainty_nanos: u64,
    both_ways: bool,
    steady: bool,
    segments: u64,
}

/// All records.
pub fn write(
    comparison: &Comparison,
    taps: &[&Tap; 2],
    reports: &[FileReport],
    frame: Frame,
    names: &Names,
) -> Vec<u8> {
    let mut out = Records { octets: Vec::new(), frame, begun: false };
    for pairing in &comparison.pairings {
        out.write(&reset(pairing, names));
    }
    for (number, (report, tap)) in reports.iter().zip(taps).enumerate() {
        out.write(&capture(number, report, tap, comparison));
    }
    out.write(&summary(comparison));
    out.finish()
}

struct Records {
    octets: Vec<u8>,
    frame: Frame,
    begun: bool,
}

impl Records {
    fn write(&mut self, record: &impl Serialize) {
        if self.frame == Frame::Document {
            let before =
                if self.begun { ",\n".to_owned() } else { format!("{{\"schema\":\"{SCHEMA}\",\"records\":[\n") };
            self.octets.extend_from_slice(before.as_bytes());
        }
        self.begun = true;
        // Nothing in a record can fail to be written: its keys are words and its numbers finite.
        let _ = serde_json::to_writer(&mut self.octets, record);
        if self.frame == Frame::Lines {
            self.octets.push(b'\n');
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.frame == Frame::Document {
            self.octets.extend_from_slice(b"\n]}\n");
        }
        self.octets
    }
}

fn reset<'a>(pairing: &'a Pairing, names: &'a Names) -> Reset<'a> {
    let [first, second] = [0, 1].map(|tap| pairing.seen[tap].as_ref().map(|sighted| sighting(sighted, names)));
    let (because, changes) = match &pairing.fate {
        Fate::NotComparable(why) => (Some(why.word()), Vec::new()),
        Fate::Changed(changes) => {
            let change = |change: &rst_storm_core::vantages::Change| Change {
                field: change.field.word(),
                first: change.values[0],
                second: change.values[1],
            };
            (None, changes.iter().map(change).collect())
        }
        _ => (None, Vec::new()),
    };
    Reset {
        schema: SCHEMA,
        kind: "reset",
        fate: pairing.fate.word(),
        because,
        changes,
        first,
        second,
        near_sender: pairing.near_sender.map(which),
        first_place: pairing.places[0].word(),
        second_place: pairing.places[1].word(),
        translated: pairing.translated,
        renumbered: pairing.renumbered,
        together: pairing.conclusion.as_ref().map(|conclusion| Together {
            who: conclusion.who.word(),
            confidence: Shown(conclusion.finding),
            evidence: conclusion.grounds.iter().map(|evidence| ground(evidence, names)).collect(),
            cause: conclusion.cause.map(|(id, finding)| Cause { id: id.0, confidence: Shown(finding) }),
            others: conclusion
                .others
                .iter()
                .map(|(id, finding)| Cause { id: id.0, confidence: Shown(*finding) })
                .collect(),
            refuted: conclusion.refuted.iter().map(|id| id.0).collect(),
        }),
        harmful: pairing.is_harmful(),
        unexplained: pairing.is_unexplained(),
    }
}

fn which(tap: usize) -> &'static str {
    if tap == 0 { "first" } else { "second" }
}

fn sighting<'a>(sighted: &Sighted, names: &'a Names) -> Sighting<'a> {
    let segment = &sighted.segment;
    Sighting {
        file: names.of(segment.frame),
        frame: FrameNumber(segment.frame).number(),
        ts: moment::seconds(segment.at),
        source_h: segment.source.addr,
        source_p: segment.source.port,
        destination_h: segment.destination.addr,
        destination_p: segment.destination.port,
        flags: Shown(segment.flags),
        seq: segment.seq.0,
        ack: segment.ack.0,
        ip_id: segment.ip.id,
        ttl: segment.ip.ttl,
        window: segment.window,
        payload_octets: segment.payload_len,
        alone: sighted.own.as_ref().map(alone),
    }
}

fn alone(own: &Own) -> Alone {
    let cause = own.verdict.cause().zip(own.verdict.finding());
    Alone {
        from: if own.by == Side::Originator { "orig" } else { "resp" },
        who: own.who.word(),
        confidence: Shown(own.finding),
        cause: cause.map(|(id, finding)| Cause { id: id.0, confidence: Shown(finding) }),
        harm: own.harm.word(),
    }
}

fn ground<'a>(evidence: &Evidence, names: &'a Names) -> Ground<'a> {
    let frame = |frame: u64| FrameOf { file: names.of(frame), frame: FrameNumber(frame).number() };
    Ground {
        stance: if evidence.stance == Stance::For { "for" } else { "against" },
        says: Shown(*evidence),
        frames: evidence.frames().map(frame).collect(),
    }
}

fn capture<'a>(number: usize, report: &'a FileReport, tap: &Tap, comparison: &Comparison) -> Capture<'a> {
    Capture {
        schema: SCHEMA,
        kind: "capture",
        file: &report.name,
        order: which(number),
        frames: report.frames,
        segments: report.segments,
        connections: tap.connections() as u64,
        places: comparison.places[number].iter().map(|(place, count)| (place.word(), *count)).collect(),
        unreadable_frames: tap.cover().unreadable,
        unlisted_resets: tap.unlisted(),
        untracked_segments: tap.untracked(),
        first_ts: report.first.map(moment::seconds),
        last_ts: report.last.map(moment::seconds),
        damage: report.damage.as_ref().map(ToString::to_string),
    }
}

fn summary(comparison: &Comparison) -> Summary {
    let tally = Tally::of(&comparison.pairings);
    Summary {
        schema: SCHEMA,
        kind: "summary",
        version: env!("CARGO_PKG_VERSION"),
        connections: comparison.connections,
        translated: comparison.translated,
        renumbered: comparison.renumbered,
        resets: tally.resets(),
        arrived: tally.arrived,
        lost: tally.lost,
        never_sent: tally.never_sent,
        changed: tally.changed,
        not_comparable: tally.not_comparable,
        clock: comparison.clock.map(|clock| ClockRecord {
            offset_nanos: clock.offset(),
            uncertainty_nanos: clock.uncertainty(),
            both_ways: clock.both_ways,
            steady: clock.is_steady,
            segments: clock.segments,
        }),
    }
}
