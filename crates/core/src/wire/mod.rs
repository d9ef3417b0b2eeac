//! Bytes become segments, and drafts bytes. Decoding never fails: what is no TCP segment is skipped, and the reason can
//! be counted.
//!
//! Each layer is checked once at its door and is a plain value after that: no accessor can fail or panic.
//!
//! The doors are inlined by force: passed through memory, the layers' values cost more (stalled loads, by the profile of
//! `examples/measure_segment.rs`) than all of decoding.

mod encode;
mod inspect;
mod ip;
mod layers;
mod link;
mod plain;
mod skip;
mod sum;
mod tcp;
mod tunnel;

pub use encode::{Draft, EncodeError, Fault, TcpOption};
pub use inspect::{Contents, inspect};
pub use skip::{Layer, Skip, SkipCounts};

use crate::capture::Frame;
use crate::tcp::{Endpoint, Segment};
use ip::{Datagram, NoTcp};
use link::{Packet, Version};
use plain::Plain;
use tunnel::Cargo;

/// Tunnels inside each other that are followed. Two are seen in clouds.
const MOST_TUNNELS: usize = 4;

/// The segment in a frame, or why there is none. `number` is the frame's number in its capture, from 1.
///
/// Lengths come from the IP header, because Ethernet pads short frames. A frame that was cut while it was captured still
/// decodes as long as the first 20 octets of its TCP header are there. In tunnels the innermost segment is what counts.
#[inline]
pub fn decode(frame: &Frame<'_>, number: u64) -> Result<Segment, Skip> {
    match Plain::open(frame) {
        Some(plain) => Ok(plain.segment(frame, number)),
        None => decode_layers(*frame, number),
    }
}

/// The same, appended to others. It is for whoever reads millions: a segment is put where it stays at once.
#[inline(always)]
pub fn decode_onto(segments: &mut Vec<Segment>, frame: &Frame<'_>, number: u64) -> Result<(), Skip> {
    match Plain::open(frame) {
        Some(plain) => segments.push(plain.segment(frame, number)),
        None => segments.push(decode_layers(*frame, number)?),
    }
    Ok(())
}

/// By value, so that nobody else's frame has to stand in memory for it.
#[inline(never)]
fn decode_layers(frame: Frame<'_>, number: u64) -> Result<Segment, Skip> {
    let frame = &frame;
    let packet = link::open(frame)?;
    // Each version is assembled on its own: one path for both would have to pass the addresses through memory.
    match packet.version {
        Version::V4 => finish(frame, number, ip::open_v4(packet)),
        Version::V6 => finish(frame, number, ip::open_v6(packet)),
    }
}

#[inline(always)]
fn finish<'a>(frame: &Frame<'a>, number: u64, opened: Result<Datagram<'a>, NoTcp<'a>>) -> Result<Segment, Skip> {
    match opened {
        Ok(datagram) => assemble(frame, number, datagram),
        Err(NoTcp::Skip(skip)) => Err(skip),
        Err(NoTcp::Cargo(cargo)) => decode_cargo(frame, number, cargo),
    }
}

/// The segment inside whatever an IP packet carries, out of the way of those that carry TCP.
#[cold]
#[inline(never)]
fn decode_cargo<'a>(frame: &Frame<'a>, number: u64, cargo: Cargo<'a>) -> Result<Segment, Skip> {
    assemble(frame, number, follow_tunnels(cargo)?)
}

#[inline(always)]
fn follow_tunnels(mut cargo: Cargo<'_>) -> Result<Datagram<'_>, Skip> {
    for _ in 0..MOST_TUNNELS {
        let opened = open_ip(tunnel::open(cargo)?);
        match opened {
            Ok(datagram) => return Ok(datagram),
            Err(NoTcp::Skip(skip)) => return Err(skip),
            Err(NoTcp::Cargo(inner)) => cargo = inner,
        }
    }
    // Where there is no further tunnel, that is the reason.
    tunnel::open(cargo).and(Err(Skip::TooDeep))
}

#[inline(always)]
fn open_ip(packet: Packet<'_>) -> Result<Datagram<'_>, NoTcp<'_>> {
    match packet.version {
        Version::V4 => ip::open_v4(packet),
        Version::V6 => ip::open_v6(packet),
    }
}

#[inline(always)]
fn assemble(frame: &Frame<'_>, number: u64, datagram: Datagram<'_>) -> Result<Segment, Skip> {
    let header = tcp::open(&datagram)?;
    Ok(Segment {
        at: frame.at,
        frame: number,
        source: Endpoint::new(datagram.source, header.source_port()),
        destination: Endpoint::new(datagram.destination, header.destination_port()),
        seq: header.seq(),
        ack: header.ack(),
        flags: header.flags(),
        window: header.window(),
        timestamp_value: header.timestamp_value(),
        payload_len: header.payload_len(),
        cut: datagram.is_cut(),
        ip: datagram.facts,
    })
}
