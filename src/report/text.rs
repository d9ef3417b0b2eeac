//! The text of the two halves. Its blocks are an interface, word for word: further lines come after a block, never in it.

use std::fmt::Write;
use std::time::Duration;

use super::style::Style;
use crate::storm::check::Check;
use crate::storm::decimal::Decimal;
use crate::storm::outcome::Tally;
use crate::storm::pacer::Rate;
use crate::storm::plan::{ClientPlan, CloseBy, Progress, ServerProgress};
use crate::storm::report::{ClientReport, ServerReport, per_second};
use crate::storm::units::short_time;

/// What a server says when it listens.
pub fn server_start(port: u16, close: CloseBy, duration: Decimal) -> String {
    format!("{}Accepting connections for {duration}s...\n", server_start_in_lab(port, close))
}

/// The same of a server that stays for as long as the client does.
pub fn server_start_in_lab(port: u16, close: CloseBy) -> String {
    let close = match close {
        CloseBy::Rst => "Will close connections with RST (SO_LINGER 0)",
        CloseBy::Fin => "Will close connections with FIN (control experiment)",
        CloseBy::Hold => "Will accept connections and never answer (control experiment)",
    };
    format!("RST Storm server listening on port {port}\n{close}\n")
}

/// The server's line every two seconds.
pub fn server_tick(progress: &ServerProgress) -> String {
    format!(
        "Elapsed: {:.1}s, Connections: {} ({:.1}/s), RSTs sent: {}\n",
        progress.elapsed.as_secs_f64(),
        progress.connections,
        per_second(progress.connections, progress.elapsed),
        progress.resets,
    )
}

/// The server's results.
pub fn server_results(report: &ServerReport, style: Style) -> String {
    let mut text = format!(
        "\nRST STORM SERVER RESULTS\nDuration: {}\nTotal connections: {}\nRST packets sent: {}\nConnection rate: \
         {:.1}/s\n",
        tenths(report.elapsed),
        report.connections,
        report.resets,
        report.rate(),
    );
    for (label, count) in [
        ("Closed with FIN", report.fins),
        ("Held open", report.held),
        ("Reset by the client first", report.reset_by_peer),
        ("Octets read from clients", report.octets_read),
        ("Sent nothing within 0.5s", report.silent),
    ] {
        if count > 0 {
            let _ = writeln!(text, "{label}: {count}");
        }
    }
    for (shortage, count) in &report.short {
        let _ = writeln!(text, "{} at accept: {count} times", shortage.name());
    }
    for (errno, count) in &report.accept_errors {
        let _ = writeln!(text, "accept() failed with {errno}: {count} times");
    }
    text.push_str(&interruption(report.interrupted));
    text.push_str(&self_checks(&report.checks(), style));
    text
}

/// What a client says before it starts.
pub fn client_start(plan: &ClientPlan) -> String {
    let rate = match plan.rate {
        Rate::PerSecond(rate) => format!("{} connections/second", rate.with_a_decimal()),
        Rate::Max { concurrency } => format!("max connections/second ({concurrency} in flight)"),
    };
    let duration = match (plan.extent.duration, plan.extent.count) {
        (Some(duration), None) => format!("{}s", duration.with_a_decimal()),
        (Some(duration), Some(count)) => format!("{}s, {count} attempts at most", duration.with_a_decimal()),
        (None, count) => format!("until {} attempts are made", count.unwrap_or_default()),
    };
    format!(
        "Connecting to {}\nRate: {rate}\nDuration: {duration}\nExpecting RST responses from server...\n\n",
        plan.target
    )
}

/// The client's line every two seconds.
pub fn client_tick(progress: &Progress) -> String {
    let Tally { attempts, reset, fin, .. } = progress.tally;
    format!(
        "Elapsed: {:.1}s, Connections: {attempts} ({:.1}/s), RSTs: {reset}, Normal: {fin}\n",
        progress.elapsed.as_secs_f64(),
        per_second(*attempts, progress.elapsed),
    )
}

/// The client's results.
pub fn client_results(report: &ClientReport, style: Style) -> String {
    let tally = &report.tally;
    let mut text = format!(
        "\nRST STORM CLIENT RESULTS\nDuration: {}\nTotal connection attempts: {}\nSuccessful connects: {}\nConnection \
         rate: {:.1}/s\n",
        tenths(report.window),
        tally.attempts,
        tally.connected,
        report.rate(),
    );
    text.push_str(&pacing(report));
    let _ = write!(
        text,
        "\nConnection outcomes:\n  RST received: {}\n  Normal close (FIN): {}\n  Connection refused: {}\n  Timeout: \
         {}\n  Other errors: {}\n",
        tally.reset, tally.fin, tally.refused, tally.timeout, tally.other,
    );
    for (errno, count) in &tally.other_by_errno {
        let _ = writeln!(text, "    {errno}: {count}");
    }
    if tally.timeout_connected > 0 {
        let _ = writeln!(text, "  Timeouts after the connection stood: {}", tally.timeout_connected);
    }
    for (shortage, count) in &tally.short {
        let _ = writeln!(text, "  {} (no SYN was sent): {count}", shortage.name());
    }
    let _ = match tally.reset_percent() {
        Some(percent) => writeln!(text, "\nRST rate: {}% of successful connections", tenths_rounded_down(percent)),
        None => writeln!(text, "\nRST rate: n/a (no successful connections)"),
    };
    text.push_str(&interruption(report.interrupted));
    text.push_str(&self_checks(&report.checks(), style));
    text
}

/// What a half cost, where it is asked for.
pub fn processor_time(time: Duration) -> String {
    format!("\nProcessor time: {}\n", short_time(time))
}

/// Hints, a line each, after a blank line.
pub fn hints(hints: &[String]) -> String {
    let mut text = String::new();
    for hint in hints {
        let _ = write!(text, "\nHint: {hint}");
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// Only the checks that failed, for a quiet run.
pub fn failures(checks: &[Check], style: Style) -> String {
    let failed = checks.iter().filter(|check| !check.holds);
    failed.map(|check| check_line(check, style)).collect()
}

/// The self-checks under their heading.
fn self_checks(checks: &[Check], style: Style) -> String {
    let lines: String = checks.iter().map(|check| check_line(check, style)).collect();
    format!("\nSelf-check results:\n{lines}")
}

/// One check as one line.
pub fn check_line(check: &Check, style: Style) -> String {
    format!("  {} {}: {}\n", style.mark(check.holds), check.name, check.finding)
}

fn pacing(report: &ClientReport) -> String {
    let mut text = String::new();
    if let Rate::PerSecond(rate) = report.requested {
        let _ = writeln!(text, "Requested rate: {}/s", rate.with_a_decimal());
    }
    if let Some(lateness) = report.lateness {
        let _ = writeln!(
            text,
            "Attempts started late by: p50 {}, p99 {}, max {}",
            short_time(lateness.p50),
            short_time(lateness.p99),
            short_time(lateness.max)
        );
    }
    let _ = writeln!(text, "Waited for the last answers: {}", short_time(report.waited));
    text
}

fn interruption(interrupted: bool) -> String {
    if interrupted { "\nInterrupted: these are the figures up to then.\n".to_owned() } else { String::new() }
}

/// `10.2s`.
fn tenths(duration: Duration) -> String {
    format!("{:.1}s", duration.as_secs_f64())
}

/// One digit after the point, rounded down: 100.0 is said of all and of nothing less.
fn tenths_rounded_down(percent: f64) -> String {
    format!("{:.1}", (percent * 10.0).floor() / 10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_never_rounded_up_to_all() {
        assert_eq!(tenths_rounded_down(99.99), "99.9");
        assert_eq!(tenths_rounded_down(100.0), "100.0");
    }
}
