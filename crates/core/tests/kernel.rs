//! The kernel's word: recorded formats and records, older kernels, and what an event allows.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::collections::BTreeSet;

use proptest::prelude::*;
use rst_storm_core::capture::Timestamp;
use rst_storm_core::kernel::{
    COVERAGE, Context, Deaths, Decoder, Direction, ExitFields, Format, FormatError, KernelReset, Kind, Life, Mechanism,
    Name, Process, REMEMBERED_FOR, REMEMBERED_THREADS, SignalFields, Told,
};
use rst_storm_core::tcp::Endpoint;

const SENT: &str = include_str!("formats/tcp_send_reset.format");
const TAKEN: &str = include_str!("formats/tcp_receive_reset.format");
const SIGNAL: &str = include_str!("formats/signal_deliver.format");
const EXIT: &str = include_str!("formats/sched_process_exit.format");
const SENT_6_8: &str = include_str!("formats/tcp_send_reset-6.8.format");
const SENT_6_10: &str = include_str!("formats/tcp_send_reset-6.10.format");

fn format(text: &str) -> Format {
    Format::parse(text).expect("a format")
}

fn decoder(text: &str, direction: Direction) -> Decoder {
    Decoder::new(format(text), direction).expect("a format with addresses")
}

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().map(|digit| (digit as char).to_digit(16).expect("a digit") as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

fn end(addr: &str, port: u16) -> Endpoint {
    Endpoint::new(addr.parse().expect("an address"), port)
}

// Formats.

#[test]
fn the_recorded_formats_are_read() {
    let sent = format(SENT);
    assert_eq!((sent.name.as_str(), sent.id), ("tcp_send_reset", 2280));
    let saddr = sent.field("saddr").expect("a field");
    assert_eq!((saddr.offset, saddr.size, saddr.signed), (32, 28, false));
    assert!(sent.field("state").expect("a field").signed);
    assert_eq!(sent.name_of("reason", 14).map(|name| &**name), Some("TCP_STATE"));
    // This kernel leaves the states' constants unresolved.
    assert_eq!(sent.name_of("state", 7).map(|name| &**name), Some("TCP_CLOSE"));
    assert_eq!(sent.name_of("reason", 99), None);
    assert_eq!(sent.names_of("reason").count(), 26);
    assert_eq!(sent.names_of("state").count(), 12);
    assert_eq!(SignalFields::new(&format(SIGNAL)).map(|fields| fields.id()), Some(260));
    assert_eq!(ExitFields::new(&format(EXIT)).id(), 369);
}

#[test]
fn what_is_no_format_is_told() {
    assert_eq!(Format::parse(""), Err(FormatError::NoNumber));
    assert_eq!(Format::parse("ID: many"), Err(FormatError::NoNumber));
    assert_eq!(Format::parse("ID: 7\nformat:\n"), Err(FormatError::NoFields));
    let without_ends = SENT.replace("saddr[28]", "elsewhere[28]");
    assert!(Decoder::new(format(&without_ends), Direction::Sent).is_none());
}

// Records, as Linux 6.18.44 wrote them on a little-endian machine.

/// A SYN to 127.7.9.3:9, where nothing listens.
const NO_SOCKET: &str = "e8081002012f0000e03a92098188ffff00000000000000000000000001000000020000097f0709030000000000000000000000000000000000\
                         0000000200af147f000001000000000000000000000000000000000000000000000000";
const REFUSED: &str = "e7080001012f0000c09b5b198188ffff14af090002007f0000017f07090300000000000000000000ffff7f00000100000000000000000000ff\
                       ff7f0709030000531600000000000000000000";
const LINGER_ZERO: &str = "e8080001012f0000000000000000000080925b198188ffff070000000e0000000200a5d97f0709030000000000000000000000000000000000\
                           0000000200b0627f000001000000000000000000000000000000000000000000000000";
const UNREAD: &str = "e8080001012f0000000000000000000000805b198188ffff070000000b0000000200a5d97f0709030000000000000000000000000000000000\
                      0000000200b06e7f000001000000000000000000000000000000000000000000000000";
const LISTENER: &str = "e8088002012f00000000000000000000c0e55b198188ffff070000000e0000000200a5d97f0709030000000000000000000000000000000000\
                        0000000200b0887f000001000000000000000000000000000000000000000000000000";

#[cfg(target_endian = "little")]
#[test]
fn recorded_records_are_read() {
    let sent = decoder(SENT, Direction::Sent);
    let read = |hex: &str| sent.read(&octets(hex)).expect("a whole record");
    let told = |destination: u16, reason: &str, state: Option<&str>, kind, has_socket, context| Told {
        direction: Direction::Sent,
        source: end("127.7.9.3", if reason == "NO_SOCKET" { 9 } else { 42457 }),
        destination: end("127.0.0.1", destination),
        reason: Some(Name::from(reason)),
        state: state.map(Name::from),
        kind: Some(kind),
        has_socket,
        context,
    };
    let closed = Some("TCP_CLOSE");
    assert_eq!(read(NO_SOCKET), told(44820, "NO_SOCKET", None, Kind::Reply, false, Context::SoftInterrupt));
    assert_eq!(read(LINGER_ZERO), told(45154, "TCP_STATE", closed, Kind::Active, true, Context::Task));
    assert_eq!(read(UNREAD), told(45166, "TCP_ABORT_ON_CLOSE", closed, Kind::Active, true, Context::Task));
    assert_eq!(read(LISTENER), told(45192, "TCP_STATE", closed, Kind::Active, true, Context::TaskBhOff));
}

#[cfg(target_endian = "little")]
#[test]
fn a_reset_taken_in_names_its_sender_first() {
    let told = decoder(TAKEN, Direction::Taken).read(&octets(REFUSED)).expect("a whole record");
    assert_eq!((told.source, told.destination), (end("127.7.9.3", 9), end("127.0.0.1", 44820)));
    assert_eq!((told.reason, told.state, told.kind, told.has_socket), (None, None, None, true));
}

#[cfg(target_endian = "little")]
#[test]
fn an_ipv4_connection_of_an_ipv6_socket_has_ipv4_addresses() {
    let mut record = octets(LINGER_ZERO);
    let mapped = |addr: [u8; 4]| Ipv4Addr::from(addr).to_ipv6_mapped().octets();
    for (field, addr) in [(32, mapped([10, 0, 0, 1])), (60, Ipv6Addr::LOCALHOST.octets())] {
        record[field..field + 2].copy_from_slice(&10u16.to_ne_bytes());
        record[field + 8..field + 24].copy_from_slice(&addr);
    }
    let told = decoder(SENT, Direction::Sent).read(&record).expect("a whole record");
    assert_eq!(told.source.addr, IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
    assert_eq!(told.destination.addr, IpAddr::V6(Ipv6Addr::LOCALHOST));
    record[32] = 1;
    assert_eq!(decoder(SENT, Direction::Sent).read(&record), None, "a family that has no IP address");
}

#[test]
fn a_kernel_without_reasons_gives_none() {
    let decoder = decoder(SENT_6_8, Direction::Sent);
    assert_eq!(decoder.reasons().count(), 0);
    let mut record = vec![0; 74];
    record[8] = 1;
    record[16] = 1;
    record[24..28].copy_from_slice(&10i32.to_ne_bytes());
    record[28..30].copy_from_slice(&80u16.to_ne_bytes());
    record[30..32].copy_from_slice(&4000u16.to_ne_bytes());
    record[42..58].copy_from_slice(&Ipv4Addr::new(10, 0, 1, 2).to_ipv6_mapped().octets());
    record[58..74].copy_from_slice(&Ipv4Addr::new(10, 0, 1, 1).to_ipv6_mapped().octets());
    let told = decoder.read(&record).expect("a whole record");
    assert_eq!((told.source, told.destination), (end("10.0.1.2", 80), end("10.0.1.1", 4000)));
    assert_eq!((told.reason, told.kind), (None, Some(Kind::Reply)));
    assert_eq!(told.state.as_deref(), Some("TCP_LISTEN"));
    for length in 0..record.len() {
        assert_eq!(decoder.read(&record[..length]), None, "{length} octets");
    }
}

#[test]
fn a_number_means_what_the_running_kernel_says() {
    let mut record = vec![0; 88];
    record[28] = 8;
    for field in [32, 60] {
        record[field..field + 2].copy_from_slice(&2u16.to_ne_bytes());
    }
    let reason = |text| decoder(text, Direction::Sent).read(&record).expect("a whole record").reason;
    assert_eq!(reason(SENT).as_deref(), Some("TCP_ABORT_ON_DATA"));
    assert_eq!(reason(SENT_6_10).as_deref(), Some("MPTCP_RST_EMIDDLEBOX"));
    record[28] = 200;
    let reason = |text| decoder(text, Direction::Sent).read(&record).expect("a whole record").reason;
    assert_eq!(reason(SENT), None, "a number without a name");
}

#[test]
fn signals_and_ends_are_read() {
    let mut record = vec![0; 40];
    record[8..12].copy_from_slice(&11i32.to_ne_bytes());
    let fields = SignalFields::new(&format(SIGNAL)).expect("the fields");
    assert_eq!(fields.unhandled(&record), Some(11));
    record[24] = 1;
    assert_eq!(fields.unhandled(&record), None, "it has a handler");
    assert_eq!(fields.unhandled(&record[..20]), None);
    let mut record = vec![0; 36];
    record[8..13].copy_from_slice(b"nginx");
    assert_eq!(ExitFields::new(&format(EXIT)).comm(&record).as_deref(), Some("nginx"));
    let shorter = EXIT.replace("size:16", "size:4");
    assert_eq!(ExitFields::new(&format(&shorter)).comm(&record), None, "where the name lies elsewhere");
}

proptest! {
    #[test]
    fn any_text_and_any_record_are_survived(
        text in "(ID: [0-9]{1,6}\n)?(\tfield:[a-z_ *]{0,12}(saddr|daddr|sport|reason|common_flags)(\\[[0-9]*\\])?;\toffset:[0-9]{1,20};\tsize:[0-9]{1,20};\tsigned:[01];\n){0,6}(print fmt: \"\", .{0,80})?",
        record in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        if let Ok(format) = Format::parse(&text) {
            for direction in [Direction::Sent, Direction::Taken] {
                if let Some(decoder) = Decoder::new(format.clone(), direction) {
                    let _ = decoder.read(&record);
                }
            }
            let _ = ExitFields::new(&format).comm(&record);
        }
    }

    #[test]
    fn a_format_cut_or_changed_anywhere_is_survived(
        places in proptest::collection::vec((any::<prop::sample::Index>(), any::<char>()), 0..8),
        cut in any::<prop::sample::Index>(),
        record in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut text: Vec<char> = SENT.chars().collect();
        for (place, character) in places {
            let place = place.index(text.len());
            text[place] = character;
        }
        let text: String = text[..cut.index(text.len() + 1)].iter().collect();
        if let Some(decoder) = Format::parse(&text).ok().and_then(|format| Decoder::new(format, Direction::Sent)) {
            let _ = decoder.read(&record);
        }
    }

    #[test]
    fn any_record_of_known_form_is_survived(record in proptest::collection::vec(any::<u8>(), 0..100)) {
        for (text, direction) in [(SENT, Direction::Sent), (SENT_6_8, Direction::Sent), (TAKEN, Direction::Taken)] {
            let told = decoder(text, direction).read(&record);
            prop_assert!(told.is_none() || record.len() >= 62);
        }
    }
}

// What an event allows.

fn reset(reason: &str, state: Option<&str>, kind: Kind, context: Context) -> KernelReset {
    KernelReset {
        at: Timestamp(0),
        cpu: 0,
        direction: Direction::Sent,
        source: end("10.0.1.2", 80),
        destination: end("10.0.1.1", 4000),
        reason: Some(Name::from(reason)),
        state: state.map(Name::from),
        kind: Some(kind),
        has_socket: state.is_some(),
        context,
        process: KernelReset::is_a_tasks_own(Some(kind), context).then_some(Process { pid: 7, tid: 7, comm: None }),
        life: Life::NotWatched,
        stack: Vec::new(),
    }
}

fn names(reset: &KernelReset) -> Vec<&'static str> {
    reset.mechanisms().names().collect()
}

#[test]
fn every_reason_of_the_recorded_kernel_is_covered_once() {
    let format = format(SENT);
    let known: BTreeSet<&str> = format.names_of("reason").map(|name| &**name).collect();
    let covered: Vec<&str> = COVERAGE.iter().map(|coverage| coverage.reason).collect();
    assert_eq!(covered.iter().copied().collect::<BTreeSet<_>>(), known);
    assert_eq!(covered.len(), known.len(), "each once");
    for coverage in &COVERAGE {
        assert!(!coverage.mechanisms.is_empty() || !coverage.note.is_empty(), "{}", coverage.reason);
    }
    let older = Format::parse(SENT_6_10).expect("a format");
    assert!(older.names_of("reason").all(|name| known.contains(&**name)));
}

#[test]
fn every_mechanism_has_a_name_a_sentence_and_a_reason() {
    let names: BTreeSet<&str> = Mechanism::ALL.iter().map(|mechanism| mechanism.name()).collect();
    assert_eq!(names.len(), Mechanism::ALL.len());
    for mechanism in Mechanism::ALL {
        assert!(mechanism.name().chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        assert!(mechanism.sentence().ends_with('.'), "{}", mechanism.name());
        assert_eq!(Mechanism::named(mechanism.name()), Some(mechanism));
        assert!(COVERAGE.iter().any(|coverage| coverage.mechanisms.contains(mechanism)), "{}", mechanism.name());
    }
}

/// The rows of what was measured on Linux 6.18, without stacks.
#[test]
fn an_event_names_its_mechanisms() {
    use Context::{SoftInterrupt, Task, TaskBhOff};
    use Kind::{Active, Reply};
    let close = Some("TCP_CLOSE");
    for (reason, state, kind, context, expected) in [
        ("TCP_STATE", close, Active, Task, &["close-linger-zero", "disconnect"][..]),
        ("TCP_STATE", close, Active, TaskBhOff, &["listener-closed"]),
        ("TCP_STATE", close, Active, SoftInterrupt, &["listener-closed"]),
        ("TCP_STATE", Some("TCP_ESTABLISHED"), Active, TaskBhOff, &["socket-destroyed"]),
        ("TCP_STATE", Some("TCP_FIN_WAIT2"), Active, TaskBhOff, &["socket-destroyed"]),
        ("TCP_STATE", Some("TCP_FIN_WAIT2"), Active, SoftInterrupt, &["fin-wait2-timer"]),
        ("TCP_STATE", close, Reply, SoftInterrupt, &[]),
        ("TCP_ABORT_ON_CLOSE", close, Active, Task, &["close-unread", "death-unread"]),
        ("TCP_ABORT_ON_LINGER", close, Active, TaskBhOff, &["abort-on-linger"]),
        ("TCP_ABORT_ON_DATA", close, Reply, SoftInterrupt, &["abort-on-linger", "data-after-close"]),
        ("TCP_TIMEWAIT_SOCKET", Some("TCP_TIME_WAIT"), Reply, SoftInterrupt, &["data-after-close"]),
        ("TCP_KEEPALIVE_TIMEOUT", Some("TCP_ESTABLISHED"), Active, SoftInterrupt, &["keepalive-timeout"]),
        ("INVALID_SYN", Some("TCP_LISTEN"), Reply, SoftInterrupt, &["accept-queue-overflow", "syn-in-handshake"]),
        ("INVALID_SYN", Some("TCP_SYN_RECV"), Reply, SoftInterrupt, &["syn-in-handshake"]),
        ("TCP_INVALID_ACK_SEQUENCE", Some("TCP_SYN_SENT"), Reply, Task, &["bad-handshake-ack"]),
        ("TCP_RFC7323_PAWS", Some("TCP_SYN_SENT"), Reply, SoftInterrupt, &["bad-handshake-timestamp"]),
        ("TCP_FLAGS", Some("TCP_LISTEN"), Reply, SoftInterrupt, &["unknown-on-listener"]),
        ("TCP_FLAGS", Some("TCP_ESTABLISHED"), Reply, SoftInterrupt, &[]),
        ("NO_SOCKET", None, Reply, SoftInterrupt, &["no-socket"]),
        ("MPTCP_RST_EMPTCP", Some("TCP_ESTABLISHED"), Active, Task, &["mptcp"]),
        ("NOT_SPECIFIED", close, Active, Task, &[]),
        ("TCP_FUTURE_REASON", close, Active, Task, &[]),
    ] {
        let reset = reset(reason, state, kind, context);
        assert_eq!(names(&reset), expected, "{reason} {state:?} {kind:?} {context:?}");
        assert_eq!(reset.mechanism().is_some(), expected.len() == 1);
    }
    let mut without = reset("TCP_STATE", close, Active, Task);
    without.reason = None;
    assert!(without.mechanisms().is_empty(), "without a reason nothing is named");
}

#[test]
fn a_stack_parts_what_looks_the_same() {
    let stack = |functions: &str| functions.split(' ').map(Name::from).collect::<Vec<_>>();
    for (reason, context, functions, expected) in [
        ("TCP_STATE", Context::Task, "tcp_disconnect __tcp_close tcp_close __fput", "close-linger-zero"),
        ("TCP_STATE", Context::Task, "tcp_disconnect __inet_stream_connect inet_stream_connect", "disconnect"),
        (
            "TCP_STATE",
            Context::TaskBhOff,
            "tcp_disconnect inet_child_forget inet_csk_listen_stop __tcp_close tcp_close",
            "listener-closed",
        ),
        ("TCP_ABORT_ON_CLOSE", Context::Task, "__tcp_close tcp_close __fput __x64_sys_close", "close-unread"),
        ("TCP_ABORT_ON_CLOSE", Context::Task, "__tcp_close tcp_close __fput task_work_run do_exit", "death-unread"),
    ] {
        let mut reset = reset(reason, Some("TCP_CLOSE"), Kind::Active, context);
        reset.stack = stack(functions);
        assert_eq!(names(&reset), [expected], "{functions}");
    }
    let mut late = reset("TCP_ABORT_ON_CLOSE", Some("TCP_CLOSE"), Kind::Active, Context::Task);
    late.stack = stack("__tcp_close tcp_close __fput delayed_fput process_one_work worker_thread");
    late.life = Life::Living;
    assert_eq!(names(&late), ["close-unread", "death-unread"], "a worker's own life says nothing");
}

#[test]
fn a_process_end_parts_close_from_death() {
    let mut reset = reset("TCP_ABORT_ON_CLOSE", Some("TCP_CLOSE"), Kind::Active, Context::Task);
    for (life, expected) in [
        (Life::Living, &["close-unread"][..]),
        (Life::Dying { signal: Some(9) }, &["death-unread"]),
        (Life::Dying { signal: None }, &["death-unread"]),
        (Life::NotWatched, &["close-unread", "death-unread"]),
    ] {
        reset.life = life;
        assert_eq!(names(&reset), expected, "{life:?}");
    }
}

// Deaths.

const AT: Timestamp = Timestamp(1_000_000_000);

fn after(nanos: u64) -> Timestamp {
    Timestamp(AT.0 + nanos)
}

#[test]
fn a_thread_that_ends_is_dying_and_another_is_not() {
    let mut deaths = Deaths::default();
    deaths.exit(AT, 7, 8);
    assert_eq!(deaths.life(after(1), 8), Life::Dying { signal: None });
    assert_eq!(deaths.life(after(1), 7), Life::Living, "a worker thread's end is not its process's");
}

#[test]
fn a_signal_alone_is_no_end_and_before_an_end_its_cause() {
    let mut deaths = Deaths::default();
    deaths.signal(AT, 7, 7, 11);
    assert_eq!(deaths.life(after(1), 7), Life::Living);
    deaths.exit(after(2), 7, 7);
    assert_eq!(deaths.life(after(3), 7), Life::Dying { signal: Some(11) });
}

#[test]
fn the_signal_is_that_of_the_thread_it_was_for() {
    let mut deaths = Deaths::default();
    deaths.signal(AT, 7, 8, 11);
    deaths.signal(AT, 7, 7, 9);
    deaths.exit(after(1), 7, 8);
    deaths.exit(after(2), 7, 7);
    assert_eq!(deaths.life(after(3), 7), Life::Dying { signal: Some(11) }, "the siblings get SIGKILL");
}

#[test]
fn a_process_that_exits_was_not_killed() {
    let mut deaths = Deaths::default();
    deaths.signal(AT, 7, 8, 9);
    deaths.exit(after(1), 7, 7);
    deaths.exit(after(2), 7, 8);
    assert_eq!(deaths.life(after(3), 8), Life::Dying { signal: None }, "exit_group() sends SIGKILL to the others");
}

#[test]
fn ends_are_forgotten_and_their_numbers_used_again() {
    let mut deaths = Deaths::default();
    deaths.signal(AT, 7, 7, 9);
    deaths.exit(AT, 7, 7);
    assert_eq!(deaths.life(after(REMEMBERED_FOR), 7), Life::Dying { signal: Some(9) });
    assert_eq!(deaths.life(after(REMEMBERED_FOR + 1), 7), Life::Living);
    deaths.exit(after(REMEMBERED_FOR + 2), 7, 7);
    assert_eq!(deaths.life(after(REMEMBERED_FOR + 3), 7), Life::Dying { signal: None }, "another of the same number");
}

#[test]
fn what_was_lost_or_let_go_leaves_nobody_surely_alive() {
    let mut deaths = Deaths::default();
    deaths.lost(AT);
    assert_eq!(deaths.life(after(1), 7), Life::NotWatched);
    assert_eq!(deaths.life(after(REMEMBERED_FOR + 1), 7), Life::Living);
    let mut deaths = Deaths::default();
    for tid in 0..=i32::try_from(REMEMBERED_THREADS).expect("so many") {
        deaths.exit(AT, tid, tid);
    }
    assert_eq!(deaths.life(after(1), 0), Life::NotWatched);
    assert_eq!(deaths.life(after(1), 100), Life::Dying { signal: None });
}
