//! The halves by hand in the named lab, entered as the specification does it.

use rustix::process::Signal;

use crate::common::{Folder, Running, check_client_sums, check_schema, number, read_json, run};
use crate::findings::{check, check_run};
use crate::players::need;
use crate::room::Room;
use crate::trials::{Once, Outcome};

pub const ONCE: &[Once] = &[
    ("by hand in the named lab the slow client outlives its server", by_hand_the_client_outlives_the_server),
    ("foreign traffic in the named lab is told", foreign_traffic_is_told),
    ("tcpdump as in the specification sees exactly the resets", tcpdump_sees_the_resets),
    ("out of ports is an outcome of its own", out_of_ports_is_an_outcome),
];

/// The slow rate of the specification, ten times as fast and a fifth as long: the server ends in mid-storm.
fn by_hand_the_client_outlives_the_server() -> Outcome {
    let room = Room::open()?;
    let folder = Folder::new();
    let files = [folder.file("server.json"), folder.file("client.json")];
    room.run("lab up", 0);
    let mut server =
        Running::start(room.storm_in("pp-dest", &format!("server --duration 2.4 --json {}", files[0].display())));
    server.await_line("Accepting connections for 2.4s...");
    // No --host: this is the lab's source.
    let client = room.storm_in("pp-source", &format!("client --rate 10 --duration 6 --json {}", files[1].display()));
    let client = run(client).exits(0);
    server.finish().exits(0);
    assert!(client.out.starts_with("Connecting to 10.0.1.2:9999\n"), "{client}");
    let (server, document) = (read_json(&files[0]), read_json(&files[1]));
    check_schema("server", &server);
    check_schema("client", &document);
    check_client_sums(&document);
    check(
        &document,
        &[("/outcomes/attempts", 60), ("/outcomes/timeout", 0), ("/outcomes/fin", 0), ("/outcomes/other", 0)],
    );
    let (reset, refused) = (number(&document, "/outcomes/reset"), number(&document, "/outcomes/refused"));
    assert_eq!(reset + refused, 60);
    assert!(reset > 10 && refused > 10, "about 24 and 36: {reset} and {refused}");
    assert_eq!(number(&document, "/outcomes/connected"), reset);
    assert!(number(&server, "/connections") <= reset);
    assert!(client.out.contains("RST rate: 100.0% of successful connections"), "{client}");
    // The destination is not the source: without --host nothing is sent from there.
    let elsewhere = run(room.storm_in("pp-dest", "client --duration 0.1")).exits(3);
    assert_eq!(elsewhere.out, "", "{elsewhere}");
    room.run("lab down", 0);
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn foreign_traffic_is_told() -> Outcome {
    let room = Room::open()?;
    room.run("lab up", 0);
    let mut server = Running::start(room.storm_in("pp-dest", "server --port 8888 --duration 50"));
    server.await_line("Accepting");
    let mut storm = Running::start(room.storm("run --named --auto --rate 50 --duration 3 --json -"));
    storm.await_line("Elapsed: 2.0s");
    run(room.storm_in("pp-source", "client --port 8888 --rate 100 --count 12")).exits(0);
    let done = storm.finish().exits(1);
    let document = done.json();
    check_run(&done, &document);
    check(
        &document,
        &[
            ("/observer/foreign_connections", 12),
            ("/observer/connections/syns", 150),
            ("/client/outcomes/reset", 150),
            ("/kernel/source/active_opens", 162),
        ],
    );
    assert!(done.err.contains("Foreign traffic: 12 connections, 10.0.1.1:"), "{done}");
    assert!(document["hints"].to_string().contains("Foreign traffic"), "{document:#}");
    room.run("lab down", 0);
    Ok(())
}

/// The commands of the specification as they are written there, but for sudo.
fn tcpdump_sees_the_resets() -> Outcome {
    need(&["tcpdump"])?;
    let room = Room::open()?;
    room.run("lab up", 0);
    for (filter, expected) in [
        ("'tcp[tcpflags] & tcp-rst != 0' -c 20", 20),
        ("'tcp port 9999 and (tcp[tcpflags] & (tcp-rst|tcp-fin) != 0)' -c 20", 20),
        ("'tcp port 9999' -c 80", 80),
    ] {
        let mut tcpdump = room.command("sh", "-c");
        tcpdump.arg(format!("exec ip netns exec pp-observer tcpdump -i br0 -n {filter}"));
        let mut tcpdump = Running::start(tcpdump);
        tcpdump.await_line("listening on br0");
        let mut server = Running::start(room.storm_in("pp-dest", "server --duration 50"));
        server.await_line("Accepting");
        run(room.storm_in("pp-source", "client --rate 100 --count 20")).exits(0);
        server.signal(Signal::TERM);
        server.finish().exits(0);
        // It ends by itself when it has seen as many as it was asked for; a packet more or less shows in its counts.
        let seen = tcpdump.finish().exits(0);
        assert_eq!(seen.out.lines().count(), expected, "{seen}");
        assert_eq!(seen.out.matches("Flags [R").count(), 20, "{filter}: {seen}");
        assert_eq!(seen.out.matches("Flags [F").count(), 0, "{filter}: {seen}");
        assert!(seen.err.contains("0 packets dropped by kernel"), "{seen}");
    }
    room.run("lab down", 0);
    Ok(())
}

/// Ten ports for thirty attempts: no answer frees one before the last attempt is made.
fn out_of_ports_is_an_outcome() -> Outcome {
    let room = Room::open()?;
    let folder = Folder::new();
    let files = [folder.file("server.json"), folder.file("client.json")];
    room.run("lab up", 0);
    // The setting belongs to a network namespace: it goes with the lab and binds nobody else.
    let mut narrow = room.command("ip", "netns exec pp-source sh -c");
    narrow.arg("echo 40000 40009 > /proc/sys/net/ipv4/ip_local_port_range");
    run(narrow).exits(0);
    let server = format!("server --close hold --duration 50 --json {}", files[0].display());
    let mut server = Running::start(room.storm_in("pp-dest", &server));
    server.await_line("Accepting");
    let client = format!("client --count 30 --rate 100 --timeout 1 --json {}", files[1].display());
    let client = run(room.storm_in("pp-source", &client)).exits(1);
    server.signal(Signal::TERM);
    server.finish().exits(1);
    let (server, document) = (read_json(&files[0]), read_json(&files[1]));
    check_schema("server", &server);
    check_schema("client", &document);
    check_client_sums(&document);
    check(
        &document,
        &[
            ("/outcomes/attempts", 30),
            ("/outcomes/connected", 10),
            ("/outcomes/timeout", 10),
            ("/outcomes/timeout_connected", 10),
            ("/outcomes/short/ports", 20),
            ("/outcomes/local_failures", 20),
            ("/outcomes/reset", 0),
            ("/outcomes/fin", 0),
            ("/outcomes/refused", 0),
            ("/outcomes/other", 0),
        ],
    );
    check(&server, &[("/connections", 10), ("/held", 10)]);
    for part in ["\n  Timeout: 10\n", "Out of ports", "net.ipv4.ip_local_port_range", "another --source"] {
        assert!(client.out.contains(part), "{part}: {client}");
    }
    room.run("lab down", 0);
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}
