//! What theory says of each aspect, and whether it came so. What is a matter of time is never judged.

use super::cost::Cost;
use super::delivery::Deliveries;
use super::errors::Errors;
use super::finding::{Finding, word};
use super::ground::AtEnds;
use super::handshake::{Endings, Handshake};
use super::pair::Pair;
use super::ports::Ports;
use super::reuse::Reuse;
use super::time_wait::TimeWaits;
use crate::actor::call::Answer;
use crate::storm::check::Check;

/// The check of a finding; `None` of one that is reported only.
pub fn judge(finding: &Finding) -> Option<Check> {
    match finding {
        Finding::Handshake(endings) => Some(handshake(endings)),
        Finding::Delivery(deliveries) => Some(delivery(deliveries)),
        Finding::Errors(errors) => Some(told(errors)),
        Finding::TimeWait(waits) => Some(time_wait(waits)),
        Finding::Reuse(reuse) => Some(used_again(reuse)),
        Finding::Release(_) => None,
        Finding::Cost(cost) => Some(load(cost)),
        Finding::Ports(ports) => lasting(ports),
    }
}

/// A check of several parts: it holds if all do, and else names those that don't.
fn check(name: &str, theory: &str, parts: &[(bool, String)]) -> Check {
    let surprises: Vec<&str> = parts.iter().filter(|(holds, _)| !holds).map(|(_, found)| found.as_str()).collect();
    match surprises.is_empty() {
        true => Check::new(name, true, theory),
        false => Check::new(name, false, format!("theory says {theory}; found: {}", surprises.join("; "))),
    }
}

/// FIN: two FINs and their acknowledgments, of which one may ride on the second FIN. RST: itself.
fn handshake(Pair { fin, rst }: &Pair<Handshake>) -> Check {
    let fins = |endings: &Endings, least| {
        let Endings { connections, segments, fins, resets, .. } = endings;
        segments.least >= least && segments.most <= 4 && *fins == 2 * connections && *resets == 0
    };
    let reset = |endings: &Endings| {
        let Endings { connections, segments, fins, resets, .. } = endings;
        segments.least == 1 && segments.most == 1 && resets == connections && *fins == 0
    };
    let found = |close: &str, ending: &Endings| {
        let Endings { connections, segments, fins, resets, .. } = ending;
        format!(
            "{close} took {} to {} segments, with {fins} FINs and {resets} RSTs in {connections} endings",
            segments.least, segments.most
        )
    };
    check(
        "Handshake",
        "FIN takes 4 segments, or 3 where the second FIN comes before the first one's acknowledgment; RST takes one",
        &[
            (fins(&fin.at_once, 3), found("FIN", &fin.at_once)),
            (fins(&fin.acknowledged, 4), found("FIN, acknowledged", &fin.acknowledged)),
            (reset(&rst.at_once), found("RST", &rst.at_once)),
            (reset(&rst.acknowledged), found("RST, acknowledged", &rst.acknowledged)),
        ],
    )
}

/// FIN: everything, then end of file. RST: what had passed the wire before it, then ECONNRESET.
fn delivery(Pair { fin, rst }: &Pair<Deliveries>) -> Check {
    let whole = fin.delivered.is_one() && fin.delivered.least == fin.written && fin.ended_so == fin.transfers;
    let carried = rst.delivered_as_carried == rst.transfers && rst.ended_so == rst.transfers;
    // A transfer that was acknowledged before the close has nothing to lose.
    let lost = rst.delivered.most < rst.written || rst.unacknowledged_at_close.least == 0;
    let found = |close: &str, deliveries: &Deliveries| {
        let Deliveries { transfers, written, carried, delivered, delivered_as_carried, end, ended_so, .. } = deliveries;
        format!(
            "{close} delivered {} to {} of {written} octets, {} to {} had passed the wire, alike in {delivered_as_carried} \
             of {transfers} transfers; {ended_so} of them ended with {}",
            delivered.least,
            delivered.most,
            carried.least,
            carried.most,
            word(end)
        )
    };
    check(
        "Data delivery",
        "all of it after FIN, then EOF; after RST only what had passed the wire, then ECONNRESET",
        &[
            (whole && fin.end == Answer::Eof, found("FIN", fin)),
            (carried && lost && is(&rst.end, "ECONNRESET"), found("RST", rst)),
        ],
    )
}

/// FIN: end of file; the first write is taken, and its answer makes the next fail. RST: ECONNRESET, once.
fn told(Pair { fin, rst }: &Pair<Errors>) -> Check {
    let part = |holds: bool, close: &str, what: &str, found: String| (holds, format!("{close}, {what}: {found}"));
    let answer = |close, what, found: &Answer, wanted: &str| part(is(found, wanted), close, what, word(found));
    let events = |close, found: &[&str], wanted: &[&str]| part(found == wanted, close, "events", found.join(" "));
    check(
        "Error to the application",
        "after FIN end of file, and EPIPE at the second write; after RST ECONNRESET at the first call; the closer is told \
         nothing",
        &[
            answer("FIN", "close()", &fin.close, "ok"),
            events("FIN", &fin.events, &["IN", "OUT", "RDHUP"]),
            answer("FIN", "first recv()", &fin.read, "EOF"),
            answer("FIN", "next recv()", &fin.read_again, "EOF"),
            answer("FIN", "first send()", &fin.write, "ok"),
            answer("FIN", "next send()", &fin.write_again, "EPIPE"),
            answer("RST", "close()", &rst.close, "ok"),
            events("RST", &rst.events, &["IN", "OUT", "ERR", "HUP", "RDHUP"]),
            answer("RST", "first recv()", &rst.read, "ECONNRESET"),
            answer("RST", "next recv()", &rst.read_again, "EOF"),
            answer("RST", "first send()", &rst.write, "ECONNRESET"),
            answer("RST", "next send()", &rst.write_again, "EPIPE"),
        ],
    )
}

/// FIN: one at the end that closed first. RST: none.
fn time_wait(Pair { fin, rst }: &Pair<TimeWaits>) -> Check {
    let part = |close: &str, closer: &str, found: AtEnds, client: u64, server: u64| {
        let text =
            format!("{close} by the {closer} left {} at the client, {} at the server", found.client, found.server);
        (found == AtEnds { client, server }, text)
    };
    let all = fin.connections;
    check(
        "TIME_WAIT",
        "one a connection after FIN, where close() was called first; none after RST",
        &[
            part("FIN", "server", fin.server_closed, 0, all),
            part("FIN", "client", fin.client_closed, all, 0),
            part("RST", "server", rst.server_closed, 0, 0),
            part("RST", "client", rst.client_closed, 0, 0),
        ],
    )
}

/// FIN: the closer's port is in use. Its 4-tuple can be: a SYN may take over a TIME_WAIT where there are timestamps, the
/// peer's (RFC 6191) and one's own (`tcp_twsk_unique`).
fn used_again(Pair { fin, rst }: &Pair<Reuse>) -> Check {
    let part = |close: &str, what: &str, found: &Answer, wanted: &str| {
        (is(found, wanted), format!("{close}, {what}: {}", word(found)))
    };
    check(
        "Reuse at once",
        "after FIN the closer's port is in use, but by timestamps a SYN may take over its 4-tuple; after RST nothing is",
        &[
            part("FIN", "client's port", &fin.client_port, "EADDRINUSE"),
            part("FIN", "server's port", &fin.server_port, "EADDRINUSE"),
            part("FIN", "4-tuple, server closed", &fin.tuple_of_server, "ok"),
            part("FIN", "4-tuple, client closed", &fin.tuple_of_client, "ok"),
            part("RST", "client's port", &rst.client_port, "ok"),
            part("RST", "server's port", &rst.server_port, "ok"),
            part("RST", "4-tuple, server closed", &rst.tuple_of_server, "ok"),
            part("RST", "4-tuple, client closed", &rst.tuple_of_client, "ok"),
        ],
    )
}

/// What was measured as one close was one.
fn load(Cost { storms, .. }: &Cost) -> Check {
    let part = |close: &str, ended: u64, all: u64| (ended == all, format!("{ended} of {all} by {close}"));
    check(
        "Load of the storms",
        "every connection ends as the server closes it",
        &[
            part("FIN", storms.fin.ended_so, storms.fin.connections),
            part("RST", storms.rst.ended_so, storms.rst.connections),
        ],
    )
}

/// FIN: one connection a port, then EADDRNOTAVAIL. RST: no end.
fn lasting(ports: &Ports) -> Option<Check> {
    let Pair { fin, rst } = ports.runs.as_ref()?;
    let then = |refused: &Option<String>| refused.clone().unwrap_or_else(|| "no refusal".to_owned());
    let spent = fin.connections == ports.ports && fin.refused.is_some() && fin.time_waits == ports.ports;
    let free = rst.connections == ports.enough && rst.refused.is_none() && rst.time_waits == 0;
    let found = |close: &str, connections: u64, refused: &Option<String>, waits: u64| {
        format!("{close}: {connections} connections, then {}, {waits} in TIME_WAIT", then(refused))
    };
    Some(check(
        "Ports",
        "a client that closes with FIN has one connection a port, then none; with RST they don't run out",
        &[
            (spent, found("FIN", fin.connections, &fin.refused, fin.time_waits)),
            (free, found("RST", rst.connections, &rst.refused, rst.time_waits)),
        ],
    ))
}

fn is(answer: &Answer, wanted: &str) -> bool {
    word(answer) == wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::compare::fixture;
    use crate::lab::compare::pair::Spread;

    fn surprise(change: impl FnOnce(&mut Finding), place: usize) -> String {
        let mut finding = fixture::findings().remove(place);
        change(&mut finding);
        let check = judge(&finding).expect("it is judged");
        assert!(!check.holds, "{check:?}");
        check.finding
    }

    #[test]
    fn what_came_as_theory_says_holds() {
        let checks: Vec<Check> = fixture::findings().iter().filter_map(judge).collect();
        assert_eq!(checks.len(), 7, "all but the release");
        assert!(checks.iter().all(|check| check.holds), "{checks:#?}");
    }

    #[test]
    fn a_fifth_segment_is_named() {
        let found = surprise(
            |finding| {
                let Finding::Handshake(pair) = finding else { panic!("{finding:?}") };
                pair.fin.at_once.segments = Spread { median: 4, least: 3, most: 5 };
            },
            0,
        );
        assert!(found.ends_with("found: FIN took 3 to 5 segments, with 40 FINs and 0 RSTs in 20 endings"), "{found}");
    }

    #[test]
    fn data_that_was_lost_by_fin_or_kept_by_rst_is_named() {
        for change in [
            (|pair: &mut Pair<Deliveries>| pair.fin.delivered.least -= 1) as fn(&mut Pair<Deliveries>),
            |pair| pair.rst.delivered.most = pair.rst.written,
            |pair| pair.rst.delivered_as_carried -= 1,
            |pair| pair.rst.end = Answer::Eof,
        ] {
            surprise(
                |finding| {
                    let Finding::Delivery(pair) = finding else { panic!("{finding:?}") };
                    change(pair);
                },
                1,
            );
        }
    }

    #[test]
    fn a_transfer_that_was_acknowledged_has_nothing_to_lose() {
        let Finding::Delivery(mut pair) = fixture::findings().remove(1) else { panic!("not the delivery") };
        let all = Spread { median: pair.rst.written, least: pair.rst.written, most: pair.rst.written };
        (pair.rst.delivered, pair.rst.carried) = (all, all);
        pair.rst.unacknowledged_at_close = Spread { median: 0, least: 0, most: 0 };
        assert!(delivery(&pair).holds);
    }

    #[test]
    fn another_errno_is_named() {
        let found = surprise(
            |finding| {
                let Finding::Errors(pair) = finding else { panic!("{finding:?}") };
                pair.rst.write = Answer::Done;
            },
            2,
        );
        assert!(found.ends_with("found: RST, first send(): ok"), "{found}");
    }

    #[test]
    fn a_time_wait_after_a_reset_and_one_at_the_wrong_end_are_named() {
        let found = surprise(
            |finding| {
                let Finding::TimeWait(pair) = finding else { panic!("{finding:?}") };
                pair.rst.client_closed.client = 1;
                pair.fin.server_closed = AtEnds { client: 20, server: 0 };
            },
            3,
        );
        assert!(found.contains("FIN by the server left 20 at the client, 0 at the server; RST by the client left 1"));
    }

    #[test]
    fn a_port_that_is_free_too_early_is_named() {
        let found = surprise(
            |finding| {
                let Finding::Reuse(pair) = finding else { panic!("{finding:?}") };
                pair.fin.server_port = Answer::Done;
            },
            4,
        );
        assert!(found.ends_with("found: FIN, server's port: ok"), "{found}");
    }

    #[test]
    fn a_storm_whose_connections_ended_otherwise_is_named() {
        let found = surprise(
            |finding| {
                let Finding::Cost(cost) = finding else { panic!("{finding:?}") };
                cost.storms.rst.ended_so -= 3;
            },
            6,
        );
        assert!(found.ends_with("found: 119997 of 120000 by RST"), "{found}");
    }

    #[test]
    fn ports_that_last_too_long_are_named_and_unmeasured_ones_are_not_judged() {
        let found = surprise(
            |finding| {
                let Finding::Ports(ports) = finding else { panic!("{finding:?}") };
                let runs = ports.runs.as_mut().expect("measured");
                (runs.fin.connections, runs.fin.refused) = (1000, None);
            },
            7,
        );
        assert!(found.contains("FIN: 1000 connections, then no refusal, 200 in TIME_WAIT"), "{found}");
        let Finding::Ports(ports) = fixture::findings().remove(7) else { panic!("not the ports") };
        assert_eq!(judge(&Finding::Ports(Ports { runs: None, ..ports })), None);
    }
}
