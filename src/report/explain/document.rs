//! What is told at the end, as JSON: inputs, groups, services, storms, the summary.

use std::collections::BTreeMap;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{FrameNumber, Group, STORM_RESETS, STORM_SHARE, STORM_WITHIN, Service, Storm, Summary};
use rst_storm_core::reset::Grounds;
use rst_storm_core::tcp::Side;
use serde::Serialize;

use super::grounds::Told;
use super::json::SCHEMA;
use super::kernel::TraceSums;
use super::moment;
use super::names::Names;
use crate::watch::FileReport;

/// One input, as it was read.
#[derive(Debug, Serialize)]
pub struct Input<'a> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    file: &'a str,
    interfaces: Vec<Interface<'a>>,
    frames: u64,
    segments: u64,
    skipped: BTreeMap<String, u64>,
    outside_time: u64,
    duplicates: u64,
    cut_segments: u64,
    super_segments: u64,
    bad_reset_checksums: u64,
    unfinished_checksums: u64,
    clamped_times: u64,
    untimed: u64,
    backward_steps: u64,
    first_ts: Option<f64>,
    last_ts: Option<f64>,
    damage: Option<Damage>,
}

#[derive(Debug, Serialize)]
struct Interface<'a> {
    name: Option<&'a str>,
    link_type: u16,
    snap_length: u32,
}

#[derive(Debug, Serialize)]
struct Damage {
    at_octet: u64,
    after_frame: u64,
    says: String,
}

/// Resets that are alike.
#[derive(Debug, Serialize)]
pub struct GroupRecord<'a> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    group: u32,
    who: &'static str,
    from: &'static str,
    service_h: std::net::IpAddr,
    service_p: Option<u16>,
    shape: &'static str,
    progress: &'static str,
    cause: Option<&'static str>,
    confidence: Option<String>,
    count: u64,
    harmful: u64,
    first_ts: f64,
    last_ts: f64,
    first_frame: u64,
    last_frame: u64,
    most_a_second: u64,
    victims: AtLeast,
    ports: AtLeast,
    silence_seconds: Option<[f64; 3]>,
    open_then: [u32; 2],
    occasions: Vec<Occasion<'a>>,
    example_uid: String,
}

#[derive(Debug, Serialize)]
struct AtLeast {
    at_least: u64,
    exact: bool,
}

#[derive(Debug, Serialize)]
struct Occasion<'a> {
    id: &'static str,
    confidence: String,
    evidence: Told<'a, Grounds>,
}

/// One address and port that was asked.
#[derive(Debug, Serialize)]
pub struct ServiceRecord {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    resp_h: std::net::IpAddr,
    resp_p: u16,
    connections: u64,
    reset: u64,
    reset_percent: u64,
    by: BTreeMap<&'static str, u64>,
    harmful: u64,
    storm: Option<StormRecord>,
}

#[derive(Debug, Serialize)]
struct StormRecord {
    resets: u32,
    since_ts: f64,
    threshold_resets: u32,
    threshold_seconds: f64,
    threshold_percent: u64,
}

/// The sums.
#[derive(Debug, Serialize)]
pub struct SummaryRecord<'a> {
    schema: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    files: &'a [String],
    connections: u64,
    reset_connections: u64,
    segments: u64,
    resets: u64,
    unlisted_resets: u64,
    ungrouped_resets: u64,
    evicted_connections: u64,
    rst_storm_connections: u64,
    storm_services: u64,
    by_cause: BTreeMap<&'static str, u64>,
    by_sender: BTreeMap<&'static str, u64>,
    by_stage: BTreeMap<&'static str, u64>,
    by_progress: BTreeMap<&'static str, u64>,
    by_harm: BTreeMap<&'static str, u64>,
    harmful: u64,
    unexplained: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<TraceSums>,
}

impl<'a> Input<'a> {
    /// The record of an input.
    pub fn new(report: &'a FileReport) -> Input<'a> {
        let mut skipped: BTreeMap<String, u64> =
            report.skips.iter().map(|(skip, count)| (skip.to_string(), count)).collect();
        if report.skips.others() > 0 {
            skipped.insert("other".to_owned(), report.skips.others());
        }
        Input {
            schema: SCHEMA,
            kind: "input",
            file: &report.name,
            interfaces: report
                .interfaces
                .iter()
                .map(|known| Interface {
                    name: known.name.as_deref(),
                    link_type: known.link.number(),
                    snap_length: known.snap_length,
                })
                .collect(),
            frames: report.frames,
            segments: report.segments,
            skipped,
            outside_time: report.outside_time,
            duplicates: report.duplicates,
            cut_segments: report.cut_segments,
            super_segments: report.super_segments,
            bad_reset_checksums: report.bad_reset_checksums,
            unfinished_checksums: report.unfinished_checksums,
            clamped_times: report.clamped_times,
            untimed: report.untimed,
            backward_steps: report.backward_steps,
            first_ts: report.first.map(moment::seconds),
            last_ts: report.last.map(moment::seconds),
            damage: report.damage.as_ref().map(|damage| Damage {
                at_octet: damage.at,
                after_frame: damage.frame,
                says: damage.to_string(),
            }),
        }
    }
}

impl<'a> GroupRecord<'a> {
    /// The record of a group.
    pub fn new(group: &'a Group, summary: &Summary, names: &'a Names) -> GroupRecord<'a> {
        let facts = group.facts(summary.unharmed(group));
        let [first, last] = group.span.map(|at: Timestamp| moment::seconds(at));
        let [first_frame, last_frame] = group.frames.map(|frame| FrameNumber(frame).number());
        let exactly = |(at_least, more): (u64, bool)| AtLeast { at_least, exact: !more };
        let home = group.frames[0];
        GroupRecord {
            schema: SCHEMA,
            kind: "group",
            group: group.id.0,
            who: group.key.who.word(),
            from: if group.key.by == Side::Originator { "orig" } else { "resp" },
            service_h: group.key.service.addr,
            service_p: Some(group.key.service.port).filter(|port| *port != 0),
            shape: group.key.shape.word(),
            progress: group.key.progress.word(),
            cause: group.key.cause.map(|cause| cause.0),
            confidence: group.key.finding.map(|finding| finding.to_string()),
            count: group.count,
            harmful: group.harmful,
            first_ts: first,
            last_ts: last,
            first_frame,
            last_frame,
            most_a_second: facts.most_a_second,
            victims: exactly(group.victims()),
            ports: exactly(group.ports()),
            silence_seconds: facts.silence.map(|silence| silence.map(moment::span_seconds)),
            open_then: facts.open_then,
            occasions: summary
                .occasions(group)
                .into_iter()
                .map(|(id, finding, why)| Occasion {
                    id: id.0,
                    confidence: finding.to_string(),
                    evidence: Told { list: why, home, names },
                })
                .collect(),
            example_uid: group.example.connection.uid(),
        }
    }
}

impl ServiceRecord {
    /// The record of a service.
    pub fn new(service: &Service) -> ServiceRecord {
        let words = ["orig", "resp", "third-party", "unknown"];
        ServiceRecord {
            schema: SCHEMA,
            kind: "service",
            resp_h: service.endpoint.addr,
            resp_p: service.endpoint.port,
            connections: service.connections,
            reset: service.reset,
            reset_percent: service.reset_share(),
            by: words.into_iter().zip(service.by).collect(),
            harmful: service.harmful,
            storm: service.storm().map(|storm: Storm| StormRecord {
                resets: storm.resets,
                since_ts: moment::seconds(storm.since),
                threshold_resets: STORM_RESETS,
                threshold_seconds: moment::span_seconds(STORM_WITHIN),
                threshold_percent: STORM_SHARE,
            }),
        }
    }
}

impl<'a> SummaryRecord<'a> {
    /// The record of the sums over these files, and over the trace's events where there is a trace.
    pub fn new(summary: &Summary, files: &'a [String], kernel: Option<TraceSums>) -> SummaryRecord<'a> {
        let tally = &summary.tally;
        let causes = tally.by_cause();
        SummaryRecord {
            schema: SCHEMA,
            kind: "summary",
            version: env!("CARGO_PKG_VERSION"),
            files,
            connections: tally.connections,
            reset_connections: tally.reset_connections,
            segments: tally.segments,
            resets: tally.resets,
            unlisted_resets: tally.unlisted,
            ungrouped_resets: summary.ungrouped,
            evicted_connections: summary.evicted,
            rst_storm_connections: tally.rst_storms,
            storm_services: summary.storms().count() as u64,
            by_cause: causes.into_iter().map(|(id, count)| (id.map_or("unexplained", |id| id.0), count)).collect(),
            by_sender: tally.by_sender().into_iter().map(|(who, count)| (who.word(), count)).collect(),
            by_stage: tally.by_stage().into_iter().map(|(stage, count)| (stage.word(), count)).collect(),
            by_progress: tally.by_progress().into_iter().map(|(progress, count)| (progress.word(), count)).collect(),
            by_harm: tally.by_harm().into_iter().collect(),
            harmful: tally.harmful(),
            unexplained: tally.unexplained(),
            kernel,
        }
    }
}
