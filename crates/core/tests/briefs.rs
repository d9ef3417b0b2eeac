//! Brief connections, put together beforehand, come to the same as each segment taken by itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;
use rst_storm_core::capture::Timestamp;
use rst_storm_core::explain::{Aside, Briefs, Explainer, FrameNumber, Limits, Selection};
use rst_storm_core::tcp::{Checksum, Endpoint, Flags, IpFacts, Segment, SeqNumber};

const BEGINNING: u64 = 1_700_000_000_000_000_000;

/// What comes next of a connection.
#[derive(Clone, Copy, Debug)]
enum Next {
    /// What would come next of one that is reset after its handshake.
    InOrder,
    /// A segment with these control bits, of either end.
    Other(Flags, bool),
}

/// A segment to come: of which connection, from which of several captures that are merged, how long after the one before in
/// nanoseconds (or before it), what, and with what checksum.
#[derive(Clone, Copy, Debug)]
struct Step {
    connection: usize,
    input: u16,
    after: i64,
    next: Next,
    checksum: Checksum,
}

#[derive(Clone, Copy, Default)]
struct State {
    came: usize,
    numbers: [u32; 2],
}

fn ends(connection: usize) -> [Endpoint; 2] {
    let port = 40_000 + connection as u16;
    if connection.is_multiple_of(4) {
        let addr = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
        [Endpoint::new(addr(1), port), Endpoint::new(addr(2), 443)]
    } else {
        let addr = |last| IpAddr::V4(Ipv4Addr::new(192, 0, 2, last));
        [Endpoint::new(addr(1), port), Endpoint::new(addr(2), 443)]
    }
}

fn segments(steps: &[Step]) -> (Vec<Segment>, Vec<(usize, Aside)>) {
    segments_since(BEGINNING, steps)
}

fn segments_since(beginning: u64, steps: &[Step]) -> (Vec<Segment>, Vec<(usize, Aside)>) {
    const IN_ORDER: [(Flags, usize); 4] = [(Flags::SYN, 0), (Flags(0x12), 1), (Flags::ACK, 0), (Flags(0x14), 1)];
    let (mut states, mut now) = ([State::default(); 8], beginning);
    let (mut segments, mut asides) = (Vec::new(), Vec::new());
    for (index, step) in steps.iter().enumerate() {
        now = now.saturating_add_signed(step.after);
        let state = &mut states[step.connection];
        let (flags, sender) = match step.next {
            Next::InOrder => IN_ORDER[state.came % IN_ORDER.len()],
            Next::Other(flags, by_first) => (flags, usize::from(!by_first)),
        };
        if matches!(step.next, Next::InOrder) {
            if state.came.is_multiple_of(IN_ORDER.len()) {
                let fresh = 1_000_000 * (1 + index as u32);
                state.numbers = [fresh, fresh.wrapping_mul(7)];
            }
            state.came += 1;
        }
        let ends = ends(step.connection);
        let payload_len = if flags.0 & 0x08 != 0 { 100 } else { 0 };
        let segment = Segment {
            at: Timestamp(now),
            frame: FrameNumber::new(step.input, index as u64 + 1).0,
            source: ends[sender],
            destination: ends[1 - sender],
            seq: SeqNumber(state.numbers[sender]),
            ack: SeqNumber(if flags.is_ack() { state.numbers[1 - sender] } else { 0 }),
            flags,
            window: 512,
            timestamp_value: (!flags.is_rst()).then_some(index as u32),
            payload_len,
            cut: false,
            ip: IpFacts { ttl: 64, tos: 0, id: Some(index as u16), dont_fragment: true },
        };
        state.numbers[sender] = state.numbers[sender].wrapping_add(segment.sequence_len());
        if step.checksum == Checksum::Bad && flags.is_rst() {
            asides.push((index, Aside { checksum: Checksum::Bad, carried: None }));
        }
        segments.push(segment);
    }
    (segments, asides)
}

fn explainer(only_sums: bool, max_flows: usize) -> Explainer {
    let limits = Limits { max_flows };
    if only_sums { Explainer::of_sums(limits) } else { Explainer::new(limits, Selection::default()) }
}

/// Records and sums as text, in which nothing is left out.
fn one_by_one(segments: &[Segment], asides: &[(usize, Aside)], mut explainer: Explainer, tell: bool) -> String {
    let mut text = String::new();
    let mut asides = asides.iter().peekable();
    let mut told = |record: &mut _| {
        if tell {
            text.push_str(&format!("{record:?}\n"))
        }
    };
    for (index, segment) in segments.iter().enumerate() {
        let aside = asides.next_if(|(place, _)| *place == index).map(|(_, aside)| aside);
        explainer.push(segment, aside, &mut told);
    }
    let summary = explainer.finish(&mut told);
    text + &format!("{summary:?}")
}

fn in_batches(
    segments: &[Segment],
    asides: &[(usize, Aside)],
    batch: usize,
    mut explainer: Explainer,
    tell: bool,
) -> (String, usize) {
    let (mut text, mut briefs, mut found) = (String::new(), Briefs::default(), 0);
    let mut told = |record: &mut _| {
        if tell {
            text.push_str(&format!("{record:?}\n"))
        }
    };
    for (number, segments) in segments.chunks(batch).enumerate() {
        let begin = number * batch;
        let within = |(index, aside): &(usize, Aside)| Some((index.checked_sub(begin)?, aside.clone()));
        let asides: Vec<_> = asides.iter().filter_map(within).filter(|(index, _)| *index < segments.len()).collect();
        briefs.find(segments, &asides);
        found += briefs.len();
        explainer.take(segments, &asides, &briefs, &mut told);
    }
    let summary = explainer.finish(&mut told);
    (text + &format!("{summary:?}"), found)
}

fn step() -> impl Strategy<Value = Step> {
    let flags = prop::sample::select(vec![0x02, 0x03, 0x0a, 0x12, 0x10, 0x18, 0x11, 0x14, 0x14, 0x04]);
    let next = prop_oneof![
        12 => Just(Next::InOrder),
        1 => (flags, any::<bool>()).prop_map(|(flags, by_first)| Next::Other(Flags(flags), by_first)),
    ];
    let after = prop_oneof![
        30 => 0..200_000_i64,
        1 => 1_500_000..3_000_000_i64,
        1 => 3_000_000..12_000_000_i64,
        1 => 1_000_000_000..9_000_000_000_i64,
        1 => -400_000_000..0_i64,
        1 => -120_000_000_000..-50_000_000_000_i64,
    ];
    let checksum = prop_oneof![20 => Just(Checksum::NotChecked), 1 => Just(Checksum::Bad)];
    let input = prop_oneof![20 => Just(0), 1 => 1..3_u16];
    (0..8_usize, input, after, next, checksum).prop_map(|(connection, input, after, next, checksum)| Step {
        connection,
        input,
        after,
        next,
        checksum,
    })
}

proptest! {
    /// Connections in and out of order, of captures that are merged, silences, clocks that step back, bad checksums, a table that is full,
    /// batches of any size.
    #[test]
    fn batches_come_to_the_same(
        steps in prop::collection::vec(step(), 1..400),
        batch in 1..200_usize,
        only_sums: bool,
        max_flows in prop_oneof![Just(4_usize), Just(1_000)],
        beginning in prop_oneof![4 => Just(BEGINNING), 1 => Just(u64::MAX - 3_000_000_000)],
    ) {
        let (segments, asides) = segments_since(beginning, &steps);
        // Where only sums are asked for, which records are handed over is the explainer's own affair.
        let tell = !only_sums;
        let alone = one_by_one(&segments, &asides, explainer(only_sums, max_flows), tell);
        let (together, _) = in_batches(&segments, &asides, batch, explainer(only_sums, max_flows), tell);
        prop_assert_eq!(alone, together);
    }
}

/// A storm of connections that use their ports again and again: all are brief, but those that a batch's end cuts.
#[test]
fn a_storm_is_brief() {
    const CONNECTIONS: usize = 600;
    let (next, checksum) = (Next::InOrder, Checksum::NotChecked);
    let step = |connection| Step { connection, input: 0, after: 10_000, next, checksum };
    let steps: Vec<Step> = (0..CONNECTIONS).flat_map(|number| [step(number % 8); 4]).collect();
    let (segments, asides) = segments(&steps);
    let (sums, found) = in_batches(&segments, &asides, 4 * 150, explainer(true, 1_000), false);
    assert_eq!(found, CONNECTIONS);
    assert_eq!(sums, one_by_one(&segments, &asides, explainer(true, 1_000), false));
    let (_, found) = in_batches(&segments, &asides, 4 * 150 + 2, explainer(true, 1_000), false);
    assert!((CONNECTIONS - 4..CONNECTIONS).contains(&found), "{found}");
}

/// What comes after both sides have closed is nothing that a connection is remembered by; one that looks like another is remembered
/// as that is.
#[test]
fn a_reset_after_both_sides_have_closed_is_remembered_as_it_is_told() {
    let step = |connection, after, flags, by_first| Step {
        connection,
        input: 0,
        after,
        next: Next::Other(Flags(flags), by_first),
        checksum: Checksum::NotChecked,
    };
    let closed = [(0x02, true), (0x12, false), (0x11, true), (0x11, false)];
    let connection = |number: usize, last| {
        let opened = closed.map(|(flags, by_first)| step(number, 100_000, flags, by_first));
        opened.into_iter().chain([step(number, last, 0x14, true)])
    };
    // Two alike, whose ports are used again; the second time they are refused.
    let steps: Vec<Step> = [step(6, 0, 0x02, true)]
        .into_iter()
        .chain(connection(1, 8_000_000))
        .chain([step(1, 2_000_000_000, 0x02, true)])
        .chain(connection(2, 9_000_000))
        .chain([step(2, 2_000_000_000, 0x02, true), step(2, 10_000, 0x14, false)])
        .collect();
    let (segments, asides) = segments(&steps);
    let last = |only_sums: bool| {
        let mut told = String::new();
        let mut tell = |record: &mut rst_storm_core::explain::Record| {
            if record.resets.iter().any(|judged| judged.reset.neighbours.earlier.is_some()) {
                told = format!("{:?}", record.resets);
            }
        };
        let (mut briefs, mut explainer) = (Briefs::default(), explainer(only_sums, 1_000));
        for segments in segments.chunks(8) {
            briefs.find(segments, &asides);
            explainer.take(segments, &asides, &briefs, &mut tell);
        }
        explainer.finish(&mut tell);
        told
    };
    assert!(last(false).contains("earlier"), "{}", last(false));
    assert_eq!(last(true), last(false));
}
