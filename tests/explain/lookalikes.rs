//! Connections that are told by a pattern are told as each would be by itself, octet for octet.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use proptest::sample::select;
use rst_storm::report::explain::filling::Filling;
use rst_storm::report::explain::json::Connection;
use rst_storm::report::explain::names::Names;
use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{Briefs, Ended, Explainer, Limits, Lookalike, Pattern, Record, Selection};
use rst_storm_core::tcp::{Endpoint, Flags, IpFacts, Segment, SeqNumber};

const BEGINNING: u64 = 1_700_000_000_000_000_000;

/// A segment of a connection: its control bits and sender, how far its numbers are from those that would be next, its payload.
#[derive(Clone, Copy, Debug)]
struct Part {
    flags: u8,
    by_server: bool,
    off: i32,
    ack_off: i32,
    payload_len: u32,
    has_timestamp: bool,
    ttl: u8,
    id_step: u16,
    late: bool,
}

/// A kind of connection.
#[derive(Clone, Debug)]
struct Kind {
    parts: Vec<Part>,
    is_v6: bool,
    port: u16,
}

/// One connection of a kind: what differs between them.
#[derive(Clone, Copy, Debug)]
struct One {
    kind: usize,
    numbers: [u32; 2],
    ids: [u16; 2],
    gaps: [u64; 6],
    client_port: u16,
    /// Until the next one begins.
    after: u64,
}

fn part(flags: u8, by_server: bool) -> Part {
    Part { flags, by_server, off: 0, ack_off: 0, payload_len: 0, has_timestamp: true, ttl: 64, id_step: 1, late: false }
}

fn any_part() -> impl Strategy<Value = Part> {
    let off = || prop_oneof![8 => Just(0), 1 => select(vec![-1, 1, 100, -2_000_000, 1 << 30, i32::MIN])];
    let shape = (select(vec![0x10, 0x18, 0x11, 0x14, 0x04, 0x12, 0x02]), any::<bool>(), select(vec![0, 0, 0, 1, 700]));
    let rest = (prop::bool::weighted(0.7), select(vec![64, 64, 63, 255]), select(vec![1, 1, 0, 300, 40_000]));
    (shape, off(), off(), rest, prop::bool::weighted(0.1)).prop_map(
        |((flags, by_server, payload_len), off, ack_off, (has_timestamp, ttl, id_step), late)| Part {
            flags,
            by_server,
            off,
            ack_off,
            payload_len,
            has_timestamp,
            ttl,
            id_step,
            late,
        },
    )
}

fn kind() -> impl Strategy<Value = Kind> {
    let opening = select(vec![1_usize, 2, 3, 3]);
    let reset = (select(vec![0x14, 0x14, 0x04]), any::<bool>(), any_part());
    let middle = prop::collection::vec(any_part(), 0..3);
    (opening, middle, reset, prop::bool::weighted(0.2), select(vec![443, 9999])).prop_map(
        |(opening, middle, (flags, by_server, like), is_v6, port)| {
            let mut parts = vec![part(0x02, false), part(0x12, true), part(0x10, false)];
            parts.truncate(opening);
            parts.extend(middle);
            parts.truncate(5);
            parts.push(Part { flags, by_server, payload_len: 0, ..like });
            Kind { parts, is_v6, port }
        },
    )
}

fn one() -> impl Strategy<Value = One> {
    let number = || prop_oneof![6 => any::<u32>(), 1 => 0..3_u32, 1 => u32::MAX - 800..=u32::MAX];
    let gap = prop_oneof![20 => 1_000..90_000_u64, 1 => 90_000..2_500_000_u64, 1 => 2_500_000..11_000_000_u64];
    let gaps = prop::array::uniform6(gap);
    let after = prop_oneof![30 => 1_000..100_000_u64, 1 => Just(7_000_000_000)];
    let id = || prop_oneof![3 => any::<u16>(), 1 => Just(0)];
    (0..4_usize, number(), number(), (id(), id()), gaps, 40_000..40_030_u16, after).prop_map(
        |(kind, first, second, ids, gaps, client_port, after)| One {
            kind,
            numbers: [first, second],
            ids: [ids.0, ids.1],
            gaps,
            client_port,
            after,
        },
    )
}

fn segments(kinds: &[Kind], all: &[One]) -> Vec<Segment> {
    let (mut segments, mut now) = (Vec::new(), BEGINNING);
    for one in all {
        let Kind { parts, is_v6, port } = &kinds[one.kind % kinds.len()];
        let addr = |last: u8| match is_v6 {
            true => IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last.into())),
            false => IpAddr::V4(Ipv4Addr::new(192, 0, 2, last)),
        };
        let ends = [Endpoint::new(addr(200), one.client_port), Endpoint::new(addr(7), *port)];
        let (mut next, mut ids) = (one.numbers, one.ids);
        for (part, gap) in parts.iter().zip(one.gaps) {
            let (flags, sender) = (Flags(part.flags), usize::from(part.by_server));
            now += gap + if part.late { 250_000 } else { 0 };
            ids[sender] = ids[sender].wrapping_add(part.id_step);
            let segment = Segment {
                at: Timestamp(now),
                frame: segments.len() as u64 + 1,
                source: ends[sender],
                destination: ends[1 - sender],
                seq: SeqNumber(next[sender]) + part.off as u32,
                ack: SeqNumber(if flags.is_ack() { next[1 - sender].wrapping_add_signed(part.ack_off) } else { 0 }),
                flags,
                window: 512,
                timestamp_value: part.has_timestamp.then_some((now / 1_000_000) as u32),
                payload_len: part.payload_len,
                cut: false,
                ip: IpFacts { ttl: part.ttl, tos: 0, id: (!is_v6).then_some(ids[sender]), dont_fragment: true },
            };
            if part.off == 0 && !flags.is_rst() {
                next[sender] = next[sender].wrapping_add(segment.sequence_len());
            }
            segments.push(segment);
        }
        now += one.after;
    }
    segments
}

/// Tells each connection, by a pattern where there is one.
struct Telling<'a> {
    names: &'a Names,
    fillings: HashMap<u32, Filling>,
    room: Lookalike,
    lines: Vec<String>,
    by_pattern: usize,
}

impl Ended for Telling<'_> {
    fn record(&mut self, record: &mut Record) {
        self.lines.push(line(record, self.names));
    }

    fn room(&mut self) -> Option<&mut Lookalike> {
        Some(&mut self.room)
    }

    fn learn(&mut self, pattern: &Pattern) -> bool {
        let filling = Filling::of(pattern, self.names);
        filling.is_some_and(|filling| self.fillings.insert(pattern.seen.lookalike.pattern, filling).is_none())
    }

    fn lookalike(&mut self) {
        let mut written = Vec::new();
        self.fillings[&self.room.pattern].append(&mut written, &self.room);
        self.lines.push(String::from_utf8(written).expect("text"));
        self.by_pattern += 1;
    }
}

fn line(record: &Record, names: &Names) -> String {
    serde_json::to_string(&Connection::new(record, names)).expect("words and numbers")
}

fn explain(segments: &[Segment], batch: usize, ended: &mut impl Ended) -> String {
    let mut explainer = Explainer::new(Limits::default(), Selection::default());
    let mut briefs = Briefs::default();
    for segments in segments.chunks(batch) {
        briefs.find(segments, &[]);
        explainer.take(segments, &[], &briefs, ended);
    }
    format!("{:?}", explainer.finish(ended))
}

/// Tells a capture both ways, and says how many connections were told by a pattern.
fn tell_both_ways(segments: &[Segment], batch: usize) -> usize {
    let names = Names::new(vec!["a \"storm\".pcap".to_owned()], false);
    let mut each = Vec::new();
    let sums = explain(segments, batch, &mut |record: &mut Record| each.push(line(record, &names)));
    let (fillings, room) = (HashMap::new(), Lookalike::default());
    let mut telling = Telling { names: &names, fillings, room, lines: Vec::new(), by_pattern: 0 };
    let same_sums = explain(segments, batch, &mut telling);
    assert_eq!(telling.lines, each);
    assert_eq!(same_sums, sums);
    telling.by_pattern
}

proptest! {
    /// Connections of a few kinds, whose numbers wrap, repeat and lie far apart.
    #[test]
    fn both_ways_tell_the_same(
        kinds in prop::collection::vec(kind(), 1..4),
        all in prop::collection::vec(one(), 2..60),
        batch in 1..200_usize,
    ) {
        tell_both_ways(&segments(&kinds, &all), batch);
    }
}

/// All connections of a storm but the first are told by a pattern, where none is slow.
#[test]
fn a_storm_is_told_by_a_pattern() {
    const CONNECTIONS: usize = 300;
    for (last, opening) in [(part(0x14, true), 3), (part(0x14, true), 1), (part(0x14, false), 3)] {
        for is_v6 in [false, true] {
            let mut parts = vec![part(0x02, false), part(0x12, true), part(0x10, false)];
            parts.truncate(opening);
            parts.push(last);
            let kinds = [Kind { parts, is_v6, port: 9999 }];
            let one = |number: usize| One {
                kind: 0,
                // Who refuses has no number of its own.
                numbers: [
                    1_000_000 + 977 * number as u32,
                    if opening == 1 { 0 } else { 3_000_000_000 - 7 * number as u32 },
                ],
                ids: [number as u16 + 1, 7],
                gaps: [10_000, 4_000 + number as u64, 5_500, 3_000, 0, 0],
                // An earlier connection of the same ports is no matter only to one that was opened.
                client_port: 40_000 + if opening == 1 { number } else { number % 50 } as u16,
                after: 20_000,
            };
            let all: Vec<One> = (0..CONNECTIONS).map(one).collect();
            let by_pattern = tell_both_ways(&segments(&kinds, &all), 256);
            assert!(by_pattern > CONNECTIONS * 9 / 10, "{opening} {is_v6}: {by_pattern}");
        }
    }
}
