//! What an explanation says to people: the summary first, then what is alike, one example of each told in full.

use std::fmt::Write;

use rst_storm_core::capture::KnownInterface;
use rst_storm_core::explain::{Group, STORM_RESETS, STORM_SHARE, STORM_WITHIN, Service, Summary};
use rst_storm_core::reset::Span;

use super::block;
use super::layout::{Ink, Page, percent, thousands};
use super::moment;
use super::names::Names;
use super::words;
use crate::report::visible::Visible;
use crate::watch::FileReport;

/// Services that are listed.
const MOST_SERVICES: usize = 12;

/// Groups that are told of.
const MOST_GROUPS: usize = 20;

/// How much is said of an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// What was read of it.
    Sums,
    /// Its interfaces too.
    Interfaces,
}

fn interface(known: &KnownInterface) -> String {
    let name = known.name.as_deref().unwrap_or("without a name");
    let kept = match known.snap_length {
        0 => "whole frames".to_owned(),
        octets => format!("at most {} octets of a frame", thousands(octets.into())),
    };
    format!("interface {}: {:?}, {kept}", Visible(name), known.link)
}

/// What an input was.
pub fn input(report: &FileReport, detail: Detail, page: &Page) -> String {
    let mut text = format!("{}\n", page.ink(Ink::Strong, &Visible(&report.name).to_string()));
    let span = match (report.first, report.last) {
        (Some(first), Some(last)) => {
            format!(", {} to {} ({})", moment::full(first), moment::time_of_day(last), Span(last.nanos_since(first)))
        }
        _ => String::new(),
    };
    text.push_str(&page.paragraph(&format!("{} frames{span}", thousands(report.frames))));
    if detail == Detail::Interfaces {
        for known in &report.interfaces {
            text.push_str(&page.paragraph(&interface(known)));
        }
    }
    let mut notes = Vec::new();
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            notes.push(format!("{} {what}", thousands(count)));
        }
    };
    note(report.outside_time, "outside of the time wanted");
    note(report.duplicates, "seen at another interface just before, counted once");
    note(report.cut_segments, "cut by the snap length");
    note(report.super_segments, "larger than a wire carries (captured before or after offloading)");
    note(report.bad_reset_checksums, "resets with a wrong checksum, which no host takes");
    note(report.unfinished_checksums, "resets whose checksum was left to the network card");
    note(report.clamped_times, "with a time out of range");
    note(report.untimed, "without a time");
    note(report.backward_steps, "earlier than the frame before");
    for (skip, count) in report.skips.iter() {
        note(count, &format!("not TCP or not readable: {skip}"));
    }
    note(report.skips.others(), "not TCP or not readable for other reasons");
    for note in notes {
        text.push_str(&page.paragraph(&note));
    }
    if let Some(damage) = &report.damage {
        let damage = format!("damaged {damage}; explained up to there");
        text.push_str(&page.paragraph(&page.ink(Ink::Bad, &damage)));
    }
    text
}

/// The sums.
pub fn summary(summary: &Summary, page: &Page) -> String {
    let tally = &summary.tally;
    let mut text = format!(
        "\nConnections {}, reset {} ({}); resets {}\n",
        thousands(tally.connections),
        thousands(tally.reset_connections),
        percent(tally.reset_connections, tally.connections),
        thousands(tally.resets),
    );
    let table = |label: &str, rows: Vec<(String, u64)>| {
        let mut text = String::new();
        for (place, (name, count)) in rows.into_iter().enumerate() {
            let label = if place == 0 { label } else { "" };
            let _ = writeln!(text, "  {label:<10}{name:<34}{:>12}", thousands(count));
        }
        text
    };
    let causes = tally.by_cause().into_iter();
    text += &table("by cause", causes.map(|(id, count)| (id.map_or("unexplained", |id| id.0).into(), count)).collect());
    let senders = tally.by_sender().into_iter();
    text += &table("by sender", senders.map(|(who, count)| (block::sender(who).into(), count)).collect());
    let stages = tally.by_progress().into_iter();
    text += &table("by stage", stages.map(|(stage, count)| (words::progress(stage).into(), count)).collect());
    let harms = tally.by_harm().into_iter();
    text += &table("by harm", harms.map(|(word, count)| (words::harm_kind(word).into(), count)).collect());
    let mut note = |count: u64, what: &str| {
        if count > 0 {
            text.push_str(&page.paragraph(&format!("{} {what}", thousands(count))));
        }
    };
    note(tally.unlisted, "further resets are counted and not judged: their connections had too many");
    note(tally.rst_storms, "connections with more than 1,000 resets in a row (Zeek's RST_storm)");
    note(summary.evicted, "connections were let go early: more were open at once than --max-flows allows");
    text
}

/// What was asked, and how much of it was reset.
pub fn services(summary: &Summary, page: &Page) -> String {
    let mut listed: Vec<&Service> = summary.services.iter().filter(|service| service.connections > 0).collect();
    listed.sort_by_key(|service| std::cmp::Reverse((service.reset, service.connections)));
    if listed.is_empty() {
        return String::new();
    }
    let mut text = format!(
        "\n{:<26}{:>11}{:>7}{:>9}{:>9}{:>6}{:>8}\n",
        "Services", "connections", "reset", "by orig", "by resp", "other", "harmful"
    );
    for service in listed.iter().take(MOST_SERVICES) {
        let [orig, resp, third, unknown] = service.by;
        let name = service.endpoint.to_string();
        // An IPv6 address takes a line of its own.
        let name = if name.len() > 23 { format!("  {name}\n{:26}", "") } else { format!("  {name:<24}") };
        let _ = writeln!(
            text,
            "{name}{:>11}{:>7}{:>9}{:>9}{:>6}{:>8}",
            thousands(service.connections),
            percent(service.reset, service.connections),
            thousands(orig),
            thousands(resp),
            thousands(third + unknown),
            thousands(service.harmful),
        );
    }
    if listed.len() > MOST_SERVICES {
        let _ = writeln!(text, "  and {} more", thousands((listed.len() - MOST_SERVICES) as u64));
    }
    for storm in summary.storms() {
        let alarm = format!(
            "Reset storm at {}: {} resets within {} from {}, {} % of its connections (alarm: {STORM_RESETS} and more \
             than {STORM_SHARE} %)",
            storm.service,
            thousands(storm.resets.into()),
            Span(STORM_WITHIN),
            moment::time_of_day(storm.since),
            storm.share,
        );
        text.push('\n');
        text.push_str(&page.paragraph(&page.ink(Ink::Bad, &alarm)));
    }
    text
}

/// What is alike, the most first, each with one example.
pub fn groups(summary: &Summary, names: &Names, page: &Page) -> String {
    let mut listed: Vec<&Group> = summary.groups.iter().collect();
    listed.sort_by_key(|group| std::cmp::Reverse((group.harmful, group.count)));
    let mut text = String::new();
    for group in listed.iter().take(MOST_GROUPS) {
        text.push('\n');
        text.push_str(&self::group(group, summary, names, page));
    }
    let left: u64 = listed.iter().skip(MOST_GROUPS).map(|group| group.count).sum();
    if left > 0 {
        let groups = listed.len() - MOST_GROUPS;
        let _ =
            writeln!(text, "\n{} resets in {groups} further groups: see --all, or --format ndjson", thousands(left));
    }
    if summary.ungrouped > 0 {
        let _ = writeln!(text, "\n{} resets fit none of these groups", thousands(summary.ungrouped));
    }
    text
}

fn group(group: &Group, summary: &Summary, names: &Names, page: &Page) -> String {
    let facts = group.facts(summary.unharmed(group));
    let service = match group.key.service.port {
        0 => group.key.service.addr.to_string(),
        _ => group.key.service.to_string(),
    };
    let resets = if group.count == 1 { "reset" } else { "resets" };
    let heading = format!("Group {}: {} {resets} at {service}", group.id.0, thousands(group.count));
    let mut text = page.heading(&page.ink(Ink::Strong, &heading));
    if group.count > 1 {
        let more = |(count, more): (u64, bool)| format!("{}{count}", if more { "at least " } else { "" });
        let [first, last] = group.span;
        let mut span = format!(
            "{} to {} ({}), at most {} a second; addresses reset: {}",
            moment::full(first),
            moment::time_of_day(last),
            Span(facts.span),
            thousands(facts.most_a_second),
            more(group.victims()),
        );
        if group.key.service.port == 0 {
            let _ = write!(span, "; ports refused: {}", more(group.ports()));
        }
        text.push_str(&page.item("span", &span));
        if let Some([least, median, most]) = facts.silence {
            let silence = format!("{} to {} before each, half of them below {}", Span(least), Span(most), Span(median));
            text.push_str(&page.item("silence", &silence));
        }
    }
    for (id, finding, grounds) in summary.occasions(group) {
        let occasion = format!("{id} ({finding})");
        text.push_str(&page.item("when", &page.ink(Ink::Finding, &occasion)));
        for evidence in grounds.iter() {
            text.push_str(&page.point(&format!("{evidence}{}", names.frames(evidence.frames()))));
        }
    }
    let example = &group.example;
    if let Some(judged) = example.resets.first() {
        let label = if group.count > 1 { "e.g." } else { "" };
        text.push_str(&page.item(label, &block::title(judged, names, page)));
        text.push_str(&block::wire(judged, example, page));
        text.push_str(&block::body(judged, names, page));
    }
    text
}
