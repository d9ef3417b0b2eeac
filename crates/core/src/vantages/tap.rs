//! One capture, kept as compact facts: a line for each connection and each reset, up to a bound.

use core::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::course::Course;
use super::cover::Cover;
use super::pairing::Sighted;
use crate::explain::{Aside, Record, Verdict};
use crate::reset::{Finding, Harm, Who};
use crate::tcp::{Checksum, FlowKey, Segment, Side};

/// The resets of one end of one connection that are listed: they are matched each with each.
const MOST_OF_ONE_END: u16 = 256;

/// What bounds a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The most connections that are remembered; one takes a third of a kilobyte.
    pub connections: usize,
    /// The most resets that are; one takes a third of a kilobyte.
    pub resets: usize,
}

impl Default for Bounds {
    /// 131,072 connections and as many resets.
    fn default() -> Bounds {
        Bounds { connections: 1 << 17, resets: 1 << 17 }
    }
}

/// What is said of a reset by its own capture alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Own {
    /// The side whose addresses it bears.
    pub by: Side,
    /// Who sent it.
    pub who: Who,
    /// How sure that is.
    pub finding: Finding,
    /// Why.
    pub verdict: Verdict,
    /// What it cost.
    pub harm: Harm,
}

/// One capture of two.
#[derive(Debug, Default)]
pub struct Tap {
    bounds: Bounds,
    pub(super) courses: Vec<Course>,
    latest: HashMap<FlowKey, u32, FixedState>,
    /// In the order of their frames.
    pub(super) resets: Vec<Sighted>,
    pub(super) cover: Cover,
    unlisted: u64,
    untracked: u64,
}

impl Tap {
    /// An empty one.
    pub fn new(bounds: Bounds) -> Tap {
        Tap { bounds, ..Tap::default() }
    }

    /// Takes the next segment of the capture.
    pub fn push(&mut self, segment: &Segment, aside: Option<&Aside>) {
        if aside.is_some_and(|aside| aside.checksum == Checksum::Bad) {
            return;
        }
        let Some(number) = self.course_of(segment) else {
            self.untracked += 1;
            self.unlisted += u64::from(segment.flags.is_rst());
            return;
        };
        let course = &mut self.courses[number as usize];
        if !segment.flags.is_rst() {
            course.note(segment);
            return;
        }
        let end = course.place(segment.source);
        if course.listed[end] >= MOST_OF_ONE_END || self.resets.len() >= self.bounds.resets {
            course.unlisted[end] = course.unlisted[end].saturating_add(1);
            self.unlisted += 1;
            return;
        }
        course.listed[end] += 1;
        let carried = aside.and_then(|aside| aside.carried.as_ref());
        let digest = carried.map_or(0, |carried| FixedState::default().hash_one(carried));
        self.resets.push(Sighted { segment: *segment, own: None, course: number, end: end as u8, digest });
    }

    /// Takes what is said of a connection of this capture by itself. Its resets were pushed before.
    pub fn note(&mut self, record: &Record) {
        for judged in &record.resets {
            let reset = &judged.reset;
            let frame = reset.segment.frame;
            let Ok(place) = self.resets.binary_search_by_key(&frame, |sighted| sighted.segment.frame) else { continue };
            let sender = &reset.sender;
            let own = Own {
                by: reset.by,
                who: sender.who,
                finding: sender.finding,
                verdict: judged.verdict,
                harm: reset.harm,
            };
            self.resets[place].own = Some(own);
        }
    }

    /// Says what the capture covers, when all of it has been taken.
    pub fn end(&mut self, cover: Cover) {
        self.cover = cover;
        self.latest = HashMap::default();
    }

    /// What the capture covers.
    pub fn cover(&self) -> Cover {
        self.cover
    }

    /// Resets that aren't listed, since there were too many.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// Segments of connections that aren't remembered, since there were too many.
    pub fn untracked(&self) -> u64 {
        self.untracked
    }

    /// Connections that are remembered.
    pub fn connections(&self) -> usize {
        self.courses.len()
    }

    fn course_of(&mut self, segment: &Segment) -> Option<u32> {
        let key = FlowKey::new(segment.source, segment.destination);
        let known = self.latest.get(&key).copied();
        let known = known.filter(|number| !self.courses[*number as usize].is_over(segment));
        if known.is_some() {
            return known;
        }
        let number = u32::try_from(self.courses.len()).ok().filter(|_| self.courses.len() < self.bounds.connections);
        match number {
            Some(number) => {
                self.courses.push(Course::new(segment));
                self.latest.insert(key, number);
            }
            // What follows would be counted to the one before.
            None => drop(self.latest.remove(&key)),
        }
        number
    }
}

#[cfg(test)]
mod tests {
    use super::{Course, Sighted};

    #[test]
    fn what_is_remembered_is_as_small_as_it_is_said_to_be() {
        assert!(size_of::<Course>() <= 352, "{}", size_of::<Course>());
        assert!(size_of::<Sighted>() <= 352, "{}", size_of::<Sighted>());
    }
}
