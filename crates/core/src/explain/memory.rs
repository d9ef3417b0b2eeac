//! Connections that are gone, and who opened which: bounded memory for what a later reset may refer to.
//!
//! Both are direct-mapped: a new entry takes the place of the one before it with the same hash. What is lost that way costs a
//! hint, never a wrong one. Which are lost is the same in every run, so that a capture is always explained alike.

use core::net::{IpAddr, Ipv4Addr};

use crate::capture::Timestamp;
use crate::flow::pair::{Pair, Seed};
use crate::reset::{Earlier, EarlierEnd};
use crate::tcp::{Endpoint, SeqNumber, Side};

/// Places of each kind.
const PLACES: usize = 1 << 13;

/// Two endpoints in their order.
trait Ends: Copy {
    fn both(self) -> [Endpoint; 2];
}

impl Ends for [Endpoint; 2] {
    fn both(self) -> [Endpoint; 2] {
        self
    }
}

/// Two endpoints of IPv4, in the third of the room: so their tables stay in the processor's cache.
type V4Ends = [(Ipv4Addr, u16); 2];

impl Ends for V4Ends {
    fn both(self) -> [Endpoint; 2] {
        self.map(|(addr, port)| Endpoint::new(addr.into(), port))
    }
}

#[inline(always)]
fn v4([one, other]: [&Endpoint; 2]) -> Option<V4Ends> {
    match (one.addr, other.addr) {
        (IpAddr::V4(first), IpAddr::V4(second)) => Some([(first, one.port), (second, other.port)]),
        _ => None,
    }
}

/// A connection that is gone.
#[derive(Clone, Copy, Debug)]
struct Gone<E> {
    /// The originator and the responder.
    ends: E,
    last: Last,
}

/// What was last known of it.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// What each would have sent next, and whether that is known.
    next: [SeqNumber; 2],
    has_next: [bool; 2],
    end: EarlierEnd,
    first_frame: u64,
    last_seen: Timestamp,
}

/// What is remembered of endpoints of one kind. An entry is written without looking at the one before.
#[derive(Debug)]
struct Remembered<E> {
    gone: Vec<Option<Gone<E>>>,
    opened: Vec<Option<E>>,
}

impl<E: Ends> Remembered<E> {
    const NOTHING: Remembered<E> = Remembered { gone: Vec::new(), opened: Vec::new() };

    fn remember(&mut self, place: usize, ends: E, last: Last) {
        if self.gone.is_empty() {
            self.gone.resize(PLACES, None);
        }
        self.gone[place] = Some(Gone { ends, last });
    }

    fn gone(&self, place: usize) -> Option<([Endpoint; 2], Last)> {
        let gone = self.gone.get(place)?.as_ref()?;
        Some((gone.ends.both(), gone.last))
    }

    fn note_opening(&mut self, place: usize, ends: E) {
        if self.opened.is_empty() {
            self.opened.resize(PLACES, None);
        }
        self.opened[place] = Some(ends);
    }

    fn opened(&self, place: usize) -> Option<[Endpoint; 2]> {
        self.opened.get(place)?.map(Ends::both)
    }
}

/// What is remembered.
#[derive(Debug)]
pub(super) struct Memory {
    seed: Seed,
    v4: Remembered<V4Ends>,
    others: Remembered<[Endpoint; 2]>,
}

impl Default for Memory {
    fn default() -> Memory {
        Memory { seed: Seed::fixed(), v4: Remembered::NOTHING, others: Remembered::NOTHING }
    }
}

impl Memory {
    /// Remembers a connection of this pair that was let go while its endpoints may still use it: how it ended, when it was first and
    /// last seen, and what each end would have sent next.
    #[inline]
    pub(super) fn remember(
        &mut self,
        pair: &Pair,
        ends: [&Endpoint; 2],
        next: [Option<SeqNumber>; 2],
        end: EarlierEnd,
        (first_frame, last_seen): (u64, Timestamp),
    ) {
        let place = self.place(pair);
        let has_next = next.map(|next| next.is_some());
        let last = Last { next: next.map(Option::unwrap_or_default), has_next, end, first_frame, last_seen };
        match v4(ends) {
            Some(ends) => self.v4.remember(place, ends, last),
            None => self.others.remember(place, ends.map(|end| *end), last),
        }
    }

    /// An earlier connection of these two; the sender is the one whose next number is told.
    pub(super) fn earlier(&self, sender: Endpoint, other: Endpoint) -> Option<Earlier> {
        let place = self.place(&Pair::of(&sender, &other));
        let gone = if v4([&sender, &other]).is_some() { self.v4.gone(place) } else { self.others.gone(place) };
        let (ends, last) = gone?;
        let own = if ends == [sender, other] { 0 } else { 1 };
        if ends[1 - own] != other || ends[own] != sender {
            return None;
        }
        Some(Earlier {
            end: last.end,
            first_frame: last.first_frame,
            last_seen: last.last_seen,
            sender: if own == 0 { Side::Originator } else { Side::Responder },
            both_ways: last.has_next == [true; 2],
            sender_next: last.has_next[own].then_some(last.next[own]),
        })
    }

    /// Remembers whom an endpoint opened a connection to.
    #[inline]
    pub(super) fn note_opening(&mut self, opener: &Endpoint, peer: &Endpoint) {
        let place = self.place_of_opener(opener);
        match v4([opener, peer]) {
            Some(ends) => self.v4.note_opening(place, ends),
            None => self.others.note_opening(place, [*opener, *peer]),
        }
    }

    /// Whom this endpoint opened its last connection to.
    pub(super) fn opened_by(&self, opener: &Endpoint) -> Option<Endpoint> {
        let place = self.place_of_opener(opener);
        let opened = if opener.addr.is_ipv4() { self.v4.opened(place) } else { self.others.opened(place) };
        opened.filter(|[known, _]| *known == *opener).map(|[_, peer]| peer)
    }

    #[inline(always)]
    fn place(&self, pair: &Pair) -> usize {
        pair.sum(&self.seed) as usize % PLACES
    }

    #[inline(always)]
    fn place_of_opener(&self, opener: &Endpoint) -> usize {
        self.place(&Pair::of(opener, opener))
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
            openers.iter().for_each(|opener| memory.note_opening(opener, &peer));
            openers.iter().map(|opener| memory.opened_by(opener).is_some()).collect::<Vec<_>>()
        };
        let first = known();
        assert!(first.contains(&true) && first.contains(&false));
        assert_eq!(first, known());
    }
}
