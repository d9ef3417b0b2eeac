//! What a close puts on the wire: segments and octets, from the close on.

use rst_storm_linux::Result;
use rst_storm_linux::signals::Stop;
use serde::Serialize;

use super::PROBES;
use super::ground::{Closer, Ground};
use super::pair::{Pair, Spread};
use super::tap::{Sighting, Tap};

/// The ends of several connections, the server closing first.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Endings {
    /// Connections that were ended.
    pub connections: u64,
    /// Segments of each ending.
    pub segments: Spread<u64>,
    /// Octets of each ending's frames: Ethernet, IP and TCP headers, no checksum of the frame.
    pub octets: Spread<u64>,
    /// Segments with FIN, of all connections.
    pub fins: u64,
    /// Segments with RST, of all connections.
    pub resets: u64,
}

/// Closes connections both ways under the eyes of a tap.
pub fn measure(stop: &Stop) -> Result<Option<Pair<Endings>>> {
    Pair::measure(|close| {
        let ground = Ground::raise()?;
        let mut tap = Tap::open(&ground)?;
        let listener = ground.listen()?;
        let (mut segments, mut octets, mut fins, mut resets) = (Vec::new(), Vec::new(), 0, 0);
        for _ in 0..PROBES {
            if stop.is_requested() {
                return Ok(None);
            }
            let connection = ground.connect(&listener)?;
            connection.talk()?;
            tap.take()?;
            let source = connection.source;
            connection.close(Closer::Server, close)?;
            ground.await_closed(source)?;
            let ending = tap.take()?;
            segments.push(ending.len() as u64);
            octets.push(ending.iter().map(|sighting| sighting.octets).sum());
            fins += count(&ending, |sighting| sighting.segment.flags.is_fin());
            resets += count(&ending, |sighting| sighting.segment.flags.is_rst());
        }
        let spreads = Spread::of(segments).zip(Spread::of(octets));
        Ok(spreads.map(|(segments, octets)| Endings { connections: PROBES, segments, octets, fins, resets }))
    })
}

fn count(sightings: &[Sighting], is_one: impl Fn(&Sighting) -> bool) -> u64 {
    sightings.iter().filter(|sighting| is_one(sighting)).count() as u64
}
