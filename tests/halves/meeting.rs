//! A server and a client of the program's that meet on loopback, and what holds of both however it went.

use std::net::TcpListener;

use rustix::process::Signal;
use serde_json::Value;

use crate::common::{Done, Folder, Running, check_client_sums, check_schema, number, read_json, run, storm_line};

/// A server of the program's on a free port of 127.0.0.1, told to stop by [`Server::finish`].
pub struct Server {
    pub running: Running,
    pub port: u16,
    json: Folder,
}

impl Server {
    /// Starts it with `options`; by default it would stay for 50 seconds.
    #[track_caller]
    pub fn start(options: &str) -> Server {
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
    pub fn await_end(self) -> (Done, Value) {
        let done = self.running.finish();
        let document = read_json(&self.json.file("server.json"));
        check_schema("server", &document);
        assert_eq!(done.code, Some(if document["passed"] == true { 0 } else { 1 }), "{done}");
        (done, document)
    }

    /// Tells it to stop.
    #[track_caller]
    pub fn finish(self) -> (Done, Value) {
        self.running.signal(Signal::TERM);
        self.await_end()
    }

    /// Runs a client against it.
    #[track_caller]
    pub fn meet(&self, options: &str) -> (Done, Value) {
        meet(self.port, options)
    }
}

/// The port in `RST Storm server listening on port 40123`.
pub fn port_of(line: &str) -> u16 {
    let port = line.strip_prefix("RST Storm server listening on port ").and_then(|port| port.parse().ok());
    port.unwrap_or_else(|| panic!("no port in {line:?}"))
}

/// Runs a client against `port` of 127.0.0.1, or of the --host in `options`; what holds of every client is checked.
#[track_caller]
pub fn meet(port: u16, options: &str) -> (Done, Value) {
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
pub fn check_client(done: &Done, document: &Value) {
    check_schema("client", document);
    check_client_sums(document);
    assert_eq!(done.code, Some(if document["passed"] == true { 0 } else { 1 }), "{done}");
}

#[track_caller]
pub fn outcome(document: &Value, name: &str) -> u64 {
    number(document, &format!("/outcomes/{name}"))
}

#[track_caller]
pub fn check_outcomes(document: &Value, expected: &[(&str, u64)]) {
    for (name, count) in expected {
        assert_eq!(outcome(document, name), *count, "{name} of {:#}", document["outcomes"]);
    }
}

/// A listener that takes connections and is silent; the connections last as long as it does.
pub fn silent_listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    let port = listener.local_addr().expect("its address").port();
    (listener, port)
}
