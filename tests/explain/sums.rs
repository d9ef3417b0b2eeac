//! Sums without records: what is judged once for all that look the same is what each would have been judged.

use proptest::collection::vec;
use proptest::prelude::*;
use rst_storm_core::capture::Timestamp;
use rst_storm_core::tcp::{Checksum, Endpoint, SeqNumber};
use rst_storm_core::testing::{BEGINNING, sightings};

use crate::captures::Captures;
use crate::encode::{Framed, framed, pcap};
use crate::told::{USUAL, Way, tell};

/// Short connections that end with a reset.
const SHORT: [&str; 9] = [
    "linux\npace 50us\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< RA 301 ack 101",
    "linux\npace 50us\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n> RA 101 ack 301",
    "linux\npace 50us\n> S 100\n< RA 0 ack 101",
    "linux\npace 50us\n> S 100\n< SA 300 ack 101\n> R 101",
    "linux\npace 50us\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< R 301",
    "linux\npace 50us\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n> PA 101 ack 301 len 20\n< R 301",
    "linux\npace 50us\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n> PA 101 ack 301 len 20\n< RA 301 ack 121",
    "windows\npace 50us\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< PA 301 ack 101 len 9\n> RA 101 ack 310",
    "pace 50us\n> S 100\n< SA 300 ack 101\n> A 101 ack 301\n< FA 301 ack 101\n> RA 101 ack 302 win 0",
];

/// One connection: which of these, its first numbers, the pause before it, and what is odd about one of its segments.
type Short = (usize, (u32, u32), u64, (usize, Odd));

/// What makes a segment unlike that of the others.
#[derive(Clone, Copy, Debug)]
enum Odd {
    Nothing,
    Sequence(i32),
    Acknowledgment(i32),
    TimeToLive(u8),
    Id(u16),
    Window(u16),
    Timestamp(Option<u32>),
    Late(u64),
    Checksum,
    Lost,
}

fn odd() -> impl Strategy<Value = Odd> {
    prop_oneof![
        8 => Just(Odd::Nothing),
        1 => prop_oneof![-2_i32..3, -2_000_000_000_i32..2_000_000_000].prop_map(Odd::Sequence),
        1 => prop_oneof![-2_i32..3, Just(100_000)].prop_map(Odd::Acknowledgment),
        1 => prop_oneof![Just(63_u8), Just(64), Just(200)].prop_map(Odd::TimeToLive),
        1 => prop_oneof![Just(0_u16), 1_000_u16..1_300].prop_map(Odd::Id),
        1 => prop_oneof![Just(0_u16), Just(64_240), Just(5)].prop_map(Odd::Window),
        1 => prop_oneof![Just(None), Just(Some(0_u32)), Just(Some(90_000))].prop_map(Odd::Timestamp),
        1 => prop_oneof![1_000_u64..300_000, 1_000_000_u64..3_000_000].prop_map(Odd::Late),
        1 => Just(Odd::Checksum),
        1 => Just(Odd::Lost),
    ]
}

fn shorts() -> impl Strategy<Value = Vec<Short>> {
    let numbers = prop_oneof![Just((0_u32, 0_u32)), any::<(u32, u32)>()];
    let pause = prop_oneof![6 => 0_u64..3_000_000, 1 => 0_u64..2_000_000_000, 1 => 0_u64..20_000_000_000];
    vec((0..SHORT.len(), numbers, pause, (0_usize..6, odd())), 1..60)
}

/// The frames of these connections, one after the other, of two services in turn.
fn frames(shorts: &[Short]) -> Vec<Framed> {
    let mut frames = Vec::new();
    let mut start = BEGINNING;
    for (number, (which, (client_base, server_base), pause, (place, odd))) in (0_u16..).zip(shorts) {
        start += pause;
        let mut late = 0;
        let mut said = sightings(SHORT[*which]);
        let client = Endpoint::new([10, 0, 0, (number % 5) as u8 + 1].into(), 40_000 + number / 2);
        let server = Endpoint::new([10, 0, 1, 2].into(), 9_000 + number % 2);
        let place = place % said.len();
        for (index, (segment, checksum)) in said.iter_mut().enumerate() {
            let up = segment.source.port == 40_000;
            (segment.source, segment.destination) = if up { (client, server) } else { (server, client) };
            let (own, other) = if up { (client_base, server_base) } else { (server_base, client_base) };
            // A refusal's number is 0 whatever the connection's are.
            if segment.seq.0 != 0 {
                segment.seq = SeqNumber(segment.seq.0.wrapping_add(*own));
            }
            if segment.flags.is_ack() {
                segment.ack = SeqNumber(segment.ack.0.wrapping_add(*other));
            }
            if index == place {
                match *odd {
                    Odd::Nothing | Odd::Lost => {}
                    Odd::Sequence(away) => segment.seq = SeqNumber(segment.seq.0.wrapping_add_signed(away)),
                    Odd::Acknowledgment(away) => segment.ack = SeqNumber(segment.ack.0.wrapping_add_signed(away)),
                    Odd::TimeToLive(ttl) => segment.ip.ttl = ttl,
                    Odd::Id(id) => segment.ip.id = Some(id),
                    Odd::Window(window) => segment.window = window,
                    Odd::Timestamp(value) => segment.timestamp_value = value,
                    Odd::Late(nanos) => late = nanos,
                    Odd::Checksum => *checksum = Checksum::Bad,
                }
            }
            segment.at = Timestamp(segment.at.0 - BEGINNING + start + late);
            if index != place || !matches!(odd, Odd::Lost) {
                let payload = vec![b'x'; segment.payload_len as usize];
                frames.push(framed(segment, *checksum, &payload));
            }
        }
        start = said.last().map_or(start, |(last, _)| last.at.0);
    }
    frames
}

/// The lines that are no connections.
fn sums(octets: &[u8], sums: bool) -> Vec<String> {
    let captures = Captures::new();
    captures.put("a.pcap", octets);
    let told = tell(&[captures.path("a.pcap")], Way { sums, ..USUAL }).expect("a capture");
    told.lines.into_iter().filter(|line| !line.contains("\"type\":\"connection\"")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_sums_are_those_of_the_records(shorts in shorts()) {
        let octets = pcap(&frames(&shorts));
        let (quick, by_record) = (sums(&octets, true), sums(&octets, false));
        prop_assert!(quick.len() >= 3, "an input, a service and a summary");
        for (quick, by_record) in quick.iter().zip(&by_record) {
            prop_assert_eq!(quick, by_record);
        }
        prop_assert_eq!(quick.len(), by_record.len());
    }
}
