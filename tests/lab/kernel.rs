//! The kernel's word for real: resets made on loopback at an address of the trial's own, and what the trace says of each.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use rst_storm::watch::{KernelWatch, KernelWatchPlan, NotWatched};
use rst_storm_core::kernel::{Context, Direction, KernelReset, Kind, Life, Mechanism};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use serde_json::Value;

use crate::common::{BINARY, PATIENCE, Running, alike, check_schema, run, storm_line};
use crate::players::{can_play, need, storm_by};
use crate::trials::{Once, Outcome, Player};

pub const ONCE: &[Once] = &[
    ("the kernel's word on each way to reset", each_way_to_reset),
    ("the kernel's stack parts what looks the same", stacks_part_what_looks_the_same),
    ("a trace tells, counts and ends as it is asked to", a_trace_as_records),
    ("a trace ends by signal and by a reader that goes away", a_trace_ends),
    ("a filter that finds nothing, and a reason that is none", filters_and_reasons),
    ("without privilege a trace names what it needs", privilege_is_named),
];

/// An address that no other trial has, and a listener at it.
struct Site {
    addr: Ipv4Addr,
    listener: TcpListener,
    port: u16,
}

impl Site {
    fn open() -> Site {
        static COUNT: AtomicU8 = AtomicU8::new(1);
        let [low, high, ..] = std::process::id().to_le_bytes();
        let addr = Ipv4Addr::new(127, low.max(1), high, COUNT.fetch_add(1, Ordering::Relaxed));
        let listener = TcpListener::bind((addr, 0)).expect("a port on loopback");
        let port = listener.local_addr().expect("its address").port();
        Site { addr, listener, port }
    }

    /// A connection: the client's end and the server's.
    fn connect(&self) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect((self.addr, self.port)).expect("a connection on loopback");
        let (server, _) = self.listener.accept().expect("the connection");
        for stream in [&client, &server] {
            stream.set_read_timeout(Some(PATIENCE)).expect("a bound");
        }
        (client, server)
    }

    /// A connection at whose server's end an octet lies unread.
    fn connect_unread(&self) -> (TcpStream, TcpStream) {
        let (mut client, server) = self.connect();
        client.write_all(b"x").expect("send an octet");
        assert_eq!(server.peek(&mut [0]).expect("it comes"), 1);
        (client, server)
    }

    /// A child that has the server's end as its standard input, and lets it go with its life.
    fn child(&self, program: &str, arguments: &[&str], error: Stdio) -> (TcpStream, Child) {
        let (client, server) = self.connect_unread();
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::from(OwnedFd::from(server))).stdout(Stdio::null()).stderr(error);
        let child = command.spawn().expect("start a child");
        // std keeps its copy of standard input in the command.
        drop(command);
        (client, child)
    }
}

fn linger_zero(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO)).expect("set SO_LINGER");
}

/// Waits until the reset has come.
fn await_reset(mut client: TcpStream) -> SocketAddr {
    let end = client.local_addr().expect("its address");
    let mut octets = [0; 8];
    loop {
        match client.read(&mut octets) {
            Ok(0) => panic!("it ended in order"),
            Ok(_) => {}
            Err(error) => {
                assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{error}");
                return end;
            }
        }
    }
}

fn watch(plan: KernelWatchPlan) -> Result<KernelWatch, String> {
    can_play(Player::Root)?;
    match KernelWatch::open(&plan) {
        Ok(watch) => Ok(watch),
        Err(
            error @ (NotWatched::Refused(_) | NotWatched::NoTracefs(_) | NotWatched::Absent(_) | NotWatched::Hidden),
        ) => Err(format!("no tracepoints here: {error}")),
        Err(error) => panic!("{error}"),
    }
}

/// The resets of a watch that go from this address to that end.
#[track_caller]
fn told(resets: &[KernelReset], direction: Direction, addr: Ipv4Addr, to: SocketAddr) -> &KernelReset {
    let found: Vec<&KernelReset> = resets
        .iter()
        .filter(|reset| reset.direction == direction && reset.source.addr == IpAddr::V4(addr))
        .filter(|reset| reset.destination == to.into())
        .collect();
    assert_eq!(found.len(), 1, "{direction:?} to {to}: {found:#?}");
    found[0]
}

fn names(reset: &KernelReset) -> Vec<&'static str> {
    reset.mechanisms().names().collect()
}

fn each_way_to_reset() -> Outcome {
    let mut watch = watch(KernelWatchPlan { deaths: true, taken: true, awake: true, ..KernelWatchPlan::default() })?;
    need(&["sleep", "sh"])?;
    if watch.reasons().next().is_none() {
        return Err("this kernel gives no reasons".to_owned());
    }
    let site = Site::open();
    let own = std::process::id().cast_signed();
    let refused = TcpStream::connect((site.addr, 9)).expect_err("nothing listens there");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);

    let (client, server) = site.connect();
    linger_zero(server);
    let lingered = await_reset(client);

    let (client, server) = site.connect_unread();
    drop(server);
    let unread = await_reset(client);

    let mut killed = Vec::new();
    for signal in [Signal::KILL, Signal::TERM] {
        let (client, mut child) = site.child("sleep", &["60"], Stdio::inherit());
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).expect("kill the child");
        child.wait().expect("its end");
        killed.push((await_reset(client), pid.as_raw_nonzero().get(), signal));
    }
    // It ends when it is let go: this process has closed its copy of the socket by then.
    let (end, held) = std::io::pipe().expect("a pipe");
    let (client, mut child) = site.child("sh", &["-c", "read _ <&2"], Stdio::from(end));
    drop(held);
    let exited = (child.id().cast_signed(), child.wait().expect("its end"), await_reset(client));

    let waiting = TcpStream::connect((site.addr, site.port)).expect("it waits to be accepted");
    waiting.set_read_timeout(Some(PATIENCE)).expect("a bound");
    // The handshake's last ACK may still be under way.
    let mut queue = [PollFd::new(&site.listener, PollFlags::IN)];
    let bound = Timespec::try_from(PATIENCE).expect("a bound");
    assert_eq!(poll(&mut queue, Some(&bound)).expect("wait for the queue"), 1);
    drop(site.listener);
    let waiting = await_reset(waiting);

    let resets = watch.drain_all();
    assert!(resets.is_sorted_by_key(|reset| reset.at), "in the order of time");
    let sent = |to| told(&resets, Direction::Sent, site.addr, to);
    let refusals = resets.iter().filter(|reset| reset.source == (SocketAddr::from((site.addr, 9))).into());
    let refusals: Vec<&KernelReset> = refusals.collect();
    assert_eq!(refusals.len(), 2, "sent and taken in: {refusals:#?}");
    let refusal = refusals.iter().find(|reset| reset.direction == Direction::Sent).expect("one was sent");
    assert_eq!(refusal.mechanism(), Some(Mechanism::NoSocket));
    assert_eq!((refusal.kind, refusal.has_socket), (Some(Kind::Reply), false));
    assert_eq!(refusal.process, None, "whoever runs then is nobody's witness");

    let lingering = sent(lingered);
    assert_eq!(names(lingering), ["close-linger-zero", "disconnect"]);
    assert_eq!(lingering.reason.as_deref(), Some("TCP_STATE"));
    assert_eq!(lingering.source.port, site.port);
    assert_eq!(lingering.context, Context::Task);
    let process = lingering.process.as_ref().expect("a process");
    assert_eq!(process.pid, own);
    let comm = std::fs::read_to_string("/proc/thread-self/comm").expect("a name");
    assert_eq!(process.comm.as_deref(), Some(comm.trim_end()));
    assert_eq!(lingering.life, Life::Living);
    let taken = told(&resets, Direction::Taken, site.addr, lingered);
    assert_eq!((taken.process.as_ref(), taken.reason.as_ref(), taken.kind), (None, None, None));

    assert_eq!(names(sent(unread)), ["close-unread"]);
    for (to, pid, signal) in killed {
        let reset = sent(to);
        assert_eq!(names(reset), ["death-unread"]);
        assert_eq!(reset.life, Life::Dying { signal: Some(9) }, "{signal:?} dumps no core");
        let process = reset.process.as_ref().expect("a process");
        assert_eq!((process.pid, process.comm.as_deref()), (pid, Some("sleep")));
    }
    let (pid, _, to) = exited;
    assert_eq!(sent(to).life, Life::Dying { signal: None });
    let process = sent(to).process.as_ref().expect("a process");
    assert_eq!((process.pid, process.comm.as_deref()), (pid, Some("sh")));
    assert_eq!(names(sent(waiting)), ["listener-closed"]);
    assert_eq!(sent(waiting).context, Context::TaskBhOff);
    assert_eq!(watch.lost(), 0);
    Ok(())
}

fn stacks_part_what_looks_the_same() -> Outcome {
    let mut watch = watch(KernelWatchPlan { stacks: true, ..KernelWatchPlan::default() })?;
    need(&["sleep"])?;
    let site = Site::open();
    let (client, server) = site.connect();
    linger_zero(server);
    let lingered = await_reset(client);
    let (client, server) = site.connect();
    rustix::net::connect_unspec(&server).expect("disconnect");
    let disconnected = await_reset(client);
    let (client, server) = site.connect_unread();
    drop(server);
    let unread = await_reset(client);
    let (client, mut child) = site.child("sleep", &["60"], Stdio::inherit());
    child.kill().expect("kill the child");
    child.wait().expect("its end");
    let killed = await_reset(client);
    // The watch may go to another thread, as its owner may.
    let resets = std::thread::spawn(move || watch.drain_all()).join().expect("no panic");
    for (to, expected) in [
        (lingered, Mechanism::CloseLingerZero),
        (disconnected, Mechanism::Disconnect),
        (unread, Mechanism::CloseUnread),
        (killed, Mechanism::DeathUnread),
    ] {
        let reset = told(&resets, Direction::Sent, site.addr, to);
        assert!(!reset.stack.is_empty());
        assert_eq!(reset.mechanism(), Some(expected), "{:?}", reset.stack);
        assert_eq!(reset.life, Life::NotWatched);
    }
    assert!(resets.iter().all(|reset| reset.direction == Direction::Sent), "taken ones weren't asked for");
    Ok(())
}

/// A trace under way that tells of this address alone.
fn start(site: &Site, options: &str) -> Running {
    let mut running = Running::start(storm_line(&format!("trace --host {} {options}", site.addr)));
    // The tracepoints are open before anything is told. A document's first record ends with the second's beginning.
    running.await_line(if options.contains("json") { "\"schema\"" } else { "Time (UTC)" });
    running
}

fn reset_once(site: &Site) {
    let (client, server) = site.connect();
    linger_zero(server);
    await_reset(client);
}

fn a_trace_as_records() -> Outcome {
    watch(KernelWatchPlan::default())?;
    let site = Site::open();
    let trace = start(&site, "--format ndjson --count 5");
    (0..3).for_each(|_| reset_once(&site));
    let done = trace.finish().exits(0);
    let records: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    records.iter().for_each(|record| check_schema("trace", record));
    assert_eq!(records.len(), 7, "{done}");
    assert_eq!(records[6]["sent"].as_u64().zip(records[6]["taken"].as_u64()).map(|(a, b)| a + b), Some(5), "{done}");
    let read = rst_storm::watch::KernelEvents::read(done.out.as_bytes()).expect("a trace");
    assert!(!read.is_complete(), "it was filtered");
    assert_eq!(read.resets.len(), 5);

    let trace = start(&site, "--format json --count 1 --reason TCP_STATE");
    reset_once(&site);
    let document = trace.finish().exits(0).json();
    check_schema("trace", &document);
    assert_eq!(document["records"][1]["reason"], "TCP_STATE");
    assert_eq!(document["records"][1]["pid"], std::process::id());
    Ok(())
}

fn a_trace_ends() -> Outcome {
    watch(KernelWatchPlan::default())?;
    need(&["sh", "head"])?;
    let site = Site::open();
    let mut trace = start(&site, "");
    reset_once(&site);
    trace.await_line("TCP_STATE");
    trace.signal(Signal::INT);
    let done = trace.finish().exits(0);
    assert!(done.out.contains("1 resets sent and 1 taken in;"), "{done}");

    // head goes after the first line, and the next record finds nobody to read it.
    let mut command = crate::common::shell("\"$BIN\" trace --format ndjson --host $ADDR | head -n 1; echo gone");
    command.env("ADDR", site.addr.to_string());
    let mut trace = Running::start(command);
    trace.await_line("\"type\":\"trace\"");
    reset_once(&site);
    reset_once(&site);
    let done = trace.finish().exits(0);
    assert_eq!(done.err, "", "{done}");
    Ok(())
}

fn filters_and_reasons() -> Outcome {
    let watch = watch(KernelWatchPlan::default())?;
    if watch.reasons().next().is_none() {
        return Err("this kernel gives no reasons".to_owned());
    }
    let done = run(storm_line("trace --reason LINGER --duration 0.1")).exits(2);
    assert_eq!((done.out.as_str(), done.err.lines().count()), ("", 1), "{done}");
    assert!(done.err.contains("\"LINGER\"") && done.err.contains("TCP_STATE, TCP_KEEPALIVE_TIMEOUT"), "{done}");
    let done = run(storm_line("trace --host 127.255.254.253 --duration 0.2")).exits(1);
    assert!(done.err.contains("no reset was such as was asked for"), "{done}");
    assert!(done.out.contains("0 resets sent and 0 taken in;"), "{done}");
    Ok(())
}

/// As an ordinary user, and as root without one capability.
fn privilege_is_named() -> Outcome {
    can_play(Player::Rootless)?;
    let done = run(storm_by(Player::Rootless, "trace --duration 0.1")).exits(3);
    assert_eq!((done.out.as_str(), done.err.lines().count()), ("", 1), "{done}");
    assert!(done.err.contains("root, or CAP_"), "{done}");
    run(storm_by(Player::Rootless, "trace --reason tcp_state")).exits(2);
    watch(KernelWatchPlan::default())?;
    need(&["setpriv", "unshare", "mount"])?;
    let without = |script: &str| {
        let mut command = Command::new("unshare");
        let mounted = "{ [ -d /sys/kernel/tracing/events ] || mount -t tracefs tracefs /sys/kernel/tracing; }";
        let script = format!("{mounted} && exec setpriv {script} \"$BIN\" trace --duration 0.1");
        command.args(["--mount", "--propagation", "private", "sh", "-c", &script]).env("BIN", BINARY);
        alike(&mut command);
        run(command)
    };
    let done = without("--bounding-set=-perfmon,-sys_admin").exits(3);
    assert!(done.err.contains("CAP_PERFMON") && done.err.contains("open tracepoint"), "{done}");
    let done = without("--reuid 65534 --regid 65534 --clear-groups env").exits(3);
    assert!(done.err.contains("CAP_DAC_READ_SEARCH") && done.err.contains("/sys/kernel/tracing"), "{done}");
    Ok(())
}
