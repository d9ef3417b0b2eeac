//! Any sequence of segments whatever: the flow table never panics, stays within its bound and loses no flow.

use proptest::prelude::*;
use rst_storm_core::capture::Timestamp;
use rst_storm_core::flow::{CloseKind, FlowTable, Indicators, Limits};
use rst_storm_core::tcp::{Endpoint, Flags, IpFacts, Segment, SeqNumber, Side};

prop_compose! {
    /// Few ports, few sequence numbers and any flags, so that segments meet; times forwards, backwards and far away.
    fn segments()(
        ports in (1..4_u16, any::<bool>()),
        numbers in (0..4_u32, 0..6_u32, 0..3_u32),
        bits in any::<u8>(),
        at in prop_oneof![20 => 0..5_000_000_000_u64, 1 => any::<u64>(), 1 => Just(u64::MAX)],
    ) -> Segment {
        let here = Endpoint::new([10, 0, 0, 1].into(), ports.0);
        let there = Endpoint::new([10, 0, 1, 2].into(), 9999);
        let (source, destination) = if ports.1 { (here, there) } else { (there, here) };
        Segment {
            at: Timestamp(at),
            frame: 0,
            source,
            destination,
            seq: SeqNumber(numbers.0),
            ack: SeqNumber(numbers.1),
            flags: Flags(bits),
            window: 0,
            timestamp_value: None,
            payload_len: numbers.2,
            cut: false,
            ip: IpFacts::default(),
        }
    }
}

proptest! {
    #[test]
    fn every_flow_that_opens_ends_once(
        segments in proptest::collection::vec(segments(), 0..300),
        max_flows in 0..4_usize,
        linger_nanos in prop_oneof![Just(0), Just(1_000_000_000), Just(u64::MAX)],
        idle_nanos in prop_oneof![Just(0), Just(2_000_000_000), Just(u64::MAX)],
    ) {
        let limits = Limits { max_flows, linger_nanos, idle_nanos };
        let mut table = FlowTable::new(limits);
        let mut indicators = Indicators::new();
        let mut ended = Vec::new();
        for (segment, frame) in segments.iter().zip(1..) {
            let segment = Segment { frame, ..*segment };
            let event = table.push(&segment, &mut |flow| ended.push(flow));
            indicators.record(&segment, event);
            prop_assert!(table.len() <= max_flows.max(1));
            prop_assert_eq!(table.opened(), (ended.len() + table.len()) as u64);
        }
        table.finish(&mut |flow| ended.push(flow));

        prop_assert_eq!(table.opened(), ended.len() as u64);
        prop_assert!(table.evicted() <= table.opened());
        prop_assert_eq!(indicators.flows(), table.opened());
        prop_assert_eq!(indicators.syn_flows(), table.opened() - table.midstream());
        let counted: u64 = ended.iter().map(|flow| flow.segments.originator + flow.segments.responder).sum();
        prop_assert_eq!(counted, segments.len() as u64);
        let reset_flows = ended.iter().filter(|flow| flow.first_reset().is_some()).count();
        prop_assert_eq!(indicators.reset_flows(), reset_flows as u64);
        let resets: u32 = ended.iter().map(|flow| flow.resets.originator.count + flow.resets.responder.count).sum();
        let towards = [Side::Originator, Side::Responder].map(|side| indicators.reset_segments_towards(side));
        prop_assert_eq!(towards[0] + towards[1], u64::from(resets));
        for flow in &ended {
            let refused = flow.close_kind() == CloseKind::Refused;
            prop_assert!(!refused || flow.first_reset().is_some_and(|(by, _)| by == Side::Responder));
        }
    }
}
