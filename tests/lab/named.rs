//! The named lab: up, down and status, runs that use it, and what it leaves alone.

use rustix::process::Signal;

use crate::common::{Running, run};
use crate::findings::{check_all_reset, check_run};
use crate::room::{NAMES, Room};
use crate::trials::{Once, Outcome};

pub const ONCE: &[Once] = &[
    ("lab up, status and down do what they say, twice too", up_status_down),
    ("a broken named lab is told and made anew", a_broken_lab_is_made_anew),
    ("what a killed named run leaves is found and removed", what_sigkill_leaves_is_removed),
    ("a named run in use is left alone", a_named_run_in_use_is_left_alone),
    ("a named run leaves nothing and --keep leaves the lab", keep_leaves_the_lab),
    ("Ctrl-C in a named run leaves nothing", ctrl_c_in_a_named_run_leaves_nothing),
    ("a named run whose port is taken says so with a remedy", a_taken_port_has_a_remedy),
    ("foreign namespaces are neither used nor deleted", foreign_namespaces_are_left_alone),
];

fn up_status_down() -> Outcome {
    let room = Room::open()?;
    let status = room.run("lab status", 1);
    assert_eq!(status.out.matches("absent").count(), 3, "{status}");
    let up = room.run("lab up", 0);
    assert!(up.out.starts_with("The lab is up: "), "{up}");
    assert_eq!(room.names(), NAMES);
    let before = room.identities();
    let status = room.run("lab status", 0);
    assert!(status.out.contains("The lab stands and forwards"), "{status}");
    let again = room.run("lab up", 0);
    assert!(again.out.starts_with("The lab is up already: "), "{again}");
    assert_eq!(room.identities(), before, "the same lab");
    for (host, link, address) in [("pp-source", "veth-src", "10.0.1.1/24"), ("pp-dest", "veth-dst", "10.0.1.2/24")] {
        let shown = run(room.command("ip", &format!("-n {host} -o address show dev {link}"))).exits(0);
        assert!(shown.out.contains(address) && !shown.out.contains("inet6"), "{shown}");
        let port = run(room.command("ip", &format!("-n pp-observer -o link show dev {link}"))).exits(0);
        assert!(port.out.contains("master br0") && port.out.contains("LOWER_UP"), "{port}");
    }
    let down = room.run("lab down", 0);
    assert!(down.out.contains("3 namespaces removed"), "{down}");
    assert_eq!(room.names(), [""; 0]);
    let again = room.run("lab down", 0);
    assert!(again.out.contains("no lab to remove"), "{again}");
    room.run("lab status", 1);
    assert_eq!(room.run("lab up --quiet", 0).out, "");
    room.run("lab down --quiet", 0);
    Ok(())
}

fn a_broken_lab_is_made_anew() -> Outcome {
    let room = Room::open()?;
    for damage in [
        "-n pp-source link delete veth-src",
        "-n pp-dest link set veth-dst down",
        "-n pp-dest address flush dev veth-dst",
        "-n pp-observer link set br0 down",
        "netns delete pp-observer",
    ] {
        room.run("lab up", 0);
        run(room.command("ip", damage)).exits(0);
        room.run("lab status", 1);
        let up = room.run("lab up", 0);
        assert!(up.out.starts_with("The lab is up: "), "after {damage}: {up}");
        room.run("lab status", 0);
        let done = run(room.storm("run --auto --keep --rate 100 --count 20 --json -"));
        check_all_reset(&done.json(), 20);
    }
    room.run("lab down", 0);
    Ok(())
}

#[track_caller]
fn killed_run(room: &Room) -> u32 {
    let mut running = Running::start(room.storm("run --named --auto --rate 100 --duration 50"));
    running.await_line("Elapsed: 2.0s");
    let pid = running.id();
    running.signal(Signal::KILL);
    running.finish();
    assert_eq!(room.names(), NAMES, "a name outlives its maker");
    pid
}

fn what_sigkill_leaves_is_removed() -> Outcome {
    let room = Room::open()?;
    let pid = killed_run(&room);
    let status = run(room.storm("lab status"));
    assert!(status.out.contains(&format!("process {pid}")), "{status}");
    let left = room.identities();
    let done = run(room.storm("run --named --auto --rate 100 --count 20 --json -"));
    check_run(&done, &done.json());
    check_all_reset(&done.json(), 20);
    assert_eq!(room.names(), [""; 0], "the next run takes its own lab down");
    killed_run(&room);
    let up = room.run("lab up", 0);
    assert!(up.out.starts_with("The lab is up: "), "{up}");
    assert_ne!(room.identities(), left);
    room.run("lab status", 0);
    room.run("lab down", 0);
    killed_run(&room);
    let down = room.run("lab down", 0);
    assert!(down.out.contains("3 namespaces removed"), "{down}");
    // What a kill between making the file and mounting leaves.
    run(room.command("touch", "/run/netns/pp-observer")).exits(0);
    room.run("lab up", 0);
    room.run("lab down", 0);
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn a_named_run_in_use_is_left_alone() -> Outcome {
    let room = Room::open()?;
    let mut running = Running::start(room.storm("run --named --auto --rate 100 --duration 3 --json -"));
    running.await_line("Expecting RST");
    let before = room.identities();
    for line in ["lab up", "lab down", "run --named --auto --duration 0.1", "run --keep --auto --duration 0.1"] {
        let done = room.run(line, 2);
        assert!(done.err.contains(&format!("process {}", running.id())), "{line}: {done}");
        assert_eq!(done.out, "", "{line}: {done}");
    }
    assert_eq!(room.identities(), before);
    let done = running.finish();
    let document = done.json();
    check_run(&done, &document);
    check_all_reset(&document, 300);
    assert_eq!(document["lab"]["namespaces"], "named");
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn keep_leaves_the_lab() -> Outcome {
    let room = Room::open()?;
    let done = run(room.storm("run --named --auto --rate 100 --count 20 --json -"));
    check_all_reset(&done.json(), 20);
    assert_eq!(room.names(), [""; 0], "--named alone takes its lab down");
    let done = run(room.storm("run --keep --auto --rate 100 --count 20 --json -"));
    check_run(&done, &done.json());
    check_all_reset(&done.json(), 20);
    assert_eq!(done.json()["lab"]["namespaces"], "named", "--keep implies --named");
    assert_eq!(room.names(), NAMES);
    let before = room.identities();
    for line in
        ["run --keep --auto --rate 100 --count 20 --json -", "run --named --auto --rate 100 --count 20 --json -"]
    {
        let done = run(room.storm(line));
        check_all_reset(&done.json(), 20);
        assert_eq!(room.identities(), before, "a lab that stands is used, and left standing: {line}");
    }
    room.run("lab status", 0);
    room.run("lab down", 0);
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn ctrl_c_in_a_named_run_leaves_nothing() -> Outcome {
    let room = Room::open()?;
    let mut running = Running::start(room.storm("run --named --auto --rate 100 --duration 50 --json -"));
    running.await_line("Elapsed: 2.0s");
    running.signal(Signal::INT);
    let done = running.finish();
    check_run(&done, &done.json());
    assert_eq!(room.names(), [""; 0]);
    Ok(())
}

fn a_taken_port_has_a_remedy() -> Outcome {
    let room = Room::open()?;
    room.run("lab up", 0);
    let mut server = Running::start(room.storm_in("pp-dest", "server --duration 50"));
    server.await_line("Accepting");
    let done = run(room.storm("run --named --auto --duration 0.1"));
    assert!([Some(2), Some(3)].contains(&done.code), "{done}");
    assert!(done.err.contains("EADDRINUSE") && done.err.contains("--port"), "{done}");
    assert!(!done.out.contains("server listening"), "it does not listen: {done}");
    server.signal(Signal::TERM);
    server.finish();
    room.run("lab down", 0);
    Ok(())
}

fn foreign_namespaces_are_left_alone() -> Outcome {
    let room = Room::open()?;
    for name in NAMES {
        run(room.command("ip", &format!("netns add {name}"))).exits(0);
        let identity = || run(room.command("stat", &format!("-L -c %i /run/netns/{name}"))).exits(0).out;
        let before = identity();
        for line in ["lab up", "lab down", "run --named --auto --duration 0.1", "run --keep --auto --duration 0.1"] {
            let done = room.run(line, 2);
            assert!(done.err.contains(name) && done.err.lines().count() == 1, "{line}: {done}");
            assert_eq!(done.out, "", "{line}: {done}");
        }
        let status = room.run("lab status", 1);
        assert!(status.out.contains("not ours"), "{status}");
        assert_eq!(room.names(), [name], "nothing beside it was made");
        assert_eq!(identity(), before);
        // What has no names is in nobody's way.
        let done = run(room.storm("run --auto --rate 100 --count 20 --json -"));
        check_all_reset(&done.json(), 20);
        run(room.command("ip", &format!("netns delete {name}"))).exits(0);
    }
    Ok(())
}
