//! The comparison as a table of 80 columns, a section for each aspect.

use std::fmt::{Display, Write};
use std::time::Duration;

use crate::lab::compare::cost::{Cost, Storms};
use crate::lab::compare::delivery::Deliveries;
use crate::lab::compare::errors::Errors;
use crate::lab::compare::finding::{Finding, word};
use crate::lab::compare::ground::AtEnds;
use crate::lab::compare::handshake::{Endings, Handshake};
use crate::lab::compare::pair::{Pair, Spread};
use crate::lab::compare::ports::{Lasting, Ports};
use crate::lab::compare::release::Release;
use crate::lab::compare::reuse::Reuse;
use crate::lab::compare::time_wait::TimeWaits;
use crate::report::explain::layout::{Page, thousands};
use crate::report::style::Style;
use crate::storm::check::Check;
use crate::storm::units::short_time;

/// What stands above the table.
pub fn beginning() -> String {
    "\nRST AGAINST FIN: the same load in fresh labs, only the close differs\n\n".to_owned()
        + &row("", &Pair { fin: "FIN (plain close)", rst: "RST (SO_LINGER 0)" })
}

/// A finding.
pub fn section(finding: &Finding) -> String {
    match finding {
        Finding::Handshake(endings) => handshake(endings),
        Finding::Delivery(deliveries) => delivery(deliveries),
        Finding::Errors(errors) => told(errors),
        Finding::TimeWait(waits) => time_wait(waits),
        Finding::Reuse(reuse) => used_again(reuse),
        Finding::Release(release) => released(release),
        Finding::Cost(found) => cost(found),
        Finding::Ports(found) => ports(found),
    }
}

/// What came as theory says, and what didn't.
pub fn checks(checks: &[Check], complete: bool, style: Style) -> String {
    let page = Page::new(style);
    let mut text = "\nAGAINST THEORY (what is a matter of time is never judged)\n".to_owned();
    for check in checks {
        text.push_str(&page.item(&style.mark(check.holds), &format!("{}: {}", check.name, check.finding)));
    }
    let failed = checks.iter().filter(|check| !check.holds).count();
    let finding = match (complete, failed) {
        (false, _) => format!("ended before its time, with {} checks made, {failed} of them failed", checks.len()),
        (true, 0) => format!("all {} checks came out as theory says", checks.len()),
        (true, _) => format!("{failed} of {} checks contradict theory", checks.len()),
    };
    let _ = writeln!(text, "\nVERDICT {} {finding}", style.mark(complete && failed == 0));
    text
}

fn handshake(pair: &Pair<Handshake>) -> String {
    let ending = |when: &str, of: fn(&Handshake) -> &Endings| {
        let again = |handshake: &Handshake| of(handshake).sent_again.to_string();
        let mut text = rows(pair, &format!("{when}, segments"), |handshake| counts(&of(handshake).segments))
            + &rows(pair, &format!("{when}, octets"), |handshake| counts(&of(handshake).octets));
        if [&pair.fin, &pair.rst].iter().any(|handshake| of(handshake).sent_again > 0) {
            text.push_str(&rows(pair, &format!("{when}, sent again"), again));
        }
        text
    };
    let connections = pair.fin.at_once.connections;
    heading(&format!("Closing handshake: {connections} connections, the server closes, then the client"))
        + &ending("at once", |handshake| &handshake.at_once)
        + &ending("after its ACK", |handshake| &handshake.acknowledged)
}

fn delivery(pair: &Pair<Deliveries>) -> String {
    let Deliveries { transfers, written, .. } = &pair.fin;
    heading(&format!("Data delivery: {} octets, then close; transfers: {transfers}", thousands(*written)))
        + &octets(pair, "read before the close", |deliveries| deliveries.read_before_close)
        + &octets(pair, "unacknowledged at close", |deliveries| deliveries.unacknowledged_at_close)
        + &octets(pair, "passed the wire", |deliveries| deliveries.carried)
        + &octets(pair, "delivered", |deliveries| deliveries.delivered)
        + &rows(pair, "then", |deliveries| word(&deliveries.end))
}

/// The median, and below it the bounds where that isn't all: of many octets both are too wide for a line.
fn octets(pair: &Pair<Deliveries>, label: &str, of: fn(&Deliveries) -> Spread<u64>) -> String {
    let text = rows(pair, label, |deliveries| thousands(of(deliveries).median));
    if of(&pair.fin).is_one() && of(&pair.rst).is_one() {
        return text;
    }
    let bounds = |Spread { least, most, .. }: Spread<u64>| format!("{}..{}", thousands(least), thousands(most));
    text + &rows(pair, "  least..most", |deliveries| bounds(of(deliveries)))
}

fn told(pair: &Pair<Errors>) -> String {
    heading("Error to the application: the server closes")
        + &rows(pair, "close() there", |errors| word(&errors.close))
        + &rows(pair, "events at the client", |errors| errors.events.join(" "))
        + &rows(pair, "recv()", |errors| format!("{}, then {}", word(&errors.read), word(&errors.read_again)))
        + &rows(pair, "send()", |errors| format!("{}, then {}", word(&errors.write), word(&errors.write_again)))
}

fn time_wait(pair: &Pair<TimeWaits>) -> String {
    let left = |ends: AtEnds| format!("client {}, server {}", ends.client, ends.server);
    heading(&format!("TIME_WAIT: left by {} connections", pair.fin.connections))
        + &rows(pair, "the server closes first", |waits| left(waits.server_closed))
        + &rows(pair, "the client closes first", |waits| left(waits.client_closed))
}

fn used_again(pair: &Pair<Reuse>) -> String {
    heading("Reuse at once, both ends being closed")
        + &rows(pair, "bind, client closed", |reuse| word(&reuse.client_port))
        + &rows(pair, "bind, server closed", |reuse| word(&reuse.server_port))
        + &rows(pair, "4-tuple, server closed", |reuse| word(&reuse.tuple_of_server))
        + &rows(pair, "4-tuple, client closed", |reuse| word(&reuse.tuple_of_client))
}

fn released(pair: &Pair<Release>) -> String {
    let wait = |release: &Release| format!("{} of {}", release.time_waits, release.connections);
    let left = |release: &Release| release.time_wait_seconds.as_ref().map_or_else(|| "-".to_owned(), times);
    heading("Resource cleanup: from the server's close() on")
        + &rows(pair, "closed at both ends", |release| times(&release.closed_seconds))
        + &rows(pair, "TIME_WAIT then", wait)
        + &rows(pair, "  what its timer says", left)
}

fn cost(cost: &Cost) -> String {
    let heading = heading(&format!(
        "Cost: storms of {}, {} in flight, the server closes; rounds: {}",
        thousands(cost.connections),
        cost.concurrency,
        cost.rounds
    ));
    let rows = |label, of: fn(&Storms) -> String| rows(&cost.storms, label, of);
    let rates = |spread: &Spread<f64>| spread_of(spread, |rate| thousands(rate.round() as u64));
    heading
        + &rows("processor a connection", |storms| times(&storms.cpu_seconds))
        + &rows("against itself", |storms| ratios(&storms.against_itself))
        + &row("RST against FIN", &Pair { fin: String::new(), rst: ratios(&cost.rst_to_fin) })
        + &row(
            "connections a second",
            &Pair { fin: rates(&cost.storms.fin.rate_per_second), rst: rates(&cost.storms.rst.rate_per_second) },
        )
}

fn ports(ports: &Ports) -> String {
    let heading = heading(&format!("Ports: a client with {} of them, which closes first", ports.ports));
    let Some(runs) = &ports.runs else {
        return heading + "  not measured: the settings of the lab's namespaces are read-only here\n";
    };
    let then = |lasting: &Lasting| lasting.refused.clone().unwrap_or_else(|| "it goes on".to_owned());
    let left = |lasting: &Lasting| lasting.time_waits.to_string();
    let computed = |rate: f64| Pair { fin: format!("{rate:.1} a second"), rst: "no bound by ports".to_owned() };
    heading
        + &rows(runs, "connections", |lasting| thousands(lasting.connections))
        + &rows(runs, "then connect()", then)
        + &rows(runs, "TIME_WAIT left", left)
        + &row(
            &format!("computed: {} / {} s", ports.ports, ports.time_wait_seconds),
            &computed(ports.computed_per_second),
        )
        + &row(
            &format!("computed: {} / {} s", ports.default_ports, ports.time_wait_seconds),
            &computed(ports.computed_default_per_second),
        )
}

fn heading(text: &str) -> String {
    format!("\n{text}\n")
}

fn rows<T>(pair: &Pair<T>, label: &str, of: impl Fn(&T) -> String) -> String {
    row(label, &Pair { fin: of(&pair.fin), rst: of(&pair.rst) })
}

fn row<T: Display>(label: &str, pair: &Pair<T>) -> String {
    let line = format!("  {label:<24} {:<26} {}", pair.fin.to_string(), pair.rst);
    line.trim_end().to_owned() + "\n"
}

/// The median, and its bounds where they look different.
fn spread_of<T: Copy>(spread: &Spread<T>, show: impl Fn(T) -> String) -> String {
    let (median, least, most) = (show(spread.median), show(spread.least), show(spread.most));
    if median == least && median == most { median } else { format!("{median} ({least}..{most})") }
}

fn counts(spread: &Spread<u64>) -> String {
    spread_of(spread, thousands)
}

fn ratios(spread: &Spread<f64>) -> String {
    spread_of(spread, |ratio| format!("{ratio:.2}"))
}

fn times(spread: &Spread<f64>) -> String {
    let show = |seconds: f64| short_time(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    spread_of(spread, show)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::compare::{fixture, theory};

    fn whole(findings: &[Finding], complete: bool) -> String {
        let judged: Vec<Check> = findings.iter().filter_map(theory::judge).collect();
        let sections: String = findings.iter().map(section).collect();
        beginning() + &sections + &checks(&judged, complete, Style::Plain)
    }

    #[test]
    fn a_comparison_that_came_as_theory_says() {
        let text = whole(&fixture::findings(), true);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_comparison_with_a_surprise_that_was_ended_early() {
        let mut findings = fixture::findings();
        findings.truncate(4);
        let Some(Finding::TimeWait(pair)) = findings.last_mut() else { panic!("not the TIME_WAIT") };
        pair.rst.client_closed.client = 1;
        insta::assert_snapshot!(whole(&findings, false));
    }
}
