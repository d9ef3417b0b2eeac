//! Two captures brought together: connections, resets, clocks, sides, and what became of each reset.

use core::net::IpAddr;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use super::clock::{self, Clock, difference};
use super::conclusion::Case;
use super::course::Course;
use super::fate::{Fate, Why};
use super::matching::{Way, match_resets};
use super::pairing::{Pairing, Sighted};
use super::same::{self, Same};
use super::sides::{Order, Place, Votes, is_at};
use super::tap::Tap;
use crate::capture::Timestamp;
use crate::tcp::{Endpoint, Side};

/// Resets to both ends so close to each other are one act, in nanoseconds.
const ONE_ACT: i128 = 1_000_000_000;

/// What two captures say together.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Every reset of either: those of connections that both know, in the order of the first capture's connections, then the others.
    pub pairings: Vec<Pairing>,
    /// Connections that both know.
    pub connections: u64,
    /// Those that bear other addresses or ports in the other.
    pub translated: u64,
    /// Those with other sequence numbers in the other.
    pub renumbered: u64,
    /// How the clocks stand to each other; `None` if no segment was found in both.
    pub clock: Option<Clock>,
    /// Where each capture stands, in how many connections.
    pub places: [Vec<(Place, u64)>; 2],
}

/// Resets by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// In both, unchanged.
    pub arrived: u64,
    /// Only near the sender.
    pub lost: u64,
    /// Only near the victim.
    pub never_sent: u64,
    /// In both, changed.
    pub changed: u64,
    /// Not to be told.
    pub not_comparable: u64,
}

impl Tally {
    /// The sums over these.
    pub fn of<'a>(pairings: impl IntoIterator<Item = &'a Pairing>) -> Tally {
        let mut tally = Tally::default();
        for pairing in pairings {
            *match pairing.fate {
                Fate::Arrived => &mut tally.arrived,
                Fate::Lost => &mut tally.lost,
                Fate::NeverSent => &mut tally.never_sent,
                Fate::Changed(_) => &mut tally.changed,
                Fate::NotComparable(_) => &mut tally.not_comparable,
            } += 1;
        }
        tally
    }

    /// All of them.
    pub fn resets(&self) -> u64 {
        self.arrived + self.lost + self.never_sent + self.changed + self.not_comparable
    }
}

/// Brings two captures together.
pub fn compare(first: &Tap, second: &Tap) -> Comparison {
    let taps = [first, second];
    let all = same::find(&first.courses, &second.courses);
    let by_course = taps.map(Lists::of);
    let mut met: Vec<Met> = all.into_iter().map(|same| Met::of(same, taps, &by_course)).collect();
    let mut votes = Votes::default();
    for met in &met {
        let [one, other] = met.courses(taps);
        votes.note(&met.same, one, other, met.refusal(taps));
    }
    let mut evidence = Joint::default();
    for met in &mut met {
        let [one, other] = met.courses(taps);
        met.order = votes.order(&met.same, one, other);
        met.place(taps);
        evidence.note(met, taps);
    }
    let judge = Judge { taps, clock: evidence.bounds.clock(), span: evidence.span, seen: taps.map(senders) };
    let mut pairings: Vec<Pairing> = met.iter().flat_map(|met| judge.pairings(met)).collect();
    pairings.extend(judge.strangers(&met));
    let count = |is: fn(&Met) -> bool| met.iter().filter(|met| is(met)).count() as u64;
    Comparison {
        pairings,
        connections: met.len() as u64,
        translated: count(|met| met.same.translated),
        renumbered: count(|met| met.same.shift != [0, 0]),
        clock: judge.clock,
        places: [0, 1].map(|tap| places(&met, tap)),
    }
}

fn places(met: &[Met], tap: usize) -> Vec<(Place, u64)> {
    let all = [Place::Originator, Place::Responder, Place::Between, Place::Unclear];
    let count = |place: Place| met.iter().filter(|met| met.places[tap] == place).count() as u64;
    all.into_iter().map(|place| (place, count(place))).filter(|(_, count)| *count > 0).collect()
}

/// The addresses that sent something that a capture has.
fn senders(tap: &Tap) -> HashSet<IpAddr, FixedState> {
    let ends = tap.courses.iter().flat_map(|course| [0, 1].map(|end| (course, end)));
    let sent = ends.filter(|(course, end)| course.sent[*end].segments > 0 || course.listed[*end] > 0);
    sent.map(|(course, end)| course.ends[end].addr).collect()
}

/// The resets of each connection of a capture: places in its list.
struct Lists {
    order: Vec<u32>,
    begins: Vec<u32>,
}

impl Lists {
    fn of(tap: &Tap) -> Lists {
        let mut order: Vec<u32> = (0..tap.resets.len() as u32).collect();
        order.sort_by_key(|place| tap.resets[*place as usize].course);
        let mut begins = vec![0; tap.courses.len() + 1];
        for sighted in &tap.resets {
            begins[sighted.course as usize + 1] += 1;
        }
        let mut sum = 0;
        for begin in &mut begins {
            sum += *begin;
            *begin = sum;
        }
        Lists { order, begins }
    }

    fn of_end<'a>(&self, tap: &'a Tap, course: u32, end: usize) -> Vec<&'a Sighted> {
        let range = self.begins[course as usize] as usize..self.begins[course as usize + 1] as usize;
        let all = self.order[range].iter().map(|place| &tap.resets[*place as usize]);
        all.filter(|sighted| usize::from(sighted.end) == end).collect()
    }
}

/// A connection that both captures know, with its resets brought together.
struct Met {
    same: Same,
    /// By end, as the first capture has them.
    resets: [Vec<[Option<Sighted>; 2]>; 2],
    order: Option<Order>,
    places: [Place; 2],
    ways: [Way; 2],
}

impl Met {
    fn of(same: Same, taps: [&Tap; 2], lists: &[Lists; 2]) -> Met {
        let courses = [0, 1].map(|tap| &taps[tap].courses[same.courses[tap] as usize]);
        let ways = [0, 1].map(|end| {
            let ttls = [0, 1].map(|tap: usize| courses[tap].sent[same.end(tap, end)].ttl());
            Way::of(&same, end, ttls)
        });
        let resets = [0, 1].map(|end: usize| {
            let of = |tap: usize| lists[tap].of_end(taps[tap], same.courses[tap], same.end(tap, end));
            let (one, other) = (of(0), of(1));
            let pairs = match_resets(&one, &other, &ways[end]);
            let pairs = pairs.into_iter().map(|[a, b]| [a.map(|a| *one[a]), b.map(|b| *other[b])]);
            pairs.collect()
        });
        Met { same, resets, order: None, places: [Place::Unclear; 2], ways }
    }

    fn courses<'a>(&self, taps: [&'a Tap; 2]) -> [&'a Course; 2] {
        [0, 1].map(|tap| &taps[tap].courses[self.same.courses[tap] as usize])
    }

    /// The refusal of its SYN, where both have it: the time in the second less that in the first.
    fn refusal(&self, taps: [&Tap; 2]) -> Option<i64> {
        if (0..2).any(|tap| self.courses(taps)[tap].sent[self.same.end(tap, 1)].segments > 0) {
            return None;
        }
        self.resets[1]
            .iter()
            .find_map(|[one, other]| Some(difference(one.as_ref()?.segment.at, other.as_ref()?.segment.at)))
    }

    fn place(&mut self, taps: [&Tap; 2]) {
        let Some(order) = self.order else { return };
        let courses = self.courses(taps);
        for end in [0, 1] {
            let tap = order.near(end);
            let at = is_at(courses[tap], self.same.end(tap, end));
            self.places[tap] = if at { self.role(end) } else { Place::Between };
        }
    }

    /// The place at the end at this place in the first capture.
    fn role(&self, end: usize) -> Place {
        if end == self.same.opener { Place::Originator } else { Place::Responder }
    }

    /// Times of the same segment in both, with the end that sent it.
    fn moments(&self, taps: [&Tap; 2]) -> Vec<(usize, [Timestamp; 2])> {
        let [one, other] = self.courses(taps);
        let mut moments = Vec::new();
        for end in [0, 1] {
            let (own, others) = (&one.sent[end], &other.sent[self.same.end(1, end)]);
            let marks = [(own.syn, others.syn), (own.fin, others.fin)];
            let marks = marks.into_iter().filter_map(|(own, others)| Some((end, [own?.at, others?.at])));
            moments.extend(marks);
            let resets = self.resets[end].iter().filter_map(|[own, others]| Some((own.as_ref()?, others.as_ref()?)));
            let whole = resets.filter(|(own, others)| self.ways[end].changes(own, others).is_empty());
            moments.extend(whole.map(|(own, others)| (end, [own.segment.at, others.segment.at])));
        }
        moments
    }
}

/// What all connections say together.
#[derive(Default)]
struct Joint {
    bounds: clock::Bounds,
    /// From the first to the last segment that both have, by the clock of each.
    span: Option<[(Timestamp, Timestamp); 2]>,
}

impl Joint {
    fn note(&mut self, met: &Met, taps: [&Tap; 2]) {
        for (end, at) in met.moments(taps) {
            let course = match met.order.map(|order| order.near(end)) {
                Some(0) => clock::Course::ToSecond,
                Some(_) => clock::Course::ToFirst,
                None => clock::Course::Unclear,
            };
            self.bounds.note(course, difference(at[0], at[1]));
            let span = self.span.unwrap_or(at.map(|at| (at, at)));
            self.span = Some([0, 1].map(|tap| (span[tap].0.min(at[tap]), span[tap].1.max(at[tap]))));
        }
    }
}

/// Says what became of each reset.
struct Judge<'a> {
    taps: [&'a Tap; 2],
    clock: Option<Clock>,
    span: Option<[(Timestamp, Timestamp); 2]>,
    seen: [HashSet<IpAddr, FixedState>; 2],
}

impl Judge<'_> {
    /// Whether the other capture surely covers this time of capture `tap`; why not, if not.
    fn uncovered(&self, tap: usize, at: Timestamp) -> Option<Why> {
        if self.span.is_some_and(|span| span[tap].0 <= at && at <= span[tap].1) {
            return None;
        }
        let cover = &self.taps[1 - tap].cover;
        let (from, to) = match self.clock {
            Some(clock) => clock.elsewhere(tap, at),
            None => return Some(Why::NotCovered),
        };
        if cover.holds(from, to) {
            None
        } else if cover.is_damaged && cover.ends_before(to) {
            Some(Why::Damaged)
        } else {
            Some(Why::NotCovered)
        }
    }

    fn fate(&self, met: &Met, end: usize, seen: &[Option<Sighted>; 2]) -> Fate {
        let (tap, sighted) = match seen {
            [Some(one), Some(other)] => {
                let changes = met.ways[end].changes(one, other);
                return if changes.is_empty() { Fate::Arrived } else { Fate::Changed(changes) };
            }
            [Some(one), None] => (0, one),
            [None, Some(other)] => (1, other),
            [None, None] => return Fate::NotComparable(Why::UnknownConnection),
        };
        match self.incomparable(met, end, tap, sighted) {
            Some(why) => Fate::NotComparable(why),
            None if met.order.is_some_and(|order| order.near(end) == tap) => Fate::Lost,
            None => Fate::NeverSent,
        }
    }

    /// Why it can't be told that the other capture would have this reset, if it can't.
    fn incomparable(&self, met: &Met, end: usize, tap: usize, sighted: &Sighted) -> Option<Why> {
        let other = 1 - tap;
        let courses = met.courses(self.taps);
        let (here, there) = (courses[tap], courses[other]);
        let (own, others) = (met.same.end(tap, end), met.same.end(other, end));
        if there.unlisted[others] > 0 {
            return Some(Why::TooMany);
        }
        let Some(order) = met.order else { return Some(Why::SidesUnclear) };
        if let Some(why) = self.uncovered(tap, sighted.segment.at) {
            return Some(why);
        }
        if self.taps[other].cover.unreadable > 0 {
            return Some(Why::SnapLength);
        }
        if there.sent[others].segments == 0 && !self.seen[other].contains(&there.ends[others].addr) {
            return Some(Why::OneDirection);
        }
        let shift = if tap == 0 { met.same.shift[end] } else { met.same.shift[end].wrapping_neg() };
        let further = here.sent[own].next.zip(there.sent[others].next);
        // What is missing near the sender was missed; what is missing near the victim may have been lost.
        let near_sender = order.near(end) == other;
        let behind = near_sender && further.is_some_and(|(here, there)| (here + shift).distance_from(there) > 0);
        (behind || there.misses(others, near_sender)).then_some(Why::Gaps)
    }

    fn pairings(&self, met: &Met) -> Vec<Pairing> {
        let fates = [0, 1].map(|end: usize| {
            let fates = met.resets[end].iter().map(|seen| self.fate(met, end, seen));
            fates.collect::<Vec<Fate>>()
        });
        let mut pairings = Vec::new();
        for end in [0, 1] {
            for (place, seen) in met.resets[end].iter().enumerate() {
                let fate = &fates[end][place];
                let other_way = self.other_way(met, end, seen, fate, &fates);
                pairings.push(self.pairing(met, end, *seen, fate.clone(), other_way));
            }
        }
        pairings.sort_by_key(|pairing| pairing.any().map(|sighted| sighted.segment.frame));
        pairings
    }

    /// The frame of a reset to the other end, at about the same time, that was never sent either.
    fn other_way(
        &self,
        met: &Met,
        end: usize,
        seen: &[Option<Sighted>; 2],
        fate: &Fate,
        fates: &[Vec<Fate>; 2],
    ) -> Option<u64> {
        let (clock, order) = (self.clock?, met.order?);
        let tap = order.near(1 - end);
        let own = seen[tap].filter(|_| *fate == Fate::NeverSent)?;
        let (from, to) = clock.elsewhere(tap, own.segment.at);
        let others = met.resets[1 - end].iter().zip(&fates[1 - end]);
        let others = others.filter(|(_, fate)| **fate == Fate::NeverSent).filter_map(|(seen, _)| seen[1 - tap]);
        let near = |at: Timestamp| (from - ONE_ACT..=to + ONE_ACT).contains(&i128::from(at.0));
        others.into_iter().find(|other| near(other.segment.at)).map(|other| other.segment.frame)
    }

    fn pairing(
        &self,
        met: &Met,
        end: usize,
        seen: [Option<Sighted>; 2],
        fate: Fate,
        other_way: Option<u64>,
    ) -> Pairing {
        let near_sender = met.order.map(|order| order.near(end));
        let conclusion = near_sender.and_then(|near| {
            let courses = met.courses(self.taps);
            let far = 1 - near;
            let usual = courses[far].sent[met.same.end(far, end)].ttl();
            let arrived = seen[far].map(|sighted| sighted.segment.ip.ttl);
            let owns = seen.map(|sighted| sighted.and_then(|sighted| sighted.own));
            let by_place = if end == met.same.opener { Side::Originator } else { Side::Responder };
            let case = Case {
                fate: &fate,
                by: owns[near].or(owns[far]).map_or(by_place, |own| own.by),
                owns,
                frames: seen.map(|sighted| sighted.map(|sighted| sighted.segment.frame)),
                near,
                is_at_sender: met.places[near] == met.role(end),
                first_frame: courses[near].first_frame,
                other_way,
                strange_ttl: usual.zip(arrived).is_some_and(|(usual, arrived)| usual != arrived),
            };
            case.conclude()
        });
        let (translated, renumbered) = (met.same.translated, met.same.shift != [0, 0]);
        Pairing { seen, fate, places: met.places, near_sender, translated, renumbered, conclusion }
    }

    /// The resets of connections that only one capture knows.
    fn strangers(&self, met: &[Met]) -> Vec<Pairing> {
        let mut pairings = Vec::new();
        for tap in [0, 1] {
            let known: HashSet<u32, FixedState> = met.iter().map(|met| met.same.courses[tap]).collect();
            let services = self.services(met, tap);
            for sighted in self.taps[tap].resets.iter().filter(|sighted| !known.contains(&sighted.course)) {
                let course = &self.taps[tap].courses[sighted.course as usize];
                let service = services.get(&course.ends[1]).filter(|_| self.is_refusal_elsewhere(tap, course, sighted));
                pairings.push(match service {
                    Some(met) => self.refusal(met, tap, sighted),
                    None => self.stranger(tap, sighted),
                });
            }
        }
        pairings
    }

    /// Endpoints that were asked, in capture `tap`, of which the other is known to lie nearer; each with one connection.
    fn services<'b>(&self, met: &'b [Met], tap: usize) -> HashMap<Endpoint, &'b Met, FixedState> {
        let near = |met: &Met| met.order.is_some_and(|order| order.near(1) != tap);
        let known = |met: &Met| !met.same.turned && met.courses(self.taps).iter().all(|course| course.knows_roles());
        let mut services: HashMap<Endpoint, &Met, FixedState> = HashMap::default();
        for met in met.iter().filter(|met| !met.same.translated && known(met) && near(met)) {
            let service = services.entry(met.courses(self.taps)[tap].ends[1]).or_insert(met);
            // Rather one that shows the other capture at that end.
            if met.places[1 - tap] == Place::Responder {
                *service = met;
            }
        }
        services
    }

    /// Whether a reset refuses a SYN that the other capture, which would have it, doesn't have: then it never came so far.
    fn is_refusal_elsewhere(&self, tap: usize, course: &Course, sighted: &Sighted) -> bool {
        let other = self.taps[1 - tap];
        let refused = sighted.end == 1 && course.sent[0].syn.is_some() && course.sent[1].segments == 0;
        let is_known = self.seen[1 - tap].contains(&course.ends[0].addr);
        let whole = other.untracked() == 0 && other.cover.unreadable == 0;
        refused && is_known && whole && self.uncovered(tap, sighted.segment.at).is_none()
    }

    fn refusal(&self, met: &Met, tap: usize, sighted: &Sighted) -> Pairing {
        let mut seen = [None, None];
        seen[tap] = Some(*sighted);
        self.pairing(met, 1, seen, Fate::NeverSent, None)
    }

    fn stranger(&self, tap: usize, sighted: &Sighted) -> Pairing {
        let too_many = self.taps[1 - tap].untracked() > 0;
        let why = if too_many { Why::TooMany } else { Why::UnknownConnection };
        let mut seen = [None, None];
        seen[tap] = Some(*sighted);
        Pairing {
            seen,
            fate: Fate::NotComparable(why),
            places: [Place::Unclear; 2],
            near_sender: None,
            translated: false,
            renumbered: false,
            conclusion: None,
        }
    }
}
