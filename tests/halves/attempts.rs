//! How many attempts are made, and from where to where.

use std::thread;

use crate::common::number;
use crate::meeting::{Server, check_outcomes, meet, outcome, silent_listener};

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
