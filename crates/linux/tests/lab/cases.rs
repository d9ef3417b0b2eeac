//! The cases. They assert counts and states, never durations.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};
use std::process::{Command, Stdio};
use std::time::Duration;

use rst_storm_core::capture::{Direction, FrameSource};
use rst_storm_linux::link::{BridgeSettings, Links};
use rst_storm_linux::named::{create_named, delete_named, list_named, mark_of, open_named, processes_in, remove_stale};
use rst_storm_linux::netns::NetNamespace;
use rst_storm_linux::packet_socket::{PacketRing, RingConfig};
use rst_storm_linux::user_namespace::enter_user_namespace;
use rst_storm_linux::{Cause, offload, sysctl};

use crate::bridge::{DESTINATION, Lab, PATIENCE, SOURCE, await_condition, counters_in, tcp_sum};
use crate::{Case, Outcome};

pub const ALL: [Case; 12] = [
    ("a_connection_crosses_the_bridge_at_the_first_syn", a_connection_crosses_the_bridge_at_the_first_syn),
    ("the_ring_sees_each_segment_in_and_out", the_ring_sees_each_segment_in_and_out),
    ("a_full_ring_counts_what_it_drops", a_full_ring_counts_what_it_drops),
    ("a_short_snap_length_keeps_the_original_length", a_short_snap_length_keeps_the_original_length),
    ("offloads_read_back_off", offloads_read_back_off),
    ("links_say_what_was_asked_of_them", links_say_what_was_asked_of_them),
    ("a_link_of_the_callers_is_not_in_the_way", a_link_of_the_callers_is_not_in_the_way),
    ("a_namespace_is_the_threads_own", a_namespace_is_the_threads_own),
    ("a_user_namespace_wants_one_thread", a_user_namespace_wants_one_thread),
    ("named_namespaces_come_and_go", named_namespaces_come_and_go),
    ("a_stale_file_is_no_namespace", a_stale_file_is_no_namespace),
    ("iproute2_and_we_see_each_others_names", iproute2_and_we_see_each_others_names),
];

/// One connection, so many bytes both ways, closed in order by both.
fn converse(lab: &Lab, payload: usize) {
    let listener = lab.destination.run(|| TcpListener::bind((DESTINATION, 0)).unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut stream, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip(), SOURCE);
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).unwrap();
            assert_eq!(heard.len(), payload);
            stream.write_all(&heard).unwrap();
        });
        let mut stream = lab.source.run(|| TcpStream::connect_timeout(&address, PATIENCE).unwrap()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(&vec![b'x'; payload]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut echoed = Vec::new();
        stream.read_to_end(&mut echoed).unwrap();
        assert_eq!(echoed.len(), payload);
    });
}

fn a_connection_crosses_the_bridge_at_the_first_syn() -> Outcome {
    let lab = Lab::build().unwrap();
    let (source, destination) = (counters_in(&lab.source), counters_in(&lab.destination));
    converse(&lab, 1000);
    let source = counters_in(&lab.source).since(&source);
    let destination = counters_in(&lab.destination).since(&destination);
    for (counters, active, passive) in [(&source, 1, 0), (&destination, 0, 1)] {
        assert_eq!(counters.value("Tcp", "ActiveOpens"), Some(active));
        assert_eq!(counters.value("Tcp", "PassiveOpens"), Some(passive));
        assert_eq!(counters.value("Tcp", "RetransSegs"), Some(0));
        assert_eq!(counters.value("TcpExt", "TCPSynRetrans"), Some(0));
        assert_eq!(counters.value("Tcp", "OutRsts"), Some(0));
        assert_eq!(counters.value("Tcp", "InErrs"), Some(0));
    }
    assert_eq!(counters_in(&lab.observer).value("Tcp", "ActiveOpens"), Some(0));
    Outcome::Passed
}

/// A frame as the tests compare it: where it was seen, which way, its lengths and its IP packet.
struct Seen {
    interface: usize,
    direction: Direction,
    original_len: u32,
    packet: Vec<u8>,
}

fn read_into(ring: &mut PacketRing, seen: &mut Vec<Seen>) {
    while let Some(frame) = ring.next_frame().unwrap() {
        seen.push(Seen {
            interface: frame.interface,
            direction: frame.direction,
            original_len: frame.original_len,
            packet: frame.data[14..].to_vec(),
        });
    }
}

/// Reads until as many frames have come as both hosts have sent segments, twice each: in at one port, out at the other.
fn read_whole_conversation(lab: &Lab, ring: &mut PacketRing) -> Vec<Seen> {
    let mut seen = Vec::new();
    await_condition("all segments in the ring, twice", || {
        ring.wait(Duration::from_millis(20)).unwrap();
        read_into(ring, &mut seen);
        // A veth's frames queue at the processor that sent them: a sender that changes processors reorders its own
        // segments and then retransmits, with nothing lost. OutSegs leaves retransmissions out.
        let sent = |namespace| {
            let counters = counters_in(namespace);
            counters.value("Tcp", "OutSegs").unwrap() + counters.value("Tcp", "RetransSegs").unwrap()
        };
        seen.len() as u64 == 2 * (sent(&lab.source) + sent(&lab.destination))
    });
    seen
}

fn the_ring_sees_each_segment_in_and_out() -> Outcome {
    let lab = Lab::build().unwrap();
    let mut ring = lab.open_ring(|_| {}).unwrap();
    // With segmentation offload it would be a few frames; it is many.
    converse(&lab, 100_000);
    let seen = read_whole_conversation(&lab, &mut ring);
    // The IP identification makes every segment's bytes its own.
    let mut sightings: HashMap<&[u8], Vec<&Seen>> = HashMap::new();
    for frame in &seen {
        sightings.entry(&frame.packet).or_default().push(frame);
    }
    for (packet, frames) in &sightings {
        let [first, second] = frames.as_slice() else { panic!("a segment was seen {} times", frames.len()) };
        let from_source = packet[12..16] == [10, 99, 0, 1];
        assert_eq!(first.direction, Direction::Inbound);
        assert_eq!(first.interface, usize::from(!from_source));
        assert_eq!(second.direction, Direction::Outbound);
        assert_eq!(second.interface, usize::from(from_source));
        assert!(first.original_len <= 1514, "a segment of {} bytes: not cut to the wire's size", first.original_len);
        assert_eq!(tcp_sum(packet), 0xffff, "an unfinished checksum");
    }
    assert_eq!(ring.dropped().unwrap(), 0);
    assert_eq!(ring.received().unwrap(), seen.len() as u64);
    assert_eq!(ring.skipped(), 0);
    assert!(!ring.wait(Duration::ZERO).unwrap(), "nothing is left");
    Outcome::Passed
}

/// Datagrams from the source to a port of the destination's where nobody reads them.
fn send_datagrams(lab: &Lab, count: usize, length: usize) {
    let receiver = lab.destination.run(|| UdpSocket::bind((DESTINATION, 0)).unwrap()).unwrap();
    let address = receiver.local_addr().unwrap();
    let sender = lab.source.run(|| UdpSocket::bind((SOURCE, 0)).unwrap()).unwrap();
    for _ in 0..count {
        assert_eq!(sender.send_to(&vec![0; length], address).unwrap(), length);
    }
}

fn a_full_ring_counts_what_it_drops() -> Outcome {
    const DATAGRAMS: usize = 500;
    let lab = Lab::build().unwrap();
    let mut ring = lab.open_ring(|config| (config.block_size, config.block_count) = (16 << 10, 4)).unwrap();
    send_datagrams(&lab, DATAGRAMS, 1000);
    let both_ports = 2 * DATAGRAMS as u64;
    await_condition("every frame counted", || ring.received().unwrap() + ring.dropped().unwrap() == both_ports);
    assert!(ring.dropped().unwrap() > 0, "64 KiB can't have held {both_ports} frames of 1 kB");
    let mut seen = Vec::new();
    let received = ring.received().unwrap();
    await_condition("every received frame read", || {
        ring.wait(Duration::from_millis(20)).unwrap();
        read_into(&mut ring, &mut seen);
        seen.len() as u64 == received
    });
    // Once there is room again, nothing more is lost; and blocks come round again.
    let (dropped, before) = (ring.dropped().unwrap(), seen.len());
    for round in 1..=40 {
        send_datagrams(&lab, 5, 1000);
        await_condition("a round's frames", || {
            ring.wait(Duration::from_millis(20)).unwrap();
            read_into(&mut ring, &mut seen);
            seen.len() == before + round * 10
        });
    }
    assert_eq!(ring.dropped().unwrap(), dropped);
    Outcome::Passed
}

fn a_short_snap_length_keeps_the_original_length() -> Outcome {
    let lab = Lab::build().unwrap();
    let mut ring = lab.open_ring(|config| config.snap_length = 64).unwrap();
    send_datagrams(&lab, 1, 1000);
    let mut seen = Vec::new();
    await_condition("both frames", || {
        ring.wait(Duration::from_millis(20)).unwrap();
        read_into(&mut ring, &mut seen);
        seen.len() == 2
    });
    for frame in seen {
        assert_eq!(frame.packet.len(), 64 - 14);
        assert_eq!(frame.original_len, 1000 + 8 + 20 + 14);
    }
    let refused = PacketRing::open(&RingConfig::new(Vec::new())).unwrap_err();
    assert_eq!(refused.errno(), Some(libc::EINVAL));
    Outcome::Passed
}

fn offloads_read_back_off() -> Outcome {
    let pair = NetNamespace::create().unwrap();
    Links::add_veth("one", &pair, "two", &pair).unwrap();
    let (before, after) = pair
        .run(|| {
            let before = offload::read("one").unwrap();
            offload::turn_off("one").unwrap();
            (before, offload::read("one").unwrap())
        })
        .unwrap();
    assert!(!before.is_empty(), "a fresh veth has offloads on");
    assert_eq!(after, []);
    Outcome::Passed
}

fn links_say_what_was_asked_of_them() -> Outcome {
    let namespace = NetNamespace::create().unwrap();
    Links::add_veth("one", &namespace, "two", &namespace).unwrap();
    let mut links = namespace.run(Links::open).unwrap().unwrap();
    links.add_bridge("br0", &BridgeSettings::default()).unwrap();
    let again = links.add_bridge("br0", &BridgeSettings::default()).unwrap_err();
    assert_eq!(again.to_string(), "create bridge br0: File exists (EEXIST)");

    links.enslave("one", "br0").unwrap();
    links.set_up("one").unwrap();
    links.set_alias("one", "a text").unwrap();
    links.set_link_address("one", [2, 0, 0, 0, 0, 9]).unwrap();
    links.add_address("two", SOURCE, 24).unwrap();
    links.add_address("two", "fd00::1".parse().unwrap(), 64).unwrap();
    let one = links.state("one").unwrap();
    assert!(one.admin_up && !one.carrier, "{one:?}");
    assert_eq!(one.alias.as_deref(), Some("a text"));
    assert_eq!(one.link_address, Some([2, 0, 0, 0, 0, 9]));
    assert!(one.bridge_port.is_some());
    assert_eq!(links.state("two").unwrap().bridge_port, None);
    assert_eq!(links.addresses("two").unwrap().len(), 2);
    assert_eq!(links.addresses("two").unwrap()[0], SOURCE);
    assert!(links.addresses("one").unwrap().is_empty());

    links.set_down("one").unwrap();
    assert!(!links.state("one").unwrap().admin_up);
    links.delete("one").unwrap();
    let gone = links.set_up("two").unwrap_err();
    assert_eq!(gone.to_string(), "set up two: No such device (ENODEV)");
    Outcome::Passed
}

fn a_link_of_the_callers_is_not_in_the_way() -> Outcome {
    let (near, far, own) =
        (NetNamespace::create().unwrap(), NetNamespace::create().unwrap(), NetNamespace::create().unwrap());
    Links::add_veth("eth0", &own, "eth1", &own).unwrap();
    own.run(|| Links::add_veth("eth0", &near, "eth0", &far)).unwrap().unwrap();
    let twice = Links::add_veth("eth0", &near, "eth0", &far).unwrap_err();
    assert_eq!(twice.errno(), Some(libc::EEXIST));
    let index_in = |namespace: &NetNamespace| namespace.run(|| Links::open()?.index("eth0")).unwrap();
    assert!(index_in(&near).is_ok() && index_in(&far).is_ok());
    Outcome::Passed
}

fn a_namespace_is_the_threads_own() -> Outcome {
    const SETTING: &str = "net/ipv4/tcp_abort_on_overflow";
    let caller = NetNamespace::current().unwrap().identity().unwrap();
    let namespace = NetNamespace::create().unwrap();
    assert_eq!(NetNamespace::current().unwrap().identity().unwrap(), caller, "the caller stays where it was");
    let inside = namespace.run(|| NetNamespace::current()?.identity()).unwrap().unwrap();
    assert_eq!(inside, namespace.identity().unwrap());
    assert_ne!(inside, caller);

    let outside = sysctl::read(SETTING).unwrap();
    namespace.run(|| sysctl::write(SETTING, "1")).unwrap().unwrap();
    assert_eq!(namespace.run(|| sysctl::read(SETTING)).unwrap().unwrap(), "1");
    assert_eq!(sysctl::read(SETTING).unwrap(), outside);

    assert_eq!(processes_in(&namespace).unwrap(), []);
    let of_one_thread = namespace.run(|| processes_in(&namespace)).unwrap().unwrap();
    assert_eq!(of_one_thread.iter().map(|process| process.pid).collect::<Vec<_>>(), [std::process::id()]);
    assert_eq!(of_one_thread[0].comm, "lab");

    std::panic::set_hook(Box::new(|_| {}));
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| namespace.run(|| panic!("inside"))));
    let _ = std::panic::take_hook();
    assert_eq!(panicked.unwrap_err().downcast_ref::<&str>(), Some(&"inside"));
    Outcome::Passed
}

fn a_user_namespace_wants_one_thread() -> Outcome {
    let namespace = NetNamespace::create().unwrap();
    let refused = namespace.run(enter_user_namespace).unwrap().unwrap_err();
    assert_eq!(*refused.cause(), Cause::SeveralThreads(2));
    Outcome::Passed
}

fn named_namespaces_come_and_go() -> Outcome {
    let name = format!("rst-test-{}", std::process::id());
    assert!(open_named(&name).unwrap().is_none());
    assert_eq!(list_named().unwrap(), Vec::<String>::new());
    let made = create_named(&name, "rst-storm test").unwrap();
    assert_eq!(create_named(&name, "again").unwrap_err().errno(), Some(libc::EEXIST));
    assert_eq!(list_named().unwrap(), [name.as_str()]);

    let opened = open_named(&name).unwrap().expect("just made");
    assert_eq!(opened.identity().unwrap(), made.identity().unwrap());
    assert_eq!(mark_of(&opened).unwrap().as_deref(), Some("rst-storm test"));
    assert_eq!(mark_of(&NetNamespace::create().unwrap()).unwrap(), None);
    assert_eq!(remove_stale(&name).unwrap_err().errno(), Some(libc::EBUSY));

    delete_named(&name).unwrap();
    assert!(open_named(&name).unwrap().is_none());
    assert_eq!(delete_named(&name).unwrap_err().errno(), Some(libc::ENOENT));
    assert_eq!(list_named().unwrap(), Vec::<String>::new());
    assert_eq!(mark_of(&opened).unwrap().as_deref(), Some("rst-storm test"), "it lives on without its name");
    Outcome::Passed
}

fn a_stale_file_is_no_namespace() -> Outcome {
    let name = format!("rst-stale-{}", std::process::id());
    // The directory comes with the first namespace.
    create_named("rst-other", "mark").unwrap();
    let path = format!("/run/netns/{name}");
    std::fs::write(&path, "").unwrap();
    assert_eq!(*open_named(&name).unwrap_err().cause(), Cause::NotANamespace);
    assert_eq!(*delete_named(&name).unwrap_err().cause(), Cause::NotANamespace);
    assert_eq!(create_named(&name, "mark").unwrap_err().errno(), Some(libc::EEXIST));
    remove_stale(&name).unwrap();
    assert!(open_named(&name).unwrap().is_none());

    std::fs::write(&path, "somebody's text").unwrap();
    assert_eq!(remove_stale(&name).unwrap_err().errno(), Some(libc::EINVAL));
    // A file of a namespace of another kind is none of ours either.
    assert_eq!(*NetNamespace::open("/proc/self/ns/mnt").unwrap_err().cause(), Cause::NotANamespace);
    Outcome::Passed
}

fn iproute2_and_we_see_each_others_names() -> Outcome {
    let ip = |arguments: &[&str]| Command::new("ip").args(arguments).stderr(Stdio::inherit()).output();
    if ip(&["-V"]).is_err() {
        return Outcome::Skipped("no program 'ip' (iproute2)".to_owned());
    }
    if !rustix::process::geteuid().is_root() {
        // Exec takes the capabilities of a process that isn't root even in its own user namespace.
        return Outcome::Skipped("'ip netns' needs a uid of 0".to_owned());
    }
    let (ours, theirs) = (format!("rst-ours-{}", std::process::id()), format!("rst-theirs-{}", std::process::id()));
    let count_mounts = || {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        mounts.lines().filter(|line| line.contains(" /run/netns ")).count()
    };
    // The machine may have one already, hidden under this room's /run.
    let before = count_mounts();
    assert!(ip(&["netns", "add", &theirs]).unwrap().status.success());
    create_named(&ours, "ours").unwrap();
    let listed = String::from_utf8(ip(&["netns", "list"]).unwrap().stdout).unwrap();
    assert!(listed.contains(&ours) && listed.contains(&theirs), "{listed}");
    let foreign = open_named(&theirs).unwrap().expect("made by ip");
    assert_eq!(mark_of(&foreign).unwrap(), None);
    assert!(ip(&["netns", "delete", &ours]).unwrap().status.success());
    assert!(open_named(&ours).unwrap().is_none());
    delete_named(&theirs).unwrap();
    assert_eq!(ip(&["netns", "list"]).unwrap().stdout, b"");
    // Ours is a mount of the directory just as iproute2's: one, however often it is prepared.
    assert_eq!(count_mounts(), before + 1);
    Outcome::Passed
}
