//! What a segment costs: decodes and follows a million storm connections of four segments, made up in memory; as the lab's flows,
//! and as Zeek's connections.
//!
//! `cargo run --release -p rst-storm-core --example measure_segment`

use std::time::Instant;

use rst_storm_core::capture::{Direction, Frame, LinkType, Timestamp};
use rst_storm_core::flow::zeek::{ConnState, ConnectionTable};
use rst_storm_core::flow::{FlowTable, Indicators, Limits};
use rst_storm_core::tcp::{Checksum, Segment};
use rst_storm_core::wire::decode;

const FLOWS: u32 = 1_000_000;

fn main() {
    for per_second in [10_000, 100_000] {
        measure_storm(per_second);
        measure_connections(per_second);
    }
    measure_decoding();
}

/// Flow number `each` of a storm, as segments: client to server or back, flags, seq, ack.
fn conversation(each: u32) -> [(bool, u8, u32, u32); 4] {
    let (client, server) = (each.wrapping_mul(2_654_435_761), !each);
    let (after_syn, after_syn_ack) = (client.wrapping_add(1), server.wrapping_add(1));
    [
        (true, 0x02, client, 0),
        (false, 0x12, server, after_syn),
        (true, 0x10, after_syn, after_syn_ack),
        (false, 0x14, after_syn_ack, after_syn),
    ]
}

fn measure_storm(per_second: u64) {
    let mut table = FlowTable::new(Limits::default());
    let mut indicators = Indicators::new();
    let mut ended = 0_u64;
    let mut most_at_once = 0;
    let nanos = measure(per_second, |segment| {
        let event = table.push(segment, &mut |_| ended += 1);
        indicators.record(segment, event);
        most_at_once = most_at_once.max(table.len());
    });
    table.finish(&mut |_| ended += 1);
    assert_eq!(indicators.reset_flows(), u64::from(FLOWS));
    println!(
        "{per_second} flows/s: {nanos:.1} ns a segment; {ended} flows, {most_at_once} at once, {} evicted, {:?}/s",
        table.evicted(),
        indicators.flows_per_second(),
    );
}

fn measure_connections(per_second: u64) {
    let mut table = ConnectionTable::default();
    let mut reset = 0_u32;
    let mut most_at_once = 0;
    let nanos = measure(per_second, |segment| {
        table.push(segment, Checksum::NotChecked, &mut |row| {
            reset += u32::from(row.conn_state() == ConnState::Rstr);
        });
        most_at_once = most_at_once.max(table.len());
    });
    table.finish(&mut |row| reset += u32::from(row.conn_state() == ConnState::Rstr));
    assert_eq!(reset, FLOWS);
    println!(
        "{per_second} connections/s by Zeek's rules: {nanos:.1} ns a segment; {most_at_once} at once, {} evicted",
        table.evicted(),
    );
}

/// Nanoseconds a segment, decoded and followed.
fn measure(per_second: u64, mut follow: impl FnMut(&Segment)) -> f64 {
    let mut packet = blank_packet();
    let mut number = 0;
    let begun = Instant::now();
    for each in 0..FLOWS {
        for segment in conversation(each) {
            let at = u64::from(each) * 1_000_000_000 / per_second + number % 4 * 20_000;
            number += 1;
            write_segment(&mut packet, each, segment);
            let segment = decode(&frame(&packet, at), number).expect("a whole segment");
            follow(&segment);
        }
    }
    begun.elapsed().as_nanos() as f64 / number as f64
}

fn measure_decoding() {
    let mut packet = blank_packet();
    let mut sum = 0_u64;
    let begun = Instant::now();
    for each in 0..10_000_000_u32 {
        packet[38..42].copy_from_slice(&each.to_be_bytes());
        let frame = frame(std::hint::black_box(&packet), 0);
        let segment = std::hint::black_box(decode(&frame, u64::from(each)));
        sum += u64::from(segment.expect("a whole segment").seq.0);
    }
    let nanos = begun.elapsed().as_nanos() as f64 / 1e7;
    println!("decoding alone: {nanos:.1} ns a segment ({sum})");
}

/// Ethernet, IPv4 and TCP headers with timestamps, and no payload.
fn blank_packet() -> [u8; 66] {
    let mut packet = [0; 66];
    packet[12] = 0x08;
    packet[14] = 0x45;
    packet[17] = 52;
    packet[22] = 64;
    packet[23] = 6;
    packet[46] = 0x80;
    packet[54..58].copy_from_slice(&[1, 1, 8, 10]);
    packet
}

fn write_segment(packet: &mut [u8; 66], each: u32, segment: (bool, u8, u32, u32)) {
    let (from_client, flags, seq, ack) = segment;
    let client_port = (each % 28_232 + 32_768) as u16;
    let client = ([10, 0, 1, 1], client_port);
    let server = ([10, 0, 1, 2], 9999);
    let (source, destination) = if from_client { (client, server) } else { (server, client) };
    packet[26..30].copy_from_slice(&source.0);
    packet[30..34].copy_from_slice(&destination.0);
    packet[34..36].copy_from_slice(&source.1.to_be_bytes());
    packet[36..38].copy_from_slice(&destination.1.to_be_bytes());
    packet[38..42].copy_from_slice(&seq.to_be_bytes());
    packet[42..46].copy_from_slice(&ack.to_be_bytes());
    packet[47] = flags;
}

fn frame(data: &[u8], at: u64) -> Frame<'_> {
    Frame {
        at: Timestamp(at),
        interface: 0,
        direction: Direction::Inbound,
        link: LinkType::Ethernet,
        original_len: data.len() as u32,
        data,
    }
}
