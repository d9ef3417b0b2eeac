//! Connections that look the same are judged once, where only sums are asked for.
//!
//! A likeness is everything that a card, or the decision on the sender, can see of a young connection that ends with its reset:
//! its segments with their numbers relative to each other, their headers, and what was known of its service. What it leaves out
//! decides nothing: addresses, ports, the absolute numbers, and the times within two milliseconds, which is less than any time
//! that a judgement rests on. A connection that takes longer has no likeness and is judged by itself.

use core::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use super::radar::Stage;
use super::verdict::Verdict;
use crate::flow::zeek::Young;
use crate::reset::{Harm, Progress, REORDERING_NANOS, Service, Shape, Who};
use crate::tcp::{Segment, SeqNumber, Side};

/// Longer than this, and times begin to count.
const MOST_NANOS: u64 = 2_000_000;

/// A service that answered so recently is still there.
const RECENT_NANOS: u64 = 1_000_000_000;

/// IP ids further apart than this have only a leap between them.
const NEAR_IDS: u16 = 256;

/// The most likenesses that are remembered.
const MOST_TEMPLATES: usize = 1_024;

/// What a connection looks like: two sums over it, so that no two different ones are taken for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Likeness([u64; 2]);

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
#[derive(Debug)]
pub(super) struct Templates {
    hashers: [RandomState; 2],
    places: HashTable<(Likeness, u32)>,
    templates: Vec<Template>,
}

impl Default for Templates {
    fn default() -> Templates {
        Templates {
            hashers: [RandomState::default(), RandomState::default()],
            places: HashTable::new(),
            templates: Vec::new(),
        }
    }
}

impl Templates {
    /// The likeness of a young connection whose last segment is its reset.
    pub(super) fn likeness(&self, young: &Young, service: &Service) -> Option<Likeness> {
        let mut sums = self.hashers.each_ref().map(BuildHasher::build_hasher);
        let mut write = |word: u64| {
            for sum in &mut sums {
                sum.write_u64(word);
            }
        };
        describe(young, service, &mut write)?;
        Some(Likeness(sums.map(|sum| sum.finish())))
    }

    pub(super) fn find(&self, likeness: Likeness) -> Option<TemplateId> {
        let found = self.places.find(likeness.0[0], |(known, _)| *known == likeness);
        found.map(|(_, place)| TemplateId(*place))
    }

    pub(super) fn at(&self, id: TemplateId) -> &Template {
        &self.templates[id.0 as usize]
    }

    pub(super) fn learn(&mut self, likeness: Likeness, template: Template) {
        if self.templates.len() < MOST_TEMPLATES && self.find(likeness).is_none() {
            let place = self.templates.len() as u32;
            self.templates.push(template);
            self.places.insert_unique(likeness.0[0], (likeness, place), |(known, _)| known.0[0]);
        }
    }
}

/// What was seen of one end so far.
#[derive(Clone, Copy, Default)]
struct End {
    base: Option<SeqNumber>,
    last_id: Option<u16>,
    last_timestamp: Option<u32>,
    answered: bool,
}

/// Writes what decides. None where it can't be told in a few words.
fn describe(young: &Young, service: &Service, write: &mut impl FnMut(u64)) -> Option<()> {
    let [first, second] = young.ends();
    let started = young.started();
    let mut ends = [End::default(); 2];
    let mut before = started;
    for (place, segment) in young.segments().enumerate() {
        let opens = segment.flags.is_syn() && !segment.flags.is_ack();
        if segment.at.nanos_since(started) >= MOST_NANOS || (place == 0 && !opens) || first == second {
            return None;
        }
        let sender = usize::from(segment.source == second);
        let late = segment.at.nanos_since(before) > REORDERING_NANOS;
        before = segment.at;
        describe_segment(&segment, sender, late, &mut ends, write);
    }
    let recent = before.nanos_since(service.answered_at) < RECENT_NANOS;
    let ttl = service.answered.map_or(0, |(_, ttl)| 1 + u64::from(ttl));
    let round_trip = match service.round_trip {
        None => 0,
        Some(trip) if trip < MOST_NANOS => 1,
        // Half of it may be more than the reset took.
        Some(_) => return None,
    };
    write(u64::from(service.open.min(8)) << 32 | ttl << 8 | u64::from(recent) << 2 | round_trip);
    Some(())
}

fn describe_segment(segment: &Segment, sender: usize, late: bool, ends: &mut [End; 2], write: &mut impl FnMut(u64)) {
    let flags = segment.flags;
    if !flags.is_rst() {
        ends[sender].base.get_or_insert(segment.seq);
        if flags.is_ack() {
            ends[1 - sender].base.get_or_insert(segment.ack + u32::MAX);
        }
    }
    let relative = |number: SeqNumber, end: &End| match end.base {
        Some(base) => number.distance_from(base) as u32,
        None => number.0,
    };
    let (own, other) = (ends[sender], ends[1 - sender]);
    let ack = if flags.is_ack() { relative(segment.ack, &other) } else { segment.ack.0 };
    write(u64::from(relative(segment.seq, &own)) << 32 | u64::from(ack));
    let id = segment.ip.id.map_or(0, |id| {
        let zero = u64::from(id == 0);
        // After a SYN-ACK, which has none, an id follows nothing.
        let step = own.last_id.filter(|_| !own.answered).map(|last| id.wrapping_sub(last).min(NEAR_IDS));
        1 | zero << 1 | step.map_or(0, |step| 1 + u64::from(step)) << 2
    });
    let order = match (segment.timestamp_value, own.last_timestamp) {
        (None, _) => 0,
        (Some(_), None) => 1,
        (Some(now), Some(last)) => 2 + u64::from((now.wrapping_sub(last) as i32) < 0),
    };
    let zeros = u64::from(segment.seq.0 == 0) | u64::from(segment.ack.0 == 0) << 1;
    let bits = u64::from(segment.ip.dont_fragment) | u64::from(segment.cut) << 1 | u64::from(late) << 2 | zeros << 3;
    write(
        u64::from(flags.0) << 56
            | u64::from(segment.ip.ttl) << 48
            | u64::from(segment.ip.tos) << 40
            | id << 16
            | order << 8
            | bits,
    );
    write(u64::from(segment.window) << 33 | u64::from(segment.payload_len) << 1 | sender as u64);
    let end = &mut ends[sender];
    end.answered = flags.is_syn() && flags.is_ack();
    if !flags.is_rst() {
        end.last_id = segment.ip.id;
        end.last_timestamp = segment.timestamp_value.or(end.last_timestamp);
    }
}
