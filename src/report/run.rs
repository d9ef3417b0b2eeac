//! The report of a run in the lab.

use std::fmt::Write;
use std::time::Duration;

use super::style::Style;
use super::text;
use crate::lab::capture_file::CaptureResult;
use crate::lab::ledger::Equation;
use crate::lab::namespaces::Kind;
use crate::lab::run::{RunProgress, RunReport};
use crate::lab::topology::{BRIDGE, DESTINATION, DESTINATION_LINK, OBSERVER_NAME, SOURCE, SOURCE_LINK};
use crate::storm::plan::Progress;
use crate::storm::units::short_time;

/// The lab, once it stands.
pub fn lab_is_up(kind: Kind, up_in: Duration) -> String {
    let kind = match kind {
        Kind::Private => "nameless namespaces",
        Kind::User => "nameless namespaces inside a user namespace, no root needed",
        Kind::Named => "named namespaces",
    };
    format!(
        "Lab: {SOURCE} ({SOURCE_LINK}) -- {BRIDGE} with the observer -- {DESTINATION} ({DESTINATION_LINK})\n     {kind}, up \
         in {}\n",
        short_time(up_in)
    )
}

/// How to enter the observer's namespace from another terminal.
#[derive(Clone, Debug)]
pub enum WayIn {
    /// By name.
    Named,
    /// By the path of a descriptor of this process, as root.
    ByPath(String),
    /// Not from outside of the user namespace.
    None,
}

/// How to watch the run from another terminal.
pub fn how_to_watch(way: &WayIn, port: u16) -> String {
    let enter = match way {
        WayIn::Named => format!("ip netns exec {OBSERVER_NAME}"),
        WayIn::ByPath(path) => format!("nsenter --net={path}"),
        WayIn::None => {
            return "This lab has no door for another terminal (it needs root). To see its packets, start again with \
                    --pcap storm.pcapng and read that file.\n"
                .to_owned();
        }
    };
    let mut lines = "Watch it from another terminal:\n".to_owned();
    for (what, filter) in [
        ("TCP flags", format!("'tcp port {port}'")),
        ("Only resets", "'tcp[tcpflags] & tcp-rst != 0'".to_owned()),
        ("RST against FIN", format!("'tcp port {port} and (tcp[tcpflags] & (tcp-rst|tcp-fin) != 0)'")),
    ] {
        let _ = writeln!(lines, "  {what}:\n    {enter} tcpdump -i {BRIDGE} -n {filter}");
    }
    lines
}

/// The live status: the client's line, and below it the wire's.
pub fn tick(progress: &RunProgress) -> String {
    let line = text::client_tick(&Progress { elapsed: progress.elapsed, tally: &progress.client });
    let wire = progress.wire;
    format!(
        "{line}    on the wire: {} connections, {} with RST, {} with FIN, {} packets dropped\n",
        wire.flows, wire.reset, wire.fin, wire.dropped
    )
}

/// The whole report.
pub fn results(report: &RunReport, style: Style) -> String {
    let mut text = text::server_results(&report.server, style);
    text.push_str(&text::client_results(&report.client, style));
    text.push_str(&observer(report, style));
    text.push_str(&ledger(report, style));
    text
}

fn observer(report: &RunReport, style: Style) -> String {
    let wire = &report.wire;
    let mut text = format!(
        "\nRST STORM OBSERVER RESULTS\nSegments on {BRIDGE}: {}\nRST segments: {} from {DESTINATION}, {} from \
         {SOURCE}\nPackets dropped by the observer: {}\n",
        wire.segments, wire.tally.destination_rst_segments, wire.tally.source_rst_segments, wire.dropped,
    );
    for (label, count) in [
        ("SYNs sent again", wire.tally.syn_retransmissions),
        ("Segments made by the observer's own host", wire.made_here),
        ("Connections let go unfinished for want of room", wire.evicted),
    ] {
        if count > 0 {
            let _ = writeln!(text, "{label}: {count}");
        }
    }
    if let Some((source, destination)) = wire.foreign_example {
        let _ = writeln!(
            text,
            "Foreign traffic: {} connections, {source} -> {destination} for one; the kernel's counters include it",
            wire.foreign_flows
        );
    }
    let _ = writeln!(text, "\nJitterTrap indicators, from the wire:");
    for check in &report.indicators {
        text.push_str(&text::check_line(check, style));
    }
    text
}

fn ledger(report: &RunReport, style: Style) -> String {
    let mut text = "\nLEDGER (client, server, wire and kernel must agree)\n".to_owned();
    for (index, equation) in report.ledger.iter().enumerate() {
        text.push_str(&equation_lines(index + 1, equation, style));
    }
    let _ = writeln!(text, "  Beside it: {}", beside(report));
    text
}

fn equation_lines(number: usize, equation: &Equation, style: Style) -> String {
    let mark = style.mark(equation.holds);
    let mut text = format!("  {mark} {number}. {}\n", equation.title);
    for (index, term) in equation.terms.iter().enumerate() {
        let relation = match index.checked_sub(1) {
            None => "  ",
            Some(before) if equation.terms[before].value == term.value => "= ",
            Some(_) => "!=",
        };
        let _ = writeln!(text, "         {relation} {:<9} {}: {}", term.value, term.witness, term.expression);
    }
    if let Some(difference) = &equation.difference {
        let _ = writeln!(text, "         {difference}");
    }
    text
}

/// What explains a difference, and is no failure by itself.
fn beside(report: &RunReport) -> String {
    format!(
        "ListenOverflows {}, ListenDrops {}, RetransSegs {} (source) and {} (destination), packets dropped by the \
         observer {}",
        report.destination.listen_overflows,
        report.destination.listen_drops,
        report.source.retrans_segs,
        report.destination.retrans_segs,
        report.wire.dropped,
    )
}

/// What the run cost: processor time of each part, and memory.
pub fn cost(report: &RunReport) -> String {
    let (client, server, observer) = (report.client.cpu, report.server.cpu, report.wire.cpu);
    let storm = client + server;
    let share = if storm.is_zero() { 0.0 } else { 100.0 * observer.as_secs_f64() / storm.as_secs_f64() };
    format!(
        "\nProcessor time: client {}, server {}, observer {} ({share:.1}% of the two)\n",
        short_time(client),
        short_time(server),
        short_time(observer),
    ) + &report.peak_rss.map(|bytes| format!("Memory at its peak: {} MiB\n", bytes >> 20)).unwrap_or_default()
}

/// The last word.
pub fn verdict(report: &RunReport, style: Style) -> String {
    let checks = report.checks();
    let failed = checks.iter().filter(|check| !check.holds).count();
    let finding = if failed == 0 {
        format!(
            "{} of {} connections were reset by {DESTINATION}, and all {} checks hold",
            report.client.tally.reset,
            report.client.tally.connected,
            checks.len()
        )
    } else {
        format!("{failed} of {} checks failed", checks.len())
    };
    format!("\nVERDICT {} {finding}\n", style.mark(failed == 0))
}

/// Where the capture lies and how to read it.
pub fn capture(result: &CaptureResult) -> String {
    let path = result.path.display();
    let mut text = format!("\nCapture: {path}, {} segments\n", result.written);
    if let Some(error) = &result.error {
        let _ = writeln!(text, "The capture is incomplete: {error}; {} segments are missing", result.lost);
    }
    let _ =
        writeln!(text, "  tcpdump -nr {path} 'tcp[tcpflags] & tcp-rst != 0'\n  tshark -r {path} -Y tcp.flags.reset==1");
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::fixture;
    use crate::storm::outcome::{Outcome, Stage};

    fn whole(report: &RunReport) -> String {
        let hints = text::hints(&report.hints());
        format!("{}{}{hints}", results(report, Style::Plain), verdict(report, Style::Plain))
    }

    #[test]
    fn the_report_of_a_storm_in_which_all_witnesses_agree() {
        insta::assert_snapshot!(whole(&fixture::resets(100)));
    }

    #[test]
    fn the_report_of_a_storm_with_a_difference_and_foreign_traffic() {
        let mut report = fixture::resets(100);
        report.client.tally.reset -= 1;
        report.client.tally.timeout += 1;
        report.client.tally.timeout_connected += 1;
        report.client.roll.tell(41, Outcome::Timeout(Stage::Connected));
        report.wire.foreign_flows = 3;
        let visitor = |port| rst_storm_core::tcp::Endpoint::new(std::net::Ipv4Addr::new(10, 0, 1, 3).into(), port);
        report.wire.foreign_example = Some((visitor(50_000), visitor(22)));
        report.wire.dropped = 7;
        report.destination.listen_overflows = 2;
        fixture::settle(&mut report);
        insta::assert_snapshot!(whole(&report));
    }
}
