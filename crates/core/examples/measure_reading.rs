//! What reading costs: a storm capture of 1.76 million packets (440,000 connections of four segments) in memory, read,
//! decoded and followed.
//!
//! `cargo run --release -p rst-storm-core --example measure_reading`

use std::hint::black_box;
use std::time::Instant;

use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{LegacyPcapReader, PcapError, PcapNGReader};
use rst_storm_core::capture::{
    CaptureReader, Direction, Frame, FrameSource, Interface, LinkType, PcapWriter, PcapngWriter, Timestamp,
};
use rst_storm_core::flow::{FlowTable, Limits};
use rst_storm_core::wire::decode;

const FLOWS: u32 = 440_000;
const PACKETS: u64 = 4 * FLOWS as u64;
const ROUNDS: usize = 15;

fn main() {
    let pcap = write_pcap();
    measure("pcap, read", || read(&pcap));
    measure("pcap, read and decoded", || read_and_decode(&pcap));
    measure("pcap, read, decoded and followed", || read_and_follow(&pcap));
    measure("pcap, read by pcap-parser", || {
        read_by_pcap_parser(LegacyPcapReader::new(1 << 18, &pcap[..]).expect("a capture"), 1)
    });
    let pcapng = write_pcapng();
    measure("pcapng, read", || read(&pcapng));
    measure("pcapng, read and decoded", || read_and_decode(&pcapng));
    measure("pcapng, read by pcap-parser", || {
        read_by_pcap_parser(PcapNGReader::new(1 << 18, &pcapng[..]).expect("a capture"), 2)
    });
}

/// The best of some rounds: what else the machine does only adds.
fn measure(what: &str, mut round: impl FnMut() -> u64) {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        assert_eq!(black_box(round()), PACKETS);
        best = best.min(begun.elapsed().as_nanos() as f64 / PACKETS as f64);
    }
    println!("{what}: {best:.1} ns a packet");
}

fn read(file: &[u8]) -> u64 {
    let mut reader = CaptureReader::open(file).expect("a capture");
    let mut octets = 0;
    while let Some(frame) = reader.next_frame().expect("memory") {
        octets += black_box(frame.data).len();
    }
    assert_eq!(octets, 70 * PACKETS as usize);
    reader.frames()
}

fn read_and_decode(file: &[u8]) -> u64 {
    let mut reader = CaptureReader::open(file).expect("a capture");
    let mut number = 0;
    while let Some(frame) = reader.next_frame().expect("memory") {
        number += 1;
        let segment = decode(&frame, number).expect("a whole segment");
        black_box(&segment);
    }
    number
}

fn read_and_follow(file: &[u8]) -> u64 {
    let mut reader = CaptureReader::open(file).expect("a capture");
    let mut table = FlowTable::new(Limits::default());
    let (mut number, mut ended) = (0, 0_u32);
    while let Some(frame) = reader.next_frame().expect("memory") {
        number += 1;
        let segment = decode(&frame, number).expect("a whole segment");
        table.push(&segment, &mut |_| ended += 1);
    }
    table.finish(&mut |_| ended += 1);
    assert_eq!(ended, FLOWS);
    number
}

/// Blocks but for the headers of the file.
fn read_by_pcap_parser(mut reader: impl PcapReaderIterator, headers: u64) -> u64 {
    let mut blocks = 0;
    loop {
        match reader.next() {
            Ok((length, block)) => {
                black_box(block);
                blocks += 1;
                reader.consume_noshift(length);
            }
            Err(PcapError::Eof) => return blocks - headers,
            Err(PcapError::Incomplete(_)) => reader.refill().expect("memory"),
            Err(_) => return 0,
        }
    }
}

fn write_pcap() -> Vec<u8> {
    let out = Vec::with_capacity(PACKETS as usize * 86 + 24);
    let mut writer = PcapWriter::new(out, LinkType::Ethernet).expect("memory");
    each_frame(|frame| writer.write(frame).expect("memory"));
    writer.into_inner()
}

fn write_pcapng() -> Vec<u8> {
    let port = Interface { name: "port", link: LinkType::Ethernet, description: None };
    let mut writer = PcapngWriter::new(Vec::new(), &[port]).expect("memory");
    each_frame(|frame| writer.write(frame, None).expect("memory"));
    writer.into_inner()
}

/// The storm's frames: SYN, SYN-ACK, ACK, RST-ACK of 10,000 connections a second.
fn each_frame(mut write: impl FnMut(&Frame<'_>)) {
    let mut packet = blank_packet();
    for flow in 0..FLOWS {
        let (client, server) = (flow.wrapping_mul(2_654_435_761), !flow);
        let (after_syn, after_syn_ack) = (client.wrapping_add(1), server.wrapping_add(1));
        let segments = [
            (true, 0x02, client, 0),
            (false, 0x12, server, after_syn),
            (true, 0x10, after_syn, after_syn_ack),
            (false, 0x14, after_syn_ack, after_syn),
        ];
        for (number, segment) in (0_u64..).zip(segments) {
            let at = 1_700_000_000_000_000_000 + u64::from(flow) * 100_000 + number * 20_000;
            write_segment(&mut packet, flow, segment);
            write(&Frame {
                at: Timestamp(at),
                interface: 0,
                direction: Direction::Inbound,
                link: LinkType::Ethernet,
                original_len: packet.len() as u32,
                data: &packet,
            });
        }
    }
}

/// Ethernet, IPv4 and TCP headers with options as a handshake has them, and no payload.
fn blank_packet() -> [u8; 70] {
    let mut packet = [0; 70];
    packet[12] = 0x08;
    packet[14] = 0x45;
    packet[17] = 56;
    packet[22] = 64;
    packet[23] = 6;
    packet[46] = 0x90;
    packet[54..68].copy_from_slice(&[2, 4, 5, 180, 8, 10, 0, 0, 0, 9, 0, 0, 0, 0]);
    packet
}

fn write_segment(packet: &mut [u8; 70], flow: u32, segment: (bool, u8, u32, u32)) {
    let (from_client, flags, seq, ack) = segment;
    let client = ([10, 0, 1, 1], (flow % 28_232 + 32_768) as u16);
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
