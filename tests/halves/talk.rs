//! What is said on a connection and how the server closes it: data, RST, FIN, silence.

use std::io::Read;
use std::net::TcpStream;
use std::thread;

use crate::common::number;
use crate::meeting::{Server, check_outcomes, meet, silent_listener};

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
