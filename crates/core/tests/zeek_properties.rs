//! Any sequence of segments whatever: Zeek's rules never panic, memory stays within its bound, no segment is lost or counted twice.

use proptest::prelude::*;
use rst_storm_core::capture::Timestamp;
use rst_storm_core::flow::zeek::{Connection, ConnectionTable, Limits};
use rst_storm_core::tcp::{Checksum, Endpoint, Flags, IpFacts, Segment, SeqNumber};

fn here(port: u16) -> Endpoint {
    Endpoint::new([10, 0, 0, 1].into(), port)
}

fn there() -> Endpoint {
    Endpoint::new([10, 0, 1, 2].into(), 9999)
}

/// Near each other and near the end of the numbers, so that segments meet; or anywhere.
fn number() -> impl Strategy<Value = u32> {
    prop_oneof![8 => 0..40_u32, 4 => Just(u32::MAX), 1 => any::<u32>()]
}

prop_compose! {
    fn segments()(
        ports in (prop_oneof![4 => Just(1_u16), 1 => 2..4_u16, 1 => Just(80)], any::<bool>()),
        numbers in (number(), number()),
        bits in prop_oneof![3 => Just(0x10_u8), 2 => Just(0x02), 2 => Just(0x12), 4 => any::<u8>()],
        window in prop_oneof![Just(0), Just(1000)],
        payload_len in prop_oneof![4 => Just(0), 4 => 1..30_u32, 1 => any::<u32>()],
        gap in prop_oneof![8 => 0..1_000_000_000_u64, 1 => Just(5_000_000_000), 1 => Just(6_000_000_000),
                           1 => Just(300_000_000_000), 1 => any::<u64>()],
        (bad, cut) in (prop::bool::weighted(0.1), prop::bool::weighted(0.2)),
    ) -> (Segment, u64, Checksum) {
        let (source, destination) = if ports.1 { (here(ports.0), there()) } else { (there(), here(ports.0)) };
        let segment = Segment {
            at: Timestamp(0),
            frame: 0,
            source,
            destination,
            seq: SeqNumber(numbers.0),
            ack: SeqNumber(numbers.1),
            flags: Flags(bits),
            window,
            timestamp_value: None,
            payload_len,
            cut,
            ip: IpFacts::default(),
        };
        (segment, gap, if bad { Checksum::Bad } else { Checksum::NotChecked })
    }
}

fn conversation(most: usize) -> impl Strategy<Value = Vec<(Segment, u64, Checksum)>> {
    prop::collection::vec(segments(), 0..most)
}

/// The rows of these segments; the clock goes on by each one's gap, and wraps where that is huge.
fn follow(read: &[(Segment, u64, Checksum)], limits: Limits) -> Vec<Connection> {
    let mut table = ConnectionTable::new(limits);
    let mut ended = Vec::new();
    let mut now = 0_u64;
    for ((segment, gap, checksum), frame) in read.iter().zip(1..) {
        now = now.wrapping_add(*gap);
        let segment = Segment { at: Timestamp(now), frame, ..*segment };
        let row = table.push(&segment, *checksum, &mut |row| ended.push(row));
        assert!(row.first_frame <= frame);
        assert!(table.len() <= limits.max_connections.max(1));
        assert_eq!(table.opened(), (ended.len() + table.len()) as u64);
    }
    table.finish(&mut |row| ended.push(row));
    assert_eq!(table.opened(), ended.len() as u64);
    ended
}

fn swap_case(letters: &str) -> String {
    letters.chars().map(|c| if c.is_uppercase() { c.to_ascii_lowercase() } else { c.to_ascii_uppercase() }).collect()
}

proptest! {
    #[test]
    fn every_segment_is_counted_in_exactly_one_row(read in conversation(300), max_connections in 0..4_usize) {
        let ended = follow(&read, Limits { max_connections });
        let counted: u64 = ended.iter().map(|row| {
            let (packets, bad) = (row.packets(), row.bad_checksums());
            packets.originator + packets.responder + u64::from(bad.originator) + u64::from(bad.responder)
        }).sum();
        prop_assert_eq!(counted, read.len() as u64);
        let good = |flag: Flags| {
            read.iter().filter(|(segment, _, checksum)| *checksum != Checksum::Bad && segment.flags.contains(flag)).count()
        };
        let sum = |count: fn(&Connection) -> (u32, u32)| -> u32 {
            ended.iter().map(count).map(|(one, other)| one + other).sum()
        };
        let resets = sum(|row| (row.rst_count().originator, row.rst_count().responder));
        let fins = sum(|row| (row.fin_count().originator, row.fin_count().responder));
        prop_assert_eq!(resets as usize, good(Flags::RST));
        prop_assert_eq!(fins as usize, good(Flags::FIN));
    }

    #[test]
    fn a_row_agrees_with_itself(read in conversation(100)) {
        for row in follow(&read, Limits::default()) {
            let letters = row.history.to_string();
            prop_assert!(letters.chars().all(|letter| "^shadfrcgtwiqSHADFRCGTWIQ".contains(letter)), "{}", letters);
            prop_assert!(!letters.is_empty() || row.packets().originator + row.packets().responder > 0);
            let resets = row.rst_count();
            prop_assert_eq!(row.rst_first.is_some(), resets.originator + resets.responder > 0);
            let state = row.conn_state().to_string();
            prop_assert!(!state.starts_with("RST") || row.rst_first.is_some(), "{} {}", state, letters);
        }
    }

    /// A SYN says who is who: with the hosts' names exchanged the rows are the same, and with the directions exchanged too.
    #[test]
    fn roles_given_by_a_syn_do_not_depend_on_names(read in conversation(30), isn in 0..40_u32) {
        let syn = |from_here: bool| {
            let (source, destination) = if from_here { (here(1), there()) } else { (there(), here(1)) };
            Segment { source, destination, seq: SeqNumber(isn), flags: Flags::SYN, payload_len: 0, ..template() }
        };
        let mut one = vec![(syn(true), 0, Checksum::NotChecked)];
        let mut other = vec![(syn(false), 0, Checksum::NotChecked)];
        for (segment, gap, checksum) in &read {
            let from_here = segment.source != there();
            let (source, destination) = if from_here { (here(1), there()) } else { (there(), here(1)) };
            let gap = gap % 1_000_000_000;
            one.push((Segment { source, destination, ..*segment }, gap, *checksum));
            other.push((Segment { source: destination, destination: source, ..*segment }, gap, *checksum));
        }
        let (one, other) = (follow(&one, Limits::default()), follow(&other, Limits::default()));
        prop_assert_eq!(one.len(), other.len());
        for (one, other) in one.iter().zip(&other) {
            prop_assert_eq!(one.originator, other.responder);
            prop_assert_eq!(one.history.to_string(), other.history.to_string());
            prop_assert_eq!(one.conn_state(), other.conn_state());
            prop_assert_eq!((one.packets(), one.bytes()), (other.packets(), other.bytes()));
        }
    }

    /// What the client did to the server, done by the server to the client, leaves the same letters in the other case.
    #[test]
    fn the_sides_exchanged_after_the_handshake_mirror_the_letters(read in conversation(30)) {
        let handshake = [(true, 0x02, 10, 0), (false, 0x12, 10, 11), (true, 0x10, 11, 11), (false, 0x10, 11, 11)];
        let rows = |mirrored: bool| {
            let mut said = Vec::new();
            for (from_here, bits, seq, ack) in handshake {
                let (source, destination) = if from_here { (here(1), there()) } else { (there(), here(1)) };
                let (seq, ack, flags) = (SeqNumber(seq), SeqNumber(ack), Flags(bits));
                said.push((Segment { source, destination, seq, ack, flags, ..template() }, 0, Checksum::NotChecked));
            }
            for (segment, gap, checksum) in &read {
                let from_here = (segment.source != there()) != mirrored;
                let (source, destination) = if from_here { (here(1), there()) } else { (there(), here(1)) };
                let flags = Flags(segment.flags.0 & !Flags::SYN.0);
                said.push((Segment { source, destination, flags, ..*segment }, gap % 10_000_000, *checksum));
            }
            let mut ended = follow(&said, Limits::default());
            (ended.len() == 1).then(|| ended.remove(0))
        };
        let (one, other) = (rows(false).expect("no SYN splits it"), rows(true).expect("no SYN splits it"));
        let rest = |row: &Connection| row.history.to_string().strip_prefix("ShAa").expect("the handshake").to_owned();
        prop_assert_eq!(rest(&one), swap_case(&rest(&other)));
        prop_assert_eq!(one.states().originator, other.states().responder);
        prop_assert_eq!(one.rst_count().originator, other.rst_count().responder);
        prop_assert_eq!(one.bytes().originator, other.bytes().responder);
    }
}

fn template() -> Segment {
    Segment {
        at: Timestamp(0),
        frame: 0,
        source: here(1),
        destination: there(),
        seq: SeqNumber(0),
        ack: SeqNumber(0),
        flags: Flags(0),
        window: 1000,
        timestamp_value: None,
        payload_len: 0,
        cut: false,
        ip: IpFacts::default(),
    }
}
