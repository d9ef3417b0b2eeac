//! Conversations as text, and the flows they must become.
//!
//! A line is a time in milliseconds, a direction (`>` from the client, `<` from the server), flags, seq and ack, and perhaps
//! a payload length. `/port` at the end takes another client port than 40000.

use rst_storm_core::capture::Timestamp;
use rst_storm_core::flow::{CloseKind, Event, Flow, FlowTable, Indicators, Limits, Sides, Sighting};
use rst_storm_core::tcp::{Endpoint, Flags, IpFacts, Segment, SeqNumber, Side};

const MILLISECOND: u64 = 1_000_000;

fn client(port: u16) -> Endpoint {
    Endpoint::new([10, 0, 0, 1].into(), port)
}

fn server() -> Endpoint {
    Endpoint::new([10, 0, 1, 2].into(), 9999)
}

fn flags(letters: &str) -> Flags {
    letters.chars().fold(Flags::default(), |flags, letter| {
        flags.with(match letter {
            'F' => Flags::FIN,
            'S' => Flags::SYN,
            'R' => Flags::RST,
            'P' => Flags::PSH,
            'A' => Flags::ACK,
            other => panic!("no flag {other}"),
        })
    })
}

fn segment(line: &str, frame: u64) -> Segment {
    let (line, port) = match line.split_once('/') {
        Some((line, port)) => (line, port.trim().parse().unwrap()),
        None => (line, 40000),
    };
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |place: usize| words.get(place).map_or(0, |word| word.parse::<u64>().unwrap());
    let (source, destination) = match words[1] {
        ">" => (client(port), server()),
        _ => (server(), client(port)),
    };
    Segment {
        at: Timestamp(number(0) * MILLISECOND),
        frame,
        source,
        destination,
        seq: SeqNumber(number(3) as u32),
        ack: SeqNumber(number(4) as u32),
        flags: flags(words[2]),
        window: 65535,
        timestamp_value: None,
        payload_len: number(5) as u32,
        cut: false,
        ip: IpFacts::default(),
    }
}

/// What came of a conversation: the event of each line, the flows in the order in which they ended, and the rest.
struct Outcome {
    events: Vec<Event>,
    flows: Vec<Flow>,
    indicators: Indicators,
    table: FlowTable,
}

fn follow_within(limits: Limits, conversation: &str) -> Outcome {
    let mut table = FlowTable::new(limits);
    let mut indicators = Indicators::new();
    let (mut events, mut flows) = (Vec::new(), Vec::new());
    let lines = conversation.lines().map(str::trim);
    for (line, frame) in lines.filter(|line| !line.is_empty()).zip(1..) {
        let segment = segment(line, frame);
        let event = table.push(&segment, &mut |flow| flows.push(flow));
        indicators.record(&segment, event);
        events.push(event);
    }
    table.finish(&mut |flow| flows.push(flow));
    assert_eq!(table.opened(), flows.len() as u64);
    assert!(table.is_empty());
    Outcome { events, flows, indicators, table }
}

fn follow(conversation: &str) -> Outcome {
    follow_within(Limits::default(), conversation)
}

fn follow_one(conversation: &str) -> (Vec<Event>, Flow) {
    let mut outcome = follow(conversation);
    assert_eq!(outcome.flows.len(), 1, "{:?}", outcome.flows);
    (outcome.events, outcome.flows.remove(0))
}

fn first_reset(by: Side, millis: u64) -> Event {
    let after_syn_nanos = Some(millis * MILLISECOND);
    Event::FirstReset { by, after_syn_nanos }
}

#[test]
fn a_storm_connection() {
    let (events, flow) = follow_one(
        "10 > S  100
         11 < SA 500 101
         12 > A  101 501
         13 < RA 501 101",
    );
    let reset = first_reset(Side::Responder, 3);
    let expected = [Event::Opened, Event::SynAck, Event::HandshakeDone, reset];
    assert_eq!(events, expected);
    assert_eq!((flow.originator, flow.responder), (client(40000), server()));
    assert_eq!((flow.sides, flow.initial_seq), (Sides::FromSyn, SeqNumber(100)));
    assert_eq!(flow.handshake, Some(Timestamp(12 * MILLISECOND)));
    assert_eq!(flow.syn_ack.unwrap().initial_seq, SeqNumber(500));
    let first = Sighting { frame: 4, at: Timestamp(13 * MILLISECOND) };
    assert_eq!(flow.first_reset(), Some((Side::Responder, first)));
    let first = Side::Responder;
    assert_eq!(flow.close_kind(), CloseKind::Reset { first });
    assert_eq!(flow.reset_delay_nanos(), Some(3 * MILLISECOND));
    assert_eq!((flow.segments.originator, flow.segments.responder), (2, 2));
}

#[test]
fn a_refusal() {
    let (_, flow) = follow_one(
        "0 > S  4294967295
         1 < RA 0 0",
    );
    assert_eq!(flow.refused.map(|refused| refused.frame), Some(2));
    assert_eq!(flow.close_kind(), CloseKind::Refused);
}

#[test]
fn a_refusal_of_a_syn_with_data() {
    let (_, flow) = follow_one(
        "0 > S  100 0 30
         1 < RA 0 131",
    );
    assert_eq!(flow.close_kind(), CloseKind::Refused);
}

#[test]
fn a_reset_that_does_not_acknowledge_the_syn_is_no_refusal() {
    let first = Side::Responder;
    for reset in ["1 < RA 0 99", "1 < RA 0 102", "1 < R 0"] {
        let (_, flow) = follow_one(&format!("0 > S 100\n{reset}"));
        assert_eq!(flow.close_kind(), CloseKind::Reset { first }, "{reset}");
    }
}

#[test]
fn a_close_with_fins() {
    let (events, flow) = follow_one(
        "0 > S  100
         1 < SA 500 101
         2 > A  101 501
         3 > PA 101 501 10
         4 < FA 501 111
         5 < FA 501 111
         6 > FA 111 502
         7 < A  502 112",
    );
    let by = Side::Responder;
    assert_eq!(events[4..6], [Event::FirstFin { by }, Event::Other]);
    let by = Side::Originator;
    assert_eq!(events[6..], [Event::SecondFin { by }, Event::Other]);
    assert_eq!((flow.fins.originator, flow.fins.responder), (1, 2));
    assert_eq!(flow.payload_octets.originator, 10);
    assert_eq!(flow.close_kind(), CloseKind::Fin);
    assert_eq!(flow.reset_delay_nanos(), None);
}

#[test]
fn late_data_gets_a_second_reset_of_the_same_flow() {
    let (events, flow) = follow_one(
        "0   > S  100
         1   < SA 500 101
         2   > A  101 501
         3   < RA 501 101
         4   > PA 101 501 20
         900 < R  501",
    );
    let by = Side::Responder;
    assert_eq!(events[5], Event::LaterReset { by });
    assert_eq!(flow.resets.responder.count, 2);
    assert_eq!(flow.resets.responder.first.unwrap().frame, 4);
    assert_eq!(flow.resets.originator.count, 0);
}

#[test]
fn a_retransmitted_syn_is_the_same_connection() {
    let (events, flow) = follow_one(
        "0    > S 100
         1000 > S 100
         3000 > S 100",
    );
    assert_eq!(events[1..], [Event::SynRetransmitted; 2]);
    assert_eq!(flow.syn_count, 3);
    assert_eq!(flow.close_kind(), CloseKind::Unanswered);
}

#[test]
fn another_initial_sequence_number_is_another_connection() {
    let outcome = follow(
        "0 > S  100
         1 < SA 500 101
         2 > A  101 501
         3 < RA 501 101
         4 > S  777
         5 < RA 0 778",
    );
    assert_eq!(outcome.events[4], Event::Opened);
    let kinds: Vec<_> = outcome.flows.iter().map(Flow::close_kind).collect();
    let first = Side::Responder;
    assert_eq!(kinds, [CloseKind::Reset { first }, CloseKind::Refused]);
    assert_eq!(outcome.flows[1].first_frame, 5);
    assert_eq!(outcome.indicators.flows(), 2);
}

#[test]
fn the_same_ports_the_other_way_round_are_another_connection() {
    let outcome = follow(
        "0 > S  100
         1 < SA 500 101
         2 > A  101 501
         3 < S  900",
    );
    assert_eq!(outcome.flows.len(), 2);
    assert_eq!(outcome.flows[1].originator, server());
}

#[test]
fn syns_that_cross_are_one_connection() {
    let (events, flow) = follow_one(
        "0 > S  100
         0 < S  500
         1 > SA 100 501
         1 < SA 500 101
         2 > A  101 501",
    );
    assert_eq!(events[1], Event::SynAck);
    assert_eq!(events[4], Event::HandshakeDone);
    assert_eq!(flow.close_kind(), CloseKind::Open);
}

#[test]
fn a_syn_ack_without_its_syn_still_tells_the_sides() {
    let (events, flow) = follow_one(
        "1 < SA 500 101
         2 > A  101 501
         3 < RA 501 101",
    );
    assert_eq!(events[..2], [Event::Midstream, Event::HandshakeDone]);
    assert_eq!((flow.originator, flow.sides), (client(40000), Sides::FromSyn));
    assert_eq!(flow.initial_seq, SeqNumber(100));
    assert_eq!(flow.reset_delay_nanos(), None);
}

#[test]
fn a_reset_by_the_originator() {
    let (events, flow) = follow_one(
        "0 > S  100
         1 < SA 500 101
         2 > R  101",
    );
    assert_eq!(events[2], first_reset(Side::Originator, 2));
    let first = Side::Originator;
    assert_eq!(flow.close_kind(), CloseKind::Reset { first });
    assert_eq!(flow.handshake, None);
}

#[test]
fn a_reset_without_a_flow_is_a_flow_of_guessed_sides() {
    let outcome = follow("5 < R 501");
    assert_eq!(outcome.events, [Event::Midstream]);
    let flow = &outcome.flows[0];
    assert_eq!((flow.sides, flow.originator), (Sides::Guessed, server()));
    assert_eq!(flow.refused, None);
    assert_eq!(flow.reset_delay_nanos(), None);
    assert_eq!(outcome.table.midstream(), 1);
    let indicators = outcome.indicators;
    assert_eq!((indicators.reset_flows(), indicators.flows()), (1, 1));
    assert_eq!(indicators.reset_delay_max(), None);
}

#[test]
fn a_reset_with_a_fin_is_a_reset() {
    let (_, flow) = follow_one(
        "0 > S  100
         1 < SA 500 101
         2 > RFA 101 501",
    );
    assert_eq!(flow.fins.originator, 0);
    let first = Side::Originator;
    assert_eq!(flow.close_kind(), CloseKind::Reset { first });
}

// Time and number.

#[test]
fn a_flow_that_is_over_lingers_only_for_a_while() {
    let outcome = follow(
        "0    > S  100
         1    < RA 0 101
         1001 < R  0",
    );
    assert_eq!(outcome.events[2], Event::Midstream);
    assert_eq!(outcome.flows.len(), 2);
}

#[test]
fn lingering_is_counted_from_the_last_segment() {
    let (_, flow) = follow_one(
        "0    > S  100
         1    < RA 0 101
         1000 < R  0
         1999 < R  0",
    );
    assert_eq!(flow.resets.responder.count, 3);
}

#[test]
fn silence_ends_a_flow_by_the_time_of_others() {
    let mut table = FlowTable::new(Limits::default());
    let mut ended = Vec::new();
    let mut push = |table: &mut FlowTable, line: &str, frame| {
        table.push(&segment(line, frame), &mut |flow| ended.push(flow));
        ended.len()
    };
    assert_eq!(push(&mut table, "0 > S 100", 1), 0);
    assert_eq!(push(&mut table, "200000 < SA 500 101", 2), 0);
    // Five minutes after the first segment the flow is looked at, but it was silent for less than that.
    assert_eq!(push(&mut table, "300000 > S 1 /2", 3), 0);
    assert_eq!(push(&mut table, "499999 > S 1 /3", 4), 0);
    assert_eq!(push(&mut table, "500000 > S 1 /4", 5), 1);
    let mut by_clock = 0;
    table.expire(Timestamp(800_000 * MILLISECOND), &mut |_| by_clock += 1);
    assert_eq!((by_clock, table.len()), (3, 0));
}

#[test]
fn a_time_from_nowhere_does_not_hold_up_the_rest() {
    let limits = Limits::default();
    let mut table = FlowTable::new(limits);
    let mut ended = 0;
    let mut stray = segment("0 > S 1 /1", 1);
    stray.at = Timestamp(u64::MAX);
    table.push(&stray, &mut |_| ended += 1);
    for each in 0..10_000 {
        let line = format!("{} > S 1 /{}", each * 1000, 1000 + each);
        table.push(&segment(&line, each + 2), &mut |_| ended += 1);
    }
    assert!(table.len() < 310, "{} flows are still held", table.len());
}

#[test]
fn a_full_table_lets_go_of_the_oldest_that_is_over_first() {
    let limits = Limits { max_flows: 2, ..Limits::default() };
    let outcome = follow_within(
        limits,
        "0 > S  1 /1
         1 > S  1 /2
         2 < RA 0 2 /2
         3 > S  1 /3
         4 > S  1 /4",
    );
    let ports: Vec<_> = outcome.flows.iter().map(|flow| flow.originator.port).collect();
    assert_eq!(ports, [2, 1, 3, 4]);
    assert_eq!(outcome.table.evicted(), 2);
}

#[test]
fn what_is_left_comes_in_the_order_of_first_frames() {
    let conversation: String = (1..=50).map(|port| format!("0 > S 1 /{port}\n")).collect();
    let frames = follow(&conversation).flows;
    assert!(frames.is_sorted_by_key(|flow| flow.first_frame));
    assert_eq!(frames.len(), 50);
}

#[test]
fn many_short_flows_take_the_room_of_those_open_at_once() {
    let mut table = FlowTable::new(Limits::default());
    let mut most = 0;
    for each in 0..100_000_u64 {
        let port = 1 + each % 60_000;
        // A hundred a second, each reset at once: a hundred linger.
        for line in [format!("{} > S {each} /{port}", each * 10), format!("{} < R 0 /{port}", each * 10)] {
            table.push(&segment(&line, each + 1), &mut |_| {});
        }
        most = most.max(table.len());
    }
    assert!(most <= 101, "{most} flows were held at once");
}

// Indicators.

#[test]
fn a_hundred_flows_at_ten_a_second_are_ten_a_second() {
    let conversation: String = (0..100)
        .map(|each| {
            let at = each * 100;
            let port = 1000 + each;
            format!("{at} > S 1 /{port}\n{} < SA 5 2 /{port}\n{} < RA 6 2 /{port}\n", at + 1, at + 2)
        })
        .collect();
    let indicators = follow(&conversation).indicators;
    assert_eq!(indicators.flows_per_second(), Some(10.0));
    assert_eq!((indicators.flows(), indicators.syn_flows()), (100, 100));
    assert_eq!((indicators.reset_flows(), indicators.fin_flows()), (100, 0));
    assert_eq!(indicators.segments(), 300);
    assert_eq!(indicators.first_resets_by(Side::Responder), 100);
    assert_eq!(indicators.reset_segments_towards(Side::Originator), 100);
    assert_eq!(indicators.reset_segments_towards(Side::Responder), 0);
    assert_eq!(indicators.first_syn(), Some(Timestamp(0)));
    assert_eq!(indicators.last_syn(), Some(Timestamp(9_900 * MILLISECOND)));
    for delay in [indicators.reset_delay_p50(), indicators.reset_delay_p99(), indicators.reset_delay_max()] {
        let off = delay.unwrap().abs_diff(2 * MILLISECOND);
        assert!(off <= 2 * MILLISECOND / 1000, "{delay:?}");
    }
}

#[test]
fn one_flow_has_no_rate() {
    assert_eq!(follow("0 > S 1").indicators.flows_per_second(), None);
    let at_once = follow("0 > S 1 /1\n0 > S 1 /2").indicators;
    assert_eq!(at_once.flows_per_second(), None);
}

#[test]
fn fins_are_counted_by_flow() {
    let indicators = follow(
        "0 > S  100
         1 < SA 500 101
         2 > FA 101 501
         3 < FA 501 102
         4 > FA 101 501 /7",
    )
    .indicators;
    assert_eq!((indicators.fin_flows(), indicators.flows()), (2, 2));
}
