//! Connections that are gone, and who opened which: bounded memory for what a later reset may refer to.
//!
//! Both are direct-mapped: a new entry takes the place of the one before it with the same hash. What is lost that way costs a
//! hint, never a wrong one. Which are lost is the same in every run, so that a capture is always explained alike.

use core::hash::BuildHasher;
use core::net::{IpAddr, Ipv4Addr};

use foldhash::fast::FixedState;

use crate::capture::Timestamp;
use crate::reset::{Earlier, EarlierEnd};
use crate::tcp::{Endpoint, FlowKey, SeqNumber, Side};

/// Places of each kind. All of them together, 64 octets for both kinds, stay in the processor's cache.
const PLACES: usize = 1 << 13;

/// Two endpoints in their order. Those of IPv4 need no room elsewhere.
#[derive(Clone, Debug)]
enum Ends {
    V4([(Ipv4Addr, u16); 2]),
    Other(Box<[Endpoint; 2]>),
}

impl Ends {
    fn of(ends: [Endpoint; 2]) -> Ends {
        let [one, other] = ends;
        match (one.addr, other.addr) {
            (IpAddr::V4(first), IpAddr::V4(second)) => Ends::V4([(first, one.port), (second, other.port)]),
            _ => Ends::Other(Box::new(ends)),
        }
    }

    fn both(&self) -> [Endpoint; 2] {
        match self {
            Ends::V4(ends) => ends.map(|(addr, port)| Endpoint::new(addr.into(), port)),
            Ends::Other(ends) => **ends,
        }
    }
}

/// A connection that is gone.
#[derive(Clone, Debug)]
struct Gone {
    /// The originator and the responder.
    ends: Ends,
    /// What each would have sent next, and whether that is known.
    next: [SeqNumber; 2],
    has_next: [bool; 2],
    end: EarlierEnd,
    first_frame: u64,
    last_seen: Timestamp,
}

/// What is remembered.
#[derive(Debug)]
pub(super) struct Memory {
    hasher: FixedState,
    gone: Box<[Option<Gone>]>,
    opened: Box<[Option<Ends>]>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory {
            hasher: FixedState::default(),
            gone: vec![None; PLACES].into_boxed_slice(),
            opened: vec![None; PLACES].into_boxed_slice(),
        }
    }
}

impl Memory {
    /// Remembers a connection that was let go while its endpoints may still use it: how it ended, when it was first and last seen, and
    /// what each end would have sent next.
    pub(super) fn remember(
        &mut self,
        ends: [Endpoint; 2],
        next: [Option<SeqNumber>; 2],
        end: EarlierEnd,
        (first_frame, last_seen): (u64, Timestamp),
    ) {
        let place = self.place(FlowKey::new(ends[0], ends[1]));
        let (ends, has_next) = (Ends::of(ends), next.map(|next| next.is_some()));
        let next = next.map(Option::unwrap_or_default);
        self.gone[place] = Some(Gone { ends, next, has_next, end, first_frame, last_seen });
    }

    /// An earlier connection of these two; the sender is the one whose next number is told.
    pub(super) fn earlier(&self, sender: Endpoint, other: Endpoint) -> Option<Earlier> {
        let gone = self.gone[self.place(FlowKey::new(sender, other))].as_ref()?;
        let ends = gone.ends.both();
        let own = ends.iter().position(|end| *end == sender).filter(|_| ends.contains(&other))?;
        Some(Earlier {
            end: gone.end,
            first_frame: gone.first_frame,
            last_seen: gone.last_seen,
            sender: if own == 0 { Side::Originator } else { Side::Responder },
            both_ways: gone.has_next == [true; 2],
            sender_next: gone.has_next[own].then_some(gone.next[own]),
        })
    }

    /// Remembers whom an endpoint opened a connection to.
    pub(super) fn note_opening(&mut self, opener: Endpoint, peer: Endpoint) {
        let place = self.place(opener);
        self.opened[place] = Some(Ends::of([opener, peer]));
    }

    /// Whom this endpoint opened its last connection to.
    pub(super) fn opened_by(&self, opener: Endpoint) -> Option<Endpoint> {
        let [known, peer] = self.opened[self.place(opener)].as_ref()?.both();
        (known == opener).then_some(peer)
    }

    fn place(&self, key: impl core::hash::Hash) -> usize {
        self.hasher.hash_one(key) as usize % PLACES
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr};

    use super::{Memory, PLACES};
    use crate::tcp::Endpoint;

    /// More than there is room for: some are lost, and never others than before.
    #[test]
    fn what_is_lost_is_always_the_same() {
        let openers: Vec<Endpoint> = (0..2 * PLACES as u32)
            .map(|number| Endpoint::new(IpAddr::V4(Ipv4Addr::from_bits(number)), 40000))
            .collect();
        let peer = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 443);
        let known = || {
            let mut memory = Memory::default();
            openers.iter().for_each(|opener| memory.note_opening(*opener, peer));
            openers.iter().map(|opener| memory.opened_by(*opener).is_some()).collect::<Vec<_>>()
        };
        let first = known();
        assert!(first.contains(&true) && first.contains(&false));
        assert_eq!(first, known());
    }
}
