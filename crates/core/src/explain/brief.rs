//! Connections that begin and are reset within one batch of segments.
//!
//! In a storm nearly all are. Whoever has the batch at hand can put each together before any is looked for among all that are
//! followed, and in another thread: what is left to do in order is little, and looks at no segment.

use super::alike::Outline;
use super::aside::Aside;
use super::likeness::{Likeness, MOST_NANOS};
use super::opening::{Effect, Opening};
use crate::capture::Timestamp;
use crate::flow::AHEAD;
use crate::flow::pair::{Pair, Seed};
use crate::flow::zeek::{MOST_LINES, Young};
use crate::tcp::Segment;

/// The most segments that are looked at. Those after them are nobody's.
const MOST_SEGMENTS: usize = 4_096;

/// A connection that begins later than this, at the end of time as it is counted, may be let go at once.
const LATEST: Timestamp = Timestamp(u64::MAX - (60 * 1_000_000_000));

/// One of them: from its SYN to its first reset, which has ACK, all in one capture.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Brief {
    /// It was seen to its reset; until then it is but a connection that may be brief.
    is_whole: bool,
    /// The number of what it looks like.
    pub(super) likeness: u32,
    /// What its segments tell.
    pub(super) outline: Outline,
    /// How it was opened and closed at its end. It has one SYN that asks: another one begins another connection.
    pub(super) opening: Opening,
    /// All its segments.
    pub(super) young: Young,
}

#[cfg(target_pointer_width = "64")]
const _: () =
    assert!(core::mem::offset_of!(Brief, young) == 64, "a line of the processor's cache before those of its segments");

/// What a segment is to its brief connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    pub(super) at: Timestamp,
    /// The number of its connection, from 1; 0 for none.
    of: u16,
    pub(super) effect: Effect,
    pub(super) kind: Kind,
}

/// Which of its segments it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Its SYN.
    First,
    /// One between the two.
    Middle { line: u8 },
    /// Its reset.
    Reset,
}

const NOBODYS: Part = Part { at: Timestamp(0), of: 0, effect: Effect::NONE, kind: Kind::First };

/// The brief connections of a batch.
#[derive(Debug, Default)]
pub struct Briefs {
    seed: Seed,
    /// For each place of a sum the connection that is there, from 1; 0 for none.
    entries: Vec<u16>,
    /// Connections that may be brief; what is asked first of each stands by itself.
    heads: Vec<Head>,
    /// As many as there were in any batch so far: their room is used again.
    briefs: Vec<Brief>,
    /// The first since the clock last stepped back.
    since: usize,
    /// What each segment is.
    parts: Vec<Part>,
    /// What they look like, one after the other; once for those in a row that look the same.
    likenesses: Vec<Likeness>,
    /// What the last looks like.
    last: Likeness,
    found: usize,
}

/// What the next segment of a connection needs to know.
#[derive(Debug)]
struct Head {
    pair: Pair,
    since: Timestamp,
    count: u8,
    is_open: bool,
    /// Of its ends the first is the lesser.
    first_is_lesser: bool,
}

impl Briefs {
    /// Forgets those of another batch.
    pub fn clear(&mut self) {
        self.parts.clear();
        self.heads.clear();
        self.likenesses.clear();
        self.found = 0;
    }

    /// Finds those of this batch, and what else may begin in it. `asides` tells of single segments, by their index, in ascending order.
    ///
    /// Where a reset without ACK is in the batch there are none: it may ask what another connection had sent by then.
    pub fn find(&mut self, segments: &[Segment], asides: &[(usize, Aside)]) {
        self.clear();
        let segments = &segments[..segments.len().min(MOST_SEGMENTS)];
        self.entries.clear();
        // Twice as many as there can be connections, so that a search ends soon.
        self.entries.resize((2 * segments.len()).next_power_of_two(), 0);
        self.since = 0;
        let mut asides = asides.iter().map(|(index, _)| *index).peekable();
        let (mut before, mut has_bare_reset) = (Timestamp(0), false);
        for (index, segment) in segments.iter().enumerate() {
            has_bare_reset |= segment.flags.is_rst() && !segment.flags.is_ack();
            if segment.at < before {
                // Where the clock steps back, others may be let go meanwhile.
                self.since = self.heads.len();
            }
            before = segment.at;
            let is_plain = asides.next_if_eq(&index).is_none();
            let part = self.take(segment, is_plain);
            self.parts.push(part);
        }
        self.found = if has_bare_reset { 0 } else { self.found };
    }

    /// What the segment of this index is, which may be a part of nothing. None beyond those that were looked at.
    #[inline(always)]
    pub(super) fn part(&self, index: usize) -> Option<&Part> {
        self.parts.get(index)
    }

    /// The brief connection that this is a part of, and its number.
    #[inline(always)]
    pub(super) fn of(&self, part: &Part) -> Option<(usize, &Brief)> {
        let number = usize::from(part.of).checked_sub(1)?;
        let brief = &self.briefs[number];
        brief.is_whole.then_some((number, brief))
    }

    /// The pairs of the next connections that begin, where with this another [`AHEAD`] of them begin.
    #[inline(always)]
    pub(super) fn begin_from(&self, part: &Part) -> Option<impl Iterator<Item = &Pair>> {
        let number = usize::from(part.of).checked_sub(1)?;
        let begin = part.kind == Kind::First && number.is_multiple_of(AHEAD);
        begin.then(|| self.heads[number..].iter().take(AHEAD).map(|head| &head.pair))
    }

    /// The two ends of the connection of this number.
    #[inline(always)]
    pub(super) fn pair(&self, number: usize) -> &Pair {
        &self.heads[number].pair
    }

    /// What brief connections look like, by its number.
    #[inline]
    pub(super) fn likeness(&self, number: u32) -> &Likeness {
        &self.likenesses[number as usize]
    }

    /// How many likenesses there are.
    pub(super) fn likenesses(&self) -> usize {
        self.likenesses.len()
    }

    /// All numbers of connections are below this.
    pub(super) fn numbers(&self) -> usize {
        self.heads.len()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.found
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.found == 0
    }

    #[inline(always)]
    fn take(&mut self, segment: &Segment, is_plain: bool) -> Part {
        let (at, flags) = (segment.at, segment.flags);
        let (pair, is_lesser) = Pair::in_order(&segment.source, &segment.destination);
        let entry = self.entry(&pair);
        if flags.is_syn() && !flags.is_ack() && !flags.is_rst() {
            let is_open = is_plain && at < LATEST && segment.source != segment.destination;
            self.heads.push(Head { pair, since: at, count: 1, is_open, first_is_lesser: is_lesser });
            let of = self.heads.len() as u16;
            self.entries[entry] = of;
            return Part { at, of, effect: self.begin(segment), kind: Kind::First };
        }
        let of = self.entries[entry];
        let number = usize::from(of).wrapping_sub(1);
        let is_open = |head: &&mut Head| head.is_open && number >= self.since;
        let Some(head) = self.heads.get_mut(number).filter(is_open) else { return NOBODYS };
        let brief = &mut self.briefs[number];
        let has_room = usize::from(head.count) < MOST_LINES && at.nanos_since(head.since) < MOST_NANOS;
        let Some(moment) = brief.young.place(segment).filter(|moment| moment.is_near() && is_plain && has_room) else {
            head.is_open = false;
            return NOBODYS;
        };
        let line = head.count;
        head.count += 1;
        let is_from_first = is_lesser == head.first_is_lesser;
        brief.young.push(segment, moment, is_from_first);
        if !flags.is_rst() {
            let effect = brief.opening.take(usize::from(!is_from_first), segment);
            return Part { at, of, effect, kind: Kind::Middle { line } };
        }
        head.is_open = false;
        let first_is_lesser = head.first_is_lesser;
        self.conclude(number, first_is_lesser);
        Part { at, of, effect: Effect::NONE, kind: Kind::Reset }
    }

    /// Where this pair's connection is, or would be.
    #[inline(always)]
    fn entry(&self, pair: &Pair) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = pair.sum(&self.seed) as usize & mask;
        loop {
            let known = usize::from(self.entries[at]);
            if known == 0 || self.heads[known - 1].pair == *pair {
                return at;
            }
            at = (at + 1) & mask;
        }
    }

    /// The last of the heads begins with this SYN.
    #[inline(always)]
    fn begin(&mut self, syn: &Segment) -> Effect {
        let number = self.heads.len() - 1;
        if number == self.briefs.len() {
            let (outline, opening) = (Outline::default(), Opening::default());
            self.briefs.push(Brief { is_whole: false, likeness: 0, outline, opening, young: Young::new(syn) });
        }
        let brief = &mut self.briefs[number];
        (brief.is_whole, brief.opening) = (false, Opening::default());
        brief.young.restart(syn);
        brief.opening.take(0, syn)
    }

    #[inline(always)]
    fn conclude(&mut self, number: usize, first_is_lesser: bool) {
        let brief = &mut self.briefs[number];
        let described = self.last.describe(&brief.young);
        let (Some(()), Some(outline)) = (described, Outline::of(&brief.young, first_is_lesser)) else { return };
        if self.likenesses.last() != Some(&self.last) {
            self.likenesses.push(self.last);
        }
        (brief.is_whole, brief.outline) = (true, outline);
        brief.likeness = self.likenesses.len() as u32 - 1;
        self.found += 1;
    }
}
