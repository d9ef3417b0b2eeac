//! The engine: follows connections, observes resets when they come, judges them when their connections end.

use super::aside::Aside;
use super::brief::{Brief, Briefs, Kind, Part};
use super::desk::{Desk, Seen};
use super::ended::Ended;
use super::kept::Kept;
use super::likeness::Known;
use super::selection::Selection;
use super::standing::{Standing, Visit};
use super::summary::Summary;
use crate::capture::Timestamp;
use crate::flow::Place;
use crate::flow::pair::Pair;
use crate::flow::zeek::{self, TrackedTable};
use crate::reset::Translated;
use crate::tcp::{Checksum, Segment};

/// A number this near is the same connection's: 64 KiB, a window without scaling.
const NEAR: u32 = 1 << 16;

/// What bounds an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most connections that are followed at once. One takes half a kilobyte while it is young, a kilobyte more once it has
    /// more than six segments, and another for each of its resets that is listed.
    pub max_flows: usize,
}

impl Default for Limits {
    /// 131,072 connections.
    fn default() -> Limits {
        Limits { max_flows: 1 << 17 }
    }
}

/// Explains the resets in a stream of segments.
#[derive(Debug)]
pub struct Explainer {
    table: TrackedTable<Kept>,
    desk: Desk,
    /// The brief connections of a batch that have begun.
    begun: Vec<Option<Begun>>,
    /// What is known of the likenesses of a batch.
    known: Vec<Known>,
}

/// A brief connection that has begun.
#[derive(Clone, Copy, Debug)]
struct Begun {
    place: Place,
    visit: Visit,
}

impl Explainer {
    /// An explainer that tells of the connections that `selection` takes.
    pub fn new(limits: Limits, selection: Selection) -> Explainer {
        let mut desk = Desk::default();
        desk.selection = selection;
        let table = TrackedTable::new(zeek::Limits { max_connections: limits.max_flows });
        Explainer { table, desk, begun: Vec::new(), known: Vec::new() }
    }

    /// An explainer of which only the summary is wanted: it judges connections that look the same once, and hands over no more
    /// records than it needs itself.
    pub fn of_sums(limits: Limits) -> Explainer {
        let mut explainer = Explainer::new(limits, Selection::default());
        explainer.desk.summing = true;
        explainer
    }

    /// Takes the next segment. Connections that end by it, or by the time that has passed, go to `ended`, which may exchange the
    /// record for another whose room is used again.
    pub fn push(&mut self, segment: &Segment, aside: Option<&Aside>, ended: &mut impl Ended) {
        let checksum = aside.map_or(Checksum::NotChecked, |aside| aside.checksum);
        let is_reset = segment.flags.is_rst();
        let translated = if is_reset && !segment.flags.is_ack() { self.translated(segment) } else { None };
        let desk = &mut self.desk;
        let tracked = self.table.push(segment, checksum, &mut |gone| desk.close(gone, ended));
        if checksum == Checksum::Bad {
            return;
        }
        if is_reset {
            let carried = aside.and_then(|aside| aside.carried.clone());
            desk.observe(tracked, segment, carried, translated);
        } else {
            desk.note(tracked, segment);
        }
    }

    /// Takes a batch of segments, as [`Explainer::push`] would one after the other. `asides` tells of single ones, by their index,
    /// in ascending order. `briefs` are those that were found in it; with none it takes longer and comes to the same.
    pub fn take(&mut self, segments: &[Segment], asides: &[(usize, Aside)], briefs: &Briefs, ended: &mut impl Ended) {
        // Where one may be let go for want of room, it must have all its segments by then.
        let takes_briefs = !briefs.is_empty() && self.table.has_room_for(segments.len());
        self.begun.clear();
        self.begun.resize(if takes_briefs { briefs.numbers() } else { 0 }, None);
        self.known.clear();
        self.known.resize(briefs.likenesses(), None);
        let mut asides = asides.iter().peekable();
        for (index, segment) in segments.iter().enumerate() {
            let is_taken = briefs.part(index).is_some_and(|part| {
                if let Some(pairs) = briefs.begin_from(part) {
                    self.table.look_ahead(pairs);
                }
                takes_briefs && self.push_brief(briefs, part, segment, ended)
            });
            if !is_taken {
                let aside = asides.next_if(|(place, _)| *place == index).map(|(_, aside)| aside);
                self.push(segment, aside, ended);
            }
        }
    }

    /// Takes a segment of a brief connection, unless it is of one whose SYN began none. Of the segment itself only what is rare looks.
    #[inline(always)]
    fn push_brief(&mut self, briefs: &Briefs, part: &Part, segment: &Segment, ended: &mut impl Ended) -> bool {
        let Some((number, brief)) = briefs.of(part) else { return false };
        if part.kind == Kind::First {
            self.begin_brief(number, briefs.pair(number), brief, segment, ended);
            return true;
        }
        let (desk, table) = (&mut self.desk, &mut self.table);
        let Some(Begun { place, visit }) = &mut self.begun[number] else { return false };
        table.pass_until(part.at, &mut |gone| desk.close(gone, ended));
        if let Kind::Middle { line } = part.kind {
            desk.pass_brief(visit, brief, line, part.effect);
            return true;
        }
        let likeness = (briefs.likeness(brief.likeness), &mut self.known[brief.likeness as usize]);
        let seen = desk.observe_brief(visit, segment, brief, part.at, likeness);
        let closing = seen.as_ref().and_then(|seen| seen.closing);
        // What is written here won't be read soon. It comes last: whoever reads what was just written waits for all before it.
        let tracked = table.complete(*place, &brief.young, part.at, closing);
        let standing = Standing { visit: *visit, opening: brief.opening };
        match seen {
            Some(Seen { service, like, has_closed, .. }) => {
                tracked.kept.settle(standing, desk.services.state(service), like, has_closed);
            }
            None => {
                tracked.kept.standing = standing;
                desk.observe_noted(tracked, segment, None, None);
            }
        }
        true
    }

    /// Takes the SYN of a brief connection. What ends by it, if that looked like another one, needn't be looked at again.
    #[inline(always)]
    fn begin_brief(&mut self, number: usize, pair: &Pair, brief: &Brief, syn: &Segment, ended: &mut impl Ended) {
        let (desk, table) = (&mut self.desk, &mut self.table);
        let (at, [first, second]) = (brief.young.started(), brief.young.ends());
        table.pass_until(at, &mut |gone| desk.close(gone, ended));
        let replaced = table.begin_anew(pair, at, |alike, gone, reset_at| {
            let ends = alike.outline.ends([first, second], brief.outline.first_is_lesser);
            match alike.has_closed {
                false => false,
                true if desk.summing => desk.count_alike(alike, pair, ends, reset_at),
                true => desk.tell_alike(alike, pair, ends, gone, ended),
            }
        });
        let (place, begins) = match replaced {
            Some(place) => (place, true),
            None => table.begin(syn, &mut |gone| desk.close(gone, ended)),
        };
        if !begins {
            desk.note(table.tracked(place), syn);
            return;
        }
        self.begun[number] = Some(Begun { place, visit: Visit::default() });
        desk.memory.note_opening(first, second);
    }

    /// Lets go of what has been silent for too long at `now`, where nothing comes in.
    pub fn expire(&mut self, now: Timestamp, ended: &mut impl Ended) {
        let desk = &mut self.desk;
        self.table.pass(now, &mut |gone| desk.close(gone, ended));
    }

    /// Hands over all connections that are left, and says what all of them show together.
    pub fn finish(mut self, ended: &mut impl Ended) -> Summary {
        let desk = &mut self.desk;
        desk.finishing = true;
        self.table.end(&mut |gone| desk.close(gone, ended));
        desk.end_rows();
        let (groups, ungrouped) = self.desk.groups.into_parts();
        Summary {
            tally: self.desk.tally,
            services: self.desk.services.into_list(),
            groups,
            ungrouped,
            evicted: self.table.evicted(),
        }
    }

    /// The same connection under another address: one that the reset's sender opened from this port, with the same numbers.
    fn translated(&self, reset: &Segment) -> Option<Translated> {
        let peer = self.desk.memory.opened_by(&reset.source).filter(|peer| *peer != reset.destination)?;
        let known = self.table.between(reset.source, peer)?;
        let next = match (known.young(), &known.kept.detail) {
            (Some(young), _) => young.next()[usize::from(reset.source != young.ends()[0])],
            (None, Some(detail)) => detail.trail.sender(reset.source).next,
            (None, None) => None,
        }?;
        let near = reset.seq.distance_from(next).unsigned_abs() <= NEAR;
        near.then_some(Translated { peer, first_frame: known.first_frame() })
    }
}
