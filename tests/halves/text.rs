//! What the halves say: the specification's lines, their order, and how figures are printed.

use rustix::process::Signal;

use crate::common::{Running, check_block, figures, number, storm_line};
use crate::meeting::{Server, check_outcomes, silent_listener};

pub const SERVER_RESULTS: [&str; 5] = [
    "RST STORM SERVER RESULTS",
    "Duration: 10.2s",
    "Total connections: 102",
    "RST packets sent: 102",
    "Connection rate: 10.0/s",
];

pub const CLIENT_RESULTS: [&str; 5] = [
    "RST STORM CLIENT RESULTS",
    "Duration: 10.0s",
    "Total connection attempts: 100",
    "Successful connects: 100",
    "Connection rate: 10.0/s",
];

pub const OUTCOMES: [&str; 6] = [
    "Connection outcomes:",
    "  RST received: 100",
    "  Normal close (FIN): 0",
    "  Connection refused: 0",
    "  Timeout: 0",
    "  Other errors: 0",
];

/// The output as it is specified: its lines, their order and number format, and no line between those of a block.
#[test]
fn both_halves_speak_as_the_specification_does() {
    let server = Server::start("--duration 6");
    let (client, document) = server.meet("--rate 100 --duration 2.5");
    let (server, of_server) = server.await_end();

    let client = client.exits(0);
    assert_eq!(client.err, "");
    check_outcomes(&document, &[("attempts", 250), ("connected", 250), ("reset", 250)]);
    let lines: Vec<String> = client.out.lines().map(figures).collect();
    assert_eq!(
        lines[..6],
        [
            "Connecting to N.D.N.D:N",
            "Rate: N.D connections/second",
            "Duration: N.Ds",
            "Expecting RST responses from server...",
            "",
            "Elapsed: N.Ds, Connections: N (N.D/s), RSTs: N, Normal: N"
        ],
        "{client}"
    );
    assert!(client.out.contains("\nRate: 100.0 connections/second\nDuration: 2.5s\n"), "{client}");
    assert!(client.out.contains("\nElapsed: 2.0s, Connections: 200 (100.0/s), RSTs: "), "{client}");
    assert_eq!(client.out.matches("Elapsed: ").count(), 1, "{client}");
    check_block(&client.out, &["", CLIENT_RESULTS[0]]);
    check_block(&client.out, &CLIENT_RESULTS);
    check_block(&client.out, &["", OUTCOMES[0]]);
    check_block(&client.out, &OUTCOMES);
    check_block(&client.out, &["", "RST rate: 100.0% of successful connections"]);
    let checks = "\nSelf-check results:\n  [PASS] Connections made: 250 attempts\n  [PASS] RST received: 250 RSTs\n  [PASS] RST \
         dominant: 250/250 ended with RST\n";
    // A busy machine may have something to say after it.
    let (_, rest) = client.out.split_once(checks).unwrap_or_else(|| panic!("{checks}\n{client}"));
    assert!(rest.is_empty() || rest.starts_with("\nHint: This host could not keep the pace"), "{client}");
    check_order(
        &client.out,
        &["Expecting RST", "Elapsed", "RST STORM CLIENT RESULTS", "Connection outcomes", "RST rate", "Self-check"],
    );

    let server = server.exits(0);
    assert_eq!(server.err, "");
    assert_eq!(number(&of_server, "/connections"), 250);
    assert_eq!(number(&of_server, "/resets_sent"), 250);
    let lines: Vec<String> = server.out.lines().map(figures).collect();
    assert_eq!(
        lines[..4],
        [
            "RST Storm server listening on port N",
            "Will close connections with RST (SO_LINGER N)",
            "Accepting connections for Ns...",
            "Elapsed: N.Ds, Connections: N (N.D/s), RSTs sent: N"
        ],
        "{server}"
    );
    assert!(server.out.contains("\nWill close connections with RST (SO_LINGER 0)\nAccepting connections for 6s...\n"));
    check_block(&server.out, &["", SERVER_RESULTS[0]]);
    check_block(&server.out, &SERVER_RESULTS);
    let checks = "\nSelf-check results:\n  [PASS] Connections handled: 250 connections\n  [PASS] All RSTs sent: 250 RSTs = 250 \
         connections\n";
    assert!(server.out.ends_with(checks), "{server}");
    check_order(&server.out, &["Accepting", "Elapsed", "RST STORM SERVER RESULTS", "Self-check"]);
}

#[track_caller]
fn check_order(text: &str, parts: &[&str]) {
    let places: Vec<usize> =
        parts.iter().map(|part| text.find(part).unwrap_or_else(|| panic!("no {part:?} in\n{text}"))).collect();
    assert!(places.is_sorted(), "{parts:?} stand at {places:?} of\n{text}");
}

#[test]
fn the_check_of_a_block_can_fail() {
    let block = ["a 1", "b 2.0"];
    check_block("x\na 7\nb 3.5\ny", &block);
    for text in ["a 7\nx\nb 3.5", "b 3.5\na 7", "a 7\nb 3", "a 7\nb 3.55", "a 7\nb 3.5\na 7\nb 3.5", ""] {
        let result = std::panic::catch_unwind(|| check_block(text, &block));
        assert!(result.is_err(), "{text:?} must not pass");
    }
}

#[test]
fn a_duration_prints_as_it_was_typed_without_idle_zeroes() {
    for (typed, printed) in [("12", "12s"), ("12.0", "12s"), ("12.5", "12.5s"), ("012.50", "12.5s"), ("0.25", "0.25s")]
    {
        let mut command = storm_line("server --bind 127.0.0.1 --port 0 --duration");
        command.arg(typed);
        let mut running = Running::start(command);
        assert_eq!(running.await_line("Accepting"), format!("Accepting connections for {printed}..."));
        running.signal(Signal::TERM);
        running.finish().exits(1);
    }
}

#[test]
fn rate_and_duration_print_with_a_decimal_and_more_only_when_typed() {
    let (_kept, port) = silent_listener();
    for (rate, duration, printed) in [
        ("100", "1", ["Rate: 100.0 connections/second", "Duration: 1.0s"]),
        ("100.0", "1.0", ["Rate: 100.0 connections/second", "Duration: 1.0s"]),
        ("12.5", "1.25", ["Rate: 12.5 connections/second", "Duration: 1.25s"]),
        ("0.125", "300", ["Rate: 0.125 connections/second", "Duration: 300.0s"]),
    ] {
        let line = format!("client --host 127.0.0.2 --port {port} --rate {rate} --duration {duration}");
        let mut client = Running::start(storm_line(&line));
        for expected in printed {
            let start = &expected[..expected.find(' ').expect("two words")];
            assert_eq!(client.await_line(start), expected);
        }
    }
}
