//! The engine: follows connections, observes resets when they come, judges them when their connections end.

use super::desk::Desk;
use super::kept::Kept;
use super::record::Record;
use super::selection::Selection;
use super::summary::Summary;
use crate::capture::Timestamp;
use crate::flow::zeek::{self, TrackedTable};
use crate::reset::Translated;
use crate::reset::payload::Carried;
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

/// What is known of a segment beside itself.
#[derive(Clone, Debug, Default)]
pub struct Aside {
    /// Its checksum.
    pub checksum: Checksum,
    /// What it carried, if it is a reset.
    pub carried: Option<Carried>,
}

/// Explains the resets in a stream of segments.
#[derive(Debug)]
pub struct Explainer {
    table: TrackedTable<Kept>,
    desk: Desk,
}

impl Explainer {
    /// An explainer that tells of the connections that `selection` takes.
    pub fn new(limits: Limits, selection: Selection) -> Explainer {
        let mut desk = Desk::default();
        desk.selection = selection;
        Explainer { table: TrackedTable::new(zeek::Limits { max_connections: limits.max_flows }), desk }
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
    pub fn push(&mut self, segment: &Segment, aside: Option<&Aside>, ended: &mut impl FnMut(&mut Record)) {
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

    /// Looks ahead at segments that come next. It changes nothing but how fast these are taken.
    pub fn look_ahead(&self, segments: &[Segment]) {
        self.table.look_ahead(segments);
    }

    /// Lets go of what has been silent for too long at `now`, where nothing comes in.
    pub fn expire(&mut self, now: Timestamp, ended: &mut impl FnMut(&mut Record)) {
        let desk = &mut self.desk;
        self.table.pass(now, &mut |gone| desk.close(gone, ended));
    }

    /// Hands over all connections that are left, and says what all of them show together.
    pub fn finish(mut self, ended: &mut impl FnMut(&mut Record)) -> Summary {
        let desk = &mut self.desk;
        desk.finishing = true;
        self.table.end(&mut |gone| desk.close(gone, ended));
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
        let peer = self.desk.memory.opened_by(reset.source).filter(|peer| *peer != reset.destination)?;
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
