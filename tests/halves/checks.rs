//! The self-checks at their thresholds: each passes and fails where it should.

use std::thread;
use std::time::Duration;

use crate::common::number;
use crate::meeting::{Server, check_outcomes, meet, silent_listener};

#[test]
fn few_connections_fail_the_first_check_on_both_sides() {
    for (count, passes) in [(10, false), (11, true)] {
        let server = Server::start("");
        let (client, _) = server.meet(&format!("--rate 200 --count {count}"));
        let (server, _) = server.finish();
        let (made, handled) = if passes {
            (
                format!("  [PASS] Connections made: {count} attempts"),
                format!("  [PASS] Connections handled: {count} connections"),
            )
        } else {
            (
                format!("  [FAIL] Connections made: Only {count} attempts"),
                format!("  [FAIL] Connections handled: Only {count} connections"),
            )
        };
        let code = if passes { 0 } else { 1 };
        let (client, server) = (client.exits(code), server.exits(code));
        assert!(client.out.contains(&format!("{made}\n")), "{client}");
        assert!(server.out.contains(&format!("{handled}\n")), "{server}");
        assert!(
            server.out.contains(&format!("  [PASS] All RSTs sent: {count} RSTs = {count} connections\n")),
            "{server}"
        );
    }
}

#[test]
fn none_of_none_is_no_success() {
    let (done, document) = Server::start("--duration 0.2").await_end();
    let done = done.exits(1);
    assert_eq!(number(&document, "/connections"), 0);
    for line in [
        "Total connections: 0",
        "  [FAIL] Connections handled: Only 0 connections",
        "  [FAIL] All RSTs sent: No connections",
    ] {
        assert!(done.out.lines().any(|candidate| candidate == line), "{line}\n{done}");
    }
}

/// A server of the test's own: of every 20 connections it closes `resets` with RST and the others with FIN.
fn mixed_server(resets: usize) -> (thread::JoinHandle<()>, u16) {
    let (listener, port) = silent_listener();
    let server = thread::spawn(move || {
        for index in 0..20 {
            let (stream, _) = listener.accept().expect("a connection");
            if index < resets {
                rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("set SO_LINGER");
            }
            drop(stream);
        }
    });
    (server, port)
}

#[test]
fn resets_dominate_above_four_fifths_and_not_at_four_fifths() {
    for (resets, share, line, code) in [
        (16, "80.0", "  [FAIL] RST dominant: Only 16/20 ended with RST", 1),
        (17, "85.0", "  [PASS] RST dominant: 17/20 ended with RST", 0),
    ] {
        let (server, port) = mixed_server(resets);
        let (done, document) = meet(port, "--rate 100 --count 20");
        server.join().expect("the server of the test");
        check_outcomes(&document, &[("attempts", 20), ("reset", resets as u64), ("fin", 20 - resets as u64)]);
        let done = done.exits(code);
        assert!(done.out.lines().any(|candidate| candidate == line), "{line}\n{done}");
        assert!(done.out.contains(&format!("RST rate: {share}% of successful connections\n")), "{done}");
    }
}
