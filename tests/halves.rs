//! The two halves by themselves, on loopback: their text word for word, every option, every way to end.

mod common;

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use common::{
    Done, Folder, Running, check_block, check_client_sums, check_schema, figures, number, read_json, run, shell, storm,
    storm_line,
};
use rustix::process::Signal;
use serde_json::Value;

/// A server of the program's on a free port of 127.0.0.1, told to stop by [`Server::finish`].
struct Server {
    running: Running,
    port: u16,
    json: Folder,
}

impl Server {
    /// Starts it with `options`; by default it would stay for 50 seconds.
    #[track_caller]
    fn start(options: &str) -> Server {
        let duration = if options.contains("--duration") { "" } else { "--duration 50" };
        let bind = if options.contains("--bind") { "" } else { "--bind 127.0.0.1" };
        let json = Folder::new();
        let mut command = storm_line(&format!("server --port 0 {bind} {duration} {options}"));
        command.arg("--json").arg(json.file("server.json"));
        let mut running = Running::start(command);
        let port = port_of(&running.await_line("listening on port"));
        Server { running, port, json }
    }

    /// Lets it come to its own end.
    #[track_caller]
    fn await_end(self) -> (Done, Value) {
        let done = self.running.finish();
        let document = read_json(&self.json.file("server.json"));
        check_schema("server", &document);
        assert_eq!(done.code, Some(if document["passed"] == true { 0 } else { 1 }), "{done}");
        (done, document)
    }

    /// Tells it to stop.
    #[track_caller]
    fn finish(self) -> (Done, Value) {
        self.running.signal(Signal::TERM);
        self.await_end()
    }

    /// Runs a client against it.
    #[track_caller]
    fn meet(&self, options: &str) -> (Done, Value) {
        meet(self.port, options)
    }
}

/// The port in `RST Storm server listening on port 40123`.
fn port_of(line: &str) -> u16 {
    let port = line.strip_prefix("RST Storm server listening on port ").and_then(|port| port.parse().ok());
    port.unwrap_or_else(|| panic!("no port in {line:?}"))
}

/// Runs a client against `port` of 127.0.0.1, or of the --host in `options`; what holds of every client is checked.
#[track_caller]
fn meet(port: u16, options: &str) -> (Done, Value) {
    let folder = Folder::new();
    let host = if options.contains("--host") { "" } else { "--host 127.0.0.1" };
    let mut command = storm_line(&format!("client {host} --port {port} {options}"));
    command.arg("--json").arg(folder.file("client.json"));
    let done = run(command);
    let document = read_json(&folder.file("client.json"));
    check_client(&done, &document);
    (done, document)
}

#[track_caller]
fn check_client(done: &Done, document: &Value) {
    check_schema("client", document);
    check_client_sums(document);
    assert_eq!(done.code, Some(if document["passed"] == true { 0 } else { 1 }), "{done}");
}

#[track_caller]
fn outcome(document: &Value, name: &str) -> u64 {
    number(document, &format!("/outcomes/{name}"))
}

#[track_caller]
fn check_outcomes(document: &Value, expected: &[(&str, u64)]) {
    for (name, count) in expected {
        assert_eq!(outcome(document, name), *count, "{name} of {:#}", document["outcomes"]);
    }
}

/// A listener that takes connections and is silent; the connections last as long as it does.
fn silent_listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}

const SERVER_RESULTS: [&str; 5] = [
    "RST STORM SERVER RESULTS",
    "Duration: 10.2s",
    "Total connections: 102",
    "RST packets sent: 102",
    "Connection rate: 10.0/s",
];

const CLIENT_RESULTS: [&str; 5] = [
    "RST STORM CLIENT RESULTS",
    "Duration: 10.0s",
    "Total connection attempts: 100",
    "Successful connects: 100",
    "Connection rate: 10.0/s",
];

const OUTCOMES: [&str; 6] = [
    "Connection outcomes:",
    "  RST received: 100",
    "  Normal close (FIN): 0",
    "  Connection refused: 0",
    "  Timeout: 0",
    "  Other errors: 0",
];

/// The expected output of SEED.md: its lines, their order and number format, and no line between those of a block.
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

/// All i >= 0 with i / rate < duration, in decimal arithmetic on what was typed.
#[test]
fn the_number_of_attempts_is_exact() {
    let (_kept, port) = silent_listener();
    for (rate, duration, expected) in [
        ("100", "1", 100),
        ("1000", "0.07", 70),
        ("30", "0.1", 3),
        ("33", "0.3", 10),
        ("7", "0.3", 3),
        ("10", "0.3", 3),
        ("0.5", "0.1", 1),
        ("1000", "0.0011", 2),
        ("1000", "0.001", 1),
        ("2.5", "0.4", 1),
        ("2.5", "0.41", 2),
    ] {
        let (done, document) = meet(port, &format!("--host 127.0.0.2 --rate {rate} --duration {duration}"));
        check_outcomes(&document, &[("attempts", expected), ("refused", expected)]);
        assert!(done.out.contains(&format!("\nTotal connection attempts: {expected}\n")), "{rate} {duration}: {done}");
    }
}

#[test]
fn count_and_duration_each_bound_the_storm() {
    let (_kept, port) = silent_listener();
    for (options, expected) in [
        ("--rate 1000 --count 25", 25),
        ("--rate 1000 --count 25 --duration 50", 25),
        ("--rate 100 --count 1000000 --duration 0.2", 20),
        ("--rate max --count 300", 300),
        ("--rate max --concurrency 1 --count 50", 50),
        ("--rate max --concurrency 500 --count 20", 20),
    ] {
        let (_, document) = meet(port, &format!("--host 127.0.0.2 {options}"));
        check_outcomes(&document, &[("attempts", expected), ("refused", expected)]);
    }
    let (_, document) = meet(port, "--host 127.0.0.2 --rate max --concurrency 4 --duration 0.2");
    assert!(outcome(&document, "attempts") > 4, "{document:#}");
    assert!(document["lateness"].is_null(), "nothing is due at the rate max");
}

/// A server that read one connection after the other would need 30 seconds for 60 silent ones.
#[test]
fn read_first_and_send_data_work_in_every_combination() {
    for (read_first, send_data) in [(false, false), (false, true), (true, false), (true, true)] {
        let server = Server::start(if read_first { "--read-first" } else { "" });
        let (_, client) =
            server.meet(&format!("--rate 60 --duration 1 {}", if send_data { "--send-data" } else { "" }));
        let (_, server) = server.finish();
        check_outcomes(&client, &[("attempts", 60), ("connected", 60), ("reset", 60)]);
        assert_eq!(number(&server, "/connections"), 60);
        assert_eq!(number(&server, "/resets_sent"), 60, "read {read_first}, send {send_data}: {server:#}");
        let sent = "Hello from the RST storm client\n".len() as u64;
        assert_eq!(number(&server, "/octets_read"), if read_first && send_data { 60 * sent } else { 0 });
        assert_eq!(number(&server, "/silent"), if read_first && !send_data { 60 } else { 0 });
    }
}

#[test]
fn a_server_that_closes_with_fin_fails_the_checks_on_both_sides() {
    let server = Server::start("--close fin");
    let (client, document) = server.meet("--rate 100 --duration 0.3");
    let (server, of_server) = server.finish();
    let client = client.exits(1);
    check_outcomes(&document, &[("attempts", 30), ("connected", 30), ("fin", 30), ("reset", 0)]);
    for line in [
        "RST rate: 0.0% of successful connections",
        "  [PASS] Connections made: 30 attempts",
        "  [FAIL] RST received: No RSTs received",
        "  [FAIL] RST dominant: Only 0/30 ended with RST",
    ] {
        assert!(client.out.lines().any(|candidate| candidate == line), "{line}\n{client}");
    }
    let server = server.exits(1);
    assert_eq!(number(&of_server, "/fins_sent"), 30);
    for line in [
        "Will close connections with FIN (control experiment)",
        "  [PASS] Connections handled: 30 connections",
        "  [FAIL] All RSTs sent: 0 RSTs < 30 connections",
    ] {
        assert!(server.out.lines().any(|candidate| candidate == line), "{line}\n{server}");
    }
}

#[test]
fn a_server_that_holds_shows_as_timeouts_and_not_as_a_lower_rate() {
    let server = Server::start("--close hold");
    let (client, document) = server.meet("--rate 50 --duration 0.4 --timeout 0.6");
    let (_, of_server) = server.finish();
    let client = client.exits(1);
    check_outcomes(&document, &[("attempts", 20), ("connected", 20), ("timeout", 20), ("timeout_connected", 20)]);
    assert!(client.out.contains("\n  Timeout: 20\n"), "{client}");
    assert!(client.out.contains("left unanswered for 0.6 s"), "the hint is missing\n{client}");
    assert_eq!(number(&of_server, "/held"), 20);
    assert_eq!(number(&of_server, "/resets_sent"), 0);
}

#[test]
fn at_the_rate_max_every_attempt_is_reset() {
    let server = Server::start("");
    let (client, document) = server.meet("--rate max --concurrency 8 --count 2000");
    let (_, of_server) = server.finish();
    client.exits(0);
    check_outcomes(&document, &[("attempts", 2000), ("connected", 2000), ("reset", 2000)]);
    assert_eq!(number(&of_server, "/resets_sent"), 2000);
}

#[test]
fn both_halves_speak_ipv6() {
    let server = Server::start("--bind ::1");
    let (client, document) = server.meet("--host ::1 --rate 100 --duration 0.2");
    assert!(client.out.starts_with(&format!("Connecting to [::1]:{}\n", server.port)), "{client}");
    server.finish();
    client.exits(0);
    check_outcomes(&document, &[("attempts", 20), ("reset", 20)]);
}

#[test]
fn the_source_address_is_the_one_that_was_asked_for() {
    let (listener, port) = silent_listener();
    let peers = thread::spawn(move || -> Vec<String> {
        (0..3).map(|_| listener.accept().expect("a connection").1.ip().to_string()).collect()
    });
    let (_, document) = meet(port, "--source 127.0.0.2 --rate 100 --count 3");
    assert_eq!(peers.join().expect("the listener"), ["127.0.0.2"; 3]);
    check_outcomes(&document, &[("attempts", 3), ("connected", 3)]);
}

#[test]
fn a_closed_port_refuses_all_and_the_hint_names_the_server_line() {
    let (_kept, port) = silent_listener();
    let (done, document) = meet(port, "--host 127.0.0.2 --rate 100 --duration 0.2");
    let done = done.exits(1);
    check_outcomes(&document, &[("attempts", 20), ("refused", 20), ("connected", 0)]);
    for part in [
        "\nSuccessful connects: 0\n".to_owned(),
        "\n  Connection refused: 20\n".to_owned(),
        "\n  [PASS] Connections made: 20 attempts\n".to_owned(),
        "\n  [FAIL] RST received: No RSTs received\n".to_owned(),
        "\n  [FAIL] RST dominant: No successful connections\n".to_owned(),
        format!("nothing listens at 127.0.0.2:{port}"),
        format!("rst-storm server --port {port}"),
    ] {
        assert!(done.out.contains(&part), "{part}\n{done}");
    }
}

#[test]
fn an_address_in_use_is_wrong_usage_and_the_hint_tells_how_to_find_the_other() {
    let (_kept, port) = silent_listener();
    let done = run(storm_line(&format!("server --bind 127.0.0.1 --port {port}"))).exits(2);
    assert_eq!(done.out, "", "{done}");
    assert_eq!(done.err.lines().count(), 1, "{done}");
    assert!(done.err.contains("EADDRINUSE") && done.err.contains(&format!("ss -ltnp 'sport = :{port}'")), "{done}");
}

#[test]
fn with_a_tiny_backlog_every_attempt_still_has_one_outcome() {
    let server = Server::start("--backlog 1");
    let (_, document) = server.meet("--rate max --concurrency 64 --count 400 --timeout 3");
    let (_, of_server) = server.finish();
    check_outcomes(&document, &[("attempts", 400), ("other", 0), ("local_failures", 0)]);
    assert!(outcome(&document, "reset") <= number(&of_server, "/connections"), "{document:#} {of_server:#}");
    assert_eq!(
        number(&of_server, "/resets_sent") + number(&of_server, "/reset_by_peer"),
        number(&of_server, "/connections")
    );
}

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

#[test]
fn a_server_that_answers_with_data_is_read_to_its_end() {
    let (listener, port) = silent_listener();
    let server = thread::spawn(move || {
        for _ in 0..12 {
            let (mut stream, _) = listener.accept().expect("a connection");
            std::io::Write::write_all(&mut stream, &[b'x'; 20_000]).expect("the client reads");
        }
    });
    let (_, document) = meet(port, "--rate 100 --count 12");
    server.join().expect("the server of the test");
    check_outcomes(&document, &[("attempts", 12), ("fin", 12), ("reset", 0)]);
}

#[test]
fn a_signal_ends_the_client_with_its_results() {
    for signal in [Signal::INT, Signal::TERM] {
        let server = Server::start("");
        let folder = Folder::new();
        let mut command =
            storm_line(&format!("client --host 127.0.0.1 --port {} --rate 100 --duration 50", server.port));
        command.arg("--json").arg(folder.file("client.json"));
        let mut client = Running::start(command);
        client.await_line("Elapsed: 2.0s");
        client.signal(signal);
        let done = client.finish().exits(0);
        let document = read_json(&folder.file("client.json"));
        check_client(&done, &document);
        let attempts = outcome(&document, "attempts");
        assert!((200..5000).contains(&attempts), "{attempts}");
        check_outcomes(&document, &[("connected", attempts), ("reset", attempts)]);
        assert_eq!(document["interrupted"], true);
        check_block(&done.out, &CLIENT_RESULTS);
        check_block(&done.out, &OUTCOMES);
        let (server, of_server) = server.finish();
        server.exits(0);
        assert_eq!(number(&of_server, "/connections"), attempts);
    }
}

#[test]
fn after_a_signal_the_exit_code_still_follows_the_checks() {
    let (_kept, port) = silent_listener();
    let mut client =
        Running::start(storm_line(&format!("client --host 127.0.0.2 --port {port} --rate 50 --duration 50")));
    client.await_line("Elapsed: 2.0s");
    client.signal(Signal::INT);
    let done = client.finish().exits(1);
    assert!(done.out.contains("[FAIL] RST dominant: No successful connections"), "{done}");
}

#[test]
fn a_signal_ends_the_server_with_its_results() {
    for signal in [Signal::INT, Signal::TERM] {
        let server = Server::start("");
        let (client, _) = server.meet("--rate 100 --duration 0.3");
        client.exits(0);
        server.running.signal(signal);
        let (done, document) = server.await_end();
        let done = done.exits(0);
        check_block(&done.out, &SERVER_RESULTS);
        assert_eq!(number(&document, "/resets_sent"), 30);
        assert_eq!(document["interrupted"], true);
    }
}

#[test]
fn a_second_signal_ends_the_client_at_once() {
    let (_kept, port) = silent_listener();
    for (first, second, code) in [
        (Signal::INT, Signal::INT, 130),
        (Signal::TERM, Signal::TERM, 143),
        (Signal::INT, Signal::TERM, 143),
        (Signal::TERM, Signal::INT, 130),
    ] {
        // Each attempt is waited for, as the target is silent.
        let line = format!("client --host 127.0.0.1 --port {port} --rate 5 --duration 500 --timeout 500");
        let mut client = Running::start(storm_line(&line));
        client.await_line("Elapsed: 2.0s");
        client.signal(first);
        thread::sleep(Duration::from_millis(300));
        assert!(!client.has_ended(), "it waits for the last answers");
        client.signal(second);
        let done = client.finish();
        assert_eq!(done.code, Some(code), "{first:?}, then {second:?}\n{done}");
    }
}

#[test]
fn a_server_gone_in_mid_storm_shows_as_refusals_and_the_sums_hold() {
    let server = Server::start("--duration 2");
    let (client, document) = server.meet("--rate 100 --duration 4");
    let (_, of_server) = server.await_end();
    client.exits(0);
    check_outcomes(&document, &[("attempts", 400), ("fin", 0), ("timeout", 0), ("other", 0), ("local_failures", 0)]);
    let (reset, refused) = (outcome(&document, "reset"), outcome(&document, "refused"));
    assert!(reset > 10 && refused > 10, "{document:#}");
    assert_eq!(reset + refused, 400);
    assert_eq!(outcome(&document, "connected"), reset, "every successful connect was reset, and no other");
    assert!(number(&of_server, "/connections") <= reset, "some may have been reset in the accept queue");
}

/// A server that has stopped takes nothing; when it dies its kernel resets what waits in the accept queue.
#[test]
fn a_server_that_is_killed_in_mid_storm_leaves_no_more_resets_than_connects() {
    let server = Server::start("");
    server.running.signal(Signal::STOP);
    let mut client = Running::start(storm_line(&format!(
        "client --host 127.0.0.1 --port {} --rate 100 --duration 3 --timeout 30 --json -",
        server.port
    )));
    client.await_line("Elapsed: 2.0s");
    server.running.signal(Signal::KILL);
    let done = client.finish();
    let document = done.json();
    check_client(&done, &document);
    check_outcomes(&document, &[("attempts", 300), ("fin", 0), ("timeout", 0), ("other", 0)]);
    let (reset, refused) = (outcome(&document, "reset"), outcome(&document, "refused"));
    assert!(reset >= 200 && refused > 0, "{document:#}");
    assert_eq!(reset + refused, 300);
    assert_eq!(outcome(&document, "connected"), reset);
}

#[test]
fn running_out_of_descriptors_is_an_outcome_of_its_own() {
    let (_kept, port) = silent_listener();
    let client = format!("client --host 127.0.0.1 --port {port} --rate 200 --duration 1 --timeout 2 --json -");
    let done = run(shell(&format!("ulimit -n 40; exec \"$BIN\" {client}")));
    let document = done.json();
    check_client(&done, &document);
    let short = number(&document, "/outcomes/short/descriptors");
    assert!(short > 100, "at most 40 descriptors for 200 silent connections: {document:#}");
    check_outcomes(
        &document,
        &[("attempts", 200), ("reset", 0), ("refused", 0), ("other", 0), ("local_failures", short)],
    );
    assert_eq!(outcome(&document, "timeout") + short, 200);
    for part in ["Out of descriptors", "ulimit -Hn", "warning", "may open 40"] {
        assert!(done.err.contains(part), "{part}\n{done}");
    }
}

#[test]
fn more_concurrency_than_descriptors_is_refused_beforehand() {
    let (_kept, port) = silent_listener();
    let client = format!("client --host 127.0.0.1 --port {port} --rate max --concurrency 300 --count 1000");
    let done = run(shell(&format!("ulimit -n 256; exec \"$BIN\" {client}"))).exits(3);
    assert_eq!(done.out, "", "{done}");
    assert!(done.err.contains("--concurrency 300") && done.err.contains("ulimit -Hn"), "{done}");
}

#[test]
fn a_soft_limit_on_descriptors_is_raised_to_the_hard_one() {
    let server = Server::start("");
    let client =
        format!("client --host 127.0.0.1 --port {} --rate max --concurrency 100 --count 500 --json -", server.port);
    let done = run(shell(&format!("ulimit -Sn 30; exec \"$BIN\" {client}"))).exits(0);
    check_outcomes(&done.json(), &[("attempts", 500), ("reset", 500), ("local_failures", 0)]);
    server.finish();
}

#[test]
fn a_server_that_runs_out_of_descriptors_says_so_and_goes_on() {
    let folder = Folder::new();
    let json = folder.file("server.json");
    let mut command = shell(
        "ulimit -n 20; exec \"$BIN\" server --bind 127.0.0.1 --port 0 --duration 50 --close hold --json \"$JSON\"",
    );
    command.env("JSON", &json);
    let mut server = Running::start(command);
    let port = port_of(&server.await_line("listening on port"));
    let (_, client) = meet(port, "--rate 100 --count 30 --timeout 0.5");
    check_outcomes(&client, &[("attempts", 30), ("timeout", 30), ("reset", 0)]);
    server.signal(Signal::TERM);
    let done = server.finish().exits(1);
    let document = read_json(&json);
    check_schema("server", &document);
    assert!(number(&document, "/short/descriptors") > 0, "{document:#}");
    assert!(done.out.contains("Out of descriptors at accept: ") && done.out.contains("ulimit -Hn"), "{done}");
}

#[test]
fn json_on_standard_output_sends_the_text_to_standard_error() {
    let server = Server::start("");
    let done = run(storm([
        "client",
        "--host",
        "127.0.0.1",
        "--rate",
        "100",
        "--count",
        "20",
        "--json",
        "-",
        "--port",
        &server.port.to_string(),
    ]));
    server.finish();
    let done = done.exits(0);
    let document = done.json();
    check_client(&done, &document);
    check_block(&done.err, &CLIENT_RESULTS);
    check_block(&done.err, &OUTCOMES);
    let done = run(storm_line("server --bind 127.0.0.1 --port 0 --duration 0.1 --json -")).exits(1);
    check_schema("server", &done.json());
    check_block(&done.err, &SERVER_RESULTS);
}

#[test]
fn the_json_document_says_what_was_asked_for() {
    let (_kept, port) = silent_listener();
    let (_, document) = meet(port, "--host 127.0.0.2 --rate 12.5 --duration 0.4 --timeout 1.5");
    assert_eq!(document["requested"]["rate_per_second"], 12.5);
    assert_eq!(document["requested"]["duration_seconds"], 0.4);
    assert_eq!(document["requested"]["timeout_seconds"], 1.5);
    assert!(document["requested"]["count"].is_null() && document["requested"]["concurrency"].is_null());
    assert_eq!(document["target"], format!("127.0.0.2:{port}"));
    let (_, document) = meet(port, "--host 127.0.0.2 --rate max --count 30");
    assert!(document["requested"]["rate_per_second"].is_null() && document["requested"]["duration_seconds"].is_null());
    assert_eq!(document["requested"]["concurrency"], 64);
    assert_eq!(document["requested"]["count"], 30);
}

#[test]
fn what_the_client_sends_arrives() {
    let (listener, port) = silent_listener();
    let reader = thread::spawn(move || {
        let (mut stream, _): (TcpStream, _) = listener.accept().expect("a connection");
        let mut text = vec![0; 32];
        stream.read_exact(&mut text).expect("32 octets");
        String::from_utf8(text).expect("text")
    });
    meet(port, "--rate 100 --count 1 --timeout 0.5 --send-data");
    assert_eq!(reader.join().expect("the reader"), "Hello from the RST storm client\n");
}
