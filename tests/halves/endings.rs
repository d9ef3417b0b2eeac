//! How a half ends before its time: by one signal, or by two.

use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::common::{Folder, Running, check_block, number, read_json, storm_line};
use crate::meeting::{Server, check_client, check_outcomes, outcome, silent_listener};
use crate::text::{CLIENT_RESULTS, OUTCOMES, SERVER_RESULTS};

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
