//! Connections that begin and are reset within one batch of segments.
//!
//! In a storm nearly all are. Whoever has the batch at hand can put each together before any is looked for among all that are
//! followed, and in another thread: what is left to do in order is little.

use super::alike::Outline;
use super::aside::Aside;
use super::likeness::{Likeness, MOST_NANOS};
use crate::capture::Timestamp;
use crate::flow::pair::{Pair, Seed};
use crate::flow::zeek::{MOST_LINES, Young};
use crate::tcp::Segment;

/// The most segments that are looked at. Those after them are nobody's.
const MOST_SEGMENTS: usize = 4_096;

/// A connection that begins later than this, at the end of time as it is counted, may be let go at once.
const LATEST: Timestamp = Timestamp(u64::MAX - (60 * 1_000_000_000));

/// Twice as many, so that a search ends soon.
const ENTRIES: usize = 2 * MOST_SEGMENTS;

/// One of them: from its SYN to its first reset, which has ACK.
#[derive(Debug)]
pub(super) struct Brief {
    /// All its segments.
    pub(super) young: Young,
    /// What they tell.
    pub(super) outline: Outline,
    /// The number of what they look like.
    pub(super) likeness: usize,
    /// The index of its SYN.
    pub(super) first: usize,
}

/// The brief connections of a batch.
#[derive(Debug, Default)]
pub struct Briefs {
    seed: Seed,
    /// For each place of a sum the candidate that is there, from 1; 0 for none.
    entries: Vec<u16>,
    candidates: Vec<Candidate>,
    /// The first candidate since the clock last stepped back.
    since: usize,
    /// For each segment whose it is, from 1; 0 for nobody's.
    owners: Vec<u16>,
    /// As many as were found in any batch so far: their room is used again.
    briefs: Vec<Brief>,
    count: usize,
    /// What they look like, one after the other; once for those in a row that look the same.
    likenesses: Vec<Likeness>,
    /// What the last looks like.
    last: Likeness,
}

/// A connection that may be brief.
#[derive(Debug)]
struct Candidate {
    pair: Pair,
    since: Timestamp,
    segments: [u16; MOST_LINES],
    count: u8,
    is_open: bool,
}

impl Briefs {
    /// Forgets those of another batch.
    pub fn clear(&mut self) {
        self.owners.clear();
        self.likenesses.clear();
        self.count = 0;
    }

    /// Finds those of this batch. `asides` tells of single segments, by their index, in ascending order.
    ///
    /// Where a reset without ACK is in the batch there are none: it may ask what another connection had sent by then.
    pub fn find(&mut self, segments: &[Segment], asides: &[(usize, Aside)]) {
        self.clear();
        self.entries.clear();
        self.entries.resize(ENTRIES, 0);
        self.candidates.clear();
        self.since = 0;
        self.owners.resize(segments.len().min(MOST_SEGMENTS), 0);
        let mut asides = asides.iter().map(|(index, _)| *index).peekable();
        let mut before = Timestamp(0);
        for (index, segment) in segments.iter().enumerate().take(MOST_SEGMENTS) {
            if segment.flags.is_rst() && !segment.flags.is_ack() {
                return self.clear();
            }
            if segment.at < before {
                // Where the clock steps back, others may be let go meanwhile.
                self.since = self.candidates.len();
            }
            before = segment.at;
            let is_plain = asides.next_if_eq(&index).is_none();
            self.take(index as u16, segment, is_plain, segments);
        }
    }

    /// The brief connection that the segment of this index belongs to, and its number.
    #[inline]
    pub(super) fn at(&self, index: usize) -> Option<(usize, &Brief)> {
        let number = usize::from(*self.owners.get(index)?).checked_sub(1)?;
        Some((number, &self.briefs[number]))
    }

    /// What brief connections look like, by its number.
    #[inline]
    pub(super) fn likeness(&self, number: usize) -> &Likeness {
        &self.likenesses[number]
    }

    /// How many likenesses there are.
    pub(super) fn likenesses(&self) -> usize {
        self.likenesses.len()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    #[inline(always)]
    fn take(&mut self, index: u16, segment: &Segment, is_plain: bool, segments: &[Segment]) {
        let flags = segment.flags;
        let pair = Pair::of(segment.source, segment.destination);
        let entry = self.entry(&pair);
        if flags.is_syn() && !flags.is_ack() && !flags.is_rst() {
            let is_open = is_plain && segment.at < LATEST;
            let candidate = Candidate { pair, since: segment.at, segments: [index; MOST_LINES], count: 1, is_open };
            self.candidates.push(candidate);
            self.entries[entry] = self.candidates.len() as u16;
            return;
        }
        let known = usize::from(self.entries[entry]).wrapping_sub(1);
        let is_open = |candidate: &&mut Candidate| candidate.is_open && known >= self.since;
        let Some(candidate) = self.candidates.get_mut(known).filter(is_open) else { return };
        let count = usize::from(candidate.count);
        if !is_plain || count == MOST_LINES || segment.at.nanos_since(candidate.since) >= MOST_NANOS {
            candidate.is_open = false;
            return;
        }
        candidate.segments[count] = index;
        candidate.count += 1;
        if flags.is_rst() {
            candidate.is_open = false;
            self.conclude(known, segments);
        }
    }

    /// Where this pair's candidate is, or would be.
    #[inline(always)]
    fn entry(&self, pair: &Pair) -> usize {
        let mut at = pair.sum(&self.seed) as usize % ENTRIES;
        loop {
            let known = usize::from(self.entries[at]);
            if known == 0 || self.candidates[known - 1].pair == *pair {
                return at;
            }
            at = (at + 1) % ENTRIES;
        }
    }

    #[inline]
    fn conclude(&mut self, candidate: usize, segments: &[Segment]) {
        let Candidate { segments: own, count, .. } = self.candidates[candidate];
        let own = &own[..usize::from(count)];
        let syn = &segments[usize::from(own[0])];
        if self.count == self.briefs.len() {
            let brief = Brief { young: Young::new(syn), outline: Outline::default(), likeness: 0, first: 0 };
            self.briefs.push(brief);
        }
        let brief = &mut self.briefs[self.count];
        brief.young.restart(syn);
        own[1..].iter().for_each(|index| brief.young.push(&segments[usize::from(*index)]));
        let (Some(()), Some(outline)) = (self.last.describe(&brief.young), Outline::of(&brief.young)) else { return };
        if self.likenesses.last() != Some(&self.last) {
            self.likenesses.push(self.last);
        }
        (brief.outline, brief.likeness) = (outline, self.likenesses.len() - 1);
        brief.first = usize::from(own[0]);
        self.count += 1;
        own.iter().for_each(|index| self.owners[usize::from(*index)] = self.count as u16);
    }
}
