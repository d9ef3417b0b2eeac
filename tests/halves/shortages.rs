//! What may run short: descriptors on either side, and the server's accept queue.

use rustix::process::Signal;

use crate::common::{Folder, Running, check_schema, number, read_json, run, shell};
use crate::meeting::{Server, check_client, check_outcomes, meet, outcome, port_of, silent_listener};

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
