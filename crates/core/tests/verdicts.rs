//! Whole verdicts about resets that a live socket decided on: who, why, what else it may be, what it cost. The same conversation
//! is told again with less of it captured: then it is known less surely, and never wrongly.

use rst_storm_core::testing::{explained, occasions, told};

/// A connection of the storm: accepted, and reset at once.
const STORM: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    < RA 301 ack 101";

fn first(conversation: &str) -> String {
    told(conversation).swap_remove(0)
}

#[test]
fn a_connection_of_the_storm() {
    assert_eq!(
        told(STORM),
        ["frame 4: resp likely, linger-zero likely (or administrative-kill, disconnect, listener-closed), harm cut"]
    );
}

#[test]
fn a_storm_is_one_group_and_no_timer() {
    let storm: String =
        (40000..40060).map(|port| STORM.replace("linux", &format!("\nclient 10.0.0.1:{port}"))).collect();
    let storm = format!("linux\npace 50us\n{storm}");
    let (records, summary) = explained(&storm);
    assert_eq!((records.len(), summary.groups.len(), summary.groups[0].count), (60, 1, 60));
    assert_eq!(summary.storms().count(), 1);
    // All within 12 ms: by their times alone the listener may have been closed.
    let occasions = summary.occasions(&summary.groups[0]);
    let names: Vec<String> = occasions.iter().map(|(id, finding, _)| format!("{id} {finding}")).collect();
    assert_eq!(names, ["listener-closed possible"]);
}

#[test]
fn the_storm_without_its_syns() {
    // The SYN-ACK shows as much.
    let cut = "linux
        < SA 300 ack 101
        > A 101 ack 301
        < RA 301 ack 101";
    assert_eq!(
        told(cut),
        ["frame 3: resp likely, linger-zero likely (or administrative-kill, disconnect, listener-closed), harm cut"]
    );
}

#[test]
fn the_storm_seen_in_one_direction() {
    // Who sends first is taken for the originator, as Zeek does. The reset's own numbers still say that no data had come.
    let servers = "linux
        < SA 300 ack 101
        < RA 301 ack 101";
    assert_eq!(
        told(servers),
        [
            "frame 2: orig likely, linger-zero possible (or administrative-kill, disconnect, listener-closed), harm unknown"
        ]
    );
    let alone = "linux
        < RA 301 ack 101";
    assert_eq!(
        told(alone),
        ["frame 1: orig possible, abort-on-close possible \
          (or administrative-kill, crash-with-unread-data, disconnect, linger-zero), harm unknown"]
    );
}

#[test]
fn the_storm_with_two_segments_exchanged() {
    // The capturing machine's two processors have put the reset before the ACK that came first.
    let exchanged = "linux
        pace 20us
        > S 100
        < SA 300 ack 101
        < RA 301 ack 101
        > A 101 ack 301";
    assert_eq!(
        told(exchanged),
        [
            "frame 3: resp likely, linger-zero possible (or administrative-kill, disconnect, listener-closed), harm unknown"
        ]
    );
}

/// A request, its answer, a reset.
const ANSWERED: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    > PA 101 ack 301 len 20
    < A 301 ack 121
    < PA 301 ack 121 len 50
    > A 121 ack 351
    < RA 351 ack 121";

#[test]
fn a_reset_after_the_answer() {
    assert_eq!(
        told(ANSWERED),
        ["frame 8: resp likely, linger-zero likely \
          (or abort-on-close, administrative-kill, crash-with-unread-data, disconnect), harm cut"]
    );
}

#[test]
fn a_reset_after_the_answer_with_less_captured() {
    let midstream = "linux
        > PA 101 ack 301 len 20
        < A 301 ack 121
        < PA 301 ack 121 len 50
        > A 121 ack 351
        < RA 351 ack 121";
    assert_eq!(
        told(midstream),
        ["frame 5: resp likely, linger-zero possible \
          (or abort-on-close, administrative-kill, crash-with-unread-data, disconnect), harm cut"]
    );
    let one_sided = "linux
        < SA 300 ack 101
        < A 301 ack 121
        < PA 301 ack 121 len 50
        < RA 351 ack 121";
    assert!(first(one_sided).contains("abort-on-close possible (or "), "{}", first(one_sided));
    assert!(first(one_sided).ends_with("harm unknown"), "{}", first(one_sided));
}

#[test]
fn a_reset_that_overtook_the_answer_in_the_capture() {
    // The answer has the IP id before the reset's and ends where the reset begins: the server sent it first, and nobody between.
    let overtaken = "linux
        pace 20us
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < A 301 ack 121
        < A 301 ack 121
        < A 301 ack 121
        < RA 351 ack 121 id 5005
        < PA 301 ack 121 len 50 id 5004";
    assert_eq!(
        told(overtaken),
        ["frame 8: resp possible, linger-zero likely \
          (or abort-on-close, administrative-kill, crash-with-unread-data, disconnect), harm lost"]
    );
}

#[test]
fn a_request_that_nobody_read() {
    let unread = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < A 301 ack 121
        < RA 301 ack 121";
    assert_eq!(
        told(unread),
        ["frame 6: resp likely, abort-on-close likely \
          (or administrative-kill, crash-with-unread-data, disconnect, linger-zero, listener-closed), harm unanswered"]
    );
}

#[test]
fn a_client_that_has_its_answer_is_owed_nothing() {
    let done = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < PA 301 ack 121 len 50
        > A 121 ack 351
        > RA 121 ack 351";
    assert_eq!(
        told(done),
        ["frame 7: orig likely, abort-on-close possible \
          (or administrative-kill, crash-with-unread-data, disconnect, linger-zero), harm cut"]
    );
}

#[test]
fn the_end_of_a_tls_connection_does_no_harm() {
    let tls = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 200
        < PA 301 ack 301 len 500
        > A 301 ack 801
        < PA 801 ack 301 len 24        # close_notify, which the client never reads
        < FA 825 ack 301
        > A 301 ack 826
        > RA 301 ack 826";
    assert_eq!(
        told(tls),
        ["frame 10: orig likely, reset-after-fin likely \
          (or abort-on-close, administrative-kill, crash-with-unread-data, disconnect, linger-zero), harm none"]
    );
}

#[test]
fn a_half_closed_request_is_still_owed_an_answer() {
    let unanswered = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > FPA 101 ack 301 len 20
        < A 301 ack 122
        < RA 301 ack 122";
    assert!(first(unanswered).contains("abort-on-close likely (or "), "{}", first(unanswered));
    assert!(first(unanswered).ends_with("harm unanswered"), "{}", first(unanswered));
}

#[test]
fn probes_without_an_answer() {
    let gave_up = |wait: &str, interval: &str| {
        let probe = format!("+{interval}\n> A 100 ack 301\n");
        format!(
            "linux
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            +{wait}
            {probe}{probe}{probe}
            +{interval}
            > RA 101 ack 301"
        )
    };
    assert_eq!(told(&gave_up("1m", "5s")), ["frame 7: orig likely, keepalive-timeout likely, harm cut"]);
    // Two hours are Linux's default. A connection silent for more than five minutes is let go: the probes begin another.
    assert_eq!(told(&gave_up("2h", "75s")), ["frame 7: orig likely, keepalive-timeout likely, harm unknown"]);
}

#[test]
fn an_idle_timer_is_told_by_several_connections() {
    // Longer than a connection is kept: the reset stands alone, and the silence is known from the connection before.
    let one = |port: u16| {
        format!(
            "client 10.0.0.1:{port}
            > S 100
            < SA 300 ack 101
            > A 101 ack 301
            > PA 101 ack 301 len 20
            < PA 301 ack 121 len 50
            > A 121 ack 351
            +350s
            < RA 351 ack 121\n"
        )
    };
    let idle = format!("linux\n{}{}{}", one(40001), one(40002), one(40003));
    assert_eq!(
        occasions(&idle),
        ["idle-timeout likely: 3 connections were reset, each after a silence of 350 s, within 5 % [7, 21]; \
          a common idle timer is as long: AWS network load balancers' and NAT gateways' []"]
    );
    let resets = told(&idle);
    assert_eq!(resets.len(), 3);
    assert!(
        resets.iter().all(|reset| reset.contains(" possible (or ") && reset.contains("idle-timeout")),
        "{resets:?}"
    );
}

#[test]
fn windows_is_not_judged_by_the_rules_of_linux() {
    // A time to live of 128, a SYN-ACK with an IP id, and resets without window and timestamps.
    let storm = STORM.replace("linux", "windows");
    assert_eq!(
        told(&storm),
        [
            "frame 4: resp possible, linger-zero possible (or administrative-kill, disconnect, listener-closed), harm cut"
        ]
    );
    let answered = ANSWERED.replace("linux", "windows");
    assert_eq!(
        told(&answered),
        ["frame 8: resp possible, linger-zero likely \
          (or abort-on-close, administrative-kill, crash-with-unread-data, disconnect), harm cut"]
    );
}

#[test]
fn macos_is_not_judged_by_the_rules_of_linux() {
    // IP ids of 0 throughout, no timestamps in resets, and replies without ACK, as many as there are segments to answer.
    let check = "macos
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > RA 101 ack 301";
    assert_eq!(
        told(check),
        ["frame 4: orig possible, linger-zero likely (or administrative-kill, disconnect), harm cut"]
    );
    let closed = "macos
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < PA 301 ack 121 len 50
        > A 121 ack 351
        > FA 121 ack 351
        < A 351 ack 122
        < FA 351 ack 122
        > R 122
        < A 352 ack 122
        > R 122";
    assert_eq!(
        told(closed),
        [
            "frame 10: orig likely, reset-after-fin likely, harm none",
            "frame 12: orig likely, reset-after-fin likely, harm none"
        ]
    );
}

#[test]
fn no_end_is_blamed_for_what_somebody_between_sent() {
    // The server goes on as if nothing had been: it never sent that reset, with whatever time to live.
    let forged = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < RA 301 ack 121 ttl 57
        < A 301 ack 121
        < PA 301 ack 121 len 50";
    let told = first(forged);
    assert!(told.starts_with("frame 5: third-party certain, "), "{told}");
    for own in ["linger-zero", "abort-on-close", "crash", "disconnect", "administrative-kill", "listener-closed"] {
        assert!(!told.contains(own), "{told}");
    }
}
