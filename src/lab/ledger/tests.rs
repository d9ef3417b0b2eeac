//! The ledger by made-up witnesses: what holds, what differs, and on which connection.

use super::*;
use crate::lab::fixture::{NOTHING, reset_on_wire, resets, settle};
use crate::lab::observer::WireTally;
use crate::lab::run::RunReport;
use crate::storm::outcome::Stage;

/// The titles of the equations that do not hold, with the difference that each names.
fn differences(testimony: &mut RunReport) -> Vec<(&'static str, Option<String>)> {
    let failed = settled(testimony).iter().filter(|equation| !equation.holds);
    failed.map(|equation| (equation.title, equation.difference.clone())).collect()
}

fn settled(testimony: &mut RunReport) -> &[Equation] {
    settle(testimony);
    &testimony.ledger
}

#[test]
fn witnesses_that_agree_settle_every_equation() {
    let equations = resets(100).ledger;
    assert_eq!(equations.len(), 7);
    for equation in &equations {
        assert!(equation.holds, "{equation}");
        assert_eq!(equation.difference, None);
    }
}

#[test]
fn a_reset_that_the_client_took_for_a_timeout_is_named_by_tuple_and_frame() {
    let mut testimony = resets(100);
    testimony.client.tally.reset -= 1;
    testimony.client.tally.timeout += 1;
    testimony.client.roll.tell(2, Outcome::Timeout(Stage::Connected));
    let differences = differences(&mut testimony);
    assert_eq!(differences.len(), 1);
    let (title, difference) = &differences[0];
    assert_eq!(*title, "Reset");
    assert_eq!(
        difference.as_deref(),
        Some(
            "first difference: 10.0.1.1:40002, SYN in frame 9 (wire: reset by responder; client: timeout after it was \
             connected; server: closed it by RST)"
        )
    );
}

#[test]
fn an_attempt_without_a_syn_on_the_wire_is_found() {
    let mut testimony = resets(3);
    testimony.client.tally.begin();
    testimony.client.tally.end(Outcome::Timeout(Stage::Connecting));
    testimony.client.roll.enter(50_000, Some(Outcome::Timeout(Stage::Connecting)));
    testimony.source.active_opens += 1;
    let differences = differences(&mut testimony);
    assert_eq!(differences.len(), 1);
    let difference = differences[0].1.as_deref().unwrap();
    assert!(difference.starts_with("first difference: 10.0.1.1:50000 (wire: no SYN of it;"), "{difference}");
}

#[test]
fn local_failures_are_attempts_without_a_syn_and_no_difference() {
    let mut testimony = resets(3);
    testimony.client.tally.begin();
    testimony.client.tally.end(Outcome::of_open(rst_storm_linux::socket::Errno::MFILE));
    assert_eq!(differences(&mut testimony), []);
}

#[test]
fn a_connection_closed_in_the_accept_queue_is_accounted_for() {
    let mut testimony = resets(10);
    testimony.server = ServerReport { connections: 9, resets: 9, ..ServerReport::of(CloseBy::Rst) };
    for number in 0..9 {
        testimony.server.roll.enter(40_000 + number, Some(ServerWord::Reset));
    }
    // The kernel resets what waits in the queue of a closed listener without counting an abort.
    testimony.destination.abort_on_data = 9;
    assert_eq!(differences(&mut testimony), []);
    let connected = &settled(&mut testimony)[1];
    assert_eq!(connected.terms[3].expression, "accepted 9 + closed in the accept queue 1");
}

#[test]
fn the_third_use_of_a_port_is_one_connection_for_all_witnesses() {
    let mut testimony = resets(0);
    for number in 0..4u64 {
        testimony.client.tally.begin();
        let outcome = if number == 2 { Outcome::Fin } else { Outcome::Reset };
        testimony.client.tally.end(outcome);
        testimony.client.roll.enter(41_000, Some(outcome));
        testimony.server.roll.enter(41_000, Some(ServerWord::Reset));
        testimony.wire.roll.enter(41_000, Some(reset_on_wire(10 * number + 1)));
    }
    testimony.server.connections = 4;
    testimony.server.resets = 4;
    testimony.wire.tally =
        WireTally { syns: 4, handshakes: 4, reset: 4, destination_rst_segments: 4, ..WireTally::default() };
    testimony.source = KernelCounts { active_opens: 4, estab_resets: 4, ..NOTHING };
    testimony.destination =
        KernelCounts { passive_opens: 4, estab_resets: 4, out_rsts: 4, abort_on_data: 4, ..NOTHING };
    let differences = differences(&mut testimony);
    assert_eq!(differences.len(), 1);
    let difference = differences[0].1.as_deref().unwrap();
    assert!(difference.contains("10.0.1.1:41000, SYN in frame 21 "), "{difference}");
}

#[test]
fn replies_to_late_data_are_rst_segments_and_no_further_resets() {
    let mut testimony = resets(100);
    testimony.destination.out_rsts += 2;
    testimony.wire.tally.destination_rst_segments += 2;
    testimony.wire.tally.late_replies += 2;
    assert_eq!(differences(&mut testimony), []);
}

#[test]
fn unread_data_counts_as_abort_on_close_and_is_a_close_by_reset_all_the_same() {
    let mut testimony = resets(100);
    testimony.destination.abort_on_data = 60;
    testimony.destination.abort_on_close = 40;
    assert_eq!(differences(&mut testimony), []);
}

#[test]
fn a_reset_from_the_source_fails_a_reset_storm_and_not_a_fin_storm() {
    let mut testimony = resets(10);
    testimony.source.out_rsts = 1;
    testimony.wire.tally.source_rst_segments = 1;
    assert_eq!(differences(&mut testimony), [("RSTs from the source", None)]);
    testimony.server.close = CloseBy::Fin;
    assert_eq!(differences(&mut testimony), []);
}

#[test]
fn what_the_ring_dropped_shows_as_a_difference_of_the_wire_alone() {
    let mut testimony = resets(10);
    testimony.wire.tally.reset = 9;
    testimony.wire.tally.destination_rst_segments = 9;
    let titles: Vec<_> = differences(&mut testimony).into_iter().map(|(title, _)| title).collect();
    assert_eq!(titles, ["Reset", "RST segments"]);
}
