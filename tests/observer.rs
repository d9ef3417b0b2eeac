//! The observer, in a lab of the test's own: what entered the bridge, what only left it, and whose it was.

use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use rst_storm::lab::capture_file::CaptureFile;
use rst_storm::lab::namespaces::create_nameless;
use rst_storm::lab::network::Hosts;
use rst_storm::lab::run::{RunPlan, RunReport, play};
use rst_storm::lab::topology::{BRIDGE, DESTINATION, PREFIX};
use rst_storm::storm::decimal::Decimal;
use rst_storm::storm::pacer::{Extent, Rate};
use rst_storm::storm::plan::{ClientPlan, CloseBy, Listing, Talk};
use rst_storm::storm::target::{PermittedTarget, PublicTargets};
use rst_storm_linux::link::Links;
use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::signals::Stop;

const PORT: u16 = 9999;
/// The observer's own address, for the one trial in which it has one.
const OBSERVER: Ipv4Addr = Ipv4Addr::new(10, 0, 1, 3);

type Test = Result<(), Failed>;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    // A harness has threads, so that there is no way into a user namespace: only plain ones will do.
    let lacks = NetNamespace::create().err();
    let trial = |name: &'static str, test: fn() -> Test| match &lacks {
        None => Trial::test(name, test),
        Some(error) => {
            eprintln!("SKIPPED: {name}: {error}");
            Trial::test(format!("{name} (skipped: {error})"), test).with_ignored_flag(true)
        }
    };
    let trials = vec![
        trial("each segment is counted once although it passes two ports", each_segment_is_counted_once),
        trial("what the observer's own host sends is kept, marked and called foreign", own_segments_are_marked),
    ];
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn lab() -> Result<Hosts, Failed> {
    create_nameless().map(|(hosts, _)| hosts).map_err(|error| error.to_string().into())
}

fn storm(hosts: &Hosts, capture: Option<CaptureFile>) -> Result<RunReport, Failed> {
    let client = ClientPlan {
        target: PermittedTarget::resolve(&DESTINATION.to_string(), PORT, PublicTargets::Refused)?,
        source: None,
        rate: Rate::PerSecond(Decimal::whole(40)),
        extent: Extent { duration: None, count: Some(40) },
        timeout: Duration::from_secs(2),
        talk: Talk::Silent,
        listing: Listing::Roll,
    };
    let plan = RunPlan { client, close: CloseBy::Rst, read_first: false, backlog: 64, capture };
    Ok(play(hosts, plan, &Stop::new()?, &mut |_| ())?)
}

fn each_segment_is_counted_once() -> Test {
    let hosts = lab()?;
    let report = storm(&hosts, None)?;
    // SYN, SYN-ACK, ACK, RST.
    assert_eq!(report.wire.segments, 4 * 40);
    assert_eq!((report.wire.made_here, report.wire.foreign_flows, report.wire.dropped), (0, 0, 0));
    for equation in &report.ledger {
        assert!(equation.holds, "{equation}");
    }
    Ok(())
}

/// The observer's host connects to the server too: its SYN leaves at one port and enters at none, and the answers
/// enter and never leave.
fn own_segments_are_marked() -> Test {
    let hosts = lab()?;
    hosts.observer.run(|| Links::open()?.add_address(BRIDGE, IpAddr::V4(OBSERVER), PREFIX))??;
    let directory = std::env::temp_dir().join(format!("rst-storm-observer-{}", std::process::id()));
    std::fs::create_dir(&directory)?;
    let path = directory.join("marked.pcapng");
    let capture = CaptureFile::create(&path)?;
    let (report, visit) = std::thread::scope(|scope| {
        let visitor = scope.spawn(|| hosts.destination.run(await_listener).and_then(|()| hosts.observer.run(visit)));
        let report = storm(&hosts, Some(capture));
        (report, visitor.join())
    });
    let bytes = std::fs::read(&path);
    std::fs::remove_dir_all(&directory)?;
    let (report, bytes) = (report?, bytes?);
    visit.map_err(|_| "the visitor panicked")??;

    assert_eq!(report.wire.foreign_flows, 1);
    let example = report.wire.foreign_example.expect("an example of foreign traffic");
    assert_eq!(example.0.addr, IpAddr::V4(OBSERVER));
    // The visitor's SYN and the ACK of its handshake; the ledger's own connections are as many as ever.
    assert_eq!(report.wire.made_here, 2);
    assert_eq!(report.wire.tally.syns, 40);
    let marks = bytes.windows(MARK.len()).filter(|window| *window == MARK.as_bytes()).count();
    assert_eq!(marks, 2);
    // The kernel's counters include the visit, and the ledger says so rather than looking away.
    let connected = &report.ledger[1];
    assert!(!connected.holds, "{connected}");
    assert!(report.hints().iter().any(|hint| hint.starts_with("Foreign traffic")), "{:?}", report.hints());
    Ok(())
}

const MARK: &str = "made by the observer's host";

/// Waits until the server listens, which it does after the observer's ring is open.
fn await_listener() {
    /// The state LISTEN in /proc/net/tcp (`TCP_LISTEN` of the kernel's tcp_states.h).
    const LISTEN: &str = " 0A ";
    for _ in 0..2000 {
        let sockets = std::fs::read_to_string("/proc/thread-self/net/tcp").unwrap_or_default();
        if sockets.lines().any(|line| line.contains(&format!(":{PORT:04X} ")) && line.contains(LISTEN)) {
            return;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the server never listened");
}

/// Connects to the server once, and is reset by it.
fn visit() {
    let mut stream = TcpStream::connect((DESTINATION, PORT)).expect("the server listens");
    // Closed before the reset it would send a FIN as well.
    assert!(stream.read(&mut [0]).is_err());
}
