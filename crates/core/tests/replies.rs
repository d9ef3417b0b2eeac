//! Whole verdicts about resets that answer a segment, and about those that nobody at the ends sent: who, why, what else it may be,
//! what it cost. The same conversation is told again with less of it captured: then it is known less surely, and never wrongly.

use rst_storm_core::testing::told;

/// A request and its answer, and another second passes.
const OPEN: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    > PA 101 ack 301 len 20
    < PA 301 ack 121 len 50
    > A 121 ack 351
    +1s
    ";

fn after_open(rest: &str) -> Vec<String> {
    told(&format!("{OPEN}{rest}"))
}

/// Without the segments of one direction.
fn without(direction: char, conversation: &str) -> String {
    let kept = |line: &&str| !line.trim_start().starts_with(direction) || line.contains(" R ") || line.contains(" RA ");
    conversation.lines().filter(kept).collect::<Vec<_>>().join("\n")
}

/// Without the handshake.
fn midstream(conversation: &str) -> String {
    let handshake = ["> S 100", "< SA 300 ack 101", "> A 101 ack 301"];
    conversation.lines().filter(|line| !handshake.contains(&line.trim())).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_closed_port() {
    assert_eq!(
        told("linux\n> S 100\n< RA 0 ack 101"),
        ["frame 2: resp possible, no-listener likely (or firewall-reject), harm none"]
    );
    assert_eq!(
        told("< RA 0 ack 101 win 0"),
        ["frame 1: orig possible, no-listener possible (or firewall-reject), harm none"]
    );
}

#[test]
fn a_port_that_others_get_through_to() {
    let rejected = "linux
        > S 100
        < SA 300 ack 101 ttl 63
        > A 101 ack 301
        client 10.0.0.2:40000
        > S 500
        < RA 0 ack 501 ttl 64";
    assert_eq!(told(rejected), ["frame 5: resp possible, firewall-reject likely (or connection-limit), harm none"]);
}

#[test]
fn a_forged_refusal() {
    let forged = "linux
        > S 100
        < RA 0 ack 101 ttl 200
        < SA 300 ack 101
        > R 101";
    assert_eq!(
        told(forged),
        [
            "frame 2: third-party likely, forged-exact likely, harm none",
            "frame 4: orig likely, stray-segment likely, harm none"
        ]
    );
}

#[test]
fn a_full_accept_queue() {
    let full = "linux
        > S 100
        < SA 300 ack 101
        +1s
        < SA 300 ack 101
        > A 101 ack 301
        < R 301";
    let twins = "(or firewall-reject, stray-segment)";
    assert_eq!(told(full), [format!("frame 5: resp likely, accept-queue-overflow likely {twins}, harm cut")]);
    // The handshake's last ACK answered at the first time is less telling.
    let once = full.replace("+1s\n        < SA 300 ack 101\n", "");
    assert_eq!(told(&once), [format!("frame 4: resp likely, accept-queue-overflow possible {twins}, harm cut")]);
    assert_eq!(
        told(&without('>', full)),
        ["frame 3: orig possible, accept-queue-overflow possible (or stray-segment), harm unknown"]
    );
    assert_eq!(
        told(&without('<', full)),
        ["frame 3: resp possible, accept-queue-overflow possible (or bad-handshake-ack, stray-segment), harm unknown"]
    );
}

#[test]
fn a_server_that_never_took_the_last_ack() {
    let dropped = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        +1s
        < SA 300 ack 101
        > A 101 ack 301
        +500ms
        > PA 101 ack 301 len 20
        < R 301";
    assert_eq!(
        told(dropped),
        [
            "frame 7: resp likely, accept-queue-overflow likely (or firewall-reject, idle-timeout, stray-segment), harm lost"
        ]
    );
}

#[test]
fn acknowledgments_of_what_was_never_sent() {
    let last = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 777
        < R 777";
    assert_eq!(
        told(last),
        ["frame 4: resp likely, bad-handshake-ack likely (or firewall-reject, stray-segment), harm cut"]
    );
    let syn_ack = "linux
        > S 100
        < SA 300 ack 5000101
        > R 5000101
        < SA 700 ack 101
        > A 101 ack 701";
    assert_eq!(told(syn_ack), ["frame 3: orig likely, bad-handshake-ack likely (or stray-segment), harm none"]);
}

#[test]
fn scans() {
    let half_open = "linux
        > S 100
        < SA 300 ack 101
        > R 101";
    assert_eq!(told(half_open), ["frame 3: orig likely, stray-segment likely, harm none"]);
    assert_eq!(
        told("linux\n> A 100 ack 300\n< R 300"),
        ["frame 2: resp possible, stray-segment likely (or bad-handshake-ack, firewall-reject), harm none"]
    );
}

#[test]
fn a_request_for_a_server_that_had_closed() {
    let closed = format!("{OPEN}< FA 351 ack 121\n> A 121 ack 352\n> PA 121 ack 352 len 20\n< R 352");
    let twins = "(or firewall-reject, stray-segment)";
    assert_eq!(told(&closed), [format!("frame 10: resp likely, data-after-close likely {twins}, harm lost")]);
    assert_eq!(
        told(&midstream(&closed)),
        [format!("frame 7: resp likely, data-after-close likely {twins}, harm lost")]
    );
    assert_eq!(
        told(&without('>', &closed)),
        [format!("frame 4: resp possible, data-after-close possible {twins}, harm unknown")]
    );
    // The FIN isn't seen: the server has only forgotten.
    assert_eq!(
        told(&without('<', &closed)),
        ["frame 7: resp possible, stray-segment possible (or firewall-reject), harm unknown"]
    );
}

#[test]
fn a_connection_that_only_one_end_still_had() {
    let twins = "(or stray-segment, firewall-reject, idle-timeout)";
    let probed = after_open("+75s\n> A 120 ack 351\n< R 351");
    assert_eq!(probed, [format!("frame 8: resp likely, half-open likely {twins}, harm cut")]);
    // After five minutes of silence it counts as another connection, and the earlier one is remembered.
    let probed = after_open("+2h\n> A 120 ack 351\n< R 351");
    assert_eq!(
        probed,
        ["frame 8: resp possible, half-open likely (or stray-segment, firewall-reject, idle-timeout), harm none"]
    );
    // Without anything before it, it is a segment out of the blue.
    assert_eq!(
        told("linux\n> A 120 ack 351\n< R 351"),
        ["frame 2: resp possible, stray-segment likely (or bad-handshake-ack, firewall-reject), harm none"]
    );
    let reopened = after_open(
        "+1m
        > S 9000000
        < A 351 ack 121
        > R 121
        +1s
        > S 9000000
        < SA 77000 ack 9000001
        > A 9000001 ack 77001",
    );
    assert_eq!(reopened, ["frame 9: orig likely, half-open likely (or bad-handshake-ack, stray-segment), harm none"]);
}

#[test]
fn a_server_that_rebooted() {
    assert_eq!(
        after_open("+40s\n> PA 121 ack 351 len 20\n< R 351"),
        ["frame 8: resp likely, stray-segment likely (or firewall-reject, half-open, idle-timeout), harm lost"]
    );
}

#[test]
fn a_request_that_a_firewall_rejects() {
    let rejected = format!("{OPEN}> PA 121 ack 351 len 20\n< R 351\n+3s\n< PA 351 ack 121 len 30\n> R 121");
    let told_of = told(&rejected);
    assert!(
        told_of[0].starts_with("frame 8: third-party likely, firewall-reject likely (or forged-exact"),
        "{told_of:?}"
    );
    assert!(told_of[0].ends_with("harm lost"), "{told_of:?}");
    assert_eq!(told_of[1], "frame 10: orig likely, stray-segment likely, harm none");
    // The capture doesn't show that the server goes on.
    assert_eq!(
        told(&without('<', &rejected))[0],
        "frame 6: resp possible, stray-segment possible (or firewall-reject), harm unknown"
    );
}

#[test]
fn an_injected_reset() {
    let injected = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < R 301 ttl 57 id 4242
        +30ms
        < PA 301 ack 121 len 50
        > R 121";
    assert_eq!(
        told(injected),
        [
            "frame 5: third-party likely, forged-exact likely, harm lost",
            "frame 7: orig likely, stray-segment likely, harm none"
        ]
    );
    assert_eq!(told(&midstream(injected))[0], "frame 2: third-party likely, forged-exact likely, harm unknown");
    assert_eq!(told(&without('>', injected))[0], "frame 2: third-party likely, forged-exact possible, harm unknown");
    // What gives it away isn't in the capture.
    let seen_by_client = without('<', injected);
    assert_eq!(
        told(&seen_by_client)[0],
        "frame 4: resp possible, stray-segment possible (or firewall-reject), harm unknown"
    );
}

#[test]
fn a_guess_that_is_questioned_and_one_that_is_ignored() {
    let goes_on = "+1s\n> PA 121 ack 351 len 20\n< PA 351 ack 141 len 50\n> A 141 ack 401";
    assert_eq!(
        after_open(&format!("< R 5351\n> A 121 ack 351\n{goes_on}")),
        ["frame 7: third-party certain, forged-in-window certain, harm none"]
    );
    assert_eq!(
        after_open(&format!("< R 1500000000\n{goes_on}")),
        ["frame 7: third-party certain, forged-out-of-window certain, harm none"]
    );
}

#[test]
fn a_reset_behind_lost_data_is_the_ends_own() {
    // The client's challenge ACK asks, and the server's kernel answers: it has no connection any more. The second reset kills.
    let lost = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < PA 301 ack 121 len 50
        < RA 351 ack 121
        > A 121 ack 301
        < R 301";
    let told_of = told(lost);
    assert!(told_of[0].starts_with("frame 6: resp likely, linger-zero likely"), "{told_of:?}");
    assert!(told_of[0].ends_with("harm none"), "{told_of:?}");
    assert_eq!(told_of[1], "frame 8: resp likely, stray-segment likely, harm lost");
}

#[test]
fn a_volley() {
    let volley = "linux
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < R 301 ttl 57
        < R 1761 ttl 57
        < R 4681 ttl 57
        +30ms
        < PA 301 ack 121 len 50
        > R 121";
    assert_eq!(
        told(volley),
        [
            "frame 5: third-party certain, forged-stepped likely (or forged-exact), harm lost",
            "frame 6: third-party certain, forged-stepped certain, harm none",
            "frame 7: third-party certain, forged-stepped certain, harm none",
            "frame 9: orig likely, stray-segment likely, harm none"
        ]
    );
}

#[test]
fn both_ends_are_told_that_the_other_has_gone() {
    let both = after_open("+500ms\n< R 351\n> R 121");
    assert_eq!(
        both,
        [
            "frame 7: unknown possible, forged-both-ends likely (or forged-exact), harm cut",
            "frame 8: third-party likely, forged-both-ends likely (or forged-exact), harm none"
        ]
    );
    // Each end alone has received one reset that nothing asked for.
    let one = told(&format!("{OPEN}+500ms\n< R 351"));
    assert_eq!(one, ["frame 7: resp possible, forged-exact possible, harm cut"]);
}

#[test]
fn a_syn_proxy_whose_server_refuses() {
    let proxied = "
        > S 100
        < SA 300 ack 101 win 0
        > A 101 ack 301
        < RA 301 ack 101 win 0";
    assert_eq!(told(proxied), ["frame 4: resp possible, syn-proxy certain, harm cut"]);
    assert_eq!(told(&without('>', proxied)), ["frame 2: orig possible, syn-proxy likely, harm unknown"]);
}

#[test]
fn a_segment_that_passed_the_translation_untranslated() {
    let translated = "linux
        server 10.77.9.9:80
        > S 100
        < SA 300 ack 101
        > A 101 ack 301
        > PA 101 ack 301 len 20
        < PA 301 ack 121 len 50
        > A 121 ack 351
        server 10.77.2.1:8080
        < PA 300351 ack 121 len 20
        > R 121";
    assert_eq!(
        told(translated),
        ["frame 8: orig possible, nat-without-mapping likely (or firewall-reject, stray-segment), harm unknown"]
    );
    // Seen where the server's own address is used all the way, the client has only forgotten.
    let beyond = after_open("< PA 300351 ack 121 len 20\n> R 121");
    assert_eq!(
        beyond,
        ["frame 8: orig likely, stray-segment possible (or firewall-reject, nat-without-mapping), harm lost"]
    );
}

#[test]
fn what_comes_for_a_connection_that_was_reset() {
    let late = told(
        "linux\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< RA 301 ack 101\n+10s\n> PA 101 ack 301 len 20\n< R 301",
    );
    assert_eq!(late[1], "frame 6: resp possible, stray-segment likely (or firewall-reject), harm unknown");
}
