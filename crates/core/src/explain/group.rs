//! Resets that are alike, as one thing: how many, over what time, against whom, after what silence.

use core::net::IpAddr;

use crate::capture::Timestamp;
use crate::causes::{CATALOGUE, CauseId, GroupFacts, Opinion, Recogniser};
use crate::reset::{EarlierEnd, Finding, Grounds, Harm, Progress, Shape, Who};
use crate::tcp::{Endpoint, Side};

use super::likeness::Template;
use super::record::{GroupId, Judged, Record};

/// What makes resets alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GroupKey {
    /// Who sent them.
    pub who: Who,
    /// Whose addresses they bear.
    pub by: Side,
    /// The address and port that was asked; without the port, 0, where SYNs were refused, so that a scan is one group.
    pub service: Endpoint,
    /// What they look like.
    pub shape: Shape,
    /// How far their connections had come.
    pub progress: Progress,
    /// Why.
    pub cause: Option<CauseId>,
    /// How sure that is.
    pub finding: Option<Finding>,
}

/// Resets that are alike.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its number.
    pub id: GroupId,
    /// What makes them alike.
    pub key: GroupKey,
    /// How many.
    pub count: u64,
    /// When the first came, and the last.
    pub span: [Timestamp; 2],
    /// The frames of these two.
    pub frames: [u64; 2],
    /// How many of them did harm.
    pub harmful: u64,
    /// The first of them, with its connection.
    pub example: Box<Record>,
    victims: Few,
    ports: Few,
    silences: Silences,
    open_then: [u32; 2],
    rate: Rate,
}

/// What is counted of one reset.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counted {
    pub(super) at: Timestamp,
    pub(super) frame: u64,
    pub(super) victim: IpAddr,
    /// The port of its connection's responder.
    pub(super) port: u16,
    pub(super) harm: Harm,
    /// The silence before it, in nanoseconds.
    pub(super) silence: u64,
    /// Other connections of the service that were open.
    pub(super) open: u32,
}

/// A few different things; how many more there were isn't known.
#[derive(Clone, Debug, Default)]
struct Few {
    known: Vec<u128>,
    more: bool,
}

/// How long it had been silent before each.
#[derive(Clone, Debug, Default)]
struct Silences {
    least: Option<u64>,
    most: u64,
    /// By steps of 5 %, from a tenth of a second on.
    buckets: Vec<u32>,
    short: u64,
}

/// Resets a second. They are counted when their connections end, which is not quite the order in which they came.
#[derive(Clone, Copy, Debug, Default)]
struct Rate {
    seconds: [(u64, u64); SECONDS],
    most: u64,
}

/// Seconds that are counted at once: connections end at most some 300 s apart, by Zeek's rules, and mostly within ten.
const SECONDS: usize = 16;

const MOST_KNOWN: usize = 16;
const LEAST_SILENCE: u64 = 100_000_000;
const STEP: f64 = 1.05;
/// Some 30 years.
const MOST_BUCKETS: usize = 480;

impl GroupKey {
    /// The key of a judged reset of this record.
    pub fn of(judged: &Judged, record: &Record) -> GroupKey {
        let (reset, verdict) = (&judged.reset, &judged.verdict);
        // A connection that was let go in a long silence begins anew with whoever breaks that.
        let before = reset.neighbours.earlier.filter(|earlier| earlier.end == EarlierEnd::Silent);
        let (by, service) = match before.map(|earlier| earlier.sender) {
            Some(Side::Responder) => (Side::Responder, reset.segment.source),
            Some(Side::Originator) => (Side::Originator, reset.segment.destination),
            None => (reset.by, record.connection.responder),
        };
        GroupKey {
            who: reset.sender.who,
            by,
            service: told_apart(service, reset.facts.shape, reset.facts.progress),
            shape: reset.facts.shape,
            progress: reset.facts.progress,
            cause: verdict.cause(),
            finding: verdict.finding(),
        }
    }
}

impl GroupKey {
    /// The key of another reset like this, at this service.
    pub(super) fn like(template: &Template, service: Endpoint) -> GroupKey {
        GroupKey {
            who: template.who,
            by: template.by,
            service: told_apart(service, template.shape, template.progress),
            shape: template.shape,
            progress: template.progress,
            cause: template.verdict.cause(),
            finding: template.verdict.finding(),
        }
    }
}

/// The service as far as groups tell it apart: without its port where a SYN was refused.
fn told_apart(service: Endpoint, shape: Shape, progress: Progress) -> Endpoint {
    let refused = shape == Shape::Refusal && progress <= Progress::Opening;
    if refused { Endpoint::new(service.addr, 0) } else { service }
}

impl Group {
    /// The group that begins with this reset.
    pub(super) fn begin(id: GroupId, key: GroupKey, judged: &Judged, record: &Record) -> Group {
        let (at, frame) = (judged.reset.segment.at, judged.reset.segment.frame);
        let open = judged.reset.neighbours.service.open;
        let mut example = record.clone();
        example.resets = vec![judged.clone()];
        Group {
            id,
            key,
            count: 0,
            span: [at; 2],
            frames: [frame; 2],
            harmful: 0,
            example: Box::new(example),
            victims: Few::default(),
            ports: Few::default(),
            silences: Silences::default(),
            open_then: [open; 2],
            rate: Rate::default(),
        }
    }

    /// Counts one.
    pub(super) fn count(&mut self, one: &Counted) {
        let Counted { at, frame, .. } = *one;
        self.count += 1;
        self.harmful += u64::from(one.harm.is_harmful());
        // They are counted in the order in which their connections end, which is another.
        if at < self.span[0] {
            (self.span[0], self.frames[0]) = (at, frame);
        }
        if at >= self.span[1] {
            (self.span[1], self.frames[1]) = (at, frame);
        }
        let victim = match one.victim {
            IpAddr::V4(addr) => u128::from(addr.to_bits()),
            IpAddr::V6(addr) => addr.to_bits(),
        };
        self.victims.note(victim);
        self.ports.note(u128::from(one.port));
        self.silences.note(one.silence);
        self.open_then = [self.open_then[0].min(one.open), self.open_then[1].max(one.open)];
        self.rate.note(at);
    }

    /// What a card for groups sees of it. `unharmed` is the number of its service's connections that were never reset.
    pub fn facts(&self, unharmed: u64) -> GroupFacts {
        GroupFacts {
            shape: self.key.shape,
            progress: self.key.progress,
            cause: self.key.cause,
            count: self.count,
            span: self.span[1].nanos_since(self.span[0]),
            most_a_second: self.rate.most,
            victims: self.victims.at_least(),
            ports: self.ports.at_least(),
            silence: self.silences.summary(self.count),
            open_then: self.open_then,
            unharmed,
            frames: self.frames,
        }
    }

    /// Different victims' addresses, and whether there were more.
    pub fn victims(&self) -> (u64, bool) {
        (self.victims.at_least(), self.victims.more)
    }

    /// Different ports of the responder, and whether there were more.
    pub fn ports(&self) -> (u64, bool) {
        (self.ports.at_least(), self.ports.more)
    }

    /// What the cards for groups say of it: causes that name its occasion, the surest first.
    pub fn occasions(&self, unharmed: u64) -> Vec<(CauseId, Finding, Grounds)> {
        let facts = self.facts(unharmed);
        let mut occasions: Vec<(CauseId, Finding, Grounds)> = CATALOGUE
            .iter()
            .filter_map(|card| match card.recognise {
                Recogniser::Group(recognise) | Recogniser::Both(_, recognise) => match recognise(&facts) {
                    Opinion::For(finding, grounds) => Some((card.id, finding, grounds)),
                    _ => None,
                },
                Recogniser::Reset(_) => None,
            })
            .collect();
        occasions.sort_unstable_by(|one, other| other.1.cmp(&one.1).then(one.0.cmp(&other.0)));
        occasions
    }
}

impl Few {
    fn note(&mut self, one: u128) {
        if self.known.first() == Some(&one) || self.known.contains(&one) {
            return;
        }
        if self.known.len() < MOST_KNOWN { self.known.push(one) } else { self.more = true }
    }

    fn at_least(&self) -> u64 {
        self.known.len() as u64 + u64::from(self.more)
    }
}

impl Silences {
    fn note(&mut self, nanos: u64) {
        self.least = Some(self.least.map_or(nanos, |least| least.min(nanos)));
        self.most = self.most.max(nanos);
        if nanos < LEAST_SILENCE {
            self.short += 1;
            return;
        }
        let bucket = ((nanos as f64 / LEAST_SILENCE as f64).ln() / STEP.ln()) as usize;
        let bucket = bucket.min(MOST_BUCKETS - 1);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] = self.buckets[bucket].saturating_add(1);
    }

    fn summary(&self, count: u64) -> Option<[u64; 3]> {
        if self.short > 0 {
            return None;
        }
        let mut left = count / 2;
        let bucket = self.buckets.iter().position(|inside| {
            let reached = left < u64::from(*inside);
            left = left.saturating_sub(u64::from(*inside));
            reached
        })?;
        let median = LEAST_SILENCE as f64 * STEP.powf(bucket as f64 + 0.5);
        Some([self.least?, (median as u64).clamp(self.least?, self.most), self.most])
    }
}

impl Rate {
    fn note(&mut self, at: Timestamp) {
        let second = at.0 / 1_000_000_000;
        let (known, count) = &mut self.seconds[second as usize % SECONDS];
        if *known != second {
            (*known, *count) = (second, 0);
        }
        *count += 1;
        self.most = self.most.max(*count);
    }
}
