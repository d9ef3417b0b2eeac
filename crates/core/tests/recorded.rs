//! Verdicts that recordings of known resets had shown to be wrong or unfair: each as the conversation that showed it.

use rst_storm_core::testing::told;

const OPEN: &str = "linux
    > S 100
    < SA 300 ack 101
    > A 101 ack 301
    > PA 101 ack 301 len 20
    < PA 301 ack 121 len 50
    > A 121 ack 351
    ";

fn after_open(rest: &str) -> Vec<String> {
    told(&format!("{OPEN}{rest}"))
}

#[test]
fn what_acknowledges_later_data_is_no_challenge() {
    // Nobody answers the guess; the bare ACK half a second later is that of the data before it.
    let told =
        after_open("+250ms\n< R 500000351\n+500ms\n< PA 351 ack 121 len 14\n> A 121 ack 365\n> PA 121 ack 365 len 5");
    assert_eq!(told, ["frame 7: third-party certain, forged-out-of-window likely, harm none"]);
    // An exact number is taken and not questioned.
    let told = after_open("+250ms\n> A 121 ack 351\n< R 351\n+1ms\n> A 121 ack 351\n+1s\n< PA 351 ack 121 len 5");
    assert!(!told[0].contains("forged-in-window"), "{told:?}");
}

#[test]
fn the_end_that_goes_on_and_resets_later_sends_no_volley() {
    let told = after_open(
        "+250ms\n< R 451\n> A 121 ack 351\n+500ms\n< PA 351 ack 121 len 14\n> A 121 ack 365\n+200ms
        < PA 365 ack 121 len 20\n> A 121 ack 385\n+1ms\n< RA 385 ack 121",
    );
    assert_eq!(told[0], "frame 7: third-party certain, forged-in-window certain, harm none");
    assert!(!told[1].contains("forged-"), "{told:?}");
}

#[test]
fn a_refusal_with_a_wrong_number_doesnt_refuse() {
    let told =
        told("linux\n> S 100\n+100ms\n< RA 0 ack 5000 id 77\n+900ms\n> S 100\n< SA 300 ack 101\n> A 101 ack 301");
    assert_eq!(told, ["frame 2: unknown possible, forged-out-of-window possible, harm none"]);
}

#[test]
fn a_packet_filter_doesnt_wait() {
    let told = after_open("+250ms\n< R 351\n+800ms\n< PA 351 ack 121 len 14");
    assert_eq!(told, ["frame 7: third-party likely, forged-exact likely, harm cut"]);
}

#[test]
fn a_client_behind_a_nat_that_forgot_goes_on() {
    // Between the box and the server: nothing shows under which address the client still has the connection.
    let told = after_open("+2s\n< PA 351 ack 121 len 14\n> R 121\n+900ms\n> PA 121 ack 351 len 6\n< R 351");
    assert_eq!(
        told[0],
        "frame 8: unknown possible, forged-exact possible \
         (or firewall-reject, idle-timeout, nat-without-mapping, stray-segment), harm lost"
    );
    // The server has no such excuse.
    let told = after_open("+2s\n> PA 121 ack 351 len 14\n< R 351\n+900ms\n< PA 351 ack 121 len 6");
    assert!(told[0].starts_with("frame 8: third-party likely"), "{told:?}");
}

#[test]
fn a_syn_proxy_gives_its_servers_resets_the_first_number() {
    let told = told(
        "linux
        > S 100
        < SA 300 ack 101 win 0
        > A 101 ack 301
        < A 301 ack 101
        > PA 101 ack 301 len 20
        < PA 301 ack 121 len 50
        > A 121 ack 351
        < RA 301 ack 121",
    );
    assert!(told[0].starts_with("frame 8: resp likely, linger-zero likely"), "{told:?}");
}

#[test]
fn data_for_a_full_accept_queue() {
    // The SYN-ACK isn't sent again once it is acknowledged, though the ACK was dropped.
    let told = told(
        "linux
        > S 100
        < SA 300 ack 101
        +1s
        < SA 300 ack 101
        > A 101 ack 301
        +1s
        > PA 101 ack 301 len 6
        +200ms
        > PA 101 ack 301 len 6
        < R 301",
    );
    assert_eq!(
        told,
        [
            "frame 7: resp likely, stray-segment possible (or accept-queue-overflow, firewall-reject, idle-timeout), harm lost"
        ]
    );
}

#[test]
fn only_what_was_open_can_be_idle() {
    let handshake = told("linux\n> S 100\n< SA 300 ack 101\n+1s\n< SA 300 ack 101\n> R 101");
    assert_eq!(handshake, ["frame 4: orig likely, stray-segment likely, harm none"]);
    let over = after_open("< RA 351 ack 121\n+1s\n> PA 121 ack 351 len 5\n< R 351");
    assert!(!over[1].contains("idle-timeout"), "{over:?}");
}

#[test]
fn a_client_whose_syn_stays_open_resets_the_wrong_answer() {
    // The forged SYN-ACK isn't in the capture.
    let told = told("linux\n> S 100\n+200ms\n> R 5100\n+800ms\n> S 100\n> A 101 ack 301\n> PA 101 ack 301 len 5");
    assert!(!told[0].contains("third-party"), "{told:?}");
}
