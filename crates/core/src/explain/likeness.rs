//! Connections that look the same are judged once, where only sums are asked for.
//!
//! A likeness is everything that a card, or the decision on the sender, can see of a young connection that ends with its reset:
//! its segments with their numbers relative to each other, their headers, and what was known of its service. What it leaves out
//! decides nothing: addresses, ports, the absolute numbers, and the times within two milliseconds, which is less than any time
//! that a judgement rests on. A connection that takes longer has no likeness and is judged by itself.

use core::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::radar::Stage;
use super::verdict::Verdict;
use crate::capture::Timestamp;
use crate::flow::zeek::{Line, Young};
use crate::reset::{Harm, Progress, REORDERING_NANOS, Service, Shape, Who};
use crate::tcp::Side;

/// Longer than this, and times begin to count.
const MOST_NANOS: u64 = 2_000_000;

/// A service that answered so recently is still there.
const RECENT_NANOS: u64 = 1_000_000_000;

/// IP ids further apart than this have only a leap between them.
const NEAR_IDS: u16 = 256;

/// The most likenesses that are remembered.
const MOST_TEMPLATES: usize = 1_024;

/// The most words that a likeness takes: three for each segment, and one for the service.
const MOST_WORDS: usize = 19;

/// What a connection looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Likeness {
    words: [u64; MOST_WORDS],
    count: usize,
}

/// The number of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TemplateId(u32);

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
}

/// The templates of all likenesses seen.
#[derive(Debug, Default)]
pub(super) struct Templates {
    hasher: RandomState,
    places: HashTable<u32>,
    templates: Vec<(Likeness, Template)>,
}

impl Templates {
    pub(super) fn find(&self, likeness: &Likeness) -> Option<TemplateId> {
        let is_it = |place: &u32| self.templates[*place as usize].0.words() == likeness.words();
        self.places.find(self.hash(likeness), is_it).map(|place| TemplateId(*place))
    }

    pub(super) fn at(&self, id: TemplateId) -> &Template {
        &self.templates[id.0 as usize].1
    }

    pub(super) fn learn(&mut self, likeness: &Likeness, template: Template) {
        if self.templates.len() < MOST_TEMPLATES && self.find(likeness).is_none() {
            let (place, hash) = (self.templates.len() as u32, self.hash(likeness));
            self.templates.push((*likeness, template));
            let (hasher, templates) = (&self.hasher, &self.templates);
            let again = |place: &u32| hash_words(hasher, &templates[*place as usize].0);
            self.places.insert_unique(hash, place, again);
        }
    }

    fn hash(&self, likeness: &Likeness) -> u64 {
        hash_words(&self.hasher, likeness)
    }
}

fn hash_words(hasher: &RandomState, likeness: &Likeness) -> u64 {
    // Folded first: hashing each word would cost more than all else that is done to find a template. Folding begins with a number
    // that senders don't know, since the words are theirs to choose.
    let folded = likeness.words().iter().fold(hasher.hash_one(likeness.count), |sum, word| {
        (sum ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29)
    });
    hasher.hash_one(folded)
}

impl Likeness {
    /// What a young connection looks like whose last segment is its reset. None where that can't be said in a few words.
    pub(super) fn of(young: &Young, service: &Service) -> Option<Likeness> {
        let [first, second] = young.ends();
        let (lines, started) = (young.lines(), young.started());
        let opens = lines[0].flags.is_syn() && !lines[0].flags.is_ack();
        let last = lines[lines.len() - 1].at;
        if !opens || last.nanos_since(started) >= MOST_NANOS || first == second {
            return None;
        }
        let mut likeness = Likeness { words: [0; MOST_WORDS], count: 0 };
        let mut ends = [End::default(); 2];
        let mut before = started;
        for line in lines {
            let late = line.at.nanos_since(before) > REORDERING_NANOS;
            before = line.at;
            likeness.add(describe(line, late, &mut ends));
        }
        likeness.add([describe_service(service, last)?]);
        Some(likeness)
    }

    fn words(&self) -> &[u64] {
        &self.words[..self.count]
    }

    #[inline]
    fn add<const N: usize>(&mut self, words: [u64; N]) {
        self.words[self.count..self.count + N].copy_from_slice(&words);
        self.count += N;
    }
}

fn describe_service(service: &Service, now: Timestamp) -> Option<u64> {
    let recent = now.nanos_since(service.answered_at) < RECENT_NANOS;
    let ttl = service.answered.map_or(0, |(_, ttl)| 1 + u64::from(ttl));
    let round_trip = match service.round_trip {
        None => 0,
        Some(trip) if trip < MOST_NANOS => 1,
        // Half of it may be more than the reset took.
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

/// What decides of a segment.
#[inline]
fn describe(line: &Line, late: bool, ends: &mut [End; 2]) -> [u64; 3] {
    let (flags, sender) = (line.flags, line.sender());
    let mut place = |end: usize, base: u32| {
        if !ends[end].is_placed {
            ends[end].base = base;
            ends[end].is_placed = true;
        }
    };
    if !flags.is_rst() {
        place(sender, line.seq.0);
        if flags.is_ack() {
            place(1 - sender, line.ack.0.wrapping_sub(1));
        }
    }
    let other = ends[1 - sender].base;
    let own = &mut ends[sender];
    let ack = if flags.is_ack() { line.ack.0.wrapping_sub(other) } else { line.ack.0 };
    let numbers = u64::from(line.seq.0.wrapping_sub(own.base)) << 32 | u64::from(ack);
    let id = line.id().map_or(0, |id| {
        let step = own.last_id.map_or(0, |last| 1 + u64::from(id.wrapping_sub(last).min(NEAR_IDS)));
        1 | u64::from(id == 0) << 1 | step << 2
    });
    let order = match (line.timestamp(), own.last_timestamp) {
        (None, _) => 0,
        (Some(_), None) => 1,
        (Some(now), Some(last)) => 2 + u64::from((now.wrapping_sub(last) as i32) < 0),
    };
    let zeros = u64::from(line.seq.0 == 0) << 1 | u64::from(line.ack.0 == 0) << 2;
    let bits = u64::from(late) | zeros | u64::from(line.header_bits()) << 3;
    let header = u64::from(flags.0) << 56 | u64::from(line.ttl) << 48 | u64::from(line.tos) << 40;
    if !flags.is_rst() {
        // After a SYN-ACK, which has none, an id follows nothing.
        own.last_id = line.id().filter(|_| !(flags.is_syn() && flags.is_ack()));
        own.last_timestamp = line.timestamp().or(own.last_timestamp);
    }
    let sizes = u64::from(line.window) << 33 | u64::from(line.payload_len) << 1 | sender as u64;
    [numbers, header | id << 16 | order << 8 | bits, sizes]
}
