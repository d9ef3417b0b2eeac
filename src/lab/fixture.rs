//! Made-up witnesses of a storm of resets, for tests: what a run brings home when nothing went wrong.

use std::net::IpAddr;
use std::time::Duration;

use rst_storm_core::capture::Timestamp;
use rst_storm_core::flow::{CloseKind, FlowTable, Limits};
use rst_storm_core::tcp::{Endpoint, Flags, IpFacts, Segment, SeqNumber, Side};

use super::indicators;
use super::ledger::{self, KernelCounts, Witnesses};
use super::observer::{Observation, WireTally, WireWord};
use super::run::RunReport;
use super::topology::{DESTINATION, SOURCE};
use crate::storm::decimal::Decimal;
use crate::storm::outcome::{Outcome, ServerWord, Tally};
use crate::storm::pacer::{Extent, Rate};
use crate::storm::plan::CloseBy;
use crate::storm::report::{ClientReport, Lateness, ServerReport};
use crate::storm::roll::Roll;

/// A kernel that counted nothing.
pub const NOTHING: KernelCounts = KernelCounts {
    active_opens: 0,
    passive_opens: 0,
    attempt_fails: 0,
    estab_resets: 0,
    out_rsts: 0,
    retrans_segs: 0,
    abort_on_data: 0,
    abort_on_close: 0,
    listen_overflows: 0,
    listen_drops: 0,
};

/// The port that connection `number` of [`resets`] comes from.
pub fn port(number: u64) -> u16 {
    40_000 + number as u16
}

/// The wire's word on a connection that the server reset, its SYN in `frame`.
pub fn reset_on_wire(frame: u64) -> WireWord {
    let close = CloseKind::Reset { first: Side::Responder };
    WireWord { frame, handshake: true, close, reset_by_responder: true }
}

/// Ten seconds at ten a second would be a hundred: `count` connections, each from a port of its own, a tenth of a second
/// apart, all reset by the server, and all witnesses agree.
pub fn resets(count: u64) -> RunReport {
    let mut client = client(count);
    let mut server = ServerReport::of(CloseBy::Rst);
    let mut wire = observation(count);
    for number in 0..count {
        client.tally.begin();
        client.tally.end(Outcome::Reset);
        client.roll.enter(port(number), Some(Outcome::Reset));
        server.roll.enter(port(number), Some(ServerWord::Reset));
        wire.roll.enter(port(number), Some(reset_on_wire(4 * number + 1)));
    }
    server.connections = count;
    server.resets = count;
    server.elapsed = client.window;
    let source = KernelCounts { active_opens: count, estab_resets: count, ..NOTHING };
    let destination =
        KernelCounts { passive_opens: count, estab_resets: count, out_rsts: count, abort_on_data: count, ..NOTHING };
    let mut report = RunReport {
        indicators: indicators::judge(&wire, client.requested, false),
        client,
        server,
        wire,
        source,
        destination,
        ledger: Vec::new(),
        peak_rss: None,
    };
    settle(&mut report);
    report
}

/// Settles the ledger anew, after a witness was made to say something else.
pub fn settle(report: &mut RunReport) {
    let RunReport { client, server, wire, source, destination, .. } = &*report;
    report.ledger = ledger::settle(&Witnesses { client, server, wire, source, destination });
}

fn client(count: u64) -> ClientReport {
    ClientReport {
        target: format!("{DESTINATION}:9999"),
        requested: Rate::PerSecond(Decimal::whole(10)),
        extent: Extent { duration: None, count: Some(count) },
        tally: Tally::default(),
        window: Duration::from_millis(100) * count as u32,
        waited: Duration::from_micros(321),
        lateness: Some(Lateness {
            p50: Duration::from_micros(85),
            p99: Duration::from_micros(190),
            max: Duration::from_micros(1_250),
        }),
        interrupted: false,
        timeout: Duration::from_secs(2),
        cpu: Duration::from_millis(12),
        roll: Roll::default(),
    }
}

fn observation(count: u64) -> Observation {
    let mut observation = Observation {
        segments: 4 * count,
        tally: WireTally {
            syns: count,
            handshakes: count,
            reset: count,
            destination_rst_segments: count,
            ..WireTally::default()
        },
        ..Observation::default()
    };
    let mut table = FlowTable::new(Limits::default());
    for number in 0..count {
        for segment in connection(number) {
            let event = table.push(&segment, &mut drop);
            observation.indicators.record(&segment, event);
        }
    }
    observation
}

/// SYN, SYN-ACK, ACK and RST-ACK, 20 microseconds apart.
fn connection(number: u64) -> [Segment; 4] {
    let client = Endpoint::new(IpAddr::V4(SOURCE), port(number));
    let server = Endpoint::new(IpAddr::V4(DESTINATION), 9999);
    let segment = |index: u64, source, destination, flags, seq, ack| Segment {
        at: Timestamp(1_000_000_000 + 100_000_000 * number + 20_000 * index),
        frame: 4 * number + index + 1,
        source,
        destination,
        seq: SeqNumber(seq),
        ack: SeqNumber(ack),
        flags,
        window: 64_240,
        timestamp_value: None,
        payload_len: 0,
        cut: false,
        ip: IpFacts::default(),
    };
    [
        segment(0, client, server, Flags::SYN, 1000, 0),
        segment(1, server, client, Flags::SYN.with(Flags::ACK), 5000, 1001),
        segment(2, client, server, Flags::ACK, 1001, 5001),
        segment(3, server, client, Flags::RST.with(Flags::ACK), 5001, 1001),
    ]
}
