//! Connections that look the same are judged once.
//!
//! A likeness is everything that a card, or the decision on the sender, can see of a young connection that ends with its reset:
//! its segments with their numbers relative to each other, their headers, and what was known of its service. What it leaves out
//! decides nothing: addresses, ports, the absolute numbers, and the times within ten milliseconds, which is less than any time
//! that a judgement rests on but a round trip. That counts from two milliseconds on, so all before the reset lies within these. A
//! connection that takes longer has no likeness and is judged by itself.

use core::hash::BuildHasher;
use core::num::NonZeroU32;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::radar::Stage;
use super::verdict::Verdict;
use crate::capture::Timestamp;
use crate::flow::zeek::{Line, MOST_LINES, Young};
use crate::reset::{Harm, Progress, REORDERING_NANOS, Service, Shape, Who};
use crate::tcp::Side;

/// Longer than this, and times begin to count.
pub(super) const MOST_NANOS: u64 = 10_000_000;

/// From here on half a round trip may be more than a reset took.
const LONG_TRIP: u64 = 2_000_000;

/// A service that answered so recently is still there.
const RECENT_NANOS: u64 = 1_000_000_000;

/// IP ids further apart than this have only a leap between them.
pub(super) const NEAR_IDS: u16 = 256;

/// The most likenesses that are remembered.
const MOST_TEMPLATES: usize = 1_024;

/// The words that a segment takes.
const LINE_WORDS: usize = 3;

/// What the segments of a connection look like.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Likeness {
    words: [[u64; LINE_WORDS]; MOST_LINES],
    count: usize,
}

impl PartialEq for Likeness {
    #[inline]
    fn eq(&self, other: &Likeness) -> bool {
        self.words() == other.words()
    }
}

/// A likeness whose template is known for this word of the service.
pub(super) type Known = Option<(u64, TemplateId)>;

/// The number of a template, from 1: so that an `Option` of it is one word, which is written and read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TemplateId(NonZeroU32);

impl TemplateId {
    fn of(place: u32) -> TemplateId {
        TemplateId(NonZeroU32::MIN.saturating_add(place))
    }

    #[inline(always)]
    fn place(self) -> usize {
        self.0.get() as usize - 1
    }

    pub(super) fn number(self) -> u32 {
        self.0.get()
    }
}

/// What was concluded of the first connection of a likeness.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    pub(super) segments: u64,
    pub(super) who: Who,
    pub(super) by: Side,
    pub(super) shape: Shape,
    pub(super) progress: Progress,
    pub(super) stage: Stage,
    pub(super) harm: Harm,
    pub(super) verdict: Verdict,
    /// One side has closed by Zeek's rules.
    pub(super) has_closed: bool,
    /// The input whose connections are told by its pattern, where that was learned.
    pub(super) told_in: Option<u16>,
}

/// All that a template is found by: the likeness, and a word for what was known of the service.
type Key = (Likeness, u64);

/// The templates of all likenesses seen.
#[derive(Debug)]
pub(super) struct Templates {
    seed: u64,
    places: HashTable<u32>,
    templates: Vec<(Key, Template)>,
    /// The one that was found last: in a storm it is the next one too.
    last: u32,
}

impl Default for Templates {
    fn default() -> Templates {
        let seed = RandomState::default().hash_one(0);
        Templates { seed, places: HashTable::new(), templates: Vec::new(), last: 0 }
    }
}

impl Templates {
    #[inline]
    pub(super) fn find(&mut self, likeness: &Likeness, service: u64) -> Option<TemplateId> {
        let is_it = |place: u32| {
            let (known, then) = &self.templates[place as usize].0;
            *then == service && known == likeness
        };
        if self.templates.is_empty() || !is_it(self.last) {
            let place = self.places.find(fold(self.seed, likeness, service), |place| is_it(*place))?;
            self.last = *place;
        }
        Some(TemplateId::of(self.last))
    }

    pub(super) fn at(&self, id: TemplateId) -> &Template {
        &self.templates[id.place()].1
    }

    pub(super) fn at_mut(&mut self, id: TemplateId) -> &mut Template {
        &mut self.templates[id.place()].1
    }

    /// Says where the template is, if it is a new one.
    pub(super) fn learn(&mut self, likeness: &Likeness, service: u64, template: Template) -> Option<TemplateId> {
        if self.templates.len() < MOST_TEMPLATES && self.find(likeness, service).is_none() {
            let (place, seed) = (self.templates.len() as u32, self.seed);
            self.templates.push(((*likeness, service), template));
            let again = |place: &u32| {
                let (likeness, service) = &self.templates[*place as usize].0;
                fold(seed, likeness, *service)
            };
            self.places.insert_unique(fold(seed, likeness, service), place, again);
            return Some(TemplateId::of(place));
        }
        None
    }
}

/// Folded only: hashing each word would cost more than all else that is done to find a template. Folding begins with a number
/// that senders don't know, since the words are theirs to choose.
#[inline(always)]
fn fold(seed: u64, likeness: &Likeness, service: u64) -> u64 {
    let fold = |sum: u64, word: &u64| (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    likeness.words().as_flattened().iter().fold(fold(seed, &service), fold)
}

impl Likeness {
    /// What a young connection looks like whose last segment is its reset. None where that can't be said in a few words.
    pub(super) fn of(young: &Young) -> Option<Likeness> {
        let [first, second] = young.ends();
        let mut likeness = Likeness::default();
        (first != second).then(|| likeness.describe(young)).flatten().map(|()| likeness)
    }

    /// Becomes what this connection, of two different ends, looks like.
    #[inline]
    pub(super) fn describe(&mut self, young: &Young) -> Option<()> {
        let (first, [.., before, last]) = (young.lines().first()?, young.lines()) else { return None };
        let opens = first.flags().is_syn() && !first.flags().is_ack();
        let is_quick = before.after() < LONG_TRIP && last.after() < MOST_NANOS;
        if !opens || !is_quick {
            return None;
        }
        self.count = young.lines().len();
        let mut ends = [End::default(); 2];
        let (mut before, mut is_mixed) = (0, false);
        for (line, words) in young.lines().iter().zip(&mut self.words) {
            let late = line.after().saturating_sub(before) > REORDERING_NANOS;
            before = line.after();
            is_mixed |= line.is_of_other_input();
            *words = describe(line, late, &mut ends);
        }
        // Which came first is asked by their frames, and of several captures these are in another order.
        (!is_mixed).then_some(())
    }

    fn words(&self) -> &[[u64; LINE_WORDS]] {
        &self.words[..self.count]
    }
}

/// What is known of the service at the time of the reset, in a word. None where that may decide by its value.
#[inline]
pub(super) fn describe_service(service: &Service, now: Timestamp) -> Option<u64> {
    let recent = now.nanos_since(service.answered_at) < RECENT_NANOS;
    let ttl = service.answered.map_or(0, |(_, ttl)| 1 + u64::from(ttl));
    let round_trip = match service.round_trip {
        None => 0,
        Some(trip) if trip < LONG_TRIP => 1,
        Some(_) => return None,
    };
    Some(u64::from(service.open.min(8)) << 32 | ttl << 8 | u64::from(recent) << 2 | round_trip)
}

/// What was seen of one end so far.
#[derive(Clone, Copy, Default)]
struct End {
    /// The number that its others are told against; 0 until it is known.
    base: u32,
    is_placed: bool,
    /// Its next id is told against this one.
    last_id: Option<u16>,
    last_timestamp: Option<u32>,
}

impl End {
    #[inline(always)]
    fn place(&mut self, base: u32) {
        if !self.is_placed {
            (self.base, self.is_placed) = (base, true);
        }
    }
}

/// What decides of a segment.
#[inline(always)]
fn describe(line: &Line, late: bool, ends: &mut [End; 2]) -> [u64; LINE_WORDS] {
    let [first, second] = ends;
    // Either way the compiler knows of both where they are.
    if line.sender() == 0 {
        describe_between(line, late, first, second)
    } else {
        describe_between(line, late, second, first)
    }
}

#[inline(always)]
fn describe_between(line: &Line, late: bool, own: &mut End, other: &mut End) -> [u64; LINE_WORDS] {
    let flags = line.flags();
    let (own_id, timestamp) = (line.id(), line.timestamp());
    let (last_id, last_timestamp) = (own.last_id, own.last_timestamp);
    if !flags.is_rst() {
        own.place(line.seq.0);
        if flags.is_ack() {
            other.place(line.ack.0.wrapping_sub(1));
        }
        // After a SYN-ACK, which has none, an id follows nothing.
        own.last_id = own_id.filter(|_| !(flags.is_syn() && flags.is_ack()));
        own.last_timestamp = timestamp.or(last_timestamp);
    }
    let ack = if flags.is_ack() { line.ack.0.wrapping_sub(other.base) } else { line.ack.0 };
    let numbers = u64::from(line.seq.0.wrapping_sub(own.base)) << 32 | u64::from(ack);
    let id = own_id.map_or(0, |id| {
        let step = last_id.map_or(0, |last| 1 + u64::from(id.wrapping_sub(last).min(NEAR_IDS)));
        u64::from(id == 0) | step << 1
    });
    let order = match (timestamp, last_timestamp) {
        (Some(now), Some(last)) => 1 + u64::from((now.wrapping_sub(last) as i32) < 0),
        _ => 0,
    };
    let zeros = u64::from(line.seq.0 == 0) << 1 | u64::from(line.ack.0 == 0) << 2;
    let rest = u64::from(line.payload_len) << 32 | order << 3 | zeros | u64::from(late);
    [numbers, line.header() | id << 48, rest]
}
