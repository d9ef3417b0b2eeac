//! Where a capture was probably taken: near one of the ends, or between them.

use crate::reset::Trail;
use crate::tcp::Endpoint;

/// Times to live that hosts begin with.
const INITIAL: [u8; 4] = [32, 64, 128, 255];

/// A guess at the capture point of a connection, from times to live: how many routers each end's segments had passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vantage {
    /// Hops from the originator, if its segments were seen.
    pub originator_hops: Option<u8>,
    /// Hops from the responder.
    pub responder_hops: Option<u8>,
}

impl Vantage {
    /// The guess for a connection.
    pub fn of(trail: &Trail, originator: Endpoint) -> Vantage {
        let hops = |ttl: Option<u8>| {
            let ttl = ttl?;
            INITIAL.into_iter().find(|initial| *initial >= ttl).map(|initial| initial - ttl)
        };
        Vantage {
            originator_hops: hops(trail.sender(originator).stack.ttl()),
            responder_hops: hops(trail.receiver(originator).stack.ttl()),
        }
    }

    /// The guess in words.
    pub fn words(&self) -> &'static str {
        match (self.originator_hops, self.responder_hops) {
            (Some(0), Some(0)) => "beside both ends",
            (Some(0), _) => "at or beside the originator",
            (_, Some(0)) => "at or beside the responder",
            (Some(_), Some(_)) => "between the ends",
            _ => "somewhere",
        }
    }
}
