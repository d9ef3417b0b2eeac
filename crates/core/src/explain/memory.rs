//! Connections that are gone, and who opened which: bounded memory for what a later reset may refer to.
//!
//! Both are direct-mapped: a new entry takes the place of the one before it with the same hash. What is lost that way costs a
//! hint, never a wrong one. Which are lost is the same in every run, so that a capture is always explained alike.

use core::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::reset::Earlier;
use crate::tcp::{Endpoint, FlowKey, SeqNumber, Side};

/// Places of each kind. A place takes some 130 octets.
const PLACES: usize = 1 << 13;

/// A connection that is gone.
#[derive(Clone, Debug)]
struct Gone {
    /// The originator and the responder, and what each would have sent next.
    ends: [(Endpoint, Option<SeqNumber>); 2],
    earlier: Earlier,
}

/// What is remembered.
#[derive(Debug)]
pub(super) struct Memory {
    hasher: FixedState,
    gone: Box<[Option<Gone>]>,
    opened: Box<[Option<(Endpoint, Endpoint)>]>,
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
    /// Remembers a connection that was let go while its endpoints may still use it: what each would have sent next.
    pub(super) fn remember(&mut self, ends: [Endpoint; 2], next: [Option<SeqNumber>; 2], earlier: Earlier) {
        let place = self.place(FlowKey::new(ends[0], ends[1]));
        self.gone[place] = Some(Gone { ends: [(ends[0], next[0]), (ends[1], next[1])], earlier });
    }

    /// An earlier connection of these two; the sender is the one whose next number is told.
    pub(super) fn earlier(&self, sender: Endpoint, other: Endpoint) -> Option<Earlier> {
        let gone = self.gone[self.place(FlowKey::new(sender, other))].as_ref()?;
        let next = |end: Endpoint| gone.ends.iter().find(|(known, _)| *known == end);
        let (_, sender_next) = next(sender).filter(|_| next(other).is_some())?;
        let side = if gone.ends[0].0 == sender { Side::Originator } else { Side::Responder };
        Some(Earlier { sender: side, sender_next: *sender_next, ..gone.earlier })
    }

    /// Remembers whom an endpoint opened a connection to.
    pub(super) fn note_opening(&mut self, opener: Endpoint, peer: Endpoint) {
        let place = self.place(opener);
        self.opened[place] = Some((opener, peer));
    }

    /// Whom this endpoint opened its last connection to.
    pub(super) fn opened_by(&self, opener: Endpoint) -> Option<Endpoint> {
        let (known, peer) = self.opened[self.place(opener)]?;
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
