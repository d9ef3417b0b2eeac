//! What a close puts on the wire: segments and octets, from the close on.

use rst_storm_linux::Result;
use rst_storm_linux::signals::Stop;
use serde::Serialize;

use super::PROBES;
use super::ground::{Ground, Second};
use super::pair::{Close, Pair, Spread};
use super::tap::{Sighting, Tap};

/// How connections end, the server closing first, by when the client closes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Handshake {
    /// As soon as it has read the close: the FIN's acknowledgment may ride on its own FIN.
    pub at_once: Endings,
    /// After its kernel has acknowledged the FIN.
    pub acknowledged: Endings,
}

/// The ends of several connections.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Endings {
    /// Connections that were ended.
    pub connections: u64,
    /// Segments of each ending, those aside that were sent again.
    pub segments: Spread<u64>,
    /// Octets of their frames: Ethernet, IP and TCP headers, no checksum of the frame.
    pub octets: Spread<u64>,
    /// Segments with FIN, of all connections.
    pub fins: u64,
    /// Segments with RST, of all connections.
    pub resets: u64,
    /// Segments that were sent again, of all connections: a busy machine's timers are late.
    pub sent_again: u64,
}

/// Closes connections both ways under the eyes of a tap.
pub fn measure(stop: &Stop) -> Result<Option<Pair<Handshake>>> {
    Pair::measure(|close| {
        let Some(at_once) = end(close, Second::AtOnce, stop)? else { return Ok(None) };
        let acknowledged = end(close, Second::Acknowledged, stop)?;
        Ok(acknowledged.map(|acknowledged| Handshake { at_once, acknowledged }))
    })
}

fn end(close: Close, second: Second, stop: &Stop) -> Result<Option<Endings>> {
    let ground = Ground::raise()?;
    let mut tap = Tap::open(&ground)?;
    let listener = ground.listen()?;
    let (mut segments, mut octets, mut fins, mut resets) = (Vec::new(), Vec::new(), 0, 0);
    let mut sent_again = 0;
    for _ in 0..PROBES {
        if stop.is_requested() {
            return Ok(None);
        }
        let connection = ground.connect(&listener)?;
        connection.talk()?;
        tap.take()?;
        let source = connection.source;
        connection.close_when(&ground, close, second)?;
        ground.await_closed(source)?;
        let seen = tap.take()?;
        let ending = without_repetitions(&seen);
        sent_again += (seen.len() - ending.len()) as u64;
        segments.push(ending.len() as u64);
        octets.push(ending.iter().map(|sighting| sighting.octets).sum());
        fins += count(&ending, |sighting| sighting.segment.flags.is_fin());
        resets += count(&ending, |sighting| sighting.segment.flags.is_rst());
    }
    let spreads = Spread::of(segments).zip(Spread::of(octets));
    Ok(spreads.map(|(segments, octets)| Endings { connections: PROBES, segments, octets, fins, resets, sent_again }))
}

/// The first sighting of each segment.
fn without_repetitions(seen: &[Sighting]) -> Vec<Sighting> {
    let name = |sighting: &Sighting| {
        let segment = &sighting.segment;
        (segment.source, segment.seq, segment.ack, segment.flags)
    };
    let is_first = |place: usize| seen[..place].iter().all(|earlier| name(earlier) != name(&seen[place]));
    (0..seen.len()).filter(|place| is_first(*place)).map(|place| seen[place]).collect()
}

fn count(sightings: &[Sighting], is_one: impl Fn(&Sighting) -> bool) -> u64 {
    sightings.iter().filter(|sighting| is_one(sighting)).count() as u64
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use rst_storm_core::capture::Timestamp;
    use rst_storm_core::tcp::{Endpoint, Flags, IpFacts, Segment, SeqNumber};

    use super::{Sighting, without_repetitions};
    use crate::lab::topology::{DESTINATION, SOURCE};

    fn sighting(from_server: bool, seq: u32, ack: u32, flags: Flags) -> Sighting {
        let (client, server) =
            (Endpoint::new(IpAddr::V4(SOURCE), 40_000), Endpoint::new(IpAddr::V4(DESTINATION), 9999));
        let (source, destination) = if from_server { (server, client) } else { (client, server) };
        let segment = Segment {
            at: Timestamp(0),
            frame: 1,
            source,
            destination,
            seq: SeqNumber(seq),
            ack: SeqNumber(ack),
            flags,
            window: 64,
            timestamp_value: None,
            payload_len: 0,
            cut: false,
            ip: IpFacts::default(),
        };
        Sighting { segment, octets: 66 }
    }

    #[test]
    fn what_is_sent_again_is_no_part_of_the_handshake() {
        let fin = Flags::FIN.with(Flags::ACK);
        let seen = [
            sighting(true, 7, 9, fin),
            sighting(true, 7, 9, fin),
            sighting(false, 9, 8, Flags::ACK),
            sighting(false, 9, 8, Flags::ACK),
            sighting(false, 9, 8, fin),
            sighting(true, 8, 10, Flags::ACK),
        ];
        assert_eq!(without_repetitions(&seen).len(), 4);
    }
}
