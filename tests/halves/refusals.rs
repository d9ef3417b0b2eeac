//! A server that isn't there, can't be there, or goes in mid-storm.

use rustix::process::Signal;

use crate::common::{Running, number, run, storm_line};
use crate::meeting::{Server, check_client, check_outcomes, meet, outcome, silent_listener};

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
