//! The result as a document: where it goes, and what it says was asked for.

use crate::common::{check_block, check_schema, run, storm, storm_line};
use crate::meeting::{Server, check_client, meet, silent_listener};
use crate::text::{CLIENT_RESULTS, OUTCOMES, SERVER_RESULTS};

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
