//! Bytes become segments. Decoding never fails: what is no TCP segment is skipped, and the reason can be counted.
//!
//! Each layer is checked once at its door and is a plain value after that: no accessor can fail or panic.
//!
//! The doors are inlined by force: passed through memory, the layers' values cost more (stalled loads, by the profile of
//! `examples/measure_segment.rs`) than all of decoding.

mod ip;
mod layers;
mod link;
mod skip;
mod tcp;

pub use skip::{Layer, Skip, SkipCounts};

use crate::capture::Frame;
use crate::tcp::{Endpoint, Segment};
use ip::Datagram;
use link::Version;

/// The segment in a frame, or why there is none. `number` is the frame's number in its capture, from 1.
///
/// Lengths come from the IP header, because Ethernet pads short frames. A frame that was cut while it was captured still
/// decodes as long as the first 20 octets of its TCP header are there.
pub fn decode(frame: &Frame<'_>, number: u64) -> Result<Segment, Skip> {
    let packet = link::open(frame)?;
    // Each version is assembled on its own: one path for both would have to pass the addresses through memory.
    match packet.version {
        Version::V4 => assemble(frame, number, ip::open_v4(packet)?),
        Version::V6 => assemble(frame, number, ip::open_v6(packet)?),
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
        ip: datagram.facts,
    })
}
